# VPC 10.0.0.0/16: in each of two zones a public subnet (load balancer; programs where egress is public) and a private one (database,
# Redis, Kafka). A NAT gateway costs more than all the rest, so there is none.

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "zones" {
  description = "Two zones."
  type        = list(string)
}

variable "active_zone" {
  description = "Which of them is in use where one is."
  type        = string
}

variable "egress" {
  description = "public or nat_instance."
  type        = string
}

variable "region" {
  description = "For the endpoint of S3."
  type        = string
}

locals {
  public  = { for index, zone in var.zones : zone => "10.0.${index + 1}.0/24" }
  private = { for index, zone in var.zones : zone => "10.0.${(index + 1) * 10}.0/24" }
  nat     = var.egress == "nat_instance" ? 1 : 0
}

resource "aws_vpc" "this" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = "${var.name}-vpc" }
}

# Whoever forgets to name a security group gets one that allows nothing.
resource "aws_default_security_group" "nothing" {
  vpc_id = aws_vpc.this.id
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_subnet" "public" {
  for_each          = local.public
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = { Name = "${var.name}-public-${each.key}" }
}

resource "aws_subnet" "private" {
  for_each          = local.private
  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value
  tags              = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  for_each       = aws_subnet.public
  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  for_each       = aws_subnet.private
  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}

# Posters and image layers come from S3 without leaving AWS, at no price.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.public.id, aws_route_table.private.id]
}

data "aws_ssm_parameter" "amazon_linux" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

resource "aws_security_group" "nat" {
  count       = local.nat
  name        = "${var.name}-nat"
  description = "NAT instance"
  vpc_id      = aws_vpc.this.id

  ingress {
    description = "from the private subnets, to HTTPS only"
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = values(local.private)
  }

  egress {
    description = "HTTPS to anywhere"
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_instance" "nat" {
  count                       = local.nat
  ami                         = data.aws_ssm_parameter.amazon_linux.value
  instance_type               = "t3.nano"
  subnet_id                   = aws_subnet.public[var.active_zone].id
  vpc_security_group_ids      = [aws_security_group.nat[0].id]
  associate_public_ip_address = true
  # It passes on what is not addressed to it.
  source_dest_check = false
  ebs_optimized     = true

  metadata_options {
    http_tokens = "required"
  }

  root_block_device {
    encrypted = true
  }

  user_data = <<-SCRIPT
    #!/bin/bash
    set -euo pipefail
    dnf install -y iptables-services
    echo 'net.ipv4.ip_forward = 1' > /etc/sysctl.d/90-nat.conf
    sysctl --system
    iptables -t nat -A POSTROUTING -s 10.0.0.0/16 -j MASQUERADE
    iptables -F FORWARD
    service iptables save
    systemctl enable --now iptables
  SCRIPT

  tags = { Name = "${var.name}-nat" }

  lifecycle {
    # A newer image is no reason to cut the connections of all.
    ignore_changes = [ami]
  }
}

resource "aws_route" "nat" {
  count                  = local.nat
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  network_interface_id   = aws_instance.nat[0].primary_network_interface_id
}

output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "public_subnets" {
  description = "Ids, in the order of the zones."
  value       = [for zone in var.zones : aws_subnet.public[zone].id]
}

output "private_subnets" {
  description = "Ids, in the order of the zones."
  value       = [for zone in var.zones : aws_subnet.private[zone].id]
}

output "program_subnets" {
  description = "Where the programs lie."
  value       = var.egress == "public" ? [for zone in var.zones : aws_subnet.public[zone].id] : [for zone in var.zones : aws_subnet.private[zone].id]
}

output "amazon_linux" {
  description = "Image of instances."
  value       = data.aws_ssm_parameter.amazon_linux.value
}

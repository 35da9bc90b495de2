# Kafka: one or three brokers on EC2 (KRaft, no ZooKeeper), or MSK, which costs as much as all the rest several times over.

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "kind" {
  description = "ec2 or msk."
  type        = string
}

variable "brokers" {
  description = "1 or 3 on EC2."
  type        = number
}

variable "instance_type" {
  description = "Of a broker on EC2."
  type        = string
}

variable "image" {
  description = "Amazon Linux 2023."
  type        = string
}

variable "subnets" {
  description = "Where brokers lie, in turn; they fetch Kafka's image, so they need the way out."
  type        = list(string)
}

variable "security_group" {
  description = "Of the brokers."
  type        = string
}

variable "zone_id" {
  description = "Private zone in which brokers have names."
  type        = string
}

variable "zone_name" {
  description = "Its name."
  type        = string
}

variable "public_address" {
  description = "Whether brokers need an address of their own for the way out; nothing may call it."
  type        = bool
}

locals {
  on_ec2 = var.kind == "ec2" ? var.brokers : 0
  names  = [for index in range(local.on_ec2) : "kafka-${index + 1}.${var.zone_name}"]
  voters = join(",", [for index, host in local.names : "${index + 1}@${host}:9093"])
  copies = var.brokers == 3 ? 3 : 1
  quorum = var.brokers == 3 ? 2 : 1
}

data "aws_subnet" "of_broker" {
  count = local.on_ec2
  id    = var.subnets[count.index % length(var.subnets)]
}

# The messages outlive the instance.
resource "aws_ebs_volume" "data" {
  count             = local.on_ec2
  availability_zone = data.aws_subnet.of_broker[count.index].availability_zone
  type              = "gp3"
  size              = 100
  encrypted         = true
  tags              = { Name = "${var.name}-kafka-${count.index + 1}" }

  lifecycle {
    prevent_destroy = true
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "broker" {
  count              = local.on_ec2 > 0 ? 1 : 0
  name               = "${var.name}-kafka"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

# A shell by Session Manager instead of SSH: no port, no key.
resource "aws_iam_role_policy_attachment" "session_manager" {
  count      = local.on_ec2 > 0 ? 1 : 0
  role       = aws_iam_role.broker[0].name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "broker" {
  count = local.on_ec2 > 0 ? 1 : 0
  name  = "${var.name}-kafka"
  role  = aws_iam_role.broker[0].name
}

resource "aws_instance" "broker" {
  count                       = local.on_ec2
  ami                         = var.image
  instance_type               = var.instance_type
  subnet_id                   = data.aws_subnet.of_broker[count.index].id
  vpc_security_group_ids      = [var.security_group]
  iam_instance_profile        = aws_iam_instance_profile.broker[0].name
  associate_public_ip_address = var.public_address
  ebs_optimized               = true
  monitoring                  = false

  metadata_options {
    http_tokens = "required"
  }

  root_block_device {
    encrypted = true
  }

  user_data = templatefile("${path.module}/broker.sh.tftpl", {
    id       = count.index + 1
    host     = local.names[count.index]
    voters   = local.voters
    copies   = local.copies
    quorum   = local.quorum
    volume   = aws_ebs_volume.data[count.index].id
    kafka    = "3.9.1"
    retained = 72
  })

  tags = { Name = "${var.name}-kafka-${count.index + 1}" }

  lifecycle {
    # A newer image is a planned change: one broker after the other.
    ignore_changes = [ami]
  }
}

resource "aws_volume_attachment" "data" {
  count       = local.on_ec2
  device_name = "/dev/xvdk"
  volume_id   = aws_ebs_volume.data[count.index].id
  instance_id = aws_instance.broker[count.index].id
}

resource "aws_route53_record" "broker" {
  count   = local.on_ec2
  zone_id = var.zone_id
  name    = local.names[count.index]
  type    = "A"
  ttl     = 60
  records = [aws_instance.broker[count.index].private_ip]
}

resource "aws_msk_cluster" "this" {
  count                  = var.kind == "msk" ? 1 : 0
  cluster_name           = var.name
  kafka_version          = "3.9.x"
  number_of_broker_nodes = 2

  broker_node_group_info {
    instance_type   = "kafka.t3.small"
    client_subnets  = var.subnets
    security_groups = [var.security_group]

    storage_info {
      ebs_storage_info {
        volume_size = 100
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.this[0].arn
    revision = aws_msk_configuration.this[0].latest_revision
  }

  encryption_info {
    encryption_in_transit {
      # As on EC2: the port is open to the programs' security group only, which speak plain Kafka.
      client_broker = "PLAINTEXT"
      in_cluster    = true
    }
  }
}

resource "aws_msk_configuration" "this" {
  count          = var.kind == "msk" ? 1 : 0
  name           = var.name
  kafka_versions = ["3.9.x"]

  server_properties = <<-PROPERTIES
    auto.create.topics.enable = false
    default.replication.factor = 2
    min.insync.replicas = 1
    num.partitions = 3
  PROPERTIES
}

output "brokers" {
  description = "KAFKA_BROKERS."
  value       = var.kind == "msk" ? aws_msk_cluster.this[0].bootstrap_brokers : join(",", [for host in local.names : "${host}:9092"])
}

# Who may call whom. Nothing is allowed that stands not here:
#
#   anywhere ─80,443→ alb ─8080→ backend ─8081-8085→ backend
#                                backend ─8080→ backend (the agent that reads the gateways' metrics)
#                                backend ─5432→ database, ─6379→ redis, ─9092→ kafka, ─443→ anywhere
#                                kafka ─9092,9093→ kafka

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

locals {
  groups = {
    alb      = "load balancer"
    backend  = "gateway and services"
    database = "PostgreSQL"
    redis    = "Redis"
    kafka    = "Kafka"
  }

  public_ports = { http = 80, https = 443 }

  # from, to, first port, last port
  inside = {
    alb_to_gateway      = ["alb", "backend", 8080, 8080]
    service_to_service  = ["backend", "backend", 8081, 8085]
    agent_to_gateway    = ["backend", "backend", 8080, 8080]
    backend_to_database = ["backend", "database", 5432, 5432]
    backend_to_redis    = ["backend", "redis", 6379, 6379]
    backend_to_kafka    = ["backend", "kafka", 9092, 9092]
    broker_to_broker    = ["kafka", "kafka", 9092, 9093]
  }
}

resource "aws_security_group" "this" {
  for_each    = local.groups
  name        = "${var.name}-${each.key}"
  description = each.value
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "public" {
  for_each          = local.public_ports
  security_group_id = aws_security_group.this["alb"].id
  description       = "${each.key} from anywhere"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_ingress_rule" "inside" {
  for_each                     = local.inside
  security_group_id            = aws_security_group.this[each.value[1]].id
  description                  = replace(each.key, "_", " ")
  ip_protocol                  = "tcp"
  from_port                    = each.value[2]
  to_port                      = each.value[3]
  referenced_security_group_id = aws_security_group.this[each.value[0]].id
}

resource "aws_vpc_security_group_egress_rule" "inside" {
  for_each                     = local.inside
  security_group_id            = aws_security_group.this[each.value[0]].id
  description                  = replace(each.key, "_", " ")
  ip_protocol                  = "tcp"
  from_port                    = each.value[2]
  to_port                      = each.value[3]
  referenced_security_group_id = aws_security_group.this[each.value[1]].id
}

# PortOne, reCAPTCHA, Kakao, Naver, Google, and AWS itself; brokers fetch their image and parameters.
resource "aws_vpc_security_group_egress_rule" "https" {
  for_each          = toset(["backend", "kafka"])
  security_group_id = aws_security_group.this[each.key].id
  description       = "HTTPS to anywhere"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

output "ids" {
  description = "alb, backend, database, redis, kafka."
  value       = { for name, group in aws_security_group.this : name => group.id }
}

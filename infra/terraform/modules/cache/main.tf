# Redis 7: waiting lines, holds, tokens, limits. It must never evict; what a loss costs stands in docs/queue.md.

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "subnets" {
  description = "Private subnets in two zones."
  type        = list(string)
}

variable "security_group" {
  description = "Of Redis."
  type        = string
}

variable "node_type" {
  description = "ElastiCache node."
  type        = string
}

variable "multi_az" {
  description = "With a replica that takes over."
  type        = bool
}

resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnets
}

resource "aws_elasticache_parameter_group" "this" {
  name   = "${var.name}-redis7"
  family = "redis7"

  # A hold that vanished would let a seat be taken twice in Redis' eyes; PostgreSQL would refuse, and the buyer be annoyed.
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_elasticache_replication_group" "this" {
  replication_group_id = var.name
  description          = "waiting lines, holds, tokens, limits"
  engine               = "redis"
  engine_version       = "7.1"
  node_type            = var.node_type
  port                 = 6379
  parameter_group_name = aws_elasticache_parameter_group.this.name
  subnet_group_name    = aws_elasticache_subnet_group.this.name
  security_group_ids   = [var.security_group]

  num_cache_clusters         = var.multi_az ? 2 : 1
  automatic_failover_enabled = var.multi_az
  multi_az_enabled           = var.multi_az

  at_rest_encryption_enabled = true
  # The programs speak plain RESP; only their security group reaches the port.
  transit_encryption_enabled = false
  snapshot_retention_limit   = 0
  auto_minor_version_upgrade = true
  maintenance_window         = "sun:19:30-sun:20:30"
}

output "address" {
  description = "Host of the primary."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}

output "node_ids" {
  description = "For alarms."
  value       = aws_elasticache_replication_group.this.member_clusters
}

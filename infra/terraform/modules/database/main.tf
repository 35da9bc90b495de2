# PostgreSQL 18 for all services: a schema and a login of its own for each. The master's password is made and rotated by RDS and
# stands neither here nor in the state.

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "subnets" {
  description = "Private subnets in two zones."
  type        = list(string)
}

variable "security_group" {
  description = "Of the database."
  type        = string
}

variable "database" {
  description = "Class, storage, backups."
  type        = object({ class = string, storage_gb = number, backup_days = number })
}

variable "log_days" {
  description = "How long its log is kept."
  type        = number
}

variable "zone" {
  description = "Where it lies without a standby."
  type        = string
}

variable "multi_az" {
  description = "With a standby in the other zone."
  type        = bool
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnets
}

resource "aws_db_parameter_group" "this" {
  name   = "${var.name}-postgres18"
  family = "postgres18"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  # What takes longer than this has a missing index.
  parameter {
    name  = "log_min_duration_statement"
    value = "500"
  }

  # The statement is enough; what it was asked with is personal data, or a secret.
  parameter {
    name  = "log_parameter_max_length"
    value = "0"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# RDS would make it itself, and keep it for ever.
resource "aws_cloudwatch_log_group" "postgresql" {
  name              = "/aws/rds/instance/${var.name}/postgresql"
  retention_in_days = var.log_days
}

resource "aws_db_instance" "this" {
  # Its log group first.
  depends_on = [aws_cloudwatch_log_group.postgresql]

  identifier     = var.name
  engine         = "postgres"
  engine_version = "18"
  instance_class = var.database.class
  db_name        = "ticketing"
  port           = 5432

  username                    = "ticketing_master"
  manage_master_user_password = true

  storage_type      = "gp3"
  allocated_storage = var.database.storage_gb
  storage_encrypted = true

  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [var.security_group]
  parameter_group_name   = aws_db_parameter_group.this.name
  publicly_accessible    = false
  multi_az               = var.multi_az
  availability_zone      = var.multi_az ? null : var.zone

  backup_retention_period   = var.database.backup_days
  backup_window             = "18:00-18:30" # 03:00 in Seoul
  maintenance_window        = "sun:19:00-sun:19:30"
  copy_tags_to_snapshot     = true
  deletion_protection       = true
  skip_final_snapshot       = false
  final_snapshot_identifier = "${var.name}-final"

  auto_minor_version_upgrade      = true
  enabled_cloudwatch_logs_exports = ["postgresql"]
  performance_insights_enabled    = false
  monitoring_interval             = 0
}

output "address" {
  description = "Host name."
  value       = aws_db_instance.this.address
}

output "identifier" {
  description = "For alarms and snapshots."
  value       = aws_db_instance.this.identifier
}

output "master_secret_arn" {
  description = "Where RDS keeps the master's password, for migrations."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

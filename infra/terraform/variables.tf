# Every default is the cheapest that works: one zone in use, one instance of each, within the free tier where there is one.

variable "region" {
  description = "AWS region."
  type        = string
  default     = "ap-northeast-2"
}

variable "environment" {
  description = "Name of this installation; part of every resource's name."
  type        = string
  default     = "prod"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,11}$", var.environment))
    error_message = "2 to 12 lower-case letters, digits and hyphens."
  }
}

variable "domain" {
  description = "The Route 53 zone, which must exist, such as example.com."
  type        = string
}

variable "api_host" {
  description = "Where the gateway is reached, such as api.example.com."
  type        = string
}

variable "front_end_origins" {
  description = "Exact origins that browsers may call the gateway from."
  type        = list(string)
  default     = ["https://ticketing.vercel.app"]
}

variable "image_tag" {
  description = "Tag of the programs' images to begin with: a commit that was built. Deployments choose later ones."
  type        = string
}

variable "deploy_role_name" {
  description = "Role of the deploying workflow, made by bootstrap/."
  type        = string
  default     = "ticket-queue-deploy"
}

variable "alarm_email" {
  description = "Who hears of alarms and of the budget."
  type        = string
}

variable "monthly_budget_usd" {
  description = "At 80 % of it, and when it is forecast to be exceeded, a mail is sent."
  type        = number
  default     = 50
}

variable "zones" {
  description = "Two zones: the load balancer and RDS demand two subnets even where one is in use."
  type        = list(string)
  default     = ["ap-northeast-2a", "ap-northeast-2b"]

  validation {
    condition     = length(var.zones) == 2
    error_message = "Exactly two zones."
  }
}

variable "active_zone" {
  description = "Which of the two holds what lies in one zone only: the first, until that one is lost (docs/backup.md). The order of `zones` never changes, because the subnets' addresses follow it."
  type        = string
  default     = null

  validation {
    condition     = var.active_zone == null || contains(var.zones, coalesce(var.active_zone, "none"))
    error_message = "One of `zones`."
  }
}

variable "multi_az" {
  description = "Everything in both zones: standby database, Redis replica, programs spread. About twice the price."
  type        = bool
  default     = false
}

variable "egress" {
  description = "How the programs reach PortOne, Google, Kakao, Naver and ECR: `public` (they lie in public subnets and nothing but the load balancer may call them) or `nat_instance` (private subnets behind a t3.nano)."
  type        = string
  default     = "public"

  validation {
    condition     = contains(["public", "nat_instance"], var.egress)
    error_message = "public or nat_instance."
  }
}

variable "compute" {
  description = "`ec2`: every program on each instance of a group of one to three. `ecs`: a Fargate service per program."
  type        = string
  default     = "ec2"

  validation {
    condition     = contains(["ec2", "ecs"], var.compute)
    error_message = "ec2 or ecs."
  }
}

variable "instance_type" {
  description = "Of the programs' instances (compute = ec2). All six need about 300 MiB at the peak of an on-sale."
  type        = string
  default     = "t3.micro"
}

variable "scale" {
  description = "Instances (ec2) or tasks per program (ecs)."
  type        = object({ min = number, max = number })
  default     = { min = 1, max = 3 }
}

variable "database" {
  description = "RDS: class, GB of gp3, days of backups."
  type        = object({ class = string, storage_gb = number, backup_days = number })
  default     = { class = "db.t3.micro", storage_gb = 20, backup_days = 1 }
}

variable "redis_node_type" {
  description = "ElastiCache node."
  type        = string
  default     = "cache.t3.micro"
}

variable "kafka" {
  description = "`ec2` (one or three brokers of our own) or `msk`."
  type        = string
  default     = "ec2"

  validation {
    condition     = contains(["ec2", "msk"], var.kafka)
    error_message = "ec2 or msk."
  }
}

variable "kafka_brokers" {
  description = "Brokers on EC2: 1, or 3 with every message on all of them."
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 3], var.kafka_brokers)
    error_message = "1 or 3."
  }
}

variable "kafka_instance_type" {
  description = "Of a broker on EC2."
  type        = string
  default     = "t3.small"
}

variable "log_retention_days" {
  description = "Logs of the event, queue and reservation service. Those of the gateway, user and payment service, which tell of access, sign-ins and money, are kept 7 days."
  type        = number
  default     = 1
}

variable "social_logins" {
  description = "Providers that are offered, by kakao, naver or google: the client id and the front end's page, as registered there. Their secrets are put by scripts/put-secrets.sh."
  type        = map(object({ client_id = string, redirect_uri = string }))
  default     = {}
}

variable "settings" {
  description = "Further variables for every program, such as ADMISSION_PER_SECOND (.env.example lists them)."
  type        = map(string)
  default     = {}
}

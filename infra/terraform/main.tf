# The whole system on AWS. programs.tf says what each program is told; each module is one part with its reasons.

data "aws_caller_identity" "this" {}

locals {
  name        = "ticket-queue-${var.environment}"
  active_zone = coalesce(var.active_zone, var.zones[0])

  # The subnets in use: of both zones, or of the active one.
  program_subnets = var.multi_az ? module.network.program_subnets : [module.network.program_subnets[index(var.zones, local.active_zone)]]
}

module "network" {
  source      = "./modules/network"
  name        = local.name
  zones       = var.zones
  active_zone = local.active_zone
  egress      = var.egress
  region      = var.region
}

module "security" {
  source = "./modules/security"
  name   = local.name
  vpc_id = module.network.vpc_id
}

module "database" {
  source         = "./modules/database"
  name           = local.name
  subnets        = module.network.private_subnets
  security_group = module.security.ids["database"]
  database       = var.database
  log_days       = 7
  zone           = local.active_zone
  multi_az       = var.multi_az
}

module "cache" {
  source         = "./modules/cache"
  name           = local.name
  subnets        = module.network.private_subnets
  security_group = module.security.ids["redis"]
  node_type      = var.redis_node_type
  multi_az       = var.multi_az
}

# Names for what has no name of its own.
resource "aws_route53_zone" "internal" {
  name = "${local.name}.internal"

  vpc {
    vpc_id = module.network.vpc_id
  }
}

module "kafka" {
  source         = "./modules/kafka"
  name           = local.name
  kind           = var.kafka
  brokers        = var.kafka_brokers
  instance_type  = var.kafka_instance_type
  image          = module.network.amazon_linux
  subnets        = var.kafka == "msk" ? module.network.private_subnets : local.program_subnets
  security_group = module.security.ids["kafka"]
  zone_id        = aws_route53_zone.internal.zone_id
  zone_name      = aws_route53_zone.internal.name
  public_address = var.egress == "public"
}

module "storage" {
  source   = "./modules/storage"
  name     = local.name
  account  = data.aws_caller_identity.this.account_id
  programs = toset(concat(keys(local.ports), ["ticketctl"]))
}

module "parameters" {
  source = "./modules/parameters"
  prefix = local.parameter_prefix
  names  = local.secret_names

  first_release = var.image_tag
}

module "load_balancer" {
  source         = "./modules/load_balancer"
  name           = local.name
  domain         = var.domain
  api_host       = var.api_host
  vpc_id         = module.network.vpc_id
  subnets        = module.network.public_subnets
  security_group = module.security.ids["alb"]
  target_type    = var.compute == "ec2" ? "instance" : "ip"
}

module "watch" {
  source             = "./modules/watch"
  name               = local.name
  region             = var.region
  programs           = local.log_days
  scrape_targets     = { for name, port in local.ports : name => { host = local.hosts[name], port = port } }
  found_by_name      = var.compute == "ecs"
  alarm_email        = var.alarm_email
  monthly_budget_usd = var.monthly_budget_usd
  load_balancer      = module.load_balancer.arn_suffix
  database           = module.database.identifier
  redis_nodes        = module.cache.node_ids
}

module "programs_on_ec2" {
  count               = var.compute == "ec2" ? 1 : 0
  source              = "./modules/programs_on_ec2"
  name                = local.name
  region              = var.region
  programs            = local.programs
  operator            = local.operator
  release             = module.parameters.release.name
  image               = module.network.amazon_linux
  instance_type       = var.instance_type
  subnets             = local.program_subnets
  public_address      = var.egress == "public"
  security_group      = module.security.ids["backend"]
  target_group_arn    = module.load_balancer.target_group_arn
  request_count_label = module.load_balancer.request_count_label
  scale               = var.scale
  policy              = data.aws_iam_policy_document.programs.json
  metrics_agent       = module.watch.agent
}

module "programs_on_ecs" {
  count               = var.compute == "ecs" ? 1 : 0
  source              = "./modules/programs_on_ecs"
  name                = local.name
  region              = var.region
  vpc_id              = module.network.vpc_id
  programs            = local.programs
  operator            = local.operator
  subnets             = local.program_subnets
  public_address      = var.egress == "public"
  security_group      = module.security.ids["backend"]
  target_group_arn    = module.load_balancer.target_group_arn
  listener_arn        = module.load_balancer.listener_arn
  request_count_label = module.load_balancer.request_count_label
  scale               = var.scale
  policy              = data.aws_iam_policy_document.programs.json
  secret_arns         = concat(values(module.parameters.arns), [module.database.master_secret_arn])
  metrics_agent       = module.watch.agent
  metrics_log_group   = module.watch.metrics_log_group
  first_release       = var.image_tag
}

# A Fargate service per program. They find each other by name; only the gateway is behind the load balancer.

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "programs" {
  description = "By name: port, variables, secrets (variable to parameter's ARN), image without its tag, log group."
  type = map(object({
    port        = number
    environment = map(string)
    secrets     = map(string)
    image       = string
    log_group   = string
  }))
}

variable "first_release" {
  description = "Tag of the images to begin with; deployments register task definitions of their own."
  type        = string
}

variable "operator" {
  description = "The operator's tool, as a task that migrates; same shape."
  type = object({
    environment = map(string)
    secrets     = map(string)
    image       = string
    log_group   = string
  })
}

variable "subnets" {
  description = "Where tasks lie."
  type        = list(string)
}

variable "public_address" {
  description = "Whether tasks need an address of their own for the way out."
  type        = bool
}

variable "security_group" {
  description = "Of the programs."
  type        = string
}

variable "target_group_arn" {
  description = "Where gateways register."
  type        = string
}

variable "listener_arn" {
  description = "A service cannot be made before its target group has a listener."
  type        = string
}

variable "request_count_label" {
  description = "Load balancer and target group, for scaling."
  type        = string
}

variable "scale" {
  description = "Least and most tasks of each program."
  type        = object({ min = number, max = number })
}

variable "policy" {
  description = "What the programs may do in AWS (JSON)."
  type        = string
}

variable "secret_arns" {
  description = "What the agent that starts tasks may read."
  type        = list(string)
}

variable "metrics_agent" {
  description = "Configuration of the CloudWatch agent and its scraping."
  type        = object({ agent = string, prometheus = string })
}

variable "metrics_log_group" {
  description = "The agent's own log."
  type        = string
}

locals {
  scaled = {
    for pair in setproduct(keys(var.programs), ["ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"]) :
    "${pair[0]}-${pair[1]}" => { program = pair[0], metric = pair[1], target = pair[1] == "ECSServiceAverageCPUUtilization" ? 70 : 80 }
  }

  log = {
    for name, group in merge({ for name, program in var.programs : name => program.log_group }, { ticketctl = var.operator.log_group, cloudwatch-agent = var.metrics_log_group }) :
    name => {
      logDriver = "awslogs"
      options = {
        awslogs-region        = var.region
        awslogs-group         = group
        awslogs-stream-prefix = name
        # Who cannot write its log goes on; what exceeds the buffer is lost. Otherwise CloudWatch's troubles would be ours.
        mode            = "non-blocking"
        max-buffer-size = "4m"
      }
    }
  }
}

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "disabled" # its metrics would leave the free tier
  }
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  name        = "${var.name}.local"
  description = "The programs' names"
  vpc         = var.vpc_id
}

resource "aws_service_discovery_service" "this" {
  for_each = var.programs
  name     = each.key

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this.id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 5
    }
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

# The programs'.
resource "aws_iam_role" "task" {
  name               = "${var.name}-programs"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "task" {
  name   = "programs"
  role   = aws_iam_role.task.id
  policy = var.policy
}

# That of the agent which starts them: images, logs, secrets.
resource "aws_iam_role" "start" {
  name               = "${var.name}-start"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy_attachment" "start" {
  role       = aws_iam_role.start.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

data "aws_iam_policy_document" "secrets" {
  statement {
    actions   = ["ssm:GetParameters", "secretsmanager:GetSecretValue"]
    resources = var.secret_arns
  }
}

resource "aws_iam_role_policy" "secrets" {
  name   = "secrets"
  role   = aws_iam_role.start.id
  policy = data.aws_iam_policy_document.secrets.json
}

resource "aws_ecs_task_definition" "program" {
  for_each                 = var.programs
  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.start.arn

  # The stop time-out is more than drain, twice the grace and the last traces: 15 + 2 * 30 + 3 s.
  container_definitions = jsonencode([{
    name                   = each.key
    image                  = "${each.value.image}:${var.first_release}"
    essential              = true
    readonlyRootFilesystem = true
    user                   = "65532:65532"
    stopTimeout            = 90
    portMappings           = [{ containerPort = each.value.port, protocol = "tcp" }]
    environment            = [for key, value in each.value.environment : { name = key, value = value }]
    secrets                = [for key, arn in each.value.secrets : { name = key, valueFrom = arn }]
    linuxParameters        = { capabilities = { drop = ["ALL"] } }
    logConfiguration       = local.log[each.key]

    # Who fails this is killed, so it asks whether the program lives: none is readier after a restart because the database is away.
    # The load balancer asks gateways whether they are ready.
    healthCheck = {
      command     = ["CMD", "/program", "health", "--live"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 30
    }
  }])
}

resource "aws_ecs_service" "program" {
  for_each        = var.programs
  name            = each.key
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.program[each.key].arn
  desired_count   = var.scale.min
  launch_type     = "FARGATE"

  # The new one is up before the old one drains; one that does not come up is taken back.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnets
    security_groups  = [var.security_group]
    assign_public_ip = var.public_address
  }

  service_registries {
    registry_arn = aws_service_discovery_service.this[each.key].arn
  }

  dynamic "load_balancer" {
    for_each = each.key == "gateway" ? [var.target_group_arn] : []

    content {
      target_group_arn = load_balancer.value
      container_name   = each.key
      container_port   = each.value.port
    }
  }

  tags = { listener = var.listener_arn }

  lifecycle {
    # Scaling is the service's own, and which release runs is a deployment's.
    ignore_changes = [desired_count, task_definition]
  }
}

# Run once per deployment, before the services: ticketctl migrate.
resource "aws_ecs_task_definition" "migrate" {
  family                   = "${var.name}-migrate"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.start.arn

  container_definitions = jsonencode([{
    name                   = "ticketctl"
    image                  = "${var.operator.image}:${var.first_release}"
    essential              = true
    readonlyRootFilesystem = true
    user                   = "65532:65532"
    command                = ["migrate"]
    environment            = [for key, value in var.operator.environment : { name = key, value = value }]
    secrets                = [for key, arn in var.operator.secrets : { name = key, valueFrom = arn }]
    logConfiguration       = local.log["ticketctl"]
  }])
}

resource "aws_ecs_task_definition" "metrics" {
  family                   = "${var.name}-metrics"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.start.arn

  container_definitions = jsonencode([{
    name      = "cloudwatch-agent"
    image     = "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:1.300056.0b1123"
    essential = true
    environment = [
      { name = "CW_CONFIG_CONTENT", value = var.metrics_agent.agent },
      { name = "PROMETHEUS_CONFIG_CONTENT", value = var.metrics_agent.prometheus },
    ]
    logConfiguration = local.log["cloudwatch-agent"]
  }])
}

resource "aws_ecs_service" "metrics" {
  name            = "metrics"
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.metrics.arn
  desired_count   = 1
  launch_type     = "FARGATE"

  network_configuration {
    subnets          = var.subnets
    security_groups  = [var.security_group]
    assign_public_ip = var.public_address
  }
}

resource "aws_appautoscaling_target" "this" {
  for_each           = var.programs
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.program[each.key].name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.scale.min
  max_capacity       = var.scale.max
}

resource "aws_appautoscaling_policy" "load" {
  for_each           = local.scaled
  name               = each.key
  policy_type        = "TargetTrackingScaling"
  service_namespace  = "ecs"
  resource_id        = aws_appautoscaling_target.this[each.value.program].resource_id
  scalable_dimension = aws_appautoscaling_target.this[each.value.program].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = each.value.target
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = each.value.metric
    }
  }
}

resource "aws_appautoscaling_policy" "requests" {
  name               = "gateway-requests"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = "ecs"
  resource_id        = aws_appautoscaling_target.this["gateway"].resource_id
  scalable_dimension = aws_appautoscaling_target.this["gateway"].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = 1000
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = var.request_count_label
    }
  }
}

output "roles" {
  description = "What a deployment must be allowed to hand to tasks."
  value       = [aws_iam_role.task.arn, aws_iam_role.start.arn]
}

output "cluster" {
  description = "For deployments."
  value       = aws_ecs_cluster.this.name
}

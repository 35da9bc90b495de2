# Logs, ten metrics of our own, ten alarms, a budget: what the free tier holds. What an alarm means and what to do stands in
# docs/runbook.md under its name.

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "programs" {
  description = "A log group each; the value is the days it is kept."
  type        = map(number)
}

variable "scrape_targets" {
  description = "Where each program is."
  type        = map(object({ host = string, port = number }))
}

variable "found_by_name" {
  description = "Whether a program's host is a name that has the addresses of all its tasks, so that each of them is asked."
  type        = bool
}

variable "alarm_email" {
  description = "Who hears of it."
  type        = string
}

variable "monthly_budget_usd" {
  description = "Budget."
  type        = number
}

variable "load_balancer" {
  description = "Load balancer and target group, as CloudWatch names them."
  type        = object({ load_balancer = string, target_group = string })
}

variable "database" {
  description = "RDS identifier."
  type        = string
}

variable "redis_nodes" {
  description = "ElastiCache nodes."
  type        = list(string)
}

locals {
  namespace = "ticket-queue"

  # The ten. A metric without its labels is one metric; each label's value would be one more.
  metrics = [
    "queue_waiting",
    "queue_active",
    "queue_admitted_total",
    "reservation_holds_total",
    "payments_total",
    "consumer_lag",
    "dlq_total",
    "outbox_oldest_seconds",
    "sagas_stuck",
    "refunds_failed",
  ]

  agent = jsonencode({
    agent = { region = var.region }
    logs = {
      metrics_collected = {
        prometheus = {
          log_group_name         = aws_cloudwatch_log_group.metrics.name
          prometheus_config_path = "env:PROMETHEUS_CONFIG_CONTENT"
          emf_processor = {
            metric_namespace = local.namespace
            metric_declaration = [{
              source_labels    = ["job"]
              label_matcher    = "^ticket-queue$"
              dimensions       = [["job"]]
              metric_selectors = [for metric in local.metrics : "^${metric}$"]
            }]
          }
        }
      }
    }
  })

  # One target for a name with several addresses would be another task at each scrape, and its counters would jump.
  scrape = {
    static = {
      static_configs = [
        for program, at in var.scrape_targets : { targets = ["${at.host}:${at.port}"], labels = { program = program } }
      ]
    }
    found_by_name = {
      dns_sd_configs = [
        for program, at in var.scrape_targets : { names = [at.host], type = "A", port = at.port, refresh_interval = "30s" }
      ]
      relabel_configs = [
        { source_labels = ["__meta_dns_name"], regex = "([^.]+).*", target_label = "program" },
      ]
    }
  }

  prometheus = yamlencode({
    global = { scrape_interval = "60s", scrape_timeout = "10s" }
    scrape_configs = [
      merge({ job_name = "ticket-queue" }, [for how, configs in local.scrape : configs if(how == "found_by_name") == var.found_by_name]...),
    ]
  })

  # What is above a limit in a period, and in how many of them one after the other. Dead letters come all at once, so they are counted
  # over an hour; `sagas_stuck` has waited five minutes before it counts one.
  own_alarms = {
    dead-letters  = { metric = "dlq_total", statistic = "Sum", above = 9, period = 3600, periods = 1 }
    outbox-old    = { metric = "outbox_oldest_seconds", statistic = "Maximum", above = 60, period = 60, periods = 2 }
    saga-stuck    = { metric = "sagas_stuck", statistic = "Maximum", above = 0, period = 60, periods = 1 }
    refund-failed = { metric = "refunds_failed", statistic = "Maximum", above = 0, period = 60, periods = 1 }
  }
}

resource "aws_cloudwatch_log_group" "program" {
  for_each          = var.programs
  name              = "/${var.name}/${each.key}"
  retention_in_days = each.value
}

resource "aws_cloudwatch_log_group" "metrics" {
  name              = "/${var.name}/metrics"
  retention_in_days = 1
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = "alias/aws/sns"
}

resource "aws_sns_topic_subscription" "mail" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_metric_alarm" "service_down" {
  alarm_name          = "${var.name}-service-down"
  alarm_description   = "P0: no gateway answers /health/ready."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 1
  treat_missing_data  = "breaching"
  dimensions          = { LoadBalancer = var.load_balancer.load_balancer, TargetGroup = var.load_balancer.target_group }
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${var.name}-errors-above-5-percent"
  alarm_description   = "P1: more than 5 % of the requests end with 5xx."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "share"
    expression  = "100 * (target + balancer) / MAX([requests, 1])"
    label       = "5xx in per cent"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      requests = "RequestCount"
      target   = "HTTPCode_Target_5XX_Count"
      balancer = "HTTPCode_ELB_5XX_Count"
    }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        period      = 60
        stat        = "Sum"
        dimensions  = { LoadBalancer = var.load_balancer.load_balancer }
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "database_cpu" {
  alarm_name          = "${var.name}-database-cpu"
  alarm_description   = "P2: the database's processor above 80 %."
  namespace           = "AWS/RDS"
  metric_name         = "CPUUtilization"
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 80
  period              = 300
  evaluation_periods  = 2
  dimensions          = { DBInstanceIdentifier = var.database }
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "redis_memory" {
  alarm_name          = "${var.name}-redis-memory"
  alarm_description   = "P1: Redis above 80 % of its memory; full, it refuses to write and nobody is admitted."
  namespace           = "AWS/ElastiCache"
  metric_name         = "DatabaseMemoryUsagePercentage"
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 80
  period              = 60
  evaluation_periods  = 2
  # The primary is the first; a replica holds the same.
  dimensions    = { CacheClusterId = sort(var.redis_nodes)[0] }
  alarm_actions = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "own" {
  for_each            = local.own_alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "P1: ${each.value.metric} above ${each.value.above} for ${each.value.period * each.value.periods / 60} min."
  namespace           = local.namespace
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  period              = each.value.period
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  dimensions          = { job = "ticket-queue" }
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# The free tier holds 5 GB a month: 4 GB, spread over thirty days.
resource "aws_cloudwatch_metric_alarm" "log_volume" {
  alarm_name          = "${var.name}-log-volume"
  alarm_description   = "P3: at this pace the month's logs exceed 4 GB."
  namespace           = "AWS/Logs"
  metric_name         = "IncomingBytes"
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 4 * 1024 * 1024 * 1024 / 30
  period              = 86400
  evaluation_periods  = 1
  alarm_actions       = [aws_sns_topic.alarms.arn]
}

# The tenth.
resource "aws_budgets_budget" "monthly" {
  name         = var.name
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  notification {
    comparison_operator        = "GREATER_THAN"
    threshold                  = 80
    threshold_type             = "PERCENTAGE"
    notification_type          = "ACTUAL"
    subscriber_email_addresses = [var.alarm_email]
  }

  notification {
    comparison_operator        = "GREATER_THAN"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    notification_type          = "FORECASTED"
    subscriber_email_addresses = [var.alarm_email]
  }
}

resource "aws_cloudwatch_query_definition" "by_request" {
  name            = "${var.name}/everything about one request"
  log_group_names = [for group in aws_cloudwatch_log_group.program : group.name]

  query_string = <<-QUERY
    fields @timestamp, @log, level, message, `http.route`, `http.status`, `duration.ms`
    | filter `request.id` = "REPLACE-WITH-REQUEST-ID" or `span.request.id` = "REPLACE-WITH-REQUEST-ID"
    | sort @timestamp asc
    | limit 1000
  QUERY
}

resource "aws_cloudwatch_query_definition" "slowest" {
  name            = "${var.name}/slowest routes"
  log_group_names = [aws_cloudwatch_log_group.program["gateway"].name]

  query_string = <<-QUERY
    filter ispresent(`http.route`)
    | stats count(*) as requests, pct(`duration.ms`, 95) as p95, max(`duration.ms`) as longest by `http.route`
    | sort p95 desc
    | limit 30
  QUERY
}

output "log_groups" {
  description = "By program."
  value       = { for name, group in aws_cloudwatch_log_group.program : name => group.name }
}

output "log_group_arns" {
  description = "For the right to write."
  value       = concat([for group in aws_cloudwatch_log_group.program : group.arn], [aws_cloudwatch_log_group.metrics.arn])
}

output "metrics_log_group" {
  description = "Of the agent."
  value       = aws_cloudwatch_log_group.metrics.name
}

output "agent" {
  description = "Configuration of the CloudWatch agent."
  value       = { agent = local.agent, prometheus = local.prometheus }
}

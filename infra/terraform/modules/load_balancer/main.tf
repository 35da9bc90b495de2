# The only door: HTTPS with TLS 1.2 and 1.3, HTTP redirected. Whether a gateway gets requests is what it says at /health/ready.

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "domain" {
  description = "Route 53 zone."
  type        = string
}

variable "api_host" {
  description = "Name of the API in it."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnets" {
  description = "Public subnets in two zones."
  type        = list(string)
}

variable "security_group" {
  description = "Of the load balancer."
  type        = string
}

variable "target_type" {
  description = "instance (EC2) or ip (ECS)."
  type        = string
}

data "aws_route53_zone" "this" {
  name = var.domain
}

resource "aws_acm_certificate" "this" {
  domain_name       = var.api_host
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = {
    for option in aws_acm_certificate.this.domain_validation_options : option.domain_name => option
  }

  zone_id         = data.aws_route53_zone.this.zone_id
  name            = each.value.resource_record_name
  type            = each.value.resource_record_type
  records         = [each.value.resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  certificate_arn         = aws_acm_certificate.this.arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}

resource "aws_lb" "this" {
  name               = var.name
  load_balancer_type = "application"
  subnets            = var.subnets
  security_groups    = [var.security_group]

  # What two servers may read in two ways goes no further.
  desync_mitigation_mode     = "strictest"
  drop_invalid_header_fields = true
  enable_deletion_protection = true
  # Longer than the queue's streams are silent and than the gateway waits for a payment (60 s), so that its answer arrives; shorter
  # than the gateway keeps idle connections (75 s), so that it never closes one that a request is on.
  idle_timeout = 65
}

resource "aws_lb_target_group" "gateway" {
  name        = "${var.name}-gateway"
  vpc_id      = var.vpc_id
  target_type = var.target_type
  protocol    = "HTTP"
  port        = 8080
  # Requests that run get as long as the gateway gives them: a payment has 60 s.
  deregistration_delay = 65
  slow_start           = 0

  health_check {
    path                = "/health/ready"
    matcher             = "200"
    interval            = 5
    timeout             = 4
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  protocol          = "HTTPS"
  port              = 443
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = aws_acm_certificate_validation.this.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.gateway.arn
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  protocol          = "HTTP"
  port              = 80

  default_action {
    type = "redirect"

    redirect {
      protocol    = "HTTPS"
      port        = "443"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_route53_record" "api" {
  zone_id = data.aws_route53_zone.this.zone_id
  name    = var.api_host
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = false
  }
}

output "target_group_arn" {
  description = "Where gateways register."
  value       = aws_lb_target_group.gateway.arn
}

output "arn_suffix" {
  description = "Load balancer and target group, as CloudWatch names them."
  value = {
    load_balancer = aws_lb.this.arn_suffix
    target_group  = aws_lb_target_group.gateway.arn_suffix
  }
}

output "request_count_label" {
  description = "For scaling by requests per target."
  value       = "${aws_lb.this.arn_suffix}/${aws_lb_target_group.gateway.arn_suffix}"
}

output "listener_arn" {
  description = "Whoever registers targets must wait for it."
  value       = aws_lb_listener.https.arn
}

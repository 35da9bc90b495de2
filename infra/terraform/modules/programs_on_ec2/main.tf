# Every instance runs all six programs, so they call each other on the instance and a group of one is the whole system. A new instance
# runs the release that the parameter names; a deployment has the group replace its instances one after the other, and who is replaced
# drains first.

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "region" {
  description = "AWS region."
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

variable "operator" {
  description = "The operator's tool, which migrates; same shape."
  type = object({
    environment = map(string)
    secrets     = map(string)
    image       = string
    log_group   = string
  })
}

variable "release" {
  description = "Parameter that names the images' tag."
  type        = string
}

variable "image" {
  description = "Amazon Linux 2023."
  type        = string
}

variable "instance_type" {
  description = "Of the instances."
  type        = string
}

variable "subnets" {
  description = "Where instances lie."
  type        = list(string)
}

variable "public_address" {
  description = "Whether instances need an address of their own for the way out."
  type        = bool
}

variable "security_group" {
  description = "Of the programs."
  type        = string
}

variable "target_group_arn" {
  description = "Where the gateway registers."
  type        = string
}

variable "request_count_label" {
  description = "Load balancer and target group, for scaling."
  type        = string
}

variable "scale" {
  description = "Least and most instances."
  type        = object({ min = number, max = number })
}

variable "policy" {
  description = "What the programs may do in AWS (JSON)."
  type        = string
}

variable "metrics_agent" {
  description = "Configuration of the CloudWatch agent and its scraping."
  type        = object({ agent = string, prometheus = string })
}

locals {
  # Compressed, because the plain script is larger than EC2 takes; cloud-init unpacks it.
  user_data = base64gzip(templatefile("${path.module}/programs.sh.tftpl", {
    region        = var.region
    programs      = var.programs
    operator      = var.operator
    release       = var.release
    registry      = split("/", values(var.programs)[0].image)[0]
    metrics_agent = var.metrics_agent
  }))
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

resource "aws_iam_role" "this" {
  name               = "${var.name}-programs"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  name   = "programs"
  role   = aws_iam_role.this.id
  policy = var.policy
}

# A shell by Session Manager instead of SSH: no port, no key.
resource "aws_iam_role_policy_attachment" "session_manager" {
  role       = aws_iam_role.this.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "this" {
  name = "${var.name}-programs"
  role = aws_iam_role.this.name
}

resource "aws_launch_template" "this" {
  name_prefix            = "${var.name}-"
  image_id               = var.image
  instance_type          = var.instance_type
  update_default_version = true
  ebs_optimized          = true

  iam_instance_profile {
    arn = aws_iam_instance_profile.this.arn
  }

  network_interfaces {
    associate_public_ip_address = var.public_address
    security_groups             = [var.security_group]
  }

  metadata_options {
    http_tokens = "required"
    # Containers on the host's network need no further hop.
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type = "gp3"
      volume_size = 10
      encrypted   = true
    }
  }

  user_data = local.user_data

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = length(local.user_data) <= 16384 / 3 * 4
      error_message = "EC2 takes 16,384 bytes of user data, compressed and before base64; this script has more. Too many `settings`?"
    }
  }
}

resource "aws_autoscaling_group" "this" {
  name                      = var.name
  min_size                  = var.scale.min
  max_size                  = var.scale.max
  vpc_zone_identifier       = var.subnets
  target_group_arns         = [var.target_group_arn]
  health_check_type         = "ELB"
  health_check_grace_period = 180
  default_cooldown          = 60

  launch_template {
    id      = aws_launch_template.this.id
    version = aws_launch_template.this.latest_version
  }

  instance_refresh {
    strategy = "Rolling"

    preferences {
      # With one instance the new one comes first.
      min_healthy_percentage = 100
      max_healthy_percentage = 200
      auto_rollback          = true
    }
  }

  tag {
    key                 = "Name"
    value               = "${var.name}-programs"
    propagate_at_launch = true
  }

  lifecycle {
    # Scaling is the group's own.
    ignore_changes = [desired_capacity]
  }
}

# The load balancer sends nothing more, and what runs has its time to end, before the instance shuts down and its programs get SIGTERM.
resource "aws_autoscaling_lifecycle_hook" "drain" {
  name                   = "drain"
  autoscaling_group_name = aws_autoscaling_group.this.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  default_result         = "CONTINUE"
  heartbeat_timeout      = 90
}

resource "aws_autoscaling_policy" "cpu" {
  name                   = "${var.name}-cpu"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = 70

    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
  }
}

resource "aws_autoscaling_policy" "requests" {
  name                   = "${var.name}-requests"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = 1000

    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = var.request_count_label
    }
  }
}

output "group" {
  description = "For deployments."
  value       = aws_autoscaling_group.this.name
}

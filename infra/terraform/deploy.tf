# What the deploying workflow may do: push images, look at the system, migrate, snapshot, and change what a new image changes.

data "aws_iam_policy_document" "deploy" {
  statement {
    sid = "PushImages"
    actions = [
      "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
    ]
    resources = module.storage.repository_arns
  }

  statement {
    sid       = "RegistryLogin"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid     = "SnapshotFirst"
    actions = ["rds:CreateDBSnapshot", "rds:AddTagsToResource"]
    resources = [
      "arn:aws:rds:${var.region}:${data.aws_caller_identity.this.account_id}:db:${module.database.identifier}",
      "arn:aws:rds:${var.region}:${data.aws_caller_identity.this.account_id}:snapshot:${module.database.identifier}-*",
    ]
  }

  # These can only be given for everything.
  statement {
    sid = "Look"
    actions = [
      "autoscaling:Describe*", "ec2:Describe*", "ecs:Describe*", "ecs:List*", "elasticloadbalancing:Describe*", "rds:Describe*",
      "ssm:GetCommandInvocation",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "ChooseRelease"
    actions   = ["ssm:GetParameter", "ssm:PutParameter"]
    resources = [module.parameters.release.arn]
  }

  dynamic "statement" {
    for_each = var.compute == "ec2" ? [1] : []

    content {
      sid     = "Migrate"
      actions = ["ssm:SendCommand"]
      resources = [
        "arn:aws:ssm:${var.region}::document/AWS-RunShellScript",
        "arn:aws:ec2:${var.region}:${data.aws_caller_identity.this.account_id}:instance/*",
      ]
    }
  }

  dynamic "statement" {
    for_each = var.compute == "ec2" ? [1] : []

    content {
      sid = "Replace"
      actions = [
        "autoscaling:CancelInstanceRefresh", "autoscaling:RollbackInstanceRefresh", "autoscaling:StartInstanceRefresh",
        "autoscaling:UpdateAutoScalingGroup",
      ]
      resources = ["arn:aws:autoscaling:${var.region}:${data.aws_caller_identity.this.account_id}:autoScalingGroup:*:autoScalingGroupName/${local.name}"]
    }
  }

  dynamic "statement" {
    for_each = var.compute == "ecs" ? [1] : []

    content {
      sid     = "Tasks"
      actions = ["ecs:RunTask", "ecs:UpdateService"]
      resources = [
        "arn:aws:ecs:${var.region}:${data.aws_caller_identity.this.account_id}:service/${local.name}/*",
        "arn:aws:ecs:${var.region}:${data.aws_caller_identity.this.account_id}:task-definition/${local.name}-*:*",
      ]
    }
  }
}

data "aws_iam_policy_document" "deploy_on_ecs" {
  count = var.compute == "ecs" ? 1 : 0

  statement {
    sid       = "HandRoles"
    actions   = ["iam:PassRole"]
    resources = module.programs_on_ecs[0].roles

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }

  # It can only be given for everything; what it may run is limited by the roles above.
  statement {
    sid       = "Register"
    actions   = ["ecs:RegisterTaskDefinition"]
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "deploy_on_ecs" {
  count  = var.compute == "ecs" ? 1 : 0
  name   = "${local.name}-ecs"
  role   = var.deploy_role_name
  policy = data.aws_iam_policy_document.deploy_on_ecs[0].json
}

resource "aws_iam_role_policy" "deploy" {
  name   = local.name
  role   = var.deploy_role_name
  policy = data.aws_iam_policy_document.deploy.json
}

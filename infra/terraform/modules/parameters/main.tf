# Secrets in Parameter Store. Terraform makes them with a word that no program accepts, and never looks at them again, so no secret
# is in the state: scripts/put-secrets.sh makes the random ones and asks for those that others gave us.

variable "prefix" {
  description = "Path before each name, such as /ticket-queue/prod."
  type        = string
}

variable "names" {
  description = "Names of all secrets."
  type        = set(string)
}

variable "first_release" {
  description = "Tag of the images to begin with."
  type        = string
}

resource "aws_ssm_parameter" "this" {
  for_each    = var.names
  name        = "${var.prefix}/${each.key}"
  description = "Put by scripts/put-secrets.sh"
  type        = "SecureString"
  value       = "unset"

  lifecycle {
    ignore_changes = [value]
  }
}

# Which images run: a deployment puts the commit here and has the instances replaced; going back is putting the former one.
resource "aws_ssm_parameter" "release" {
  name        = "${var.prefix}/RELEASE"
  description = "Tag of the programs' images"
  type        = "String"
  value       = var.first_release

  lifecycle {
    ignore_changes = [value]
  }
}

output "release" {
  description = "Parameter that names the images' tag."
  value       = { name = aws_ssm_parameter.release.name, arn = aws_ssm_parameter.release.arn }
}

output "arns" {
  description = "ARN by name."
  value       = { for name, parameter in aws_ssm_parameter.this : name => parameter.arn }
}

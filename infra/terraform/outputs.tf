output "api" {
  description = "Where the gateway is reached."
  value       = "https://${var.api_host}"
}

output "repositories" {
  description = "Image repository by program."
  value       = module.storage.repository_urls
}

output "parameter_prefix" {
  description = "For scripts/put-secrets.sh."
  value       = local.parameter_prefix
}

output "secret_names" {
  description = "For scripts/put-secrets.sh."
  value       = sort(tolist(local.secret_names))
}

output "database" {
  description = "For snapshots before a deployment."
  value       = module.database.identifier
}

output "deployment" {
  description = "What a deployment changes."
  value = {
    compute = var.compute
    group   = var.compute == "ec2" ? module.programs_on_ec2[0].group : null
    cluster = var.compute == "ecs" ? module.programs_on_ecs[0].cluster : null
  }
}

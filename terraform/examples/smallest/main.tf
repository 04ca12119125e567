# The cheapest deployment: no NAT gateway, small tasks on ARM, no Container Insights, no access logs.

terraform {
  required_version = ">= 1.11"
}

module "user_api" {
  source = "../.."

  architecture = "ARM64"
  app          = { memory = 512 }
  network      = { egress = "public" }

  container_database = { cpu = 256 }

  telemetry = {
    container_insights = "disabled"
    access_logs        = false
  }
}

output "app_url" {
  description = "URL of the API's documentation."
  value       = module.user_api.app_url
}

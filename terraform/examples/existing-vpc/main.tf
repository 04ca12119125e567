# An existing network: AWS is reachable from its private subnets (by NAT or endpoints), and it has an internet gateway.

terraform {
  required_version = ">= 1.11"
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
}

variable "private_subnet_ids" {
  description = "At least two private subnets of the VPC, by zone."
  type        = map(string)
}

variable "image" {
  description = "Image of the API. Null: apply builds it from this checkout and pushes it."
  type        = string
  default     = null
}

module "user_api" {
  source = "../.."

  app_image = var.image

  existing_network = {
    vpc_id             = var.vpc_id
    private_subnet_ids = var.private_subnet_ids
  }
}

output "app_url" {
  description = "URL of the API's documentation."
  value       = module.user_api.app_url
}

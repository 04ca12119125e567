# In a network that is there already: its private subnets have a way to AWS (NAT or endpoints), and it has an internet gateway.

terraform {
  required_version = ">= 1.11"
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "private_subnet_ids" {
  description = "Its private subnets by zone, at least two."
  type        = map(string)
}

variable "image" {
  description = "Image of the API. Null: built from this checkout and pushed during apply."
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
  description = "Address of the API's documentation."
  value       = module.user_api.app_url
}

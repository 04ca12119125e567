variable "region" {
  description = "Region of the deployment."
  type        = string
  default     = "us-east-1"
}

variable "external_database" {
  description = "Secret with the connection string, and the servers' address ranges and ports."
  type = object({
    secret_arn = string
    cidrs      = list(string)
    from_port  = optional(number)
    to_port    = optional(number)
  })
  default = {
    secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:users-database-AbCdEf"
    cidrs      = ["192.0.2.0/24"]
    from_port  = 27015
    to_port    = 27017
  }
}

variable "domain" {
  description = "Domain name that callers use, and the ARN of its certificate in us-east-1."
  type        = object({ name = string, certificate_arn = string })
  default = {
    name            = "users.example.com"
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
  }
}

variable "web_acl_arn" {
  description = "Web ACL of scope CLOUDFRONT."
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary that the account requires."
  type        = string
  default     = null
}

variable "alarm_email" {
  description = "Email address that alarms are sent to."
  type        = string
  default     = "on-call@example.com"
}

variable "github_repository" {
  description = "Repository whose workflow may deploy, as GitHub's tokens name it."
  type        = string
  default     = "example@123456/user-api@456789"
}

variable "state_bucket" {
  description = "Bucket of the Terraform state."
  type        = string
  default     = "example-terraform-state"
}

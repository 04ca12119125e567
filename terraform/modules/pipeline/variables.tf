variable "context" {
  description = "What all modules of a deployment share: its name (the prefix of all names), account and region, encryption, permissions boundary, log retention and deletion protection."
  type = object({
    name                     = string
    region                   = string
    account_id               = string
    partition                = optional(string, "aws")
    kms_key_arn              = optional(string)
    permissions_boundary_arn = optional(string)
    log_retention_days       = optional(number, 30)
    deletion_protection      = optional(bool, false)
  })
  nullable = false

  # Load balancer names have at most 32 characters, IAM role names, which include region and purpose, 64; S3 allows no upper case.
  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.context.name)) && length(var.context.name) <= 24
    error_message = "context.name must have at most 24 characters: lower-case letters, digits and single hyphens, beginning with a letter."
  }
}

variable "repository" {
  description = "GitHub repository whose workflow may deploy, as GitHub's tokens name it: owner/name, or owner@id/name@id if it was created, renamed or transferred since July 15th, 2026."
  type        = string
  nullable    = false

  # Exactly one repository, without wildcards. https://docs.github.com/en/actions/reference/security/oidc
  validation {
    condition     = can(regex("^([a-zA-Z0-9-]+/[a-zA-Z0-9._-]+|[a-zA-Z0-9-]+@[0-9]+/[a-zA-Z0-9._-]+@[0-9]+)$", var.repository))
    error_message = "The repository must be owner/name, or with the ids of both, owner@123/name@456."
  }
}

variable "environment" {
  description = "GitHub environment that the deploying job must run in, unless branch is set."
  type        = string
  default     = "production"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9._-]+$", var.environment))
    error_message = "The environment must be a name without wildcards."
  }
}

variable "branch" {
  description = "Branch whose workflow may deploy, instead of the environment. Null: the environment."
  type        = string
  default     = null

  validation {
    condition     = var.branch == null || can(regex("^[a-zA-Z0-9._/-]+$", var.branch))
    error_message = "The branch must be the name of one branch, without wildcards."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of the account's OIDC provider for GitHub, of which an account can have only one. Null: it is created."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/token.actions.githubusercontent.com$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn must be the ARN of the provider token.actions.githubusercontent.com."
  }
}

variable "state_bucket" {
  description = "Bucket of the Terraform state, which the workflow may change below the prefix of the deployment's name. Null: it may not write to any bucket."
  type        = string
  default     = null

  validation {
    condition     = var.state_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "state_bucket must be the name of a bucket."
  }
}

variable "image_repository_arn" {
  description = "ECR repository that the workflow pushes images to."
  type        = string
  nullable    = false
}

variable "cluster_name" {
  description = "ECS cluster of the service."
  type        = string
  nullable    = false
}

variable "service_name" {
  description = "ECS service that the workflow deploys to."
  type        = string
  nullable    = false
}

variable "task_family" {
  description = "Family of the service's task definitions."
  type        = string
  nullable    = false
}

variable "task_role_arns" {
  description = "Roles that the workflow may pass to the service's tasks."
  type        = list(string)
  nullable    = false
}

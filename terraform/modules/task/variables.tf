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

variable "cpu" {
  description = "CPU units of the task; 1024 are one vCPU."
  type        = number
  nullable    = false

  validation {
    condition     = contains(keys(local.fargate_memory), tostring(var.cpu))
    error_message = "cpu must be a size that Fargate supports: ${join(", ", keys(local.fargate_memory))}."
  }
}

variable "memory" {
  description = "Memory of the task in MiB."
  type        = number
  nullable    = false

  validation {
    condition     = contains(lookup(local.fargate_memory, tostring(var.cpu), [var.memory]), var.memory)
    error_message = "Fargate does not support cpu = ${var.cpu} with memory = ${var.memory}. Memory for this CPU: ${join(", ", lookup(local.fargate_memory, tostring(var.cpu), []))}."
  }
}

variable "images" {
  description = "Images of the task's containers."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for image in values(var.images) : can(regex("^[a-z0-9][a-zA-Z0-9._/:@-]*[:@][a-zA-Z0-9._:-]+$", image))])
    error_message = "images must be image references, each with a tag or a digest."
  }
}

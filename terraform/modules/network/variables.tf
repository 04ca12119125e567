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

variable "cidr" {
  description = "Address range of the VPC, which cannot be changed later."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  # With /20 or less, the public subnets would be smaller than the /27 that a load balancer needs.
  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.cidr)[1]), 32) <= 19
    error_message = "cidr must be an IPv4 range of /16 to /19."
  }
}

variable "zones" {
  description = "Availability zones, each with a number from 0 to 14 that determines the ranges of its subnets. Null: the first three that the region has when applied."
  type        = map(number)
  default     = null

  # A load balancer needs two zones.
  validation {
    condition = var.zones == null || (
      length(coalesce(var.zones, {})) >= 2
      && length(distinct(values(coalesce(var.zones, {})))) == length(coalesce(var.zones, {}))
      && alltrue([for number in values(coalesce(var.zones, {})) : number == floor(number) && number >= 0 && number <= 14])
    )
    error_message = "zones must have at least two zones, each with a different number from 0 to 14."
  }
}

variable "egress" {
  description = "How tasks reach AWS: \"nat\" (one gateway), \"nat_per_zone\", or \"public\" (tasks have public addresses, but nothing outside can connect to them)."
  type        = string
  default     = "nat"
  nullable    = false

  validation {
    condition     = contains(["nat", "nat_per_zone", "public"], var.egress)
    error_message = "egress must be \"nat\", \"nat_per_zone\" or \"public\". For a network with VPC endpoints only, see examples/endpoints."
  }
}

variable "flow_logs" {
  description = "Whether the VPC logs its connections."
  type        = bool
  default     = false
  nullable    = false
}

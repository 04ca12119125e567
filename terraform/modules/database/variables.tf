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

variable "vpc_id" {
  description = "VPC of the database."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Private subnets by zone, or by any name, at most one per zone: each gets a mount target of the file system."
  type        = map(string)
  nullable    = false
}

variable "tasks" {
  description = "Subnets of tasks by zone, from which AWS must be reachable, and whether tasks get public addresses for that."
  type = object({
    subnet_ids       = map(string)
    assign_public_ip = optional(bool, false)
  })
  nullable = false
}

variable "cluster_arn" {
  description = "ECS cluster of the database's service."
  type        = string
  nullable    = false
}

variable "image" {
  description = "The official MongoDB image or a copy of it. MongoDB 8.0 is the newest major that is supported on premises; 8.1 and 8.2 are not."
  type        = string
  default     = "public.ecr.aws/docker/library/mongo:8.0"
  nullable    = false

  validation {
    condition     = can(regex("[:@][a-zA-Z0-9._:-]+$", var.image)) && !endswith(var.image, ":latest")
    error_message = "The database's image must name a version: an older MongoDB cannot open files that a newer one has opened."
  }
}

variable "port" {
  description = "Port of MongoDB."
  type        = number
  default     = 27017
  nullable    = false

  validation {
    condition     = var.port == floor(var.port) && var.port >= 1024 && var.port <= 65535
    error_message = "The database's port must be a whole number from 1024 to 65535."
  }
}

variable "cpu" {
  description = "CPU units of the task; 1024 are one vCPU."
  type        = number
  default     = 512
  nullable    = false
}

variable "memory" {
  description = "Memory of the task in MiB."
  type        = number
  default     = 1024
  nullable    = false
}

variable "architecture" {
  description = "CPU architecture of the task: X86_64 or ARM64."
  type        = string
  default     = "X86_64"
  nullable    = false
}

variable "password_version" {
  description = "Version of the passwords. A higher one generates new passwords and a new user for the API; the previous user works until the next version."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.password_version == floor(var.password_version) && var.password_version >= 1
    error_message = "password_version must be a whole number of at least 1."
  }
}

variable "backup_retention_days" {
  description = "Days that daily backups are kept."
  type        = number
  default     = 35
  nullable    = false

  validation {
    condition     = var.backup_retention_days == floor(var.backup_retention_days) && var.backup_retention_days >= 1
    error_message = "backup_retention_days must be a whole number of at least 1."
  }
}

variable "directory" {
  description = "Directory of the server's files. Any other than /mongo must already exist, as a restored backup."
  type        = string
  default     = "/mongo"
  nullable    = false

  # EFS allows at most four levels.
  validation {
    condition     = can(regex("^(/[^/ ]+){1,4}$", var.directory)) && length(var.directory) <= 100
    error_message = "directory must be an absolute path of at most four levels and 100 characters."
  }
}

variable "exec_log_group_arn" {
  description = "Log group for shells. Null: ECS Exec is off."
  type        = string
  default     = null
}

variable "successor" {
  description = "Address ranges and ports of an external database that users are copied to. Null: none."
  type = object({
    cidrs     = list(string)
    from_port = number
    to_port   = number
  })
  default = null
}

variable "wait_for_steady_state" {
  description = "Whether apply waits until the service runs the requested revision."
  type        = bool
  default     = true
  nullable    = false
}

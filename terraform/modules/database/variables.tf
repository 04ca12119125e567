variable "context" {
  description = "What all parts of a deployment share: its name (the prefix of all names), where it is, and what it is guarded and encrypted by."
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

  # Load balancers take 32 characters, IAM roles 64 with the region and the role's purpose in them, and S3 no upper case.
  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.context.name)) && length(var.context.name) <= 24
    error_message = "context.name must have at most 24 characters: lower-case letters, digits and single hyphens, a letter first."
  }
}

variable "vpc_id" {
  description = "VPC of the database."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Private subnets by zone, or by any name: one mount target of the file system in each, so at most one a zone."
  type        = map(string)
  nullable    = false
}

variable "tasks" {
  description = "Where tasks run: subnets by zone, which must have a way to AWS, and whether tasks get public addresses for that."
  type = object({
    subnet_ids       = map(string)
    assign_public_ip = optional(bool, false)
  })
  nullable = false
}

variable "cluster_arn" {
  description = "ECS cluster that the database's service is part of."
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
    error_message = "The database's image must name a version: files that a newer MongoDB has opened cannot be opened by an older one again."
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
  description = "Version of the passwords. A higher one draws new ones, with a new user for the API; the user before keeps working until the next."
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
  description = "Directory of the file system that the server runs on. Another one than /mongo must be there already: a restored backup."
  type        = string
  default     = "/mongo"
  nullable    = false

  # EFS takes at most four levels.
  validation {
    condition     = can(regex("^(/[^/ ]+){1,4}$", var.directory)) && length(var.directory) <= 100
    error_message = "directory must be an absolute path of at most four levels and 100 characters."
  }
}

variable "exec_log_group_arn" {
  description = "Log group of shells. Null: ECS Exec opens none."
  type        = string
  default     = null
}

variable "successor" {
  description = "External database that users are copied to from here: its address ranges and ports. Null: none."
  type = object({
    cidrs     = list(string)
    from_port = number
    to_port   = number
  })
  default = null
}

variable "wait_for_steady_state" {
  description = "Whether apply waits until the service runs what was asked for."
  type        = bool
  default     = true
  nullable    = false
}

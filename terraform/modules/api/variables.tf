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
  description = "VPC of the API."
  type        = string
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

variable "cluster" {
  description = "ECS cluster of the API's service."
  type        = object({ name = string, arn = string })
  nullable    = false
}

variable "load_balancer" {
  description = "Load balancer in front of the API: its security group, and the suffix of its ARN for its metrics."
  type = object({
    security_group_id = string
    arn_suffix        = string
  })
  nullable = false
}

variable "target_group" {
  description = "Target group of that load balancer, with type ip and the API's port."
  type = object({
    arn        = string
    arn_suffix = string
  })
  nullable = false
}

variable "image" {
  description = "Image of the API."
  type        = string
  nullable    = false
}

variable "architecture" {
  description = "CPU architecture of the image: X86_64 or ARM64."
  type        = string
  default     = "X86_64"
  nullable    = false

  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "architecture must be X86_64 or ARM64."
  }
}

variable "cpu" {
  description = "CPU units of a task; 1024 are one vCPU."
  type        = number
  default     = 256
  nullable    = false
}

variable "memory" {
  description = "Memory of a task in MiB, including the collector's."
  type        = number
  default     = 1024
  nullable    = false
}

variable "container_port" {
  description = "Port that the API listens on."
  type        = number
  default     = 8000
  nullable    = false

  # Lower ports need root. The collector uses 4317 and 13133 in the same network namespace.
  validation {
    condition     = var.container_port == floor(var.container_port) && var.container_port >= 1024 && var.container_port <= 65535 && !contains([4317, 13133], var.container_port)
    error_message = "The API's port must be a whole number from 1024 to 65535, except 4317 and 13133, which the collector uses."
  }
}

variable "min_capacity" {
  description = "Minimum number of tasks."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.min_capacity == floor(var.min_capacity) && var.min_capacity >= 1
    error_message = "min_capacity must be a whole number of at least 1."
  }
}

variable "max_capacity" {
  description = "Maximum number of tasks."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.max_capacity == floor(var.max_capacity) && var.max_capacity >= var.min_capacity
    error_message = "max_capacity must be a whole number and must not be below min_capacity."
  }
}

variable "cpu_threshold" {
  description = "Average CPU use of the API, in percent, that autoscaling aims at."
  type        = number
  default     = 80
  nullable    = false

  validation {
    condition     = var.cpu_threshold >= 1 && var.cpu_threshold <= 100
    error_message = "cpu_threshold must be from 1 to 100."
  }
}

variable "memory_threshold" {
  description = "Average memory use of the API, in percent, that autoscaling aims at."
  type        = number
  default     = 80
  nullable    = false

  validation {
    condition     = var.memory_threshold >= 1 && var.memory_threshold <= 100
    error_message = "The memory threshold must be from 1 to 100."
  }
}

variable "requests_threshold" {
  description = "Requests per minute and task that autoscaling aims at."
  type        = number
  default     = 6000
  nullable    = false

  validation {
    condition     = var.requests_threshold >= 1
    error_message = "requests_threshold must be at least 1."
  }
}

variable "request_timeout" {
  description = "Timeout of a request in seconds. Graceful shutdown and the container's stop timeout are longer by a fixed time."
  type        = number
  default     = 10
  nullable    = false

  # More than the 1.5 seconds that the API gives one operation on its store (Store:Timeout), or it does not start. The load balancer gives up
  # a silent request after 60 seconds.
  validation {
    condition     = var.request_timeout == floor(var.request_timeout) && var.request_timeout >= 2 && var.request_timeout <= 50
    error_message = "request_timeout must be a whole number from 2 to 50."
  }
}

variable "requests_per_second_per_caller" {
  description = "Requests per second that a task accepts from one caller, on average; the response to more is 429. 0: no limit."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.requests_per_second_per_caller == floor(var.requests_per_second_per_caller) && var.requests_per_second_per_caller >= 0
    error_message = "requests_per_second_per_caller must be a whole number of at least 0."
  }
}

variable "trace_sampling_ratio" {
  description = "Share of requests that are traced, from 0 to 1."
  type        = number
  default     = 0.1
  nullable    = false

  validation {
    condition     = var.trace_sampling_ratio >= 0 && var.trace_sampling_ratio <= 1
    error_message = "trace_sampling_ratio must be from 0 to 1."
  }
}

variable "settings" {
  description = "Further environment variables of the API, such as those that say which tokens it accepts. They must not contain secrets."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "connection_string" {
  description = "Secret with the connection string: value_from as in a task definition (its ARN, which a JSON key and a version may follow), its ARN, and its KMS key if that is not the account's default key for secrets."
  type = object({
    value_from  = string
    secret_arn  = string
    kms_key_arn = optional(string)
  })
  nullable = false
}

variable "container_database" {
  description = "Security group and port of the database that runs in a container. Null: none."
  type = object({
    security_group_id = string
    port              = number
  })
  default = null
}

variable "external_database" {
  description = "Address ranges and ports of an external database: the only ones outside that the API may connect to, besides port 443. Null: none."
  type = object({
    cidrs     = list(string)
    from_port = number
    to_port   = number
  })
  default = null
}

variable "collector" {
  description = "OpenTelemetry collector beside the API: image, memory in MiB, SSM parameter with its configuration, hash of the configuration, and log group of its metrics."
  type = object({
    image                 = string
    memory                = number
    configuration_arn     = string
    configuration_hash    = string
    metrics_log_group_arn = string
  })
  nullable = false
}

variable "deployment_alarm_names" {
  description = "Alarms that roll back a deployment."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.deployment_alarm_names) > 0
    error_message = "deployment_alarm_names must name at least one alarm."
  }
}

variable "wait_for_steady_state" {
  description = "Whether apply waits until the service runs the requested revision."
  type        = bool
  default     = true
  nullable    = false
}

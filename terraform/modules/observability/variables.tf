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

variable "cluster_name" {
  description = "ECS cluster of the services."
  type        = string
  nullable    = false
}

variable "services" {
  description = "Name of the API's ECS service."
  type        = object({ api = string })
  nullable    = false
}

variable "container_database" {
  description = "ECS service and backup vault of the database that runs in a container. Null: none."
  type = object({
    service_name = string
    backup_vault = string
  })
  default = null
}

variable "load_balancer_arn_suffix" {
  description = "Load balancer, as CloudWatch names it."
  type        = string
  nullable    = false
}

variable "target_group_arn_suffix" {
  description = "Target group of the API, as CloudWatch names it."
  type        = string
  nullable    = false
}

variable "container_insights" {
  description = "Container Insights of the cluster: \"enabled\", \"enhanced\" or \"disabled\"; the dashboard shows the number of tasks with it."
  type        = string
  default     = "enabled"
  nullable    = false

  validation {
    condition     = contains(["enabled", "enhanced", "disabled"], var.container_insights)
    error_message = "container_insights must be \"enabled\", \"enhanced\" or \"disabled\"."
  }
}

variable "collector_image" {
  description = "Image of the OpenTelemetry collector (AWS Distro for OpenTelemetry), v0.49.0 or later."
  type        = string
  default     = "public.ecr.aws/aws-observability/aws-otel-collector:v0.49.0"
  nullable    = false

  validation {
    condition     = can(regex("[:@][a-zA-Z0-9._:-]+$", var.collector_image)) && !endswith(var.collector_image, ":latest")
    error_message = "The collector's image must name a version."
  }

  # An older one would stop at once, beside an API that runs on: the filter's metric_conditions came with v0.146.0 of the upstream collector.
  validation {
    condition = try(
      tonumber(regex(":v([0-9]+)\\.[0-9]+", var.collector_image)[0]) > 0 || tonumber(regex(":v[0-9]+\\.([0-9]+)", var.collector_image)[0]) >= 49,
      true # a tag or digest of one's own says nothing
    )
    error_message = "The collector's image is too old for its configuration, which is written for v0.49.0 and later."
  }
}

variable "alarms" {
  description = "Who is told, by mail or by an SNS topic that is there already (null: one is made here), and what raises an alarm: share of 5xx answers in percent, 99th percentile of the latency in seconds."
  type = object({
    email           = optional(string)
    topic_arn       = optional(string)
    error_percent   = optional(number, 5)
    latency_seconds = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alarms.email == null || can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alarms.email))
    error_message = "alarms.email must be an e-mail address."
  }

  validation {
    condition     = var.alarms.topic_arn == null || can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:", var.alarms.topic_arn))
    error_message = "alarms.topic_arn must be the ARN of an SNS topic."
  }

  validation {
    condition     = var.alarms.error_percent > 0 && var.alarms.error_percent < 100 && var.alarms.latency_seconds > 0
    error_message = "alarms.error_percent must be between 0 and 100, alarms.latency_seconds above 0."
  }
}

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
  description = "Suffix of the load balancer's ARN, by which CloudWatch names it."
  type        = string
  nullable    = false
}

variable "target_group_arn_suffix" {
  description = "Suffix of the ARN of the API's target group, by which CloudWatch names it."
  type        = string
  nullable    = false
}

variable "container_insights" {
  description = "Container Insights of the cluster: \"enabled\", \"enhanced\" or \"disabled\". Unless disabled, the dashboard shows the number of tasks."
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

  # An older one would stop at once while the API runs on: the upstream collector has the filter's metric_conditions since v0.146.0.
  validation {
    condition = try(
      tonumber(regex(":v([0-9]+)\\.[0-9]+", var.collector_image)[0]) > 0 || tonumber(regex(":v[0-9]+\\.([0-9]+)", var.collector_image)[0]) >= 49,
      true # another tag or a digest does not tell the version
    )
    error_message = "The collector's image must be v0.49.0 or later, for which its configuration is written."
  }
}

variable "alarms" {
  description = "Where alarms are sent: email, and topic_arn of an existing SNS topic (null: a topic is created). When they are raised: above this percentage of 5xx responses or this 99th percentile of the latency in seconds."
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
    error_message = "alarms.error_percent must be between 0 and 100, and alarms.latency_seconds must be above 0."
  }
}

# Operation

variable "telemetry" {
  description = "Telemetry: log_retention_days (30), trace_sampling_ratio (0.1), container_insights (\"enabled\", \"enhanced\" or \"disabled\"), access_logs (true), collector_image."
  type = object({
    log_retention_days   = optional(number, 30)
    trace_sampling_ratio = optional(number, 0.1)
    container_insights   = optional(string, "enabled")
    access_logs          = optional(bool, true)
    collector_image      = optional(string, "public.ecr.aws/aws-observability/aws-otel-collector:v0.49.0")
  })
  default  = {}
  nullable = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.telemetry.log_retention_days
    )
    error_message = "telemetry.log_retention_days must be a retention that CloudWatch Logs supports: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, ..."
  }
}

variable "alarms" {
  description = "Where alarms are sent: email, and topic_arn of an existing SNS topic (null: a topic is created). When they are raised: above this percentage of 5xx responses (error_percent 5) or this 99th percentile of the latency in seconds (latency_seconds 1)."
  type = object({
    email           = optional(string)
    topic_arn       = optional(string)
    error_percent   = optional(number, 5)
    latency_seconds = optional(number, 1)
  })
  default  = {}
  nullable = false
}

variable "github" {
  description = "GitHub workflow that may deploy: repository (owner/name, or owner@id/name@id if GitHub's tokens contain ids), environment that the job must run in (\"production\") or, instead of it, branch; oidc_provider_arn (null: a provider is created); state_bucket. Null: none."
  type = object({
    repository        = string
    environment       = optional(string, "production")
    branch            = optional(string)
    oidc_provider_arn = optional(string)
    state_bucket      = optional(string)
  })
  default = null
}

variable "deletion_protection" {
  description = "Whether everything that holds data is protected from deletion: users, backups, secrets, logs, images. Before destroy, it must be set to false and applied."
  type        = bool
  default     = false
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of a KMS key for files, backups, secrets, logs, images and alarms. Null: AWS's own keys. The key of files, backups and images cannot be changed later."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary for all roles. Null: none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy."
  }
}

variable "wait_for_steady_state" {
  description = "Whether apply waits until the services run the requested revisions."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags for every resource, in addition to Application and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "Keys of tags must not begin with \"aws:\"."
  }
}

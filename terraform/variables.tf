# Variables of simple-user-api, with its names and defaults.

variable "region_name" {
  description = "AWS region of the deployment."
  type        = string
  default     = "us-east-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region_name))
    error_message = "region_name must be the code of a region, such as eu-central-1."
  }
}

variable "app_name" {
  description = "Prefix of every name. Each app_name is a deployment of its own in the account and region."
  type        = string
  default     = "simple-user-api"
  nullable    = false

  # Load balancer names have at most 32 characters, IAM role names, which include region and purpose, 64; S3 allows no upper case.
  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.app_name)) && length(var.app_name) <= 24 && !can(regex("^(internal-|aws|ssm)", var.app_name))
    error_message = "app_name must have at most 24 characters: lower-case letters, digits and single hyphens, beginning with a letter. AWS reserves names that begin with internal-, aws or ssm."
  }

}

variable "app_image" {
  description = "Image reference of the API. Null: apply builds it from this checkout and pushes it to the deployment's own ECR repository."
  type        = string
  default     = null

  validation {
    condition     = var.app_image == null || can(regex("^[a-z0-9][a-zA-Z0-9._/:@-]*[:@][a-zA-Z0-9._:-]+$", var.app_image))
    error_message = "app_image must be an image reference with a tag or a digest."
  }
}

variable "app_container_port" {
  description = "Port that the API listens on."
  type        = number
  default     = 8000
  nullable    = false
}

variable "db_container_port" {
  description = "Port of MongoDB: of the container and, unless external_database sets its ports, of external servers."
  type        = number
  default     = 27017
  nullable    = false
}

variable "max_capacity" {
  description = "Maximum number of API tasks."
  type        = number
  default     = 3
  nullable    = false
}

variable "min_capacity" {
  description = "Minimum number of API tasks. With two or more, the API stays available when a zone fails."
  type        = number
  default     = 1
  nullable    = false
}

variable "cpu_threshold" {
  description = "Average CPU use of the API, in percent, that autoscaling aims at."
  type        = number
  default     = 80
  nullable    = false
}

variable "mem_threshold" {
  description = "Average memory use of the API, in percent, that autoscaling aims at."
  type        = number
  default     = 80
  nullable    = false
}

# The API

variable "app" {
  description = "Size of an API task (cpu 256: CPU units; memory 1024: MiB, of which the collector has 192), timeout of a request in seconds (request_timeout 10), requests per second that a task accepts from one caller (requests_per_second_per_caller 0: no limit), requests per minute and task that autoscaling aims at (requests_threshold 6000)."
  type = object({
    cpu                            = optional(number, 256)
    memory                         = optional(number, 1024)
    request_timeout                = optional(number, 10)
    requests_per_second_per_caller = optional(number, 0)
    requests_threshold             = optional(number, 6000)
  })
  default  = {}
  nullable = false
}

variable "architecture" {
  description = "CPU architecture of all tasks and of an image that apply builds: X86_64 or ARM64."
  type        = string
  default     = "X86_64"
  nullable    = false

  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "architecture must be X86_64 or ARM64."
  }
}

variable "jwt" {
  description = "OpenID Connect issuer whose tokens the API accepts, and the audiences that it accepts: { authority, audiences }. Null: a Cognito user pool is created."
  type = object({
    authority = string
    audiences = list(string)
  })
  default = null
}

variable "anonymous" {
  description = "Whether everybody may do everything, without a token."
  type        = bool
  default     = false
  nullable    = false
}

# The database

variable "container_database" {
  description = "MongoDB in a container: its image, size (cpu 512, memory 1024), password_version (1; a higher one generates new passwords), backup_retention_days (35), directory (/mongo; any other is a restored backup), execute_command (false: no shell). Null: none. Setting it to null deletes users and backups."
  type = object({
    image                 = optional(string, "public.ecr.aws/docker/library/mongo:8.0")
    cpu                   = optional(number, 512)
    memory                = optional(number, 1024)
    password_version      = optional(number, 1)
    backup_retention_days = optional(number, 35)
    directory             = optional(string, "/mongo")
    execute_command       = optional(bool, false)
  })
  default = {}

  validation {
    condition     = var.container_database != null || try(var.external_database.active, false)
    error_message = "The API needs a database: container_database may be null only when external_database is active."
  }
}

variable "external_database" {
  description = "Existing MongoDB: secret_arn (a secret whose whole value is the connection string, including the database name), kms_key_arn of that secret, cidrs and ports (from_port, to_port) of its servers, active (true; false: it can be reached for a copy, but the API uses the container's database). Null: none."
  type = object({
    secret_arn  = string
    kms_key_arn = optional(string)
    cidrs       = optional(list(string), ["0.0.0.0/0"])
    from_port   = optional(number)
    to_port     = optional(number)
    active      = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.external_database == null || can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[a-zA-Z0-9/_+=.@-]+$", var.external_database.secret_arn))
    error_message = "external_database.secret_arn must be the full ARN of a secret, without a JSON key or version after it."
  }

  validation {
    condition     = try(var.external_database.kms_key_arn, null) == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+$", var.external_database.kms_key_arn))
    error_message = "external_database.kms_key_arn must be the ARN of a KMS key."
  }

  validation {
    condition     = try(length(var.external_database.cidrs), 1) > 0 && alltrue([for cidr in try(var.external_database.cidrs, []) : can(cidrnetmask(cidr))])
    error_message = "external_database.cidrs must have at least one IPv4 range in CIDR notation, and nothing else."
  }

  validation {
    condition     = var.external_database == null || try(coalesce(var.external_database.from_port, 1) <= coalesce(var.external_database.to_port, var.external_database.from_port, 65535), false)
    error_message = "external_database.to_port must not be below from_port."
  }
}

# The network and the edge

variable "network" {
  description = "The network that is created: cidr (10.0.0.0/16; cannot be changed later), zones (availability zones with a number each, as in the output zones; null: the first three of the region), egress (how tasks reach AWS: \"nat\", \"nat_per_zone\" or \"public\"), flow_logs (false)."
  type = object({
    cidr      = optional(string, "10.0.0.0/16")
    zones     = optional(map(number))
    egress    = optional(string, "nat")
    flow_logs = optional(bool, false)
  })
  default  = {}
  nullable = false
}

variable "existing_network" {
  description = "Existing network: vpc_id, and private_subnet_ids and public_subnet_ids by zone. AWS must be reachable from its private subnets, and CloudFront requires that it has an internet gateway. Null: a network is created."
  type = object({
    vpc_id             = string
    private_subnet_ids = map(string)
    public_subnet_ids  = optional(map(string), {})
  })
  default = null

  validation {
    condition     = var.existing_network == null || try(length(var.existing_network.private_subnet_ids), 0) >= 2
    error_message = "existing_network.private_subnet_ids must have subnets in at least two zones, because a load balancer needs two."
  }
}

variable "public_load_balancer" {
  description = "A public load balancer instead of CloudFront with an internal one, and the address ranges that may connect to it (allowed_cidrs; default: all). Null: CloudFront."
  type = object({
    allowed_cidrs = optional(list(string), ["0.0.0.0/0"])
  })
  default = null
}

variable "domain" {
  description = "Domain name that callers use, which must point to the output public_dns_name in your DNS, and the ARN of its ACM certificate (in us-east-1 for CloudFront): { name, certificate_arn }. Null: the name that AWS gives."
  type = object({
    name            = string
    certificate_arn = string
  })
  default = null
}

variable "web_acl_arn" {
  description = "ARN of a WAF web ACL for CloudFront (scope CLOUDFRONT) or for the public load balancer (scope REGIONAL). Null: none."
  type        = string
  default     = null
}

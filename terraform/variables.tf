# Those of simple-user-api, with its names and defaults.

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
  description = "Prefix of every name. Another one makes another deployment in the same account and region."
  type        = string
  default     = "simple-user-api"
  nullable    = false

  # Load balancers take 32 characters, IAM roles 64 with the region and the role's purpose in them, and S3 no upper case.
  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.app_name)) && length(var.app_name) <= 24 && !can(regex("^(internal-|aws|ssm)", var.app_name))
    error_message = "app_name must have at most 24 characters: lower-case letters, digits and single hyphens, a letter first; AWS keeps names that begin with internal-, aws or ssm."
  }

  validation {
    condition     = var.authentication != "cognito" || !can(regex("aws|amazon|cognito", var.app_name))
    error_message = "With authentication = \"cognito\" app_name is part of a domain, in which AWS keeps the words aws, amazon and cognito."
  }
}

variable "app_image" {
  description = "Image reference of the API. Null: built from this checkout and pushed to the deployment's own registry during apply."
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

  # Lower ports are for root, which the API does not run as; the collector has the others in the same network namespace.
  validation {
    condition = (
      var.app_container_port == floor(var.app_container_port) && var.app_container_port >= 1024 && var.app_container_port <= 65535
      && !contains([4317, 13133], var.app_container_port)
    )
    error_message = "app_container_port must be a whole number from 1024 to 65535, other than the collector's 4317 and 13133."
  }
}

variable "db_container_port" {
  description = "Port of MongoDB, in the container and, with database = \"external\", on the servers outside."
  type        = number
  default     = 27017
  nullable    = false

  validation {
    condition     = var.db_container_port == floor(var.db_container_port) && var.db_container_port >= 1024 && var.db_container_port <= 65535
    error_message = "db_container_port must be a whole number from 1024 to 65535."
  }
}

variable "max_capacity" {
  description = "Most API tasks that autoscaling starts."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.max_capacity == floor(var.max_capacity) && var.max_capacity >= var.min_capacity
    error_message = "max_capacity must be a whole number, and not below min_capacity."
  }
}

variable "min_capacity" {
  description = "Fewest API tasks. Two or more survive the loss of a zone without a pause."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.min_capacity == floor(var.min_capacity) && var.min_capacity >= 1
    error_message = "min_capacity must be a whole number of at least 1."
  }
}

variable "cpu_threshold" {
  description = "CPU use in percent that autoscaling holds the API at."
  type        = number
  default     = 80
  nullable    = false

  validation {
    condition     = var.cpu_threshold >= 1 && var.cpu_threshold <= 100
    error_message = "cpu_threshold must be from 1 to 100."
  }
}

variable "mem_threshold" {
  description = "Memory use in percent that autoscaling holds the API at."
  type        = number
  default     = 80
  nullable    = false

  validation {
    condition     = var.mem_threshold >= 1 && var.mem_threshold <= 100
    error_message = "mem_threshold must be from 1 to 100."
  }
}

# The API service

variable "requests_threshold" {
  description = "Requests a minute and task that autoscaling holds the API at."
  type        = number
  default     = 6000
  nullable    = false

  validation {
    condition     = var.requests_threshold >= 1
    error_message = "requests_threshold must be at least 1."
  }
}

variable "app_cpu" {
  description = "CPU units of an API task; 1024 are one vCPU."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = contains(keys(local.fargate_memory), tostring(var.app_cpu))
    error_message = "app_cpu must be a size that Fargate has: ${join(", ", keys(local.fargate_memory))}."
  }
}

variable "app_memory" {
  description = "Memory of an API task in MiB, 192 of which are the collector's."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = contains(lookup(local.fargate_memory, tostring(var.app_cpu), [var.app_memory]), var.app_memory)
    error_message = "Fargate has no task with app_cpu = ${var.app_cpu} and app_memory = ${var.app_memory}. With that CPU: ${join(", ", lookup(local.fargate_memory, tostring(var.app_cpu), []))}."
  }
}

variable "architecture" {
  description = "CPU architecture of all tasks, and of the image when it is built here: X86_64 or ARM64."
  type        = string
  default     = "X86_64"
  nullable    = false

  validation {
    condition     = contains(["X86_64", "ARM64"], var.architecture)
    error_message = "architecture must be X86_64 or ARM64."
  }
}

variable "request_timeout" {
  description = "Seconds within which the API answers any request. Draining and stopping wait accordingly longer."
  type        = number
  default     = 10
  nullable    = false

  # The load balancer gives up a silent request after 60 seconds.
  validation {
    condition     = var.request_timeout == floor(var.request_timeout) && var.request_timeout >= 1 && var.request_timeout <= 50
    error_message = "request_timeout must be a whole number from 1 to 50."
  }
}

variable "requests_per_second_per_caller" {
  description = "Requests a second that an API task takes from one caller, on average; more are answered 429. 0: no limit."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.requests_per_second_per_caller == floor(var.requests_per_second_per_caller) && var.requests_per_second_per_caller >= 0
    error_message = "requests_per_second_per_caller must be a whole number of at least 0."
  }
}

variable "wait_for_steady_state" {
  description = "Whether apply waits until the services run what was asked for."
  type        = bool
  default     = true
  nullable    = false
}

# Who may call

variable "authentication" {
  description = "Whose tokens the API takes: \"cognito\" (a user pool made here), \"jwt\" (any OpenID Connect issuer), or \"none\": everybody may do everything."
  type        = string
  default     = "cognito"
  nullable    = false

  validation {
    condition     = contains(["cognito", "jwt", "none"], var.authentication)
    error_message = "authentication must be \"cognito\", \"jwt\" or \"none\"."
  }
}

variable "jwt_authority" {
  description = "With authentication = \"jwt\": issuer of the tokens, below whose address .well-known/openid-configuration is found."
  type        = string
  default     = null

  validation {
    condition     = (var.jwt_authority != null) == (var.authentication == "jwt")
    error_message = "jwt_authority is needed with authentication = \"jwt\", and only then."
  }

  validation {
    condition     = var.jwt_authority == null || can(regex("^https://[^\\s/:?#]+(:443)?(/[^\\s?#]*)?$", var.jwt_authority))
    error_message = "jwt_authority must be an https address with port 443, the only one that tasks reach outside."
  }
}

variable "jwt_audiences" {
  description = "With authentication = \"jwt\": audiences of tokens that are meant for this API."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = (length(var.jwt_audiences) > 0) == (var.authentication == "jwt") && alltrue([for audience in var.jwt_audiences : trimspace(audience) != ""])
    error_message = "jwt_audiences must name at least one audience with authentication = \"jwt\", and only then: without, tokens for any other service would be taken."
  }
}

variable "jwt_issuer_cidrs" {
  description = "With egress = \"endpoints\" and authentication = \"jwt\": address ranges of the issuer in a peered network, which the API may reach on port 443."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.jwt_issuer_cidrs : can(cidrnetmask(cidr))])
    error_message = "jwt_issuer_cidrs must be IPv4 ranges in CIDR notation."
  }

  validation {
    condition     = (length(var.jwt_issuer_cidrs) > 0) == (var.authentication == "jwt" && var.egress == "endpoints")
    error_message = "jwt_issuer_cidrs is needed with authentication = \"jwt\" and egress = \"endpoints\", where the API could not fetch the issuer's keys without, and only then."
  }
}

# The database

variable "database" {
  description = "Where users are kept: \"container\" runs MongoDB here, \"external\" uses a MongoDB that is already there."
  type        = string
  default     = "container"
  nullable    = false

  validation {
    condition     = contains(["container", "external"], var.database)
    error_message = "database must be \"container\" or \"external\"."
  }
}

variable "external_database_secret_arn" {
  description = "With database = \"external\": ARN of the Secrets Manager secret whose whole value is the connection string, database name included."
  type        = string
  default     = null

  validation {
    condition     = (var.external_database_secret_arn != null) == (var.database == "external")
    error_message = "external_database_secret_arn is needed with database = \"external\", and only then."
  }

  validation {
    condition     = var.external_database_secret_arn == null || can(regex("^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[a-zA-Z0-9/_+=.@-]+$", var.external_database_secret_arn))
    error_message = "external_database_secret_arn must be the whole ARN of a secret, without a JSON key or version behind it."
  }
}

variable "external_database_kms_key_arn" {
  description = "ARN of the KMS key of that secret, if it is not the account's default key for secrets."
  type        = string
  default     = null

  validation {
    condition     = var.external_database_kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9-]+$", var.external_database_kms_key_arn))
    error_message = "external_database_kms_key_arn must be the ARN of a KMS key."
  }
}

variable "external_database_cidrs" {
  description = "Address ranges of the external database: the only ones that the API may reach on db_container_port."
  type        = list(string)
  default     = ["0.0.0.0/0"]
  nullable    = false

  validation {
    condition     = length(var.external_database_cidrs) > 0 && alltrue([for cidr in var.external_database_cidrs : can(cidrnetmask(cidr))])
    error_message = "external_database_cidrs must be IPv4 ranges in CIDR notation, at least one."
  }
}

variable "db_image" {
  description = "Image of the container database: the official MongoDB image or a copy of it."
  type        = string
  default     = "public.ecr.aws/docker/library/mongo:8.2"
  nullable    = false

  validation {
    condition     = can(regex("[:@][a-zA-Z0-9._:-]+$", var.db_image)) && !endswith(var.db_image, ":latest")
    error_message = "db_image must name a version: files that a newer MongoDB has opened cannot be opened by an older one again."
  }
}

variable "db_cpu" {
  description = "CPU units of the database task."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = contains(keys(local.fargate_memory), tostring(var.db_cpu))
    error_message = "db_cpu must be a size that Fargate has: ${join(", ", keys(local.fargate_memory))}."
  }
}

variable "db_memory" {
  description = "Memory of the database task in MiB."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = contains(lookup(local.fargate_memory, tostring(var.db_cpu), [var.db_memory]), var.db_memory)
    error_message = "Fargate has no task with db_cpu = ${var.db_cpu} and db_memory = ${var.db_memory}. With that CPU: ${join(", ", lookup(local.fargate_memory, tostring(var.db_cpu), []))}."
  }
}

variable "db_password_version" {
  description = "Version of the container database's passwords. A higher one draws new passwords and deploys them."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.db_password_version == floor(var.db_password_version) && var.db_password_version >= 1
    error_message = "db_password_version must be a whole number of at least 1."
  }
}

variable "db_backup_retention_days" {
  description = "Days that the daily backups of the container database are kept. Destroy deletes them all."
  type        = number
  default     = 35
  nullable    = false

  validation {
    condition     = var.db_backup_retention_days == floor(var.db_backup_retention_days) && var.db_backup_retention_days >= 1
    error_message = "db_backup_retention_days must be a whole number of at least 1."
  }
}

variable "db_directory" {
  description = "Directory of the file system that the container database runs on. Another one is for a restored backup."
  type        = string
  default     = "/mongo"
  nullable    = false

  # EFS takes at most four levels.
  validation {
    condition     = can(regex("^(/[^/ ]+){1,4}$", var.db_directory)) && length(var.db_directory) <= 100
    error_message = "db_directory must be an absolute path of at most four levels and 100 characters."
  }
}

variable "execute_command" {
  description = "Whether ECS Exec may open a shell in the database container, for maintenance. The API's container has no shell."
  type        = bool
  default     = false
  nullable    = false
}

# The network

variable "vpc_cidr" {
  description = "Address range of the VPC."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  # From /20 on, the public subnets would be smaller than the /27 that a load balancer needs.
  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.vpc_cidr)[1]), 32) <= 19
    error_message = "vpc_cidr must be an IPv4 range of /16 to /19."
  }
}

variable "zone_count" {
  description = "Number of availability zones."
  type        = number
  default     = 3
  nullable    = false

  # A load balancer needs two.
  validation {
    condition     = var.zone_count == floor(var.zone_count) && var.zone_count >= 2 && var.zone_count <= 6
    error_message = "zone_count must be a whole number from 2 to 6."
  }
}

variable "egress" {
  description = "How tasks reach AWS: \"nat\" (one gateway), \"nat_per_zone\", or \"endpoints\" (VPC endpoints alone, no way to the internet)."
  type        = string
  default     = "nat"
  nullable    = false

  validation {
    condition     = contains(["nat", "nat_per_zone", "endpoints"], var.egress)
    error_message = "egress must be \"nat\", \"nat_per_zone\" or \"endpoints\"."
  }

  # A pull-through cache would not do either: its first pull of an image needs a way to the internet.
  validation {
    condition     = var.egress != "endpoints" || length(local.images_outside) == 0
    error_message = "With egress = \"endpoints\" every image must come from ECR in ${var.region_name}. Copy these there and set their variables: ${join(", ", local.images_outside)}."
  }

  # AWS PrivateLink serves no user pool that has a domain, without which no program gets a token.
  validation {
    condition     = var.egress != "endpoints" || var.authentication != "cognito"
    error_message = "With egress = \"endpoints\" the API could not fetch Cognito's keys: choose another egress, or authentication = \"jwt\" with an issuer in a peered network (jwt_issuer_cidrs)."
  }
}

variable "flow_logs" {
  description = "Whether the VPC logs its connections."
  type        = bool
  default     = false
  nullable    = false
}

# The public endpoint

variable "public_endpoint" {
  description = "What callers connect to: \"cloudfront\" (HTTPS without a domain, before an internal load balancer) or \"alb\" (a public load balancer)."
  type        = string
  default     = "cloudfront"
  nullable    = false

  validation {
    condition     = contains(["cloudfront", "alb"], var.public_endpoint)
    error_message = "public_endpoint must be \"cloudfront\" or \"alb\"."
  }
}

variable "allowed_cidrs" {
  description = "With public_endpoint = \"alb\": address ranges that may connect to the load balancer."
  type        = list(string)
  default     = ["0.0.0.0/0"]
  nullable    = false

  validation {
    condition     = var.public_endpoint == "alb" || toset(var.allowed_cidrs) == toset(["0.0.0.0/0"])
    error_message = "allowed_cidrs needs public_endpoint = \"alb\": CloudFront takes connections from everywhere."
  }

  validation {
    condition     = length(var.allowed_cidrs) > 0 && alltrue([for cidr in var.allowed_cidrs : can(cidrnetmask(cidr))])
    error_message = "allowed_cidrs must be IPv4 ranges in CIDR notation, at least one."
  }
}

variable "certificate_arn" {
  description = "ARN of an ACM certificate: of us-east-1 for CloudFront, of region_name for a public load balancer, which without one serves plain HTTP."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-zA-Z0-9-]+$", var.certificate_arn))
    error_message = "certificate_arn must be the ARN of an ACM certificate."
  }

  validation {
    condition     = var.public_endpoint != "cloudfront" || strcontains(coalesce(var.certificate_arn, ":acm:us-east-1:"), ":acm:us-east-1:")
    error_message = "CloudFront takes certificates of us-east-1 only: certificate_arn names another region."
  }
}

variable "domain_name" {
  description = "Name that the certificate is for and that your DNS points to public_dns_name; app_url shows it."
  type        = string
  default     = null

  validation {
    condition     = var.domain_name == null || (var.certificate_arn != null && can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name)))
    error_message = "domain_name must be a host name, and needs certificate_arn."
  }

  validation {
    condition     = var.public_endpoint != "cloudfront" || var.certificate_arn == null || var.domain_name != null
    error_message = "CloudFront has to know the name that certificate_arn is for: domain_name."
  }
}

variable "access_logs" {
  description = "Whether the load balancer logs its requests to a bucket."
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether the load balancer and the user pool refuse to be deleted. Destroy works only after it is switched off again."
  type        = bool
  default     = false
  nullable    = false
}

# Observability

variable "collector_image" {
  description = "Image of the OpenTelemetry collector (AWS Distro for OpenTelemetry)."
  type        = string
  default     = "public.ecr.aws/aws-observability/aws-otel-collector:v0.49.0"
  nullable    = false

  validation {
    condition     = can(regex("[:@][a-zA-Z0-9._:-]+$", var.collector_image)) && !endswith(var.collector_image, ":latest")
    error_message = "collector_image must name a version."
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

variable "container_insights" {
  description = "Container Insights of the cluster: \"enabled\", \"enhanced\" or \"disabled\"."
  type        = string
  default     = "enabled"
  nullable    = false

  validation {
    condition     = contains(["enabled", "enhanced", "disabled"], var.container_insights)
    error_message = "container_insights must be \"enabled\", \"enhanced\" or \"disabled\"."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days
    )
    error_message = "log_retention_days must be a retention that CloudWatch Logs has: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, ..."
  }
}

variable "alarm_email" {
  description = "Address that alarms are mailed to. It gets a message that asks for its consent first."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null || can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alarm_email))
    error_message = "alarm_email must be an e-mail address."
  }
}

variable "error_threshold" {
  description = "Share of answers with a 5xx status, in percent, that raises an alarm and rolls a deployment back."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.error_threshold > 0 && var.error_threshold < 100
    error_message = "error_threshold must be between 0 and 100."
  }
}

variable "latency_threshold" {
  description = "99th percentile of the latency, in seconds, that raises an alarm and rolls a deployment back."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.latency_threshold > 0
    error_message = "latency_threshold must be above 0."
  }
}

# The pipeline

variable "github_repository" {
  description = "GitHub repository (owner/name) whose workflow may deploy. Null: none."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || can(regex("^[a-zA-Z0-9-]+/[a-zA-Z0-9._-]+$", var.github_repository))
    error_message = "github_repository must be owner/name."
  }
}

variable "github_environment" {
  description = "GitHub environment that the deploying job must run in. Null: github_branch counts instead."
  type        = string
  default     = "production"

  validation {
    condition     = var.github_environment == null || can(regex("^[a-zA-Z0-9._-]+$", var.github_environment))
    error_message = "github_environment must be a name without wildcards."
  }
}

variable "github_branch" {
  description = "Branch that may deploy when github_environment is null."
  type        = string
  default     = "main"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9._/-]+$", var.github_branch))
    error_message = "github_branch must be the name of one branch, without wildcards."
  }
}

variable "github_oidc_provider_arn" {
  description = "ARN of the account's OIDC provider for GitHub, of which an account can have one only. Null: created here."
  type        = string
  default     = null

  validation {
    condition     = var.github_oidc_provider_arn == null || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/token.actions.githubusercontent.com$", var.github_oidc_provider_arn))
    error_message = "github_oidc_provider_arn must be the ARN of the provider token.actions.githubusercontent.com."
  }
}

variable "state_bucket" {
  description = "Bucket of the Terraform state that the deploying workflow works on, below the key app_name/."
  type        = string
  default     = null

  validation {
    condition     = var.state_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "state_bucket must be the name of a bucket."
  }
}

variable "tags" {
  description = "Tags of every resource, besides Application and ManagedBy."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "tags cannot begin with \"aws:\"."
  }
}

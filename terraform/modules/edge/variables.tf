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
  description = "VPC of the load balancer."
  type        = string
  nullable    = false
}

variable "vpc_cidr" {
  description = "Address range of the VPC. A public load balancer's requests to the API come from it."
  type        = string
  nullable    = false
}

variable "private_subnet_ids" {
  description = "At least two private subnets by zone, for the load balancer behind CloudFront."
  type        = map(string)
  nullable    = false
}

variable "public_subnet_ids" {
  description = "At least two public subnets by zone, for a public load balancer."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "container_port" {
  description = "Port that the API listens on."
  type        = number
  default     = 8000
  nullable    = false
}

variable "deregistration_delay" {
  description = "Seconds that a stopping task has to finish its requests."
  type        = number
  default     = 15
  nullable    = false
}

variable "public_load_balancer" {
  description = "A public load balancer instead of CloudFront, and the address ranges that may connect to it. Null: CloudFront."
  type = object({
    allowed_cidrs = optional(list(string), ["0.0.0.0/0"])
  })
  default = null

  validation {
    condition     = try(length(var.public_load_balancer.allowed_cidrs), 1) > 0 && alltrue([for cidr in try(var.public_load_balancer.allowed_cidrs, []) : can(cidrnetmask(cidr))])
    error_message = "public_load_balancer.allowed_cidrs must have at least one IPv4 range in CIDR notation, and nothing else."
  }

  validation {
    condition     = var.public_load_balancer == null || length(var.public_subnet_ids) >= 2
    error_message = "A public load balancer needs public subnets in two zones."
  }
}

variable "domain" {
  description = "Domain name that callers use, and its ACM certificate: in us-east-1 for CloudFront, in the deployment's region for a public load balancer. Null: the name that AWS gives."
  type = object({
    name            = string
    certificate_arn = string
  })
  default = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain.name))
    error_message = "domain.name must be a host name."
  }

  validation {
    condition     = var.domain == null || can(regex("^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-zA-Z0-9-]+$", var.domain.certificate_arn))
    error_message = "domain.certificate_arn must be the ARN of an ACM certificate."
  }
}

variable "web_acl_arn" {
  description = "ARN of a WAF web ACL: of scope CLOUDFRONT for CloudFront, REGIONAL for a public load balancer. Null: none."
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || can(regex("^arn:aws[a-z-]*:wafv2:[a-z0-9-]+:[0-9]{12}:(global|regional)/webacl/", var.web_acl_arn))
    error_message = "web_acl_arn must be the ARN of a web ACL."
  }

  validation {
    condition     = var.web_acl_arn == null || strcontains(coalesce(var.web_acl_arn, "-"), var.public_load_balancer == null ? ":global/" : ":regional/")
    error_message = "web_acl_arn must have scope CLOUDFRONT (global) for CloudFront and scope REGIONAL for a public load balancer."
  }
}

variable "access_logs" {
  description = "Whether CloudFront and the load balancer log requests to a bucket."
  type        = bool
  default     = true
  nullable    = false
}

variable "jwt" {
  description = "Issuer whose tokens the API accepts, which must serve /.well-known/openid-configuration below its address, and the audiences that the API accepts. Null: a Cognito user pool is created."
  type = object({
    authority = string
    audiences = list(string)
  })
  default = null

  validation {
    condition     = var.jwt == null || can(regex("^https://[^\\s/:?#]+(:443)?(/[^\\s?#]*)?$", var.jwt.authority))
    error_message = "jwt.authority must be an https address with port 443, the only port outside that tasks can reach."
  }

  validation {
    condition     = try(length(var.jwt.audiences), 1) > 0 && alltrue([for audience in try(var.jwt.audiences, []) : trimspace(audience) != ""])
    error_message = "jwt.audiences must have at least one audience: otherwise tokens for any other service would be accepted."
  }
}

variable "anonymous" {
  description = "Whether everybody may do everything, without a token."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !(var.anonymous && var.jwt != null)
    error_message = "With anonymous = true no tokens are checked: jwt must be null."
  }

  validation {
    condition     = var.anonymous || var.jwt != null || !can(regex("aws|amazon|cognito", var.context.name))
    error_message = "The name is part of a Cognito domain, in which AWS reserves the words aws, amazon and cognito: choose another name, or set jwt."
  }
}

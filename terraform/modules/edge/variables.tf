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
  description = "VPC of the load balancer."
  type        = string
  nullable    = false
}

variable "vpc_cidr" {
  description = "Its address range, which a public load balancer's requests come from."
  type        = string
  nullable    = false
}

variable "private_subnet_ids" {
  description = "Private subnets by zone, for the load balancer behind CloudFront: at least two."
  type        = map(string)
  nullable    = false
}

variable "public_subnet_ids" {
  description = "Public subnets by zone, for a public load balancer: at least two."
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
  description = "Seconds that a task which is about to stop has for its last requests."
  type        = number
  default     = 15
  nullable    = false
}

variable "public_load_balancer" {
  description = "A public load balancer in place of CloudFront, and the address ranges that may connect to it. Null: CloudFront."
  type = object({
    allowed_cidrs = optional(list(string), ["0.0.0.0/0"])
  })
  default = null

  validation {
    condition     = try(length(var.public_load_balancer.allowed_cidrs), 1) > 0 && alltrue([for cidr in try(var.public_load_balancer.allowed_cidrs, []) : can(cidrnetmask(cidr))])
    error_message = "public_load_balancer.allowed_cidrs must be IPv4 ranges in CIDR notation, at least one."
  }

  validation {
    condition     = var.public_load_balancer == null || length(var.public_subnet_ids) >= 2
    error_message = "A public load balancer needs public subnets in two zones."
  }
}

variable "domain" {
  description = "Name that callers use and the ACM certificate for it: of us-east-1 for CloudFront, of the region for a public load balancer. Null: AWS's own name."
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
    error_message = "CloudFront takes web ACLs of scope CLOUDFRONT (global), a load balancer those of scope REGIONAL."
  }
}

variable "access_logs" {
  description = "Whether CloudFront and the load balancer log their requests to a bucket."
  type        = bool
  default     = true
  nullable    = false
}

variable "jwt" {
  description = "Issuer whose tokens the API takes, below whose address .well-known/openid-configuration is found, and the audiences of tokens meant for it. Null: a Cognito user pool is made."
  type = object({
    authority = string
    audiences = list(string)
  })
  default = null

  validation {
    condition     = var.jwt == null || can(regex("^https://[^\\s/:?#]+(:443)?(/[^\\s?#]*)?$", var.jwt.authority))
    error_message = "jwt.authority must be an https address with port 443, the only one that tasks reach outside."
  }

  validation {
    condition     = try(length(var.jwt.audiences), 1) > 0 && alltrue([for audience in try(var.jwt.audiences, []) : trimspace(audience) != ""])
    error_message = "jwt.audiences must name at least one audience: without, tokens for any other service would be taken."
  }
}

variable "anonymous" {
  description = "Whether everybody may do everything, without a token."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !(var.anonymous && var.jwt != null)
    error_message = "anonymous = true takes no tokens: jwt must be null then."
  }

  validation {
    condition     = var.anonymous || var.jwt != null || !can(regex("aws|amazon|cognito", var.context.name))
    error_message = "The name is part of a domain of Cognito's, in which AWS keeps the words aws, amazon and cognito: choose another, or jwt."
  }
}

# A deployment for production: at least two tasks, a NAT gateway per zone, a managed database, your own KMS key, a domain, a web ACL,
# deletion protection, an address for alarms, and a pipeline.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region = var.region
}

data "aws_caller_identity" "current" {}

# One key for files, secrets, logs, images and alarms. Besides the account's own principals, these services use it: CloudWatch Logs
# for the log groups, and CloudWatch and EventBridge to publish to the alarm topic.
resource "aws_kms_key" "this" {
  description         = "User API"
  enable_key_rotation = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Account"
        Effect    = "Allow"
        Action    = "kms:*"
        Resource  = "*"
        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root" }
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Principal = { Service = "logs.${var.region}.amazonaws.com" }
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:${var.region}:${data.aws_caller_identity.current.account_id}:log-group:*" } }
      },
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Principal = { Service = ["cloudwatch.amazonaws.com", "events.amazonaws.com"] }
        Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
      },
    ]
  })
}

module "user_api" {
  source = "../.."

  region_name  = var.region
  min_capacity = 2
  max_capacity = 10
  app          = { cpu = 1024, memory = 2048 }

  # Zones are named, so that they do not change when AWS offers others.
  network = {
    zones     = { "${var.region}a" = 0, "${var.region}b" = 1, "${var.region}c" = 2 }
    egress    = "nat_per_zone"
    flow_logs = true
  }

  container_database = null
  external_database  = var.external_database

  domain                   = var.domain
  web_acl_arn              = var.web_acl_arn
  kms_key_arn              = aws_kms_key.this.arn
  permissions_boundary_arn = var.permissions_boundary_arn
  deletion_protection      = true

  telemetry = { log_retention_days = 365, container_insights = "enhanced" }
  alarms    = { email = var.alarm_email, latency_seconds = 0.5 }
  github    = { repository = var.github_repository, state_bucket = var.state_bucket }
}

output "app_url" {
  description = "URL of the API's documentation."
  value       = module.user_api.app_url
}

output "public_dns_name" {
  description = "DNS name that the domain must point to."
  value       = module.user_api.public_dns_name
}

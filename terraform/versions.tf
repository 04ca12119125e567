terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = var.region_name

  default_tags {
    tags = local.tags
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  # IAM roles and dashboards have one name space for all regions of an account.
  global_name = "${var.app_name}-${var.region_name}"

  tags = merge({
    Application = var.app_name
    ManagedBy   = "terraform"
  }, var.tags)
}

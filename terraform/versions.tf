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
  region = var.region_name

  default_tags {
    tags = local.tags
  }
}

# CloudFront's logs are set up in us-east-1. Without CloudFront nothing is created there, and other partitions do not have this region.
provider "aws" {
  alias  = "us_east_1"
  region = var.public_load_balancer == null ? "us-east-1" : var.region_name

  default_tags {
    tags = local.tags
  }
}

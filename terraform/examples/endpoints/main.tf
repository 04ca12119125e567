# A network without internet access: tasks reach AWS through VPC endpoints only. Every image must be in ECR in the same region (a
# pull-through cache would need the internet for its first pull), and the token issuer must be in a peered network: AWS PrivateLink
# does not serve Cognito user pools that have a domain, and without a domain programs cannot get tokens.

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

variable "region" {
  description = "Region of the deployment."
  type        = string
  default     = "us-east-1"
}

variable "zones" {
  description = "Availability zones with the numbers that determine the ranges of their subnets."
  type        = map(number)
  default     = { us-east-1a = 0, us-east-1b = 1 }
}

variable "registry" {
  description = "ECR registry in the same region with copies of the three images."
  type        = string
  default     = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
}

variable "issuer" {
  description = "Token issuer in a peered network, on port 443."
  type        = object({ authority = string, audiences = list(string) })
  default     = { authority = "https://login.internal.example.com", audiences = ["users"] }
}

locals {
  # The AWS services that tasks call. Image layers come from S3, which has a gateway endpoint.
  services = ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "xray"]
}

resource "aws_vpc" "this" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true

  tags = { Name = "user-api" }
}

# CloudFront requires an internet gateway for a VPC origin. No route uses it.
resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "private" {
  for_each = var.zones

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 4, each.value)
}

resource "aws_security_group" "endpoints" {
  name        = "user-api-endpoints"
  description = "VPC endpoints: the VPC in"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  security_group_id = aws_security_group.endpoints.id
  description       = "Tasks"
  cidr_ipv4         = aws_vpc.this.cidr_block
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_endpoint" "interface" {
  for_each = toset(local.services)

  vpc_id              = aws_vpc.this.id
  vpc_endpoint_type   = "Interface"
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id          = aws_vpc.this.id
  service_name    = "com.amazonaws.${var.region}.s3"
  route_table_ids = [aws_vpc.this.main_route_table_id]
}

module "user_api" {
  source = "../.."

  region_name = var.region
  app_image   = "${var.registry}/user-api:1.0.0"
  jwt         = var.issuer

  # From the endpoints, so that no task starts before they exist.
  existing_network = {
    vpc_id             = aws_vpc_endpoint.s3.vpc_id
    private_subnet_ids = { for zone, subnet in aws_subnet.private : zone => subnet.id if length(aws_vpc_endpoint.interface) == length(local.services) }
  }

  container_database = { image = "${var.registry}/mongo:8.0" }
  telemetry          = { collector_image = "${var.registry}/aws-otel-collector:v0.49.0" }
}

output "app_url" {
  description = "URL of the API's documentation."
  value       = module.user_api.app_url
}

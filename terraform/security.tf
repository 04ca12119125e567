# Who may talk to whom. Every rule is a resource of its own: rules inside a group and rules beside it undo each other.

locals {
  listener_ports = local.load_balancer_certificate_arn == null ? [80] : [80, 443]
}

resource "aws_security_group" "load_balancer" {
  name        = "${var.app_name}-load-balancer"
  description = "Load balancer: callers in, API out"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.app_name}-load-balancer" }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  for_each = {
    for pair in setproduct(local.cloudfront ? [] : var.allowed_cidrs, local.listener_ports) : "${pair[0]}:${pair[1]}" => { cidr = pair[0], port = pair[1] }
  }

  security_group_id = aws_security_group.load_balancer.id
  description       = "Callers"
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

# Addresses that CloudFront's requests come from. That others' distributions have them too is no matter: an internal load balancer
# can be reached through this account's VPC origins only. AWS counts the list as 55 of the 60 rules that a group may have.
data "aws_ec2_managed_prefix_list" "cloudfront" {
  count = local.cloudfront ? 1 : 0

  name = "com.amazonaws.global.cloudfront.origin-facing"
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer_from_cloudfront" {
  count = local.cloudfront ? 1 : 0

  security_group_id = aws_security_group.load_balancer.id
  description       = "CloudFront"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.cloudfront[0].id
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_to_api" {
  security_group_id            = aws_security_group.load_balancer.id
  description                  = "API"
  referenced_security_group_id = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = var.app_container_port
  to_port                      = var.app_container_port
}

resource "aws_security_group" "api" {
  name        = "${var.app_name}-api"
  description = "API tasks: load balancer in, database and AWS out"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.app_name}-api" }
}

resource "aws_vpc_security_group_ingress_rule" "api_from_load_balancer" {
  security_group_id            = aws_security_group.api.id
  description                  = "Load balancer"
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = var.app_container_port
  to_port                      = var.app_container_port
}

resource "aws_vpc_security_group_egress_rule" "api_to_database" {
  count = local.container_database ? 1 : 0

  security_group_id            = aws_security_group.api.id
  description                  = "Database"
  referenced_security_group_id = aws_security_group.database[0].id
  ip_protocol                  = "tcp"
  from_port                    = var.db_container_port
  to_port                      = var.db_container_port
}

resource "aws_vpc_security_group_egress_rule" "api_to_external_database" {
  for_each = toset(local.container_database ? [] : var.external_database_cidrs)

  security_group_id = aws_security_group.api.id
  description       = "External database"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = var.db_container_port
  to_port           = var.db_container_port
}

resource "aws_vpc_security_group_egress_rule" "api_to_issuer" {
  for_each = toset(var.egress == "endpoints" ? var.jwt_issuer_cidrs : [])

  security_group_id = aws_security_group.api.id
  description       = "Issuer of tokens"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_security_group" "database" {
  count = local.container_database ? 1 : 0

  name        = "${var.app_name}-database"
  description = "Database task: API in, file system and AWS out"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.app_name}-database" }
}

resource "aws_vpc_security_group_ingress_rule" "database_from_api" {
  count = local.container_database ? 1 : 0

  security_group_id            = aws_security_group.database[0].id
  description                  = "API"
  referenced_security_group_id = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = var.db_container_port
  to_port                      = var.db_container_port
}

resource "aws_vpc_security_group_egress_rule" "database_to_file_system" {
  count = local.container_database ? 1 : 0

  security_group_id            = aws_security_group.database[0].id
  description                  = "File system"
  referenced_security_group_id = aws_security_group.file_system[0].id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}

resource "aws_security_group" "file_system" {
  count = local.container_database ? 1 : 0

  name        = "${var.app_name}-file-system"
  description = "File system of the database: database in"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.app_name}-file-system" }
}

resource "aws_vpc_security_group_ingress_rule" "file_system_from_database" {
  count = local.container_database ? 1 : 0

  security_group_id            = aws_security_group.file_system[0].id
  description                  = "Database"
  referenced_security_group_id = aws_security_group.database[0].id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}

# The way of all tasks to AWS: through NAT to anywhere, or to the endpoints and to S3 only.

locals {
  task_security_groups = merge(
    { api = aws_security_group.api.id },
    local.container_database ? { database = aws_security_group.database[0].id } : {},
  )
}

resource "aws_vpc_security_group_egress_rule" "tasks_to_aws" {
  for_each = var.egress == "endpoints" ? {} : local.task_security_groups

  security_group_id = each.value
  description       = "AWS and registries"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "tasks_to_endpoints" {
  for_each = var.egress == "endpoints" ? local.task_security_groups : {}

  security_group_id            = each.value
  description                  = "AWS"
  referenced_security_group_id = aws_security_group.endpoints[0].id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "tasks_to_s3" {
  for_each = var.egress == "endpoints" ? local.task_security_groups : {}

  security_group_id = each.value
  description       = "Layers of images"
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_security_group" "endpoints" {
  count = var.egress == "endpoints" ? 1 : 0

  name        = "${var.app_name}-endpoints"
  description = "VPC endpoints: tasks in"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${var.app_name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_from_tasks" {
  for_each = var.egress == "endpoints" ? local.task_security_groups : {}

  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "Tasks: ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

# Trust of all roles of tasks: ECS, for tasks of this account and region.
locals {
  tasks_trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ecs:${var.region_name}:${local.account_id}:*" }
      }
    }]
  })
}

# Connections to and from the API. Every rule is its own resource: Terraform's inline rules and rule resources overwrite each other.

resource "aws_security_group" "api" {
  name        = "${var.context.name}-api"
  description = "API tasks: load balancer in, database and AWS out"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.context.name}-api" }
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_to_api" {
  security_group_id            = var.load_balancer.security_group_id
  description                  = "API"
  referenced_security_group_id = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = var.container_port
  to_port                      = var.container_port
}

resource "aws_vpc_security_group_ingress_rule" "api_from_load_balancer" {
  security_group_id            = aws_security_group.api.id
  description                  = "Load balancer"
  referenced_security_group_id = var.load_balancer.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.container_port
  to_port                      = var.container_port
}

resource "aws_vpc_security_group_egress_rule" "api_to_database" {
  count = var.container_database == null ? 0 : 1

  security_group_id            = aws_security_group.api.id
  description                  = "Database"
  referenced_security_group_id = var.container_database.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.container_database.port
  to_port                      = var.container_database.port
}

resource "aws_vpc_security_group_ingress_rule" "database_from_api" {
  count = var.container_database == null ? 0 : 1

  security_group_id            = var.container_database.security_group_id
  description                  = "API"
  referenced_security_group_id = aws_security_group.api.id
  ip_protocol                  = "tcp"
  from_port                    = var.container_database.port
  to_port                      = var.container_database.port
}

resource "aws_vpc_security_group_egress_rule" "api_to_external_database" {
  for_each = toset(var.external_database == null ? [] : var.external_database.cidrs)

  security_group_id = aws_security_group.api.id
  description       = "External database"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = var.external_database.from_port
  to_port           = var.external_database.to_port
}

# Used by ECS for secrets and images, by the collector for telemetry, and by the API for the keys of its tokens' issuer.
resource "aws_vpc_security_group_egress_rule" "api_to_aws" {
  security_group_id = aws_security_group.api.id
  description       = "AWS and registries"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

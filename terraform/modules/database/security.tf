# Connections to and from the database. Every rule is its own resource: Terraform's inline rules and rule resources overwrite each other.
# The rule that lets the API connect is in the API module.

resource "aws_security_group" "database" {
  name        = "${var.context.name}-database"
  description = "Database task: API in, file system and AWS out"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.context.name}-database" }
}

resource "aws_vpc_security_group_egress_rule" "database_to_aws" {
  security_group_id = aws_security_group.database.id
  description       = "AWS and registries"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "database_to_file_system" {
  security_group_id            = aws_security_group.database.id
  description                  = "File system"
  referenced_security_group_id = aws_security_group.file_system.id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}

# For copying users to another database, while both exist.
resource "aws_vpc_security_group_egress_rule" "database_to_successor" {
  for_each = toset(var.successor == null ? [] : var.successor.cidrs)

  security_group_id = aws_security_group.database.id
  description       = "External database"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = var.successor.from_port
  to_port           = var.successor.to_port
}

resource "aws_security_group" "file_system" {
  name        = "${var.context.name}-file-system"
  description = "File system of the database: database in"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.context.name}-file-system" }
}

resource "aws_vpc_security_group_ingress_rule" "file_system_from_database" {
  security_group_id            = aws_security_group.file_system.id
  description                  = "Database"
  referenced_security_group_id = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}

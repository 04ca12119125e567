data "aws_availability_zones" "available" {
  count = var.zones == null ? 1 : 0

  state = "available"

  # Excludes local zones, which have no Fargate.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }

  # CloudFront cannot reach load balancers in these zones (AWS's list of regions for VPC origins).
  exclude_zone_ids = ["apne1-az3", "apne2-az1", "cac1-az3", "use1-az3", "usw1-az2"]
}

locals {
  available = flatten(data.aws_availability_zones.available[*].names)

  # Three zones, or fewer if the region has fewer.
  zones = var.zones == null ? { for number, zone in slice(local.available, 0, min(3, length(local.available))) : zone => number } : var.zones

  # One sixteenth of the range for each private subnet; the public ones share the first sixteenth.
  # Ranges are chosen by the zone's number, not by its position in a list, so that removing a zone does not change the others.
  public_cidrs  = { for zone, number in local.zones : zone => cidrsubnet(var.cidr, 8, number) }
  private_cidrs = { for zone, number in local.zones : zone => cidrsubnet(var.cidr, 4, number + 1) }

  nat_zones = {
    nat          = slice(keys(local.zones), 0, 1)
    nat_per_zone = keys(local.zones)
    public       = []
  }[var.egress]
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = { Name = var.context.name }

  # A new range would replace the VPC and everything in it, and AWS would refuse that halfway.
  lifecycle {
    ignore_changes = [cidr_block]

    precondition {
      condition     = length(local.zones) >= 2
      error_message = "${var.context.region} has fewer than two availability zones to choose from: set zones."
    }

    postcondition {
      condition     = self.cidr_block == var.cidr
      error_message = "The address range of a network cannot be changed: it is ${self.cidr_block}. Set it back, or create a second deployment with another name and move to it."
    }
  }
}

# It has no rules, so that a resource placed in it by accident has no connections.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.context.name}-default" }
}

# CloudFront requires an internet gateway, too, although its requests do not pass through it.
resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = var.context.name }
}

# For NAT gateways, a public load balancer and, with egress = "public", tasks.
resource "aws_subnet" "public" {
  for_each = local.public_cidrs

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value

  tags = { Name = "${var.context.name}-public-${each.key}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.context.name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_subnet" "private" {
  for_each = local.private_cidrs

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = each.value

  tags = { Name = "${var.context.name}-private-${each.key}" }
}

resource "aws_route_table" "private" {
  for_each = local.private_cidrs

  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.context.name}-private-${each.key}" }
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private[each.key].id
}

resource "aws_eip" "nat" {
  for_each = toset(local.nat_zones)

  domain = "vpc"

  tags = { Name = "${var.context.name}-nat-${each.key}" }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  for_each = toset(local.nat_zones)

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id

  tags = { Name = "${var.context.name}-${each.key}" }

  depends_on = [aws_route.internet]
}

resource "aws_route" "nat" {
  for_each = var.egress == "public" ? {} : aws_route_table.private

  route_table_id         = each.value.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = try(aws_nat_gateway.this[each.key], values(aws_nat_gateway.this)[0]).id
}

# It is free, and saves the NAT gateway's charge for downloaded image layers.
resource "aws_vpc_endpoint" "s3" {
  vpc_id          = aws_vpc.this.id
  service_name    = "com.amazonaws.${var.context.region}.s3"
  route_table_ids = concat([for table in aws_route_table.private : table.id], var.egress == "public" ? [aws_route_table.public.id] : [])

  tags = { Name = "${var.context.name}-s3" }
}

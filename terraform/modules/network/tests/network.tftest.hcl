mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:mock" }
  }

  mock_data "aws_availability_zones" {
    defaults = { names = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d"] }
  }
}

variables {
  context = { name = "users", region = "us-east-1", account_id = "123456789012" }
}

run "defaults" {
  command = apply

  assert {
    condition     = length(aws_subnet.public) == 3 && length(aws_subnet.private) == 3 && alltrue([for zone, subnet in aws_subnet.private : subnet.availability_zone == zone])
    error_message = "There must be a public and a private subnet in each of three zones."
  }

  assert {
    condition     = aws_subnet.public["us-east-1b"].cidr_block == "10.0.1.0/24" && aws_subnet.private["us-east-1b"].cidr_block == "10.0.32.0/20"
    error_message = "The ranges of subnets must follow from the numbers of their zones."
  }

  assert {
    condition     = alltrue([for subnet in concat(values(aws_subnet.public), values(aws_subnet.private)) : subnet.map_public_ip_on_launch != true])
    error_message = "Subnets must not assign public addresses."
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["us-east-1a"] && length(aws_route.nat) == 3 && aws_vpc_endpoint.s3.service_name == "com.amazonaws.us-east-1.s3" && length(aws_vpc_endpoint.s3.route_table_ids) == 3
    error_message = "There must be one NAT gateway for all zones, and a gateway endpoint for S3."
  }

  assert {
    condition     = jsonencode(output.tasks) == jsonencode({ subnet_ids = output.private_subnet_ids, assign_public_ip = false }) && jsonencode(output.zones) == jsonencode({ us-east-1a = 0, us-east-1b = 1, us-east-1c = 2 })
    error_message = "Tasks must run in the private subnets, without public addresses."
  }

  assert {
    condition     = length(aws_flow_log.this) == 0 && length(aws_cloudwatch_log_group.flow_logs) == 0
    error_message = "There must be no flow logs unless requested."
  }
}

run "public" {
  command   = apply
  state_key = "public"

  variables {
    egress = "public"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_eip.nat) == 0 && length(aws_route.nat) == 0
    error_message = "With public addresses there must be no NAT gateway and no address for it."
  }

  assert {
    condition     = jsonencode(output.tasks) == jsonencode({ subnet_ids = output.public_subnet_ids, assign_public_ip = true }) && length(aws_vpc_endpoint.s3.route_table_ids) == 4
    error_message = "Tasks must run in the public subnets, and use the gateway endpoint for S3 there, too."
  }
}

run "nat_per_zone" {
  command   = plan
  state_key = "nat_per_zone"

  variables {
    egress = "nat_per_zone"
    cidr   = "172.20.0.0/19"
    zones  = { us-east-1a = 0, us-east-1d = 3 }
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["us-east-1a", "us-east-1d"] && length(aws_route.nat) == 2
    error_message = "Each zone must have its own NAT gateway."
  }

  assert {
    condition     = aws_subnet.public["us-east-1d"].cidr_block == "172.20.0.96/27" && aws_subnet.private["us-east-1d"].cidr_block == "172.20.8.0/23" && length(data.aws_availability_zones.available) == 0
    error_message = "Given zones must keep their numbers, whichever zones the region has."
  }
}

run "flow_logs" {
  command   = apply
  state_key = "flow_logs"

  variables {
    flow_logs = true
    context = {
      name                     = "users", region = "us-east-1", account_id = "123456789012", log_retention_days = 365
      permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary", kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
    }
  }

  assert {
    condition = (
      aws_flow_log.this[0].traffic_type == "ALL" && aws_iam_role.flow_logs[0].permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"
      && jsondecode(aws_iam_role.flow_logs[0].assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
      && aws_cloudwatch_log_group.flow_logs[0].retention_in_days == 365 && aws_cloudwatch_log_group.flow_logs[0].kms_key_id == "arn:aws:kms:us-east-1:123456789012:key/1"
    )
    error_message = "Flow logs must be written by a role for this account only, and be kept for the requested time."
  }

  assert {
    condition     = contains(flatten([for statement in jsondecode(aws_iam_role_policy.flow_logs[0].policy).Statement : statement.Action]), "logs:DescribeLogGroups")
    error_message = "The role must be allowed to list log groups, which VPC flow logs do before they write (https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html)."
  }
}

run "values_that_no_variable_takes" {
  command   = plan
  state_key = "values_that_no_variable_takes"

  variables {
    cidr   = "10.0.0.0/20"
    zones  = { us-east-1a = 0, us-east-1b = 0 }
    egress = "endpoints"
  }

  expect_failures = [var.cidr, var.zones, var.egress]
}

run "a_region_with_one_zone" {
  command   = plan
  state_key = "a_region_with_one_zone"

  override_data {
    target = data.aws_availability_zones.available
    values = { names = ["us-west-1a"] }
  }

  expect_failures = [aws_vpc.this]
}

# Uses the state of the first run.
run "another_range" {
  command = plan

  variables {
    cidr = "10.1.0.0/16"
  }

  expect_failures = [aws_vpc.this]
}

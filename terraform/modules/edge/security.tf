# Who may connect to the load balancer. The API module has the rules for its outgoing connections.

resource "aws_security_group" "load_balancer" {
  name        = "${var.context.name}-load-balancer"
  description = "Load balancer: callers in, API out"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.context.name}-load-balancer" }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  for_each = {
    for pair in setproduct(local.cloudfront ? [] : var.public_load_balancer.allowed_cidrs, local.load_balancer_certificate_arn == null ? [80] : [80, 443]) :
    "${pair[0]}:${pair[1]}" => { cidr = pair[0], port = pair[1] }
  }

  security_group_id = aws_security_group.load_balancer.id
  description       = "Callers"
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

# Addresses of CloudFront's requests. Other accounts' distributions have the same addresses, but cannot connect: an internal load
# balancer can be reached through this account's VPC origins only. AWS counts the list as 55 of the 60 rules that a group may have.
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

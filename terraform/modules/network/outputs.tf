output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "Address range of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "zones" {
  description = "Availability zones in use with their numbers. Set zones to this value to keep them."
  value       = local.zones
}

output "private_subnet_ids" {
  description = "Private subnets by zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "public_subnet_ids" {
  description = "Public subnets by zone, known when the internet gateway exists, which CloudFront's VPC origins require, too."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }
  depends_on  = [aws_internet_gateway.this]
}

output "private_route_table_ids" {
  description = "Route tables of the private subnets, for routes to a peered network."
  value       = [for table in aws_route_table.private : table.id]
}

output "tasks" {
  description = "Subnets of tasks by zone, and whether tasks need public addresses. Known when AWS can be reached from them."
  value = {
    subnet_ids       = { for zone, subnet in var.egress == "public" ? aws_subnet.public : aws_subnet.private : zone => subnet.id }
    assign_public_ip = var.egress == "public"
  }

  # Tasks fetch their images and secrets when they start.
  depends_on = [
    aws_route.internet,
    aws_route.nat,
    aws_route_table_association.private,
    aws_route_table_association.public,
    aws_vpc_endpoint.s3,
  ]
}

output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "Its address range."
  value       = aws_vpc.this.cidr_block
}

output "zones" {
  description = "Availability zones in use, with their numbers: the value for zones that keeps them as they are."
  value       = local.zones
}

output "private_subnet_ids" {
  description = "Private subnets by zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "public_subnet_ids" {
  description = "Public subnets by zone. CloudFront's VPC origins, too, ask for the internet gateway."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }
  depends_on  = [aws_internet_gateway.this]
}

output "private_route_table_ids" {
  description = "Route tables of the private subnets, for routes to a peered network."
  value       = [for table in aws_route_table.private : table.id]
}

output "tasks" {
  description = "Where tasks run: their subnets by zone, and whether they need a public address. Known once they have their way out."
  value = {
    subnet_ids       = { for zone, subnet in var.egress == "public" ? aws_subnet.public : aws_subnet.private : zone => subnet.id }
    assign_public_ip = var.egress == "public"
  }

  # Tasks pull their images and secrets when they start.
  depends_on = [
    aws_route.internet,
    aws_route.nat,
    aws_route_table_association.private,
    aws_route_table_association.public,
    aws_vpc_endpoint.s3,
  ]
}

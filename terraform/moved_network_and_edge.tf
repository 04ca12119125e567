# Addresses of resources before there were modules, so that an existing deployment keeps its resources.

moved {
  from = aws_cloudwatch_log_group.flow_logs
  to   = module.network[0].aws_cloudwatch_log_group.flow_logs
}

moved {
  from = aws_default_security_group.this
  to   = module.network[0].aws_default_security_group.this
}

moved {
  from = aws_eip.nat
  to   = module.network[0].aws_eip.nat
}

moved {
  from = aws_flow_log.this
  to   = module.network[0].aws_flow_log.this
}

moved {
  from = aws_iam_role.flow_logs
  to   = module.network[0].aws_iam_role.flow_logs
}

moved {
  from = aws_iam_role_policy.flow_logs
  to   = module.network[0].aws_iam_role_policy.flow_logs
}

moved {
  from = aws_internet_gateway.this
  to   = module.network[0].aws_internet_gateway.this
}

moved {
  from = aws_nat_gateway.this
  to   = module.network[0].aws_nat_gateway.this
}

moved {
  from = aws_route.internet
  to   = module.network[0].aws_route.internet
}

moved {
  from = aws_route.nat
  to   = module.network[0].aws_route.nat
}

moved {
  from = aws_route_table.private
  to   = module.network[0].aws_route_table.private
}

moved {
  from = aws_route_table.public
  to   = module.network[0].aws_route_table.public
}

moved {
  from = aws_route_table_association.private
  to   = module.network[0].aws_route_table_association.private
}

moved {
  from = aws_route_table_association.public
  to   = module.network[0].aws_route_table_association.public
}

moved {
  from = aws_subnet.private
  to   = module.network[0].aws_subnet.private
}

moved {
  from = aws_subnet.public
  to   = module.network[0].aws_subnet.public
}

moved {
  from = aws_vpc.this
  to   = module.network[0].aws_vpc.this
}

moved {
  from = aws_vpc_endpoint.s3
  to   = module.network[0].aws_vpc_endpoint.s3
}

moved {
  from = aws_cloudfront_distribution.this
  to   = module.edge.aws_cloudfront_distribution.this
}

moved {
  from = aws_cloudfront_vpc_origin.this
  to   = module.edge.aws_cloudfront_vpc_origin.this
}

moved {
  from = aws_cognito_resource_server.api
  to   = module.edge.aws_cognito_resource_server.api
}

moved {
  from = aws_cognito_user_pool.this
  to   = module.edge.aws_cognito_user_pool.this
}

moved {
  from = aws_cognito_user_pool_domain.this
  to   = module.edge.aws_cognito_user_pool_domain.this
}

moved {
  from = aws_lb.this
  to   = module.edge.aws_lb.this
}

moved {
  from = aws_lb_listener.http
  to   = module.edge.aws_lb_listener.http
}

moved {
  from = aws_lb_listener.https
  to   = module.edge.aws_lb_listener.https
}

moved {
  from = aws_lb_target_group.api
  to   = module.edge.aws_lb_target_group.api
}

moved {
  from = aws_s3_bucket.access_logs
  to   = module.edge.aws_s3_bucket.access_logs
}

moved {
  from = aws_s3_bucket_lifecycle_configuration.access_logs
  to   = module.edge.aws_s3_bucket_lifecycle_configuration.access_logs
}

moved {
  from = aws_s3_bucket_policy.access_logs
  to   = module.edge.aws_s3_bucket_policy.access_logs
}

moved {
  from = aws_s3_bucket_public_access_block.access_logs
  to   = module.edge.aws_s3_bucket_public_access_block.access_logs
}

moved {
  from = aws_s3_bucket_server_side_encryption_configuration.access_logs
  to   = module.edge.aws_s3_bucket_server_side_encryption_configuration.access_logs
}

moved {
  from = aws_security_group.load_balancer
  to   = module.edge.aws_security_group.load_balancer
}

moved {
  from = aws_vpc_security_group_ingress_rule.load_balancer
  to   = module.edge.aws_vpc_security_group_ingress_rule.load_balancer
}

moved {
  from = aws_vpc_security_group_ingress_rule.load_balancer_from_cloudfront
  to   = module.edge.aws_vpc_security_group_ingress_rule.load_balancer_from_cloudfront
}

output "load_balancer" {
  description = "What the load balancer is measured by, its security group, and how long it waits for a silent request."
  value = {
    arn_suffix        = aws_lb.this.arn_suffix
    security_group_id = aws_security_group.load_balancer.id
    idle_timeout      = local.idle_timeout
  }
}

output "target_group" {
  description = "Where the API's tasks register, and what they are measured by. Known once a listener sends requests there: ECS asks for that."
  value = {
    arn        = aws_lb_target_group.api.arn
    arn_suffix = aws_lb_target_group.api.arn_suffix
  }
  depends_on = [aws_lb_listener.http, aws_lb_listener.https]
}

output "api_settings" {
  description = "Environment of the API: whose tokens it takes, and how many proxies are before it."
  value       = merge(local.access_settings, local.forwarding_settings)
}

output "url" {
  description = "Address that callers use."
  value       = "${local.cloudfront || var.domain != null ? "https" : "http"}://${var.domain == null ? local.public_name : var.domain.name}"
}

output "public_dns_name" {
  description = "Name to point a domain to: CloudFront's or the load balancer's."
  value       = local.public_name
}

output "public_zone_id" {
  description = "Zone of that name, for an alias record in Route 53."
  value       = local.cloudfront ? aws_cloudfront_distribution.this[0].hosted_zone_id : aws_lb.this.zone_id
}

output "access_logs_bucket" {
  description = "Bucket of the access logs; null without."
  value       = one(aws_s3_bucket.access_logs[*].id)
}

output "token_issuer" {
  description = "Issuer whose tokens the API takes; null: everybody may do everything."
  value       = local.token_issuer
}

output "create_client_command" {
  description = "Command that makes a client named $NAME and prints its id and secret; null without Cognito."
  value = one([for server in aws_cognito_resource_server.api : join(" ", concat(
    ["aws cognito-idp create-user-pool-client --region ${var.context.region} --user-pool-id ${server.user_pool_id} --client-name \"$NAME\""],
    ["--generate-secret --allowed-o-auth-flows-user-pool-client --allowed-o-auth-flows client_credentials --allowed-o-auth-scopes"],
    [for scope in local.scopes : "${server.identifier}/${scope}"],
    ["--query 'UserPoolClient.[ClientId,ClientSecret]' --output text"],
  ))])
}

output "get_token_command" {
  description = "Command by which the client $CLIENT_ID with $CLIENT_SECRET gets a token, as access_token of a JSON object; null without Cognito."
  value       = local.token_endpoint == null ? null : "curl -sS -u \"$CLIENT_ID:$CLIENT_SECRET\" -d grant_type=client_credentials ${local.token_endpoint}"
}

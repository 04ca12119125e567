output "load_balancer" {
  description = "Load balancer: suffix of its ARN for its metrics, its security group, and its idle timeout in seconds."
  value = {
    arn_suffix        = aws_lb.this.arn_suffix
    security_group_id = aws_security_group.load_balancer.id
    idle_timeout      = local.idle_timeout
  }
}

output "target_group" {
  description = "Target group of the API's tasks: its ARN, and the suffix for its metrics. Known when a listener forwards to it, which ECS requires."
  value = {
    arn        = aws_lb_target_group.api.arn
    arn_suffix = aws_lb_target_group.api.arn_suffix
  }
  depends_on = [aws_lb_listener.http, aws_lb_listener.https]
}

output "api_settings" {
  description = "Environment variables of the API: which tokens it accepts, and how many trusted proxies are in front of it."
  value       = merge(local.access_settings, local.forwarding_settings)
}

output "url" {
  description = "URL that callers use."
  value       = "${local.cloudfront || var.domain != null ? "https" : "http"}://${var.domain == null ? local.public_name : var.domain.name}"
}

output "public_dns_name" {
  description = "DNS name that a domain must point to: CloudFront's or the load balancer's."
  value       = local.public_name
}

output "public_zone_id" {
  description = "Hosted zone id of public_dns_name, for an alias record in Route 53."
  value       = local.cloudfront ? aws_cloudfront_distribution.this[0].hosted_zone_id : aws_lb.this.zone_id
}

output "access_logs_bucket" {
  description = "Bucket of the access logs; null if there are none."
  value       = one(aws_s3_bucket.access_logs[*].id)
}

output "token_issuer" {
  description = "Issuer whose tokens the API accepts; null: everybody may do everything, without a token."
  value       = local.token_issuer
}

output "create_client_command" {
  description = "Command that creates a client named $NAME and prints its id and secret; null without Cognito."
  value = one([for server in aws_cognito_resource_server.api : join(" ", concat(
    ["aws cognito-idp create-user-pool-client --region ${var.context.region} --user-pool-id ${server.user_pool_id} --client-name \"$NAME\""],
    ["--generate-secret --allowed-o-auth-flows-user-pool-client --allowed-o-auth-flows client_credentials --allowed-o-auth-scopes"],
    [for scope in local.scopes : "${server.identifier}/${scope}"],
    ["--query 'UserPoolClient.[ClientId,ClientSecret]' --output text"],
  ))])
}

output "get_token_command" {
  description = "Command that gets a token for the client $CLIENT_ID with $CLIENT_SECRET, as access_token of a JSON object; null without Cognito."
  value       = local.token_endpoint == null ? null : "curl -sS -u \"$CLIENT_ID:$CLIENT_SECRET\" -d grant_type=client_credentials ${local.token_endpoint}"
}

output "app_url" {
  description = "Address of the API's documentation; the API itself is at the same host."
  value       = "${local.cloudfront || var.certificate_arn != null ? "https" : "http"}://${coalesce(var.domain_name, local.public_name)}/docs"
}

output "token_issuer" {
  description = "Issuer whose tokens the API takes; null: everybody may do everything."
  value       = local.token_issuer
}

output "create_client_command" {
  description = "Command that makes a client named $NAME and prints its id and secret; null without Cognito."
  value = one([for server in aws_cognito_resource_server.api : join(" ", concat(
    ["aws cognito-idp create-user-pool-client --region ${var.region_name} --user-pool-id ${server.user_pool_id} --client-name \"$NAME\""],
    ["--generate-secret --allowed-o-auth-flows-user-pool-client --allowed-o-auth-flows client_credentials --allowed-o-auth-scopes"],
    [for scope in local.scopes : "${server.identifier}/${scope}"],
    ["--query 'UserPoolClient.[ClientId,ClientSecret]' --output text"],
  ))])
}

output "get_token_command" {
  description = "Command by which the client $CLIENT_ID with $CLIENT_SECRET gets a token, as access_token of a JSON object; null without Cognito."
  value       = local.token_endpoint == null ? null : "curl -sS -u \"$CLIENT_ID:$CLIENT_SECRET\" -d grant_type=client_credentials ${local.token_endpoint}"
}

output "app_image" {
  description = "Image that the API runs."
  value       = local.app_image
}

output "repository_url" {
  description = "Registry and repository that images of the API are pushed to."
  value       = aws_ecr_repository.api.repository_url
}

output "image_architecture" {
  description = "What such an image has to be built for, in the words of `dotnet publish --arch`."
  value       = local.dotnet_architecture
}

output "public_dns_name" {
  description = "Name to point a domain to: CloudFront's or the load balancer's."
  value       = local.public_name
}

output "public_zone_id" {
  description = "Zone of that name, for an alias record in Route 53."
  value       = local.cloudfront ? aws_cloudfront_distribution.this[0].hosted_zone_id : aws_lb.this.zone_id
}

output "cluster_name" {
  description = "ECS cluster of both services."
  value       = aws_ecs_cluster.this.name
}

output "service_name" {
  description = "ECS service of the API."
  value       = aws_ecs_service.api.name
}

output "task_definition_arn" {
  description = "Revision of the API's task definition that was asked for. After a rollback, the service runs another one."
  value       = aws_ecs_task_definition.api.arn
}

output "database_host" {
  description = "Name of the container database inside the VPC; null for an external one."
  value       = local.database_host
}

output "database_secret_arn" {
  description = "Secret with the connection string that the API uses."
  value       = local.connection_secret_arn
}

output "database_backup_vault" {
  description = "Backup vault of the container database; null for an external one."
  value       = one(aws_backup_vault.database[*].name)
}

output "database_backup_role_arn" {
  description = "Role that AWS Backup saves and restores with; null for an external database."
  value       = one(aws_iam_role.backup[*].arn)
}

output "vpc_id" {
  description = "VPC of the deployment, to peer an external database with."
  value       = aws_vpc.this.id
}

output "private_route_table_ids" {
  description = "Route tables of the tasks' subnets, for routes to a peered network."
  value       = [for table in aws_route_table.private : table.id]
}

output "dashboard_url" {
  description = "Address of the CloudWatch dashboard."
  value       = "https://${var.region_name}.console.aws.amazon.com/cloudwatch/home?region=${var.region_name}#dashboards/dashboard/${aws_cloudwatch_dashboard.this.dashboard_name}"
}

output "alarm_topic_arn" {
  description = "SNS topic that alarms are sent to, for more subscribers."
  value       = aws_sns_topic.alarms.arn
}

output "deploy_role_arn" {
  description = "Role that the deploying workflow takes on; null without github_repository."
  value       = one(aws_iam_role.deploy[*].arn)
}

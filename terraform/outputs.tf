output "app_url" {
  description = "URL of the API's documentation; the API is on the same host."
  value       = "${module.edge.url}/docs"
}

output "token_issuer" {
  description = "Issuer whose tokens the API accepts; null: everybody may do everything, without a token."
  value       = module.edge.token_issuer
}

output "create_client_command" {
  description = "Command that creates a client named $NAME and prints its id and secret; null without Cognito."
  value       = module.edge.create_client_command
}

output "get_token_command" {
  description = "Command that gets a token for the client $CLIENT_ID with $CLIENT_SECRET, as access_token of a JSON object; null without Cognito."
  value       = module.edge.get_token_command
}

output "app_image" {
  description = "Image that the API runs."
  value       = local.app_image
}

output "repository_url" {
  description = "ECR repository that images of the API are pushed to, with its registry."
  value       = aws_ecr_repository.api.repository_url
}

output "image_architecture" {
  description = "Architecture that such an image must be built for, as `dotnet publish --arch` names it."
  value       = local.dotnet_architecture
}

output "public_dns_name" {
  description = "DNS name that a domain must point to: CloudFront's or the load balancer's."
  value       = module.edge.public_dns_name
}

output "public_zone_id" {
  description = "Hosted zone id of public_dns_name, for an alias record in Route 53."
  value       = module.edge.public_zone_id
}

output "cluster_name" {
  description = "ECS cluster of both services."
  value       = aws_ecs_cluster.this.name
}

output "service_name" {
  description = "ECS service of the API."
  value       = module.api.service_name
}

output "task_definition_arn" {
  description = "Requested revision of the API's task definition. After a rollback, the service runs another one."
  value       = module.api.task_definition_arn
}

output "database_host" {
  description = "DNS name of the container database in the VPC; null if there is none."
  value       = one(module.database[*].host)
}

output "database_secret_arn" {
  description = "Secret with the connection string that the API uses."
  value       = local.connection_string.secret_arn
}

output "database_backup_vault" {
  description = "Backup vault of the container database; null if there is none."
  value       = one(module.database[*].backup_vault)
}

output "database_backup_role_arn" {
  description = "Role that AWS Backup uses to save and restore; null without a container database."
  value       = one(module.database[*].backup_role_arn)
}

output "vpc_id" {
  description = "VPC of the deployment, for peering with the network of an external database."
  value       = local.network.vpc_id
}

output "private_route_table_ids" {
  description = "Route tables of the tasks' subnets, for routes to a peered network."
  value       = flatten(module.network[*].private_route_table_ids)
}

output "zones" {
  description = "Availability zones of the network with their numbers. Set network.zones to this value to keep them."
  value       = one(module.network[*].zones)
}

output "file_system_id" {
  description = "File system of the container database, for restores; null if there is none."
  value       = one(module.database[*].file_system_id)
}

output "access_logs_bucket" {
  description = "Bucket of the access logs; null if there are none."
  value       = module.edge.access_logs_bucket
}

output "dashboard_url" {
  description = "URL of the CloudWatch dashboard."
  value       = module.observability.dashboard_url
}

output "alarm_topic_arn" {
  description = "SNS topic that alarms are sent to."
  value       = module.observability.topic_arn
}

output "deploy_role_arn" {
  description = "Role that the deploying workflow assumes; null without github."
  value       = one(module.pipeline[*].deploy_role_arn)
}

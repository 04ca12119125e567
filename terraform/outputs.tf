output "app_url" {
  description = "Address of the API's documentation; the API itself is at the same host."
  value       = "${module.edge.url}/docs"
}

output "token_issuer" {
  description = "Issuer whose tokens the API takes; null: everybody may do everything."
  value       = module.edge.token_issuer
}

output "create_client_command" {
  description = "Command that makes a client named $NAME and prints its id and secret; null without Cognito."
  value       = module.edge.create_client_command
}

output "get_token_command" {
  description = "Command by which the client $CLIENT_ID with $CLIENT_SECRET gets a token, as access_token of a JSON object; null without Cognito."
  value       = module.edge.get_token_command
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
  value       = module.edge.public_dns_name
}

output "public_zone_id" {
  description = "Zone of that name, for an alias record in Route 53."
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
  description = "Revision of the API's task definition that was asked for. After a rollback, the service runs another one."
  value       = module.api.task_definition_arn
}

output "database_host" {
  description = "Name of the container database inside the VPC; null without."
  value       = one(module.database[*].host)
}

output "database_secret_arn" {
  description = "Secret with the connection string that the API uses."
  value       = local.connection_string.secret_arn
}

output "database_backup_vault" {
  description = "Backup vault of the container database; null without."
  value       = one(module.database[*].backup_vault)
}

output "database_backup_role_arn" {
  description = "Role that AWS Backup saves and restores with; null without."
  value       = one(module.database[*].backup_role_arn)
}

output "vpc_id" {
  description = "VPC of the deployment, to peer an external database with."
  value       = local.network.vpc_id
}

output "private_route_table_ids" {
  description = "Route tables of the tasks' subnets, for routes to a peered network."
  value       = flatten(module.network[*].private_route_table_ids)
}

output "zones" {
  description = "Availability zones of the network, with their numbers: the value for network.zones that keeps them as they are."
  value       = one(module.network[*].zones)
}

output "file_system_id" {
  description = "File system of the container database, for restores; null without."
  value       = one(module.database[*].file_system_id)
}

output "access_logs_bucket" {
  description = "Bucket of the access logs; null without."
  value       = module.edge.access_logs_bucket
}

output "dashboard_url" {
  description = "Address of the CloudWatch dashboard."
  value       = module.observability.dashboard_url
}

output "alarm_topic_arn" {
  description = "SNS topic that alarms are sent to, for more subscribers."
  value       = module.observability.topic_arn
}

output "deploy_role_arn" {
  description = "Role that the deploying workflow takes on; null without github."
  value       = one(module.pipeline[*].deploy_role_arn)
}

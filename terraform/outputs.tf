output "app_url" {
  description = "Address of the API's documentation; the API itself is at the same host."
  value       = "${var.certificate_arn == null ? "http" : "https"}://${coalesce(var.domain_name, aws_lb.this.dns_name)}/docs"
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

output "load_balancer_dns_name" {
  description = "Name to point a domain to."
  value       = aws_lb.this.dns_name
}

output "load_balancer_zone_id" {
  description = "Zone of that name, for an alias record in Route 53."
  value       = aws_lb.this.zone_id
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

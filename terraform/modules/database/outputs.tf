output "host" {
  description = "DNS name of the server in the VPC."
  value       = local.host
}

output "security_group_id" {
  description = "Security group of the server, known when the server accepts connections, so that what depends on it finds a database."
  value       = aws_security_group.database.id
  depends_on  = [aws_ecs_service.database]
}

output "connection_string" {
  description = "Secret with the API's connection string: value_from as in a task definition, its ARN, and its KMS key."
  value = {
    value_from  = local.api_secret.connectionString
    secret_arn  = aws_secretsmanager_secret.api_database.arn
    kms_key_arn = var.context.kms_key_arn
  }
}

output "service_name" {
  description = "ECS service of the database."
  value       = aws_ecs_service.database.name
}

output "backup_vault" {
  description = "Backup vault."
  value       = aws_backup_vault.database.name
}

output "backup_role_arn" {
  description = "Role that AWS Backup uses to save and restore."
  value       = aws_iam_role.backup.arn
}

output "file_system_id" {
  description = "File system of the database, for restores."
  value       = aws_efs_file_system.database.id
}

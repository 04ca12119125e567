output "host" {
  description = "Name of the server inside the VPC."
  value       = local.host
}

output "security_group_id" {
  description = "Security group of the server, known once the server serves: who waits for it finds a database."
  value       = aws_security_group.database.id
  depends_on  = [aws_ecs_service.database]
}

output "connection_string" {
  description = "Secret with the API's connection string: as a task definition names it, its ARN, and its KMS key."
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
  description = "Vault of the backups."
  value       = aws_backup_vault.database.name
}

output "backup_role_arn" {
  description = "Role that AWS Backup saves and restores with."
  value       = aws_iam_role.backup.arn
}

output "file_system_id" {
  description = "File system of the database, for restores."
  value       = aws_efs_file_system.database.id
}

output "service_name" {
  description = "ECS service of the API."
  value       = aws_ecs_service.api.name
}

output "task_family" {
  description = "Family of its task definitions."
  value       = aws_ecs_task_definition.api.family
}

output "task_definition_arn" {
  description = "Revision of the task definition that was asked for."
  value       = aws_ecs_task_definition.api.arn
}

output "role_arns" {
  description = "Roles that are passed to its tasks."
  value       = [aws_iam_role.api_execution.arn, aws_iam_role.api_task.arn]
}

output "security_group_id" {
  description = "Security group of its tasks."
  value       = aws_security_group.api.id
}

output "log_group_name" {
  description = "Log group of the API and its collector."
  value       = aws_cloudwatch_log_group.api.name
}

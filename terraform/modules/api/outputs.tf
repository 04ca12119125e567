output "service_name" {
  description = "ECS service of the API."
  value       = aws_ecs_service.api.name
}

output "task_family" {
  description = "Family of the API's task definitions."
  value       = aws_ecs_task_definition.api.family
}

output "task_definition_arn" {
  description = "Requested revision of the task definition."
  value       = aws_ecs_task_definition.api.arn
}

output "role_arns" {
  description = "Roles of the API's tasks."
  value       = [aws_iam_role.api_execution.arn, aws_iam_role.api_task.arn]
}

output "security_group_id" {
  description = "Security group of the API's tasks."
  value       = aws_security_group.api.id
}

output "log_group_name" {
  description = "Log group of the API and its collector."
  value       = aws_cloudwatch_log_group.api.name
}

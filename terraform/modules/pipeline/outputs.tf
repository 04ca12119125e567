output "deploy_role_arn" {
  description = "Role that the deploying workflow assumes."
  value       = aws_iam_role.deploy.arn
}

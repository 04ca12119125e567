output "trust" {
  description = "Trust policy of task roles: ECS may assume them, for tasks of this account and region."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.context.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${var.context.partition}:ecs:${var.context.region}:${var.context.account_id}:*" }
      }
    }]
  })
}

output "pull_statements" {
  description = "Statements of the execution role that let ECS pull images from ECR."
  value = [
    for statement in [
      {
        Sid      = "LogInToRegistry"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"] # this action cannot be limited to a resource
      },
      {
        Sid      = "PullImages"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = local.repositories
      },
    ] : statement if length(local.repositories) > 0
  ]
}

output "log_options" {
  description = "Options of the awslogs driver for all containers."
  value = {
    awslogs-region = var.context.region

    # When CloudWatch is slow, losing log lines is better than making callers wait.
    mode            = "non-blocking"
    max-buffer-size = "4m"
  }
}

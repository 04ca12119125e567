resource "aws_iam_role" "database_execution" {
  name                 = "${var.context.name}-${var.context.region}-database-execution"
  permissions_boundary = var.context.permissions_boundary_arn
  description          = "Lets ECS start the database task of ${var.context.name}"
  assume_role_policy   = module.task.trust
}

resource "aws_iam_role_policy" "database_execution" {
  name = "start-tasks"
  role = aws_iam_role.database_execution.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(module.task.pull_statements, [
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.database.arn}:*"
      },
      {
        Sid      = "ReadPasswords"
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = [aws_secretsmanager_secret.database_root.arn, aws_secretsmanager_secret.api_database.arn]
      },
      ], [
      for key in var.context.kms_key_arn[*] : {
        Sid       = "DecryptPasswords"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = key
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.context.region}.amazonaws.com" } }
      }
    ])
  })
}

resource "aws_iam_role" "database_task" {
  name                 = "${var.context.name}-${var.context.region}-database-task"
  permissions_boundary = var.context.permissions_boundary_arn
  description          = "What the database task of ${var.context.name} may do itself: use its file system"
  assume_role_policy   = module.task.trust
}

resource "aws_iam_role_policy" "database_task" {
  name = "use-file-system"
  role = aws_iam_role.database_task.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "UseFileSystem"
        Effect    = "Allow"
        Action    = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
        Resource  = aws_efs_file_system.database.arn
        Condition = { StringEquals = { "elasticfilesystem:AccessPointArn" = aws_efs_access_point.database.arn } }
      }],
      flatten([
        for group in var.exec_log_group_arn[*] : [
          {
            Sid    = "OpenShells"
            Effect = "Allow"
            Action = [
              "logs:DescribeLogGroups",
              "ssmmessages:CreateControlChannel",
              "ssmmessages:CreateDataChannel",
              "ssmmessages:OpenControlChannel",
              "ssmmessages:OpenDataChannel",
            ]
            Resource = "*" # these actions cannot be limited to a resource
          },
          {
            Sid      = "LogShells"
            Effect   = "Allow"
            Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
            Resource = "${group}:*"
          },
        ]
      ]),
    )
  })
}

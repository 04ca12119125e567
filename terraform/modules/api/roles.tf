# ECS uses the execution role to start the task; the containers use the task role.

resource "aws_iam_role" "api_execution" {
  name                 = "${var.context.name}-${var.context.region}-api-execution"
  permissions_boundary = var.context.permissions_boundary_arn
  description          = "Lets ECS start API tasks of ${var.context.name}"
  assume_role_policy   = module.task.trust
}

resource "aws_iam_role_policy" "api_execution" {
  name = "start-tasks"
  role = aws_iam_role.api_execution.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      module.task.pull_statements,
      [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.api.arn}:*"
        },
        {
          Sid      = "ReadConnectionString"
          Effect   = "Allow"
          Action   = "secretsmanager:GetSecretValue"
          Resource = var.connection_string.secret_arn
        },
        {
          Sid      = "ReadCollectorConfiguration"
          Effect   = "Allow"
          Action   = "ssm:GetParameters"
          Resource = var.collector.configuration_arn
        },
      ],
      [
        for key in var.connection_string.kms_key_arn[*] : {
          Sid       = "DecryptConnectionString"
          Effect    = "Allow"
          Action    = "kms:Decrypt"
          Resource  = key
          Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.context.region}.amazonaws.com" } }
        }
      ],
    )
  })
}

resource "aws_iam_role" "api_task" {
  name                 = "${var.context.name}-${var.context.region}-api-task"
  permissions_boundary = var.context.permissions_boundary_arn
  description          = "What API tasks of ${var.context.name} may do themselves: send telemetry"
  assume_role_policy   = module.task.trust
}

resource "aws_iam_role_policy" "api_task" {
  name = "send-telemetry"
  role = aws_iam_role.api_task.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "SendTraces"
        Effect   = "Allow"
        Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        Resource = "*" # these actions cannot be limited to a resource
      },
      {
        Sid      = "SendMetrics"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = "${var.collector.metrics_log_group_arn}:*"
      },
    ]
  })
}

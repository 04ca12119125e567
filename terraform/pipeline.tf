# GitHub's deploying workflow (.github/workflows/deploy.yml): no keys, a token for each job, and only what that job does.

locals {
  pipeline = var.github_repository != null
  ecs_arn  = "arn:${local.partition}:ecs:${var.region_name}:${local.account_id}"
}

resource "aws_iam_openid_connect_provider" "github" {
  count = local.pipeline && var.github_oidc_provider_arn == null ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "deploy" {
  count = local.pipeline ? 1 : 0

  name                 = "${local.global_name}-deploy"
  description          = "Lets ${var.github_repository} deploy images of ${var.app_name}"
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = var.github_oidc_provider_arn == null ? aws_iam_openid_connect_provider.github[0].arn : var.github_oidc_provider_arn }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = (
            var.github_environment == null
            ? "repo:${var.github_repository}:ref:refs/heads/${var.github_branch}"
            : "repo:${var.github_repository}:environment:${var.github_environment}"
          )
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "deploy" {
  count = local.pipeline ? 1 : 0

  name = "deploy"
  role = aws_iam_role.deploy[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "LogInToRegistry"
          Effect   = "Allow"
          Action   = "ecr:GetAuthorizationToken"
          Resource = "*" # the action knows no resource
        },
        {
          Sid    = "PushImage"
          Effect = "Allow"
          Action = [
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:CompleteLayerUpload",
            "ecr:DescribeImages",
            "ecr:GetDownloadUrlForLayer",
            "ecr:InitiateLayerUpload",
            "ecr:PutImage",
            "ecr:UploadLayerPart",
          ]
          Resource = aws_ecr_repository.api.arn
        },
        {
          Sid      = "RegisterTask"
          Effect   = "Allow"
          Action   = "ecs:RegisterTaskDefinition"
          Resource = "${local.ecs_arn}:task-definition/${aws_ecs_task_definition.api.family}:*"
        },
        {
          Sid       = "TagTask"
          Effect    = "Allow"
          Action    = "ecs:TagResource"
          Resource  = "${local.ecs_arn}:task-definition/${aws_ecs_task_definition.api.family}:*"
          Condition = { StringEquals = { "ecs:CreateAction" = "RegisterTaskDefinition" } }
        },
        {
          Sid      = "RetireTask"
          Effect   = "Allow"
          Action   = "ecs:DeregisterTaskDefinition"
          Resource = "*" # the action knows no resource
        },
        {
          Sid      = "RunTask"
          Effect   = "Allow"
          Action   = "ecs:UpdateService"
          Resource = "${local.ecs_arn}:service/${aws_ecs_cluster.this.name}/${aws_ecs_service.api.name}"
        },
        {
          Sid       = "GiveTaskItsRoles"
          Effect    = "Allow"
          Action    = "iam:PassRole"
          Resource  = [aws_iam_role.api_execution.arn, aws_iam_role.api_task.arn]
          Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
        },
        # The rest of what `terraform apply -refresh=false` calls: it takes the state's word for all that it may not change.
        {
          Sid    = "Plan"
          Effect = "Allow"
          Action = [
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeManagedPrefixLists",
            "ec2:GetManagedPrefixListEntries",
            "ecs:DescribeServices",
            "ecs:DescribeTaskDefinition",
            "secretsmanager:GetRandomPassword",
          ]
          Resource = "*"
        },
      ],
      flatten([
        for bucket in var.state_bucket[*] : [
          {
            Sid       = "FindState"
            Effect    = "Allow"
            Action    = "s3:ListBucket"
            Resource  = "arn:${local.partition}:s3:::${bucket}"
            Condition = { StringLike = { "s3:prefix" = ["${var.app_name}/*", "env:/*"] } } # Terraform looks for workspaces, too
          },
          {
            Sid      = "KeepState"
            Effect   = "Allow"
            Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
            Resource = "arn:${local.partition}:s3:::${bucket}/${var.app_name}/*"
          },
        ]
      ]),
    )
  })
}

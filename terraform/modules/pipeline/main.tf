# Role of the deploying GitHub workflow (.github/workflows/deploy.yml): no keys, a token per job, and only the rights that the job needs.

locals {
  ecs_arn = "arn:${var.context.partition}:ecs:${var.context.region}:${var.context.account_id}"
}

resource "aws_iam_openid_connect_provider" "github" {
  count = var.oidc_provider_arn == null ? 1 : 0

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "deploy" {
  name                 = "${var.context.name}-${var.context.region}-deploy"
  permissions_boundary = var.context.permissions_boundary_arn
  description          = "Lets ${var.repository} deploy images of ${var.context.name}"
  max_session_duration = 3600

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = var.oidc_provider_arn == null ? aws_iam_openid_connect_provider.github[0].arn : var.oidc_provider_arn }
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = (
            var.branch == null
            ? "repo:${var.repository}:environment:${var.environment}"
            : "repo:${var.repository}:ref:refs/heads/${var.branch}"
          )
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "deploy" {
  name = "deploy"
  role = aws_iam_role.deploy.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "LogInToRegistry"
          Effect   = "Allow"
          Action   = "ecr:GetAuthorizationToken"
          Resource = "*" # this action cannot be limited to a resource
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
          Resource = var.image_repository_arn
        },
        {
          Sid      = "RegisterTask"
          Effect   = "Allow"
          Action   = "ecs:RegisterTaskDefinition"
          Resource = "${local.ecs_arn}:task-definition/${var.task_family}:*"
        },
        {
          Sid       = "TagTask"
          Effect    = "Allow"
          Action    = "ecs:TagResource"
          Resource  = "${local.ecs_arn}:task-definition/${var.task_family}:*"
          Condition = { StringEquals = { "ecs:CreateAction" = "RegisterTaskDefinition" } }
        },
        {
          Sid      = "RunTask"
          Effect   = "Allow"
          Action   = "ecs:UpdateService"
          Resource = "${local.ecs_arn}:service/${var.cluster_name}/${var.service_name}"
        },
        {
          Sid       = "GiveTaskItsRoles"
          Effect    = "Allow"
          Action    = "iam:PassRole"
          Resource  = var.task_role_arns
          Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
        },
        # The rest of what `terraform apply -refresh=false` calls, which takes from the state what it must not change. Of an existing network
        # it reads the VPC. Version 6 of the provider waits for a deployment by listing and describing it.
        {
          Sid    = "Plan"
          Effect = "Allow"
          Action = [
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeManagedPrefixLists",
            "ec2:DescribeRouteTables",
            "ec2:DescribeVpcAttribute",
            "ec2:DescribeVpcs",
            "ec2:GetManagedPrefixListEntries",
            "ecs:DescribeServiceDeployments",
            "ecs:DescribeServices",
            "ecs:DescribeTaskDefinition",
            "ecs:ListServiceDeployments",
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
            Resource  = "arn:${var.context.partition}:s3:::${bucket}"
            Condition = { StringLike = { "s3:prefix" = ["${var.context.name}/*", "env:/*"] } } # Terraform lists workspaces, too
          },
          {
            Sid      = "KeepState"
            Effect   = "Allow"
            Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
            Resource = "arn:${var.context.partition}:s3:::${bucket}/${var.context.name}/*"
          },
        ]
      ]),
    )
  })
}

mock_provider "aws" {
  override_during = plan

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }
}

variables {
  context              = { name = "users", region = "us-east-1", account_id = "123456789012" }
  repository           = "example/user-api"
  state_bucket         = "example-state"
  image_repository_arn = "arn:aws:ecr:us-east-1:123456789012:repository/users"
  cluster_name         = "users"
  service_name         = "api"
  task_family          = "users-api"
  task_role_arns       = ["arn:aws:iam::123456789012:role/api-execution", "arn:aws:iam::123456789012:role/api-task"]
}

run "an_environment" {
  command = plan

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role.deploy.assume_role_policy).Statement :
      statement.Condition == { StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = "repo:example/user-api:environment:production"
      } } && statement.Principal.Federated == "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    ])
    error_message = "Only the repository's environment may deploy."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.deploy.policy).Statement : [
        for action in flatten([statement.Action]) :
        can(regex(":(Describe|Get|List)", action)) || action == "ecr:GetAuthorizationToken"
        if contains(flatten([statement.Resource]), "*")
      ]
    ]))
    error_message = "The pipeline may change only the given resources."
  }

  assert {
    condition     = !can(regex("secretsmanager:(GetSecretValue|\\*)|\"\\*:|iam:(Create|Put|Attach|Delete|\\*)|Deregister", aws_iam_role_policy.deploy.policy))
    error_message = "The pipeline must not be allowed to read secrets, change roles, or deregister revisions that ECS may roll back to."
  }

  assert {
    condition     = alltrue([for action in ["ecs:DescribeServices", "ecs:ListServiceDeployments", "ecs:DescribeServiceDeployments"] : strcontains(aws_iam_role_policy.deploy.policy, action)])
    error_message = "The pipeline must be able to wait for a deployment, with version 5 of the provider and with version 6."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.deploy.policy).Statement : statement.Resource if statement.Sid == "GiveTaskItsRoles"
    ] == [["arn:aws:iam::123456789012:role/api-execution", "arn:aws:iam::123456789012:role/api-task"]]
    error_message = "The pipeline may pass the roles of the API's task only."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.deploy.policy).Statement : statement.Resource if statement.Sid == "KeepState"] == ["arn:aws:s3:::example-state/users/*"]
    error_message = "The pipeline may change the state of this deployment only."
  }

  assert {
    condition     = length(aws_iam_role_policy.deploy.policy) <= 10240
    error_message = "The policy must fit into a role."
  }
}

run "a_repository_with_ids" {
  command = plan

  variables {
    repository = "example@123456/user-api@456789"
  }

  assert {
    condition     = jsondecode(aws_iam_role.deploy.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:example@123456/user-api@456789:environment:production"
    error_message = "Tokens of repositories created or renamed since July 2026 contain ids, which must match, too."
  }
}

run "a_branch" {
  command = plan

  variables {
    branch            = "release"
    state_bucket      = null
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition = (
      jsondecode(aws_iam_role.deploy.assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:example/user-api:ref:refs/heads/release"
      && length(aws_iam_openid_connect_provider.github) == 0
    )
    error_message = "Only the repository's branch may deploy, with the account's existing provider."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.deploy.policy, "s3:PutObject")
    error_message = "Without state_bucket, the pipeline must not be allowed to write to any bucket."
  }
}

run "values_that_no_variable_takes" {
  command = plan

  variables {
    repository        = "user-api"
    environment       = "*"
    branch            = "*"
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/example.com"
    state_bucket      = "No_Bucket"
  }

  expect_failures = [var.repository, var.environment, var.branch, var.oidc_provider_arn, var.state_bucket]
}

run "any_repository_with_an_id" {
  command = plan

  variables {
    repository = "example@*/user-api@*"
  }

  expect_failures = [var.repository]
}

run "a_repository_with_half_its_ids" {
  command = plan

  variables {
    repository = "example@123456/user-api"
  }

  expect_failures = [var.repository]
}

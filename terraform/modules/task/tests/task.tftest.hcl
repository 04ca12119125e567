mock_provider "aws" {}

variables {
  context = { name = "users", region = "us-east-1", account_id = "123456789012" }
  cpu     = 256
  memory  = 1024
  images  = { public = "public.ecr.aws/docker/library/mongo:8.0" }
}

run "public_images" {
  command = plan

  assert {
    condition     = length(output.pull_statements) == 0
    error_message = "Public images must need no permission."
  }

  assert {
    condition = (
      jsondecode(output.trust).Statement[0].Principal == { Service = "ecs-tasks.amazonaws.com" }
      && jsondecode(output.trust).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
      && jsondecode(output.trust).Statement[0].Condition.ArnLike["aws:SourceArn"] == "arn:aws:ecs:us-east-1:123456789012:*"
    )
    error_message = "Only tasks of this account and region may assume the roles of tasks."
  }

  assert {
    condition     = output.log_options["mode"] == "non-blocking"
    error_message = "Callers must not have to wait when CloudWatch is slow."
  }
}

run "private_images" {
  command = plan

  variables {
    images = {
      api       = "999999999999.dkr.ecr.eu-west-1.amazonaws.com/team/user-api@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      collector = "999999999999.dkr.ecr.eu-west-1.amazonaws.com/collector:v0.49.0"
    }
  }

  assert {
    condition = [for statement in output.pull_statements : statement.Resource if statement.Sid == "PullImages"][0] == [
      "arn:aws:ecr:eu-west-1:999999999999:repository/team/user-api", "arn:aws:ecr:eu-west-1:999999999999:repository/collector"
    ]
    error_message = "ECS must be allowed to pull from the repositories of these images, and from no others."
  }
}

run "the_largest" {
  command = plan

  variables {
    cpu    = 16384
    memory = 122880
  }
}

run "a_cpu_that_fargate_does_not_have" {
  command = plan

  variables {
    cpu = 300
  }

  expect_failures = [var.cpu]
}

run "memory_that_fargate_does_not_have" {
  command = plan

  variables {
    memory = 4096
  }

  expect_failures = [var.memory]
}

run "an_image_without_a_version" {
  command = plan

  variables {
    images = { api = "user-api" }
  }

  expect_failures = [var.images]
}

run "a_name_that_load_balancers_do_not_take" {
  command = plan

  variables {
    context = { name = "a-name-of-25-characters01", region = "us-east-1", account_id = "123456789012" }
  }

  expect_failures = [var.context]
}

# The deployment as a whole: how its modules are connected. What each module creates is tested in modules/.
# Uses the real provider, because mocks have no ephemeral resources; names that AWS would give are set for a plan what it needs.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

provider "aws" {
  alias                       = "us_east_1"
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = module.network[0].data.aws_availability_zones.available
  values = { names = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d", "us-east-1e", "us-east-1f"] }
}

override_data {
  target = module.edge.data.aws_ec2_managed_prefix_list.cloudfront
  values = { id = "pl-cloudfront" }
}

override_data {
  target = data.aws_vpc.existing
  values = { cidr_block = "172.31.0.0/16" }
}

override_resource {
  target          = module.edge.aws_cloudfront_distribution.this
  override_during = plan
  values          = { arn = "arn:aws:cloudfront::123456789012:distribution/E1", domain_name = "d111111abcdef8.cloudfront.net", hosted_zone_id = "Z2FDTNDATAQYW2" }
}

override_resource {
  target          = module.database[0].aws_secretsmanager_secret.api_database
  override_during = plan
  values          = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api" }
}

override_resource {
  target          = aws_ecr_repository.api
  override_during = plan
  values          = { arn = "arn:aws:ecr:us-east-1:123456789012:repository/simple-user-api", repository_url = "123456789012.dkr.ecr.us-east-1.amazonaws.com/simple-user-api" }
}

variables {
  alarms = { email = "alarms@example.com" }
}

run "defaults" {
  command = plan

  assert {
    condition = (
      var.region_name == "us-east-1" && var.app_name == "simple-user-api" && var.app_image == null && var.app_container_port == 8000
      && var.db_container_port == 27017 && var.max_capacity == 3 && var.min_capacity == 1 && var.cpu_threshold == 80 && var.mem_threshold == 80
    )
    error_message = "The variables of simple-user-api must keep their names and defaults."
  }

  assert {
    condition     = output.app_url == "https://d111111abcdef8.cloudfront.net/docs" && output.public_dns_name == "d111111abcdef8.cloudfront.net"
    error_message = "app_url must be the URL of the docs: ${output.app_url}"
  }

  assert {
    condition     = output.cluster_name == "simple-user-api" && output.service_name == "api" && output.database_host == "mongo.simple-user-api.internal" && output.database_secret_arn == "arn:aws:secretsmanager:us-east-1:123456789012:secret:api"
    error_message = "The API must use the container's database."
  }

  assert {
    condition     = length(terraform_data.image) == 1 && can(regex("^123456789012.dkr.ecr.us-east-1.amazonaws.com/simple-user-api:src-[0-9a-f]{16}-x64$", output.app_image))
    error_message = "Without app_image the image must be built from this checkout."
  }

  assert {
    condition     = aws_ecr_repository.api.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.api.image_scanning_configuration[0].scan_on_push && aws_ecr_repository.api.force_delete && jsondecode(aws_ecr_lifecycle_policy.api.policy).rules[1].selection.countNumber == 100
    error_message = "The repository must have immutable tags, scan images, keep a hundred of them, and not prevent destroy."
  }

  assert {
    condition     = one(aws_ecs_cluster.this.setting).value == "enabled" && length(aws_ecs_cluster.this.configuration) == 0 && length(aws_cloudwatch_log_group.exec) == 0
    error_message = "Container Insights must be on, and shells must be off."
  }

  assert {
    condition     = output.deploy_role_arn == null && length(output.zones) == 3
    error_message = "Without github there must be no deploying role; three zones must be used."
  }

  assert {
    condition     = local.tags == { Application = "simple-user-api", ManagedBy = "terraform" } && !terraform_data.guard.input.protected
    error_message = "Everything must be tagged with its deployment, and destroy must be possible by default."
  }
}

run "as_asked_for" {
  command = plan

  variables {
    app_image                = "public.ecr.aws/f9q5q0t9/simple-user-api:latest"
    architecture             = "ARM64"
    container_database       = { execute_command = true }
    deletion_protection      = true
    kms_key_arn              = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
    telemetry                = { container_insights = "disabled", log_retention_days = 365, access_logs = false }
    tags                     = { Owner = "users" }
  }

  assert {
    condition     = length(terraform_data.image) == 0 && output.app_image == var.app_image && output.image_architecture == "arm64"
    error_message = "A given image must be used, and none must be built."
  }

  assert {
    condition     = !aws_ecr_repository.api.force_delete && terraform_data.guard.input.protected && aws_ecr_repository.api.encryption_configuration[0].kms_key == var.kms_key_arn
    error_message = "With deletion_protection, the repository must not be emptied by destroy, and it must be encrypted with the given key."
  }

  assert {
    condition = local.context == {
      name                     = "simple-user-api", region = "us-east-1", account_id = "123456789012", partition = "aws", kms_key_arn = var.kms_key_arn
      permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary", log_retention_days = 365, deletion_protection = true
    }
    error_message = "Every module must get the key, the permissions boundary, the retention and deletion_protection."
  }

  assert {
    condition     = one(aws_ecs_cluster.this.setting).value == "disabled" && aws_ecs_cluster.this.configuration[0].execute_command_configuration[0].logging == "OVERRIDE" && aws_cloudwatch_log_group.exec[0].retention_in_days == 365
    error_message = "Requested shells must be logged."
  }

  assert {
    condition     = local.tags == { Application = "simple-user-api", ManagedBy = "terraform", Owner = "users" } && output.access_logs_bucket == null
    error_message = "Requested tags must be set, too, and access logs must be off."
  }
}

run "a_copy_to_another_database" {
  command = plan

  variables {
    external_database = { secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:atlas-AbCdEf", cidrs = ["192.0.2.0/24"], active = false }
  }

  assert {
    condition     = output.database_secret_arn == "arn:aws:secretsmanager:us-east-1:123456789012:secret:api" && local.external_database == { cidrs = tolist(["192.0.2.0/24"]), from_port = 27017, to_port = 27017 }
    error_message = "While users are copied, the API must use the container's database and be able to connect to both."
  }
}

run "a_move_to_another_database" {
  command = plan

  variables {
    external_database = { secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:atlas-AbCdEf" }
  }

  assert {
    condition     = output.database_secret_arn == "arn:aws:secretsmanager:us-east-1:123456789012:secret:atlas-AbCdEf" && output.database_backup_vault == "simple-user-api-database"
    error_message = "After a move, the container's database must be kept until container_database is null."
  }
}

run "another_database_only" {
  command = plan

  variables {
    container_database = null
    external_database  = { secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:atlas-AbCdEf", from_port = 27015, to_port = 27017 }
  }

  assert {
    condition     = length(module.database) == 0 && output.database_host == null && output.database_backup_vault == null && local.container_database == null && local.external_database.from_port == 27015
    error_message = "Without a container database, nothing of MongoDB must be created."
  }
}

run "a_network_that_is_there" {
  command = plan

  variables {
    existing_network = { vpc_id = "vpc-1", private_subnet_ids = { a = "subnet-a", b = "subnet-b" } }
  }

  assert {
    condition     = length(module.network) == 0 && output.vpc_id == "vpc-1" && local.network.cidr == "172.31.0.0/16" && output.zones == null && jsonencode(local.network.tasks) == jsonencode({ assign_public_ip = false, subnet_ids = { a = "subnet-a", b = "subnet-b" } })
    error_message = "An existing network must be used, and none must be created."
  }
}

run "a_workflow" {
  command = plan

  variables {
    github = { repository = "example@123456/user-api@456789" }
  }

  assert {
    condition     = length(module.pipeline) == 1
    error_message = "The given repository must be able to deploy."
  }
}

# The check only warns.
run "alarms_that_reach_nobody" {
  command = plan

  variables {
    alarms = {}
  }

  expect_failures = [check.alarms_reach_somebody]
}

run "values_that_no_variable_takes" {
  command = plan

  variables {
    region_name              = "Virginia"
    app_name                 = "Simple_User_Api"
    app_image                = "user-api"
    architecture             = "arm"
    external_database        = { secret_arn = "mongodb+srv://api:password@cluster.example.com/users", kms_key_arn = "alias/key", cidrs = [], from_port = 27018, to_port = 27017 }
    existing_network         = { vpc_id = "vpc-1", private_subnet_ids = { a = "subnet-a" } }
    telemetry                = { log_retention_days = 42 }
    kms_key_arn              = "alias/key"
    permissions_boundary_arn = "boundary"
    tags                     = { "aws:owner" = "me" }
  }

  expect_failures = [
    var.region_name, var.app_name, var.app_image, var.architecture, var.external_database, var.existing_network, var.telemetry, var.kms_key_arn,
    var.permissions_boundary_arn, var.tags,
  ]
}

run "a_name_with_a_hyphen_at_its_end" {
  command = plan

  variables {
    app_name = "users-"
  }

  expect_failures = [var.app_name]
}

run "a_name_that_aws_keeps" {
  command = plan

  variables {
    app_name = "aws-users"
  }

  expect_failures = [var.app_name]
}

run "no_database_at_all" {
  command = plan

  variables {
    container_database = null
  }

  expect_failures = [var.container_database]
}

run "no_database_that_is_used" {
  command = plan

  variables {
    container_database = null
    external_database  = { secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:atlas-AbCdEf", active = false }
  }

  expect_failures = [var.container_database]
}

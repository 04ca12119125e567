provider "aws" {
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
  target = data.aws_availability_zones.available
  values = { names = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d", "us-east-1e", "us-east-1f"] }
}

# What AWS would name, so that a plan has whole task definitions and policies.

override_resource {
  target          = aws_security_group.load_balancer
  override_during = plan
  values          = { id = "sg-load-balancer" }
}

override_resource {
  target          = aws_security_group.api
  override_during = plan
  values          = { id = "sg-api" }
}

override_resource {
  target          = aws_security_group.database
  override_during = plan
  values          = { id = "sg-database" }
}

override_resource {
  target          = aws_security_group.file_system
  override_during = plan
  values          = { id = "sg-file-system" }
}

override_resource {
  target          = aws_iam_role.api_execution
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/api-execution" }
}

override_resource {
  target          = aws_iam_role.api_task
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/api-task" }
}

override_resource {
  target          = aws_iam_role.database_execution
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/database-execution" }
}

override_resource {
  target          = aws_iam_role.database_task
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/database-task" }
}

override_resource {
  target          = aws_secretsmanager_secret.api_database
  override_during = plan
  values          = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api" }
}

override_resource {
  target          = aws_secretsmanager_secret.database_root
  override_during = plan
  values          = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:root" }
}

override_resource {
  target          = aws_secretsmanager_secret_version.api_database
  override_during = plan
  values          = { version_id = "v-api" }
}

override_resource {
  target          = aws_secretsmanager_secret_version.database_root
  override_during = plan
  values          = { version_id = "v-root" }
}

override_resource {
  target          = aws_ecr_repository.api
  override_during = plan
  values          = { arn = "arn:aws:ecr:us-east-1:123456789012:repository/simple-user-api", repository_url = "123456789012.dkr.ecr.us-east-1.amazonaws.com/simple-user-api" }
}

override_resource {
  target          = aws_ssm_parameter.collector
  override_during = plan
  values          = { arn = "arn:aws:ssm:us-east-1:123456789012:parameter/simple-user-api/collector" }
}

override_resource {
  target          = aws_cloudwatch_log_group.api
  override_during = plan
  values          = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/simple-user-api/api" }
}

override_resource {
  target          = aws_cloudwatch_log_group.database
  override_during = plan
  values          = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/simple-user-api/database" }
}

override_resource {
  target          = aws_cloudwatch_log_group.metrics
  override_during = plan
  values          = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/simple-user-api/metrics" }
}

override_resource {
  target          = aws_cloudwatch_log_group.exec
  override_during = plan
  values          = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/simple-user-api/exec" }
}

override_resource {
  target          = aws_efs_file_system.database
  override_during = plan
  values          = { id = "fs-1", arn = "arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-1" }
}

override_resource {
  target          = aws_efs_access_point.database
  override_during = plan
  values          = { id = "fsap-1", arn = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-1" }
}

override_resource {
  target          = aws_sns_topic.alarms
  override_during = plan
  values          = { arn = "arn:aws:sns:us-east-1:123456789012:simple-user-api-alarms" }
}

override_resource {
  target          = aws_s3_bucket.access_logs
  override_during = plan
  values          = { arn = "arn:aws:s3:::logs" }
}

override_resource {
  target          = aws_lb.this
  override_during = plan
  values          = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/a/1", arn_suffix = "app/a/1", dns_name = "a.elb.amazonaws.com" }
}

override_resource {
  target          = aws_lb_target_group.api
  override_during = plan
  values          = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/b/2", arn_suffix = "targetgroup/b/2" }
}

override_resource {
  target          = aws_iam_openid_connect_provider.github
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
}

override_resource {
  target          = aws_subnet.private
  override_during = plan
}

override_resource {
  target          = aws_subnet.public
  override_during = plan
}

override_data {
  target = data.aws_ec2_managed_prefix_list.cloudfront
  values = { id = "pl-cloudfront" }
}

override_resource {
  target          = aws_cognito_user_pool.this
  override_during = plan
  values          = { id = "us-east-1_pool", endpoint = "cognito-idp.us-east-1.amazonaws.com/us-east-1_pool" }
}

override_resource {
  target          = aws_cloudfront_distribution.this
  override_during = plan
  values          = { domain_name = "d111111abcdef8.cloudfront.net", hosted_zone_id = "Z2FDTNDATAQYW2" }
}

override_resource {
  target          = aws_cloudfront_vpc_origin.this
  override_during = plan
  values          = { id = "vo-1" }
}

run "container" {
  command = plan

  assert {
    condition = (
      aws_ecs_service.database[0].deployment_minimum_healthy_percent == 0 && aws_ecs_service.database[0].deployment_maximum_percent == 100
      && aws_ecs_service.database[0].desired_count == 1 && aws_ecs_service.database[0].availability_zone_rebalancing == "DISABLED"
    )
    error_message = "A server must stop before the next one starts: two may never share the files."
  }

  assert {
    condition     = aws_ecs_service.database[0].deployment_circuit_breaker[0].enable && aws_ecs_service.database[0].deployment_circuit_breaker[0].rollback && !aws_ecs_service.database[0].enable_execute_command
    error_message = "A failed deployment of the database must be rolled back, and no shell be open."
  }

  assert {
    condition = alltrue([
      for database in [jsondecode(aws_ecs_task_definition.database[0].container_definitions)[0]] :
      database.image == "public.ecr.aws/docker/library/mongo:8.2" && database.user == "999:999" && database.stopTimeout == 120
      && database.linuxParameters.capabilities.drop == ["ALL"] && database.mountPoints == [{ sourceVolume = "data", containerPath = "/data/db", readOnly = false }]
      && database.portMappings[0].containerPort == 27017
    ])
    error_message = "The database must be a pinned MongoDB, unprivileged, on its volume, with time to shut down."
  }

  assert {
    condition = alltrue([
      for command in [jsondecode(aws_ecs_task_definition.database[0].container_definitions)[0].command[0]] :
      strcontains(command, "--bind_ip_all --auth") && strcontains(command, "{ role: \"readWrite\", db: \"users\" }") && !can(regex("(?i)password *=", command))
    ])
    error_message = "The database must ask for a password, let the API's user into its own database only, and hold no password in its command."
  }

  assert {
    condition = {
      for secret in jsondecode(aws_ecs_task_definition.database[0].container_definitions)[0].secrets : secret.name => secret.valueFrom
      } == {
      API_PASSWORD  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api:password::v-api"
      ROOT_PASSWORD = "arn:aws:secretsmanager:us-east-1:123456789012:secret:root:password::v-root"
    }
    error_message = "The database's passwords must come from Secrets Manager."
  }

  assert {
    condition = (
      aws_efs_file_system.database[0].encrypted && length(aws_efs_mount_target.database) == 3
      && one(aws_ecs_task_definition.database[0].volume).efs_volume_configuration[0].transit_encryption == "ENABLED"
      && one(aws_ecs_task_definition.database[0].volume).efs_volume_configuration[0].authorization_config[0].iam == "ENABLED"
      && one(aws_ecs_task_definition.database[0].volume).efs_volume_configuration[0].authorization_config[0].access_point_id == "fsap-1"
    )
    error_message = "The files must be encrypted at rest and on the way, and be reached through the access point."
  }

  assert {
    condition = (
      aws_efs_access_point.database[0].posix_user[0].uid == 999 && aws_efs_access_point.database[0].posix_user[0].gid == 999
      && aws_efs_access_point.database[0].root_directory[0].path == "/mongo" && aws_efs_access_point.database[0].root_directory[0].creation_info[0].permissions == "0700"
    )
    error_message = "The access point must be the database user's, with a directory of its own."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_efs_file_system_policy.database[0].policy).Statement :
      statement.Principal.AWS == "arn:aws:iam::123456789012:role/database-task"
      && statement.Condition.StringEquals["elasticfilesystem:AccessPointArn"] == "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-1"
      if statement.Effect == "Allow"
      ]) && anytrue([
      for statement in jsondecode(aws_efs_file_system_policy.database[0].policy).Statement :
      statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
    ])
    error_message = "Only the database task may mount the file system, through its access point and encrypted."
  }

  assert {
    condition     = aws_backup_vault.database[0].force_destroy && one(aws_backup_plan.database[0].rule).lifecycle[0].delete_after == 35 && aws_backup_selection.database[0].resources == toset(["arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-1"])
    error_message = "The files must be backed up, in a vault that destroy removes."
  }

  assert {
    condition     = output.database_host == "mongo.simple-user-api.internal" && one(aws_service_discovery_service.database[0].dns_config[0].dns_records).ttl == 10 && aws_service_discovery_service.database[0].force_destroy
    error_message = "The database must be found as mongo.<namespace>, and again soon after it has moved."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.database : alarm.treat_missing_data == "breaching"])
    error_message = "A database that does not run must raise an alarm."
  }
}

run "container_as_asked_for" {
  command = plan

  variables {
    db_container_port        = 27018
    db_cpu                   = 1024
    db_memory                = 8192
    db_image                 = "999999999999.dkr.ecr.us-east-1.amazonaws.com/copies/mongo:8.2.11"
    db_backup_retention_days = 7
    db_password_version      = 2
    architecture             = "ARM64"
    execute_command          = true
    db_directory             = "/aws-backup-restore_2026-01-02T03-04-05-678Z/mongo"
  }

  assert {
    condition     = aws_efs_access_point.database[0].root_directory[0].path == var.db_directory
    error_message = "The database must run on a restored backup when it is told to."
  }

  assert {
    condition = (
      aws_ecs_task_definition.database[0].cpu == "1024" && aws_ecs_task_definition.database[0].memory == "8192"
      && aws_ecs_task_definition.database[0].runtime_platform[0].cpu_architecture == "ARM64"
      && jsondecode(aws_ecs_task_definition.database[0].container_definitions)[0].memory == 8192
    )
    error_message = "The database must have the size and architecture that were asked for."
  }

  assert {
    condition = (
      jsondecode(aws_ecs_task_definition.database[0].container_definitions)[0].portMappings[0].containerPort == 27018
      && aws_vpc_security_group_ingress_rule.database_from_api[0].from_port == 27018 && aws_vpc_security_group_egress_rule.api_to_database[0].to_port == 27018
      && contains([for variable in jsondecode(aws_ecs_task_definition.database[0].container_definitions)[0].environment : "${variable.name}=${variable.value}"], "PORT=27018")
      && strcontains(jsondecode(aws_ecs_task_definition.database[0].container_definitions)[0].healthCheck.command[1], "--port 27018")
    )
    error_message = "Server, health check and security groups must agree on the port."
  }

  assert {
    condition = contains(
      flatten([for statement in jsondecode(aws_iam_role_policy.database_execution[0].policy).Statement : statement.Resource]),
      "arn:aws:ecr:us-east-1:999999999999:repository/copies/mongo"
    )
    error_message = "ECS must be allowed to pull the database's image from the registry that has it."
  }

  assert {
    condition     = aws_secretsmanager_secret_version.api_database[0].secret_string_wo_version == 2 && aws_secretsmanager_secret_version.database_root[0].secret_string_wo_version == 2
    error_message = "A new version of the passwords must reach both secrets."
  }

  assert {
    condition     = one(aws_backup_plan.database[0].rule).lifecycle[0].delete_after == 7
    error_message = "Backups must be kept as long as was asked for."
  }

  assert {
    condition = (
      aws_ecs_service.database[0].enable_execute_command && !aws_ecs_service.api.enable_execute_command
      && aws_ecs_cluster.this.configuration[0].execute_command_configuration[0].logging == "OVERRIDE"
      && strcontains(aws_iam_role_policy.database_task[0].policy, "ssmmessages:OpenDataChannel") && !strcontains(aws_iam_role_policy.api_task.policy, "ssmmessages")
    )
    error_message = "A shell that was asked for must be the database's only, and logged."
  }
}

run "external" {
  command = plan

  variables {
    database                      = "external"
    external_database_secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:atlas-AbCdEf"
    external_database_kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    external_database_cidrs       = ["192.0.2.0/24"]
    execute_command               = true
  }

  assert {
    condition = alltrue([
      for resources in [
        aws_ecs_service.database, aws_ecs_task_definition.database, aws_efs_file_system.database, aws_efs_access_point.database, aws_efs_file_system_policy.database,
        aws_backup_vault.database, aws_backup_plan.database, aws_backup_selection.database, aws_iam_role.backup, aws_iam_role.database_execution, aws_iam_role.database_task,
        aws_secretsmanager_secret.database_root, aws_secretsmanager_secret.api_database, aws_secretsmanager_secret_version.database_root, aws_secretsmanager_secret_version.api_database,
        aws_security_group.database, aws_security_group.file_system, aws_service_discovery_private_dns_namespace.this, aws_service_discovery_service.database,
        aws_cloudwatch_log_group.database, aws_cloudwatch_log_group.exec, terraform_data.passwords,
      ] : length(resources) == 0
    ]) && length(aws_efs_mount_target.database) == 0 && length(aws_cloudwatch_metric_alarm.database) == 0
    error_message = "With an external database nothing of MongoDB may be created."
  }

  assert {
    condition = (
      jsondecode(aws_ecs_task_definition.api.container_definitions)[0].secrets
      == [{ name = "ConnectionStrings__users", valueFrom = "arn:aws:secretsmanager:us-east-1:123456789012:secret:atlas-AbCdEf" }]
      && output.database_secret_arn == "arn:aws:secretsmanager:us-east-1:123456789012:secret:atlas-AbCdEf" && output.database_host == null
    )
    error_message = "The API must take the connection string that it is given."
  }

  assert {
    condition = alltrue([
      for action, resource in {
        "secretsmanager:GetSecretValue" = "arn:aws:secretsmanager:us-east-1:123456789012:secret:atlas-AbCdEf"
        "kms:Decrypt"                   = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
      } :
      [for statement in jsondecode(aws_iam_role_policy.api_execution.policy).Statement : statement.Resource if contains(flatten([statement.Action]), action)] == [resource]
    ])
    error_message = "ECS must be allowed to read and decrypt that secret, and no other."
  }

  assert {
    condition     = keys(aws_vpc_security_group_egress_rule.api_to_external_database) == ["192.0.2.0/24"] && aws_vpc_security_group_egress_rule.api_to_external_database["192.0.2.0/24"].to_port == 27017 && length(aws_vpc_security_group_egress_rule.api_to_database) == 0
    error_message = "The API must reach the external database, where it was said to be."
  }

  assert {
    condition     = !contains([for widget in local.widgets : widget.title], "database: CPU and memory") && contains([for widget in local.widgets : widget.title], "Store latency")
    error_message = "The dashboard must not show a service that is not there."
  }
}

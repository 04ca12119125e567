# Uses the real provider, because mocks have no ephemeral resources; names that AWS would give are set for a plan.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
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
  target          = aws_iam_role.database_task
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/database-task" }
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
  target          = aws_iam_role.backup
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/backup" }
}

override_resource {
  target          = aws_iam_role.database_execution
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/database-execution" }
}

override_resource {
  target          = aws_cloudwatch_log_group.database
  override_during = plan
  values          = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/users/database" }
}

override_resource {
  target          = aws_backup_vault.database
  override_during = plan
  values          = { id = "users-database" }
}

variables {
  context     = { name = "users", region = "us-east-1", account_id = "123456789012" }
  vpc_id      = "vpc-1"
  subnet_ids  = { us-east-1a = "subnet-a", us-east-1b = "subnet-b" }
  tasks       = { subnet_ids = { us-east-1a = "subnet-a", us-east-1b = "subnet-b" } }
  cluster_arn = "arn:aws:ecs:us-east-1:123456789012:cluster/users"
}

run "defaults" {
  command = plan

  assert {
    condition = (
      aws_ecs_service.database.deployment_minimum_healthy_percent == 0 && aws_ecs_service.database.deployment_maximum_percent == 100
      && aws_ecs_service.database.desired_count == 1 && aws_ecs_service.database.availability_zone_rebalancing == "DISABLED"
    )
    error_message = "A server must stop before the next one starts: two servers must never share the files."
  }

  assert {
    condition = (
      aws_ecs_service.database.deployment_circuit_breaker[0].enable && aws_ecs_service.database.deployment_circuit_breaker[0].rollback
      && !aws_ecs_service.database.enable_execute_command && aws_ecs_service.database.wait_for_steady_state && aws_ecs_task_definition.database.skip_destroy
    )
    error_message = "A failed deployment of the database must be rolled back to a revision that still exists, and shells must be off."
  }

  assert {
    condition     = !aws_ecs_service.database.network_configuration[0].assign_public_ip && toset(aws_ecs_service.database.network_configuration[0].subnets) == toset(["subnet-a", "subnet-b"])
    error_message = "The database must run in the given subnets, without a public address."
  }

  assert {
    condition = alltrue([
      for database in [jsondecode(aws_ecs_task_definition.database.container_definitions)[0]] :
      database.image == "public.ecr.aws/docker/library/mongo:8.0" && database.user == "999:999" && database.stopTimeout == 120
      && database.linuxParameters.capabilities.drop == ["ALL"] && jsonencode(database.mountPoints) == jsonencode([{ containerPath = "/data/db", readOnly = false, sourceVolume = "data" }])
      && database.portMappings[0].containerPort == 27017
    ])
    error_message = "The database must be a pinned MongoDB that is supported on premises, unprivileged, on its volume, with time to shut down."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.database.container_definitions)[0].healthCheck.command == ["CMD", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/27017"]
    error_message = "The health check must connect to the database's port."
  }

  assert {
    condition = alltrue([
      for command in [jsondecode(aws_ecs_task_definition.database.container_definitions)[0].command[0]] :
      strcontains(command, "--bind_ip_all --auth") && strcontains(command, "{ role: \"readWrite\", db: \"users\" }") && !can(regex("(?i)password *=", command))
      && strcontains(command, "diagnosticDataCollectionEnabled=false")
    ])
    error_message = "The database must require a password, restrict the API's user to its own database, have no password in its command, and write no diagnostics to its billed storage."
  }

  assert {
    condition = { for secret in jsondecode(aws_ecs_task_definition.database.container_definitions)[0].secrets : secret.name => secret.valueFrom } == {
      API_PASSWORD  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api:password::v-api"
      API_USERNAME  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api:username::v-api"
      ROOT_PASSWORD = "arn:aws:secretsmanager:us-east-1:123456789012:secret:root:password::v-root"
    }
    error_message = "The database's users and passwords must come from Secrets Manager, in the version that is deployed."
  }

  assert {
    condition     = output.connection_string.value_from == "arn:aws:secretsmanager:us-east-1:123456789012:secret:api:connectionString::v-api" && output.connection_string.secret_arn == "arn:aws:secretsmanager:us-east-1:123456789012:secret:api"
    error_message = "The API must get its connection string in the version that is deployed."
  }

  assert {
    condition = alltrue([
      for version in [aws_secretsmanager_secret_version.api_database, aws_secretsmanager_secret_version.database_root] :
      version.secret_string_wo_version == 1 && version.secret_string_wo == null && !strcontains(coalesce(version.secret_string, "-"), "password")
    ]) && aws_secretsmanager_secret.api_database.recovery_window_in_days == 0 && aws_secretsmanager_secret.database_root.recovery_window_in_days == 0
    error_message = "Passwords must be passed by write-only arguments, and destroyed secrets must release their names."
  }

  assert {
    condition = alltrue([
      for variable in jsondecode(aws_ecs_task_definition.database.container_definitions)[0].environment : !can(regex("(?i)password|secret|token", variable.name))
    ])
    error_message = "A task definition must not contain a secret in plain text."
  }

  assert {
    condition = (
      aws_efs_file_system.database.encrypted && { for zone, target in aws_efs_mount_target.database : zone => target.subnet_id } == { us-east-1a = "subnet-a", us-east-1b = "subnet-b" }
      && one(aws_ecs_task_definition.database.volume).efs_volume_configuration[0].transit_encryption == "ENABLED"
      && one(aws_ecs_task_definition.database.volume).efs_volume_configuration[0].authorization_config[0].iam == "ENABLED"
      && one(aws_ecs_task_definition.database.volume).efs_volume_configuration[0].authorization_config[0].access_point_id == "fsap-1"
    )
    error_message = "The files must be encrypted at rest and in transit, and be used through the access point."
  }

  assert {
    condition = (
      aws_efs_access_point.database.posix_user[0].uid == 999 && aws_efs_access_point.database.posix_user[0].gid == 999
      && aws_efs_access_point.database.root_directory[0].path == "/mongo" && aws_efs_access_point.database.root_directory[0].creation_info[0].permissions == "0700"
    )
    error_message = "The access point must belong to the database's user and create its directory."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_efs_file_system_policy.database.policy).Statement :
      statement.Principal.AWS == "arn:aws:iam::123456789012:role/database-task"
      && statement.Condition.StringEquals["elasticfilesystem:AccessPointArn"] == "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-1"
      if statement.Effect == "Allow"
      ]) && anytrue([
      for statement in jsondecode(aws_efs_file_system_policy.database.policy).Statement :
      statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
    ])
    error_message = "Only the database task may mount the file system, through its access point and encrypted."
  }

  assert {
    condition     = aws_backup_vault.database.force_destroy && one(aws_backup_plan.database.rule).lifecycle[0].delete_after == 35 && aws_backup_selection.database.resources == toset(["arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-1"])
    error_message = "The files must be backed up, in a vault that destroy deletes unless deletion_protection is on."
  }

  assert {
    condition     = output.host == "mongo.users.internal" && one(aws_service_discovery_service.database.dns_config[0].dns_records).ttl == 10 && aws_service_discovery_service.database.force_destroy
    error_message = "The database must have the name mongo.<name space>, with a short TTL."
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.file_system_from_database.security_group_id == "sg-file-system"
      && aws_vpc_security_group_ingress_rule.file_system_from_database.referenced_security_group_id == "sg-database"
      && aws_vpc_security_group_ingress_rule.file_system_from_database.from_port == 2049 && aws_vpc_security_group_egress_rule.database_to_aws.to_port == 443
      && length(aws_vpc_security_group_egress_rule.database_to_successor) == 0
    )
    error_message = "Only the database may connect to the file system, and the database must be able to connect to AWS."
  }

  assert {
    condition     = toset(flatten([for statement in jsondecode(aws_iam_role_policy.database_execution.policy).Statement : statement.Resource if contains(flatten([statement.Action]), "secretsmanager:GetSecretValue")])) == toset(["arn:aws:secretsmanager:us-east-1:123456789012:secret:api", "arn:aws:secretsmanager:us-east-1:123456789012:secret:root"])
    error_message = "The task must be allowed to read the secrets that it needs, and no others."
  }

  assert {
    condition     = !can(regex("secretsmanager|ssm|ecr:", aws_iam_role_policy.database_task.policy)) && !contains(flatten([for statement in jsondecode(aws_iam_role_policy.database_task.policy).Statement : statement.Resource]), "*")
    error_message = "The container itself must not be allowed to read secrets."
  }

  assert {
    condition     = terraform_data.guard.input.protected == false && terraform_data.guard.triggers_replace == ["fs-1", aws_backup_vault.database.id]
    error_message = "The guard must allow destroy unless deletion_protection is on, and be replaced when the file system or the vault is."
  }
}

run "as_asked_for" {
  command = plan

  variables {
    context = {
      name                     = "users", region = "us-east-1", account_id = "123456789012", kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
      permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary", log_retention_days = 365
    }
    port                  = 27018
    cpu                   = 1024
    memory                = 8192
    image                 = "999999999999.dkr.ecr.us-east-1.amazonaws.com/copies/mongo:8.0.4"
    architecture          = "ARM64"
    backup_retention_days = 7
    password_version      = 2
    directory             = "/aws-backup-restore_2026-01-02T03-04-05-678Z/mongo"
    exec_log_group_arn    = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/users/exec"
    successor             = { cidrs = ["192.0.2.0/24"], from_port = 27017, to_port = 27019 }
    tasks                 = { subnet_ids = { us-east-1a = "subnet-public" }, assign_public_ip = true }
  }

  assert {
    condition     = aws_efs_access_point.database.root_directory[0].path == var.directory && length(aws_efs_access_point.database.root_directory[0].creation_info) == 0
    error_message = "With directory, the database must run on a restored backup, and a mistyped directory must not be created."
  }

  assert {
    condition = (
      aws_ecs_task_definition.database.cpu == "1024" && aws_ecs_task_definition.database.memory == "8192"
      && aws_ecs_task_definition.database.runtime_platform[0].cpu_architecture == "ARM64"
      && jsondecode(aws_ecs_task_definition.database.container_definitions)[0].memory == 8192 && aws_ecs_service.database.network_configuration[0].assign_public_ip
    )
    error_message = "The database must have the requested size, architecture and network."
  }

  assert {
    condition = (
      jsondecode(aws_ecs_task_definition.database.container_definitions)[0].portMappings[0].containerPort == 27018
      && contains([for variable in jsondecode(aws_ecs_task_definition.database.container_definitions)[0].environment : "${variable.name}=${variable.value}"], "PORT=27018")
      && endswith(jsondecode(aws_ecs_task_definition.database.container_definitions)[0].healthCheck.command[3], "/27018")
    )
    error_message = "Server and health check must agree on the port."
  }

  assert {
    condition = contains(
      flatten([for statement in jsondecode(aws_iam_role_policy.database_execution.policy).Statement : statement.Resource]),
      "arn:aws:ecr:us-east-1:999999999999:repository/copies/mongo"
    )
    error_message = "ECS must be allowed to pull the database's image from its registry."
  }

  assert {
    condition     = aws_secretsmanager_secret_version.api_database.secret_string_wo_version == 2 && aws_secretsmanager_secret_version.database_root.secret_string_wo_version == 2 && local.api_username == "api-v2"
    error_message = "A new password_version must change both secrets and have a new user."
  }

  assert {
    condition     = one(aws_backup_plan.database.rule).lifecycle[0].delete_after == 7 && aws_cloudwatch_log_group.database.retention_in_days == 365
    error_message = "Backups and logs must be kept for the requested time."
  }

  assert {
    condition     = aws_ecs_service.database.enable_execute_command && strcontains(aws_iam_role_policy.database_task.policy, "ssmmessages:OpenDataChannel") && strcontains(aws_iam_role_policy.database_task.policy, "/ecs/users/exec:*")
    error_message = "A requested shell must be possible and logged."
  }

  assert {
    condition = alltrue([for key in [
      aws_efs_file_system.database.kms_key_id, aws_backup_vault.database.kms_key_arn, aws_secretsmanager_secret.api_database.kms_key_id, aws_cloudwatch_log_group.database.kms_key_id, output.connection_string.kms_key_arn
    ] : key == "arn:aws:kms:us-east-1:123456789012:key/1"]) && strcontains(aws_iam_role_policy.database_execution.policy, "kms:Decrypt")
    error_message = "All stored data must be encrypted with the given key, and ECS must be allowed to decrypt secrets."
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.backup, aws_iam_role.database_execution, aws_iam_role.database_task] : role.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"])
    error_message = "Every role must have the permissions boundary."
  }

  assert {
    condition     = keys(aws_vpc_security_group_egress_rule.database_to_successor) == ["192.0.2.0/24"] && aws_vpc_security_group_egress_rule.database_to_successor["192.0.2.0/24"].from_port == 27017 && aws_vpc_security_group_egress_rule.database_to_successor["192.0.2.0/24"].to_port == 27019
    error_message = "The database must be able to connect to its successor, so that users can be copied."
  }
}

run "protected" {
  command = plan

  variables {
    context = { name = "users", region = "us-east-1", account_id = "123456789012", deletion_protection = true }
  }

  assert {
    condition     = !aws_backup_vault.database.force_destroy && aws_secretsmanager_secret.api_database.recovery_window_in_days == 30 && terraform_data.guard.input.protected
    error_message = "With deletion_protection, destroy must not empty the vault, secrets must be recoverable, and the guard must be on."
  }
}

run "values_that_no_variable_takes" {
  command = plan

  variables {
    image                 = "mongo"
    port                  = 70000
    password_version      = 0
    backup_retention_days = 0
    directory             = "mongo"
  }

  expect_failures = [var.image, var.port, var.password_version, var.backup_retention_days, var.directory]
}

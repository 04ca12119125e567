# Addresses of resources before there were modules, so that an existing deployment keeps its resources.

moved {
  from = aws_backup_plan.database[0]
  to   = module.database[0].aws_backup_plan.database
}

moved {
  from = aws_backup_selection.database[0]
  to   = module.database[0].aws_backup_selection.database
}

moved {
  from = aws_backup_vault.database[0]
  to   = module.database[0].aws_backup_vault.database
}

moved {
  from = aws_cloudwatch_log_group.database[0]
  to   = module.database[0].aws_cloudwatch_log_group.database
}

moved {
  from = aws_ecs_service.database[0]
  to   = module.database[0].aws_ecs_service.database
}

moved {
  from = aws_ecs_task_definition.database[0]
  to   = module.database[0].aws_ecs_task_definition.database
}

moved {
  from = aws_efs_access_point.database[0]
  to   = module.database[0].aws_efs_access_point.database
}

moved {
  from = aws_efs_file_system.database[0]
  to   = module.database[0].aws_efs_file_system.database
}

moved {
  from = aws_efs_file_system_policy.database[0]
  to   = module.database[0].aws_efs_file_system_policy.database
}

moved {
  from = aws_efs_mount_target.database
  to   = module.database[0].aws_efs_mount_target.database
}

moved {
  from = aws_iam_role.backup[0]
  to   = module.database[0].aws_iam_role.backup
}

moved {
  from = aws_iam_role.database_execution[0]
  to   = module.database[0].aws_iam_role.database_execution
}

moved {
  from = aws_iam_role.database_task[0]
  to   = module.database[0].aws_iam_role.database_task
}

moved {
  from = aws_iam_role_policy.database_execution[0]
  to   = module.database[0].aws_iam_role_policy.database_execution
}

moved {
  from = aws_iam_role_policy.database_task[0]
  to   = module.database[0].aws_iam_role_policy.database_task
}

moved {
  from = aws_iam_role_policy_attachment.backup
  to   = module.database[0].aws_iam_role_policy_attachment.backup
}

moved {
  from = aws_secretsmanager_secret.api_database[0]
  to   = module.database[0].aws_secretsmanager_secret.api_database
}

moved {
  from = aws_secretsmanager_secret.database_root[0]
  to   = module.database[0].aws_secretsmanager_secret.database_root
}

moved {
  from = aws_secretsmanager_secret_version.api_database[0]
  to   = module.database[0].aws_secretsmanager_secret_version.api_database
}

moved {
  from = aws_secretsmanager_secret_version.database_root[0]
  to   = module.database[0].aws_secretsmanager_secret_version.database_root
}

moved {
  from = aws_security_group.database[0]
  to   = module.database[0].aws_security_group.database
}

moved {
  from = aws_security_group.file_system[0]
  to   = module.database[0].aws_security_group.file_system
}

moved {
  from = aws_service_discovery_private_dns_namespace.this[0]
  to   = module.database[0].aws_service_discovery_private_dns_namespace.this
}

moved {
  from = aws_service_discovery_service.database[0]
  to   = module.database[0].aws_service_discovery_service.database
}

moved {
  from = aws_vpc_security_group_egress_rule.database_to_file_system[0]
  to   = module.database[0].aws_vpc_security_group_egress_rule.database_to_file_system
}

moved {
  from = aws_vpc_security_group_ingress_rule.file_system_from_database[0]
  to   = module.database[0].aws_vpc_security_group_ingress_rule.file_system_from_database
}

moved {
  from = terraform_data.passwords[0]
  to   = module.database[0].terraform_data.passwords
}

moved {
  from = aws_vpc_security_group_egress_rule.tasks_to_aws["database"]
  to   = module.database[0].aws_vpc_security_group_egress_rule.database_to_aws
}

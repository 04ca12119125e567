# MongoDB in a container, on a network file system. One server: a replica set would be more services like this one,
# each with an access point and a name of its own (mongo-0, mongo-1, ...), under the same secrets.

locals {
  container_database = var.database == "container"
  database_exec      = local.container_database && var.execute_command
  database_host      = local.container_database ? "mongo.${aws_service_discovery_private_dns_namespace.this[0].name}" : null

  # With the version of the secret, so that new passwords are a new revision of each task.
  connection_string = (
    local.container_database
    ? "${aws_secretsmanager_secret.api_database[0].arn}:connectionString::${aws_secretsmanager_secret_version.api_database[0].version_id}"
    : var.external_database_secret_arn
  )
  connection_secret_arn = local.container_database ? aws_secretsmanager_secret.api_database[0].arn : var.external_database_secret_arn

  database_container = !local.container_database ? null : {
    name      = "database"
    image     = var.db_image
    essential = true

    # The image's own user, and the access point's: nothing to change owners of, which a network file system refuses.
    user            = "999:999"
    entryPoint      = ["bash", "-c"]
    command         = [file("${path.module}/scripts/database.sh")]
    memory          = var.db_memory
    stopTimeout     = 120 # as long as there is: a clean shutdown writes everything out
    portMappings    = [{ containerPort = var.db_container_port, hostPort = var.db_container_port, protocol = "tcp" }]
    linuxParameters = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    mountPoints     = [{ sourceVolume = "data", containerPath = "/data/db", readOnly = false }]
    ulimits         = [{ name = "nofile", softLimit = 64000, hardLimit = 64000 }]

    environment = [
      { name = "HOME", value = "/tmp" }, # the shell's history is no part of the data
      { name = "PORT", value = tostring(var.db_container_port) },
    ]

    secrets = [
      {
        name      = "API_PASSWORD"
        valueFrom = "${aws_secretsmanager_secret.api_database[0].arn}:password::${aws_secretsmanager_secret_version.api_database[0].version_id}"
      },
      {
        name      = "ROOT_PASSWORD"
        valueFrom = "${aws_secretsmanager_secret.database_root[0].arn}:password::${aws_secretsmanager_secret_version.database_root[0].version_id}"
      },
    ]

    healthCheck = {
      command     = ["CMD-SHELL", "mongosh --quiet --port ${var.db_container_port} --eval 'quit(db.runCommand({ ping: 1 }).ok ? 0 : 1)'"]
      interval    = 30
      timeout     = 20
      retries     = 3
      startPeriod = 120
    }

    logConfiguration = {
      logDriver = "awslogs"
      options   = merge(local.log_options, { awslogs-group = aws_cloudwatch_log_group.database[0].name, awslogs-stream-prefix = "database" })
    }
  }
}

resource "aws_ecs_task_definition" "database" {
  count = local.container_database ? 1 : 0

  family                   = "${var.app_name}-database"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.db_cpu
  memory                   = var.db_memory
  execution_role_arn       = aws_iam_role.database_execution[0].arn
  task_role_arn            = aws_iam_role.database_task[0].arn
  container_definitions    = jsonencode([local.database_container])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  volume {
    name = "data"

    efs_volume_configuration {
      file_system_id     = aws_efs_file_system.database[0].id
      transit_encryption = "ENABLED"

      authorization_config {
        access_point_id = aws_efs_access_point.database[0].id
        iam             = "ENABLED"
      }
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_ecs_service" "database" {
  count = local.container_database ? 1 : 0

  name            = "database"
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.database[0].arn
  launch_type     = "FARGATE"
  desired_count   = 1

  # The old server stops before the new one starts: two on the same files would destroy them.
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  availability_zone_rebalancing      = "DISABLED"

  enable_execute_command  = var.execute_command
  enable_ecs_managed_tags = true
  propagate_tags          = "SERVICE"
  wait_for_steady_state   = var.wait_for_steady_state

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = [for subnet in aws_subnet.private : subnet.id]
    security_groups  = [aws_security_group.database[0].id]
    assign_public_ip = false
  }

  service_registries {
    registry_arn = aws_service_discovery_service.database[0].arn
  }

  depends_on = [
    aws_efs_file_system_policy.database,
    aws_efs_mount_target.database,
    aws_iam_role_policy.database_execution,
    aws_iam_role_policy.database_task,
    aws_route.nat,
    aws_route_table_association.private,
    aws_vpc_endpoint.interface,
    aws_vpc_endpoint.s3,
    aws_vpc_security_group_egress_rule.database_to_file_system,
    aws_vpc_security_group_egress_rule.tasks_to_aws,
    aws_vpc_security_group_egress_rule.tasks_to_endpoints,
    aws_vpc_security_group_egress_rule.tasks_to_s3,
    aws_vpc_security_group_ingress_rule.endpoints_from_tasks,
    aws_vpc_security_group_ingress_rule.file_system_from_database,
  ]
}

# Passwords: drawn in the cloud, handed to Secrets Manager through write-only arguments, never in a plan or the state.

resource "terraform_data" "passwords" {
  count = local.container_database ? 1 : 0

  # A resource, so that its output is unknown in every plan that writes passwords: they are drawn when that plan is applied.
  input = { version = var.db_password_version, length = 40 }
}

ephemeral "aws_secretsmanager_random_password" "root" {
  count = local.container_database ? 1 : 0

  password_length     = terraform_data.passwords[0].output.length
  exclude_punctuation = true # for the connection string
}

ephemeral "aws_secretsmanager_random_password" "api" {
  count = local.container_database ? 1 : 0

  password_length     = terraform_data.passwords[0].output.length
  exclude_punctuation = true
}

# Without recovery windows: with one, the names would stay taken for days after destroy.

resource "aws_secretsmanager_secret" "database_root" {
  count = local.container_database ? 1 : 0

  name                    = "${var.app_name}/database/root"
  description             = "Administrator of the database. Only the database task reads it."
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "database_root" {
  count = local.container_database ? 1 : 0

  secret_id                = aws_secretsmanager_secret.database_root[0].id
  secret_string_wo_version = var.db_password_version
  secret_string_wo = jsonencode({
    username = "root"
    password = ephemeral.aws_secretsmanager_random_password.root[0].random_password
  })
}

# Password and connection string in one secret, so that they cannot come apart.
resource "aws_secretsmanager_secret" "api_database" {
  count = local.container_database ? 1 : 0

  name                    = "${var.app_name}/database/api"
  description             = "The API's database user. The API reads the connection string, the database task the password, to make the user with it."
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "api_database" {
  count = local.container_database ? 1 : 0

  secret_id                = aws_secretsmanager_secret.api_database[0].id
  secret_string_wo_version = var.db_password_version
  secret_string_wo = jsonencode({
    username         = "api"
    password         = ephemeral.aws_secretsmanager_random_password.api[0].random_password
    connectionString = "mongodb://api:${ephemeral.aws_secretsmanager_random_password.api[0].random_password}@${local.database_host}:${var.db_container_port}/users?authSource=users"
  })
}

resource "aws_efs_file_system" "database" {
  count = local.container_database ? 1 : 0

  encrypted = true

  # Bursting gives a file system as small as this one next to nothing.
  throughput_mode = "elastic"

  tags = { Name = "${var.app_name}-database" }
}

resource "aws_efs_mount_target" "database" {
  for_each = local.container_database ? aws_subnet.private : {}

  file_system_id  = aws_efs_file_system.database[0].id
  subnet_id       = each.value.id
  security_groups = [aws_security_group.file_system[0].id]
}

resource "aws_efs_access_point" "database" {
  count = local.container_database ? 1 : 0

  file_system_id = aws_efs_file_system.database[0].id

  posix_user {
    uid = 999
    gid = 999
  }

  root_directory {
    path = var.db_directory

    creation_info {
      owner_uid   = 999
      owner_gid   = 999
      permissions = "0700"
    }
  }

  tags = { Name = "${var.app_name}-database" }

  # The server runs on the old one until it is replaced.
  lifecycle {
    create_before_destroy = true
  }
}

# The database task, through its access point and encrypted, and nobody else.
resource "aws_efs_file_system_policy" "database" {
  count = local.container_database ? 1 : 0

  file_system_id = aws_efs_file_system.database[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DatabaseTask"
        Effect    = "Allow"
        Action    = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
        Resource  = aws_efs_file_system.database[0].arn
        Principal = { AWS = aws_iam_role.database_task[0].arn }
        Condition = { StringEquals = { "elasticfilesystem:AccessPointArn" = aws_efs_access_point.database[0].arn } }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Action    = "*"
        Resource  = aws_efs_file_system.database[0].arn
        Principal = { AWS = "*" }
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

# A vault of its own: in the account's default one, backups would survive destroy.
resource "aws_backup_vault" "database" {
  count = local.container_database ? 1 : 0

  name          = "${var.app_name}-database"
  force_destroy = true
}

resource "aws_backup_plan" "database" {
  count = local.container_database ? 1 : 0

  name = "${var.app_name}-database"

  rule {
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.database[0].name
    schedule          = "cron(0 3 * * ? *)"

    lifecycle {
      delete_after = var.db_backup_retention_days
    }
  }
}

resource "aws_backup_selection" "database" {
  count = local.container_database ? 1 : 0

  name         = "${var.app_name}-database"
  plan_id      = aws_backup_plan.database[0].id
  iam_role_arn = aws_iam_role.backup[0].arn
  resources    = [aws_efs_file_system.database[0].arn]

  depends_on = [aws_iam_role_policy_attachment.backup]
}

resource "aws_iam_role" "backup" {
  count = local.container_database ? 1 : 0

  name        = "${local.global_name}-backup"
  description = "Lets AWS Backup save and restore the database of ${var.app_name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "backup.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

# AWS's own policies, as what AWS Backup calls is not documented action by action.
resource "aws_iam_role_policy_attachment" "backup" {
  for_each = toset(local.container_database ? ["Backup", "Restores"] : [])

  role       = aws_iam_role.backup[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor${each.key}"
}

resource "aws_iam_role" "database_execution" {
  count = local.container_database ? 1 : 0

  name               = "${local.global_name}-database-execution"
  description        = "Lets ECS start the database task of ${var.app_name}"
  assume_role_policy = local.tasks_trust
}

resource "aws_iam_role_policy" "database_execution" {
  count = local.container_database ? 1 : 0

  name = "start-tasks"
  role = aws_iam_role.database_execution[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.pull_statements.database, [
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.database[0].arn}:*"
      },
      {
        Sid      = "ReadPasswords"
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = [aws_secretsmanager_secret.database_root[0].arn, aws_secretsmanager_secret.api_database[0].arn]
      },
    ])
  })
}

resource "aws_iam_role" "database_task" {
  count = local.container_database ? 1 : 0

  name               = "${local.global_name}-database-task"
  description        = "What the database task of ${var.app_name} may do itself: use its file system"
  assume_role_policy = local.tasks_trust
}

resource "aws_iam_role_policy" "database_task" {
  count = local.container_database ? 1 : 0

  name = "use-file-system"
  role = aws_iam_role.database_task[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "UseFileSystem"
        Effect    = "Allow"
        Action    = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
        Resource  = aws_efs_file_system.database[0].arn
        Condition = { StringEquals = { "elasticfilesystem:AccessPointArn" = aws_efs_access_point.database[0].arn } }
      }],
      flatten([
        for group in aws_cloudwatch_log_group.exec : [
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
            Resource = "*" # the actions know no resource
          },
          {
            Sid      = "LogShells"
            Effect   = "Allow"
            Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
            Resource = "${group.arn}:*"
          },
        ]
      ]),
    )
  })
}

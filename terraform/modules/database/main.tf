# MongoDB in a container, on a network file system: one server, no replica set (README.md says why).

module "task" {
  source = "../task"

  context = var.context
  cpu     = var.cpu
  memory  = var.memory
  images  = { database = var.image }
}

locals {
  host = "mongo.${aws_service_discovery_private_dns_namespace.this.name}"

  # Includes the versions of the secrets, so that new passwords make a new revision of the task.
  api_secret  = { for key in ["username", "password", "connectionString"] : key => "${aws_secretsmanager_secret.api_database.arn}:${key}::${aws_secretsmanager_secret_version.api_database.version_id}" }
  root_secret = "${aws_secretsmanager_secret.database_root.arn}:password::${aws_secretsmanager_secret_version.database_root.version_id}"

  container = {
    name      = "database"
    image     = var.image
    essential = true

    # User of the image and of the access point, so that the server need not change owners, which a network file system refuses.
    user            = "999:999"
    entryPoint      = ["bash", "-c"]
    command         = [file("${path.module}/scripts/serve.sh")]
    memory          = var.memory
    stopTimeout     = 120 # the maximum: a clean shutdown writes all data to disk
    portMappings    = [{ containerPort = var.port, hostPort = var.port, protocol = "tcp" }]
    linuxParameters = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    mountPoints     = [{ sourceVolume = "data", containerPath = "/data/db", readOnly = false }]
    ulimits         = [{ name = "nofile", softLimit = 64000, hardLimit = 64000 }]

    environment = [
      { name = "HOME", value = "/tmp" }, # keeps the shell's history out of the data
      { name = "PORT", value = tostring(var.port) },
    ]

    secrets = [
      { name = "API_PASSWORD", valueFrom = local.api_secret.password },
      { name = "API_USERNAME", valueFrom = local.api_secret.username },
      { name = "ROOT_PASSWORD", valueFrom = local.root_secret },
    ]

    # Only opens a connection: mongosh would take seconds of a small task's CPU. The port opens after the users are created.
    healthCheck = {
      command     = ["CMD", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${var.port}"]
      interval    = 15
      timeout     = 5
      retries     = 3
      startPeriod = 300 # time for a recovery from an unclean shutdown
    }

    logConfiguration = {
      logDriver = "awslogs"
      options   = merge(module.task.log_options, { awslogs-group = aws_cloudwatch_log_group.database.name, awslogs-stream-prefix = "database" })
    }
  }
}

resource "aws_cloudwatch_log_group" "database" {
  name              = "/ecs/${var.context.name}/database"
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
}

resource "aws_ecs_task_definition" "database" {
  family                   = "${var.context.name}-database"
  skip_destroy             = true
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.database_execution.arn
  task_role_arn            = aws_iam_role.database_task.arn
  container_definitions    = jsonencode([local.container])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  volume {
    name = "data"

    efs_volume_configuration {
      file_system_id     = aws_efs_file_system.database.id
      transit_encryption = "ENABLED"

      authorization_config {
        access_point_id = aws_efs_access_point.database.id
        iam             = "ENABLED"
      }
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_ecs_service" "database" {
  name            = "database"
  cluster         = var.cluster_arn
  task_definition = aws_ecs_task_definition.database.arn
  launch_type     = "FARGATE"
  desired_count   = 1

  # The old server must stop before the new one starts: two servers on the same files would corrupt them.
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  availability_zone_rebalancing      = "DISABLED"

  enable_execute_command  = var.exec_log_group_arn != null
  enable_ecs_managed_tags = true
  propagate_tags          = "SERVICE"
  wait_for_steady_state   = var.wait_for_steady_state

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = values(var.tasks.subnet_ids)
    security_groups  = [aws_security_group.database.id]
    assign_public_ip = var.tasks.assign_public_ip
  }

  service_registries {
    registry_arn = aws_service_discovery_service.database.arn
  }

  # Terraform accepts any stable service, even one that ECS has rolled back.
  lifecycle {
    postcondition {
      condition     = self.task_definition == aws_ecs_task_definition.database.arn
      error_message = "ECS rolled the database back: its service runs ${self.task_definition}. The service's events and the log group ${aws_cloudwatch_log_group.database.name} show the reason."
    }
  }

  # What a task needs from its start until it has stopped.
  depends_on = [
    aws_efs_file_system_policy.database,
    aws_efs_mount_target.database,
    aws_iam_role_policy.database_execution,
    aws_iam_role_policy.database_task,
    aws_vpc_security_group_egress_rule.database_to_aws,
    aws_vpc_security_group_egress_rule.database_to_file_system,
    aws_vpc_security_group_ingress_rule.file_system_from_database,
  ]
}

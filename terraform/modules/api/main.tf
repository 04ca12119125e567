module "task" {
  source = "../task"

  context = var.context
  cpu     = var.cpu
  memory  = var.memory
  images  = { api = var.image, collector = var.collector.image }
}

locals {
  # Each timeout is longer than the one before it: of a request, of the host's graceful shutdown, and of the container's stop.
  shutdown_timeout = var.request_timeout + 10
  stop_timeout     = local.shutdown_timeout + 10

  api_container = {
    name                   = "api"
    image                  = var.image
    essential              = true
    user                   = "1654"
    readonlyRootFilesystem = true
    memory                 = var.memory - var.collector.memory
    stopTimeout            = local.stop_timeout
    portMappings           = [{ containerPort = var.container_port, hostPort = var.container_port, protocol = "tcp" }]
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }

    # The API stops before the collector, so that its last spans are exported. Not "HEALTHY": the API also runs without the collector.
    dependsOn = [{ containerName = "collector", condition = "START" }]

    environment = [
      for name, value in merge(var.settings, {
        ASPNETCORE_ENVIRONMENT  = "Production"
        ASPNETCORE_HTTP_PORTS   = tostring(var.container_port)
        Limits__RequestTimeout  = format("00:00:%02d", var.request_timeout)
        Limits__ShutdownTimeout = format("00:%02d:%02d", floor(local.shutdown_timeout / 60), local.shutdown_timeout % 60)

        Limits__RequestsPerSecondPerCaller = tostring(var.requests_per_second_per_caller)

        # Otherwise .NET would write a diagnostics socket to the read-only file system.
        DOTNET_EnableDiagnostics = "0"

        OTEL_SERVICE_NAME           = var.context.name
        OTEL_RESOURCE_ATTRIBUTES    = "deployment.environment.name=production,service.namespace=${var.context.name}"
        OTEL_EXPORTER_OTLP_ENDPOINT = "http://localhost:4317"
        OTEL_TRACES_SAMPLER         = "parentbased_traceidratio"
        OTEL_TRACES_SAMPLER_ARG     = tostring(var.trace_sampling_ratio)

        # CloudWatch computes percentiles of exponential histograms only, and expects deltas.
        OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION = "base2_exponential_bucket_histogram"
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE        = "delta"
      }) : { name = name, value = value }
    ]

    secrets = [{ name = "ConnectionStrings__users", valueFrom = var.connection_string.value_from }]

    # No container health check: the load balancer probes already, and another probe every half minute would cost a small task CPU.

    logConfiguration = {
      logDriver = "awslogs"
      options   = merge(module.task.log_options, { awslogs-group = aws_cloudwatch_log_group.api.name, awslogs-stream-prefix = "api" })
    }
  }

  collector_container = {
    name                   = "collector"
    image                  = var.collector.image
    essential              = false
    readonlyRootFilesystem = true
    memory                 = var.collector.memory
    linuxParameters        = { capabilities = { drop = ["ALL"] } }

    # ECS restarts it in its task when it ends. If it ends within a minute of its start, it stays stopped, and an event reports that.
    restartPolicy = { enabled = true, restartAttemptPeriod = 60 }

    # The hash makes a changed configuration a new revision of the task, which is then deployed.
    environment = [{ name = "CONFIG_SHA256", value = var.collector.configuration_hash }]
    secrets     = [{ name = "AOT_CONFIG_CONTENT", valueFrom = var.collector.configuration_arn }]

    healthCheck = {
      command     = ["CMD", "/healthcheck"]
      interval    = 30
      timeout     = 5
      retries     = 3
      startPeriod = 10
    }

    logConfiguration = {
      logDriver = "awslogs"
      options   = merge(module.task.log_options, { awslogs-group = aws_cloudwatch_log_group.api.name, awslogs-stream-prefix = "collector" })
    }
  }
}

resource "aws_ecs_task_definition" "api" {
  family                   = "${var.context.name}-api"
  skip_destroy             = true
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.api_execution.arn
  task_role_arn            = aws_iam_role.api_task.arn
  container_definitions    = jsonencode([local.api_container, local.collector_container])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  # Revisions stay registered, because ECS returns to the previous one when a deployment fails.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_ecs_service" "api" {
  name            = "api"
  cluster         = var.cluster.arn
  task_definition = aws_ecs_task_definition.api.arn
  launch_type     = "FARGATE"
  desired_count   = var.min_capacity

  availability_zone_rebalancing      = "ENABLED"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 60
  enable_execute_command             = false
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  wait_for_steady_state              = var.wait_for_steady_state

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  alarms {
    enable      = true
    rollback    = true
    alarm_names = var.deployment_alarm_names
  }

  network_configuration {
    subnets          = values(var.tasks.subnet_ids)
    security_groups  = [aws_security_group.api.id]
    assign_public_ip = var.tasks.assign_public_ip
  }

  load_balancer {
    target_group_arn = var.target_group.arn
    container_name   = local.api_container.name
    container_port   = var.container_port
  }

  lifecycle {
    # Autoscaling sets it after the service is created.
    ignore_changes = [desired_count]

    # Terraform accepts any stable service, even one that ECS has rolled back.
    postcondition {
      condition     = self.task_definition == aws_ecs_task_definition.api.arn
      error_message = "ECS rolled the API back: its service runs ${self.task_definition}. The service's events, the alarms and the log group ${aws_cloudwatch_log_group.api.name} show the reason."
    }
  }

  # What a task needs from its start until it has stopped.
  depends_on = [
    aws_iam_role_policy.api_execution,
    aws_iam_role_policy.api_task,
    aws_vpc_security_group_egress_rule.api_to_aws,
    aws_vpc_security_group_egress_rule.api_to_database,
    aws_vpc_security_group_egress_rule.api_to_external_database,
    aws_vpc_security_group_egress_rule.load_balancer_to_api,
    aws_vpc_security_group_ingress_rule.api_from_load_balancer,
    aws_vpc_security_group_ingress_rule.database_from_api,
  ]
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/ecs/${var.context.name}/api"
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
}

module "task" {
  source = "../task"

  context = var.context
  cpu     = var.cpu
  memory  = var.memory
  images  = { api = var.image, collector = var.collector.image }
}

locals {
  # Each gives the one before it time to end: a request, the host that drains its requests, the container that stops the host.
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

    # Started after the collector and stopped before it, so that the last spans get out. Not "HEALTHY": the API does not need it.
    dependsOn = [{ containerName = "collector", condition = "START" }]

    environment = [
      for name, value in merge(var.settings, {
        ASPNETCORE_ENVIRONMENT  = "Production"
        ASPNETCORE_HTTP_PORTS   = tostring(var.container_port)
        Limits__RequestTimeout  = format("00:00:%02d", var.request_timeout)
        Limits__ShutdownTimeout = format("00:%02d:%02d", floor(local.shutdown_timeout / 60), local.shutdown_timeout % 60)

        Limits__RequestsPerSecondPerCaller = tostring(var.requests_per_second_per_caller)

        # Its socket is the one thing that .NET would write to disk.
        DOTNET_EnableDiagnostics = "0"

        OTEL_SERVICE_NAME           = var.context.name
        OTEL_RESOURCE_ATTRIBUTES    = "deployment.environment.name=production,service.namespace=${var.context.name}"
        OTEL_EXPORTER_OTLP_ENDPOINT = "http://localhost:4317"
        OTEL_TRACES_SAMPLER         = "parentbased_traceidratio"
        OTEL_TRACES_SAMPLER_ARG     = tostring(var.trace_sampling_ratio)

        # CloudWatch has percentiles of exponential histograms only, and takes each measurement as new.
        OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION = "base2_exponential_bucket_histogram"
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE        = "delta"
      }) : { name = name, value = value }
    ]

    secrets = [{ name = "ConnectionStrings__users", valueFrom = var.connection_string.value_from }]

    # Without a check of its own: the load balancer asks already, and a second opinion every half minute costs a small task more.

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

    # Started again in its task when it ends; one that ends within the minute stays stopped, and an event says so.
    restartPolicy = { enabled = true, restartAttemptPeriod = 60 }

    # Named by its content: a changed configuration is a new revision, and deployed like one.
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

  # Revisions stay registered: ECS goes back to the one before when a deployment fails, and must be able to start tasks of it.
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
    # Autoscaling's business once the service is there.
    ignore_changes = [desired_count]

    # Terraform is content with a stable service, also when ECS has rolled it back.
    postcondition {
      condition     = self.task_definition == aws_ecs_task_definition.api.arn
      error_message = "ECS rolled the API back: its service runs ${self.task_definition}. The service's events, the alarms and the log group ${aws_cloudwatch_log_group.api.name} say why."
    }
  }

  # What a task needs to start, and must not lose before it has stopped.
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

resource "aws_ecs_cluster" "this" {
  name = var.app_name

  setting {
    name  = "containerInsights"
    value = var.container_insights
  }

  dynamic "configuration" {
    for_each = aws_cloudwatch_log_group.exec

    content {
      execute_command_configuration {
        logging = "OVERRIDE"

        log_configuration {
          cloud_watch_log_group_name = configuration.value.name
        }
      }
    }
  }

  depends_on = [aws_cloudwatch_log_group.container_insights]
}

locals {
  # Memory that Fargate has for each CPU, both as the API names them.
  fargate_memory = {
    "256"   = [512, 1024, 2048]
    "512"   = range(1024, 4096 + 1, 1024)
    "1024"  = range(2048, 8192 + 1, 1024)
    "2048"  = range(4096, 16384 + 1, 1024)
    "4096"  = range(8192, 30720 + 1, 1024)
    "8192"  = range(16384, 61440 + 1, 4096)
    "16384" = range(32768, 122880 + 1, 8192)
  }

  # Each gives the one before it time to end: a request, the host that drains its requests, the container that stops the host.
  shutdown_timeout     = var.request_timeout + 10
  stop_timeout         = local.shutdown_timeout + 10
  deregistration_delay = var.request_timeout + 5

  collector_memory = 192

  log_options = {
    awslogs-region = var.region_name
    # Losing lines when CloudWatch is slow beats making callers wait.
    mode            = "non-blocking"
    max-buffer-size = "4m"
  }

  api_container = {
    name                   = "api"
    image                  = local.app_image
    essential              = true
    user                   = "1654"
    readonlyRootFilesystem = true
    memory                 = var.app_memory - local.collector_memory
    stopTimeout            = local.stop_timeout
    portMappings           = [{ containerPort = var.app_container_port, hostPort = var.app_container_port, protocol = "tcp" }]
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }

    # Started after the collector and stopped before it, so that the last spans get out. Not "HEALTHY": the API does not need it.
    dependsOn = [{ containerName = "collector", condition = "START" }]

    environment = [
      for name, value in merge(local.access_settings, local.forwarding_settings, {
        ASPNETCORE_ENVIRONMENT  = "Production"
        ASPNETCORE_HTTP_PORTS   = tostring(var.app_container_port)
        Limits__RequestTimeout  = format("00:00:%02d", var.request_timeout)
        Limits__ShutdownTimeout = format("00:%02d:%02d", floor(local.shutdown_timeout / 60), local.shutdown_timeout % 60)

        Limits__RequestsPerSecondPerCaller = tostring(var.requests_per_second_per_caller)

        # Its socket is the one thing that .NET would write to disk.
        DOTNET_EnableDiagnostics = "0"

        OTEL_SERVICE_NAME           = var.app_name
        OTEL_RESOURCE_ATTRIBUTES    = "deployment.environment.name=production,service.namespace=${var.app_name}"
        OTEL_EXPORTER_OTLP_ENDPOINT = "http://localhost:4317"
        OTEL_TRACES_SAMPLER         = "parentbased_traceidratio"
        OTEL_TRACES_SAMPLER_ARG     = tostring(var.trace_sampling_ratio)

        # CloudWatch has percentiles of exponential histograms only, and takes each measurement as new.
        OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION = "base2_exponential_bucket_histogram"
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE        = "delta"
      }) : { name = name, value = value }
    ]

    secrets = [{ name = "ConnectionStrings__users", valueFrom = local.connection_string }]

    # The image has no shell: the program asks itself.
    healthCheck = {
      command     = ["CMD", "/app/UserApi.Api", "--probe", "http://localhost:${var.app_container_port}/alive"]
      interval    = 30
      timeout     = 10
      retries     = 3
      startPeriod = 60
    }

    logConfiguration = {
      logDriver = "awslogs"
      options   = merge(local.log_options, { awslogs-group = aws_cloudwatch_log_group.api.name, awslogs-stream-prefix = "api" })
    }
  }

  collector_container = {
    name                   = "collector"
    image                  = var.collector_image
    essential              = false
    readonlyRootFilesystem = true
    memory                 = local.collector_memory
    linuxParameters        = { capabilities = { drop = ["ALL"] } }

    # Named by its content: a changed configuration is a new revision, and deployed like one.
    environment = [{ name = "CONFIG_SHA256", value = sha256(local.collector_config) }]
    secrets     = [{ name = "AOT_CONFIG_CONTENT", valueFrom = aws_ssm_parameter.collector.arn }]

    healthCheck = {
      command     = ["CMD", "/healthcheck"]
      interval    = 30
      timeout     = 5
      retries     = 3
      startPeriod = 10
    }

    logConfiguration = {
      logDriver = "awslogs"
      options   = merge(local.log_options, { awslogs-group = aws_cloudwatch_log_group.api.name, awslogs-stream-prefix = "collector" })
    }
  }
}

resource "aws_ecs_task_definition" "api" {
  family                   = "${var.app_name}-api"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.app_cpu
  memory                   = var.app_memory
  execution_role_arn       = aws_iam_role.api_execution.arn
  task_role_arn            = aws_iam_role.api_task.arn
  container_definitions    = jsonencode([local.api_container, local.collector_container])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  # The revision before stays usable until the service runs the new one: a deployment may have to go back to it.
  lifecycle {
    create_before_destroy = true
  }

  depends_on = [terraform_data.image]
}

resource "aws_ecs_service" "api" {
  name            = "api"
  cluster         = aws_ecs_cluster.this.id
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
    alarm_names = [for alarm in aws_cloudwatch_metric_alarm.api : alarm.alarm_name]
  }

  network_configuration {
    subnets          = [for subnet in aws_subnet.private : subnet.id]
    security_groups  = [aws_security_group.api.id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.api.arn
    container_name   = local.api_container.name
    container_port   = var.app_container_port
  }

  # Autoscaling's business once the service is there.
  lifecycle {
    ignore_changes = [desired_count]
  }

  # What a task needs to start, and must not lose before it has stopped.
  depends_on = [
    aws_ecs_service.database,
    aws_iam_role_policy.api_execution,
    aws_iam_role_policy.api_task,
    aws_lb_listener.http,
    aws_lb_listener.https,
    aws_route.nat,
    aws_route_table_association.private,
    aws_vpc_endpoint.interface,
    aws_vpc_endpoint.s3,
    aws_vpc_security_group_egress_rule.api_to_database,
    aws_vpc_security_group_egress_rule.api_to_external_database,
    aws_vpc_security_group_egress_rule.api_to_issuer,
    aws_vpc_security_group_egress_rule.tasks_to_aws,
    aws_vpc_security_group_egress_rule.tasks_to_endpoints,
    aws_vpc_security_group_egress_rule.tasks_to_s3,
    aws_vpc_security_group_ingress_rule.api_from_load_balancer,
    aws_vpc_security_group_ingress_rule.endpoints_from_tasks,
  ]
}

# The execution role is ECS's, to start the task; the task role is the containers' own.

resource "aws_iam_role" "api_execution" {
  name               = "${local.global_name}-api-execution"
  description        = "Lets ECS start API tasks of ${var.app_name}"
  assume_role_policy = local.tasks_trust
}

resource "aws_iam_role_policy" "api_execution" {
  name = "start-tasks"
  role = aws_iam_role.api_execution.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.pull_statements.api,
      [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.api.arn}:*"
        },
        {
          Sid      = "ReadConnectionString"
          Effect   = "Allow"
          Action   = "secretsmanager:GetSecretValue"
          Resource = local.connection_secret_arn
        },
        {
          Sid      = "ReadCollectorConfiguration"
          Effect   = "Allow"
          Action   = "ssm:GetParameters"
          Resource = aws_ssm_parameter.collector.arn
        },
      ],
      [
        for key in var.external_database_kms_key_arn[*] : {
          Sid       = "DecryptConnectionString"
          Effect    = "Allow"
          Action    = "kms:Decrypt"
          Resource  = key
          Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${var.region_name}.amazonaws.com" } }
        }
      ],
    )
  })
}


resource "aws_iam_role" "api_task" {
  name               = "${local.global_name}-api-task"
  description        = "What API tasks of ${var.app_name} may do themselves: send telemetry"
  assume_role_policy = local.tasks_trust
}

resource "aws_iam_role_policy" "api_task" {
  name = "send-telemetry"
  role = aws_iam_role.api_task.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "SendTraces"
        Effect   = "Allow"
        Action   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
        Resource = "*" # the actions know no resource
      },
      {
        Sid      = "SendMetrics"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.metrics.arn}:*"
      },
    ]
  })
}

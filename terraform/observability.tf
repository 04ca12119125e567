# Log groups are made here, with a retention, before anything writes to them: AWS would make them too, to keep everything for ever.

resource "aws_cloudwatch_log_group" "api" {
  name              = "/ecs/${var.app_name}/api"
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_group" "database" {
  count = local.container_database ? 1 : 0

  name              = "/ecs/${var.app_name}/database"
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_group" "exec" {
  count = local.database_exec ? 1 : 0

  name              = "/ecs/${var.app_name}/exec"
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_group" "metrics" {
  name              = "/ecs/${var.app_name}/metrics"
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_group" "container_insights" {
  count = var.container_insights == "disabled" ? 0 : 1

  name              = "/aws/ecs/containerinsights/${var.app_name}/performance"
  retention_in_days = var.log_retention_days
}

locals {
  metrics_namespace = "UserApi"

  # Each metric with the sets of labels that it is kept by: every value of every set is a metric on the bill.
  api_metrics = {
    "http.server.request.duration" = [["service.name"]]
    "db.client.operation.duration" = [["service.name"], ["service.name", "db.operation.name"]]
    "userapi.users.written"        = [["service.name"], ["service.name", "operation"]]
    "userapi.users.conflicts"      = [["service.name"]]
  }

  collector_config = yamlencode({
    extensions = { health_check = { endpoint = "localhost:13133" } }

    receivers = { otlp = { protocols = { grpc = { endpoint = "localhost:4317" } } } }

    processors = {
      memory_limiter    = { check_interval = "1s", limit_mib = local.collector_memory - 48, spike_limit_mib = 32 }
      resourcedetection = { detectors = ["env", "ecs"], timeout = "5s" }
      filter            = { metric_conditions = [join(" and ", [for name in keys(local.api_metrics) : "metric.name != \"${name}\""])] }
      "batch/traces"    = { timeout = "1s", send_batch_size = 50 }
      "batch/metrics"   = { timeout = "60s" }
    }

    exporters = {
      awsxray = { region = var.region_name }
      awsemf = {
        region                           = var.region_name
        namespace                        = local.metrics_namespace
        log_group_name                   = aws_cloudwatch_log_group.metrics.name
        log_stream_name                  = "{TaskId}"
        dimension_rollup_option          = "NoDimensionRollup"
        resource_to_telemetry_conversion = { enabled = true }
        metric_declarations = [
          for name, dimensions in local.api_metrics :
          { metric_name_selectors = ["^${replace(name, ".", "\\.")}$"], dimensions = dimensions }
        ]
      }
    }

    service = {
      extensions = ["health_check"]
      telemetry  = { logs = { level = "warn" }, metrics = { level = "none" } }
      pipelines = {
        traces = {
          receivers  = ["otlp"]
          processors = ["memory_limiter", "resourcedetection", "batch/traces"]
          exporters  = ["awsxray"]
        }
        metrics = {
          receivers  = ["otlp"]
          processors = ["memory_limiter", "filter", "resourcedetection", "batch/metrics"]
          exporters  = ["awsemf"]
        }
      }
    }
  })
}

resource "aws_ssm_parameter" "collector" {
  name        = "/${var.app_name}/collector"
  description = "Configuration of the OpenTelemetry collector"
  type        = "String"
  value       = local.collector_config
}

locals {
  load_balancer_dimensions = { LoadBalancer = aws_lb.this.arn_suffix }
  target_group_dimensions  = { LoadBalancer = aws_lb.this.arn_suffix, TargetGroup = aws_lb_target_group.api.arn_suffix }

  # Those that judge a deployment: any of them rolls it back.
  api_alarms = {
    errors = {
      description = "More than ${var.error_threshold} % of the answers have a 5xx status"
      threshold   = var.error_threshold

      # A single error in a quiet minute says nothing.
      expression = "IF(errors >= 5, 100 * errors / requests, 0)"
      metrics = {
        errors   = { name = "HTTPCode_Target_5XX_Count", stat = "Sum" }
        requests = { name = "RequestCount", stat = "Sum" }
      }
    }
    latency = {
      description = "The slowest hundredth of the requests takes more than ${var.latency_threshold} s"
      threshold   = var.latency_threshold
      expression  = null
      metrics     = { latency = { name = "TargetResponseTime", stat = "p99" } }
    }
    unhealthy = {
      description = "A task fails its health check"
      threshold   = 0
      expression  = null
      metrics     = { unhealthy = { name = "UnHealthyHostCount", stat = "Maximum" } }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "api" {
  for_each = local.api_alarms

  alarm_name          = "${var.app_name}-api-${each.key}"
  alarm_description   = each.value.description
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id          = metric_query.key
      return_data = each.value.expression == null

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value.name
        stat        = metric_query.value.stat
        period      = 60
        dimensions  = local.target_group_dimensions
      }
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expression[*]

    content {
      id          = "result"
      label       = each.key
      expression  = metric_query.value
      return_data = true
    }
  }
}

# The load balancer's own errors: nobody to pass a request to.
resource "aws_cloudwatch_metric_alarm" "load_balancer" {
  alarm_name          = "${var.app_name}-load-balancer-errors"
  alarm_description   = "The load balancer answers with a 5xx status itself, as when no task is there"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_ELB_5XX_Count"
  dimensions          = local.load_balancer_dimensions
  statistic           = "Sum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# Missing data is an alarm here: a database that does not run measures nothing.
resource "aws_cloudwatch_metric_alarm" "database" {
  for_each = local.container_database ? { cpu = "CPUUtilization", memory = "MemoryUtilization" } : {}

  alarm_name          = "${var.app_name}-database-${each.key}"
  alarm_description   = "The database uses more than 90 % of its ${each.key}, or does not run"
  namespace           = "AWS/ECS"
  metric_name         = each.value
  dimensions          = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.database[0].name }
  statistic           = "Average"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 90
  evaluation_periods  = 3
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# Not encrypted with AWS's key for SNS, which CloudWatch may not use; the messages hold names and numbers of alarms.
resource "aws_sns_topic" "alarms" {
  name = "${var.app_name}-alarms"
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Alarms"
      Effect    = "Allow"
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.alarms.arn
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:cloudwatch:${var.region_name}:${local.account_id}:alarm:${var.app_name}-*" }
      }
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

locals {
  service_names = concat([aws_ecs_service.api.name], aws_ecs_service.database[*].name)

  # Metrics of the load balancer and of the API, as the rows of a widget.
  load_balancer_metric = { for name in ["RequestCount", "TargetResponseTime", "HTTPCode_Target_2XX_Count", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count", "HealthyHostCount", "UnHealthyHostCount"] :
    name => ["AWS/ApplicationELB", name, "LoadBalancer", aws_lb.this.arn_suffix, "TargetGroup", aws_lb_target_group.api.arn_suffix]
  }
  api_metric = { for name in keys(local.api_metrics) : name => [local.metrics_namespace, name, "service.name", var.app_name] }

  widgets = concat(
    [
      for name in local.service_names : {
        title = "${name}: CPU and memory"
        unit  = "percent"
        stat  = "Maximum"
        metrics = [
          ["AWS/ECS", "CPUUtilization", "ClusterName", aws_ecs_cluster.this.name, "ServiceName", name, { label = "CPU" }],
          ["AWS/ECS", "MemoryUtilization", "ClusterName", aws_ecs_cluster.this.name, "ServiceName", name, { label = "Memory" }],
        ]
      }
    ],
    [
      {
        title   = "Requests"
        unit    = "per minute"
        stat    = "Sum"
        metrics = [concat(local.load_balancer_metric["RequestCount"], [{ label = "Requests" }])]
      },
      {
        title   = "Latency"
        unit    = "seconds"
        stat    = "Average"
        metrics = [for stat in ["p50", "p95", "p99"] : concat(local.load_balancer_metric["TargetResponseTime"], [{ stat = stat, label = stat }])]
      },
      {
        title = "Errors"
        unit  = "per minute"
        stat  = "Sum"
        metrics = [
          concat(local.load_balancer_metric["HTTPCode_Target_4XX_Count"], [{ label = "4xx of the API" }]),
          concat(local.load_balancer_metric["HTTPCode_Target_5XX_Count"], [{ label = "5xx of the API" }]),
          ["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "LoadBalancer", aws_lb.this.arn_suffix, { label = "5xx of the load balancer" }],
        ]
      },
      {
        title = "Hosts"
        unit  = "tasks"
        stat  = "Maximum"
        metrics = [
          concat(local.load_balancer_metric["HealthyHostCount"], [{ label = "Healthy" }]),
          concat(local.load_balancer_metric["UnHealthyHostCount"], [{ label = "Unhealthy" }]),
        ]
      },
      {
        title   = "Store latency"
        unit    = "seconds"
        stat    = "Average"
        metrics = [for stat in ["p50", "p95", "p99"] : concat(local.api_metric["db.client.operation.duration"], [{ stat = stat, label = stat }])]
      },
      {
        title = "Users"
        unit  = "per minute"
        stat  = "Sum"
        metrics = [
          concat(local.api_metric["userapi.users.written"], [{ label = "Written" }]),
          concat(local.api_metric["userapi.users.conflicts"], [{ label = "Conflicts" }]),
        ]
      },
    ],
    var.container_insights == "disabled" ? [] : [
      {
        title = "Tasks"
        unit  = "tasks"
        stat  = "Maximum"
        metrics = flatten([
          for name in local.service_names : [
            for count in ["Desired", "Running"] :
            [["ECS/ContainerInsights", "${count}TaskCount", "ClusterName", aws_ecs_cluster.this.name, "ServiceName", name, { label = "${name}: ${lower(count)}" }]]
          ]
        ])
      },
    ],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.global_name

  dashboard_body = jsonencode({
    widgets = [
      for index, widget in local.widgets : {
        type   = "metric"
        x      = index % 2 * 12
        y      = floor(index / 2) * 6
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          view    = "timeSeries"
          region  = var.region_name
          period  = 60
          stat    = widget.stat
          metrics = widget.metrics
          yAxis   = { left = { min = 0, label = widget.unit, showUnits = false } }
        }
      }
    ]
  })
}

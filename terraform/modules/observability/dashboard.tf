locals {
  global_name   = "${var.context.name}-${var.context.region}"
  service_names = concat([var.services.api], var.container_database[*].service_name)

  # Metrics of the load balancer and of the API, in the form that widgets expect.
  load_balancer_metric = { for name in ["RequestCount", "TargetResponseTime", "HTTPCode_Target_2XX_Count", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count", "HealthyHostCount", "UnHealthyHostCount"] :
    name => ["AWS/ApplicationELB", name, "LoadBalancer", var.load_balancer_arn_suffix, "TargetGroup", var.target_group_arn_suffix]
  }
  api_metric = { for name in keys(local.api_metrics) : name => [local.metrics_namespace, name, "service.name", var.context.name] }

  widgets = concat(
    [
      for name in local.service_names : {
        title = "${name}: CPU and memory"
        unit  = "percent"
        stat  = "Maximum"
        metrics = [
          ["AWS/ECS", "CPUUtilization", "ClusterName", var.cluster_name, "ServiceName", name, { label = "CPU" }],
          ["AWS/ECS", "MemoryUtilization", "ClusterName", var.cluster_name, "ServiceName", name, { label = "Memory" }],
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
          ["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "LoadBalancer", var.load_balancer_arn_suffix, { label = "5xx of the load balancer" }],
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
            [["ECS/ContainerInsights", "${count}TaskCount", "ClusterName", var.cluster_name, "ServiceName", name, { label = "${name}: ${lower(count)}" }]]
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
          region  = var.context.region
          period  = 60
          stat    = widget.stat
          metrics = widget.metrics
          yAxis   = { left = { min = 0, label = widget.unit, showUnits = false } }
        }
      }
    ]
  })
}

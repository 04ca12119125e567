# Two alarms roll back a deployment. All alarms notify people.

locals {
  target_group_dimensions  = { LoadBalancer = var.load_balancer_arn_suffix, TargetGroup = var.target_group_arn_suffix }
  load_balancer_dimensions = { LoadBalancer = var.load_balancer_arn_suffix }
  topic_arn                = var.alarms.topic_arn == null ? aws_sns_topic.alarms[0].arn : var.alarms.topic_arn

  deployment_alarms = {
    errors = {
      description = "More than ${var.alarms.error_percent} % of the responses have a 5xx status: the API's own, or the load balancer's when no task responds"
      threshold   = var.alarms.error_percent
      metrics = {
        target   = { name = "HTTPCode_Target_5XX_Count", stat = "Sum", dimensions = local.target_group_dimensions }
        balancer = { name = "HTTPCode_ELB_5XX_Count", stat = "Sum", dimensions = local.load_balancer_dimensions }
        requests = { name = "RequestCount", stat = "Sum", dimensions = local.target_group_dimensions }
      }

      # A metric without events is missing, not 0. RequestCount does not include requests for which the load balancer found no task.
      # Fewer than five errors in a minute are ignored.
      expressions = {
        errors  = "FILL(target, 0) + FILL(balancer, 0)"
        answers = "FILL(requests, 0) + FILL(balancer, 0)"
        result  = "IF(errors >= 5, 100 * errors / IF(answers > 0, answers, 1), 0)"
      }
    }
    latency = {
      description = "The 99th percentile of the latency of at least 100 requests a minute is above ${var.alarms.latency_seconds} s"
      threshold   = var.alarms.latency_seconds
      metrics = {
        latency  = { name = "TargetResponseTime", stat = "p99", dimensions = local.target_group_dimensions }
        requests = { name = "RequestCount", stat = "Sum", dimensions = local.target_group_dimensions }
      }

      # With fewer than a hundred requests, the 99th percentile is a single request.
      expressions = {
        result = "IF(FILL(requests, 0) >= 100, latency, 0)"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "api" {
  for_each = local.deployment_alarms

  alarm_name          = "${var.context.name}-api-${each.key}"
  alarm_description   = each.value.description
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.topic_arn]
  ok_actions          = [local.topic_arn]

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value.name
        stat        = metric_query.value.stat
        period      = 60
        dimensions  = metric_query.value.dimensions
      }
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expressions

    content {
      id          = metric_query.key
      label       = metric_query.key == "result" ? each.key : metric_query.key
      expression  = metric_query.value
      return_data = metric_query.key == "result"
    }
  }
}

# Detects an outage without traffic. Missing data raises the alarm, because a load balancer without tasks reports no metric.
# It does not roll back deployments, and nor does the number of unhealthy hosts, because a new task is unhealthy until it has started.
resource "aws_cloudwatch_metric_alarm" "no_host" {
  alarm_name          = "${var.context.name}-${var.services.api}-no-healthy-host"
  alarm_description   = "No task of the API passes its health check"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  dimensions          = local.target_group_dimensions
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = 2
  treat_missing_data  = "breaching"
  alarm_actions       = [local.topic_arn]
  ok_actions          = [local.topic_arn]
}

# Missing data raises the alarm here, too: a database that does not run reports no metrics.
resource "aws_cloudwatch_metric_alarm" "database" {
  for_each = var.container_database == null ? {} : { cpu = "CPUUtilization", memory = "MemoryUtilization" }

  alarm_name          = "${var.context.name}-database-${each.key}"
  alarm_description   = "The database uses more than 90 % of its ${each.key}, or does not run"
  namespace           = "AWS/ECS"
  metric_name         = each.value
  dimensions          = { ClusterName = var.cluster_name, ServiceName = var.container_database.service_name }
  statistic           = "Average"
  period              = 300
  comparison_operator = "GreaterThanThreshold"
  threshold           = 90
  evaluation_periods  = 3
  treat_missing_data  = "breaching"
  alarm_actions       = [local.topic_arn]
  ok_actions          = [local.topic_arn]
}

# What AWS reports by events, not by metrics.
locals {
  events = merge(
    {
      # A stopped container in a running task can only be the collector: if the API's container stops, the task stops.
      collector-stopped = {
        text    = "The collector of an API task has stopped: the task sends no traces and metrics until it is replaced."
        subject = "$.detail.taskArn"
        pattern = {
          source      = ["aws.ecs"]
          detail-type = ["ECS Task State Change"]
          detail = {
            clusterArn    = ["arn:${var.context.partition}:ecs:${var.context.region}:${var.context.account_id}:cluster/${var.cluster_name}"]
            group         = ["service:${var.services.api}"]
            lastStatus    = ["RUNNING"]
            desiredStatus = ["RUNNING"]
            containers    = { lastStatus = ["STOPPED"] }
          }
        }
      }
    },
    var.container_database == null ? {} : {
      backup-failed = {
        text    = "A backup of the database has failed."
        subject = "$.detail.backupJobId"
        pattern = {
          source      = ["aws.backup"]
          detail-type = ["Backup Job State Change"]
          detail = {
            backupVaultName = [var.container_database.backup_vault]
            state           = ["ABORTED", "EXPIRED", "FAILED"]
          }
        }
      }
    },
  )
}

resource "aws_cloudwatch_event_rule" "alarms" {
  for_each = local.events

  name          = "${var.context.name}-${each.key}"
  description   = each.value.text
  event_pattern = jsonencode(each.value.pattern)
}

resource "aws_cloudwatch_event_target" "alarms" {
  for_each = local.events

  rule = aws_cloudwatch_event_rule.alarms[each.key].name
  arn  = local.topic_arn

  input_transformer {
    input_paths    = { time = "$.time", subject = each.value.subject }
    input_template = "\"${var.context.name}: ${each.value.text} <subject>, <time>\""
  }
}

# With AWS's own key for SNS, CloudWatch could not publish. Your key must allow CloudWatch and EventBridge (README.md).
resource "aws_sns_topic" "alarms" {
  count = var.alarms.topic_arn == null ? 1 : 0

  name              = "${var.context.name}-alarms"
  kms_master_key_id = var.context.kms_key_arn
}

resource "aws_sns_topic_policy" "alarms" {
  count = length(aws_sns_topic.alarms)

  arn = aws_sns_topic.alarms[0].arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for service, source in { cloudwatch = "cloudwatch:${var.context.region}:${var.context.account_id}:alarm", events = "events:${var.context.region}:${var.context.account_id}:rule" } : {
        Sid                               = service == "cloudwatch" ? "Alarms" : "Events"
        Effect                            = "Allow"
        Action                            = "sns:Publish"
        Resource                          = aws_sns_topic.alarms[0].arn
        Principal                         = { Service = "${service}.amazonaws.com" }
        Condition = {
          StringEquals = { "aws:SourceAccount" = var.context.account_id }
          ArnLike      = { "aws:SourceArn" = "arn:${var.context.partition}:${source}${service == "cloudwatch" ? ":" : "/"}${var.context.name}-*" }
        }
      }
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alarms.email == null ? 0 : 1

  topic_arn = local.topic_arn
  protocol  = "email"
  endpoint  = var.alarms.email
}

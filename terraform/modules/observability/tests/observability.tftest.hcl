mock_provider "aws" {
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:us-east-1:123456789012:users-alarms" }
  }

  mock_resource "aws_ssm_parameter" {
    defaults = { arn = "arn:aws:ssm:us-east-1:123456789012:parameter/users/collector" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/users/metrics" }
  }
}

variables {
  context                  = { name = "users", region = "us-east-1", account_id = "123456789012" }
  cluster_name             = "users"
  services                 = { api = "api" }
  container_database       = { service_name = "database", backup_vault = "users-database" }
  load_balancer_arn_suffix = "app/a/1"
  target_group_arn_suffix  = "targetgroup/b/2"
}

run "defaults" {
  command = apply

  # The collector

  assert {
    condition = (
      yamldecode(local.collector_config).service.pipelines.traces.exporters == ["awsxray"]
      && yamldecode(local.collector_config).service.pipelines.metrics.exporters == ["awsemf"]
      && yamldecode(local.collector_config).receivers.otlp.protocols.grpc.endpoint == "localhost:4317"
      && yamldecode(local.collector_config).exporters.awsemf.log_group_name == aws_cloudwatch_log_group.metrics.name
      && startswith(yamldecode(local.collector_config).processors.filter.metric_conditions[0], "metric.name != \"db.client.operation.duration\" and ")
      && length(local.collector_config) <= 4096
    )
    error_message = "The collector must send traces to X-Ray and metrics to CloudWatch, in a configuration that fits into an SSM parameter."
  }

  assert {
    condition = (
      yamldecode(local.collector_config).service.pipelines.logs.receivers == ["otlp"] && yamldecode(local.collector_config).service.pipelines.logs.exporters == ["debug"]
      && yamldecode(local.collector_config).service.telemetry.logs.level == "warn"
    )
    error_message = "The collector must accept the API's logs, so that the API's exporter does not fail, and must not write them a second time."
  }

  assert {
    condition     = output.collector.configuration_hash == sha256(aws_ssm_parameter.collector.value) && can(regex(":v[0-9.]+$", output.collector.image))
    error_message = "The collector's image must have a version, and the output must have the hash of its configuration."
  }

  # Alarms

  assert {
    condition     = toset(output.deployment_alarm_names) == toset(["users-api-errors", "users-api-latency"])
    error_message = "Errors and latency must roll back a deployment; unhealthy hosts must not, because every new task is unhealthy at first."
  }

  assert {
    condition = { for query in aws_cloudwatch_metric_alarm.api["errors"].metric_query : query.id => coalesce(query.expression, "-") if length(query.metric) == 0 } == {
      errors  = "FILL(target, 0) + FILL(balancer, 0)"
      answers = "FILL(requests, 0) + FILL(balancer, 0)"
      result  = "IF(errors >= 5, 100 * errors / IF(answers > 0, answers, 1), 0)"
    } && [for query in aws_cloudwatch_metric_alarm.api["errors"].metric_query : query.metric[0].dimensions if query.id == "balancer"][0] == tomap({ LoadBalancer = "app/a/1" })
    error_message = "The percentage of errors must include the load balancer's own, and be 0 for fewer than five errors."
  }

  assert {
    condition     = [for query in aws_cloudwatch_metric_alarm.api["latency"].metric_query : query.expression if query.return_data] == ["IF(FILL(requests, 0) >= 100, latency, 0)"]
    error_message = "The 99th percentile must count only with at least a hundred requests."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.no_host.metric_name == "HealthyHostCount" && aws_cloudwatch_metric_alarm.no_host.comparison_operator == "LessThanThreshold"
      && aws_cloudwatch_metric_alarm.no_host.threshold == 1 && aws_cloudwatch_metric_alarm.no_host.treat_missing_data == "breaching"
    )
    error_message = "An outage without traffic must raise an alarm."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.database) == 2 && alltrue([for alarm in aws_cloudwatch_metric_alarm.database : alarm.treat_missing_data == "breaching"])
    error_message = "A database that does not run must raise an alarm."
  }

  assert {
    condition = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.api), values(aws_cloudwatch_metric_alarm.database), [aws_cloudwatch_metric_alarm.no_host]) :
      alarm.alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:users-alarms"]) && startswith(alarm.alarm_name, "users-")
    ]) && length(aws_sns_topic_subscription.email) == 0
    error_message = "Every alarm must be sent to the topic."
  }

  assert {
    condition = { for name, rule in aws_cloudwatch_event_rule.alarms : name => jsondecode(rule.event_pattern).detail } == {
      collector-stopped = {
        clusterArn    = ["arn:aws:ecs:us-east-1:123456789012:cluster/users"]
        group         = ["service:api"]
        lastStatus    = ["RUNNING"]
        desiredStatus = ["RUNNING"]
        containers    = { lastStatus = ["STOPPED"] }
      }
      backup-failed = {
        backupVaultName = ["users-database"]
        state           = ["ABORTED", "EXPIRED", "FAILED"]
      }
    } && alltrue([for target in aws_cloudwatch_event_target.alarms : target.arn == "arn:aws:sns:us-east-1:123456789012:users-alarms"])
    error_message = "Events of a stopped collector and a failed backup must be sent to the topic."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_sns_topic_policy.alarms[0].policy).Statement : statement.Principal.Service => statement.Condition.ArnLike["aws:SourceArn"]
      } == {
      "cloudwatch.amazonaws.com" = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:users-*"
      "events.amazonaws.com"     = "arn:aws:events:us-east-1:123456789012:rule/users-*"
    }
    error_message = "Only alarms and event rules of this deployment may publish to the topic."
  }

  # The dashboard

  assert {
    condition = toset([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.title]) == toset([
      "api: CPU and memory", "database: CPU and memory", "Requests", "Latency", "Errors", "Hosts", "Tasks", "Store latency", "Users"
    ])
    error_message = "The dashboard must have all widgets."
  }
}

run "as_asked_for" {
  command   = apply
  state_key = "as_asked_for"

  variables {
    context            = { name = "users", region = "us-east-1", account_id = "123456789012", log_retention_days = 365, kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1" }
    container_database = null
    container_insights = "disabled"
    alarms             = { email = "alarms@example.com", error_percent = 1, latency_seconds = 0.5 }
    collector_image    = "123456789012.dkr.ecr.us-east-1.amazonaws.com/collector@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.api["errors"].threshold == 1 && aws_cloudwatch_metric_alarm.api["latency"].threshold == 0.5 && aws_sns_topic_subscription.email[0].endpoint == "alarms@example.com"
    error_message = "Alarms must have the requested thresholds and email address."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.database) == 0 && keys(aws_cloudwatch_event_rule.alarms) == ["collector-stopped"]
    error_message = "Without a container database there must be no alarms for one."
  }

  assert {
    condition     = alltrue([for title in ["database: CPU and memory", "Tasks"] : !contains([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.title], title)])
    error_message = "The dashboard must not show what does not exist."
  }

  assert {
    condition     = aws_sns_topic.alarms[0].kms_master_key_id == var.context.kms_key_arn && aws_cloudwatch_log_group.metrics.kms_key_id == var.context.kms_key_arn && aws_cloudwatch_log_group.metrics.retention_in_days == 365
    error_message = "Alarms and metrics must have the requested key and retention."
  }
}

run "a_topic_of_ones_own" {
  command   = apply
  state_key = "topic"

  variables {
    alarms = { topic_arn = "arn:aws:sns:us-east-1:123456789012:on-call" }
  }

  assert {
    condition     = length(aws_sns_topic.alarms) == 0 && aws_cloudwatch_metric_alarm.no_host.alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:on-call"]) && output.topic_arn == "arn:aws:sns:us-east-1:123456789012:on-call"
    error_message = "Alarms must be sent to the given topic."
  }
}

run "values_that_no_variable_takes" {
  command   = plan
  state_key = "refused"

  variables {
    container_insights = "on"
    collector_image    = "public.ecr.aws/aws-observability/aws-otel-collector:latest"
    alarms             = { email = "nobody", topic_arn = "topic", error_percent = 0 }
  }

  expect_failures = [var.container_insights, var.collector_image, var.alarms]
}

run "a_collector_that_is_too_old" {
  command   = plan
  state_key = "refused"

  variables {
    collector_image = "public.ecr.aws/aws-observability/aws-otel-collector:v0.45.1"
  }

  expect_failures = [var.collector_image]
}

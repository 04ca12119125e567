# The API's collector sends traces to X-Ray and metrics to CloudWatch.

resource "aws_cloudwatch_log_group" "metrics" {
  name              = "/ecs/${var.context.name}/metrics"
  retention_in_days = var.context.log_retention_days
  kms_key_id        = var.context.kms_key_arn
}

locals {
  metrics_namespace = "UserApi"
  collector_memory  = 192

  # Each metric with its sets of labels. Every combination of values in a set is billed as a metric.
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
      debug   = {}
      awsxray = { region = var.context.region }
      awsemf = {
        region                           = var.context.region
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

        # Accepted, so that the API's exporter does not fail, and dropped (debug writes at level info): CloudWatch already has the
        # container's log lines, and they would be billed twice.
        logs = {
          receivers  = ["otlp"]
          processors = ["memory_limiter"]
          exporters  = ["debug"]
        }
      }
    }
  })
}

resource "aws_ssm_parameter" "collector" {
  name        = "/${var.context.name}/collector"
  description = "Configuration of the OpenTelemetry collector"
  type        = "String"
  value       = local.collector_config
}

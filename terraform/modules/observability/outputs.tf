output "collector" {
  description = "Collector beside the API: image, memory in MiB, SSM parameter with its configuration, hash of the configuration, and log group of its metrics."
  value = {
    image                 = var.collector_image
    memory                = local.collector_memory
    configuration_arn     = aws_ssm_parameter.collector.arn
    configuration_hash    = sha256(local.collector_config)
    metrics_log_group_arn = aws_cloudwatch_log_group.metrics.arn
  }
}

output "deployment_alarm_names" {
  description = "Alarms that roll back a deployment."
  value       = [for alarm in aws_cloudwatch_metric_alarm.api : alarm.alarm_name]
}

output "topic_arn" {
  description = "SNS topic that alarms are sent to."
  value       = local.topic_arn
}

output "dashboard_url" {
  description = "URL of the CloudWatch dashboard."
  value       = "https://${var.context.region}.console.aws.amazon.com/cloudwatch/home?region=${var.context.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.this.dashboard_name}"
}

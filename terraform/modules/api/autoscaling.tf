# No role is given: application autoscaling uses its service-linked role, and creates it if the account has none yet.
resource "aws_appautoscaling_target" "api" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster.name}/${aws_ecs_service.api.name}"
  min_capacity       = var.min_capacity
  max_capacity       = var.max_capacity
}

resource "aws_appautoscaling_policy" "api" {
  for_each = {
    cpu      = { metric = "ECSServiceAverageCPUUtilization", target = var.cpu_threshold, label = null }
    memory   = { metric = "ECSServiceAverageMemoryUtilization", target = var.memory_threshold, label = null }
    requests = { metric = "ALBRequestCountPerTarget", target = var.requests_threshold, label = "${var.load_balancer.arn_suffix}/${var.target_group.arn_suffix}" }
  }

  name               = "${var.context.name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.api.service_namespace
  scalable_dimension = aws_appautoscaling_target.api.scalable_dimension
  resource_id        = aws_appautoscaling_target.api.resource_id

  # Scales out fast and in slowly.
  target_tracking_scaling_policy_configuration {
    target_value       = each.value.target
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = each.value.metric
      resource_label         = each.value.label
    }
  }
}

# Addresses of resources before there were modules, so that an existing deployment keeps its resources.

moved {
  from = aws_appautoscaling_policy.api
  to   = module.api.aws_appautoscaling_policy.api
}

moved {
  from = aws_appautoscaling_target.api
  to   = module.api.aws_appautoscaling_target.api
}

moved {
  from = aws_cloudwatch_log_group.api
  to   = module.api.aws_cloudwatch_log_group.api
}

moved {
  from = aws_ecs_service.api
  to   = module.api.aws_ecs_service.api
}

moved {
  from = aws_ecs_task_definition.api
  to   = module.api.aws_ecs_task_definition.api
}

moved {
  from = aws_iam_role.api_execution
  to   = module.api.aws_iam_role.api_execution
}

moved {
  from = aws_iam_role.api_task
  to   = module.api.aws_iam_role.api_task
}

moved {
  from = aws_iam_role_policy.api_execution
  to   = module.api.aws_iam_role_policy.api_execution
}

moved {
  from = aws_iam_role_policy.api_task
  to   = module.api.aws_iam_role_policy.api_task
}

moved {
  from = aws_security_group.api
  to   = module.api.aws_security_group.api
}

moved {
  from = aws_vpc_security_group_egress_rule.api_to_database
  to   = module.api.aws_vpc_security_group_egress_rule.api_to_database
}

moved {
  from = aws_vpc_security_group_egress_rule.api_to_external_database
  to   = module.api.aws_vpc_security_group_egress_rule.api_to_external_database
}

moved {
  from = aws_vpc_security_group_egress_rule.load_balancer_to_api
  to   = module.api.aws_vpc_security_group_egress_rule.load_balancer_to_api
}

moved {
  from = aws_vpc_security_group_egress_rule.tasks_to_aws["api"]
  to   = module.api.aws_vpc_security_group_egress_rule.api_to_aws
}

moved {
  from = aws_vpc_security_group_ingress_rule.api_from_load_balancer
  to   = module.api.aws_vpc_security_group_ingress_rule.api_from_load_balancer
}

moved {
  from = aws_vpc_security_group_ingress_rule.database_from_api
  to   = module.api.aws_vpc_security_group_ingress_rule.database_from_api
}

moved {
  from = aws_cloudwatch_dashboard.this
  to   = module.observability.aws_cloudwatch_dashboard.this
}

moved {
  from = aws_cloudwatch_log_group.metrics
  to   = module.observability.aws_cloudwatch_log_group.metrics
}

moved {
  from = aws_cloudwatch_metric_alarm.api
  to   = module.observability.aws_cloudwatch_metric_alarm.api
}

moved {
  from = aws_cloudwatch_metric_alarm.database
  to   = module.observability.aws_cloudwatch_metric_alarm.database
}

moved {
  from = aws_sns_topic.alarms
  to   = module.observability.aws_sns_topic.alarms[0]
}

moved {
  from = aws_sns_topic_policy.alarms
  to   = module.observability.aws_sns_topic_policy.alarms[0]
}

moved {
  from = aws_sns_topic_subscription.email
  to   = module.observability.aws_sns_topic_subscription.email
}

moved {
  from = aws_ssm_parameter.collector
  to   = module.observability.aws_ssm_parameter.collector
}

moved {
  from = aws_iam_openid_connect_provider.github
  to   = module.pipeline[0].aws_iam_openid_connect_provider.github
}

moved {
  from = aws_iam_role.deploy[0]
  to   = module.pipeline[0].aws_iam_role.deploy
}

moved {
  from = aws_iam_role_policy.deploy[0]
  to   = module.pipeline[0].aws_iam_role_policy.deploy
}

# AWS creates this log group itself, even again after destroy: if Terraform managed it, the next apply would fail because it exists.
removed {
  from = aws_cloudwatch_log_group.container_insights

  lifecycle {
    destroy = false
  }
}

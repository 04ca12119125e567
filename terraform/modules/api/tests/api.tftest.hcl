mock_provider "aws" {
  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/users-api:1" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/users/api" }
  }

  mock_resource "aws_security_group" {
    defaults = { id = "sg-api" }
  }
}

override_resource {
  target = aws_iam_role.api_execution
  values = { arn = "arn:aws:iam::123456789012:role/api-execution" }
}

override_resource {
  target = aws_iam_role.api_task
  values = { arn = "arn:aws:iam::123456789012:role/api-task" }
}

variables {
  context       = { name = "users", region = "us-east-1", account_id = "123456789012" }
  vpc_id        = "vpc-1"
  tasks         = { subnet_ids = { us-east-1a = "subnet-a", us-east-1b = "subnet-b" } }
  cluster       = { name = "users", arn = "arn:aws:ecs:us-east-1:123456789012:cluster/users" }
  load_balancer = { security_group_id = "sg-load-balancer", arn_suffix = "app/a/1" }
  target_group  = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/b/2", arn_suffix = "targetgroup/b/2" }
  image         = "123456789012.dkr.ecr.us-east-1.amazonaws.com/users:1"
  settings      = { Authentication__AllowAnonymous = "true" }
  connection_string = {
    value_from = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api:connectionString::v-api"
    secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api"
  }
  container_database = { security_group_id = "sg-database", port = 27017 }
  collector = {
    image                 = "public.ecr.aws/aws-observability/aws-otel-collector:v0.49.0"
    memory                = 192
    configuration_arn     = "arn:aws:ssm:us-east-1:123456789012:parameter/users/collector"
    configuration_hash    = "abc"
    metrics_log_group_arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/users/metrics"
  }
  deployment_alarm_names = ["users-api-errors", "users-api-latency"]
}

run "defaults" {
  command = apply

  assert {
    condition = (
      aws_ecs_service.api.deployment_circuit_breaker[0].enable && aws_ecs_service.api.deployment_circuit_breaker[0].rollback
      && aws_ecs_service.api.alarms[0].enable && aws_ecs_service.api.alarms[0].rollback
      && aws_ecs_service.api.alarms[0].alarm_names == toset(["users-api-errors", "users-api-latency"]) && aws_ecs_task_definition.api.skip_destroy
    )
    error_message = "Failed deployments must be rolled back, by the circuit breaker and by alarms, to a revision that still exists."
  }

  assert {
    condition = (
      aws_ecs_service.api.deployment_minimum_healthy_percent == 100 && aws_ecs_service.api.deployment_maximum_percent == 200
      && aws_ecs_service.api.availability_zone_rebalancing == "ENABLED" && !aws_ecs_service.api.enable_execute_command
      && aws_ecs_service.api.wait_for_steady_state && aws_ecs_service.api.desired_count == 1
    )
    error_message = "A deployment must keep all tasks running, spread them over the zones, allow no shell, and be waited for."
  }

  assert {
    condition     = !aws_ecs_service.api.network_configuration[0].assign_public_ip && toset(aws_ecs_service.api.network_configuration[0].subnets) == toset(["subnet-a", "subnet-b"])
    error_message = "Tasks must run in the given subnets, without public addresses."
  }

  assert {
    condition = (
      aws_ecs_task_definition.api.cpu == "256" && aws_ecs_task_definition.api.memory == "1024" && aws_ecs_task_definition.api.network_mode == "awsvpc"
      && aws_ecs_task_definition.api.runtime_platform[0].cpu_architecture == "X86_64"
      && aws_ecs_task_definition.api.execution_role_arn != aws_ecs_task_definition.api.task_role_arn
    )
    error_message = "The API's task must have the default size and two different roles."
  }

  assert {
    condition = alltrue([
      for container in jsondecode(aws_ecs_task_definition.api.container_definitions) :
      container.readonlyRootFilesystem && container.linuxParameters.capabilities.drop == ["ALL"] && !try(container.privileged, false)
    ])
    error_message = "Both containers must have a read-only root file system and no capabilities."
  }

  assert {
    condition = alltrue([
      for api in [jsondecode(aws_ecs_task_definition.api.container_definitions)[0]] :
      api.name == "api" && api.essential && api.user == "1654" && jsonencode(api.dependsOn) == jsonencode([{ condition = "START", containerName = "collector" }]) && !can(api.healthCheck)
    ])
    error_message = "The API must run unprivileged, start after its collector, and leave the health check to the load balancer."
  }

  assert {
    condition = alltrue([
      for environment in [{ for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : variable.name => variable.value }] :
      environment.ASPNETCORE_ENVIRONMENT == "Production" && environment.ASPNETCORE_HTTP_PORTS == "8000" && environment.DOTNET_EnableDiagnostics == "0"
      && environment.OTEL_EXPORTER_OTLP_ENDPOINT == "http://localhost:4317" && environment.OTEL_SERVICE_NAME == "users"
      && environment.Limits__RequestTimeout == "00:00:10" && environment.Limits__ShutdownTimeout == "00:00:20" && environment.Limits__RequestsPerSecondPerCaller == "0"
      && environment.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE == "delta" && environment.Authentication__AllowAnonymous == "true"
    ])
    error_message = "The API's environment must have its port, its limits, the accepted tokens and the endpoint for telemetry."
  }

  assert {
    condition     = var.request_timeout < local.shutdown_timeout && local.shutdown_timeout < jsondecode(aws_ecs_task_definition.api.container_definitions)[0].stopTimeout
    error_message = "A request must end before the host stops, and before the container is killed."
  }

  assert {
    condition     = jsonencode(jsondecode(aws_ecs_task_definition.api.container_definitions)[0].secrets) == jsonencode([{ name = "ConnectionStrings__users", valueFrom = var.connection_string.value_from }])
    error_message = "The connection string must come from Secrets Manager, in the version that is deployed."
  }

  assert {
    condition = alltrue(flatten([
      for container in jsondecode(aws_ecs_task_definition.api.container_definitions) : [
        for variable in container.environment : !can(regex("(?i)password|secret|connectionstring|token", variable.name)) && !can(regex("://[^/]*@", variable.value))
      ]
    ]))
    error_message = "A task definition must not contain a secret in plain text."
  }

  assert {
    condition = alltrue([
      for collector in [jsondecode(aws_ecs_task_definition.api.container_definitions)[1]] :
      collector.name == "collector" && !collector.essential && collector.healthCheck.command == ["CMD", "/healthcheck"] && collector.restartPolicy.enabled
      && jsonencode(collector.secrets) == jsonencode([{ name = "AOT_CONFIG_CONTENT", valueFrom = var.collector.configuration_arn }])
      && collector.memory + jsondecode(aws_ecs_task_definition.api.container_definitions)[0].memory == var.memory
    ])
    error_message = "The collector must be a non-essential sidecar that is restarted and reads its configuration from SSM."
  }

  # Allowed connections

  assert {
    condition = alltrue([
      for wanted in [
        { rule = aws_vpc_security_group_egress_rule.load_balancer_to_api, of = "sg-load-balancer", with = "sg-api", port = 8000 },
        { rule = aws_vpc_security_group_ingress_rule.api_from_load_balancer, of = "sg-api", with = "sg-load-balancer", port = 8000 },
        { rule = aws_vpc_security_group_egress_rule.api_to_database[0], of = "sg-api", with = "sg-database", port = 27017 },
        { rule = aws_vpc_security_group_ingress_rule.database_from_api[0], of = "sg-database", with = "sg-api", port = 27017 },
      ] :
      wanted.rule.security_group_id == wanted.of && wanted.rule.referenced_security_group_id == wanted.with
      && wanted.rule.from_port == wanted.port && wanted.rule.to_port == wanted.port && wanted.rule.ip_protocol == "tcp"
    ])
    error_message = "Only the load balancer may connect to the API and only the API to the database, each on its port."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.api_to_aws.from_port == 443 && aws_vpc_security_group_egress_rule.api_to_aws.to_port == 443 && length(aws_vpc_security_group_egress_rule.api_to_external_database) == 0
    error_message = "The API must be able to connect to port 443 and to the database."
  }

  # Roles

  assert {
    condition = alltrue([
      for role in [aws_iam_role.api_execution, aws_iam_role.api_task] :
      jsondecode(role.assume_role_policy).Statement[0].Principal == { Service = "ecs-tasks.amazonaws.com" } && role.permissions_boundary == null
    ])
    error_message = "Only ECS tasks may assume the roles of tasks."
  }

  assert {
    condition = alltrue(flatten([
      for policy in [aws_iam_role_policy.api_execution, aws_iam_role_policy.api_task] : [
        for statement in jsondecode(policy.policy).Statement :
        !contains(flatten([statement.Resource]), "*") || alltrue([for action in flatten([statement.Action]) : contains(["ecr:GetAuthorizationToken", "xray:PutTraceSegments", "xray:PutTelemetryRecords"], action)])
      ]
    ]))
    error_message = "Only actions that cannot be limited to a resource may be allowed on all resources."
  }

  assert {
    condition = (
      flatten([for statement in jsondecode(aws_iam_role_policy.api_execution.policy).Statement : statement.Resource if contains(flatten([statement.Action]), "secretsmanager:GetSecretValue")]) == [var.connection_string.secret_arn]
      && contains(flatten([for statement in jsondecode(aws_iam_role_policy.api_execution.policy).Statement : statement.Resource]), "arn:aws:ecr:us-east-1:123456789012:repository/users")
      && !strcontains(aws_iam_role_policy.api_execution.policy, "kms:Decrypt")
    )
    error_message = "ECS must be allowed to read the API's secret and to pull its image, and no others."
  }

  assert {
    condition     = !can(regex("secretsmanager|ssm|ecr:", aws_iam_role_policy.api_task.policy))
    error_message = "The containers themselves must not be allowed to read secrets."
  }

  # Autoscaling

  assert {
    condition     = aws_appautoscaling_target.api.min_capacity == 1 && aws_appautoscaling_target.api.max_capacity == 3 && aws_appautoscaling_target.api.resource_id == "service/users/api"
    error_message = "The API must scale from one task to three."
  }

  assert {
    condition = {
      for name, policy in aws_appautoscaling_policy.api : policy.target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type =>
      "${policy.target_tracking_scaling_policy_configuration[0].target_value} ${coalesce(policy.target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].resource_label, "-")}"
      } == {
      ECSServiceAverageCPUUtilization    = "80 -"
      ECSServiceAverageMemoryUtilization = "80 -"
      ALBRequestCountPerTarget           = "6000 app/a/1/targetgroup/b/2"
    }
    error_message = "The API must scale on CPU, memory and requests."
  }
}

run "as_asked_for" {
  command   = apply
  state_key = "as_asked_for"

  variables {
    context = {
      name                     = "users", region = "us-east-1", account_id = "123456789012", log_retention_days = 365, kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1"
      permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
    }
    tasks                          = { subnet_ids = { us-east-1a = "public-a" }, assign_public_ip = true }
    cpu                            = 16384
    memory                         = 122880
    architecture                   = "ARM64"
    container_port                 = 9000
    min_capacity                   = 2
    max_capacity                   = 20
    cpu_threshold                  = 50
    memory_threshold               = 60
    requests_threshold             = 1000
    request_timeout                = 45
    requests_per_second_per_caller = 20
    trace_sampling_ratio           = 1
    wait_for_steady_state          = false
    container_database             = null
    external_database              = { cidrs = ["192.0.2.0/24"], from_port = 27015, to_port = 27017 }
    connection_string = {
      value_from  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:atlas-AbCdEf"
      secret_arn  = "arn:aws:secretsmanager:us-east-1:123456789012:secret:atlas-AbCdEf"
      kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/2"
    }
  }

  assert {
    condition = (
      aws_ecs_task_definition.api.cpu == "16384" && aws_ecs_task_definition.api.memory == "122880" && aws_ecs_task_definition.api.runtime_platform[0].cpu_architecture == "ARM64"
      && jsondecode(aws_ecs_task_definition.api.container_definitions)[0].memory == 122880 - 192 && aws_ecs_service.api.network_configuration[0].assign_public_ip && !aws_ecs_service.api.wait_for_steady_state
    )
    error_message = "The API must have the requested size, architecture and network."
  }

  assert {
    condition = alltrue([
      for environment in [{ for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : variable.name => variable.value }] :
      environment.ASPNETCORE_HTTP_PORTS == "9000" && environment.Limits__RequestTimeout == "00:00:45" && environment.Limits__RequestsPerSecondPerCaller == "20" && environment.OTEL_TRACES_SAMPLER_ARG == "1"
    ])
    error_message = "The API's environment must have the requested port, limits and sampling."
  }

  assert {
    condition = (
      jsondecode(aws_ecs_task_definition.api.container_definitions)[0].portMappings[0].containerPort == 9000 && one(aws_ecs_service.api.load_balancer).container_port == 9000
      && aws_vpc_security_group_ingress_rule.api_from_load_balancer.from_port == 9000 && aws_vpc_security_group_egress_rule.load_balancer_to_api.to_port == 9000
    )
    error_message = "Server, load balancer and security groups must agree on the port."
  }

  assert {
    condition = (
      local.shutdown_timeout > 45 && jsondecode(aws_ecs_task_definition.api.container_definitions)[0].stopTimeout > local.shutdown_timeout
      && jsondecode(aws_ecs_task_definition.api.container_definitions)[0].stopTimeout <= 120
    )
    error_message = "With a longer request timeout, the other timeouts must be longer, too, within Fargate's limits."
  }

  assert {
    condition = (
      aws_appautoscaling_target.api.min_capacity == 2 && aws_appautoscaling_target.api.max_capacity == 20 && aws_ecs_service.api.desired_count == 2
      && { for name, policy in aws_appautoscaling_policy.api : name => policy.target_tracking_scaling_policy_configuration[0].target_value } == { cpu = 50, memory = 60, requests = 1000 }
    )
    error_message = "The API must scale as requested."
  }

  assert {
    condition = (
      keys(aws_vpc_security_group_egress_rule.api_to_external_database) == ["192.0.2.0/24"] && length(aws_vpc_security_group_egress_rule.api_to_database) == 0
      && aws_vpc_security_group_egress_rule.api_to_external_database["192.0.2.0/24"].from_port == 27015 && aws_vpc_security_group_egress_rule.api_to_external_database["192.0.2.0/24"].to_port == 27017
    )
    error_message = "The API must reach the servers of the external database, on all their ports."
  }

  assert {
    condition = alltrue([
      for action, resource in { "secretsmanager:GetSecretValue" = var.connection_string.secret_arn, "kms:Decrypt" = "arn:aws:kms:us-east-1:123456789012:key/2" } :
      [for statement in jsondecode(aws_iam_role_policy.api_execution.policy).Statement : statement.Resource if contains(flatten([statement.Action]), action)] == [resource]
    ])
    error_message = "ECS must be allowed to read and decrypt that secret, and no other."
  }

  assert {
    condition = alltrue([for role in [aws_iam_role.api_execution, aws_iam_role.api_task] : role.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"]) && (
      aws_cloudwatch_log_group.api.retention_in_days == 365 && aws_cloudwatch_log_group.api.kms_key_id == "arn:aws:kms:us-east-1:123456789012:key/1"
    )
    error_message = "Roles must have the requested permissions boundary, and logs the requested key and retention."
  }
}

run "values_that_no_variable_takes" {
  command   = plan
  state_key = "refused"

  variables {
    container_port                 = 4317
    architecture                   = "arm"
    min_capacity                   = 4
    cpu_threshold                  = 101
    memory_threshold               = 0
    requests_threshold             = 0
    request_timeout                = 51
    requests_per_second_per_caller = 0.5
    trace_sampling_ratio           = 2
    deployment_alarm_names         = []
  }

  expect_failures = [
    var.container_port, var.architecture, var.max_capacity, var.cpu_threshold, var.memory_threshold, var.requests_threshold, var.request_timeout,
    var.requests_per_second_per_caller, var.trace_sampling_ratio, var.deployment_alarm_names,
  ]
}

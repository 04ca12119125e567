provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = data.aws_availability_zones.available
  values = { names = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d", "us-east-1e", "us-east-1f"] }
}

# What AWS would name, so that a plan has whole task definitions and policies.

override_resource {
  target          = aws_security_group.load_balancer
  override_during = plan
  values          = { id = "sg-load-balancer" }
}

override_resource {
  target          = aws_security_group.api
  override_during = plan
  values          = { id = "sg-api" }
}

override_resource {
  target          = aws_security_group.database
  override_during = plan
  values          = { id = "sg-database" }
}

override_resource {
  target          = aws_security_group.file_system
  override_during = plan
  values          = { id = "sg-file-system" }
}

override_resource {
  target          = aws_iam_role.api_execution
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/api-execution" }
}

override_resource {
  target          = aws_iam_role.api_task
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/api-task" }
}

override_resource {
  target          = aws_iam_role.database_execution
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/database-execution" }
}

override_resource {
  target          = aws_iam_role.database_task
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:role/database-task" }
}

override_resource {
  target          = aws_secretsmanager_secret.api_database
  override_during = plan
  values          = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api" }
}

override_resource {
  target          = aws_secretsmanager_secret.database_root
  override_during = plan
  values          = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:root" }
}

override_resource {
  target          = aws_secretsmanager_secret_version.api_database
  override_during = plan
  values          = { version_id = "v-api" }
}

override_resource {
  target          = aws_secretsmanager_secret_version.database_root
  override_during = plan
  values          = { version_id = "v-root" }
}

override_resource {
  target          = aws_ecr_repository.api
  override_during = plan
  values          = { arn = "arn:aws:ecr:us-east-1:123456789012:repository/simple-user-api", repository_url = "123456789012.dkr.ecr.us-east-1.amazonaws.com/simple-user-api" }
}

override_resource {
  target          = aws_ssm_parameter.collector
  override_during = plan
  values          = { arn = "arn:aws:ssm:us-east-1:123456789012:parameter/simple-user-api/collector" }
}

override_resource {
  target          = aws_cloudwatch_log_group.api
  override_during = plan
  values          = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/simple-user-api/api" }
}

override_resource {
  target          = aws_cloudwatch_log_group.database
  override_during = plan
  values          = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/simple-user-api/database" }
}

override_resource {
  target          = aws_cloudwatch_log_group.metrics
  override_during = plan
  values          = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/simple-user-api/metrics" }
}

override_resource {
  target          = aws_cloudwatch_log_group.exec
  override_during = plan
  values          = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/simple-user-api/exec" }
}

override_resource {
  target          = aws_efs_file_system.database
  override_during = plan
  values          = { id = "fs-1", arn = "arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-1" }
}

override_resource {
  target          = aws_efs_access_point.database
  override_during = plan
  values          = { id = "fsap-1", arn = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-1" }
}

override_resource {
  target          = aws_sns_topic.alarms
  override_during = plan
  values          = { arn = "arn:aws:sns:us-east-1:123456789012:simple-user-api-alarms" }
}

override_resource {
  target          = aws_s3_bucket.access_logs
  override_during = plan
  values          = { arn = "arn:aws:s3:::logs" }
}

override_resource {
  target          = aws_lb.this
  override_during = plan
  values          = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/a/1", arn_suffix = "app/a/1", dns_name = "a.elb.amazonaws.com" }
}

override_resource {
  target          = aws_lb_target_group.api
  override_during = plan
  values          = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/b/2", arn_suffix = "targetgroup/b/2" }
}

override_resource {
  target          = aws_iam_openid_connect_provider.github
  override_during = plan
  values          = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
}

override_resource {
  target          = aws_subnet.private
  override_during = plan
}

override_resource {
  target          = aws_subnet.public
  override_during = plan
}

override_data {
  target = data.aws_ec2_managed_prefix_list.cloudfront
  values = { id = "pl-cloudfront" }
}

override_resource {
  target          = aws_cognito_user_pool.this
  override_during = plan
  values          = { id = "us-east-1_pool", endpoint = "cognito-idp.us-east-1.amazonaws.com/us-east-1_pool" }
}

override_resource {
  target          = aws_cloudfront_distribution.this
  override_during = plan
  values          = { domain_name = "d111111abcdef8.cloudfront.net", hosted_zone_id = "Z2FDTNDATAQYW2" }
}

override_resource {
  target          = aws_cloudfront_vpc_origin.this
  override_during = plan
  values          = { id = "vo-1" }
}

run "defaults" {
  command = plan

  # Names and defaults of simple-user-api

  assert {
    condition = (
      var.region_name == "us-east-1" && var.app_name == "simple-user-api" && var.app_image == null && var.app_container_port == 8000
      && var.db_container_port == 27017 && var.max_capacity == 3 && var.min_capacity == 1 && var.cpu_threshold == 80 && var.mem_threshold == 80
    )
    error_message = "The variables of simple-user-api must keep their defaults."
  }

  assert {
    condition     = output.app_url == "https://d111111abcdef8.cloudfront.net/docs" && output.public_dns_name == "d111111abcdef8.cloudfront.net" && output.public_zone_id == "Z2FDTNDATAQYW2"
    error_message = "app_url must lead to the docs: ${output.app_url}"
  }

  # Whose tokens the API takes

  assert {
    condition = (
      aws_cognito_user_pool.this[0].admin_create_user_config[0].allow_admin_create_user_only && aws_cognito_user_pool.this[0].deletion_protection == "INACTIVE"
      && aws_cognito_user_pool_domain.this[0].domain == "simple-user-api-123456789012"
      && toset(aws_cognito_resource_server.api[0].scope[*].scope_name) == toset(["users.read", "users.write"])
    )
    error_message = "There must be a user pool that nobody signs up in and destroy removes, with a domain of its own and both scopes."
  }

  assert {
    condition = {
      for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : variable.name => variable.value if startswith(variable.name, "Authentication__")
      } == {
      Authentication__Schemes__Bearer__Authority = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pool"
      Authentication__AnyAudience                = "true"
      Authentication__ScopePrefix                = "simple-user-api/"
    }
    error_message = "The API must take the pool's tokens, and no others."
  }

  assert {
    condition = (
      output.token_issuer == "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pool"
      && output.create_client_command == "aws cognito-idp create-user-pool-client --region us-east-1 --user-pool-id us-east-1_pool --client-name \"$NAME\" --generate-secret --allowed-o-auth-flows-user-pool-client --allowed-o-auth-flows client_credentials --allowed-o-auth-scopes simple-user-api/users.read simple-user-api/users.write --query 'UserPoolClient.[ClientId,ClientSecret]' --output text"
      && output.get_token_command == "curl -sS -u \"$CLIENT_ID:$CLIENT_SECRET\" -d grant_type=client_credentials https://simple-user-api-123456789012.auth.us-east-1.amazoncognito.com/oauth2/token"
    )
    error_message = "The outputs must say how to make a client and how it gets a token."
  }

  # CloudFront

  assert {
    condition = (
      aws_lb.this.internal && toset(aws_lb.this.subnets) == toset([for subnet in aws_subnet.private : subnet.id])
      && aws_cloudfront_vpc_origin.this[0].vpc_origin_endpoint_config[0].arn == aws_lb.this.arn
      && aws_cloudfront_vpc_origin.this[0].vpc_origin_endpoint_config[0].origin_protocol_policy == "http-only"
      && one(aws_cloudfront_distribution.this[0].origin).domain_name == aws_lb.this.dns_name
      && one(aws_cloudfront_distribution.this[0].origin).vpc_origin_config[0].vpc_origin_id == "vo-1"
      && length(one(aws_cloudfront_distribution.this[0].origin).custom_origin_config) == 0
    )
    error_message = "CloudFront must reach an internal load balancer in the private subnets through a VPC origin."
  }

  assert {
    condition = (
      aws_cloudfront_distribution.this[0].default_cache_behavior[0].cache_policy_id == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
      && aws_cloudfront_distribution.this[0].default_cache_behavior[0].origin_request_policy_id == "216adef6-5c7f-47e4-b989-5492eafa07d3"
      && aws_cloudfront_distribution.this[0].default_cache_behavior[0].allowed_methods == toset(["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"])
      && aws_cloudfront_distribution.this[0].default_cache_behavior[0].viewer_protocol_policy == "redirect-to-https"
      && length(aws_cloudfront_distribution.this[0].ordered_cache_behavior) == 0
    )
    error_message = "CloudFront must cache nothing, pass on every method and header, and serve HTTPS only."
  }

  assert {
    condition = (
      toset(aws_cloudfront_distribution.this[0].custom_error_response[*].error_code) == toset([400, 403, 404, 405, 414, 500, 501, 502, 503, 504])
      && alltrue([for response in aws_cloudfront_distribution.this[0].custom_error_response : response.error_caching_min_ttl == 0 && response.response_code == null])
    )
    error_message = "CloudFront must not cache errors either, nor change them."
  }

  assert {
    condition     = aws_cloudfront_distribution.this[0].viewer_certificate[0].cloudfront_default_certificate && length(coalesce(aws_cloudfront_distribution.this[0].aliases, [])) == 0
    error_message = "Without a certificate CloudFront must serve its own name."
  }

  assert {
    condition = alltrue([
      for environment in [{ for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : variable.name => variable.value }] :
      environment.ForwardedHeaders__Hops == "2" && environment.ForwardedHeaders__Networks__0 == "0.0.0.0/0" && environment.Limits__RequestsPerSecondPerCaller == "0"
    ])
    error_message = "The API must count CloudFront and the load balancer as proxies, and limit no caller unless asked."
  }

  # Network

  assert {
    condition     = length(aws_subnet.public) == 3 && length(aws_subnet.private) == 3 && alltrue([for zone, subnet in aws_subnet.private : subnet.availability_zone == zone])
    error_message = "There must be a public and a private subnet in each of three zones."
  }

  assert {
    condition = alltrue([
      for service in [aws_ecs_service.api, aws_ecs_service.database[0]] :
      !service.network_configuration[0].assign_public_ip
      && toset(service.network_configuration[0].subnets) == toset([for subnet in aws_subnet.private : subnet.id])
    ])
    error_message = "Tasks must run in the private subnets, without public addresses."
  }

  assert {
    condition     = alltrue([for subnet in merge(aws_subnet.public, { for zone, subnet in aws_subnet.private : "private-${zone}" => subnet }) : subnet.map_public_ip_on_launch != true])
    error_message = "No subnet may give out public addresses."
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 3 && length(aws_vpc_endpoint.interface) == 0 && aws_vpc_endpoint.s3.service_name == "com.amazonaws.us-east-1.s3"
    error_message = "One NAT gateway must serve all zones, and S3 must have its gateway."
  }

  assert {
    condition     = length(aws_flow_log.this) == 0 && length(aws_cloudwatch_log_group.flow_logs) == 0
    error_message = "There must be no flow logs unless asked for."
  }

  # Who may talk to whom

  assert {
    condition = (
      length(aws_vpc_security_group_ingress_rule.load_balancer) == 0
      && aws_vpc_security_group_ingress_rule.load_balancer_from_cloudfront[0].security_group_id == "sg-load-balancer"
      && aws_vpc_security_group_ingress_rule.load_balancer_from_cloudfront[0].prefix_list_id == "pl-cloudfront"
      && aws_vpc_security_group_ingress_rule.load_balancer_from_cloudfront[0].from_port == 80
      && aws_vpc_security_group_ingress_rule.load_balancer_from_cloudfront[0].to_port == 80
    )
    error_message = "Only CloudFront may connect to the load balancer."
  }

  assert {
    condition = alltrue([
      for rule, wanted in {
        api_from_load_balancer    = { rule = aws_vpc_security_group_ingress_rule.api_from_load_balancer, to = "sg-api", from = "sg-load-balancer", port = 8000 }
        database_from_api         = { rule = aws_vpc_security_group_ingress_rule.database_from_api[0], to = "sg-database", from = "sg-api", port = 27017 }
        file_system_from_database = { rule = aws_vpc_security_group_ingress_rule.file_system_from_database[0], to = "sg-file-system", from = "sg-database", port = 2049 }
      } :
      wanted.rule.security_group_id == wanted.to && wanted.rule.referenced_security_group_id == wanted.from && wanted.rule.cidr_ipv4 == null
      && wanted.rule.from_port == wanted.port && wanted.rule.to_port == wanted.port && wanted.rule.ip_protocol == "tcp"
    ])
    error_message = "The API takes the load balancer only, the database the API only, the file system the database only, each on its port."
  }

  assert {
    condition = alltrue([
      for rule in aws_vpc_security_group_egress_rule.tasks_to_aws : rule.from_port == 443 && rule.to_port == 443
    ]) && aws_vpc_security_group_egress_rule.api_to_database[0].referenced_security_group_id == "sg-database"
    error_message = "Tasks may leave for port 443 and, the API, for the database."
  }

  # Load balancer

  assert {
    condition     = aws_lb.this.drop_invalid_header_fields && !aws_lb.this.enable_deletion_protection && aws_lb.this.access_logs[0].enabled && length(aws_lb.this.name) <= 32
    error_message = "The load balancer must drop invalid headers, log requests, and let destroy remove it."
  }

  assert {
    condition     = aws_lb_listener.http.port == 80 && aws_lb_listener.http.default_action[0].type == "forward" && length(aws_lb_listener.https) == 0
    error_message = "Port 80 must forward what CloudFront sends."
  }

  assert {
    condition     = aws_lb_target_group.api.health_check[0].path == "/alive" && aws_lb_target_group.api.target_type == "ip" && length(aws_lb_target_group.api.name) <= 32
    error_message = "The load balancer must ask /alive."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_s3_bucket_policy.access_logs[0].policy).Statement :
      statement.Principal == { Service = "logdelivery.elasticloadbalancing.amazonaws.com" } && statement.Action == "s3:PutObject"
      && statement.Condition.ArnLike["aws:SourceArn"] == "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/*"
      if statement.Effect == "Allow"
    ])
    error_message = "Only load balancers of this account and region may write access logs."
  }

  # API service

  assert {
    condition = (
      aws_ecs_service.api.deployment_circuit_breaker[0].enable && aws_ecs_service.api.deployment_circuit_breaker[0].rollback
      && aws_ecs_service.api.alarms[0].enable && aws_ecs_service.api.alarms[0].rollback
      && aws_ecs_service.api.alarms[0].alarm_names == toset(["simple-user-api-api-errors", "simple-user-api-api-latency", "simple-user-api-api-unhealthy"])
    )
    error_message = "Failed deployments must be rolled back, by the circuit breaker and by alarms."
  }

  assert {
    condition = (
      aws_ecs_service.api.deployment_minimum_healthy_percent == 100 && aws_ecs_service.api.deployment_maximum_percent == 200
      && aws_ecs_service.api.availability_zone_rebalancing == "ENABLED" && !aws_ecs_service.api.enable_execute_command
      && aws_ecs_service.api.wait_for_steady_state && aws_ecs_service.api.desired_count == 1
    )
    error_message = "A deployment must keep every task, spread over the zones, open no shell and be waited for."
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
      api.name == "api" && api.essential && api.user == "1654" && api.healthCheck.command == ["CMD", "/app/UserApi.Api", "--probe", "http://localhost:8000/alive"]
      && api.dependsOn == [{ containerName = "collector", condition = "START" }]
      && can(regex("^123456789012.dkr.ecr.us-east-1.amazonaws.com/simple-user-api:src-[0-9a-f]{16}-x64$", api.image))
    ])
    error_message = "The API must run unprivileged, check itself by its probe, and be the image of this checkout."
  }

  assert {
    condition = alltrue([
      for environment in [{ for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : variable.name => variable.value }] :
      environment.ASPNETCORE_ENVIRONMENT == "Production" && environment.ASPNETCORE_HTTP_PORTS == "8000" && environment.DOTNET_EnableDiagnostics == "0"
      && environment.OTEL_EXPORTER_OTLP_ENDPOINT == "http://localhost:4317" && environment.OTEL_SERVICE_NAME == "simple-user-api"
      && environment.Limits__RequestTimeout == "00:00:10" && environment.Limits__ShutdownTimeout == "00:00:20"
      && environment.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE == "delta"
    ])
    error_message = "The API must be told its port, its limits and where telemetry goes."
  }

  assert {
    condition     = var.request_timeout < local.shutdown_timeout && local.shutdown_timeout < jsondecode(aws_ecs_task_definition.api.container_definitions)[0].stopTimeout && var.request_timeout < tonumber(aws_lb_target_group.api.deregistration_delay) && var.request_timeout < aws_lb.this.idle_timeout && var.request_timeout < one(aws_cloudfront_distribution.this[0].origin).vpc_origin_config[0].origin_read_timeout
    error_message = "A request must end before its target is gone, before the host stops, before the container is killed, and before the load balancer or CloudFront gives it up."
  }

  # Secrets

  assert {
    condition = (
      jsondecode(aws_ecs_task_definition.api.container_definitions)[0].secrets
      == [{ name = "ConnectionStrings__users", valueFrom = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api:connectionString::v-api" }]
    )
    error_message = "The connection string must come from Secrets Manager, in the version that is deployed."
  }

  assert {
    condition = alltrue(flatten([
      for definitions in [aws_ecs_task_definition.api.container_definitions, aws_ecs_task_definition.database[0].container_definitions] : [
        for container in jsondecode(definitions) : [
          for variable in container.environment : !can(regex("(?i)password|secret|connectionstring|token", variable.name)) && !can(regex("://[^/]*@", variable.value))
        ]
      ]
    ]))
    error_message = "No secret may stand in a task definition in plain text."
  }

  assert {
    condition = alltrue([
      for version in [aws_secretsmanager_secret_version.api_database[0], aws_secretsmanager_secret_version.database_root[0]] :
      version.secret_string_wo_version == 1 && version.secret_string_wo == null && !strcontains(coalesce(version.secret_string, "-"), "password")
    ])
    error_message = "Passwords must be handed over by write-only arguments."
  }

  assert {
    condition     = aws_secretsmanager_secret.api_database[0].recovery_window_in_days == 0 && aws_secretsmanager_secret.database_root[0].recovery_window_in_days == 0
    error_message = "Destroyed secrets must free their names."
  }

  # Roles

  assert {
    condition = alltrue([
      for role in [aws_iam_role.api_execution, aws_iam_role.api_task, aws_iam_role.database_execution[0], aws_iam_role.database_task[0]] :
      jsondecode(role.assume_role_policy).Statement[0].Principal == { Service = "ecs-tasks.amazonaws.com" }
      && jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
      && jsondecode(role.assume_role_policy).Statement[0].Condition.ArnLike["aws:SourceArn"] == "arn:aws:ecs:us-east-1:123456789012:*"
    ])
    error_message = "Roles of tasks must be given out for tasks of this account and region only."
  }

  assert {
    condition = alltrue(flatten([
      for policy in [aws_iam_role_policy.api_execution, aws_iam_role_policy.api_task, aws_iam_role_policy.database_execution[0], aws_iam_role_policy.database_task[0]] : [
        for statement in jsondecode(policy.policy).Statement :
        !contains(flatten([statement.Resource]), "*") || alltrue([for action in flatten([statement.Action]) : contains(["ecr:GetAuthorizationToken", "xray:PutTraceSegments", "xray:PutTelemetryRecords"], action)])
      ]
    ]))
    error_message = "Only actions that know no resource may be allowed on all."
  }

  assert {
    condition = {
      for role, policy in { api = aws_iam_role_policy.api_execution, database = aws_iam_role_policy.database_execution[0] } :
      role => join(" ", sort(flatten([for statement in jsondecode(policy.policy).Statement : statement.Resource if contains(flatten([statement.Action]), "secretsmanager:GetSecretValue")])))
      } == {
      api      = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api"
      database = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api arn:aws:secretsmanager:us-east-1:123456789012:secret:root"
    }
    error_message = "Each task may read the secrets it needs, and no other."
  }

  assert {
    condition     = !can(regex("secretsmanager|ssm|ecr:", aws_iam_role_policy.api_task.policy)) && !can(regex("secretsmanager|ssm|ecr:", aws_iam_role_policy.database_task[0].policy))
    error_message = "Containers themselves may read no secret through AWS."
  }

  # Autoscaling

  assert {
    condition     = aws_appautoscaling_target.api.min_capacity == 1 && aws_appautoscaling_target.api.max_capacity == 3 && aws_appautoscaling_target.api.resource_id == "service/simple-user-api/api"
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

  # Registry

  assert {
    condition     = aws_ecr_repository.api.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.api.image_scanning_configuration[0].scan_on_push && aws_ecr_repository.api.force_delete && length(jsondecode(aws_ecr_lifecycle_policy.api.policy).rules) == 2
    error_message = "The registry must keep tags as they are, scan, tidy up, and not stop destroy."
  }

  assert {
    condition     = length(terraform_data.image) == 1
    error_message = "Without app_image the image must be built here."
  }

  # Observability

  assert {
    condition = alltrue([
      for collector in [jsondecode(aws_ecs_task_definition.api.container_definitions)[1]] :
      collector.name == "collector" && !collector.essential && can(regex(":v[0-9.]+$", collector.image)) && collector.healthCheck.command == ["CMD", "/healthcheck"]
      && collector.secrets == [{ name = "AOT_CONFIG_CONTENT", valueFrom = "arn:aws:ssm:us-east-1:123456789012:parameter/simple-user-api/collector" }]
      && collector.memory + jsondecode(aws_ecs_task_definition.api.container_definitions)[0].memory == var.app_memory
    ])
    error_message = "The collector must be a pinned, non-essential sidecar that takes its configuration from SSM."
  }

  assert {
    condition = (
      yamldecode(local.collector_config).service.pipelines.traces.exporters == ["awsxray"]
      && yamldecode(local.collector_config).service.pipelines.metrics.exporters == ["awsemf"]
      && yamldecode(local.collector_config).receivers.otlp.protocols.grpc.endpoint == "localhost:4317"
      && yamldecode(local.collector_config).exporters.awsemf.log_group_name == aws_cloudwatch_log_group.metrics.name
      && startswith(yamldecode(local.collector_config).processors.filter.metric_conditions[0], "metric.name != \"db.client.operation.duration\" and ")
      && length(local.collector_config) <= 4096
    )
    error_message = "The collector must send traces to X-Ray and metrics to CloudWatch, in a configuration that a parameter can hold."
  }

  assert {
    condition = alltrue([
      for group in [aws_cloudwatch_log_group.api, aws_cloudwatch_log_group.database[0], aws_cloudwatch_log_group.metrics, aws_cloudwatch_log_group.container_insights[0]] :
      group.retention_in_days == 30
    ])
    error_message = "Logs must be kept for the time that was asked for."
  }

  assert {
    condition     = one(aws_ecs_cluster.this.setting).value == "enabled" && length(aws_ecs_cluster.this.configuration) == 0
    error_message = "Container Insights must be on, and nothing prepared for shells."
  }

  assert {
    condition = toset([for widget in local.widgets : widget.title]) == toset([
      "api: CPU and memory", "database: CPU and memory", "Requests", "Latency", "Errors", "Hosts", "Tasks", "Store latency", "Users"
    ])
    error_message = "The dashboard must show all that is asked for."
  }

  assert {
    condition = alltrue([for alarm in merge(
      aws_cloudwatch_metric_alarm.api, { for name, alarm in aws_cloudwatch_metric_alarm.database : "database-${name}" => alarm }, { load-balancer = aws_cloudwatch_metric_alarm.load_balancer }
    ) : alarm.alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:simple-user-api-alarms"])]) && length(aws_sns_topic_subscription.email) == 0
    error_message = "Every alarm must reach the topic."
  }

  # Pipeline

  assert {
    condition     = length(aws_iam_role.deploy) == 0 && length(aws_iam_openid_connect_provider.github) == 0 && output.deploy_role_arn == null
    error_message = "Nobody outside may deploy unless a repository is named."
  }

  # Names and tags

  assert {
    condition     = local.tags == { Application = "simple-user-api", ManagedBy = "terraform" }
    error_message = "Everything must be tagged with its deployment."
  }
}

run "names_have_the_deployment_in_them" {
  command = plan

  variables {
    app_name = "a-name-of-24-characters0"
  }

  assert {
    condition = alltrue([
      for name in [
        aws_ecs_cluster.this.name, aws_lb.this.name, aws_lb_target_group.api.name, aws_ecr_repository.api.name, aws_ecs_task_definition.api.family,
        aws_ecs_task_definition.database[0].family, aws_iam_role.api_execution.name, aws_iam_role.database_execution[0].name, aws_security_group.api.name,
        aws_cloudwatch_log_group.api.name, aws_cloudwatch_dashboard.this.dashboard_name, aws_sns_topic.alarms.name, aws_s3_bucket.access_logs[0].bucket,
        aws_ssm_parameter.collector.name, aws_secretsmanager_secret.api_database[0].name, aws_backup_vault.database[0].name,
        aws_service_discovery_private_dns_namespace.this[0].name, aws_cloudwatch_metric_alarm.api["errors"].alarm_name, aws_cognito_user_pool.this[0].name,
        aws_cognito_user_pool_domain.this[0].domain, aws_cognito_resource_server.api[0].identifier, aws_cloudfront_vpc_origin.this[0].vpc_origin_endpoint_config[0].name,
      ] : strcontains(name, "a-name-of-24-characters0")
    ])
    error_message = "Two deployments in one account and region must not share a name."
  }

  assert {
    condition     = alltrue([for name in [aws_iam_role.api_execution.name, aws_cloudwatch_dashboard.this.dashboard_name, aws_cloudfront_vpc_origin.this[0].vpc_origin_endpoint_config[0].name] : strcontains(name, "us-east-1")])
    error_message = "What is global in an account must have the region in its name."
  }

  assert {
    condition = (
      length(aws_lb.this.name) <= 32 && length(aws_lb_target_group.api.name) <= 32 && length(aws_s3_bucket.access_logs[0].bucket) <= 63
      && length(replace(aws_iam_role.database_execution[0].name, "us-east-1", "ap-northeast-1")) <= 64 && length(aws_cognito_user_pool_domain.this[0].domain) <= 63
      && length(replace(aws_cloudfront_vpc_origin.this[0].vpc_origin_endpoint_config[0].name, "us-east-1", "ap-northeast-1")) <= 64
    )
    error_message = "The longest name allowed must fit everywhere."
  }
}

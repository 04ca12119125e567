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

run "own_image" {
  command = plan

  variables {
    app_image = "999999999999.dkr.ecr.eu-west-1.amazonaws.com/team/user-api@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  assert {
    condition     = length(terraform_data.image) == 0 && jsondecode(aws_ecs_task_definition.api.container_definitions)[0].image == var.app_image && output.app_image == var.app_image
    error_message = "A given image must be run, and none be built."
  }

  assert {
    condition     = contains(flatten([for statement in jsondecode(aws_iam_role_policy.api_execution.policy).Statement : statement.Resource]), "arn:aws:ecr:eu-west-1:999999999999:repository/team/user-api")
    error_message = "ECS must be allowed to pull it."
  }
}

run "public_image" {
  command = plan

  variables {
    app_image = "public.ecr.aws/f9q5q0t9/simple-user-api:latest"
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.api_execution.policy, "ecr:")
    error_message = "Public images need no permission."
  }
}

run "size_and_scale" {
  command = plan

  variables {
    app_cpu            = 16384
    app_memory         = 122880
    architecture       = "ARM64"
    app_container_port = 9000
    min_capacity       = 2
    max_capacity       = 20
    cpu_threshold      = 50
    mem_threshold      = 60
    requests_threshold = 1000
    request_timeout    = 45
  }

  assert {
    condition = (
      aws_ecs_task_definition.api.cpu == "16384" && aws_ecs_task_definition.api.memory == "122880" && aws_ecs_task_definition.api.runtime_platform[0].cpu_architecture == "ARM64"
      && endswith(output.app_image, "-arm64") && jsondecode(aws_ecs_task_definition.api.container_definitions)[0].memory == 122880 - 192
    )
    error_message = "The API must have the size and architecture that were asked for, and an image for it."
  }

  assert {
    condition = (
      jsondecode(aws_ecs_task_definition.api.container_definitions)[0].portMappings[0].containerPort == 9000 && aws_lb_target_group.api.port == 9000
      && jsondecode(aws_ecs_task_definition.api.container_definitions)[0].healthCheck.command[3] == "http://localhost:9000/alive"
      && contains([for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : "${variable.name}=${variable.value}"], "ASPNETCORE_HTTP_PORTS=9000")
      && aws_vpc_security_group_ingress_rule.api_from_load_balancer.from_port == 9000 && aws_vpc_security_group_egress_rule.load_balancer_to_api.to_port == 9000
      && one(aws_ecs_service.api.load_balancer).container_port == 9000
    )
    error_message = "Server, health check, load balancer and security groups must agree on the port."
  }

  assert {
    condition = (
      aws_appautoscaling_target.api.min_capacity == 2 && aws_appautoscaling_target.api.max_capacity == 20 && aws_ecs_service.api.desired_count == 2
      && { for name, policy in aws_appautoscaling_policy.api : name => policy.target_tracking_scaling_policy_configuration[0].target_value } == { cpu = 50, memory = 60, requests = 1000 }
    )
    error_message = "The API must scale as was asked for."
  }

  assert {
    condition = (
      contains([for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : "${variable.name}=${variable.value}"], "Limits__RequestTimeout=00:00:45")
      && tonumber(aws_lb_target_group.api.deregistration_delay) > 45 && local.shutdown_timeout > 45
      && jsondecode(aws_ecs_task_definition.api.container_definitions)[0].stopTimeout > local.shutdown_timeout
      && jsondecode(aws_ecs_task_definition.api.container_definitions)[0].stopTimeout <= 120 && aws_lb.this.idle_timeout > 45
      && one(aws_cloudfront_distribution.this[0].origin).vpc_origin_config[0].origin_read_timeout > 45
    )
    error_message = "All that waits for a request must wait longer when a request may take longer."
  }
}

run "alb_with_certificate" {
  command = plan

  variables {
    public_endpoint = "alb"
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
    domain_name     = "users.example.com"
    allowed_cidrs   = ["198.51.100.0/24", "203.0.113.7/32"]
  }

  assert {
    condition = (
      aws_lb_listener.https[0].port == 443 && aws_lb_listener.https[0].certificate_arn == var.certificate_arn
      && startswith(aws_lb_listener.https[0].ssl_policy, "ELBSecurityPolicy-TLS13-1-2-") && aws_lb_listener.https[0].default_action[0].type == "forward"
    )
    error_message = "With a certificate port 443 must serve, by a current TLS policy."
  }

  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "redirect" && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS" && length(aws_lb_listener.http.default_action) == 1
    error_message = "With a certificate port 80 must redirect, and nothing else."
  }

  assert {
    condition     = output.app_url == "https://users.example.com/docs"
    error_message = "app_url must be the name that the certificate is for."
  }

  assert {
    condition     = toset(keys(aws_vpc_security_group_ingress_rule.load_balancer)) == toset(["198.51.100.0/24:80", "198.51.100.0/24:443", "203.0.113.7/32:80", "203.0.113.7/32:443"])
    error_message = "Only those may connect who were named."
  }

  assert {
    condition     = !aws_lb.this.internal && toset(aws_lb.this.subnets) == toset([for subnet in aws_subnet.public : subnet.id])
    error_message = "A public load balancer must be in the public subnets."
  }

  assert {
    condition = (
      length(aws_cloudfront_distribution.this) == 0 && length(aws_cloudfront_vpc_origin.this) == 0
      && length(aws_vpc_security_group_ingress_rule.load_balancer_from_cloudfront) == 0 && length(data.aws_ec2_managed_prefix_list.cloudfront) == 0
    )
    error_message = "A public load balancer must have nothing of CloudFront's before it."
  }

  assert {
    condition = alltrue([
      for environment in [{ for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : variable.name => variable.value }] :
      environment.ForwardedHeaders__Hops == "1" && environment.ForwardedHeaders__Networks__0 == "10.0.0.0/16"
      && environment.Authentication__Schemes__Bearer__Authority == "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pool"
    ])
    error_message = "The API must believe the load balancer, and take Cognito's tokens."
  }
}

run "alb_without_certificate" {
  command = plan

  variables {
    public_endpoint = "alb"
    authentication  = "none"
  }

  assert {
    condition = (
      keys(aws_vpc_security_group_ingress_rule.load_balancer) == ["0.0.0.0/0:80"] && aws_vpc_security_group_ingress_rule.load_balancer["0.0.0.0/0:80"].to_port == 80
      && aws_lb_listener.http.default_action[0].type == "forward" && length(aws_lb_listener.https) == 0
    )
    error_message = "Without a certificate everyone may connect to port 80, and only to that."
  }

  assert {
    condition     = output.app_url == "http://a.elb.amazonaws.com/docs" && output.public_dns_name == "a.elb.amazonaws.com"
    error_message = "app_url must be the load balancer's own name: ${output.app_url}"
  }
}

run "alb_with_certificate_and_any_issuer" {
  command = plan

  variables {
    public_endpoint = "alb"
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
    authentication  = "jwt"
    jwt_authority   = "https://login.example.com:443"
    jwt_audiences   = ["users"]
  }

  assert {
    condition = alltrue([
      for environment in [{ for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : variable.name => variable.value }] :
      environment.ForwardedHeaders__Hops == "1" && environment.Authentication__Schemes__Bearer__Authority == "https://login.example.com:443"
    ]) && output.app_url == "https://a.elb.amazonaws.com/docs"
    error_message = "Tokens of any issuer must go with HTTPS on a public load balancer."
  }
}

run "alb_with_certificate_for_everybody" {
  command = plan

  variables {
    public_endpoint = "alb"
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
    authentication  = "none"
  }

  assert {
    condition = (
      aws_lb_listener.https[0].default_action[0].type == "forward" && aws_lb_listener.http.default_action[0].type == "redirect"
      && contains([for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : "${variable.name}=${variable.value}"], "Authentication__AllowAnonymous=true")
    )
    error_message = "HTTPS must go with no authentication, too."
  }
}

run "cloudfront_with_certificate" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
    domain_name     = "users.example.com"
  }

  assert {
    condition = (
      aws_cloudfront_distribution.this[0].aliases == toset(["users.example.com"])
      && aws_cloudfront_distribution.this[0].viewer_certificate[0].acm_certificate_arn == var.certificate_arn
      && aws_cloudfront_distribution.this[0].viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
      && aws_cloudfront_distribution.this[0].viewer_certificate[0].ssl_support_method == "sni-only"
    )
    error_message = "With a certificate CloudFront must serve its name, by current TLS."
  }

  assert {
    condition     = length(aws_lb_listener.https) == 0 && aws_lb_listener.http.default_action[0].type == "forward" && aws_lb.this.internal
    error_message = "The certificate must be CloudFront's alone."
  }

  assert {
    condition     = output.app_url == "https://users.example.com/docs" && output.public_dns_name == "d111111abcdef8.cloudfront.net"
    error_message = "app_url must be the name that the certificate is for."
  }
}

run "authentication_jwt" {
  command = plan

  variables {
    authentication                 = "jwt"
    jwt_authority                  = "https://login.example.com/tenant/v2.0"
    jwt_audiences                  = ["users", "api://users"]
    requests_per_second_per_caller = 20
  }

  assert {
    condition = {
      for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : variable.name => variable.value if can(regex("^Authentication__|PerCaller$", variable.name))
      } == {
      Authentication__Schemes__Bearer__Authority         = "https://login.example.com/tenant/v2.0"
      Authentication__Schemes__Bearer__ValidAudiences__0 = "users"
      Authentication__Schemes__Bearer__ValidAudiences__1 = "api://users"
      Limits__RequestsPerSecondPerCaller                 = "20"
    }
    error_message = "The API must take the issuer's tokens for these audiences, and limit its callers."
  }

  assert {
    condition = (
      length(aws_cognito_user_pool.this) == 0 && length(aws_cognito_user_pool_domain.this) == 0 && length(aws_cognito_resource_server.api) == 0
      && output.token_issuer == "https://login.example.com/tenant/v2.0" && output.create_client_command == null && output.get_token_command == null
      && length(aws_vpc_security_group_egress_rule.api_to_issuer) == 0
    )
    error_message = "There must be no user pool beside an issuer of one's own."
  }
}

run "authentication_jwt_without_the_internet" {
  command = plan

  variables {
    authentication   = "jwt"
    jwt_authority    = "https://login.internal.example.com"
    jwt_audiences    = ["users"]
    jwt_issuer_cidrs = ["192.168.7.0/24"]
    egress           = "endpoints"
    db_image         = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mongo:8.2"
    collector_image  = "123456789012.dkr.ecr.us-east-1.amazonaws.com/collector:v0.49.0"
  }

  assert {
    condition = (
      keys(aws_vpc_security_group_egress_rule.api_to_issuer) == ["192.168.7.0/24"]
      && aws_vpc_security_group_egress_rule.api_to_issuer["192.168.7.0/24"].security_group_id == "sg-api"
      && aws_vpc_security_group_egress_rule.api_to_issuer["192.168.7.0/24"].from_port == 443 && aws_vpc_security_group_egress_rule.api_to_issuer["192.168.7.0/24"].to_port == 443
    )
    error_message = "The API, and it alone, must reach the issuer in the peered network."
  }
}

run "authentication_none" {
  command = plan

  variables {
    authentication = "none"
    app_name       = "cognito-free"
  }

  assert {
    condition = {
      for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : variable.name => variable.value if startswith(variable.name, "Authentication__")
    } == { Authentication__AllowAnonymous = "true" }
    error_message = "The API must be told that everybody may call."
  }

  assert {
    condition     = length(aws_cognito_user_pool.this) == 0 && output.token_issuer == null && output.create_client_command == null && output.get_token_command == null
    error_message = "Where everybody may call there must be no user pool."
  }
}

run "egress_nat_per_zone" {
  command = plan

  variables {
    egress     = "nat_per_zone"
    zone_count = 2
    vpc_cidr   = "172.20.0.0/19"
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["us-east-1a", "us-east-1b"] && length(aws_subnet.private) == 2 && length(aws_route.nat) == 2
    error_message = "Each zone must have its own way out."
  }

  assert {
    condition     = aws_vpc.this.cidr_block == "172.20.0.0/19" && aws_subnet.public["us-east-1b"].cidr_block == "172.20.0.32/27" && aws_subnet.private["us-east-1a"].cidr_block == "172.20.2.0/23"
    error_message = "Subnets must be parts of the range, and the public ones large enough for a load balancer."
  }
}

run "egress_endpoints" {
  command = plan

  variables {
    authentication  = "none"
    egress          = "endpoints"
    db_image        = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mongo:8.2"
    collector_image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/collector:v0.49.0"
    execute_command = true
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_eip.nat) == 0 && length(aws_route.nat) == 0 && length(aws_vpc_security_group_egress_rule.tasks_to_aws) == 0
    error_message = "With endpoints alone there must be no way to the internet."
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "ssmmessages", "xray"]) && alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled])
    error_message = "Everything that tasks call must have an endpoint."
  }

  assert {
    condition = (
      toset(keys(aws_vpc_security_group_egress_rule.tasks_to_endpoints)) == toset(["api", "database"]) && toset(keys(aws_vpc_security_group_egress_rule.tasks_to_s3)) == toset(["api", "database"])
      && alltrue([for rule in aws_vpc_security_group_ingress_rule.endpoints_from_tasks : rule.from_port == 443 && rule.cidr_ipv4 == null])
    )
    error_message = "Tasks must reach the endpoints and S3, and only they."
  }
}

run "logs_and_alarms" {
  command = plan

  variables {
    flow_logs             = true
    access_logs           = false
    deletion_protection   = true
    log_retention_days    = 365
    container_insights    = "disabled"
    alarm_email           = "alarms@example.com"
    error_threshold       = 1
    latency_threshold     = 0.5
    trace_sampling_ratio  = 1
    collector_image       = "public.ecr.aws/aws-observability/aws-otel-collector:v0.48.0"
    wait_for_steady_state = false
    tags                  = { Owner = "users" }
  }

  assert {
    condition = (
      aws_flow_log.this[0].traffic_type == "ALL"
      && jsondecode(aws_iam_role.flow_logs[0].assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    )
    error_message = "Flow logs must be written by a role that serves this account only."
  }

  assert {
    condition     = length(aws_s3_bucket.access_logs) == 0 && length(aws_lb.this.access_logs) == 0 && aws_lb.this.enable_deletion_protection && aws_cognito_user_pool.this[0].deletion_protection == "ACTIVE"
    error_message = "Access logs must be off and the load balancer and the user pool protected when that is asked for."
  }

  assert {
    condition     = alltrue([for group in [aws_cloudwatch_log_group.api, aws_cloudwatch_log_group.database[0], aws_cloudwatch_log_group.metrics, aws_cloudwatch_log_group.flow_logs[0]] : group.retention_in_days == 365])
    error_message = "Logs must be kept for the time that was asked for."
  }

  assert {
    condition     = one(aws_ecs_cluster.this.setting).value == "disabled" && length(aws_cloudwatch_log_group.container_insights) == 0 && !contains([for widget in local.widgets : widget.title], "Tasks")
    error_message = "Without Container Insights there must be no log group and no widget for it."
  }

  assert {
    condition     = aws_sns_topic_subscription.email[0].endpoint == "alarms@example.com" && aws_sns_topic_subscription.email[0].protocol == "email"
    error_message = "Alarms must be mailed when that is asked for."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.api["errors"].threshold == 1 && aws_cloudwatch_metric_alarm.api["latency"].threshold == 0.5
    error_message = "Alarms must be raised where that was asked for."
  }

  assert {
    condition = (
      contains([for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : "${variable.name}=${variable.value}"], "OTEL_TRACES_SAMPLER_ARG=1")
      && jsondecode(aws_ecs_task_definition.api.container_definitions)[1].image == var.collector_image && !aws_ecs_service.api.wait_for_steady_state
    )
    error_message = "Sampling, collector and waiting must be as asked for."
  }

  assert {
    condition     = local.tags == { Application = "simple-user-api", ManagedBy = "terraform", Owner = "users" }
    error_message = "Tags that were asked for must be there too."
  }
}

run "pipeline_of_an_environment" {
  command = plan

  variables {
    github_repository = "example/user-api"
    state_bucket      = "example-state"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role.deploy[0].assume_role_policy).Statement :
      statement.Condition.StringEquals == {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = "repo:example/user-api:environment:production"
      } && statement.Principal.Federated == "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    ])
    error_message = "Only the environment of the repository may deploy."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.deploy[0].policy).Statement : [
        for action in flatten([statement.Action]) :
        can(regex(":(Describe|Get|List)", action)) || contains(["ecr:GetAuthorizationToken", "ecs:DeregisterTaskDefinition"], action)
        if contains(flatten([statement.Resource]), "*")
      ]
    ]))
    error_message = "The pipeline may change only what is named."
  }

  assert {
    condition     = !can(regex("secretsmanager:(GetSecretValue|\\*)|\"\\*:|iam:(Create|Put|Attach|Delete|\\*)", aws_iam_role_policy.deploy[0].policy))
    error_message = "The pipeline may neither read secrets nor change roles."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.deploy[0].policy).Statement : statement.Resource if statement.Sid == "GiveTaskItsRoles"
    ] == [["arn:aws:iam::123456789012:role/api-execution", "arn:aws:iam::123456789012:role/api-task"]]
    error_message = "The pipeline may pass the roles of the API's task only."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.deploy[0].policy).Statement : statement.Resource if statement.Sid == "KeepState"] == ["arn:aws:s3:::example-state/simple-user-api/*"]
    error_message = "The pipeline may work on the state of this deployment only."
  }

  assert {
    condition     = length(aws_iam_role_policy.deploy[0].policy) <= 10240
    error_message = "The policy must fit into a role."
  }
}

run "pipeline_of_a_branch" {
  command = plan

  variables {
    github_repository        = "example/user-api"
    github_environment       = null
    github_branch            = "release"
    github_oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role.deploy[0].assume_role_policy).Statement :
      statement.Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:example/user-api:ref:refs/heads/release"
    ]) && length(aws_iam_openid_connect_provider.github) == 0
    error_message = "Only the branch of the repository may deploy, through the provider that the account has."
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.deploy[0].policy, "s3:PutObject")
    error_message = "Without a bucket for the state the pipeline may write to none."
  }
}

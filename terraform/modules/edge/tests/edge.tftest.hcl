mock_provider "aws" {
  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/a/1", arn_suffix = "app/a/1", dns_name = "a.elb.amazonaws.com" }
  }

  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/b/2", arn_suffix = "targetgroup/b/2" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::logs" }
  }

  mock_resource "aws_cognito_user_pool" {
    defaults = { id = "us-east-1_pool", endpoint = "cognito-idp.us-east-1.amazonaws.com/us-east-1_pool" }
  }

  mock_resource "aws_cloudfront_distribution" {
    defaults = { arn = "arn:aws:cloudfront::123456789012:distribution/E1", domain_name = "d111111abcdef8.cloudfront.net", hosted_zone_id = "Z2FDTNDATAQYW2" }
  }

  mock_resource "aws_cloudfront_vpc_origin" {
    defaults = { id = "vo-1" }
  }

  mock_resource "aws_security_group" {
    defaults = { id = "sg-load-balancer" }
  }

  mock_data "aws_ec2_managed_prefix_list" {
    defaults = { id = "pl-cloudfront" }
  }
}

mock_provider "aws" {
  alias = "us_east_1"

  mock_resource "aws_cloudwatch_log_delivery_destination" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:delivery-destination:users" }
  }
}

variables {
  context            = { name = "users", region = "us-east-1", account_id = "123456789012" }
  vpc_id             = "vpc-1"
  vpc_cidr           = "10.0.0.0/16"
  private_subnet_ids = { us-east-1a = "private-a", us-east-1b = "private-b" }
  public_subnet_ids  = { us-east-1a = "public-a", us-east-1b = "public-b" }
}

run "defaults" {
  command = apply

  # Which tokens the API accepts

  assert {
    condition = (
      aws_cognito_user_pool.this[0].admin_create_user_config[0].allow_admin_create_user_only && aws_cognito_user_pool.this[0].deletion_protection == "INACTIVE"
      && aws_cognito_user_pool_domain.this[0].domain == "users-123456789012"
      && toset(aws_cognito_resource_server.api[0].scope[*].scope_name) == toset(["users.read", "users.write"])
    )
    error_message = "There must be a user pool without sign-up that destroy can delete, with its own domain and both scopes."
  }

  assert {
    condition = output.api_settings == {
      Authentication__Schemes__Bearer__Authority = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pool"
      Authentication__AnyAudience                = "true"
      Authentication__ScopePrefix                = "users/"
      ForwardedHeaders__Hops                     = "2"
      ForwardedHeaders__Networks__0              = "0.0.0.0/0"
    }
    error_message = "The API must accept the pool's tokens only, and trust CloudFront and the load balancer as proxies."
  }

  assert {
    condition = (
      output.token_issuer == "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pool"
      && output.create_client_command == "aws cognito-idp create-user-pool-client --region us-east-1 --user-pool-id us-east-1_pool --client-name \"$NAME\" --generate-secret --allowed-o-auth-flows-user-pool-client --allowed-o-auth-flows client_credentials --allowed-o-auth-scopes users/users.read users/users.write --query 'UserPoolClient.[ClientId,ClientSecret]' --output text"
      && output.get_token_command == "curl -sS -u \"$CLIENT_ID:$CLIENT_SECRET\" -d grant_type=client_credentials https://users-123456789012.auth.us-east-1.amazoncognito.com/oauth2/token"
    )
    error_message = "The outputs must have the commands to create a client and to get a token."
  }

  # CloudFront

  assert {
    condition = (
      aws_lb.this.internal && toset(aws_lb.this.subnets) == toset(["private-a", "private-b"])
      && aws_cloudfront_vpc_origin.this[0].vpc_origin_endpoint_config[0].arn == aws_lb.this.arn
      && aws_cloudfront_vpc_origin.this[0].vpc_origin_endpoint_config[0].origin_protocol_policy == "http-only"
      && one(aws_cloudfront_distribution.this[0].origin).domain_name == aws_lb.this.dns_name
      && one(aws_cloudfront_distribution.this[0].origin).vpc_origin_config[0].vpc_origin_id == "vo-1"
      && one(aws_cloudfront_distribution.this[0].origin).vpc_origin_config[0].origin_read_timeout == output.load_balancer.idle_timeout
      && length(one(aws_cloudfront_distribution.this[0].origin).custom_origin_config) == 0
    )
    error_message = "CloudFront must reach an internal load balancer in the private subnets through a VPC origin."
  }

  assert {
    condition = (
      aws_cloudfront_distribution.this[0].default_cache_behavior[0].cache_policy_id == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
      && aws_cloudfront_distribution.this[0].default_cache_behavior[0].origin_request_policy_id == "216adef6-5c7f-47e4-b989-5492eafa07d3"
      && aws_cloudfront_distribution.this[0].default_cache_behavior[0].allowed_methods == toset(["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"])
      && aws_cloudfront_distribution.this[0].default_cache_behavior[0].viewer_protocol_policy == "https-only"
      && length(aws_cloudfront_distribution.this[0].ordered_cache_behavior) == 0
    )
    error_message = "CloudFront must cache nothing, forward every method and header, and refuse HTTP."
  }

  assert {
    condition = (
      toset(aws_cloudfront_distribution.this[0].custom_error_response[*].error_code) == toset([400, 403, 404, 405, 414, 500, 501, 502, 503, 504])
      && alltrue([for response in aws_cloudfront_distribution.this[0].custom_error_response : response.error_caching_min_ttl == 0])
    )
    error_message = "CloudFront must not cache errors either."
  }

  assert {
    condition     = aws_cloudfront_distribution.this[0].viewer_certificate[0].cloudfront_default_certificate && length(coalesce(aws_cloudfront_distribution.this[0].aliases, [])) == 0 && aws_cloudfront_distribution.this[0].web_acl_id == null
    error_message = "Without a domain, CloudFront must use its own name; without web_acl_arn, it must have no web ACL."
  }

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
    condition     = output.url == "https://d111111abcdef8.cloudfront.net" && output.public_dns_name == "d111111abcdef8.cloudfront.net" && output.public_zone_id == "Z2FDTNDATAQYW2"
    error_message = "The URL for callers must have CloudFront's name."
  }

  # Load balancer

  assert {
    condition     = aws_lb.this.drop_invalid_header_fields && !aws_lb.this.enable_deletion_protection && aws_lb.this.access_logs[0].enabled && length(aws_wafv2_web_acl_association.load_balancer) == 0
    error_message = "The load balancer must drop invalid headers, log requests, and not be protected from destroy."
  }

  assert {
    condition     = aws_lb_listener.http.port == 80 && aws_lb_listener.http.default_action[0].type == "forward" && length(aws_lb_listener.https) == 0
    error_message = "Port 80 must forward CloudFront's requests."
  }

  assert {
    condition     = aws_lb_target_group.api.health_check[0].path == "/alive" && aws_lb_target_group.api.target_type == "ip" && aws_lb_target_group.api.deregistration_delay == "15"
    error_message = "The load balancer must probe /alive."
  }

  # Access logs

  assert {
    condition = {
      for statement in jsondecode(aws_s3_bucket_policy.access_logs[0].policy).Statement : statement.Principal.Service => [statement.Action, statement.Resource, statement.Condition.ArnLike["aws:SourceArn"]]
      if statement.Effect == "Allow"
      } == {
      "logdelivery.elasticloadbalancing.amazonaws.com" = ["s3:PutObject", "arn:aws:s3:::logs/AWSLogs/123456789012/*", "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/*"]
      "delivery.logs.amazonaws.com"                    = ["s3:PutObject", "arn:aws:s3:::logs/AWSLogs/123456789012/*", "arn:aws:logs:us-east-1:123456789012:delivery-source:*"]
    }
    error_message = "Only load balancers and CloudFront of this account may write access logs."
  }

  assert {
    condition = (
      aws_cloudwatch_log_delivery_source.cloudfront[0].log_type == "ACCESS_LOGS" && aws_cloudwatch_log_delivery_source.cloudfront[0].resource_arn == "arn:aws:cloudfront::123456789012:distribution/E1"
      && aws_cloudwatch_log_delivery_destination.cloudfront[0].delivery_destination_configuration[0].destination_resource_arn == "arn:aws:s3:::logs"
    )
    error_message = "CloudFront must log the callers' addresses: the load balancer sees CloudFront's only."
  }
}

run "a_public_load_balancer" {
  command   = apply
  state_key = "alb"

  variables {
    public_load_balancer = { allowed_cidrs = ["198.51.100.0/24", "203.0.113.7/32"] }
    domain               = { name = "users.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab" }
    web_acl_arn          = "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/a/1"
  }

  assert {
    condition = (
      aws_lb_listener.https[0].port == 443 && aws_lb_listener.https[0].certificate_arn == var.domain.certificate_arn
      && startswith(aws_lb_listener.https[0].ssl_policy, "ELBSecurityPolicy-TLS13-1-2-") && aws_lb_listener.https[0].default_action[0].type == "forward"
    )
    error_message = "With a certificate, port 443 must be open with a current TLS policy."
  }

  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "redirect" && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS" && length(aws_lb_listener.http.default_action) == 1
    error_message = "With a certificate, port 80 must only redirect."
  }

  assert {
    condition     = toset(keys(aws_vpc_security_group_ingress_rule.load_balancer)) == toset(["198.51.100.0/24:80", "198.51.100.0/24:443", "203.0.113.7/32:80", "203.0.113.7/32:443"])
    error_message = "Only the given address ranges may connect."
  }

  assert {
    condition = (
      !aws_lb.this.internal && toset(aws_lb.this.subnets) == toset(["public-a", "public-b"]) && output.url == "https://users.example.com"
      && length(aws_cloudfront_distribution.this) == 0 && length(aws_cloudfront_vpc_origin.this) == 0 && length(aws_cloudwatch_log_delivery.cloudfront) == 0
      && length(aws_vpc_security_group_ingress_rule.load_balancer_from_cloudfront) == 0 && length(data.aws_ec2_managed_prefix_list.cloudfront) == 0
    )
    error_message = "A public load balancer must be in the public subnets, without CloudFront."
  }

  assert {
    condition     = output.api_settings["ForwardedHeaders__Hops"] == "1" && output.api_settings["ForwardedHeaders__Networks__0"] == "10.0.0.0/16"
    error_message = "The API must trust the load balancer as a proxy, and accept Cognito's tokens."
  }

  assert {
    condition     = aws_wafv2_web_acl_association.load_balancer[0].web_acl_arn == var.web_acl_arn
    error_message = "The web ACL must be associated with the load balancer."
  }
}

run "plain_http_for_everybody" {
  command   = apply
  state_key = "http"

  variables {
    public_load_balancer = {}
    anonymous            = true
    access_logs          = false
    context              = { name = "cognito-free", region = "us-east-1", account_id = "123456789012", deletion_protection = true }
  }

  assert {
    condition = (
      keys(aws_vpc_security_group_ingress_rule.load_balancer) == ["0.0.0.0/0:80"] && aws_lb_listener.http.default_action[0].type == "forward"
      && length(aws_lb_listener.https) == 0 && output.url == "http://a.elb.amazonaws.com"
    )
    error_message = "Without a certificate, port 80 must be open to everyone, and no other port."
  }

  assert {
    condition     = output.api_settings["Authentication__AllowAnonymous"] == "true" && length(aws_cognito_user_pool.this) == 0 && output.token_issuer == null && output.create_client_command == null && output.get_token_command == null
    error_message = "With anonymous access there must be no user pool, and the API's settings must allow it."
  }

  assert {
    condition     = length(aws_s3_bucket.access_logs) == 0 && length(aws_lb.this.access_logs) == 0 && aws_lb.this.enable_deletion_protection
    error_message = "When requested, access logs must be off and the load balancer protected."
  }
}

run "a_domain_of_ones_own" {
  command   = apply
  state_key = "domain"

  variables {
    domain      = { name = "users.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab" }
    web_acl_arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/1"
    jwt         = { authority = "https://login.example.com/tenant/v2.0", audiences = ["users", "api://users"] }
    context     = { name = "users", region = "us-east-1", account_id = "123456789012", deletion_protection = true }
  }

  assert {
    condition = (
      aws_cloudfront_distribution.this[0].aliases == toset(["users.example.com"])
      && aws_cloudfront_distribution.this[0].viewer_certificate[0].acm_certificate_arn == var.domain.certificate_arn
      && aws_cloudfront_distribution.this[0].viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
      && aws_cloudfront_distribution.this[0].viewer_certificate[0].ssl_support_method == "sni-only"
      && aws_cloudfront_distribution.this[0].web_acl_id == var.web_acl_arn && length(aws_wafv2_web_acl_association.load_balancer) == 0
    )
    error_message = "With a certificate, CloudFront must use the domain's name, current TLS and the web ACL."
  }

  assert {
    condition     = length(aws_lb_listener.https) == 0 && aws_lb_listener.http.default_action[0].type == "forward" && aws_lb.this.internal && output.url == "https://users.example.com"
    error_message = "Only CloudFront must use the certificate."
  }

  assert {
    condition = { for name, value in output.api_settings : name => value if startswith(name, "Authentication__") } == {
      Authentication__Schemes__Bearer__Authority         = "https://login.example.com/tenant/v2.0"
      Authentication__Schemes__Bearer__ValidAudiences__0 = "users"
      Authentication__Schemes__Bearer__ValidAudiences__1 = "api://users"
    }
    error_message = "The API must accept the issuer's tokens for these audiences."
  }

  assert {
    condition     = length(aws_cognito_user_pool.this) == 0 && output.token_issuer == "https://login.example.com/tenant/v2.0" && output.create_client_command == null && !aws_s3_bucket.access_logs[0].force_destroy
    error_message = "With another issuer there must be no user pool, and protected logs must not be emptied."
  }
}

run "values_that_no_variable_takes" {
  command   = plan
  state_key = "refused"

  variables {
    public_load_balancer = { allowed_cidrs = ["everyone"] }
    domain               = { name = "users", certificate_arn = "certificate" }
    jwt                  = { authority = "http://login.example.com", audiences = [] }
  }

  expect_failures = [var.public_load_balancer, var.domain, var.jwt]
}

run "a_public_load_balancer_without_public_subnets" {
  command   = plan
  state_key = "refused"

  variables {
    public_subnet_ids    = {}
    public_load_balancer = {}
    anonymous            = true
  }

  expect_failures = [var.public_load_balancer]
}

run "a_web_acl_that_is_none" {
  command   = plan
  state_key = "refused"

  variables {
    web_acl_arn = "web-acl"
  }

  expect_failures = [var.web_acl_arn]
}

run "a_web_acl_of_the_wrong_scope" {
  command   = plan
  state_key = "refused"

  variables {
    web_acl_arn = "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/a/1"
  }

  expect_failures = [var.web_acl_arn]
}

run "tokens_over_plain_http" {
  command   = plan
  state_key = "refused"

  variables {
    public_load_balancer = {}
  }

  expect_failures = [aws_lb_listener.http]
}

run "tokens_for_nobody" {
  command   = plan
  state_key = "refused"

  variables {
    jwt       = { authority = "https://login.example.com", audiences = ["users"] }
    anonymous = true
  }

  expect_failures = [var.anonymous]
}

run "a_name_that_no_domain_of_cognito_may_have" {
  command   = plan
  state_key = "refused"

  variables {
    context = { name = "users-on-aws", region = "us-east-1", account_id = "123456789012" }
  }

  expect_failures = [var.anonymous]
}

run "a_certificate_that_cloudfront_does_not_take" {
  command   = plan
  state_key = "refused"

  variables {
    domain = { name = "users.example.com", certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab" }
  }

  expect_failures = [aws_cloudfront_distribution.this]
}

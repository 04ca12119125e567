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
  target = data.aws_ec2_managed_prefix_list.cloudfront
  values = { id = "pl-cloudfront" }
}

override_data {
  target = data.aws_availability_zones.available
  values = { names = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d", "us-east-1e", "us-east-1f"] }
}

run "values_that_no_variable_takes" {
  command = plan

  variables {
    region_name                    = "Virginia"
    app_name                       = "Simple_User_Api"
    app_image                      = "user-api"
    app_container_port             = 80
    db_container_port              = 70000
    min_capacity                   = 0
    cpu_threshold                  = 101
    mem_threshold                  = 0
    requests_threshold             = 0
    app_cpu                        = 300
    architecture                   = "arm"
    request_timeout                = 51
    requests_per_second_per_caller = 0.5
    jwt_authority                  = "http://login.example.com"
    jwt_audiences                  = ["users"]
    external_database_kms_key_arn  = "alias/key"
    external_database_cidrs        = []
    db_image                       = "mongo"
    db_cpu                         = 1000
    db_password_version            = 0
    db_directory                   = "mongo"
    db_backup_retention_days       = 0
    vpc_cidr                       = "10.0.0.0/20"
    zone_count                     = 1
    allowed_cidrs                  = ["everyone"]
    certificate_arn                = "certificate"
    collector_image                = "public.ecr.aws/aws-observability/aws-otel-collector:latest"
    trace_sampling_ratio           = 2
    container_insights             = "on"
    log_retention_days             = 42
    alarm_email                    = "nobody"
    error_threshold                = 0
    latency_threshold              = 0
    github_repository              = "user-api"
    github_environment             = "*"
    github_branch                  = "*"
    github_oidc_provider_arn       = "arn:aws:iam::123456789012:oidc-provider/example.com"
    state_bucket                   = "No_Bucket"
    tags                           = { "aws:owner" = "me" }
  }

  expect_failures = [
    var.region_name, var.app_name, var.app_image, var.app_container_port, var.db_container_port, var.min_capacity, var.cpu_threshold, var.mem_threshold,
    var.requests_threshold, var.app_cpu, var.architecture, var.request_timeout, var.external_database_kms_key_arn, var.external_database_cidrs, var.db_image,
    var.db_cpu, var.db_password_version, var.db_directory, var.db_backup_retention_days, var.vpc_cidr, var.zone_count, var.allowed_cidrs, var.certificate_arn,
    var.collector_image, var.trace_sampling_ratio, var.container_insights, var.log_retention_days, var.alarm_email, var.error_threshold, var.latency_threshold,
    var.requests_per_second_per_caller, var.jwt_authority, var.jwt_audiences,
    var.github_repository, var.github_environment, var.github_branch, var.github_oidc_provider_arn, var.state_bucket, var.tags,
  ]
}

run "a_name_with_a_hyphen_at_its_end" {
  command = plan

  variables {
    app_name = "users-"
  }

  expect_failures = [var.app_name]
}

run "a_name_that_aws_keeps" {
  command = plan

  variables {
    app_name = "aws-users"
  }

  expect_failures = [var.app_name]
}

run "a_name_of_25_characters" {
  command = plan

  variables {
    app_name = "a-name-of-25-characters01"
  }

  expect_failures = [var.app_name]
}

run "a_way_out_that_there_is_not" {
  command = plan

  variables {
    egress = "internet"
  }

  expect_failures = [var.egress]
}

run "sizes_that_fargate_does_not_have" {
  command = plan

  variables {
    app_cpu    = 256
    app_memory = 4096
    db_cpu     = 8192
    db_memory  = 17408
  }

  expect_failures = [var.app_memory, var.db_memory]
}

run "fewer_tasks_at_most_than_at_least" {
  command = plan

  variables {
    min_capacity = 4
    max_capacity = 3
  }

  expect_failures = [var.max_capacity]
}

run "a_port_that_the_collector_has" {
  command = plan

  variables {
    app_container_port = 4317
  }

  expect_failures = [var.app_container_port]
}

run "a_database_that_is_neither" {
  command = plan

  variables {
    database = "documentdb"
  }

  expect_failures = [var.database]
}

run "an_external_database_without_a_secret" {
  command = plan

  variables {
    database = "external"
  }

  expect_failures = [var.external_database_secret_arn]
}

run "a_secret_without_an_external_database" {
  command = plan

  variables {
    external_database_secret_arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:atlas-AbCdEf"
  }

  expect_failures = [var.external_database_secret_arn]
}

run "a_connection_string_in_place_of_its_secret" {
  command = plan

  variables {
    database                     = "external"
    external_database_secret_arn = "mongodb+srv://api:password@cluster.example.com/users"
  }

  expect_failures = [var.external_database_secret_arn]
}

run "public_images_without_a_way_to_them" {
  command = plan

  variables {
    authentication = "none"
    egress         = "endpoints"
  }

  expect_failures = [var.egress]
}

run "images_of_another_region_without_a_way_to_them" {
  command = plan

  variables {
    authentication  = "none"
    egress          = "endpoints"
    db_image        = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mongo:8.2"
    collector_image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/collector:v0.49.0"
  }

  expect_failures = [var.egress]
}

run "an_authentication_that_there_is_not" {
  command = plan

  variables {
    authentication = "basic"
  }

  expect_failures = [var.authentication]
}

run "a_public_endpoint_that_there_is_not" {
  command = plan

  variables {
    public_endpoint = "nlb"
  }

  expect_failures = [var.public_endpoint]
}

run "keys_over_plain_http" {
  command = plan

  variables {
    authentication = "jwt"
    jwt_authority  = "http://login.example.com"
    jwt_audiences  = ["users"]
  }

  expect_failures = [var.jwt_authority]
}

run "tokens_over_plain_http" {
  command = plan

  variables {
    public_endpoint = "alb"
  }

  expect_failures = [aws_lb_listener.http]
}

run "tokens_of_another_issuer_over_plain_http" {
  command = plan

  variables {
    public_endpoint = "alb"
    authentication  = "jwt"
    jwt_authority   = "https://login.example.com"
    jwt_audiences   = ["users"]
  }

  expect_failures = [aws_lb_listener.http]
}

run "tokens_for_any_audience" {
  command = plan

  variables {
    authentication = "jwt"
    jwt_authority  = "https://login.example.com"
  }

  expect_failures = [var.jwt_audiences]
}

run "tokens_of_no_issuer" {
  command = plan

  variables {
    authentication = "jwt"
    jwt_audiences  = ["users"]
  }

  expect_failures = [var.jwt_authority]
}

run "an_issuer_that_is_not_asked" {
  command = plan

  variables {
    authentication   = "none"
    jwt_authority    = "https://login.example.com"
    jwt_audiences    = ["users"]
    jwt_issuer_cidrs = ["192.168.7.0/24"]
  }

  expect_failures = [var.jwt_authority, var.jwt_audiences, var.jwt_issuer_cidrs]
}

run "cognito_without_a_way_to_its_keys" {
  command = plan

  variables {
    egress          = "endpoints"
    db_image        = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mongo:8.2"
    collector_image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/collector:v0.49.0"
  }

  expect_failures = [var.egress]
}

run "an_issuer_without_a_way_to_its_keys" {
  command = plan

  variables {
    authentication  = "jwt"
    jwt_authority   = "https://login.example.com"
    jwt_audiences   = ["users"]
    egress          = "endpoints"
    db_image        = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mongo:8.2"
    collector_image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/collector:v0.49.0"
  }

  expect_failures = [var.jwt_issuer_cidrs]
}

run "an_issuer_that_is_no_range_of_addresses" {
  command = plan

  variables {
    authentication   = "jwt"
    jwt_authority    = "https://login.example.com"
    jwt_audiences    = ["users"]
    jwt_issuer_cidrs = ["login.example.com"]
    egress           = "endpoints"
    db_image         = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mongo:8.2"
    collector_image  = "123456789012.dkr.ecr.us-east-1.amazonaws.com/collector:v0.49.0"
  }

  expect_failures = [var.jwt_issuer_cidrs]
}

run "a_name_that_no_domain_of_cognito_may_have" {
  command = plan

  variables {
    app_name = "users-on-aws"
  }

  expect_failures = [var.app_name]
}

run "callers_that_cloudfront_cannot_tell_apart" {
  command = plan

  variables {
    allowed_cidrs = ["198.51.100.0/24"]
  }

  expect_failures = [var.allowed_cidrs]
}

run "a_certificate_that_cloudfront_does_not_take" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
    domain_name     = "users.example.com"
  }

  expect_failures = [var.certificate_arn]
}

run "a_certificate_for_a_name_that_cloudfront_is_not_told" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  expect_failures = [var.domain_name]
}

run "a_domain_without_a_certificate" {
  command = plan

  variables {
    domain_name = "users.example.com"
  }

  expect_failures = [var.domain_name]
}

run "more_zones_than_the_region_has" {
  command = plan

  override_data {
    target = data.aws_availability_zones.available
    values = { names = ["us-west-1a", "us-west-1b"] }
  }

  expect_failures = [aws_vpc.this]
}

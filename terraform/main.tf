# The deployment: its modules and what they share. Each module can be used by itself.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  tags = merge({
    Application = var.app_name
    ManagedBy   = "terraform"
  }, var.tags)

  context = {
    name                     = var.app_name
    region                   = var.region_name
    account_id               = data.aws_caller_identity.current.account_id
    partition                = data.aws_partition.current.partition
    kms_key_arn              = var.kms_key_arn
    permissions_boundary_arn = var.permissions_boundary_arn
    log_retention_days       = var.telemetry.log_retention_days
    deletion_protection      = var.deletion_protection
  }

  network = var.existing_network == null ? {
    vpc_id             = module.network[0].vpc_id
    cidr               = module.network[0].cidr
    private_subnet_ids = module.network[0].private_subnet_ids
    public_subnet_ids  = module.network[0].public_subnet_ids
    tasks              = module.network[0].tasks
    } : {
    vpc_id             = var.existing_network.vpc_id
    cidr               = data.aws_vpc.existing[0].cidr_block
    private_subnet_ids = var.existing_network.private_subnet_ids
    public_subnet_ids  = var.existing_network.public_subnet_ids
    tasks              = { subnet_ids = var.existing_network.private_subnet_ids, assign_public_ip = false }
  }

  # Both are set while users are copied from one database to the other.
  container_database = one([for database in module.database : { security_group_id = database.security_group_id, port = var.db_container_port }])
  external_database = var.external_database == null ? null : {
    cidrs     = var.external_database.cidrs
    from_port = coalesce(var.external_database.from_port, var.db_container_port)
    to_port   = coalesce(var.external_database.to_port, var.external_database.from_port, var.db_container_port)
  }
  connection_string = try(var.external_database.active, false) ? {
    value_from  = var.external_database.secret_arn
    secret_arn  = var.external_database.secret_arn
    kms_key_arn = var.external_database.kms_key_arn
  } : one(module.database[*].connection_string)

  exec = var.container_database == null ? false : var.container_database.execute_command
}

data "aws_vpc" "existing" {
  count = var.existing_network == null ? 0 : 1

  id = var.existing_network.vpc_id
}

module "network" {
  source = "./modules/network"
  count  = var.existing_network == null ? 1 : 0

  context   = local.context
  cidr      = var.network.cidr
  zones     = var.network.zones
  egress    = var.network.egress
  flow_logs = var.network.flow_logs
}

resource "aws_ecs_cluster" "this" {
  name = var.app_name

  setting {
    name  = "containerInsights"
    value = var.telemetry.container_insights
  }

  dynamic "configuration" {
    for_each = aws_cloudwatch_log_group.exec

    content {
      execute_command_configuration {
        logging = "OVERRIDE"

        log_configuration {
          cloud_watch_log_group_name = configuration.value.name
        }
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "exec" {
  count = local.exec ? 1 : 0

  name              = "/ecs/${var.app_name}/exec"
  retention_in_days = var.telemetry.log_retention_days
  kms_key_id        = var.kms_key_arn
}

module "database" {
  source = "./modules/database"
  count  = var.container_database == null ? 0 : 1

  context               = local.context
  vpc_id                = local.network.vpc_id
  subnet_ids            = local.network.private_subnet_ids
  tasks                 = local.network.tasks
  cluster_arn           = aws_ecs_cluster.this.arn
  image                 = var.container_database.image
  port                  = var.db_container_port
  cpu                   = var.container_database.cpu
  memory                = var.container_database.memory
  architecture          = var.architecture
  password_version      = var.container_database.password_version
  backup_retention_days = var.container_database.backup_retention_days
  directory             = var.container_database.directory
  exec_log_group_arn    = one(aws_cloudwatch_log_group.exec[*].arn)
  successor             = local.external_database
  wait_for_steady_state = var.wait_for_steady_state
}

module "edge" {
  source    = "./modules/edge"
  providers = { aws = aws, aws.us_east_1 = aws.us_east_1 }

  context              = local.context
  vpc_id               = local.network.vpc_id
  vpc_cidr             = local.network.cidr
  private_subnet_ids   = local.network.private_subnet_ids
  public_subnet_ids    = local.network.public_subnet_ids
  container_port       = var.app_container_port
  deregistration_delay = var.app.request_timeout + 5
  public_load_balancer = var.public_load_balancer
  domain               = var.domain
  web_acl_arn          = var.web_acl_arn
  access_logs          = var.telemetry.access_logs
  jwt                  = var.jwt
  anonymous            = var.anonymous
}

module "observability" {
  source = "./modules/observability"

  context                  = local.context
  cluster_name             = aws_ecs_cluster.this.name
  services                 = { api = module.api.service_name }
  container_database       = one([for database in module.database : { service_name = database.service_name, backup_vault = database.backup_vault }])
  load_balancer_arn_suffix = module.edge.load_balancer.arn_suffix
  target_group_arn_suffix  = module.edge.target_group.arn_suffix
  container_insights       = var.telemetry.container_insights
  collector_image          = var.telemetry.collector_image
  alarms                   = var.alarms
}

module "api" {
  source = "./modules/api"

  context                        = local.context
  vpc_id                         = local.network.vpc_id
  tasks                          = local.network.tasks
  cluster                        = { name = aws_ecs_cluster.this.name, arn = aws_ecs_cluster.this.arn }
  load_balancer                  = module.edge.load_balancer
  target_group                   = module.edge.target_group
  image                          = local.app_image
  architecture                   = var.architecture
  cpu                            = var.app.cpu
  memory                         = var.app.memory
  container_port                 = var.app_container_port
  min_capacity                   = var.min_capacity
  max_capacity                   = var.max_capacity
  cpu_threshold                  = var.cpu_threshold
  memory_threshold               = var.mem_threshold
  requests_threshold             = var.app.requests_threshold
  request_timeout                = var.app.request_timeout
  requests_per_second_per_caller = var.app.requests_per_second_per_caller
  trace_sampling_ratio           = var.telemetry.trace_sampling_ratio
  settings                       = module.edge.api_settings
  connection_string              = local.connection_string
  container_database             = local.container_database
  external_database              = local.external_database
  collector                      = module.observability.collector
  deployment_alarm_names         = module.observability.deployment_alarm_names
  wait_for_steady_state          = var.wait_for_steady_state

  depends_on = [terraform_data.image]
}

module "pipeline" {
  source = "./modules/pipeline"
  count  = var.github == null ? 0 : 1

  context              = local.context
  repository           = var.github.repository
  environment          = var.github.environment
  branch               = var.github.branch
  oidc_provider_arn    = var.github.oidc_provider_arn
  state_bucket         = var.github.state_bucket
  image_repository_arn = aws_ecr_repository.api.arn
  cluster_name         = aws_ecs_cluster.this.name
  service_name         = module.api.service_name
  task_family          = module.api.task_family
  task_role_arns       = module.api.role_arns
}

# It depends on everything, so it is destroyed first: with deletion_protection, destroy fails before anything is deleted.
# The database module has a guard of its own, for changes that delete users without destroying the deployment.
resource "terraform_data" "guard" {
  input = { protected = var.deletion_protection }

  provisioner "local-exec" {
    when    = destroy
    command = self.input.protected ? "echo 'deletion_protection is on: nothing is destroyed. Set it to false and apply first.' >&2; exit 1" : "exit 0"
  }

  depends_on = [
    aws_ecr_lifecycle_policy.api,
    module.api,
    module.database,
    module.edge,
    module.network,
    module.observability,
    module.pipeline,
    terraform_data.image,
  ]
}

check "alarms_reach_somebody" {
  assert {
    condition     = var.alarms.email != null || var.alarms.topic_arn != null
    error_message = "Alarms are sent to nobody: set alarms.email, or set alarms.topic_arn to a topic that has subscribers."
  }
}

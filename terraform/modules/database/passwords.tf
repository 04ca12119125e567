# Passwords are generated in AWS and written to Secrets Manager by write-only arguments: they are in no plan and no state.

resource "terraform_data" "passwords" {
  # A resource, so that its output is unknown in a plan that writes passwords: they are then generated when the plan is applied.
  input = { version = var.password_version, length = 40 }
}

ephemeral "aws_secretsmanager_random_password" "root" {
  password_length     = terraform_data.passwords.output.length
  exclude_punctuation = true # punctuation would have to be escaped in the connection string
}

ephemeral "aws_secretsmanager_random_password" "api" {
  password_length     = terraform_data.passwords.output.length
  exclude_punctuation = true
}

# With a recovery window, the names stay in use for days after destroy, so there is one with deletion_protection only.
locals {
  api_username  = "api-v${var.password_version}"
  recovery_days = var.context.deletion_protection ? 30 : 0
}

resource "aws_secretsmanager_secret" "database_root" {
  name                    = "${var.context.name}/database/root"
  description             = "Administrator of the database. Only the database task reads it."
  recovery_window_in_days = local.recovery_days
  kms_key_id              = var.context.kms_key_arn
}

resource "aws_secretsmanager_secret_version" "database_root" {
  secret_id                = aws_secretsmanager_secret.database_root.id
  secret_string_wo_version = var.password_version
  secret_string_wo = jsonencode({
    username = "root"
    password = ephemeral.aws_secretsmanager_random_password.root.random_password
  })
}

# Name, password and connection string are in one secret, so that they always match. Each version has a user of its own, and the
# previous version's user is kept until the next rotation, so that revisions of the API with either version work at any time.
resource "aws_secretsmanager_secret" "api_database" {
  name                    = "${var.context.name}/database/api"
  description             = "The API's database user. The API reads the connection string, the database task the password, to make the user with it."
  recovery_window_in_days = local.recovery_days
  kms_key_id              = var.context.kms_key_arn
}

resource "aws_secretsmanager_secret_version" "api_database" {
  secret_id                = aws_secretsmanager_secret.api_database.id
  secret_string_wo_version = var.password_version
  secret_string_wo = jsonencode({
    username         = local.api_username
    password         = ephemeral.aws_secretsmanager_random_password.api.random_password
    connectionString = "mongodb://${local.api_username}:${ephemeral.aws_secretsmanager_random_password.api.random_password}@${local.host}:${var.port}/users?authSource=users"
  })
}

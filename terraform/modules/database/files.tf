# The file system, its backups, and the guard that protects both.

resource "aws_efs_file_system" "database" {
  encrypted  = true
  kms_key_id = var.context.kms_key_arn

  # Bursting mode gives a file system this small hardly any throughput.
  throughput_mode = "elastic"

  tags = { Name = "${var.context.name}-database" }

  # Another key would create a new, empty file system, and the server would run on it.
  lifecycle {
    ignore_changes = [kms_key_id]

    postcondition {
      condition     = var.context.kms_key_arn == null || self.kms_key_id == var.context.kms_key_arn
      error_message = "The KMS key of a file system cannot be changed: it is ${self.kms_key_id}. Set it back, or move the users to a second deployment."
    }
  }
}

resource "aws_efs_mount_target" "database" {
  for_each = var.subnet_ids

  file_system_id  = aws_efs_file_system.database.id
  subnet_id       = each.value
  security_groups = [aws_security_group.file_system.id]
}

resource "aws_efs_access_point" "database" {
  file_system_id = aws_efs_file_system.database.id

  posix_user {
    uid = 999
    gid = 999
  }

  root_directory {
    path = var.directory

    # Created for the default directory only. Any other must exist, as a restored backup: a mistyped one must fail to mount, not be created.
    dynamic "creation_info" {
      for_each = var.directory == "/mongo" ? ["first"] : []

      content {
        owner_uid   = 999
        owner_gid   = 999
        permissions = "0700"
      }
    }
  }

  tags = { Name = "${var.context.name}-database" }

  # The server uses the old one until it is replaced.
  lifecycle {
    create_before_destroy = true
  }
}

# Only the database task may connect, through its access point and encrypted.
resource "aws_efs_file_system_policy" "database" {
  file_system_id = aws_efs_file_system.database.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "DatabaseTask"
        Effect    = "Allow"
        Action    = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
        Resource  = aws_efs_file_system.database.arn
        Principal = { AWS = aws_iam_role.database_task.arn }
        Condition = { StringEquals = { "elasticfilesystem:AccessPointArn" = aws_efs_access_point.database.arn } }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Action    = "*"
        Resource  = aws_efs_file_system.database.arn
        Principal = { AWS = "*" }
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

# A separate vault: in the account's default vault, backups would survive destroy.
resource "aws_backup_vault" "database" {
  name          = "${var.context.name}-database"
  kms_key_arn   = var.context.kms_key_arn
  force_destroy = !var.context.deletion_protection

  # A new key would replace the vault and delete its backups. The file system's postcondition refuses such a change.
  lifecycle {
    ignore_changes = [kms_key_arn]
  }
}

resource "aws_backup_plan" "database" {
  name = "${var.context.name}-database"

  rule {
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.database.name
    schedule          = "cron(0 3 * * ? *)"

    lifecycle {
      delete_after = var.backup_retention_days
    }
  }
}

resource "aws_backup_selection" "database" {
  name         = "${var.context.name}-database"
  plan_id      = aws_backup_plan.database.id
  iam_role_arn = aws_iam_role.backup.arn
  resources    = [aws_efs_file_system.database.arn]

  depends_on = [aws_iam_role_policy_attachment.backup]
}

resource "aws_iam_role" "backup" {
  name                 = "${var.context.name}-${var.context.region}-backup"
  permissions_boundary = var.context.permissions_boundary_arn
  description          = "Lets AWS Backup save and restore the database of ${var.context.name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "backup.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.context.account_id } }
    }]
  })
}

# AWS's managed policies, because the actions that AWS Backup calls are not documented one by one.
resource "aws_iam_role_policy_attachment" "backup" {
  for_each = toset(["Backup", "Restores"])

  role       = aws_iam_role.backup.name
  policy_arn = "arn:${var.context.partition}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor${each.key}"
}

# It depends on everything that holds data, so it is destroyed first, and fails before anything else is deleted: on destroy,
# when the database is removed, and when the file system or the vault would be replaced.
resource "terraform_data" "guard" {
  input            = { protected = var.context.deletion_protection }
  triggers_replace = [aws_efs_file_system.database.id, aws_backup_vault.database.id]

  provisioner "local-exec" {
    when    = destroy
    command = self.input.protected ? "echo 'deletion_protection is on: users and their backups stay. Switch it off and apply before you delete them.' >&2; exit 1" : "exit 0"
  }

  depends_on = [
    aws_efs_access_point.database,
    aws_efs_mount_target.database,
    aws_backup_selection.database,
    aws_secretsmanager_secret_version.api_database,
    aws_secretsmanager_secret_version.database_root,
    aws_ecs_service.database,
  ]
}

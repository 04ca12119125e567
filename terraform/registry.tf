resource "aws_ecr_repository" "api" {
  name                 = var.app_name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !var.deletion_protection

  image_scanning_configuration {
    scan_on_push = true
  }

  dynamic "encryption_configuration" {
    for_each = var.kms_key_arn[*]

    content {
      encryption_type = "KMS"
      kms_key         = encryption_configuration.value
    }
  }

  # A change of the key would replace the repository and delete the images that are running.
  lifecycle {
    ignore_changes = [encryption_configuration]
  }
}

resource "aws_ecr_lifecycle_policy" "api" {
  repository = aws_ecr_repository.api.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Layers that no tag leads to"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 1 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "The newest images: what runs, and what to go back to, also after many that were pushed and never ran"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 100 }
        action       = { type = "expire" }
      },
    ]
  })
}

locals {
  checkout = "${path.module}/.."

  # Everything that the image is built from, so that its tag changes exactly when its content does.
  source_files = [
    for file in setunion(
      fileset(local.checkout, "{UserApi.Api,UserApi.ServiceDefaults}/**"),
      fileset(local.checkout, "{Directory.*,global.json,[Nn]u[Gg]et.[Cc]onfig}"),
    ) : file if !can(regex("/(bin|obj|data)/", file))
  ]

  dotnet_architecture = { X86_64 = "x64", ARM64 = "arm64" }[var.architecture]
  source_hash         = sha256(join("\n", [for file in local.source_files : "${file} ${filesha256("${local.checkout}/${file}")}"]))
  source_tag          = "src-${substr(local.source_hash, 0, 16)}-${local.dotnet_architecture}"

  app_image = var.app_image == null ? "${aws_ecr_repository.api.repository_url}:${local.source_tag}" : var.app_image
}

resource "terraform_data" "image" {
  count = var.app_image == null ? 1 : 0

  triggers_replace = [aws_ecr_repository.api.repository_url, local.source_tag]

  provisioner "local-exec" {
    command = "${path.module}/scripts/publish-image.sh"

    environment = {
      AWS_REGION     = var.region_name
      REPOSITORY_URL = aws_ecr_repository.api.repository_url
      IMAGE_TAG      = local.source_tag
      ARCHITECTURE   = local.dotnet_architecture
    }
  }

  lifecycle {
    precondition {
      condition     = contains(local.source_files, "UserApi.Api/UserApi.Api.csproj")
      error_message = "This directory is not inside a checkout of UserApi, so there is no source to build the image from: set app_image."
    }
  }
}

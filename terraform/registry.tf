resource "aws_ecr_repository" "api" {
  name                 = var.app_name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true

  image_scanning_configuration {
    scan_on_push = true
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
        description  = "The newest images: what runs, and what to go back to"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 30 }
        action       = { type = "expire" }
      },
    ]
  })
}

locals {
  checkout = "${path.module}/.."

  # All that the image is made of, so that its tag changes when it does, and only then.
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

  # Those that somebody else's registry may hold.
  given_images = merge(
    var.app_image == null ? {} : { api = var.app_image },
    { collector = var.collector_image },
    local.container_database ? { database = var.db_image } : {},
  )

  # Account, region and repository of the images that ECR holds.
  ecr_images = {
    for name, image in local.given_images :
    name => regex("^([0-9]{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/([^:@]+)", image)
    if can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[^:@]+", image))
  }

  images_outside = [for name, image in local.given_images : image if try(local.ecr_images[name][1], "") != var.region_name]

  # What the execution roles may pull. Images of public registries need no permission.
  image_repositories = merge(
    { for name, parts in local.ecr_images : name => "arn:${local.partition}:ecr:${parts[1]}:${parts[0]}:repository/${parts[2]}" },
    var.app_image == null ? { api = aws_ecr_repository.api.arn } : {},
  )

  # The right to pull the images of each task.
  pull_statements = {
    for task, containers in { api = ["api", "collector"], database = ["database"] } : task => flatten([
      for repositories in [[for name in containers : local.image_repositories[name] if contains(keys(local.image_repositories), name)]] : [
        {
          Sid      = "LogInToRegistry"
          Effect   = "Allow"
          Action   = ["ecr:GetAuthorizationToken"]
          Resource = ["*"] # the action knows no resource
        },
        {
          Sid      = "PullImages"
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = repositories
        },
      ] if length(repositories) > 0
    ])
  }
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
      error_message = "There is no checkout of UserApi around this directory to build the image from: set app_image."
    }
  }
}

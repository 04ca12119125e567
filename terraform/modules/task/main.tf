# What the API's and the database's tasks have in common. Creates nothing.

locals {
  # Memory sizes in MiB that Fargate supports for each number of CPU units.
  fargate_memory = {
    "256"   = [512, 1024, 2048]
    "512"   = range(1024, 4096 + 1, 1024)
    "1024"  = range(2048, 8192 + 1, 1024)
    "2048"  = range(4096, 16384 + 1, 1024)
    "4096"  = range(8192, 30720 + 1, 1024)
    "8192"  = range(16384, 61440 + 1, 4096)
    "16384" = range(32768, 122880 + 1, 8192)
  }

  # ECR repositories of the images. Images of public registries need no permission.
  repositories = [
    for parts in [
      for image in values(var.images) : regex("^([0-9]{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/([^:@]+)", image)
      if can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[^:@]+", image))
    ] : "arn:${var.context.partition}:ecr:${parts[1]}:${parts[0]}:repository/${parts[2]}"
  ]
}

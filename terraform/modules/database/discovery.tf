# The API finds the database by name. The driver resolves the name for every new connection, so it finds a moved task within seconds.

resource "aws_service_discovery_private_dns_namespace" "this" {
  name        = "${var.context.name}.internal"
  description = "Names inside the VPC of ${var.context.name}"
  vpc         = var.vpc_id
}

resource "aws_service_discovery_service" "database" {
  name          = "mongo"
  description   = "Database of ${var.context.name}"
  force_destroy = true

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this.id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }

  # ECS reports which task is healthy.
  health_check_custom_config {
    failure_threshold = 1
  }
}

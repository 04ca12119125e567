# The API finds the database by name. The driver resolves it at every new connection, so a moved task is found in seconds.

resource "aws_service_discovery_private_dns_namespace" "this" {
  count = local.container_database ? 1 : 0

  name        = "${var.app_name}.internal"
  description = "Names inside the VPC of ${var.app_name}"
  vpc         = aws_vpc.this.id
}

resource "aws_service_discovery_service" "database" {
  count = local.container_database ? 1 : 0

  name          = "mongo"
  description   = "Database of ${var.app_name}"
  force_destroy = true

  dns_config {
    namespace_id   = aws_service_discovery_private_dns_namespace.this[0].id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }

  # ECS says which task is healthy.
  health_check_custom_config {
    failure_threshold = 1
  }
}

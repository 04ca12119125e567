# Callers connect to CloudFront, which connects to an internal load balancer, or to a public load balancer.

locals {
  cloudfront  = var.public_load_balancer == null
  global_name = "${var.context.name}-${var.context.region}"

  # With CloudFront, the certificate is CloudFront's.
  load_balancer_certificate_arn = local.cloudfront ? null : one(var.domain[*].certificate_arn)

  # Longer than the API's request timeout.
  idle_timeout = 60

  public_name = local.cloudfront ? aws_cloudfront_distribution.this[0].domain_name : aws_lb.this.dns_name
}

resource "aws_lb" "this" {
  name               = var.context.name
  load_balancer_type = "application"
  internal           = local.cloudfront
  subnets            = values(local.cloudfront ? var.private_subnet_ids : var.public_subnet_ids)
  security_groups    = [aws_security_group.load_balancer.id]

  drop_invalid_header_fields = true
  enable_deletion_protection = var.context.deletion_protection
  idle_timeout               = local.idle_timeout

  dynamic "access_logs" {
    for_each = aws_s3_bucket.access_logs

    content {
      enabled = true
      bucket  = access_logs.value.id
    }
  }

  # AWS checks that the load balancer may write to the bucket before it accepts the bucket.
  depends_on = [aws_s3_bucket_policy.access_logs, aws_s3_bucket_public_access_block.access_logs]
}

resource "aws_lb_target_group" "api" {
  # A new port needs a new target group, which must have another name than the old one.
  name                 = "${var.context.name}-${var.container_port}"
  port                 = var.container_port
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = var.vpc_id
  deregistration_delay = var.deregistration_delay

  # Checks the process only: replacing the tasks would not help when the database is down.
  health_check {
    path                = "/alive"
    matcher             = "200"
    interval            = 15
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"

  dynamic "default_action" {
    for_each = local.load_balancer_certificate_arn == null ? ["forward"] : []

    content {
      type             = "forward"
      target_group_arn = aws_lb_target_group.api.arn
    }
  }

  dynamic "default_action" {
    for_each = local.load_balancer_certificate_arn == null ? [] : ["redirect"]

    content {
      type = "redirect"

      redirect {
        protocol    = "HTTPS"
        port        = "443"
        status_code = "HTTP_301"
      }
    }
  }

  lifecycle {
    precondition {
      condition     = local.cloudfront || var.domain != null || var.anonymous
      error_message = "public_load_balancer requires domain or anonymous = true: without HTTPS, bearer tokens would be sent in clear text."
    }
  }
}

resource "aws_lb_listener" "https" {
  count = local.load_balancer_certificate_arn == null ? 0 : 1

  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = local.load_balancer_certificate_arn

  # TLS 1.2 and 1.3 with forward secrecy and, for callers that support it, post-quantum key exchange.
  ssl_policy = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}

# With CloudFront, the web ACL is set on the distribution.
resource "aws_wafv2_web_acl_association" "load_balancer" {
  count = !local.cloudfront && var.web_acl_arn != null ? 1 : 0

  resource_arn = aws_lb.this.arn
  web_acl_arn  = var.web_acl_arn
}

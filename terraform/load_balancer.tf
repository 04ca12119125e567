# What callers connect to: CloudFront, which alone reaches an internal load balancer, or the load balancer itself.

locals {
  cloudfront = var.public_endpoint == "cloudfront"

  # CloudFront has the certificate otherwise.
  load_balancer_certificate_arn = local.cloudfront ? null : var.certificate_arn

  # Longer than the API takes for any request.
  idle_timeout = 60

  public_name = local.cloudfront ? aws_cloudfront_distribution.this[0].domain_name : aws_lb.this.dns_name
}

resource "aws_lb" "this" {
  name               = var.app_name
  load_balancer_type = "application"
  internal           = local.cloudfront
  subnets            = [for subnet in local.cloudfront ? aws_subnet.private : aws_subnet.public : subnet.id]
  security_groups    = [aws_security_group.load_balancer.id]

  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection
  idle_timeout               = local.idle_timeout

  dynamic "access_logs" {
    for_each = aws_s3_bucket.access_logs

    content {
      enabled = true
      bucket  = access_logs.value.id
    }
  }

  # The load balancer proves that it may write before it accepts the bucket.
  depends_on = [aws_s3_bucket_policy.access_logs, aws_s3_bucket_public_access_block.access_logs]
}

resource "aws_lb_target_group" "api" {
  # A new port needs a new group, which cannot have the old one's name.
  name                 = "${var.app_name}-${var.app_container_port}"
  port                 = var.app_container_port
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = aws_vpc.this.id
  deregistration_delay = local.deregistration_delay

  # Of the process only: a database that is away for a moment is no reason to replace every task.
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
      condition     = local.cloudfront || var.certificate_arn != null || var.authentication == "none"
      error_message = "Bearer tokens would travel over plain HTTP: public_endpoint = \"alb\" needs certificate_arn, or authentication = \"none\"."
    }
  }
}

resource "aws_lb_listener" "https" {
  count = local.load_balancer_certificate_arn == null ? 0 : 1

  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = local.load_balancer_certificate_arn

  # TLS 1.2 and 1.3 with forward secrecy and, for callers that can, post-quantum key exchange.
  ssl_policy = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}

resource "aws_s3_bucket" "access_logs" {
  count = var.access_logs ? 1 : 0

  bucket        = "${var.app_name}-logs-${local.account_id}-${var.region_name}"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "access_logs" {
  count = var.access_logs ? 1 : 0

  bucket                  = aws_s3_bucket.access_logs[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# Load balancers can write to no bucket with a KMS key.
resource "aws_s3_bucket_server_side_encryption_configuration" "access_logs" {
  count = var.access_logs ? 1 : 0

  bucket = aws_s3_bucket.access_logs[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "access_logs" {
  count = var.access_logs ? 1 : 0

  bucket = aws_s3_bucket.access_logs[0].id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.log_retention_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "access_logs" {
  count = var.access_logs ? 1 : 0

  bucket = aws_s3_bucket.access_logs[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "LoadBalancer"
        Effect    = "Allow"
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.access_logs[0].arn}/AWSLogs/${local.account_id}/*"
        Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
        Condition = {
          ArnLike = { "aws:SourceArn" = "arn:${local.partition}:elasticloadbalancing:${var.region_name}:${local.account_id}:loadbalancer/*" }
        }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.access_logs[0].arn, "${aws_s3_bucket.access_logs[0].arn}/*"]
        Principal = "*"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

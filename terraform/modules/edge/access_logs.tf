# Access logs record the callers' addresses. Behind CloudFront the load balancer logs CloudFront's addresses, so CloudFront logs, too.

resource "aws_s3_bucket" "access_logs" {
  count = var.access_logs ? 1 : 0

  bucket        = "${var.context.name}-logs-${var.context.account_id}-${var.context.region}"
  force_destroy = !var.context.deletion_protection
}

resource "aws_s3_bucket_public_access_block" "access_logs" {
  count = var.access_logs ? 1 : 0

  bucket                  = aws_s3_bucket.access_logs[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# Load balancers cannot write to a bucket that uses a KMS key.
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
      days = var.context.log_retention_days
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
        Resource  = "${aws_s3_bucket.access_logs[0].arn}/AWSLogs/${var.context.account_id}/*"
        Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
        Condition = {
          ArnLike = { "aws:SourceArn" = "arn:${var.context.partition}:elasticloadbalancing:${var.context.region}:${var.context.account_id}:loadbalancer/*" }
        }
      },
      {
        Sid       = "CloudFront"
        Effect    = "Allow"
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.access_logs[0].arn}/AWSLogs/${var.context.account_id}/*"
        Principal = { Service = "delivery.logs.amazonaws.com" }
        Condition = {
          StringEquals = { "aws:SourceAccount" = var.context.account_id, "s3:x-amz-acl" = "bucket-owner-full-control" }
          ArnLike      = { "aws:SourceArn" = "arn:${var.context.partition}:logs:us-east-1:${var.context.account_id}:delivery-source:*" }
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

# CloudFront's logs must be set up in us-east-1, wherever they are delivered.

resource "aws_cloudwatch_log_delivery_source" "cloudfront" {
  count    = var.access_logs && local.cloudfront ? 1 : 0
  provider = aws.us_east_1

  name         = local.global_name
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this[0].arn
}

resource "aws_cloudwatch_log_delivery_destination" "cloudfront" {
  count    = var.access_logs && local.cloudfront ? 1 : 0
  provider = aws.us_east_1

  name          = local.global_name
  output_format = "json"

  delivery_destination_configuration {
    destination_resource_arn = aws_s3_bucket.access_logs[0].arn
  }
}

resource "aws_cloudwatch_log_delivery" "cloudfront" {
  count    = var.access_logs && local.cloudfront ? 1 : 0
  provider = aws.us_east_1

  delivery_source_name     = aws_cloudwatch_log_delivery_source.cloudfront[0].name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.cloudfront[0].arn

  depends_on = [aws_s3_bucket_policy.access_logs]
}

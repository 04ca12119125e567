# CloudFront serves HTTPS without a domain, and only it can connect to the internal load balancer.

locals {
  # AWS's managed policies, the same in every account.
  caching_disabled = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  all_viewer       = "216adef6-5c7f-47e4-b989-5492eafa07d3"
}

# Plain HTTP to the load balancer, over AWS's network and this VPC only: without a domain, a load balancer cannot have a certificate.
resource "aws_cloudfront_vpc_origin" "this" {
  count = local.cloudfront ? 1 : 0

  vpc_origin_endpoint_config {
    name                   = local.global_name
    arn                    = aws_lb.this.arn
    http_port              = aws_lb_listener.http.port
    https_port             = 443
    origin_protocol_policy = "http-only"

    # CloudFront requires this although nothing uses it.
    origin_ssl_protocols {
      items    = ["TLSv1.2"]
      quantity = 1
    }
  }

  # AWS can take fifteen minutes, which is the provider's default timeout.
  timeouts {
    create = "30m"
    update = "30m"
    delete = "30m"
  }

  depends_on = [aws_vpc_security_group_ingress_rule.load_balancer_from_cloudfront]
}

resource "aws_cloudfront_distribution" "this" {
  count = local.cloudfront ? 1 : 0

  comment         = local.global_name
  enabled         = true
  http_version    = "http2and3"
  is_ipv6_enabled = true
  aliases         = var.domain[*].name
  web_acl_id      = var.web_acl_arn

  origin {
    origin_id   = "load-balancer"
    domain_name = aws_lb.this.dns_name

    vpc_origin_config {
      vpc_origin_id       = aws_cloudfront_vpc_origin.this[0].id
      origin_read_timeout = local.idle_timeout
    }
  }

  default_cache_behavior {
    target_origin_id         = "load-balancer"
    viewer_protocol_policy   = "https-only" # with a redirect, the token would already have been sent in clear text
    allowed_methods          = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods           = ["GET", "HEAD"]
    cache_policy_id          = local.caching_disabled
    origin_request_policy_id = local.all_viewer
  }

  # By default CloudFront caches these error responses for ten seconds, even if it caches nothing else: a user just created would be missing.
  dynamic "custom_error_response" {
    for_each = [400, 403, 404, 405, 414, 500, 501, 502, 503, 504]

    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 0
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  # For its own domain name, AWS sets the versions of TLS.
  viewer_certificate {
    cloudfront_default_certificate = var.domain == null
    acm_certificate_arn            = one(var.domain[*].certificate_arn)
    minimum_protocol_version       = var.domain == null ? "TLSv1" : "TLSv1.2_2021"
    ssl_support_method             = var.domain == null ? null : "sni-only"
  }

  lifecycle {
    precondition {
      condition     = try(strcontains(var.domain.certificate_arn, ":acm:us-east-1:"), true) # without a domain, it has none
      error_message = "domain.certificate_arn must be a certificate in us-east-1, because CloudFront accepts no others."
    }
  }
}

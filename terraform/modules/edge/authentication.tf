# Which tokens the API accepts.

# Programs get tokens by client credentials; nobody signs up. Clients are created by the command in the outputs, so that
# their secrets are not in the state. They are deleted with the pool.
resource "aws_cognito_user_pool" "this" {
  count = local.cognito ? 1 : 0

  name                = var.context.name
  deletion_protection = var.context.deletion_protection ? "ACTIVE" : "INACTIVE"

  admin_create_user_config {
    allow_admin_create_user_only = true
  }
}

# Domain of the token endpoint. It must be unique among all accounts of a region.
resource "aws_cognito_user_pool_domain" "this" {
  count = local.cognito ? 1 : 0

  domain       = "${var.context.name}-${var.context.account_id}"
  user_pool_id = aws_cognito_user_pool.this[0].id
}

resource "aws_cognito_resource_server" "api" {
  count = local.cognito ? 1 : 0

  identifier   = var.context.name
  name         = var.context.name
  user_pool_id = aws_cognito_user_pool.this[0].id

  dynamic "scope" {
    for_each = local.scopes

    content {
      scope_name        = scope.value
      scope_description = "Scope ${scope.value} of the API"
    }
  }
}

locals {
  cognito = var.jwt == null && !var.anonymous
  scopes  = ["users.read", "users.write"]

  token_issuer   = local.cognito ? "https://${aws_cognito_user_pool.this[0].endpoint}" : one(var.jwt[*].authority)
  token_endpoint = one([for domain in aws_cognito_user_pool_domain.this : "https://${domain.domain}.auth.${var.context.region}.amazoncognito.com/oauth2/token"])

  access_settings = merge(
    var.anonymous ? { Authentication__AllowAnonymous = "true" } : { Authentication__Schemes__Bearer__Authority = local.token_issuer },
    { for index, audience in var.jwt == null ? [] : var.jwt.audiences : "Authentication__Schemes__Bearer__ValidAudiences__${index}" => audience },

    # Cognito's access tokens have no audience; their scopes name the resource server instead.
    local.cognito ? { Authentication__AnyAudience = "true", Authentication__ScopePrefix = "${aws_cognito_resource_server.api[0].identifier}/" } : {},
  )

  # Each proxy appends the address that it sees to X-Forwarded-For, so with N proxies the caller's address is the Nth from the end.
  # CloudFront's public addresses change, so trusted proxies are counted, not listed. That is enough, because only CloudFront can
  # connect to the load balancer, and only the load balancer to the API.
  forwarding_settings = {
    ForwardedHeaders__Hops        = local.cloudfront ? "2" : "1"
    ForwardedHeaders__Networks__0 = local.cloudfront ? "0.0.0.0/0" : var.vpc_cidr
  }
}

locals {
  negotiation_headers = ["Accept"]
  hint_headers        = var.client_hints ? ["Sec-CH-DPR", "DPR", "Sec-CH-Width", "Width"] : []

  # What the service names in Vary, and nothing else: every header here multiplies what the edge has to keep.
  key_headers = concat(length(var.negotiated_formats) > 0 ? local.negotiation_headers : [], local.hint_headers)

  images_path = "${var.path_prefix}/images/*"

  # One behaviour takes the query dialect, the other all the rest, whose queries mean nothing.
  policies = {
    paths  = { query = "none", parameters = [] }
    images = var.query_allow_list == "policy" ? { query = "whitelist", parameters = var.query_parameters } : { query = "all", parameters = [] }
  }

  origin_id = "service"
}

resource "aws_cloudfront_cache_policy" "this" {
  for_each = local.policies

  name        = "${var.name}-${each.key}"
  comment     = "${var.name}: what makes a picture another picture"
  min_ttl     = 0
  default_ttl = 0 # an answer that says nothing about its lifetime is not kept
  max_ttl     = var.max_ttl

  parameters_in_cache_key_and_forwarded_to_origin {
    # Pictures are compressed already; both would only add Accept-Encoding to the key.
    enable_accept_encoding_brotli = false
    enable_accept_encoding_gzip   = false

    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = length(local.key_headers) > 0 ? "whitelist" : "none"

      dynamic "headers" {
        for_each = length(local.key_headers) > 0 ? [local.key_headers] : []

        content {
          items = headers.value
        }
      }
    }

    query_strings_config {
      query_string_behavior = each.value.query

      dynamic "query_strings" {
        for_each = each.value.query == "whitelist" ? [each.value.parameters] : []

        content {
          items = query_strings.value
        }
      }
    }
  }
}

resource "aws_cloudfront_origin_request_policy" "this" {
  name    = "${var.name}-origin"
  comment = "${var.name}: what the service sees beyond the cache key"

  cookies_config {
    cookie_behavior = "none"
  }

  headers_config {
    header_behavior = length(var.forwarded_headers) > 0 ? "whitelist" : "none"

    dynamic "headers" {
      for_each = length(var.forwarded_headers) > 0 ? [var.forwarded_headers] : []

      content {
        items = headers.value
      }
    }
  }

  query_strings_config {
    query_string_behavior = "none" # those of the cache key are forwarded anyway
  }
}

resource "aws_cloudfront_response_headers_policy" "this" {
  #checkov:skip=CKV_AWS_259:HSTS is sent for two years; subdomains and preload are for the owner of the domain to say, not for its pictures

  name    = "${var.name}-viewers"
  comment = "${var.name}: what viewers see beyond what the service says"

  security_headers_config {
    content_type_options {
      override = true
    }

    strict_transport_security {
      access_control_max_age_sec = 63072000
      include_subdomains         = false
      preload                    = false
      override                   = true
    }

    # The service's own policy (default-src 'none') stands; this is for answers that are not the service's.
    content_security_policy {
      content_security_policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
      override                = false
    }
  }

  dynamic "remove_headers_config" {
    for_each = length(var.hidden_headers) > 0 ? [var.hidden_headers] : []

    content {
      dynamic "items" {
        for_each = toset(remove_headers_config.value)

        content {
          header = items.value
        }
      }
    }
  }

  dynamic "server_timing_headers_config" {
    for_each = var.server_timing_percent > 0 ? [var.server_timing_percent] : []

    content {
      enabled       = true
      sampling_rate = server_timing_headers_config.value
    }
  }
}

resource "aws_cloudfront_function" "viewer_request" {
  name    = "${var.name}-viewer-request"
  comment = "${var.name}: few spellings of one request, so that they share one cache entry"
  runtime = "cloudfront-js-2.0"
  publish = true

  code = templatefile("${path.module}/viewer-request.js", {
    formats      = jsonencode(var.negotiated_formats)
    parameters   = jsonencode(var.query_parameters)
    mount        = jsonencode("${var.path_prefix}/images/")
    client_hints = jsonencode(var.client_hints)
  })
}

resource "aws_cloudfront_public_key" "this" {
  for_each = var.signing_public_keys

  name        = "${var.name}-${each.key}"
  comment     = "${var.name}: verifies signed URLs"
  encoded_key = each.value

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudfront_key_group" "this" {
  count = length(var.signing_public_keys) > 0 ? 1 : 0

  name    = "${var.name}-signers"
  comment = "${var.name}: whose signed URLs are served"
  items   = [for key in aws_cloudfront_public_key.this : key.id]
}

resource "aws_cloudfront_vpc_origin" "this" {
  count = var.vpc_origin ? 1 : 0

  tags = var.tags

  vpc_origin_endpoint_config {
    name                   = var.name
    arn                    = var.vpc_origin_arn
    http_port              = 80
    https_port             = 443
    origin_protocol_policy = "https-only"

    origin_ssl_protocols {
      items    = ["TLSv1.2"]
      quantity = 1
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_86:Access logs are delivered by aws_cloudwatch_log_delivery below, which needs no ACLs; the check knows the older kind only
  #checkov:skip=CKV_AWS_305:There is no page here; / is the service's to answer
  #checkov:skip=CKV_AWS_310:There is one origin: pods in several zones behind a load balancer
  #checkov:skip=CKV_AWS_374:Pictures are for whoever the operator wants; var.blocked_countries
  #checkov:skip=CKV2_AWS_47:modules/waf has the known bad inputs, Log4j among them, in a dynamic block that the check does not read

  comment         = var.name
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = var.price_class
  aliases         = var.aliases
  web_acl_id      = var.web_acl_arn
  tags            = var.tags

  origin {
    origin_id           = local.origin_id
    domain_name         = var.origin_domain_name
    connection_attempts = 2
    connection_timeout  = 3

    dynamic "custom_header" {
      for_each = var.origin_header_names

      content {
        name  = custom_header.value
        value = var.origin_headers[custom_header.value]
      }
    }

    dynamic "vpc_origin_config" {
      for_each = aws_cloudfront_vpc_origin.this

      content {
        vpc_origin_id            = vpc_origin_config.value.id
        origin_keepalive_timeout = var.origin_keepalive_seconds
        origin_read_timeout      = var.origin_read_seconds
      }
    }

    dynamic "custom_origin_config" {
      for_each = var.vpc_origin ? [] : [true]

      content {
        http_port                = 80
        https_port               = 443
        origin_protocol_policy   = "https-only"
        origin_ssl_protocols     = ["TLSv1.2"]
        origin_keepalive_timeout = var.origin_keepalive_seconds
        origin_read_timeout      = var.origin_read_seconds
      }
    }

    dynamic "origin_shield" {
      for_each = var.origin_shield_region == null ? [] : [var.origin_shield_region]

      content {
        enabled              = true
        origin_shield_region = origin_shield.value
      }
    }
  }

  # Which response header carries the tags: `create-invalidation --paths '#source-…'` then empties one original's pictures.
  dynamic "cache_tag_config" {
    for_each = var.cache_tag_header == null ? [] : [var.cache_tag_header]

    content {
      header_name = cache_tag_config.value
    }
  }

  default_cache_behavior {
    target_origin_id           = local.origin_id
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = false
    cache_policy_id            = aws_cloudfront_cache_policy.this["paths"].id
    origin_request_policy_id   = aws_cloudfront_origin_request_policy.this.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
    trusted_key_groups         = aws_cloudfront_key_group.this[*].id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.viewer_request.arn
    }
  }

  ordered_cache_behavior {
    path_pattern               = local.images_path
    target_origin_id           = local.origin_id
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = false
    cache_policy_id            = aws_cloudfront_cache_policy.this["images"].id
    origin_request_policy_id   = aws_cloudfront_origin_request_policy.this.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
    trusted_key_groups         = aws_cloudfront_key_group.this[*].id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.viewer_request.arn
    }
  }

  # The service says how long its errors may be kept; CloudFront keeps them for at least this long.
  dynamic "custom_error_response" {
    for_each = toset([400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504])

    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 0
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = length(var.blocked_countries) > 0 ? "blacklist" : "none"
      locations        = var.blocked_countries
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arn
    minimum_protocol_version = var.minimum_tls
    ssl_support_method       = "sni-only"
  }

  lifecycle {
    precondition {
      condition     = length(var.signing_public_keys) == 0 || length(setintersection(["Expires", "Signature", "Key-Pair-Id", "Policy"], var.query_parameters)) == 0
      error_message = "CloudFront takes Expires, Policy, Signature and Key-Pair-Id of signed URLs for itself: they are no parameters of the service."
    }
  }
}

resource "aws_cloudfront_monitoring_subscription" "this" {
  count = var.additional_metrics ? 1 : 0

  distribution_id = aws_cloudfront_distribution.this.id

  monitoring_subscription {
    realtime_metrics_subscription_config {
      realtime_metrics_subscription_status = "Enabled"
    }
  }
}

# Access logs (the second kind, without ACLs). CloudFront's log sources live in us-east-1.

resource "aws_cloudwatch_log_delivery_source" "this" {
  count = var.logging ? 1 : 0

  region       = "us-east-1"
  name         = "${var.name}-access"
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this.arn
  tags         = var.tags
}

resource "aws_cloudwatch_log_delivery_destination" "this" {
  count = var.logging ? 1 : 0

  region        = "us-east-1"
  name          = "${var.name}-access"
  output_format = "json"
  tags          = var.tags

  delivery_destination_configuration {
    destination_resource_arn = "${var.log_bucket_arn}/cloudfront"
  }
}

resource "aws_cloudwatch_log_delivery" "this" {
  count = var.logging ? 1 : 0

  region                   = "us-east-1"
  delivery_source_name     = aws_cloudwatch_log_delivery_source.this[0].name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.this[0].arn
  tags                     = var.tags

  s3_delivery_configuration {
    suffix_path                 = "/{DistributionId}/{yyyy}/{MM}/{dd}/{HH}"
    enable_hive_compatible_path = false
  }
}

mock_provider "aws" {}

variables {
  name               = "test"
  aliases            = ["img.example.com"]
  certificate_arn    = "arn:aws:acm:us-east-1:111122223333:certificate/edge"
  origin_domain_name = "origin.example.com"
  logging            = false
}

run "keys_of_the_cache" {
  command = plan

  assert {
    condition     = aws_cloudfront_cache_policy.this["images"].parameters_in_cache_key_and_forwarded_to_origin[0].query_strings_config[0].query_string_behavior == "whitelist"
    error_message = "the query dialect's parameters are an allow-list"
  }

  assert {
    condition     = length(aws_cloudfront_cache_policy.this["images"].parameters_in_cache_key_and_forwarded_to_origin[0].query_strings_config[0].query_strings[0].items) == 27
    error_message = "the allow-list is not what it was"
  }

  assert {
    condition     = aws_cloudfront_cache_policy.this["paths"].parameters_in_cache_key_and_forwarded_to_origin[0].query_strings_config[0].query_string_behavior == "none"
    error_message = "queries of the imgproxy dialect mean nothing"
  }

  assert {
    condition     = aws_cloudfront_cache_policy.this["paths"].parameters_in_cache_key_and_forwarded_to_origin[0].headers_config[0].headers[0].items == toset(["Accept"])
    error_message = "without client hints only Accept is in the key"
  }

  assert {
    condition     = aws_cloudfront_distribution.this.cache_tag_config[0].header_name == "Cache-Tag"
    error_message = "tags are read from Cache-Tag"
  }

  assert {
    condition     = aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
    error_message = "older TLS is not spoken"
  }

  assert {
    condition     = length(aws_cloudfront_key_group.this) == 0
    error_message = "without keys there is no group of them"
  }
}

run "client_hints_are_in_the_key_when_they_are_on" {
  command = plan

  variables {
    client_hints = true
  }

  assert {
    condition     = aws_cloudfront_cache_policy.this["images"].parameters_in_cache_key_and_forwarded_to_origin[0].headers_config[0].headers[0].items == toset(["Accept", "Sec-CH-DPR", "DPR", "Sec-CH-Width", "Width"])
    error_message = "the key is not what the service names in Vary"
  }
}

run "nothing_negotiated_nothing_in_the_key" {
  command = plan

  variables {
    negotiated_formats = []
  }

  assert {
    condition     = aws_cloudfront_cache_policy.this["paths"].parameters_in_cache_key_and_forwarded_to_origin[0].headers_config[0].header_behavior == "none"
    error_message = "no header makes a difference"
  }
}

run "the_function_keeps_the_list_where_the_policy_may_not" {
  command = plan

  variables {
    query_allow_list = "function"
  }

  assert {
    condition     = aws_cloudfront_cache_policy.this["images"].parameters_in_cache_key_and_forwarded_to_origin[0].query_strings_config[0].query_string_behavior == "all"
    error_message = "what the function left goes into the key"
  }

  assert {
    condition     = strcontains(aws_cloudfront_function.viewer_request.code, "\"sharpen\"")
    error_message = "the function does not know the list"
  }
}

run "signed_urls" {
  command = plan

  variables {
    signing_public_keys = { first = "-----BEGIN PUBLIC KEY-----", second = "-----BEGIN PUBLIC KEY-----" }
  }

  assert {
    condition     = length(aws_cloudfront_key_group.this) == 1 && length(aws_cloudfront_public_key.this) == 2
    error_message = "keys make a group"
  }
}

run "vpc_origin" {
  command = plan

  variables {
    vpc_origin           = true
    vpc_origin_arn       = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/test/0"
    origin_shield_region = "eu-central-1"
  }

  assert {
    condition     = length(aws_cloudfront_vpc_origin.this) == 1 && length(one(aws_cloudfront_distribution.this.origin).custom_origin_config) == 0
    error_message = "an internal load balancer is reached through a VPC origin"
  }

  assert {
    condition     = one(aws_cloudfront_distribution.this.origin).origin_shield[0].enabled
    error_message = "the shield is up"
  }
}

run "certificates_of_other_regions_are_refused" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/edge"
  }

  expect_failures = [var.certificate_arn]
}

run "old_tls_is_refused" {
  command = plan

  variables {
    minimum_tls = "TLSv1.1_2016"
  }

  expect_failures = [var.minimum_tls]
}

run "the_signature_stays_in_the_key" {
  command = plan

  variables {
    query_parameters = ["w", "h"]
  }

  expect_failures = [var.query_parameters]
}

run "logging_needs_a_bucket" {
  command = plan

  variables {
    logging = true
  }

  expect_failures = [var.log_bucket_arn]
}

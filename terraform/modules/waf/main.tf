locals {
  region = var.scope == "CLOUDFRONT" ? "us-east-1" : null

  # Sources are in the URL, so pictures look like remote file inclusion to rules made for forms.
  managed_groups = {
    AWSManagedRulesAmazonIpReputationList = []
    AWSManagedRulesKnownBadInputsRuleSet  = []
    AWSManagedRulesCommonRuleSet          = var.counted_common_rules
  }

  # The order in which rules are asked: what is cheap and certain first.
  methods_priority = 0
  rate_priority    = 1
  groups_priority  = { for index, name in sort(keys(local.managed_groups)) : name => 10 + index }
}

resource "aws_wafv2_web_acl" "this" {
  #checkov:skip=CKV_AWS_192:The known bad inputs, Log4j among them, are in local.managed_groups, in a dynamic block that the check does not read

  region      = local.region
  name        = var.name
  description = "What reaches the image service ${var.name}"
  scope       = var.scope
  tags        = var.tags

  default_action {
    allow {}
  }

  rule {
    name     = "methods"
    priority = local.methods_priority

    action {
      block {
        custom_response {
          response_code = 405

          response_header {
            name  = "Allow"
            value = join(", ", var.allowed_methods)
          }
        }
      }
    }

    statement {
      not_statement {
        statement {
          regex_match_statement {
            regex_string = "^(${join("|", var.allowed_methods)})$"

            field_to_match {
              method {}
            }

            text_transformation {
              priority = 0
              type     = "NONE"
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-methods"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "rate"
    priority = local.rate_priority

    action {
      block {
        custom_response {
          response_code = 429

          response_header {
            name  = "Retry-After"
            value = tostring(var.rate_window_seconds)
          }
        }
      }
    }

    statement {
      rate_based_statement {
        aggregate_key_type    = "IP"
        limit                 = var.rate_limit
        evaluation_window_sec = var.rate_window_seconds
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-rate"
      sampled_requests_enabled   = true
    }
  }

  dynamic "rule" {
    for_each = local.managed_groups

    content {
      name     = rule.key
      priority = local.groups_priority[rule.key]

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.key

          dynamic "rule_action_override" {
            for_each = toset(rule.value)

            content {
              name = rule_action_override.value

              action_to_use {
                count {}
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-${rule.key}"
        sampled_requests_enabled   = true
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }
}

resource "aws_cloudwatch_log_group" "this" {
  region            = local.region
  name              = "aws-waf-logs-${var.name}" # WAF writes to groups of this beginning alone
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  region                  = local.region
  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_cloudwatch_log_group.this.arn]

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }

  # What was let through is in CloudFront's own logs.
  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }

      condition {
        action_condition {
          action = "COUNT"
        }
      }
    }
  }
}

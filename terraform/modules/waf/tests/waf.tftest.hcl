mock_provider "aws" {}

variables {
  name = "test"
}

run "rules" {
  command = plan

  assert {
    condition     = toset(aws_wafv2_web_acl.this.rule[*].name) == toset(["methods", "rate", "AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"])
    error_message = "there are other rules than there were"
  }

  assert {
    condition     = length(toset(aws_wafv2_web_acl.this.rule[*].priority)) == length(aws_wafv2_web_acl.this.rule)
    error_message = "priorities differ"
  }

  assert {
    condition     = one([for rule in aws_wafv2_web_acl.this.rule : rule if rule.name == "methods"]).statement[0].not_statement[0].statement[0].regex_match_statement[0].regex_string == "^(GET|HEAD|OPTIONS)$"
    error_message = "pictures are asked for with GET, HEAD and OPTIONS"
  }

  assert {
    condition     = aws_wafv2_web_acl.this.region == "us-east-1"
    error_message = "CloudFront's web ACLs live in us-east-1"
  }
}

run "methods_are_words" {
  command = plan

  variables {
    allowed_methods = ["GET|.*"]
  }

  expect_failures = [var.allowed_methods]
}

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }

  mock_data "aws_ec2_managed_prefix_list" {
    defaults = { id = "pl-0" }
  }
}

variables {
  name                  = "test"
  cluster_name          = "test"
  vpc_id                = "vpc-0"
  subnet_ids            = ["subnet-a", "subnet-b"]
  pod_security_group_id = "sg-0"
  certificate_arn       = "arn:aws:acm:eu-central-1:111122223333:certificate/origin"
  log_bucket            = "logs"
}

run "internal" {
  command = apply

  assert {
    condition     = aws_lb.this.internal && aws_vpc_security_group_ingress_rule.cloudfront.prefix_list_id == "pl-0"
    error_message = "CloudFront alone comes in"
  }

  assert {
    condition     = aws_lb_listener.https.default_action[0].type == "forward"
    error_message = "what comes in reaches the pods"
  }

  assert {
    condition     = length([for one in jsondecode(aws_iam_role_policy.controller.policy).Statement : one if one.Sid == "RegisterPods" && one.Resource == aws_lb_target_group.this.arn]) == 1
    error_message = "the controller touches one target group"
  }

  assert {
    condition     = yamldecode(output.target_group_binding).spec.targetType == "ip"
    error_message = "pods are targets by their address"
  }
}

run "on_the_internet_a_header_is_required" {
  command = plan

  variables {
    internal              = false
    required_header_name  = "X-Origin-Verify"
    required_header_value = "0123456789abcdef0123456789abcdef"
  }

  assert {
    condition     = aws_lb_listener.https.default_action[0].type == "fixed-response" && length(aws_lb_listener_rule.by_header) == 1
    error_message = "without the header nothing is served"
  }
}

run "on_the_internet_without_a_header" {
  command = plan

  variables {
    internal = false
  }

  expect_failures = [var.required_header_name]
}

run "short_secrets_are_refused" {
  command = plan

  variables {
    required_header_name  = "X-Origin-Verify"
    required_header_value = "short"
  }

  expect_failures = [var.required_header_value]
}

# Plans the whole composition with a mocked provider: every expression is evaluated, nothing is asked of AWS.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }

  mock_data "aws_ec2_managed_prefix_list" {
    defaults = { id = "pl-0123456789abcdef0" }
  }
}

variables {
  region                  = "eu-central-1"
  bucket_prefix           = "example"
  vpc_id                  = "vpc-0123456789abcdef0"
  private_subnet_ids      = ["subnet-a", "subnet-b", "subnet-c"]
  private_route_table_ids = ["rtb-a", "rtb-b", "rtb-c"]
  cluster_name            = "example"
  pod_security_group_id   = "sg-0123456789abcdef0"
  domain_name             = "img.example.com"
  edge_certificate_arn    = "arn:aws:acm:us-east-1:111122223333:certificate/edge"
  origin_domain_name      = "imgproxy.internal.example.com"
  origin_certificate_arn  = "arn:aws:acm:eu-central-1:111122223333:certificate/origin"
  imgproxy_secret         = "not-a-secret-at-all"
  redis_password          = "not-a-password-at-all"
}

run "as_it_comes" {
  command = apply

  assert {
    condition     = output.settings.IMGPROXY_RESULT_STORE == "s3://example-imgproxy-prod-results/pictures"
    error_message = "the store of results is not where the role may write"
  }

  assert {
    condition     = startswith(output.settings.IMGPROXY_REDIS_URL, "rediss://imgproxy@")
    error_message = "Redis is to be reached over TLS, as the service's own user"
  }

  assert {
    condition     = length(output.service_account_annotations) == 0
    error_message = "pod identity needs no annotation"
  }

  assert {
    condition     = length(output.alarms) == 16
    error_message = "there are other alarms than there were: ${join(", ", output.alarms)}"
  }

  assert {
    condition     = strcontains(output.invalidation_command, "#source-")
    error_message = "invalidation is to be by tag"
  }
}

run "serverless_cache" {
  command = plan

  variables {
    serverless_cache = true
  }

  assert {
    condition     = contains(output.alarms, "imgproxy-prod-cache-bytes") && !contains(output.alarms, "imgproxy-prod-cache-memory-imgproxy-prod-001")
    error_message = "a serverless cache has an alarm of its own"
  }
}

run "irsa" {
  command = apply

  variables {
    oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE"
  }

  assert {
    condition     = length(output.service_account_annotations) == 1
    error_message = "IRSA needs its annotation"
  }
}

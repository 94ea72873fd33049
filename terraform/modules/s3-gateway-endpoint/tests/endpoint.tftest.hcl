mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name              = "test"
  vpc_id            = "vpc-0"
  route_table_ids   = ["rtb-0"]
  read_bucket_arns  = ["arn:aws:s3:::o"]
  write_bucket_arns = ["arn:aws:s3:::r"]
}

run "least_privilege" {
  command = plan

  assert {
    condition = alltrue([
      for one in jsondecode(aws_vpc_endpoint.s3.policy).Statement :
      !contains(one.Action, "s3:PutObject") || tolist(one.Resource) == tolist(["arn:aws:s3:::r/*"])
    ])
    error_message = "only results are written through the endpoint"
  }

  assert {
    condition = alltrue([
      for one in jsondecode(aws_vpc_endpoint.s3.policy).Statement :
      one.Sid == "PullImageLayers" || try(one.Condition.StringEquals["aws:PrincipalAccount"], "") == "111122223333"
    ])
    error_message = "only this account's principals use the endpoint"
  }
}

run "without_ecr" {
  command = plan

  variables {
    allow_ecr_layers = false
  }

  assert {
    condition     = !strcontains(aws_vpc_endpoint.s3.policy, "starport")
    error_message = "no image layers"
  }
}

run "a_route_is_needed" {
  command = plan

  variables {
    route_table_ids = []
  }

  expect_failures = [var.route_table_ids]
}

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name                  = "test"
  cluster_name          = "test"
  namespace             = "imgproxy"
  service_account       = "imgproxy-py"
  originals_bucket_arns = ["arn:aws:s3:::o"]
  originals_prefix      = "public/"
  results_bucket_arn    = "arn:aws:s3:::r"
  results_prefix        = "pictures/"
}

run "no_more_than_needed" {
  command = plan

  assert {
    condition = alltrue([
      for one in jsondecode(aws_iam_role_policy.service.policy).Statement : alltrue([
        for action in one.Action : !strcontains(action, "*")
      ])
    ])
    error_message = "actions are named one by one"
  }

  assert {
    condition = alltrue([
      for one in jsondecode(aws_iam_role_policy.service.policy).Statement : !contains(one.Resource, "*")
    ])
    error_message = "every statement names its resources"
  }

  assert {
    condition = alltrue([
      for one in jsondecode(aws_iam_role_policy.service.policy).Statement :
      !contains(one.Action, "s3:PutObject") || tolist(one.Resource) == tolist(["arn:aws:s3:::r/pictures/*"])
    ])
    error_message = "nothing but results is written"
  }

  assert {
    condition     = toset([for one in jsondecode(aws_iam_role_policy.service.policy).Statement : one.Sid]) == toset(["ReadOriginals", "ReadAndWriteResults", "TellMissingFromForbidden"])
    error_message = "there is more than was asked for"
  }

  assert {
    condition     = jsondecode(aws_iam_role.service.assume_role_policy).Statement[0].Condition.StringEquals["aws:RequestTag/kubernetes-service-account"] == "imgproxy-py"
    error_message = "only the service's pods take the role"
  }

  assert {
    condition     = length(aws_eks_pod_identity_association.service) == 1
    error_message = "pod identity needs its association"
  }
}

run "irsa" {
  command = plan

  variables {
    oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/id/A"
  }

  assert {
    condition     = jsondecode(aws_iam_role.service.assume_role_policy).Statement[0].Condition.StringEquals["oidc.example.com/id/A:sub"] == "system:serviceaccount:imgproxy:imgproxy-py"
    error_message = "only the service's account takes the role"
  }

  assert {
    condition     = length(aws_eks_pod_identity_association.service) == 0
    error_message = "IRSA needs no association"
  }
}

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
}

variables {
  name_prefix = "test"
}

run "private" {
  command = plan

  assert {
    condition     = toset(keys(aws_s3_bucket.this)) == toset(["originals", "results", "uploads"])
    error_message = "three buckets"
  }

  assert {
    condition = alltrue([
      for one in aws_s3_bucket_public_access_block.this :
      one.block_public_acls && one.block_public_policy && one.ignore_public_acls && one.restrict_public_buckets
    ])
    error_message = "all four doors are shut"
  }

  assert {
    condition     = alltrue([for one in aws_s3_bucket_ownership_controls.this : one.rule[0].object_ownership == "BucketOwnerEnforced"])
    error_message = "no ACLs"
  }

  assert {
    condition     = alltrue([for one in aws_s3_bucket_versioning.this : one.versioning_configuration[0].status == "Enabled"])
    error_message = "versions are kept"
  }

  assert {
    condition = alltrue([
      for role, one in aws_s3_bucket_policy.this : contains([
        for statement in jsondecode(one.policy).Statement : statement.Effect if try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"
      ], "Deny")
    ])
    error_message = "nothing without TLS"
  }
}

run "lifecycle" {
  command = plan

  assert {
    condition     = contains(aws_s3_bucket_lifecycle_configuration.this["results"].rule[*].id, "end-of-life") && !contains(aws_s3_bucket_lifecycle_configuration.this["originals"].rule[*].id, "end-of-life")
    error_message = "results end, originals do not"
  }
}

run "without_logs" {
  command = plan

  variables {
    logs_bucket = false
  }

  assert {
    condition     = length(aws_s3_bucket.logs) == 0 && length(aws_s3_bucket_logging.this) == 0
    error_message = "no bucket, no logs"
  }
}

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
}

variables {
  name        = "test"
  bucket_name = "o"
  bucket_arn  = "arn:aws:s3:::o"
}

run "only_the_bucket_sends" {
  command = apply

  assert {
    condition     = one([for one in jsondecode(aws_sqs_queue_policy.this["events"].policy).Statement : one.Condition.ArnEquals["aws:SourceArn"] if one.Effect == "Allow"]) == "arn:aws:s3:::o"
    error_message = "only the bucket may send"
  }

  assert {
    condition     = length([for one in jsondecode(aws_sqs_queue_policy.this["dead"].policy).Statement : one if one.Effect == "Allow"]) == 0
    error_message = "nobody sends to the dead letters but SQS"
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.events.redrive_policy).maxReceiveCount == 5
    error_message = "after five times it is a dead letter"
  }

  assert {
    condition     = aws_sqs_queue.events.sqs_managed_sse_enabled && aws_sqs_queue.dead.sqs_managed_sse_enabled
    error_message = "messages are encrypted"
  }
}

output "names" {
  description = "Names of the buckets by role: originals, results, uploads."
  value       = { for role, bucket in aws_s3_bucket.this : role => bucket.bucket }
}

output "arns" {
  description = "ARNs of the buckets by role: originals, results, uploads."
  value       = { for role, bucket in aws_s3_bucket.this : role => "arn:aws:s3:::${bucket.bucket}" }
}

output "logs_bucket" {
  description = "Name of the bucket of logs, null if there is none. Known once its policy is in place."
  value       = one(aws_s3_bucket_policy.logs[*].bucket)
}

output "logs_bucket_arn" {
  description = "ARN of the bucket of logs, null if there is none."
  value       = var.logs_bucket ? local.arns["logs"] : null
}

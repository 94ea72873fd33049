output "distribution_id" {
  description = "Id of the distribution, for invalidations and alarms."
  value       = aws_cloudfront_distribution.this.id
}

output "distribution_arn" {
  description = "ARN of the distribution, for the role that invalidates."
  value       = aws_cloudfront_distribution.this.arn
}

output "domain_name" {
  description = "CloudFront's own name for the distribution: where the host names point."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "hosted_zone_id" {
  description = "Zone of that name, for alias records of Route 53."
  value       = aws_cloudfront_distribution.this.hosted_zone_id
}

output "invalidation_command" {
  description = "How one original's pictures are invalidated."
  value = format(
    "aws cloudfront create-invalidation --distribution-id %s --paths '%s'",
    aws_cloudfront_distribution.this.id,
    var.cache_tag_header == null ? "/the/path*" : "#source-0123456789abcdef",
  )
}

output "redis_url" {
  description = "IMGPROXY_REDIS_URL, without the password, which goes to IMGPROXY_REDIS_PASSWORD."
  value       = one([for address in local.address[*] : "${local.scheme}://${var.user_name}@${address}:${local.port}"])
}

output "security_group_id" {
  description = "Security group of the cache."
  value       = aws_security_group.this.id
}

output "id" {
  description = "Name by which CloudWatch knows the cache: the replication group's or the serverless cache's."
  value       = var.name
}

output "member_clusters" {
  description = "Nodes by which CloudWatch knows a replication group; none if serverless. Known before they are made."
  value       = var.serverless ? [] : [for index in range(var.nodes) : format("%s-%03d", var.name, index + 1)]
}

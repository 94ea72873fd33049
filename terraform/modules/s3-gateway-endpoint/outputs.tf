output "id" {
  description = "Id of the endpoint."
  value       = aws_vpc_endpoint.s3.id
}

output "prefix_list_id" {
  description = "Prefix list of S3 in this region, for egress rules of security groups."
  value       = aws_vpc_endpoint.s3.prefix_list_id
}

output "role_arn" {
  description = "ARN of the role."
  value       = aws_iam_role.service.arn
}

output "role_name" {
  description = "Name of the role."
  value       = aws_iam_role.service.name
}

output "service_account_annotations" {
  description = "Annotations that the service account needs: one for IRSA, none for pod identity."
  value       = local.irsa ? { "eks.amazonaws.com/role-arn" = aws_iam_role.service.arn } : {}
}

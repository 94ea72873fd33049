output "arn" {
  description = "ARN of the load balancer, for the VPC origin."
  value       = aws_lb.this.arn
}

output "arn_suffix" {
  description = "What CloudWatch calls the load balancer."
  value       = aws_lb.this.arn_suffix
}

output "dns_name" {
  description = "Host name of the load balancer."
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "Zone of that name, for alias records."
  value       = aws_lb.this.zone_id
}

output "listener_arn" {
  description = "ARN of the HTTPS listener."
  value       = aws_lb_listener.https.arn
}

output "target_group_arn" {
  description = "ARN of the target group, for the TargetGroupBinding."
  value       = aws_lb_target_group.this.arn
}

output "target_group_arn_suffix" {
  description = "What CloudWatch calls the target group."
  value       = aws_lb_target_group.this.arn_suffix
}

output "controller_role_arn" {
  description = "Role of the load balancer controller."
  value       = aws_iam_role.controller.arn
}

output "target_group_binding" {
  description = "The manifest that binds the service's pods to the load balancer, but for namespace and service."
  value = yamlencode({
    apiVersion = "elbv2.k8s.aws/v1beta1"
    kind       = "TargetGroupBinding"
    metadata   = { name = var.name }
    spec = {
      serviceRef     = { name = var.name, port = "http" }
      targetGroupARN = aws_lb_target_group.this.arn
      targetType     = "ip"
    }
  })
}

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

data "aws_ec2_managed_prefix_list" "cloudfront" {
  name = "com.amazonaws.global.cloudfront.origin-facing"
}

locals {
  region      = data.aws_region.current.region
  account_id  = data.aws_caller_identity.current.account_id
  https_port  = 443
  by_header   = var.required_header_name != null
  cluster_arn = "arn:aws:eks:${local.region}:${local.account_id}:cluster/${var.cluster_name}"
}

# The load balancer: CloudFront comes in, pods are reached, and nothing else.

resource "aws_security_group" "alb" {
  name        = "${var.name}-alb"
  description = "Load balancer of ${var.name}: CloudFront in, pods out"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-alb" })
}

resource "aws_vpc_security_group_ingress_rule" "cloudfront" {
  security_group_id = aws_security_group.alb.id
  description       = "HTTPS from CloudFront"
  ip_protocol       = "tcp"
  from_port         = local.https_port
  to_port           = local.https_port
  prefix_list_id    = data.aws_ec2_managed_prefix_list.cloudfront.id
}

resource "aws_vpc_security_group_egress_rule" "pods" {
  security_group_id            = aws_security_group.alb.id
  description                  = "Pictures from the pods"
  ip_protocol                  = "tcp"
  from_port                    = var.pod_port
  to_port                      = var.pod_port
  referenced_security_group_id = var.pod_security_group_id
}

resource "aws_vpc_security_group_ingress_rule" "pods" {
  security_group_id            = var.pod_security_group_id
  description                  = "${var.name}: from its load balancer"
  ip_protocol                  = "tcp"
  from_port                    = var.pod_port
  to_port                      = var.pod_port
  referenced_security_group_id = aws_security_group.alb.id
}

resource "aws_lb" "this" {
  name                       = var.name
  internal                   = var.internal
  load_balancer_type         = "application"
  subnets                    = var.subnet_ids
  security_groups            = [aws_security_group.alb.id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "defensive"
  enable_deletion_protection = var.deletion_protection
  idle_timeout               = var.idle_timeout_seconds
  client_keep_alive          = 3600
  tags                       = var.tags

  dynamic "access_logs" {
    for_each = var.logging ? [var.log_bucket] : []

    content {
      bucket  = access_logs.value
      prefix  = "alb"
      enabled = true
    }
  }
}

resource "aws_lb_target_group" "this" {
  name                          = var.name
  port                          = var.pod_port
  protocol                      = "HTTP"
  target_type                   = "ip"
  vpc_id                        = var.vpc_id
  load_balancing_algorithm_type = "least_outstanding_requests" # pictures differ in how long they take
  deregistration_delay          = var.drain_seconds
  tags                          = var.tags

  health_check {
    path                = "/ready"
    matcher             = "200"
    interval            = 5
    timeout             = 3
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = local.https_port
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn
  tags              = var.tags

  dynamic "default_action" {
    for_each = local.by_header ? [] : [true]

    content {
      type             = "forward"
      target_group_arn = aws_lb_target_group.this.arn
    }
  }

  dynamic "default_action" {
    for_each = local.by_header ? [true] : []

    content {
      type = "fixed-response"

      fixed_response {
        status_code  = "403"
        content_type = "text/plain"
        message_body = "forbidden"
      }
    }
  }
}

# A load balancer on the Internet is open to every distribution there is: a shared secret tells ours from theirs.
resource "aws_lb_listener_rule" "by_header" {
  count = local.by_header ? 1 : 0

  listener_arn = aws_lb_listener.https.arn
  priority     = 1
  tags         = var.tags

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }

  condition {
    http_header {
      http_header_name = var.required_header_name
      values           = [var.required_header_value]
    }
  }
}

# What the cluster needs.

resource "aws_eks_addon" "this" {
  for_each = var.addons

  cluster_name                = var.cluster_name
  addon_name                  = each.key
  addon_version               = each.value.version
  configuration_values        = each.value.configuration
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"
  tags                        = var.tags
}

# The load balancer controller only binds pods to the target group above (TargetGroupBinding): it makes nothing, so its
# role lets it make nothing.

resource "aws_iam_role" "controller" {
  name                 = "${var.name}-lb-controller"
  description          = "AWS Load Balancer Controller of ${var.cluster_name}: registers pods as targets"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account_id }
        ArnEquals    = { "aws:SourceArn" = local.cluster_arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "controller" {
  name = "targets"
  role = aws_iam_role.controller.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "RegisterPods"
        Effect   = "Allow"
        Action   = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"]
        Resource = aws_lb_target_group.this.arn
      },
      {
        # These know no resources.
        Sid    = "LookAround"
        Effect = "Allow"
        Action = [
          "ec2:DescribeAvailabilityZones",
          "ec2:DescribeInstances",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcs",
          "elasticloadbalancing:DescribeListeners",
          "elasticloadbalancing:DescribeLoadBalancers",
          "elasticloadbalancing:DescribeTags",
          "elasticloadbalancing:DescribeTargetGroupAttributes",
          "elasticloadbalancing:DescribeTargetGroups",
          "elasticloadbalancing:DescribeTargetHealth",
        ]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestedRegion" = local.region } }
      },
    ]
  })
}

resource "aws_eks_pod_identity_association" "controller" {
  cluster_name    = var.cluster_name
  namespace       = "kube-system"
  service_account = "aws-load-balancer-controller"
  role_arn        = aws_iam_role.controller.arn
  tags            = var.tags
}

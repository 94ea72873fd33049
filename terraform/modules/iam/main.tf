data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  region      = data.aws_region.current.region
  account_id  = data.aws_caller_identity.current.account_id
  irsa        = var.oidc_provider_arn != null
  issuer      = local.irsa ? split("oidc-provider/", var.oidc_provider_arn)[1] : ""
  subject     = "system:serviceaccount:${var.namespace}:${var.service_account}"
  cluster_arn = "arn:aws:eks:${local.region}:${local.account_id}:cluster/${var.cluster_name}"

  trust_irsa = {
    Effect    = "Allow"
    Principal = { Federated = var.oidc_provider_arn }
    Action    = ["sts:AssumeRoleWithWebIdentity"]
    Condition = { StringEquals = { "${local.issuer}:sub" = local.subject, "${local.issuer}:aud" = "sts.amazonaws.com" } }
  }

  trust_pod_identity = {
    Effect    = "Allow"
    Principal = { Service = "pods.eks.amazonaws.com" }
    Action    = ["sts:AssumeRole", "sts:TagSession"]
    Condition = {
      StringEquals = {
        "aws:SourceAccount"                         = local.account_id
        "aws:RequestTag/kubernetes-namespace"       = var.namespace
        "aws:RequestTag/kubernetes-service-account" = var.service_account
      }
      ArnEquals = { "aws:SourceArn" = local.cluster_arn }
    }
  }

  written = concat(
    var.results_bucket_arn == null ? [] : [{ arn = var.results_bucket_arn, prefix = var.results_prefix }],
    var.uploads_bucket_arn == null ? [] : [{ arn = var.uploads_bucket_arn, prefix = "" }],
  )

  read_only = [for arn in var.originals_bucket_arns : { arn = arn, prefix = var.originals_prefix }]

  statements = concat(
    [
      {
        Sid      = "ReadOriginals"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = [for one in local.read_only : "${one.arn}/${one.prefix}*"]
      },
    ],
    length(local.written) == 0 ? [] : [
      {
        Sid      = "ReadAndWriteResults"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        Resource = [for one in local.written : "${one.arn}/${one.prefix}*"]
      },
    ],
    var.tell_missing_from_forbidden ? [
      {
        # Without this S3 answers 403 instead of 404 to whoever asks for what is not there, and every miss in the
        # store of results would look like a failure of it.
        Sid      = "TellMissingFromForbidden"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = distinct([for one in concat(local.read_only, local.written) : one.arn])
      },
    ] : [],
    var.queue_arn == null ? [] : [
      {
        Sid      = "TakeEvents"
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
        Resource = [var.queue_arn]
      },
    ],
    var.distribution_arn == null ? [] : [
      {
        Sid      = "EmptyTheEdge"
        Effect   = "Allow"
        Action   = ["cloudfront:CreateInvalidation"]
        Resource = [var.distribution_arn]
      },
    ],
    length(var.kms_key_arns) == 0 ? [] : [
      {
        Sid       = "OpenAndSealObjects"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = var.kms_key_arns
        Condition = { StringEquals = { "kms:ViaService" = ["s3.${local.region}.amazonaws.com", "sqs.${local.region}.amazonaws.com"] } }
      },
    ],
  )
}

resource "aws_iam_role" "service" {
  name                 = var.name
  description          = "imgproxy_py in ${var.namespace}/${var.service_account}: reads originals, keeps results"
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  # Two encoded texts, not two objects: the shapes differ.
  assume_role_policy = local.irsa ? jsonencode({
    Version   = "2012-10-17"
    Statement = [local.trust_irsa]
    }) : jsonencode({
    Version   = "2012-10-17"
    Statement = [local.trust_pod_identity]
  })
}

resource "aws_iam_role_policy" "service" {
  name = "service"
  role = aws_iam_role.service.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.statements
  })
}

resource "aws_eks_pod_identity_association" "service" {
  count = local.irsa ? 0 : 1

  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.service.arn
  tags            = var.tags
}

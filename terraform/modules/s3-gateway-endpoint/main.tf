data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  region     = data.aws_region.current.region
  account_id = data.aws_caller_identity.current.account_id

  statements = concat(
    [
      {
        Sid       = "ListOwnBuckets"
        Effect    = "Allow"
        Principal = "*"
        Action    = ["s3:ListBucket"]
        Resource  = distinct(concat(var.read_bucket_arns, var.write_bucket_arns))
        Condition = local.own_principals
      },
      {
        Sid       = "ReadOwnObjects"
        Effect    = "Allow"
        Principal = "*"
        Action    = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource  = [for arn in distinct(concat(var.read_bucket_arns, var.write_bucket_arns)) : "${arn}/*"]
        Condition = local.own_principals
      },
    ],
    length(var.write_bucket_arns) == 0 ? [] : [
      {
        Sid       = "WriteOwnObjects"
        Effect    = "Allow"
        Principal = "*"
        Action    = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource  = [for arn in var.write_bucket_arns : "${arn}/*"]
        Condition = local.own_principals
      },
    ],
    var.allow_ecr_layers ? [
      {
        # ECR hands out the layers of images from a bucket of AWS' own: without this, nodes pull nothing any more.
        Sid       = "PullImageLayers"
        Effect    = "Allow"
        Principal = "*"
        Action    = ["s3:GetObject"]
        Resource  = ["arn:aws:s3:::prod-${local.region}-starport-layer-bucket/*"]
      },
    ] : [],
    length(var.public_read_bucket_arns) == 0 ? [] : [
      {
        Sid       = "ReadOthersObjects"
        Effect    = "Allow"
        Principal = "*"
        Action    = ["s3:GetObject"]
        Resource  = [for arn in var.public_read_bucket_arns : "${arn}/*"]
      },
    ],
  )

  # Credentials of another account, smuggled in, take nothing out through this endpoint.
  own_principals = { StringEquals = { "aws:PrincipalAccount" = local.account_id } }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = var.vpc_id
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.route_table_ids
  tags              = merge(var.tags, { Name = var.name })

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.statements
  })
}

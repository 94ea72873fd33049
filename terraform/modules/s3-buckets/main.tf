data "aws_caller_identity" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id

  # How long the current version of an object lives, in days; 0 for ever.
  expiration_days = {
    originals = 0
    results   = var.results_expiration_days
    uploads   = var.uploads_expiration_days
  }

  buckets = { for role in keys(local.expiration_days) : role => "${var.name_prefix}-${role}" }

  logs_bucket = "${var.name_prefix}-logs"
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_144:Originals are versioned; a copy in another region is the operator's choice, and results can be made again
  #checkov:skip=CKV2_AWS_62:Events of the originals go to the queue of modules/sqs; of results and uploads nobody wants any

  for_each = local.buckets

  bucket        = each.value
  force_destroy = var.force_destroy
  tags          = merge(var.tags, { Role = each.key })
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    id     = "abandoned-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 3
    }
  }

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    # Deleted and replaced results are worth nothing: they can be made again.
    noncurrent_version_expiration {
      noncurrent_days = each.key == "results" ? 1 : var.noncurrent_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = local.expiration_days[each.key] > 0 ? [local.expiration_days[each.key]] : []

    content {
      id     = "end-of-life"
      status = "Enabled"

      filter {}

      expiration {
        days = rule.value
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.tls_only[each.key]
  })

  depends_on = [aws_s3_bucket_public_access_block.this]
}

locals {
  arns = merge(
    { for role, bucket in aws_s3_bucket.this : role => "arn:aws:s3:::${local.buckets[role]}" },
    { logs = "arn:aws:s3:::${local.logs_bucket}" },
  )

  tls_only = {
    for role, arn in local.arns : role => [
      {
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [arn, "${arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "OnlyModernTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [arn, "${arn}/*"]
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
    ]
  }
}

resource "aws_s3_bucket_cors_configuration" "uploads" {
  count = length(var.upload_origins) > 0 ? 1 : 0

  bucket = aws_s3_bucket.this["uploads"].id

  cors_rule {
    allowed_methods = ["PUT", "POST"]
    allowed_origins = var.upload_origins
    allowed_headers = ["Content-Type", "Content-MD5", "x-amz-*"]
    expose_headers  = ["ETag"]
    max_age_seconds = 3600
  }
}

resource "aws_s3_bucket_logging" "this" {
  for_each = var.logs_bucket ? aws_s3_bucket.this : {}

  bucket        = each.value.id
  target_bucket = aws_s3_bucket.logs[0].id
  target_prefix = "s3/${each.key}/"
}

# The bucket of logs: of S3, of the load balancer, of CloudFront. Load balancers write to buckets with SSE-S3 alone.

resource "aws_s3_bucket" "logs" {
  #checkov:skip=CKV_AWS_144:Logs are not worth a second region
  #checkov:skip=CKV_AWS_145:Load balancers write to buckets with SSE-S3 alone
  #checkov:skip=CKV2_AWS_62:Nobody waits for logs

  count = var.logs_bucket ? 1 : 0

  bucket        = local.logs_bucket
  force_destroy = var.force_destroy
  tags          = merge(var.tags, { Role = "logs" })
}

resource "aws_s3_bucket_public_access_block" "logs" {
  count = var.logs_bucket ? 1 : 0

  bucket                  = aws_s3_bucket.logs[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "logs" {
  count = var.logs_bucket ? 1 : 0

  bucket = aws_s3_bucket.logs[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "logs" {
  count = var.logs_bucket ? 1 : 0

  bucket = aws_s3_bucket.logs[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  count = var.logs_bucket ? 1 : 0

  bucket = aws_s3_bucket.logs[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  count = var.logs_bucket ? 1 : 0

  bucket = aws_s3_bucket.logs[0].id

  rule {
    id     = "end-of-life"
    status = "Enabled"

    filter {}

    expiration {
      days = var.logs_expiration_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 3
    }
  }

  depends_on = [aws_s3_bucket_versioning.logs]
}

resource "aws_s3_bucket_policy" "logs" {
  count = var.logs_bucket ? 1 : 0

  bucket = aws_s3_bucket.logs[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.tls_only["logs"], [
      for writer, service in {
        S3            = { principal = "logging.s3.amazonaws.com", prefix = "s3" }
        LoadBalancers = { principal = "logdelivery.elasticloadbalancing.amazonaws.com", prefix = "alb" }
        CloudFront    = { principal = "delivery.logs.amazonaws.com", prefix = "cloudfront" }
        } : {
        Sid       = "LogsOf${writer}"
        Effect    = "Allow"
        Principal = { Service = service.principal }
        Action    = "s3:PutObject"
        Resource  = "${local.arns["logs"]}/${service.prefix}/*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
      }
    ])
  })

  depends_on = [aws_s3_bucket_public_access_block.logs]
}

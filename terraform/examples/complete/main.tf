# Everything that imgproxy_py needs in AWS beside a VPC and an EKS cluster, which are there already.

data "aws_caller_identity" "current" {}

locals {
  name       = "imgproxy-${var.environment}"
  account_id = data.aws_caller_identity.current.account_id
}

resource "aws_kms_key" "this" {
  description             = "${local.name}: objects, cache and logs"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RolesOfThisAccountAsTheirPoliciesSay"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${local.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "LogGroupsOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.region}.amazonaws.com" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:${var.region}:${local.account_id}:log-group:/elasticache/${local.name}/*" } }
      },
    ]
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.this.key_id
}

module "buckets" {
  source = "../../modules/s3-buckets"

  name_prefix    = "${var.bucket_prefix}-${local.name}"
  kms_key_arn    = aws_kms_key.this.arn
  upload_origins = var.upload_origins
}

module "s3_endpoint" {
  source = "../../modules/s3-gateway-endpoint"

  name              = "${local.name}-s3"
  vpc_id            = var.vpc_id
  route_table_ids   = var.private_route_table_ids
  read_bucket_arns  = [module.buckets.arns["originals"]]
  write_bucket_arns = [module.buckets.arns["results"], module.buckets.arns["uploads"]]
}

module "events" {
  source = "../../modules/sqs"

  name        = "${local.name}-events"
  bucket_name = module.buckets.names["originals"]
  bucket_arn  = module.buckets.arns["originals"]
}

module "cache" {
  source = "../../modules/cache"

  name                   = local.name
  vpc_id                 = var.vpc_id
  subnet_ids             = var.private_subnet_ids
  client_security_groups = { pods = var.pod_security_group_id }
  password               = var.redis_password
  password_version       = var.redis_password_version
  serverless             = var.serverless_cache
  kms_key_arn            = aws_kms_key.this.arn
  log_kms_key_arn        = aws_kms_key.this.arn
}

module "balancer" {
  source = "../../modules/alb-eks"

  name                  = local.name
  cluster_name          = var.cluster_name
  vpc_id                = var.vpc_id
  subnet_ids            = var.private_subnet_ids
  pod_security_group_id = var.pod_security_group_id
  certificate_arn       = var.origin_certificate_arn
  log_bucket            = module.buckets.logs_bucket
}

module "waf" {
  source = "../../modules/waf"

  name = local.name
}

module "cdn" {
  source = "../../modules/cdn"

  name                 = local.name
  aliases              = [var.domain_name]
  certificate_arn      = var.edge_certificate_arn
  origin_domain_name   = var.origin_domain_name
  vpc_origin           = true
  vpc_origin_arn       = module.balancer.arn
  origin_shield_region = var.origin_shield_region
  origin_header_names  = ["Authorization"]
  origin_headers       = { Authorization = "Bearer ${var.imgproxy_secret}" }
  query_allow_list     = var.query_allow_list
  negotiated_formats   = ["image/avif", "image/webp"]
  signing_public_keys  = var.signing_public_keys
  web_acl_arn          = module.waf.arn
  log_bucket_arn       = module.buckets.logs_bucket_arn
}

module "role" {
  source = "../../modules/iam"

  name                  = local.name
  cluster_name          = var.cluster_name
  namespace             = var.namespace
  service_account       = var.service_account
  oidc_provider_arn     = var.oidc_provider_arn
  originals_bucket_arns = [module.buckets.arns["originals"]]
  results_bucket_arn    = module.buckets.arns["results"]
  results_prefix        = "pictures/"
  uploads_bucket_arn    = module.buckets.arns["uploads"]
  queue_arn             = module.events.queue_arn
  distribution_arn      = module.cdn.distribution_arn
  kms_key_arns          = [aws_kms_key.this.arn]
}

module "alarms" {
  source = "../../modules/alarms"

  name                     = local.name
  topic_arns               = var.topic_arns
  edge_topic_arns          = var.edge_topic_arns
  distribution_id          = module.cdn.distribution_id
  load_balancer_arn_suffix = module.balancer.arn_suffix
  target_group_arn_suffix  = module.balancer.target_group_arn_suffix
  cache_nodes              = module.cache.member_clusters
  serverless_cache_name    = var.serverless_cache ? module.cache.id : null
  queue_name               = module.events.queue_name
  dead_letter_queue_name   = module.events.dead_letter_queue_name
}

locals {
  port    = 6379
  address = var.serverless ? one(flatten(aws_elasticache_serverless_cache.this[*].endpoint)[*].address) : one(aws_elasticache_replication_group.this[*].primary_endpoint_address)

  # Serverless caches speak the protocol of clusters.
  scheme = var.serverless ? "rediss+cluster" : "rediss"
}

resource "aws_security_group" "this" {
  name        = "${var.name}-cache"
  description = "Valkey of ${var.name}: reached by the service alone, reaches nothing"
  vpc_id      = var.vpc_id
  tags        = merge(var.tags, { Name = "${var.name}-cache" })
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.client_security_groups

  security_group_id            = aws_security_group.this.id
  description                  = "Valkey from ${each.key}"
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = var.serverless ? local.port + 1 : local.port # 6380 serves reads of serverless caches
  referenced_security_group_id = each.value
}

resource "aws_elasticache_user" "service" {
  engine               = "valkey"
  user_id              = "${var.name}-service"
  user_name            = var.user_name
  access_string        = "on ~${var.key_prefix}* resetchannels &${var.key_prefix}* +@all -@admin -@dangerous"
  passwords_wo         = var.password
  passwords_wo_version = var.password_version
  tags                 = var.tags
}

resource "aws_elasticache_user_group" "this" {
  engine        = "valkey"
  user_group_id = var.name
  user_ids      = [aws_elasticache_user.service.user_id]
  tags          = var.tags
}

resource "aws_elasticache_subnet_group" "this" {
  count = var.serverless ? 0 : 1

  name        = var.name
  description = "Private subnets of ${var.name}"
  subnet_ids  = var.subnet_ids
  tags        = var.tags
}

resource "aws_elasticache_parameter_group" "this" {
  count = var.serverless ? 0 : 1

  name        = "${var.name}-${var.parameter_family}"
  description = "A cache: what is least used makes room"
  family      = var.parameter_family
  tags        = var.tags

  parameter {
    name  = "maxmemory-policy"
    value = "allkeys-lfu"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "slow" {
  count = var.serverless ? 0 : 1

  name              = "/elasticache/${var.name}/slow"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV2_AWS_50:Failover is on with two nodes or more, which is the default; the check cannot evaluate var.nodes > 1

  count = var.serverless ? 0 : 1

  replication_group_id       = var.name
  description                = "Finished pictures of ${var.name}"
  engine                     = "valkey"
  engine_version             = var.engine_version
  node_type                  = var.node_type
  num_cache_clusters         = var.nodes
  parameter_group_name       = aws_elasticache_parameter_group.this[0].name
  port                       = local.port
  subnet_group_name          = aws_elasticache_subnet_group.this[0].name
  security_group_ids         = [aws_security_group.this.id]
  user_group_ids             = [aws_elasticache_user_group.this.user_group_id]
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  kms_key_id                 = var.kms_key_arn
  automatic_failover_enabled = var.nodes > 1
  multi_az_enabled           = var.nodes > 1
  auto_minor_version_upgrade = true
  maintenance_window         = var.maintenance_window
  snapshot_retention_limit   = 0 # a cache is filled again, not restored
  apply_immediately          = false
  tags                       = var.tags

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.slow[0].name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "slow-log"
  }
}

resource "aws_elasticache_serverless_cache" "this" {
  count = var.serverless ? 1 : 0

  name                     = var.name
  description              = "Finished pictures of ${var.name}"
  engine                   = "valkey"
  major_engine_version     = split(".", var.engine_version)[0]
  kms_key_id               = var.kms_key_arn
  security_group_ids       = [aws_security_group.this.id]
  subnet_ids               = var.subnet_ids
  user_group_id            = aws_elasticache_user_group.this.user_group_id
  snapshot_retention_limit = 0
  tags                     = var.tags

  cache_usage_limits {
    data_storage {
      maximum = var.serverless_max_gigabytes
      unit    = "GB"
    }

    ecpu_per_second {
      maximum = var.serverless_max_ecpu_per_second
    }
  }
}

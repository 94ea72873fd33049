locals {
  edge = { DistributionId = var.distribution_id, Region = "Global" }
  alb  = { LoadBalancer = var.load_balancer_arn_suffix }
  pods = { LoadBalancer = var.load_balancer_arn_suffix, TargetGroup = var.target_group_arn_suffix }

  # What each alarm looks at. `above` or `below` is the threshold; `missing` is what silence means.
  edge_alarms = {
    edge-5xx = {
      text       = "Share of answers to viewers that are 5xx, in percent", metric = "5xxErrorRate", statistic = "Average",
      comparison = "GreaterThanThreshold", threshold = var.edge_5xx_percent, periods = 5
    }
    edge-origin-unreachable = {
      text      = "Share of answers that are 502: CloudFront cannot talk to the load balancer", metric = "502ErrorRate",
      statistic = "Average", comparison = "GreaterThanThreshold", threshold = var.edge_5xx_percent, periods = 5
    }
    edge-origin-slow = {
      text       = "Share of answers that are 504: the service takes too long", metric = "504ErrorRate", statistic = "Average",
      comparison = "GreaterThanThreshold", threshold = var.edge_5xx_percent, periods = 5
    }
    edge-origin-latency = {
      text       = "Milliseconds to the first byte of what was not in the cache, p95", metric = "OriginLatency", statistic = "p95",
      comparison = "GreaterThanThreshold", threshold = var.latency_seconds * 1000, periods = 10
    }
    edge-hit-rate = {
      text   = "Share of answers out of the edge's cache, in percent: a new spelling of URLs, a key that is too wide?",
      metric = "CacheHitRate", statistic = "Average", comparison = "LessThanThreshold", threshold = var.hit_rate_percent, periods = 30
    }
  }

  alarms = merge(
    {
      alb-5xx = {
        text       = "5xx of the load balancer itself: no pod answered", namespace = "AWS/ApplicationELB",
        metric     = "HTTPCode_ELB_5XX_Count", statistic = "Sum", dimensions = local.alb,
        comparison = "GreaterThanThreshold", threshold = var.origin_5xx_per_minute, periods = 3
      }
      service-5xx = {
        text       = "5xx of the service", namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", statistic = "Sum",
        dimensions = local.pods, comparison = "GreaterThanThreshold", threshold = var.origin_5xx_per_minute, periods = 3
      }
      service-latency = {
        text      = "Seconds that the service takes, p95", namespace = "AWS/ApplicationELB", metric = "TargetResponseTime",
        statistic = "p95", dimensions = local.pods, comparison = "GreaterThanThreshold", threshold = var.latency_seconds, periods = 10
      }
      pods-unhealthy = {
        text       = "Pods that are not ready", namespace = "AWS/ApplicationELB", metric = "UnHealthyHostCount", statistic = "Maximum",
        dimensions = local.pods, comparison = "GreaterThanThreshold", threshold = 0, periods = 10
      }
      pods-healthy = {
        text      = "Pods that are ready: fewer than there should be", namespace = "AWS/ApplicationELB", metric = "HealthyHostCount",
        statistic = "Minimum", dimensions = local.pods, comparison = "LessThanThreshold", threshold = var.least_pods, periods = 3
      }
    },
    { for node in var.cache_nodes : "cache-memory-${node}" => {
      text       = "Memory that Valkey uses, in percent: it evicts from here on", namespace = "AWS/ElastiCache",
      metric     = "DatabaseMemoryUsagePercentage", statistic = "Maximum", dimensions = { CacheClusterId = node },
      comparison = "GreaterThanThreshold", threshold = var.cache_memory_percent, periods = 15
    } },
    { for node in var.cache_nodes : "cache-cpu-${node}" => {
      text       = "CPU of Valkey's engine, in percent", namespace = "AWS/ElastiCache", metric = "EngineCPUUtilization",
      statistic  = "Average", dimensions = { CacheClusterId = node },
      comparison = "GreaterThanThreshold", threshold = 80, periods = 10
    } },
    var.serverless_cache_name == null ? {} : {
      cache-bytes = {
        text       = "Bytes in the serverless cache", namespace = "AWS/ElastiCache", metric = "BytesUsedForCache", statistic = "Maximum",
        dimensions = { clusterId = var.serverless_cache_name }, comparison = "GreaterThanThreshold",
        threshold  = var.serverless_cache_bytes, periods = 15
      }
    },
    var.queue_name == null ? {} : {
      dead-letters = {
        text       = "Object events that could not be handled", namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible",
        statistic  = "Maximum", dimensions = { QueueName = var.dead_letter_queue_name },
        comparison = "GreaterThanThreshold", threshold = 0, periods = 1
      }
      events-late = {
        text       = "Age of the oldest object event, in seconds: pictures of changed originals are stale that long",
        namespace  = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum",
        dimensions = { QueueName = var.queue_name }, comparison = "GreaterThanThreshold", threshold = var.event_age_seconds, periods = 5
      }
    },
  )
}

# CloudFront's metrics are in us-east-1, and an alarm tells only topics of its own region.
resource "aws_cloudwatch_metric_alarm" "edge" {
  for_each = local.edge_alarms

  region              = "us-east-1"
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.text}. Runbook: ${var.runbook_url}"
  namespace           = "AWS/CloudFront"
  metric_name         = each.value.metric
  dimensions          = local.edge
  period              = 60
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = max(1, floor(each.value.periods * 0.8))
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  treat_missing_data  = "notBreaching" # no viewers, no harm
  alarm_actions       = var.edge_topic_arns
  ok_actions          = var.edge_topic_arns
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "${each.value.text}. Runbook: ${var.runbook_url}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  period              = 60
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = max(1, floor(each.value.periods * 0.8))
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  treat_missing_data  = each.key == "pods-healthy" ? "breaching" : "notBreaching"
  alarm_actions       = var.topic_arns
  ok_actions          = var.topic_arns
  tags                = var.tags
}

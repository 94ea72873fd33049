output "settings" {
  description = "Environment of the service's pods. Secrets are not among it: IMGPROXY_KEY, IMGPROXY_SALT, IMGPROXY_SECRET, IMGPROXY_REDIS_PASSWORD."
  value = {
    IMGPROXY_USE_S3    = "true"
    IMGPROXY_S3_REGION = var.region
    IMGPROXY_S3_ALLOWED_BUCKETS = join(",", [
      module.buckets.names["originals"], module.buckets.names["results"], module.buckets.names["uploads"],
    ])
    IMGPROXY_IMAGES_SOURCE      = "s3://${module.buckets.names["originals"]}"
    IMGPROXY_RESULT_STORE       = "s3://${module.buckets.names["results"]}/pictures"
    IMGPROXY_REDIS_URL          = module.cache.redis_url
    IMGPROXY_CACHE_TAG_HEADERS  = "Cache-Tag"
    IMGPROXY_AUTO_AVIF          = "true"
    IMGPROXY_AUTO_WEBP          = "true"
    IMGPROXY_KEEP_ALIVE_TIMEOUT = "75"
  }
}

output "service_account_annotations" {
  description = "Annotations of the service account."
  value       = module.role.service_account_annotations
}

output "target_group_binding" {
  description = "The manifest that binds the pods to the load balancer: kubectl apply it in the service's namespace."
  value       = module.balancer.target_group_binding
}

output "dns" {
  description = "Where the host name of the pictures points."
  value       = { name = var.domain_name, alias = module.cdn.domain_name, zone_id = module.cdn.hosted_zone_id }
}

output "origin_dns" {
  description = "Where the host name of the load balancer points, in a zone that CloudFront can resolve."
  value       = { name = var.origin_domain_name, alias = module.balancer.dns_name, zone_id = module.balancer.zone_id }
}

output "invalidation_command" {
  description = "How one original's pictures are invalidated."
  value       = module.cdn.invalidation_command
}

output "queue_url" {
  description = "Queue of object events."
  value       = module.events.queue_url
}

output "alarms" {
  description = "Names of all alarms."
  value       = module.alarms.names
}

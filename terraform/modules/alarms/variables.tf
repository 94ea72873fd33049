variable "name" {
  description = "What the alarms' names begin with."
  type        = string
}

variable "topic_arns" {
  description = "SNS topics of the service's region that are told of alarms and of their end."
  type        = list(string)
}

variable "edge_topic_arns" {
  description = "SNS topics of us-east-1 that are told of CloudFront's alarms."
  type        = list(string)
}

variable "runbook_url" {
  description = "Where it is written what to do; each alarm's text names it."
  type        = string
  default     = "docs/operations.md"
}

variable "distribution_id" {
  description = "CloudFront distribution, with additional metrics switched on."
  type        = string
}

variable "load_balancer_arn_suffix" {
  description = "What CloudWatch calls the load balancer."
  type        = string
}

variable "target_group_arn_suffix" {
  description = "What CloudWatch calls the target group."
  type        = string
}

variable "cache_nodes" {
  description = "Nodes of the cache, as CloudWatch calls them; none if it is serverless."
  type        = list(string)
  default     = []
}

variable "serverless_cache_name" {
  description = "Name of the serverless cache; null for nodes."
  type        = string
  default     = null
}

variable "serverless_cache_bytes" {
  description = "Bytes in the serverless cache beyond which there is an alarm: somewhat below its limit."
  type        = number
  default     = 45000000000
}

variable "queue_name" {
  description = "Queue of object events; null for none."
  type        = string
  default     = null
}

variable "dead_letter_queue_name" {
  description = "Queue of its dead letters."
  type        = string
  default     = null

  validation {
    condition     = (var.queue_name == null) == (var.dead_letter_queue_name == null)
    error_message = "Both queues or none."
  }
}

variable "edge_5xx_percent" {
  description = "Percent of 5xx to viewers beyond which there is an alarm."
  type        = number
  default     = 1
}

variable "hit_rate_percent" {
  description = "Percent of answers out of the edge's cache below which there is an alarm. Set it from what is seen in the first weeks."
  type        = number
  default     = 80
}

variable "origin_5xx_per_minute" {
  description = "5xx of the service, or of its load balancer, in a minute beyond which there is an alarm."
  type        = number
  default     = 10
}

variable "latency_seconds" {
  description = "Seconds of the 95th percentile of what the service makes beyond which there is an alarm."
  type        = number
  default     = 2
}

variable "least_pods" {
  description = "Ready pods below which there is an alarm."
  type        = number
  default     = 2
}

variable "cache_memory_percent" {
  description = "Percent of a node's memory beyond which there is an alarm. A cache that is full works, but its hit rate falls."
  type        = number
  default     = 90
}

variable "event_age_seconds" {
  description = "Age of the oldest object event beyond which there is an alarm."
  type        = number
  default     = 300
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}

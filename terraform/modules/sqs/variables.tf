variable "name" {
  description = "Name of the queue; that of the dead letters gets `-dead` behind it."
  type        = string
}

variable "bucket_name" {
  description = "Bucket whose events arrive in the queue. All of the bucket's notifications are set here: a bucket has one set."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of that bucket, which alone may send."
  type        = string
}

variable "key_prefix" {
  description = "Only events of keys that begin with this; null for all."
  type        = string
  default     = null
}

variable "visibility_timeout_seconds" {
  description = "Seconds that a message is hidden once it was received: longer than handling one takes."
  type        = number
  default     = 120
}

variable "message_retention_seconds" {
  description = "Seconds that events wait to be received."
  type        = number
  default     = 345600
}

variable "max_receive_count" {
  description = "How often a message is received before it goes to the dead letters."
  type        = number
  default     = 5
}

variable "kms_key_arn" {
  description = "KMS key of the queues, whose policy must let `s3.amazonaws.com` use it; null for SQS' own encryption."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}

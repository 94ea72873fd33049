variable "name" {
  description = "Name of the role."
  type        = string
}

variable "cluster_name" {
  description = "EKS cluster whose pods take the role."
  type        = string
}

variable "namespace" {
  description = "Namespace of the service."
  type        = string
}

variable "service_account" {
  description = "Service account of the service's pods."
  type        = string
}

variable "oidc_provider_arn" {
  description = "OIDC provider of the cluster: the role is then for IRSA. Null for EKS Pod Identity, which needs no annotation."
  type        = string
  default     = null
}

variable "originals_bucket_arns" {
  description = "Buckets of originals, which are only read."
  type        = list(string)

  validation {
    condition     = length(var.originals_bucket_arns) > 0
    error_message = "A service without originals has no pictures."
  }
}

variable "originals_prefix" {
  description = "Only keys that begin with this are read; blank for all."
  type        = string
  default     = ""
}

variable "results_bucket_arn" {
  description = "Bucket of finished pictures (IMGPROXY_RESULT_STORE), read, written and purged; null for none."
  type        = string
  default     = null
}

variable "results_prefix" {
  description = "Only keys that begin with this are touched there, as in IMGPROXY_RESULT_STORE, with its slash; blank for all."
  type        = string
  default     = ""
}

variable "uploads_bucket_arn" {
  description = "Bucket of uploads, read and written; null for none."
  type        = string
  default     = null
}

variable "tell_missing_from_forbidden" {
  description = "Whether the role may list the buckets, which it does not need for itself: without it S3 says 403 of what is missing, not 404."
  type        = bool
  default     = true
}

variable "queue_arn" {
  description = "Queue of object events; null for none."
  type        = string
  default     = null
}

variable "distribution_arn" {
  description = "Distribution that may be told to forget pictures; null for none."
  type        = string
  default     = null
}

variable "kms_key_arns" {
  description = "KMS keys of the buckets and the queue, used through S3 and SQS alone."
  type        = list(string)
  default     = []
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the role; null for none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}

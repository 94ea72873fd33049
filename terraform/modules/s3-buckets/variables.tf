variable "name_prefix" {
  description = "What the buckets' names begin with; `-originals`, `-results`, `-uploads` and `-logs` follow."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,50}$", var.name_prefix))
    error_message = "Names of buckets are lower-case letters, digits, dots and hyphens, at most 63 of them."
  }
}

variable "kms_key_arn" {
  description = "KMS key that encrypts the objects, with bucket keys; null for SSE-S3. The bucket of logs is always SSE-S3: load balancers write to no other."
  type        = string
  default     = null
}

variable "noncurrent_days" {
  description = "Days that replaced and deleted originals and uploads can be brought back. Of results it is 1."
  type        = number
  default     = 30
}

variable "results_expiration_days" {
  description = "Days that a finished picture is kept; 0 for ever. It is made again when it is asked for again."
  type        = number
  default     = 90
}

variable "uploads_expiration_days" {
  description = "Days that an upload is kept; 0 for ever."
  type        = number
  default     = 0
}

variable "upload_origins" {
  description = "Web origins whose pages may upload with presigned URLs; none means no CORS rule."
  type        = list(string)
  default     = []
}

variable "logs_bucket" {
  description = "Whether to make a bucket for the logs of S3, the load balancer and CloudFront."
  type        = bool
  default     = true
}

variable "logs_expiration_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 90
}

variable "force_destroy" {
  description = "Whether destroying deletes buckets that are not empty. For trials only."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}

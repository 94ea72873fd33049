variable "name" {
  description = "Name of the web ACL, its metrics and its log group."
  type        = string
}

variable "scope" {
  description = "`CLOUDFRONT` for a distribution, `REGIONAL` for a load balancer."
  type        = string
  default     = "CLOUDFRONT"

  validation {
    condition     = contains(["CLOUDFRONT", "REGIONAL"], var.scope)
    error_message = "The scope is CLOUDFRONT or REGIONAL."
  }
}

variable "allowed_methods" {
  description = "Methods that are let through; others are answered 405. Pictures need no more than these."
  type        = list(string)
  default     = ["GET", "HEAD", "OPTIONS"]

  validation {
    condition     = length(var.allowed_methods) > 0 && alltrue([for one in var.allowed_methods : can(regex("^[A-Z]+$", one))])
    error_message = "Methods are words in capitals."
  }
}

variable "rate_limit" {
  description = "Requests that one IP address may make in a window; beyond it is answered 429. A page of thumbnails makes many: mind offices behind one address."
  type        = number
  default     = 10000
}

variable "rate_window_seconds" {
  description = "The window's length: 60, 120, 300 or 600."
  type        = number
  default     = 300

  validation {
    condition     = contains([60, 120, 300, 600], var.rate_window_seconds)
    error_message = "WAF knows windows of 60, 120, 300 and 600 seconds."
  }
}

variable "counted_common_rules" {
  description = "Rules of the common set that count instead of block: those that URLs with a source in them break by nature, and long (base64, encrypted) URLs."
  type        = list(string)
  default = [
    "GenericRFI_QUERYARGUMENTS",
    "GenericRFI_URIPATH",
    "NoUserAgent_HEADER",
    "SizeRestrictions_QUERYSTRING",
    "SizeRestrictions_URIPATH",
  ]
}

variable "log_retention_days" {
  description = "Days that logs of blocked and counted requests are kept."
  type        = number
  default     = 365
}

variable "log_kms_key_arn" {
  description = "KMS key of the log group (of us-east-1 for CloudFront); null for CloudWatch's own encryption."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}

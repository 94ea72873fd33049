variable "name" {
  description = "Name of the cache and of all that belongs to it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,28}[a-z0-9]$", var.name))
    error_message = "2 to 30 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "vpc_id" {
  description = "VPC of the cluster."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, in different zones."
  type        = list(string)
}

variable "client_security_groups" {
  description = "Security groups that may connect, by a name of their own: those of the service's pods or nodes."
  type        = map(string)
}

variable "user_name" {
  description = "Name with which the service logs in."
  type        = string
  default     = "imgproxy"
}

variable "password" {
  description = "Password with which the service logs in, 16 to 128 characters. Written to AWS and kept nowhere: not in the state, nor in the plan."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "password_version" {
  description = "Raise it when the password changes: what is kept nowhere is not compared."
  type        = number
  default     = 1
}

variable "key_prefix" {
  description = "IMGPROXY_REDIS_KEY_PREFIX: the only keys and channels that the service may touch."
  type        = string
  default     = "imgproxy:"
}

variable "serverless" {
  description = "Whether the cache is serverless, paid by what is in it and asked of it, instead of nodes."
  type        = bool
  default     = false
}

variable "serverless_max_gigabytes" {
  description = "The most a serverless cache holds, in gigabytes."
  type        = number
  default     = 50
}

variable "serverless_max_ecpu_per_second" {
  description = "The most a serverless cache works, in ECPU a second; an ECPU is a kilobyte transferred."
  type        = number
  default     = 100000
}

variable "engine_version" {
  description = "Version of Valkey."
  type        = string
  default     = "8.0"
}

variable "parameter_family" {
  description = "Family of the parameter group, which goes with the version."
  type        = string
  default     = "valkey8"
}

variable "node_type" {
  description = "Type of the nodes."
  type        = string
  default     = "cache.r7g.large"
}

variable "nodes" {
  description = "Nodes: one that is written, the others to take over. One alone does without failover."
  type        = number
  default     = 2
}

variable "maintenance_window" {
  description = "When AWS may maintain the nodes."
  type        = string
  default     = "sun:03:00-sun:04:00"
}

variable "kms_key_arn" {
  description = "KMS key of what is at rest; null for the service's own."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that the log of slow commands is kept."
  type        = number
  default     = 365
}

variable "log_kms_key_arn" {
  description = "KMS key of the log group; null for CloudWatch's own encryption."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}

variable "name" {
  description = "Name of the load balancer and of all that belongs to it."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,30}[a-zA-Z0-9]$", var.name)) && !startswith(var.name, "internal-")
    error_message = "2 to 32 letters, digits and hyphens, without a hyphen at either end."
  }
}

variable "cluster_name" {
  description = "EKS cluster."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the cluster."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the load balancer, in different zones: private ones if it is internal."
  type        = list(string)
}

variable "pod_security_group_id" {
  description = "Security group of the pods, or of the nodes where pods have none of their own."
  type        = string
}

variable "pod_port" {
  description = "Port of the service in its pods (IMGPROXY_BIND)."
  type        = number
  default     = 8080
}

variable "certificate_arn" {
  description = "ACM certificate of the load balancer, in its region. It covers the host name that CloudFront asks for."
  type        = string
}

variable "internal" {
  description = "Whether the load balancer has private addresses only; CloudFront then reaches it through a VPC origin."
  type        = bool
  default     = true
}

variable "required_header_name" {
  description = "Name of a header without which requests are refused, which CloudFront adds; null for none. Needed where the load balancer is not internal."
  type        = string
  default     = null

  validation {
    condition     = var.internal || var.required_header_name != null
    error_message = "A load balancer on the Internet needs a header that only our distribution knows."
  }
}

variable "required_header_value" {
  description = "Value of that header. It is in the state."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.required_header_name == null || try(length(var.required_header_value) >= 32, false)
    error_message = "A header that is required needs a value of 32 characters or more."
  }
}

variable "idle_timeout_seconds" {
  description = "Seconds that idle connections stay open: longer than CloudFront keeps them."
  type        = number
  default     = 60
}

variable "drain_seconds" {
  description = "Seconds that a pod which leaves may finish its requests: at least the pod's grace period."
  type        = number
  default     = 30
}

variable "deletion_protection" {
  description = "Whether the load balancer cannot be deleted."
  type        = bool
  default     = true
}

variable "logging" {
  description = "Whether access logs are written."
  type        = bool
  default     = true
}

variable "log_bucket" {
  description = "Bucket of the access logs (SSE-S3), which go below `alb/`."
  type        = string
  default     = null

  validation {
    condition     = !var.logging || var.log_bucket != null
    error_message = "Logging needs a bucket."
  }
}

variable "addons" {
  description = "EKS add-ons by name: version (null for the cluster's default) and configuration (JSON). Pod identity gives the roles, metrics-server the CPU to the autoscaler, the CNI enforces NetworkPolicies. Leave out those that the cluster has already."
  type = map(object({
    version       = optional(string)
    configuration = optional(string)
  }))
  default = {
    eks-pod-identity-agent = {}
    metrics-server         = {}
    vpc-cni                = { configuration = "{\"enableNetworkPolicy\":\"true\"}" }
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the controller's role; null for none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}

variable "environment" {
  description = "Name of the environment, a part of all names."
  type        = string
  default     = "prod"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.environment))
    error_message = "2 to 10 lower-case letters and digits, beginning with a letter."
  }
}

variable "region" {
  description = "Region of the cluster."
  type        = string
}

variable "bucket_prefix" {
  description = "What the buckets' names begin with, such as a company's name: names of buckets are the world's."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the cluster."
  type        = string
}

variable "private_subnet_ids" {
  description = "Private subnets of the cluster, in different zones."
  type        = list(string)
}

variable "private_route_table_ids" {
  description = "Route tables of these subnets."
  type        = list(string)
}

variable "cluster_name" {
  description = "EKS cluster."
  type        = string
}

variable "pod_security_group_id" {
  description = "Security group of the pods, or of the nodes where pods have none of their own."
  type        = string
}

variable "namespace" {
  description = "Namespace of the service."
  type        = string
  default     = "imgproxy"
}

variable "service_account" {
  description = "Service account of the service's pods."
  type        = string
  default     = "imgproxy-py"
}

variable "oidc_provider_arn" {
  description = "OIDC provider of the cluster, for IRSA; null for EKS Pod Identity."
  type        = string
  default     = null
}

variable "domain_name" {
  description = "Host name of the pictures, which points to CloudFront."
  type        = string
}

variable "edge_certificate_arn" {
  description = "Certificate of that name, in us-east-1."
  type        = string
}

variable "origin_domain_name" {
  description = "Host name of the load balancer, on its certificate."
  type        = string
}

variable "origin_certificate_arn" {
  description = "Certificate of that name, in the cluster's region."
  type        = string
}

variable "origin_shield_region" {
  description = "Region of the origin shield, nearest to the cluster; null for none."
  type        = string
  default     = null
}

variable "query_allow_list" {
  description = "`function` works at once; `policy` keeps the allow-list in the cache policy, once the account's quota allows 27 query strings there."
  type        = string
  default     = "function"
}

variable "imgproxy_secret" {
  description = "IMGPROXY_SECRET: CloudFront sends it, so that the service answers nobody else. It is in the state."
  type        = string
  sensitive   = true
}

variable "signing_public_keys" {
  description = "Public keys (PEM) by name of CloudFront's own signed URLs; none, if IMGPROXY_KEY's signatures do."
  type        = map(string)
  default     = {}
}

variable "redis_password" {
  description = "IMGPROXY_REDIS_PASSWORD, 16 to 128 characters. Kept nowhere."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "redis_password_version" {
  description = "Raise it when the password changes."
  type        = number
  default     = 1
}

variable "serverless_cache" {
  description = "Whether the cache is serverless."
  type        = bool
  default     = false
}

variable "upload_origins" {
  description = "Web origins whose pages may upload."
  type        = list(string)
  default     = []
}

variable "topic_arns" {
  description = "SNS topics of the cluster's region that are told of alarms."
  type        = list(string)
  default     = []
}

variable "edge_topic_arns" {
  description = "SNS topics of us-east-1 that are told of CloudFront's alarms."
  type        = list(string)
  default     = []
}

variable "name" {
  description = "Name of the endpoint."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the cluster."
  type        = string
}

variable "route_table_ids" {
  description = "Route tables of the nodes' subnets, which get the route to S3."
  type        = list(string)

  validation {
    condition     = length(var.route_table_ids) > 0
    error_message = "Without a route table nothing goes through the endpoint."
  }
}

variable "read_bucket_arns" {
  description = "Buckets that are read: the originals."
  type        = list(string)
}

variable "write_bucket_arns" {
  description = "Buckets that are read and written: results, uploads."
  type        = list(string)
  default     = []
}

variable "allow_ecr_layers" {
  description = "Whether nodes may pull image layers of ECR, which come from S3 through this endpoint."
  type        = bool
  default     = true
}

variable "public_read_bucket_arns" {
  description = "Buckets of others that anything in the VPC may read, such as those of the operating system's packages."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}

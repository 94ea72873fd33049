variable "name" {
  description = "What the names of all resources begin with. Policies and functions are global to the account."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,40}$", var.name))
    error_message = "The name is 1 to 40 letters, digits, hyphens and underscores."
  }
}

variable "aliases" {
  description = "Host names of the distribution, all covered by the certificate."
  type        = list(string)
}

variable "certificate_arn" {
  description = "ACM certificate of the host names, in us-east-1."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:acm:us-east-1:", var.certificate_arn))
    error_message = "CloudFront takes certificates of us-east-1 only."
  }
}

variable "minimum_tls" {
  description = "The least that viewers must speak: a security policy of TLSv1.2_2021 or later."
  type        = string
  default     = "TLSv1.2_2021"

  validation {
    condition     = contains(["TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025"], var.minimum_tls)
    error_message = "TLSv1.2_2021, TLSv1.2_2025 or TLSv1.3_2025."
  }
}

variable "price_class" {
  description = "Which edges serve: PriceClass_All, PriceClass_200 or PriceClass_100."
  type        = string
  default     = "PriceClass_All"
}

variable "blocked_countries" {
  description = "Countries (ISO 3166-1 alpha-2) that are refused."
  type        = list(string)
  default     = []
}

variable "origin_domain_name" {
  description = "Host name of the load balancer, covered by its certificate: TLS to the origin is verified against it."
  type        = string
}

variable "vpc_origin" {
  description = "Whether the load balancer is internal, and CloudFront reaches it through a VPC origin."
  type        = bool
  default     = false
}

variable "vpc_origin_arn" {
  description = "ARN of the internal load balancer."
  type        = string
  default     = null

  validation {
    condition     = !var.vpc_origin || var.vpc_origin_arn != null
    error_message = "A VPC origin needs the load balancer's ARN."
  }
}

variable "origin_header_names" {
  description = "Names of the headers that CloudFront adds to requests to the origin; their values are in `origin_headers`."
  type        = list(string)
  default     = []
}

variable "origin_headers" {
  description = "Values of these headers, such as `Authorization = \"Bearer …\"` for IMGPROXY_SECRET. They are in the state."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "origin_read_seconds" {
  description = "Seconds that CloudFront waits for the service: longer than IMGPROXY_TIMEOUT."
  type        = number
  default     = 20
}

variable "origin_keepalive_seconds" {
  description = "Seconds that CloudFront keeps idle connections: shorter than the load balancer does."
  type        = number
  default     = 30
}

variable "origin_shield_region" {
  description = "Region of the shield, the service's own or its nearest; null for none. With it, one edge asks the service for all."
  type        = string
  default     = null
}

variable "path_prefix" {
  description = "IMGPROXY_PATH_PREFIX, without a slash at its end; blank for none."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^(/[^/*?]+)*$", var.path_prefix))
    error_message = "Blank, or begins with a slash and does not end with one."
  }
}

variable "query_parameters" {
  description = "Query parameters that reach the cache key and the service: those of the query dialect. All others are dropped at the edge."
  type        = list(string)
  default = [
    "bg", "blur", "crop", "dl", "dpr", "enlarge", "exp", "f", "fit", "flip", "fm", "format", "g", "gravity", "h", "height",
    "p", "pad", "preset", "q", "quality", "rotate", "s", "sharpen", "trim", "w", "width",
  ]

  validation {
    condition     = length(var.query_parameters) > 0 && contains(var.query_parameters, "s")
    error_message = "The signature `s` belongs to the key: else whoever has none is served what others asked for."
  }
}

variable "query_allow_list" {
  description = "Where the allow-list of parameters is kept. `policy`: in the cache policy, which needs the account's quota of query strings per cache policy raised (10 as it comes). `function`: in the function that runs before the cache, which needs no quota; the policy then takes what the function left."
  type        = string
  default     = "policy"

  validation {
    condition     = contains(["policy", "function"], var.query_allow_list)
    error_message = "policy or function."
  }
}

variable "negotiated_formats" {
  description = "Media types that the service chooses from by Accept (IMGPROXY_AUTO_*, IMGPROXY_ENFORCE_*, IMGPROXY_NEGOTIATED_FORMATS); none if it negotiates nothing."
  type        = list(string)
  default     = ["image/jxl", "image/avif", "image/webp"]
}

variable "client_hints" {
  description = "Whether Sec-CH-DPR, DPR, Sec-CH-Width and Width are in the key: as IMGPROXY_ENABLE_CLIENT_HINTS."
  type        = bool
  default     = false
}

variable "forwarded_headers" {
  description = "Headers that the service gets without their being in the key, at most 10."
  type        = list(string)
  default     = ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"]
}

variable "hidden_headers" {
  description = "Response headers of the service that viewers do not get."
  type        = list(string)
  default     = ["Server", "Cache-Tag"]
}

variable "max_ttl" {
  description = "The longest that an answer is kept at the edge, in seconds, whatever the service says."
  type        = number
  default     = 31536000
}

variable "cache_tag_header" {
  description = "Response header that carries cache tags (IMGPROXY_CACHE_TAG_HEADERS must name it); null switches invalidation by tag off."
  type        = string
  default     = "Cache-Tag"
}

variable "server_timing_percent" {
  description = "Share of answers, in percent, to which CloudFront adds Server-Timing; 0 for none."
  type        = number
  default     = 0
}

variable "signing_public_keys" {
  description = "Public keys (PEM) by name, whose signed URLs and cookies are served; with none, CloudFront asks for no signature. Two at a time let keys be changed."
  type        = map(string)
  default     = {}
}

variable "web_acl_arn" {
  description = "Web ACL of WAF (scope CLOUDFRONT); null for none."
  type        = string
  default     = null
}

variable "logging" {
  description = "Whether access logs are delivered."
  type        = bool
  default     = true
}

variable "log_bucket_arn" {
  description = "Bucket of the access logs, which go below `cloudfront/`."
  type        = string
  default     = null

  validation {
    condition     = !var.logging || var.log_bucket_arn != null
    error_message = "Logging needs a bucket."
  }
}

variable "additional_metrics" {
  description = "Whether CloudWatch gets CloudFront's additional metrics: cache hit rate, origin latency, error rates by status. The alarms need them; they are charged."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}

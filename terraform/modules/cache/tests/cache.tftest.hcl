mock_provider "aws" {}

variables {
  name                   = "test"
  vpc_id                 = "vpc-0"
  subnet_ids             = ["subnet-a", "subnet-b"]
  client_security_groups = { pods = "sg-0" }
  password               = "not-a-password-at-all"
}

run "nodes" {
  command = apply

  assert {
    condition     = aws_elasticache_replication_group.this[0].transit_encryption_mode == "required" && aws_elasticache_replication_group.this[0].at_rest_encryption_enabled
    error_message = "nothing goes or lies in the clear"
  }

  assert {
    condition     = output.member_clusters == tolist(["test-001", "test-002"])
    error_message = "nodes have the names that ElastiCache gives"
  }

  assert {
    condition     = strcontains(aws_elasticache_user.service.access_string, "~imgproxy:*") && strcontains(aws_elasticache_user.service.access_string, "-@dangerous")
    error_message = "the service touches its own keys, and does nothing dangerous"
  }
}

run "one_node" {
  command = plan

  variables {
    nodes = 1
  }

  assert {
    condition     = !aws_elasticache_replication_group.this[0].automatic_failover_enabled
    error_message = "one node has no other to fail over to"
  }
}

run "serverless" {
  command = plan # the endpoint, which mocks cannot make, is known once it is there

  variables {
    serverless = true
  }

  assert {
    condition     = length(aws_elasticache_replication_group.this) == 0 && local.scheme == "rediss+cluster"
    error_message = "serverless has no nodes and is a cluster"
  }
}

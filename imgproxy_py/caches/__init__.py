"""Pictures by key."""

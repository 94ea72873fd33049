"""Load tests: locust asks a service as its users would, and a profile says what is still good enough."""

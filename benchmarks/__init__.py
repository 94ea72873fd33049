"""What the service costs beside the least that the same work can cost, measured in one run: `python -m benchmarks`."""

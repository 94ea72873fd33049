"""What `/info` tells of an original (dialect §5.7)."""

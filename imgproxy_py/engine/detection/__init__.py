"""Finding faces and other objects in pictures (dialect §5.1, §5.2, §5.7)."""

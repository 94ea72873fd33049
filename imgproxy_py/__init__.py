"""imgproxy_py: an image service for the place behind a CDN."""

__version__ = "0.1.0"

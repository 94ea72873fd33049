"""imgproxy's URL dialect."""

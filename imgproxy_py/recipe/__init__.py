"""What picture is wanted: values and arithmetic, no I/O."""

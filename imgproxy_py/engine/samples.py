"""How much memory libvips' pixels take."""

from __future__ import annotations

SAMPLE_BYTES = {"uchar": 1, "char": 1, "ushort": 2, "short": 2, "uint": 4, "int": 4, "float": 4, "double": 8}
"""Bytes of a sample by libvips' name of its format; complex ones, which no picture has, are left out."""

"""The engine's compiled part: what no library does, and Python would be too slow for.

It is C without Python's headers, built with the package where there is a compiler (`hatch_build.py`), and called by ctypes,
which leaves the interpreter to others meanwhile. Whatever it does another library does as well, for more time, so pictures
are the same without it.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

FILE = "imgproxy_native.so"


@cache
def library() -> ctypes.CDLL | None:
    """Give the compiled part, `None` if it was not built."""
    try:
        return ctypes.CDLL(str(Path(__file__).with_name(FILE)))
    except OSError:
        return None

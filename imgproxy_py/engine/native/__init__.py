"""The engine's compiled part: what no library does, and Python would be too slow for.

It is C without Python's headers, built with the package where there is a compiler (`hatch_build.py`), and called by ctypes,
which leaves the interpreter to others meanwhile. Whatever it does another library does as well, for more time, so pictures
are the same without it.
"""

from __future__ import annotations

import ctypes
import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


def file_name() -> str:
    """Give the name of what these sources are built into: one that was built from others is not taken for it."""
    sources = sorted((*FOLDER.glob("*.c"), *FOLDER.glob("*.h")))
    digest = hashlib.sha256(b"\0".join(one.read_bytes() for one in sources)).hexdigest()
    return f"imgproxy_native-{digest[:12]}.so"


@cache
def library() -> ctypes.CDLL | None:
    """Give the compiled part, `None` if it was not built."""
    try:
        return ctypes.CDLL(str(FOLDER / file_name()))
    except OSError:
        return None

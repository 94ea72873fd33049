"""Python imports this at its start if its folder is in `PYTHONPATH`: a wall clock that another process can set.

The file that `CHAOS_CLOCK` names holds a double: by how many seconds this clock is wrong. The monotonic one stays as it is,
as it does on machines. Libraries that ask the system for a date by other ways are told the right time.
"""

import mmap
import os
import struct
import time
from pathlib import Path

if path := os.environ.get("CHAOS_CLOCK"):
    with Path(path).open("rb") as file:
        _offset = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    _right, _right_ns, _double = time.time, time.time_ns, struct.Struct("d")
    time.time = lambda: _right() + _double.unpack_from(_offset)[0]
    time.time_ns = lambda: _right_ns() + int(_double.unpack_from(_offset)[0] * 1e9)

"""Libraries that an installation may have or not."""

from __future__ import annotations

import importlib
import os
from functools import cache
from types import ModuleType
from typing import Any


def imported(name: str) -> ModuleType | None:
    """Give a module of an optional dependency, `None` if it is not installed or does not load here."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError):  # a wheel's own libraries may need one that the system lacks
        return None


@cache
def numpy() -> Any:
    """Give numpy, which several of them need, `None` without it."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # it has threads for matrices, of which there are none
    return imported("numpy")

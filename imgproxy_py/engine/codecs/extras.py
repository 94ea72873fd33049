"""Libraries that an installation may have or not."""

from __future__ import annotations

import importlib
from types import ModuleType


def imported(name: str) -> ModuleType | None:
    """Give a module of an optional dependency, `None` if it is not installed or does not load here."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError):  # a wheel's own libraries may need one that the system lacks
        return None

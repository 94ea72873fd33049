"""Files of classes: the name of one on each line, in the order of the numbers that a network gives them."""

from __future__ import annotations

from pathlib import Path

from imgproxy_py.kinds import UnusableSetting


def class_lines(field: str, path: Path | None) -> list[str]:
    """Give the lines that are not blank, without the spaces around them.

    Raises `UnusableSetting`, which names `field`, if there is no file, or none that can be read, or no line in it.
    """
    expected = "a text file of the network's classes, a name on each line"
    if path is None:
        raise UnusableSetting(field, path, expected)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UnusableSetting(field, path, expected) from None
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise UnusableSetting(field, path, expected)
    return names

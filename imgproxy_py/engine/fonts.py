"""Fonts that text is drawn with where the host has none: in SVG, and in watermarks.

libvips' build has fontconfig in it, which reads the host's configuration and fonts as any program does. A container often
has neither. So three free families, installed as packages, are added to what fontconfig finds; a configuration of ours says
which stands for which only if the host has none.
"""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import pyvips

FAMILIES = {"Arimo": "fontpkg_arimo", "Source Serif 4": "fontpkg_source_serif_4", "Roboto Mono": "fontpkg_roboto_mono"}
"""What is always there, by family, and the packages that it comes in."""

_CHOSEN = ("FONTCONFIG_FILE", "FONTCONFIG_PATH", "FONTCONFIG_SYSROOT")
_HOSTS = Path("/etc/fonts/fonts.conf")


def set_up() -> None:
    """Let fontconfig, within libvips, find the families above; to be called before the first text is drawn.

    Sets `FONTCONFIG_FILE` for this process unless the host has a configuration or its operator chose one.
    """
    if not _HOSTS.exists() and not any(os.environ.get(name) for name in _CHOSEN):
        os.environ["FONTCONFIG_FILE"] = str(files(__package__) / "fonts.conf")
    for package in FAMILIES.values():
        for font in sorted(_font_files(package)):
            pyvips.Image.text(" .", fontfile=font)  # adds it for all that is drawn from now on


def _font_files(package: str) -> list[str]:
    return [str(one) for one in (files(package) / "files").iterdir() if one.name.endswith(".ttf")]

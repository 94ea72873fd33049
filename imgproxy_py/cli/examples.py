"""URLs to try first: pictures of a demo folder in both dialects, signed if there are keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

from imgproxy_py.cli.url import imgproxy_target, query_target
from imgproxy_py.errors import ImgproxyError
from imgproxy_py.recipe.formats import ABILITIES
from imgproxy_py.settings import Settings

_ENDINGS = frozenset({ability.extension for ability in ABILITIES.values()} | {".jpeg"})
_ANYWHERE = frozenset({"", "0.0.0.0", "[::]"})  # noqa: S104 - addresses to be replaced, not to be bound


def example_urls(settings: Settings, folder: Path) -> list[str]:
    """Give up to three URLs for the largest pictures of a folder; none on a unix socket or at a port yet unknown."""
    host, _, port = settings.bind.rpartition(":")
    if host == "unix" or settings.bind.startswith("unix:") or port == "0":
        return []
    site = f"http://{'127.0.0.1' if host in _ANYWHERE else host}:{port}"
    return [site + target for target in _targets(settings, _largest(folder))]


def _largest(folder: Path) -> list[str]:
    """Give the names of the pictures, the largest first: there is most to be seen in them."""
    pictures = [one for one in folder.iterdir() if one.suffix.lower() in _ENDINGS and one.is_file()]
    return [one.name for one in sorted(pictures, key=lambda one: (-one.stat().st_size, one.name))]


def _targets(settings: Settings, names: list[str]) -> Iterator[str]:
    for name, target in zip(cycle(names), _TARGETS, strict=False):
        try:
            yield target(settings, name)
        except (ValueError, ImgproxyError):
            continue  # these settings permit no such URL


_TARGETS: tuple[Callable[[Settings, str], str], ...] = (
    lambda settings, name: imgproxy_target(
        settings.imgproxy_config(), f"local:///{name}", ["rs:fill:480:320", "g:sm"], "webp"
    ),
    lambda settings, name: imgproxy_target(settings.imgproxy_config(), f"local:///{name}", ["w:640"], "avif"),
    lambda settings, name: query_target(settings, name, ["w=400", "fit=contain"], ""),
)

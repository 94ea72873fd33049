"""From the entries of a list to the URLs that are asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote, urlsplit

from imgproxy_py.dialects.lexical import percent_encoded, to_base64

_UNWRITABLE = re.compile(r"[^!-~]+")  # what is no visible ASCII cannot stand in a URL
_WIDTH = "{width}"


def filled(entries: Sequence[str], template: str, widths: Sequence[int]) -> Iterator[str]:
    """Give the template once for each entry and width.

    `{source}` stands for the entry percent-encoded, `{base64}` for its URL-safe base64, `{width}` for a width. Raises
    `ValueError` for a template without an entry, and for widths without their place or the other way round.
    """
    if "{source}" not in template and "{base64}" not in template:
        raise ValueError(f"--template {template}: expected {{source}} or {{base64}} in it")
    if bool(widths) != (_WIDTH in template):
        raise ValueError(f"--template {template}: {_WIDTH} and --width go together")
    for entry in entries:
        encoded = to_base64(entry.encode())
        target = template.replace("{base64}", encoded).replace("{source}", percent_encoded(entry))
        yield from (target.replace(_WIDTH, str(width)) for width in widths or (0,))


def addressed(entries: Sequence[str], base: str, sign: Callable[[str], str] = lambda target: target) -> Iterator[str]:
    """Give the URL of each entry: a path below `base`, or a whole URL, whose origin `base` replaces if there is one.

    `sign` gives the path and query that are asked in place of an entry's. Raises `ValueError` that names the entry.
    """
    for entry in entries:
        origin, target = _divided(entry)
        if not (base or origin):
            raise ValueError(f"{entry[:200]!r}: a path needs --base, the address of the service or of the CDN")
        try:
            yield (base.rstrip("/") if base else origin) + sign(target)
        except ValueError as error:
            raise ValueError(f"{entry[:200]!r}: {error}") from None


def _divided(entry: str) -> tuple[str, str]:
    written = _UNWRITABLE.sub(lambda found: quote(found[0]), entry.partition("#")[0])
    path, _, query = written.partition("?")
    written = written if query else path  # an empty query is not sent
    if written.startswith("/"):
        return "", written
    scheme, _, rest = written.partition("://")
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    if scheme.lower() not in ("http", "https") or not authority:
        raise ValueError(f"{entry[:200]!r}: expected a path that begins with / or an http or https URL")
    target = rest[len(authority) :]
    return f"{scheme}://{authority}", target if target.startswith("/") else f"/{target}"


def checked_base(base: str) -> str:
    """Give a base as it is; raises `ValueError` unless it is blank or an http or https URL without query."""
    parts = urlsplit(base)
    if base and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment):
        raise ValueError(f"--base {base}: expected an http or https URL, as https://img.example.com")
    return base

"""Which references stay, and data URLs taken apart."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

_IGNORED_IN_URLS = re.compile(r"[\x00-\x20\x7f-\x9f]")
_ENOUGH = 256  # of a data URL, to see its media type; what begins with more space than that is none
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_PICTURE = re.compile(r"data:image/", re.IGNORECASE)
_FONT = re.compile(
    r"data:(?:font/|application/(?:x-)?font-|application/vnd\.ms-fontobject|application/octet-stream)", re.IGNORECASE
)
_DATA = re.compile(r"data:(?P<media>[^,]*),(?P<body>.*)", re.IGNORECASE | re.DOTALL)


def is_fragment(url: str) -> bool:
    """Tell whether a reference leads to an element of the same file."""
    return url.lstrip(" \t\r\n\f").startswith("#")


def is_picture(url: str) -> bool:
    """Tell whether a reference carries a picture itself."""
    return bool(_PICTURE.match(_plain(url[:_ENOUGH])))


def is_font(url: str) -> bool:
    """Tell whether a reference carries a font itself."""
    return bool(_FONT.match(_plain(url[:_ENOUGH])))


def is_link(url: str) -> bool:
    """Tell whether a reference may be followed by whoever clicks on it: to the web, or relative (dialect §10)."""
    plain = _plain(url)
    return not _SCHEME.match(plain) or plain.lower().startswith(("http:", "https:"))


def _plain(url: str) -> str:
    """Give a URL without the control characters and spaces that browsers ignore when they look for its scheme."""
    return _IGNORED_IN_URLS.sub("", url)


@dataclass(frozen=True, slots=True)
class DataUrl:
    """A data URL (RFC 2397) taken apart: its media type in lower case without parameters, and its bytes."""

    media_type: str
    data: bytes


def data_url(url: str) -> DataUrl | None:
    """Take a data URL apart; `None` if it is none, or its base64 is wrong."""
    found = _DATA.match(url.strip())
    if not found:
        return None
    media_type, *parameters = (part.strip().lower() for part in found["media"].split(";"))
    body = unquote_to_bytes(found["body"])
    try:
        return DataUrl(media_type, b64decode(body) if "base64" in parameters else body)
    except ValueError:
        return None

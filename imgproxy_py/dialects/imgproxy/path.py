"""The path of an imgproxy URL: cut off what does not count, repair what proxies did to the rest (dialect §1.1).

Healthy paths come through unchanged. Where imgproxy repairs the last `:/` it finds in a plain source, and so damages
sources that hold one of their own, only the source's scheme is repaired here (dialect §16, Q1).
"""

from __future__ import annotations

import re

from imgproxy_py.dialects.port import SignedPath
from imgproxy_py.errors import BadRequest

_MARKER = "/plain/"
_CRUSHED_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/(?=[^/])")


def cut(target: str, prefix: str) -> SignedPath:
    """Divide a raw target into signature and rest, the rest repaired.

    Raises `BadRequest` if the target is outside of the prefix, no text in UTF-8, or lacks one of the two.
    """
    path = below(legible(target).partition("?")[0], prefix)
    signature, _, rest = path.removeprefix("/").partition("/")
    if not signature or not rest:
        raise BadRequest("The path has no signature or nothing after it")
    return SignedPath(signature, repair(rest), rest)


def legible(target: str) -> str:
    """Give the target back, raise `BadRequest` if its bytes were no UTF-8."""
    if not target.isascii():
        try:
            target.encode()
        except UnicodeEncodeError:
            raise BadRequest("The request target is not UTF-8") from None
    return target


def below(path: str, prefix: str) -> str:
    """Give the path without the prefix it must have, raise `BadRequest` if it lies elsewhere."""
    prefix = prefix.strip("/")
    if not prefix:
        return path
    head, found, tail = path.partition("/" + prefix)
    if not found or head or not tail.startswith("/"):
        raise BadRequest("The path lies outside of this service")
    return tail


def repair(rest: str) -> str:
    """Undo what some proxies do to paths: encode `:` in options, merge the slashes of the source's scheme."""
    if rest.startswith("plain/"):
        return "plain/" + _mend_scheme(rest[len("plain/") :])
    options, marker, plain = rest.partition(_MARKER)
    return (options.replace("%3A", ":") + marker + _mend_scheme(plain)).removeprefix("/")


def _mend_scheme(plain: str) -> str:
    match = _CRUSHED_SCHEME.match(plain)
    if match is None:
        return plain
    scheme = match[1]
    return f"{scheme}:{'///' if scheme == 'local' else '//'}{plain[match.end() :]}"

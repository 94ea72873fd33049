"""The source at the end of an imgproxy URL: plain, base64 or encrypted (dialect §1.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from imgproxy_py.dialects.encryption import SEALINGS, Sealing, sealings
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.lexical import Malformed, from_base64, percent_decoded, percent_encoded, to_base64
from imgproxy_py.dialects.naming import name_source
from imgproxy_py.errors import BadRequest
from imgproxy_py.recipe.source import SourceRef

_PLAIN = "plain"
_REFERENCE = re.compile(r"\$\{([0-9]{1,4})\}")


class SourceReader:
    """Reads the last segments of URLs and writes them.

    Raises `ValueError` for an encryption key of the wrong length.
    """

    def __init__(self, config: ImgproxyConfig) -> None:
        self._drops_filename = config.base64_url_includes_filename
        self._separator = config.source_url_query_separator
        self._base_url = config.base_url
        self._replacements = tuple(_replacement(*pair) for pair in config.url_replacements)
        key = config.encryption_key
        self._sealings: dict[str, Sealing] = sealings(key, config.encryption_mode) if key else {}

    def read(self, segments: Sequence[str]) -> tuple[SourceRef, str]:
        """Give the original that the segments name, and the extension (blank if there is none).

        Raises `BadRequest` if they name none.
        """
        try:
            text, extension = self._decoded(segments)
        except Malformed as error:
            raise BadRequest(f"The source is malformed: {error.value!r}, expected {error.expected}") from None
        return self.named(text), extension

    def named(self, text: str) -> SourceRef:
        """Give the original of a decoded text, after replacements and base URL; raises `BadRequest`."""
        return name_source(self._rewritten(text), self._separator)

    def text(self, source: SourceRef) -> str:
        """Give the text that names an original, version included."""
        url = source.url if source.scheme else source.location
        return f"{url}{self._separator}{source.version}" if source.version else url

    def write(self, source: SourceRef) -> str:
        """Give the segments that name the original: encrypted if there is a key, else plain."""
        text = self.text(source)
        if self._sealings:
            return self.sealed(text)
        return f"{_PLAIN}/{percent_encoded(text, colons=bool(source.scheme))}"

    def sealed(self, text: str) -> str:
        """Give the segments of an encrypted source; there must be a key."""
        marker, sealing = next(iter(self._sealings.items()))
        return f"{marker}/{to_base64(sealing.encrypt(text.encode()))}"

    def _decoded(self, segments: Sequence[str]) -> tuple[str, str]:
        if segments[0] == _PLAIN and len(segments) > 1:
            return _plain("/".join(segments[1:]))
        if segments[0] in SEALINGS and len(segments) > 1:
            return self._encrypted(segments[0], segments[1:])
        data, extension = self._base64(segments)
        return _text(data), extension

    def _base64(self, segments: Sequence[str]) -> tuple[bytes, str]:
        if self._drops_filename and len(segments) > 1:
            segments = segments[:-1]
        encoded, extension = _divided("".join(segments), ".")
        return from_base64(_present(encoded.rstrip("="))), extension

    def _encrypted(self, marker: str, segments: Sequence[str]) -> tuple[str, str]:
        sealing = self._sealings.get(marker)
        if sealing is None:
            raise BadRequest(f"Sources encrypted as {marker} are switched off")
        data, extension = self._base64(segments)
        return _text(sealing.decrypt(data)), extension

    def _rewritten(self, text: str) -> str:
        for replace in self._replacements:
            text = replace(text)
        return text if text.startswith(self._base_url) else self._base_url + text


def _plain(text: str) -> tuple[str, str]:
    encoded, extension = _divided(text, "@")
    if "%" not in encoded:
        return _present(encoded), extension
    return _text(percent_decoded(encoded)), extension


def _divided(text: str, mark: str) -> tuple[str, str]:
    name, _, extension = text.partition(mark)
    if mark in extension:
        raise Malformed(text, f"at most one {mark}")
    return name, extension


def _present(text: str) -> str:
    if not text:
        raise Malformed(text, "the address of an image")
    return text


def _text(data: bytes) -> str:
    # Paths on old servers need not be UTF-8; their bytes survive as lone surrogates until they are escaped again.
    return data.decode("utf-8", "surrogateescape")


def _replacement(pattern: str, replacement: str) -> Callable[[str], str]:
    """Make the rewriting of one rule: `*` matches a run without `/`, `${N}` names what the N-th matched."""
    rule = re.compile("([^/]*)".join(re.escape(part) for part in pattern.split("*")))

    def apply(text: str) -> str:
        match = rule.match(text)
        return text if match is None else _filled(replacement, match) + text[match.end() :]

    return apply


def _filled(replacement: str, match: re.Match[str]) -> str:
    groups = ("", *match.groups())
    return _REFERENCE.sub(lambda one: groups[int(one[1])] if int(one[1]) < len(groups) else "", replacement)

"""Signatures of URLs, the same in every dialect (dialect §2)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from itertools import repeat

from imgproxy_py.errors import SignatureMismatch, SignatureMissing

DIGEST_BYTES = 32
"""The length of an HMAC-SHA256, and so the longest signature."""

_BLOCK_BYTES = 64
_INNER_PAD, _OUTER_PAD = (bytes(octet ^ pad for octet in range(256)) for pad in (0x36, 0x5C))

_MISSING = "The signature appears to be a processing option. The signature section should always be present in the URL."


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key and the salt that goes with it, as bytes."""

    key: bytes = field(repr=False)
    salt: bytes = field(repr=False)


class Signer:
    """Makes and checks signatures (dialect §2.1).

    The first pair signs; a signature by any of them holds, which is how keys are rotated. Without pairs signing is off.
    `size` is how many bytes of the digest are kept, 1–32. `trusted` are texts that pass as signatures of anything.
    Raises `ValueError` for another size.
    """

    __slots__ = ("_size", "_started", "_trusted")

    def __init__(
        self, pairs: tuple[KeyPair, ...] = (), size: int = DIGEST_BYTES, trusted: tuple[str, ...] = ()
    ) -> None:
        if not 1 <= size <= DIGEST_BYTES:
            raise ValueError(f"A signature has 1 to {DIGEST_BYTES} bytes, not {size}")
        self._started = tuple(_Started(pair) for pair in pairs)
        self._size = size
        self._trusted = tuple(_octets(text) for text in trusted)

    def __repr__(self) -> str:
        return f"<Signer pairs={len(self._started)} size={self._size} trusted={len(self._trusted)}>"

    @property
    def on(self) -> bool:
        """Whether signatures are demanded."""
        return bool(self._started)

    def sign(self, text: str | bytes) -> str:
        """Give the signature of a text by the first pair. Raises `ValueError` while signing is off."""
        if not self._started:
            raise ValueError("Signing is off")
        return self._digest(self._started[0], _octets(text)).decode()

    def require(self, segment: str) -> None:
        """Raise `SignatureMissing` if signing is off and what stands for the signature is an option (dialect §2.2)."""
        if not self._started and ":" in segment:
            raise SignatureMissing(_MISSING)

    def verify(self, signature: str, *texts: str | bytes) -> None:
        """Raise `SignatureMismatch` unless signing is off or one of the texts has this signature.

        The comparison is one of texts, so padding and foreign characters never pass (dialect §2.1).
        """
        if not self._started:
            return
        given = _octets(signature)
        known = [self._digest(started, _octets(text)) for text in texts for started in self._started]
        # All are compared, whatever was found: which of them matched must not show in the time it took.
        if not any([*map(hmac.compare_digest, repeat(given), (*known, *self._trusted))]):
            raise SignatureMismatch

    def _digest(self, started: _Started, text: bytes) -> bytes:
        return urlsafe_b64encode(started.digest(text)[: self._size]).rstrip(b"=")


class _Started:
    """HMAC-SHA256 (RFC 2104) that has absorbed key and salt; each signature goes on from copies.

    Every request pays for this, and copies of bare hashes take half as long as those of `hmac.HMAC`.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, pair: KeyPair) -> None:
        key = pair.key if len(pair.key) <= _BLOCK_BYTES else hashlib.sha256(pair.key).digest()
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(padded.translate(_INNER_PAD) + pair.salt)
        self._outer = hashlib.sha256(padded.translate(_OUTER_PAD))

    def digest(self, text: bytes) -> bytes:
        """Give the HMAC of salt and text."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()


def _octets(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")

"""Sources that a URL names without showing them (dialect §1.4, "Encrypted").

AES-CBC is imgproxy's. It hides, but does not notice what was changed: that is left to the signature. AES-GCM (NIST SP
800-38D) is ours, and refuses whatever was not sealed with the key.
"""

from __future__ import annotations

import hmac
from enum import StrEnum
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from imgproxy_py.errors import BadRequest

BLOCK_BYTES = 16
NONCE_BYTES = 12
_KEY_BYTES = frozenset({16, 24, 32})
_REFUSAL = "The encrypted source cannot be decrypted"


class CipherMode(StrEnum):
    """How sources are encrypted."""

    CBC = "cbc"
    GCM = "gcm"


class Sealing(Protocol):
    """Hides the text of a source, and shows it again."""

    def encrypt(self, plain: bytes) -> bytes:
        """Give what the URL carries: the same for the same text, so that one source always has one URL."""
        ...

    def decrypt(self, sealed: bytes) -> bytes:
        """Give back what was encrypted; raises `BadRequest`."""
        ...


def _checked(key: bytes) -> bytes:
    if len(key) not in _KEY_BYTES:
        raise ValueError(f"An encryption key has 16, 24 or 32 bytes, not {len(key)}")
    return key


class SourceCipher:
    """AES-CBC with PKCS#7 padding, the IV in front. Raises `ValueError` unless the key has 16, 24 or 32 bytes."""

    __slots__ = ("_algorithm", "_iv_key")

    def __init__(self, key: bytes) -> None:
        self._algorithm = AES(_checked(key))
        self._iv_key = hmac.digest(key, b"imgproxy_py source iv", "sha256")

    def encrypt(self, plain: bytes, iv: bytes | None = None) -> bytes:
        """Give IV and ciphertext.

        Without an `iv` (16 bytes) it is derived from the text, so that one source always has one URL and CDNs can
        cache it. Raises `ValueError` for an `iv` of another length.
        """
        iv = hmac.digest(self._iv_key, plain, "sha256")[:BLOCK_BYTES] if iv is None else iv
        padder = PKCS7(BLOCK_BYTES * 8).padder()
        encryptor = Cipher(self._algorithm, CBC(iv)).encryptor()
        return iv + encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()

    def decrypt(self, sealed: bytes) -> bytes:
        """Give back what was encrypted.

        Raises `BadRequest`, with the same words whatever was wrong: a difference would tell the text to who asks often.
        """
        try:
            return self._open(sealed[:BLOCK_BYTES], sealed[BLOCK_BYTES:])
        except ValueError:
            raise BadRequest(_REFUSAL) from None

    def _open(self, iv: bytes, ciphertext: bytes) -> bytes:
        decryptor = Cipher(self._algorithm, CBC(iv)).decryptor()
        unpadder = PKCS7(BLOCK_BYTES * 8).unpadder()
        return unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()


class AuthenticatedCipher:
    """AES-GCM, a nonce of 12 bytes in front, the tag at the end. Raises `ValueError` unless the key has 16, 24 or 32 bytes.

    The nonce is derived from the text, so no nonce is used for two texts (but for collisions of 96 bits of HMAC-SHA256).
    """

    __slots__ = ("_aead", "_nonce_key")

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(_checked(key))
        self._nonce_key = hmac.digest(key, b"imgproxy_py source nonce", "sha256")

    def encrypt(self, plain: bytes) -> bytes:
        """Give nonce, ciphertext and tag."""
        nonce = hmac.digest(self._nonce_key, plain, "sha256")[:NONCE_BYTES]
        return nonce + self._aead.encrypt(nonce, plain, None)

    def decrypt(self, sealed: bytes) -> bytes:
        """Give back what was encrypted; raises `BadRequest` for whatever was not sealed with this key, or changed."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
        except (InvalidTag, ValueError):
            raise BadRequest(_REFUSAL) from None


SEALINGS: dict[str, tuple[CipherMode, type[SourceCipher | AuthenticatedCipher]]] = {
    "enc": (CipherMode.CBC, SourceCipher),
    "enc-gcm": (CipherMode.GCM, AuthenticatedCipher),
}
"""How each kind of encrypted source begins in a URL. As base64 neither could begin the name of an original."""


def sealings(key: bytes, mode: CipherMode) -> dict[str, Sealing]:
    """Give what is read, by how it begins, what is written first: with `GCM` nothing but that, with `CBC` both."""
    readable = {marker: kind(key) for marker, (its, kind) in SEALINGS.items() if mode is CipherMode.CBC or its is mode}
    return dict(readable)

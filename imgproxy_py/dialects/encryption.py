"""Sources that a URL names without showing them (dialect §1.4, "Encrypted")."""

from __future__ import annotations

import hmac

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from imgproxy_py.errors import BadRequest

BLOCK_BYTES = 16
_KEY_BYTES = frozenset({16, 24, 32})


class SourceCipher:
    """AES-CBC with PKCS#7 padding, the IV in front. Raises `ValueError` unless the key has 16, 24 or 32 bytes."""

    __slots__ = ("_algorithm", "_iv_key")

    def __init__(self, key: bytes) -> None:
        if len(key) not in _KEY_BYTES:
            raise ValueError(f"An encryption key has 16, 24 or 32 bytes, not {len(key)}")
        self._algorithm = AES(key)
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
            raise BadRequest("The encrypted source cannot be decrypted") from None

    def _open(self, iv: bytes, ciphertext: bytes) -> bytes:
        decryptor = Cipher(self._algorithm, CBC(iv)).decryptor()
        unpadder = PKCS7(BLOCK_BYTES * 8).unpadder()
        return unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()

"""What every dialect offers: URL text to `ImageRequest` and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from imgproxy_py.recipe.request import ClientHints, ImageRequest


@dataclass(frozen=True, slots=True)
class SignedPath:
    """A request target cut into what signs and what is signed.

    `rest` is the text that a signature covers and that `Dialect.read` reads, after any repair of what proxies did to
    it. `received` is the same stretch as it arrived. Neither is percent-decoded.
    """

    signature: str
    rest: str
    received: str


class Dialect(Protocol):
    """One way of writing requests for pictures as URLs.

    A `target` is a raw HTTP request target: nothing of it decoded, with its query if it has one.
    """

    def split(self, target: str) -> SignedPath:
        """Cut a target into signature and rest.

        Raises `BadRequest` if it has not that shape, `SignatureMissing` if an option stands where it belongs.
        """
        ...

    @property
    def signing(self) -> bool:
        """Whether signatures are demanded."""
        ...

    def signed_texts(self, path: SignedPath) -> tuple[str, ...]:
        """Give the texts of which the signature may be one: the salt goes before each."""
        ...

    def verify(self, path: SignedPath) -> None:
        """Raise `SignatureMismatch` unless signing is off or the signature holds; takes constant time."""
        ...

    def read(self, path: SignedPath, *, hints: ClientHints | None = None, now: float) -> ImageRequest:
        """Say what is asked, without looking at the signature; `now` is in Unix seconds.

        Raises `BadRequest` for what is malformed, `OptionForbidden`, and `LinkExpired`.
        """
        ...

    def parse(self, target: str, *, hints: ClientHints | None = None, now: float) -> ImageRequest:
        """Split, verify and read, in this order."""
        ...

    def write(self, request: ImageRequest) -> str:
        """Give the canonical target that asks for this, signed when keys are configured.

        The request's own signature, its preset names and its negotiated formats are left out. Raises `ValueError` if
        this dialect, as configured, cannot say it: a target that is given always reads back as the request.
        """
        ...

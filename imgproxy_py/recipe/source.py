"""The name of an original."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRef:
    """Names an original.

    `location` is the text after `scheme://`: for `http` and `https` host, path and query as they go on the wire, for
    `local` the path below the root (with its leading slash), for object stores `bucket/key` with the key literal.
    `version` is an object's version id, blank for the newest. `hashsum` is the digest that its bytes must have, as
    `sha256:` and hex digits, blank for any (dialect §5.6). `passed` are headers of the caller that its server gets, pairs
    of lower-case name and value: what it gives to one caller need not be what it gives to another.
    """

    scheme: str
    location: str
    version: str = ""
    hashsum: str = ""
    passed: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def url(self) -> str:
        """The text `scheme://location`, without the version."""
        return f"{self.scheme}://{self.location}"

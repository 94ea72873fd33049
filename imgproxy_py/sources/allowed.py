"""The allow-list of sources (dialect §12): patterns that a source's URL must begin with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

_WEB = re.compile(r"(https?://[^/?#\\]*)(?=[?#\\]|\Z)", re.IGNORECASE)


class AllowedSources:
    """Prefixes in which `*` is any run without `/`; no prefixes at all permit everything.

    A prefix that ends in a bare host also matches longer hosts, so prefixes should end in `/`.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.patterns = tuple(patterns)
        prefixes = ("[^/]*".join(map(re.escape, pattern.split("*"))) for pattern in self.patterns)
        self._matching = re.compile("|".join(prefixes), re.DOTALL) if self.patterns else None

    def __repr__(self) -> str:
        return f"<AllowedSources: {', '.join(self.patterns) or 'all'}>"

    def permit(self, url: str) -> bool:
        """Tell whether a source's URL is on the list.

        A host that ends at `?` or `#` gets the slash it lacks, or `https://evil.test?.good.test/` would match
        `https://*.good.test/`; a path that climbs is on no list, since its server may resolve it to anywhere.
        """
        if self._matching is None:
            return True
        return not _climbs(url) and self._matching.match(_WEB.sub(r"\1/", url, count=1)) is not None


def _climbs(url: str) -> bool:
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    return ".." in re.split(r"[/\\]", unquote(path))

"""Drop the metadata that the result will not carry (dialect §7, step 17, done early because it is cheaper)."""

from __future__ import annotations

from imgproxy_py.engine.metadata import pruned
from imgproxy_py.engine.work import Work


def prune_metadata(work: Work) -> Work:
    """Give the work with just the metadata that may reach the output."""
    return work.showing(pruned(work.image, work.header, work.asked))

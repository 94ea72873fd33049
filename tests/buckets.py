"""Buckets of S3 to begin with."""

from __future__ import annotations

from imgproxy_py.errors import SourceMissing
from imgproxy_py.stores.s3 import S3

CONFLICT = 409


async def make_bucket(s3: S3, name: str) -> None:
    """Make a bucket unless it is there: from an earlier test, or from a first try whose answer did not come in time."""
    try:
        await s3.call("create_bucket", Bucket=name)
    except SourceMissing as error:
        if error.upstream_status != CONFLICT:
            raise

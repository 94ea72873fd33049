"""Puts files into the bucket of docker-compose.yml: runs in the service's image, which has a client for S3."""

# ruff: noqa: T201

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

BUCKET = os.environ["IMGPROXY_S3_ALLOWED_BUCKETS"]


def chosen(names: list[str]) -> list[Path]:
    """Give the named files, or all of this folder."""
    return [Path(name) for name in names] or sorted(path for path in Path().iterdir() if path.is_file())


async def upload(files: list[Path]) -> None:
    """Put files under their names."""
    async with get_session().create_client(
        "s3",
        endpoint_url=os.environ["IMGPROXY_S3_ENDPOINT"],
        region_name=os.environ["IMGPROXY_S3_REGION"],
        config=AioConfig(s3={"addressing_style": "path"}),
    ) as s3:
        if BUCKET not in {bucket["Name"] for bucket in (await s3.list_buckets())["Buckets"]}:
            await s3.create_bucket(Bucket=BUCKET)
        for file in files:
            await s3.put_object(Bucket=BUCKET, Key=file.name, Body=file.read_bytes())
            print(f"s3://{BUCKET}/{file.name}")


asyncio.run(upload(chosen(sys.argv[1:])))

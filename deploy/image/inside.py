"""What the image's trial runs inside of the container; prints JSON."""

# ruff: noqa: T201, S108

from __future__ import annotations

import asyncio
import errno
import importlib
import json
from pathlib import Path

import aiobotocore.session

AWS = ("s3", "sqs", "cloudfront", "sts", "sso", "sso-oidc", "signin")


def writing(path: str) -> str:
    """Say how an attempt to write ends."""
    try:
        Path(path).write_text("written")
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "written"


def modules_that_fail() -> list[str]:
    """Give the compiled modules of Python whose libraries are not here."""
    failing = []
    for library in Path("/usr/lib/python3.13/lib-dynload").glob("*.so"):
        name = library.name.split(".")[0]
        try:
            importlib.import_module(name)
        except ImportError:
            failing.append(name)
    return sorted(failing)


async def clients() -> list[str]:
    """Make a client of each service of AWS that is called or gives credentials."""
    session = aiobotocore.session.get_session()
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    for name in AWS:
        async with session.create_client(name, region_name="eu-central-1", **keys):
            pass
    return list(AWS)


print(
    json.dumps(
        {
            "/": writing("/file"),
            "/opt": writing("/opt/imgproxy-py/file"),
            "/tmp": writing("/tmp/file"),
            "failing": modules_that_fail(),
            "aws": asyncio.run(clients()),
        }
    )
)

"""S3 and Redis for real: where pictures come from before and after a restart, and what their outages do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from tests import pictures, servers
from tests.acceptance.clients import get_once
from tests.acceptance.service import IN_MEMORY, IN_REDIS, MADE, Answer, Service, serving

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": servers.ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": servers.SECRET_KEY,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
BUCKET = "acceptance"
UNREACHABLE = "Source is unreachable"


@contextmanager
def bucket(s3: servers.S3Server, name: str = BUCKET) -> Iterator[Any]:
    """A plain client of S3, and a bucket to begin with."""
    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=s3.url,
        region_name="us-east-1",
        aws_access_key_id=servers.ACCESS_KEY,
        aws_secret_access_key=servers.SECRET_KEY,
        config=Config(s3={"addressing_style": "path"}),
    )
    try:
        with suppress(client.exceptions.BucketAlreadyOwnedByYou):
            client.create_bucket(Bucket=name)
        yield client
    finally:
        client.close()


@contextmanager
def on_s3(directory: Path, s3: servers.S3Server, **variables: str) -> Iterator[Service]:
    settings = {
        "use_s3": "true",
        "s3_endpoint": s3.url,
        "s3_region": "us-east-1",
        "images_source": f"s3://{BUCKET}/pictures",
        "s3_connect_timeout": "1",
    }
    with serving(directory, around=CREDENTIALS, **settings, **variables) as running:
        yield running


def came(service: Service, answer: Answer) -> tuple[int, str, str]:
    """Status, the outcome in the log line, and what `Cache-Status` said."""
    return answer.status, service.line(answer)["outcome"], answer.cache


def test_a_picture_is_made_then_in_memory_then_after_a_restart_in_redis(
    weed_server: servers.S3Server, redis_server: servers.RedisServer, tmp_path: Path
) -> None:
    target = f"/unsafe/rs:fill:100:100/plain/s3://{BUCKET}/pictures/cat.png"
    again = "/images/cat.png?w=100&h=100&fit=cover&format=png"
    with bucket(weed_server) as s3:
        s3.put_object(Bucket=BUCKET, Key="pictures/cat.png", Body=pictures.png(pictures.marked(600, 400)))
    settings = {"redis_url": redis_server.url, "redis_key_prefix": f"{tmp_path}:"}
    with on_s3(tmp_path, weed_server, **settings) as first:
        made = first.get(target)
        assert came(first, made) == (200, "made", MADE)
        assert made.size == (100, 100)
        assert came(first, first.get(target)) == (200, "memory", IN_MEMORY)
    with on_s3(tmp_path, weed_server, **settings) as second:
        found = second.get(target)
        assert came(second, found) == (200, "redis", IN_REDIS)
        assert (found.body, found.headers["ETag"]) == (made.body, made.headers["ETag"])
        assert found.headers["Last-Modified"] == made.headers["Last-Modified"]
        assert came(second, second.get(target)) == (200, "memory", IN_MEMORY)
        assert second.get(again).status == 200
        assert second.metric("cache_hits_total", tier="redis") >= 1


@contextmanager
def versioned(s3: Any, key: str, *sizes: tuple[int, int]) -> Iterator[list[str]]:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield [
        s3.put_object(Bucket=BUCKET, Key=key, Body=pictures.png(pictures.marked(*size)))["VersionId"] for size in sizes
    ]


@pytest.mark.parametrize("kind", ["weed_server", "moto_server"])
def test_each_version_of_an_object_is_a_picture_of_its_own(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server: servers.S3Server = request.getfixturevalue(kind)
    with bucket(server) as s3, versioned(s3, "v.png", (30, 20), (50, 40)) as (older, newer):
        with on_s3(tmp_path, server) as service:
            for version, size in ((older, (30, 20)), (newer, (50, 40)), ("", (50, 40))):
                query = f"%3F{version}" if version else ""
                for _ in range(2):
                    assert service.get(f"/unsafe/plain/s3://{BUCKET}/v.png{query}").size == size
            missing = service.get(f"/unsafe/plain/s3://{BUCKET}/v.png%3Fnone")
            assert missing.said in [(status, UNREACHABLE) for status in (400, 404)]


def test_what_is_not_in_the_bucket_is_missing(weed_server: servers.S3Server, tmp_path: Path) -> None:
    with bucket(weed_server), on_s3(tmp_path, weed_server) as service:
        assert service.get(f"/unsafe/plain/s3://{BUCKET}/none.png").said == (404, UNREACHABLE)
        assert service.get("/unsafe/plain/s3://nobucket/none.png").said == (404, UNREACHABLE)
        answer = service.get("/images/none.png?w=10")
        assert (answer.status, answer.problem["type"]) == (404, "source-missing")


def test_without_s3_misses_are_unreachable_and_hits_are_served(
    redis_server: servers.RedisServer, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    in_memory, in_redis = (f"/unsafe/w:{width}/plain/s3://{BUCKET}/pictures/cat.png" for width in (70, 80))
    settings = {"redis_url": redis_server.url, "redis_key_prefix": f"{tmp_path}:", "originals_cache_bytes": "0"}
    with servers.weed_server(tmp_path_factory.mktemp("weed-to-end")) as weed:
        with bucket(weed) as s3:
            s3.put_object(Bucket=BUCKET, Key="pictures/cat.png", Body=pictures.png(pictures.marked(600, 400)))
        with on_s3(tmp_path, weed, **settings) as before:
            assert before.get(in_redis).status == 200
        with on_s3(tmp_path, weed, **settings) as service:
            assert service.get(in_memory).status == 200
            weed.server.kill()
            miss = service.get(f"/unsafe/w:90/plain/s3://{BUCKET}/pictures/cat.png")
            assert miss.said == (404, UNREACHABLE)
            problem = service.get("/images/cat.png?w=91")
            assert (problem.status, problem.problem["type"]) == (502, "source-unreachable")
            assert problem.headers["Cache-Control"] == "no-store"
            assert miss.seconds < 3
            assert came(service, service.get(in_memory)) == (200, "memory", IN_MEMORY)
            assert came(service, service.get(in_redis)) == (200, "redis", IN_REDIS)
            assert service.is_alive()


async def keep_asking(service: Service, width: int, ends: float) -> list[tuple[int, float]]:
    """Ask for new and for known pictures in turn until a moment."""
    answers = []
    while time.monotonic() < ends:
        known = "/unsafe/w:30/plain/local:///a.png"
        fresh = f"/unsafe/w:{width}/q:{1 + len(answers) % 100}/cb:{len(answers)}/plain/local:///a.png"
        for target in (known, fresh):
            answer = await get_once(service.port, target)
            answers.append((answer.status, answer.seconds))
        width += 20
    return answers


@pytest.mark.parametrize("memory", ["0", pytest.param("134217728", marks=pytest.mark.slow)])
async def test_redis_may_die_under_load_without_a_failed_request(memory: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(pictures.png(pictures.marked(300, 200)))
    settings = {"local_filesystem_root": str(tmp_path), "memory_cache_bytes": memory}
    with servers.redis_server(tmp_path) as redis, serving(tmp_path, redis_url=redis.url, **settings) as service:
        ends = time.monotonic() + 2.5
        asking = [asyncio.create_task(keep_asking(service, 31 + client, ends)) for client in range(16)]
        await asyncio.sleep(0.8)
        assert service.metric("cache_puts_total", tier="redis") > 0
        await asyncio.to_thread(redis.server.kill)
        answers = [answer for one in await asyncio.gather(*asking) for answer in one]
        assert {status for status, _ in answers} == {200}
        assert len(answers) > 100
        assert service.metric("cache_errors_total", tier="redis") > 0
        assert service.is_alive()
        print(f"{len(answers)} answers, the slowest in {max(seconds for _, seconds in answers):.3f} s")

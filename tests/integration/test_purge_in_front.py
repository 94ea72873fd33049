"""What answers carry as cache tags is what CloudFront is told to forget, byte for byte; paths reach it as well."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from yarl import URL

from imgproxy_py.assembly import open_application
from imgproxy_py.settings import Settings
from tests import servers
from tests.factories import png

SECRET = "a secret of its own"


@dataclass
class Service:
    session: ClientSession
    base: str
    cloudfront: Any
    distribution: str

    async def tags(self, target: str) -> list[str]:
        async with self.session.get(URL(self.base + target, encoded=True)) as answer:
            assert answer.status == 200, await answer.text()
            return answer.headers["Cache-Tag"].split(",")

    async def purge(self, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {SECRET}"}
        async with self.session.post(f"{self.base}/purge", json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    def items(self) -> set[str]:
        """All items of all invalidations there are."""
        listed = self.cloudfront.list_invalidations(DistributionId=self.distribution)["InvalidationList"]
        found = (
            self.cloudfront.get_invalidation(DistributionId=self.distribution, Id=one["Id"])
            for one in listed.get("Items", [])
        )
        return {item for one in found for item in one["Invalidation"]["InvalidationBatch"]["Paths"]["Items"]}


@pytest.fixture
async def service(moto_server: servers.S3Server, aws_credentials: None, tmp_path: Path) -> AsyncIterator[Service]:
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "the cat.png").write_bytes(png())
    cloudfront = boto3.client("cloudfront", endpoint_url=moto_server.url, region_name="us-east-1")
    distribution = servers.made_distribution(cloudfront)
    settings = {
        "local_filesystem_root": str(tmp_path),
        "images_source": "local:///",
        "presets": "card=w:8",
        "cache_tag_headers": ("Cache-Tag",),
        "purge_secret": SECRET,
        "purge_cloudfront_distribution": distribution,
        "purge_cloudfront_endpoint": moto_server.url,
        "purge_cloudfront_gather": 0,
    }
    async with AsyncExitStack() as opening:
        application = await opening.enter_async_context(open_application(Settings.load(settings)))
        server = TestServer(application)
        await opening.enter_async_context(server)
        session = await opening.enter_async_context(ClientSession())
        yield Service(session, f"http://127.0.0.1:{server.port}", cloudfront, distribution)


async def test_the_tags_of_answers_are_those_that_are_invalidated(service: Service) -> None:
    tags = await service.tags("/_/preset:card/cache_tags:summer/plain/local:///pets/the%20cat.png")
    assert len(tags) == 3
    status, told = await service.purge(sources=["local:///pets/the cat.png"], tags=["preset-card", "summer"])
    assert (status, told["complete"], told["edges"][0]["refused"]) == (200, True, False)
    assert service.items() == {f"#{tag}" for tag in tags}


@pytest.mark.parametrize(
    ("named", "target"),
    [
        ("pets/the cat.png", "/images/pets/the%20cat.png?w=8"),
        ("pets/the cat.png", "/_/w:9/plain/local:///pets/the%20cat.png@png"),
        ("local:///pets/the cat.png", "/images/pets/the%20cat.png?w=10&format=png"),
        ("local:///pets/the cat.png", "/_/raw:1/plain/local:///pets/the%20cat.png"),
    ],
)
async def test_however_an_original_is_named_its_answers_carry_the_tag(
    named: str, target: str, service: Service
) -> None:
    tags = await service.tags(target)
    await service.purge(sources=[named])
    assert service.items() == {f"#{tag}" for tag in tags}


async def test_paths_reach_the_distribution_and_not_our_own_caches(service: Service) -> None:
    await service.tags("/images/pets/the%20cat.png?w=8")
    status, told = await service.purge(paths=["/images/pets/*", "/images/a.png?w=8"])
    assert (status, told["complete"], told["names"], told["forgotten"]) == (200, True, 2, 0)
    assert service.items() == {"/images/pets/*", "/images/a.png?w=8"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"paths": ["images/a"]}, "paths: 'images/a', expected a path as it goes on the wire, * at its end only"),
        ({"paths": ["/a*b"]}, "paths: '/a*b', expected a path as it goes on the wire, * at its end only"),
        ({"paths": ["/a"], "edges": False}, "paths are for caches in front, and none is told"),
    ],
)
async def test_paths_that_come_to_nothing_are_refused(body: Any, reason: str, service: Service) -> None:
    status, told = await service.purge(**body)
    assert (status, told["detail"]) == (400, reason)
    assert service.items() == set()

"""What every cache in front of the service is asked, whichever it is, and in the words that its documentation wants."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from imgproxy_py.edges import EdgeSettings, Told, open_edges, tell
from imgproxy_py.edges.akamai import AkamaiSettings, authorization
from tests import servers

TAGS = ["source-0123456789abcdef", "preset-card"]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass
class Api:
    """A server that remembers what it was asked, and answers what it is told to."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answer: Callable[[], web.Response] = web.Response

    async def handle(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.method, request.raw_path, headers, await request.read()))
        return self.answer()


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    api = Api()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", api.handle)
    async with TestServer(application) as server:
        api.url = f"http://127.0.0.1:{server.port}"
        yield api


def varnish(url: str) -> dict[str, object]:
    return {"purge_varnish_urls": (url,), "purge_varnish_secret": "hunter2"}


def fastly(url: str) -> dict[str, object]:
    return {"purge_fastly_url": url, "purge_fastly_service": "SU1Z0isxPaozGVKXdv0eY", "purge_fastly_token": "hunter2"}


def cloudflare(url: str) -> dict[str, object]:
    return {
        "purge_cloudflare_url": f"{url}/client/v4",
        "purge_cloudflare_zone": "023e",
        "purge_cloudflare_token": "hunter2",
    }


def bunny(url: str) -> dict[str, object]:
    return {"purge_bunny_url": url, "purge_bunny_zone": "42", "purge_bunny_key": "hunter2"}


def akamai(url: str) -> dict[str, object]:
    tokens = {f"purge_akamai_{name}": "hunter2" for name in ("client_token", "client_secret", "access_token")}
    return {"purge_akamai_url": url, **tokens}


GOOD: dict[str, Callable[[], web.Response]] = {
    "varnish": lambda: web.Response(text="purged 7\n"),
    "fastly": lambda: web.json_response({TAGS[0]: "108-1391560174-974124"}),
    "cloudflare": lambda: web.json_response({"success": True, "errors": [], "messages": [], "result": {"id": "023e"}}),
    "bunny": lambda: web.Response(status=204),
    "akamai": lambda: web.json_response({"httpStatus": 201, "purgeId": "e", "estimatedSeconds": 5}, status=201),
}
KINDS = {"varnish": varnish, "fastly": fastly, "cloudflare": cloudflare, "bunny": bunny, "akamai": akamai}


async def told(settings: dict[str, object], tags: list[str] = TAGS) -> list[Told]:
    async with open_edges(EdgeSettings.model_validate(settings)) as edges:
        return await tell(edges, tags)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# --- all alike ---------------------------------------------------------------------------------------------------------


async def test_every_tag_is_named_and_the_edge_says_so(kind: str, api: Api) -> None:
    api.answer = GOOD[kind]
    (one,) = await told(KINDS[kind](api.url))
    assert not one.refused
    assert one.edge.startswith(kind)
    sent = " ".join(f"{asked.headers} {asked.body!r}" for asked in api.asked)
    assert all(tag in sent for tag in TAGS)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 429, 500, 503])
async def test_what_is_no_success_is_a_refusal_with_its_reason(status: int, kind: str, api: Api) -> None:
    api.answer = lambda: web.Response(status=status, text="not for\n you", headers={"Location": "/elsewhere"})
    (one,) = await told(KINDS[kind](api.url))
    assert (one.refused, one.said) == (True, f"{status} not for you")
    assert len(api.asked) == 1


async def test_nobody_there_is_a_refusal(kind: str) -> None:
    (port,) = servers.free_ports(1)
    (one,) = await told(KINDS[kind](f"http://127.0.0.1:{port}"))
    assert (one.refused, one.said) == (True, "cannot be asked (ClientConnectorError)")


async def test_silence_is_a_refusal(kind: str) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        (one,) = await told({**KINDS[kind](url), "purge_timeout": 0.2})
    assert (one.refused, one.said) == (True, "no answer in time")


async def test_no_secret_is_ever_told(kind: str, api: Api) -> None:
    settings = EdgeSettings.model_validate(KINDS[kind](api.url))
    assert "hunter2" not in repr(settings)
    api.answer = lambda: web.Response(status=403)
    assert "hunter2" not in repr(await told(KINDS[kind](api.url)))


async def test_a_secret_that_is_missing_is_named(kind: str, api: Api) -> None:
    lacking = {name: "" if value == "hunter2" else value for name, value in KINDS[kind](api.url).items()}
    prefix = f"IMGPROXY_PURGE_{kind.upper()}_"
    with pytest.raises(ValueError, match=rf"{prefix}\w+='': expected a value, since {prefix}"):
        await told(lacking)
    assert api.asked == []


async def test_many_tags_are_divided_among_calls(kind: str, api: Api) -> None:
    api.answer = GOOD[kind]
    tags = [f"source-{number:016x}" for number in range(600)]
    (one,) = await told(KINDS[kind](api.url), tags)
    assert not one.refused
    sent = " ".join(f"{asked.headers} {asked.body!r}" for asked in api.asked)
    assert all(sent.count(tag) == 1 for tag in tags)
    longest = {"varnish": 100, "fastly": 256, "cloudflare": 30, "bunny": 1, "akamai": 100}[kind]
    assert len(api.asked) == -(-600 // longest)


async def test_one_that_refuses_keeps_no_other_from_it(api: Api) -> None:
    (port,) = servers.free_ports(1)
    api.answer = GOOD["varnish"]
    several = {**varnish(api.url), "purge_varnish_urls": (api.url, f"{api.url}/")}
    found = await told(several | bunny(f"http://127.0.0.1:{port}"))
    assert [(one.edge.split()[0], one.refused) for one in found] == [
        ("varnish", False),
        ("varnish", False),
        ("bunny", True),
    ]


async def test_none_is_configured_by_default() -> None:
    assert await told({}) == []


# --- each in its own words ---------------------------------------------------------------------------------------------


async def test_varnish_is_asked_to_purge_keys(api: Api) -> None:
    api.answer = GOOD["varnish"]
    (one,) = await told(varnish(api.url))
    (asked,) = api.asked
    assert (asked.method, asked.path) == ("PURGE", "/")
    assert asked.headers["xkey-purge"] == "source-0123456789abcdef preset-card"
    assert asked.headers["authorization"] == "Bearer hunter2"
    assert one.said == "7 objects"


async def test_fastly_is_posted_surrogate_keys(api: Api) -> None:
    api.answer = GOOD["fastly"]
    await told(fastly(api.url))
    (asked,) = api.asked
    assert (asked.method, asked.path) == ("POST", "/service/SU1Z0isxPaozGVKXdv0eY/purge")
    assert asked.headers["surrogate-key"] == "source-0123456789abcdef preset-card"
    assert asked.headers["fastly-key"] == "hunter2"
    assert asked.headers["accept"] == "application/json"


async def test_cloudflare_is_posted_tags(api: Api) -> None:
    api.answer = GOOD["cloudflare"]
    await told(cloudflare(api.url))
    (asked,) = api.asked
    assert (asked.method, asked.path) == ("POST", "/client/v4/zones/023e/purge_cache")
    assert asked.headers["authorization"] == "Bearer hunter2"
    assert asked.headers["content-type"] == "application/json"
    assert asked.content == {"tags": TAGS}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {"success": False, "errors": [{"code": 1012, "message": "Request must contain one of …"}]},
            "Request must contain one of …",
        ),
        ({"success": False, "errors": []}, "did not say that it succeeded"),
        ({}, "did not say that it succeeded"),
    ],
)
async def test_cloudflare_may_refuse_with_200(content: object, said: str, api: Api) -> None:
    api.answer = lambda: web.json_response(content)
    (one,) = await told(cloudflare(api.url))
    assert (one.refused, one.said) == (True, said)


async def test_bunny_is_posted_one_tag_after_another(api: Api) -> None:
    api.answer = GOOD["bunny"]
    await told(bunny(api.url))
    assert [(one.method, one.path, one.content) for one in api.asked] == [
        ("POST", "/pullzone/42/purgeCache", {"CacheTag": tag}) for tag in TAGS
    ]
    assert api.asked[0].headers["accesskey"] == "hunter2"


async def test_akamai_is_posted_objects_and_a_signature(api: Api) -> None:
    api.answer = GOOD["akamai"]
    await told({**akamai(api.url), "purge_akamai_network": "staging"})
    (asked,) = api.asked
    assert (asked.method, asked.path) == ("POST", "/ccu/v3/invalidate/tag/staging")
    assert asked.content == {"objects": TAGS}
    assert asked.headers["content-type"] == "application/json"
    head, _, signature = asked.headers["authorization"].partition("signature=")
    assert head.startswith("EG1-HMAC-SHA256 client_token=hunter2;access_token=hunter2;timestamp=")
    assert len(signature) == 44


def test_akamai_s_signature_is_the_one_that_its_own_client_makes() -> None:
    """The expected one is what edgegrid-python 2.0.9 gave for the same request."""
    host = "https://akab-host.luna.akamaiapis.net"
    settings = AkamaiSettings.model_validate(
        {
            "purge_akamai_client_token": "akab-client",
            "purge_akamai_client_secret": "a secret of tests=",
            "purge_akamai_access_token": "akab-access",
        }
    )
    made = authorization(
        settings,
        f"{host}/ccu/v3/invalidate/tag/production",
        b'{"objects":["source-1","preset-card"]}',
        "20261121T05:00:00+0000",
        "0b8a1c1e-0000-4000-8000-000000000001",
    )
    assert made == (
        "EG1-HMAC-SHA256 client_token=akab-client;access_token=akab-access;timestamp=20261121T05:00:00+0000;"
        "nonce=0b8a1c1e-0000-4000-8000-000000000001;signature=N5C5Cd3wCHe+LgCthAwxFqnWopd6GciDvJwYUtYHhkA="
    )


# --- CloudFront, against moto ------------------------------------------------------------------------------------------


@pytest.fixture
def cloudfront(moto_server: servers.S3Server, aws_credentials: None) -> Any:
    return boto3.client("cloudfront", endpoint_url=moto_server.url, region_name="us-east-1")


def made_distribution(client: Any) -> str:
    origins = {"Quantity": 1, "Items": [{"Id": "service", "DomainName": "img.example.com"}]}
    behaviour = {"TargetOriginId": "service", "ViewerProtocolPolicy": "redirect-to-https", "CachePolicyId": "any"}
    made = client.create_distribution(
        DistributionConfig={
            "CallerReference": "tests",
            "Comment": "",
            "Enabled": True,
            "Origins": origins,
            "DefaultCacheBehavior": behaviour,
        }
    )
    return str(made["Distribution"]["Id"])


async def test_cloudfront_gets_one_invalidation_of_tags(moto_server: servers.S3Server, cloudfront: Any) -> None:
    identity = made_distribution(cloudfront)
    settings = {"purge_cloudfront_distribution": identity, "purge_cloudfront_endpoint": moto_server.url}
    (one,) = await told(settings)
    assert not one.refused
    (listed,) = cloudfront.list_invalidations(DistributionId=identity)["InvalidationList"]["Items"]
    assert one.said == f"invalidation {listed['Id']}"
    found = cloudfront.get_invalidation(DistributionId=identity, Id=listed["Id"])["Invalidation"]["InvalidationBatch"]
    assert found["Paths"] == {"Quantity": 2, "Items": [f"#{tag}" for tag in TAGS]}
    assert len(found["CallerReference"]) == 36


async def test_cloudfront_refuses_for_a_distribution_that_is_not_there(
    moto_server: servers.S3Server, aws_credentials: None
) -> None:
    settings = {"purge_cloudfront_distribution": "NONE", "purge_cloudfront_endpoint": moto_server.url}
    (one,) = await told(settings)
    assert one.refused
    assert one.said.startswith("NoSuchDistribution: ")


async def test_cloudfront_that_cannot_be_reached_is_a_refusal(aws_credentials: None) -> None:
    (port,) = servers.free_ports(1)
    endpoint = f"http://127.0.0.1:{port}"
    settings = {"purge_cloudfront_distribution": "E1", "purge_cloudfront_endpoint": endpoint, "purge_timeout": 1}
    (one,) = await told(settings)
    assert (one.refused, one.said) == (True, "cannot be asked (EndpointConnectionError)")

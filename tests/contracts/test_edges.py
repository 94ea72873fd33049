"""What every cache in front of the service is asked, whichever it is, and in the words that its documentation wants."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from aiohttp import ClientSession, web

from imgproxy_py.edges import EdgeRefused, EdgeSettings, Told, is_path, open_edges, tell
from imgproxy_py.edges.akamai import AkamaiSettings, authorization
from imgproxy_py.edges.cloudfront import CloudFront
from tests import servers
from tests.fakes import answering

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
    async with answering(api.handle) as api.url:
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


# --- paths -------------------------------------------------------------------------------------------------------------


async def test_who_knows_no_paths_says_so_and_forgets_tags_all_the_same(kind: str, api: Api) -> None:
    api.answer = GOOD[kind]
    async with open_edges(EdgeSettings.model_validate(KINDS[kind](api.url))) as edges:
        (both,) = await tell(edges, TAGS, ["/images/*"])
        asked = len(api.asked)
        (alone,) = await tell(edges, [], ["/images/*"])
    assert asked
    assert (both.refused, both.said.endswith("; knows no paths")) == (True, True)
    assert (alone.refused, alone.said, len(api.asked)) == (True, "knows no paths", asked)


@pytest.mark.parametrize(
    "path", ["/", "/*", "/images/a.jpg", "/images/a%20b.jpg?w=1&h=2", "/images/a*", "/_/w:8/x@webp"]
)
def test_a_path_is_what_goes_on_the_wire(path: str) -> None:
    assert is_path(path)


@pytest.mark.parametrize(
    "path", ["", "*", "images", "/a*b", "/**", "/a b", "/\u00e9", "/a\n", "#tag", f"/{'a' * 4000}"]
)
def test_other_texts_are_no_paths(path: str) -> None:
    assert not is_path(path)


# --- CloudFront, against moto ------------------------------------------------------------------------------------------


def refusal(code: str, status: int = 400) -> web.Response:
    said = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
    return web.Response(status=status, text=said, content_type="text/xml")


@dataclass
class Distribution:
    """A distribution at moto, and what is in front of it: a door that refuses orders as it is told to."""

    identity: str
    client: Any
    upstream: str
    url: str = ""
    refusals: list[web.Response] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(body := await request.read())
        if self.refusals:
            return self.refusals.pop(0)
        headers = {"Authorization": request.headers["Authorization"]}  # by which moto knows which service is meant
        async with ClientSession() as session:
            async with session.post(self.upstream + request.raw_path, data=body, headers=headers) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type="text/xml")

    def settings(self, **changed: object) -> dict[str, object]:
        given = {"purge_cloudfront_distribution": self.identity, "purge_cloudfront_endpoint": self.url}
        return {**given, "purge_cloudfront_gather": 0.05, "purge_cloudfront_patience": 5.0, **changed}

    def items(self) -> list[list[str]]:
        """The items of every invalidation there is, in the order of their making."""
        listed = self.client.list_invalidations(DistributionId=self.identity)["InvalidationList"].get("Items", [])
        found = [self.client.get_invalidation(DistributionId=self.identity, Id=one["Id"]) for one in listed]
        batches = [one["Invalidation"]["InvalidationBatch"]["Paths"] for one in found]
        assert all(one["Quantity"] == len(one["Items"]) for one in batches)
        return [list(one["Items"]) for one in batches]

    def references(self) -> list[str]:
        found = [re.search(rb"<CallerReference>(.*?)</CallerReference>", one) for one in self.asked]
        return [one[1].decode() for one in found if one]


@pytest.fixture
async def distribution(moto_server: servers.S3Server, aws_credentials: None) -> AsyncIterator[Distribution]:
    client = boto3.client("cloudfront", endpoint_url=moto_server.url, region_name="us-east-1")
    made = Distribution(servers.made_distribution(client), client, moto_server.url)
    async with answering(made.handle) as made.url:
        yield made


@pytest.fixture
async def edge(distribution: Distribution) -> AsyncIterator[CloudFront]:
    async with open_edges(EdgeSettings.model_validate(distribution.settings())) as edges:
        (one,) = edges
        assert isinstance(one, CloudFront)
        yield one


async def test_cloudfront_gets_one_invalidation_of_tags(distribution: Distribution) -> None:
    (one,) = await told(distribution.settings())
    assert not one.refused
    assert distribution.items() == [[f"#{tag}" for tag in TAGS]]
    (listed,) = distribution.client.list_invalidations(DistributionId=distribution.identity)["InvalidationList"][
        "Items"
    ]
    assert one.said == f"invalidation {listed['Id']}"


async def test_orders_within_a_moment_become_one_invalidation(distribution: Distribution, edge: CloudFront) -> None:
    orders = [edge.forget(["source-1"]), edge.forget(["source-2", "source-1"]), edge.forget([], ["/images/a*", "/b"])]
    said = await asyncio.gather(*orders)
    assert len(set(said)) == 1
    assert sorted(distribution.items()) == [["#source-1", "#source-2", "/b"], ["/images/a*"]]
    await edge.forget(["source-1"])
    assert len(distribution.asked) == 3


async def test_orders_that_come_while_one_is_tried_become_the_next(
    distribution: Distribution, edge: CloudFront
) -> None:
    distribution.refusals = [refusal("Throttling", 429), refusal("TooManyInvalidationsInProgress")]
    first = asyncio.create_task(edge.forget(["a"]))
    while not distribution.asked:  # noqa: ASYNC110 - a server's memory, not an event of ours
        await asyncio.sleep(0.01)
    later = [asyncio.create_task(edge.forget([f"later-{number}"])) for number in range(50)]
    await asyncio.gather(first, *later)
    assert distribution.items() == [["#a"], [f"#later-{number}" for number in range(50)]]


@pytest.mark.parametrize(
    "refused", [("TooManyInvalidationsInProgress", 400), ("Throttling", 400), ("ServiceUnavailable", 503)]
)
async def test_what_may_succeed_later_is_tried_again_under_the_same_reference(
    refused: tuple[str, int], distribution: Distribution
) -> None:
    distribution.refusals = [refusal(*refused) for _ in range(3)]
    (one,) = await told(distribution.settings())
    assert (one.refused, distribution.items()) == (False, [[f"#{tag}" for tag in TAGS]])
    assert len(distribution.asked) == 4
    assert len(set(distribution.references())) == 1


async def test_patience_has_an_end(distribution: Distribution) -> None:
    distribution.refusals = [refusal("TooManyInvalidationsInProgress") for _ in range(100)]
    (one,) = await told(distribution.settings(purge_cloudfront_patience=1.2))
    assert (one.refused, one.said) == (True, "TooManyInvalidationsInProgress: no")
    assert 2 <= len(distribution.asked) <= 4


async def test_other_refusals_are_told_at_once(distribution: Distribution) -> None:
    distribution.refusals = [refusal("AccessDenied", 403)]
    (one,) = await told(distribution.settings())
    assert (one.refused, one.said, len(distribution.asked)) == (True, "AccessDenied: no", 1)


async def test_more_than_may_be_in_progress_is_divided(distribution: Distribution, edge: CloudFront) -> None:
    tags = [f"source-{number:016x}" for number in range(3500)]
    said = await edge.forget(tags, [f"/{number}*" for number in range(20)])
    assert said.count(",") == 3
    found = distribution.items()
    assert sorted(map(len, found)) == [5, 15, 500, 3000]
    assert {item for one in found for item in one} >= {f"#{tag}" for tag in tags}


async def test_who_leaves_takes_no_order_along(distribution: Distribution, edge: CloudFront) -> None:
    leaving = asyncio.create_task(edge.forget(["a"]))
    await asyncio.sleep(0)
    staying = asyncio.create_task(edge.forget(["b"]))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    assert distribution.items() == [["#a", "#b"]]


async def test_the_end_waits_for_what_was_ordered(distribution: Distribution) -> None:
    async with open_edges(EdgeSettings.model_validate(distribution.settings())) as edges:
        ordered = asyncio.create_task(edges[0].forget(["a"]))
        await asyncio.sleep(0)
        ordered.cancel()
    assert distribution.items() == [["#a"]]


async def test_the_end_does_not_wait_for_room(distribution: Distribution) -> None:
    distribution.refusals = [refusal("TooManyInvalidationsInProgress") for _ in range(100)]
    settings = distribution.settings(purge_cloudfront_gather=60.0, purge_cloudfront_patience=60.0)
    started = asyncio.get_running_loop().time()
    async with open_edges(EdgeSettings.model_validate(settings)) as edges:
        ordered = asyncio.create_task(edges[0].forget(["a"]))
        await asyncio.sleep(0)
    with pytest.raises(EdgeRefused, match="TooManyInvalidationsInProgress: no"):
        await ordered
    assert asyncio.get_running_loop().time() - started < 20
    assert len(distribution.asked) == 1


async def test_cloudfront_refuses_for_a_distribution_that_is_not_there(distribution: Distribution) -> None:
    (one,) = await told(distribution.settings(purge_cloudfront_distribution="NONE"))
    assert one.refused
    assert one.said.startswith("NoSuchDistribution: ")


async def test_cloudfront_that_cannot_be_reached_is_a_refusal(aws_credentials: None) -> None:
    (port,) = servers.free_ports(1)
    settings = {
        "purge_cloudfront_distribution": "E1",
        "purge_cloudfront_endpoint": f"http://127.0.0.1:{port}",
        "purge_cloudfront_gather": 0,
        "purge_timeout": 1,
    }
    (one,) = await told(settings)
    assert (one.refused, one.said) == (True, "cannot be asked (EndpointConnectionError)")

"""Placeholders and `best` over HTTP."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

from imgproxy_py.engine.placeholders import blurhash, thumbhash
from imgproxy_py.recipe.formats import Format, sniff
from imgproxy_py.web.middlewares import CONTENT_SECURITY_POLICY
from tests import pictures
from tests.factories import SVG, jpeg, make_original, make_picture
from tests.fakes import FakeSource
from tests.unit.engine.making import opened

NAMES = pytest.mark.parametrize("name", ["blurhash", "thumbhash", "lqip"])


def targets(name: str) -> tuple[str, ...]:
    source = "plain/s3://bucket/cat.jpg"
    return f"/_/w:16/f:{name}/{source}", f"/_/w:16/{source}@{name}", f"/images/cat.jpg?w=16&format={name}"


@NAMES
async def test_a_placeholder_is_json_in_every_dialect(client, name):
    answers = [await client.get(target) for target in targets(name)]
    for answer in answers:
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-disposition"] == 'inline; filename="cat.json"'
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "max-age=31536000, public"
        assert answer.headers["content-length"] == str(len(answer.body))
        assert len(answer.headers["etag"]) == 26
        found = json.loads(answer.body)
        assert found.keys() == {name, "width", "height"}
        assert (found["width"], found["height"]) == (16, 12)
    assert len({answer.body for answer in answers}) == 1
    assert answers[-1].headers["cache-status"] == "imgproxy-py; hit; detail=memory"


async def test_a_placeholder_is_of_the_picture_asked_for(client):
    hashed = json.loads((await client.get(targets("blurhash")[0])).body)["blurhash"]
    small = json.loads((await client.get(targets("thumbhash")[0])).body)["thumbhash"]
    seen = opened((await client.get("/_/w:16/f:png/plain/s3://bucket/cat.jpg")).body)
    assert hashed == blurhash(seen, 4, 3)
    assert b64decode(small) == thumbhash(seen)


@NAMES
async def test_a_placeholder_is_304_for_those_who_have_it_and_head_has_no_body(client, name):
    answer = await client.get(targets(name)[0])
    known = await client.get(targets(name)[0], If_None_Match=answer.headers["etag"])
    assert (known.status, known.body) == (304, b"")
    head = await client.get(targets(name)[0], method="HEAD")
    assert (head.status, head.headers["content-type"], head.body) == (200, "application/json", b"")


async def test_a_placeholder_does_not_vary_by_what_a_client_accepts(serve):
    client = await serve(auto_webp=True, enforce_avif=True)
    answer = await client.get(targets("blurhash")[0], Accept="image/avif,image/webp")
    assert answer.headers["content-type"] == "application/json"
    assert "vary" not in answer.headers


@NAMES
async def test_drawings_and_transparent_pictures_have_placeholders(serve, name):
    faded = pictures.png(pictures.with_alpha(pictures.marked(60, 40)))
    for data in (SVG, faded, pictures.jpeg(pictures.cmyk(pictures.marked(60, 40))), pictures.gif(pictures.animation())):
        client = await serve(source=FakeSource(make_original(data)))
        answer = await client.get(targets(name)[0])
        assert answer.status == 200
        assert json.loads(answer.body)[name]


def test_logs_and_files_name_a_placeholder_for_what_it_is():
    from imgproxy_py.recipe.model import Placeholder

    picture = make_picture(placeholder=Placeholder.LQIP)
    assert (picture.kind, picture.media_type, picture.extension) == ("lqip", "application/json", ".json")
    assert (make_picture().kind, make_picture().media_type, make_picture().extension) == ("jpeg", "image/jpeg", ".jpg")


async def test_best_is_negotiated(serve):
    photo = pictures.jpeg(pictures.noise(64, 48), Q=95)
    client = await serve(source=FakeSource(make_original(photo)), auto_webp=True, auto_avif=True)
    target = "/_/f:best/plain/s3://bucket/cat.jpg"
    sizes = {}
    for accept in ("*/*", "image/webp", "image/avif,image/webp"):
        answer = await client.get(target, Accept=accept)
        assert answer.headers["vary"] == "Accept"
        sizes[accept] = len(answer.body)
        kind = sniff(answer.body)
        assert kind in (Format.JPEG, Format.WEBP, Format.AVIF)
        assert kind is Format.JPEG or f"image/{kind}" in accept
    assert sizes["image/avif,image/webp"] <= sizes["image/webp"] <= sizes["*/*"]


async def test_without_negotiation_best_is_one_of_the_preferred(client):
    answer = await client.get("/_/f:best/plain/s3://bucket/cat.jpg", Accept="image/avif,image/webp")
    assert sniff(answer.body) in (Format.JPEG, Format.PNG)
    assert sniff(jpeg()) is Format.JPEG

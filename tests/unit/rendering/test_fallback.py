"""What is shown when an original cannot be had (dialect §13.7)."""

import asyncio
import gc
from base64 import b64encode
from contextlib import suppress
from types import FrameType

import pytest
from pydantic import ValidationError

from imgproxy_py.errors import (
    BrokenImage,
    HashsumMismatch,
    Overloaded,
    SourceFailed,
    SourceForbidden,
    SourceTimeout,
    SourceTooLarge,
    SourceUnreachable,
    UndecodableImage,
    UnknownImage,
)
from imgproxy_py.kinds import UnusableSetting
from imgproxy_py.recipe.picture import Outcome
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.recipe.tags import source_tag
from imgproxy_py.rendering.fallback import FallbackImage, FallbackSettings, configured_fallback
from imgproxy_py.sources.port import NotModified
from tests.factories import jpeg, make_original, make_picture, make_request, png
from tests.fakes import FakeTransformer, missing

from .test_render import Workshop, open_workshop  # noqa: F401  (a fixture)

CAT = "s3://bucket/cat.jpg"
NONE = SourceRef(scheme="https", location="example.com/none.png")
KNOWN = FallbackImage(ref=SourceRef(scheme="fallback", location="digest"), original=make_original(b"stand-in"))
FETCHED = FallbackImage(ref=NONE)
BEFORE_DECODING = [
    missing(),
    SourceFailed(),
    SourceTimeout(),
    SourceUnreachable(),
    SourceTooLarge(),
    SourceForbidden(),
    HashsumMismatch(),
]


class ByBytes(FakeTransformer):
    """Gives the original's bytes back, or the error that stands for them."""

    def __init__(self, **errors: Exception) -> None:
        super().__init__()
        self.errors = errors

    def transform(self, data, *given):
        self.begun += 1
        if data.decode("latin-1") in self.errors:
            raise self.errors[data.decode("latin-1")]
        return make_picture(data=data, etag="", modified_at=None)


@pytest.fixture
def shop(open_workshop):  # noqa: F811
    def make(fallback=KNOWN, **errors) -> Workshop:
        return open_workshop(transformer=ByBytes(**errors), fallback=fallback)

    return make


@pytest.mark.parametrize("trouble", BEFORE_DECODING, ids=lambda one: type(one).__name__)
async def test_the_fallback_stands_in_for_what_cannot_be_fetched(shop, trouble):
    workshop = shop()
    workshop.source.originals[CAT] = trouble
    rendered = await workshop.render()
    assert rendered.picture.data == b"stand-in"
    assert rendered.failure is trouble


async def test_the_fallback_stands_in_for_what_is_no_image_and_for_nothing_that_fails_later(shop):
    workshop = shop(text=UnknownImage(), raw=UndecodableImage(), broken=BrokenImage(), huge=SourceTooLarge())
    workshop.source.originals[CAT] = make_original(b"text")
    assert isinstance((await workshop.render()).failure, UnknownImage)
    for data, error in ((b"raw", UndecodableImage), (b"broken", BrokenImage), (b"huge", SourceTooLarge)):
        workshop.source.originals[CAT] = make_original(data)
        with pytest.raises(error):
            await workshop.render()


async def test_an_origin_that_answers_304_unasked_is_one_that_fails(shop):
    workshop = shop()
    workshop.source.originals[CAT] = NotModified(make_original().validators)
    assert (await workshop.render()).picture.data == b"stand-in"


async def test_being_overloaded_is_no_reason_for_it(shop):
    workshop = shop()
    workshop.pool.admit = _refuse  # type: ignore[method-assign]
    with pytest.raises(Overloaded):
        await workshop.render()


def _refuse(_):
    raise Overloaded


async def test_without_one_the_error_is_the_answer(shop):
    workshop = shop(fallback=None)
    workshop.source.originals[CAT] = missing()
    with pytest.raises(type(missing())):
        await workshop.render()


async def test_the_requests_own_beats_the_configured_one(shop):
    workshop = shop()
    workshop.source.originals |= {CAT: missing(), NONE.url: make_original(b"own")}
    assert (await workshop.render(make_request(fallback=NONE))).picture.data == b"own"


@pytest.mark.parametrize("fails", [missing(), make_original(b"broken"), make_original(b"text")])
async def test_of_a_fallback_that_fails_too_the_originals_error_tells(shop, fails):
    workshop = shop(fallback=FETCHED, broken=BrokenImage(), text=UnknownImage())
    first = SourceTimeout()
    workshop.source.originals |= {CAT: first, NONE.url: fails}
    with pytest.raises(SourceTimeout) as caught:
        await workshop.render()
    assert caught.value is first


async def test_a_thousand_failing_originals_cost_one_fallback(shop):
    workshop = shop(fallback=FETCHED)
    cats = [f"s3://bucket/{number}.jpg" for number in range(1000)]
    workshop.source.originals |= {**dict.fromkeys(cats, missing()), NONE.url: make_original(b"none")}
    workshop.pool.places = 2000
    shown = [(await workshop.render(make_request(cat))).picture.data for cat in cats[:500]]
    shown += [one.picture.data for one in await asyncio.gather(*(workshop.render(make_request(c)) for c in cats[500:]))]
    assert set(shown) == {b"none"}
    assert workshop.transformer.begun == 1
    assert [ref for ref in workshop.source.fetched if ref == NONE] == [NONE]


async def test_it_is_never_kept_as_the_picture(shop):
    workshop = shop()
    request = make_request(CAT)
    workshop.source.originals[CAT] = missing()
    assert (await workshop.render(request)).failure
    assert workshop.renderer.cached(workshop.renderer.key(request)) is None
    workshop.source.originals[CAT] = make_original(b"the cat")
    rendered = await workshop.render(request)
    assert (rendered.picture.data, rendered.failure, rendered.outcome) == (b"the cat", None, Outcome.MADE)


async def test_it_is_kept_as_a_picture_of_its_own(shop):
    workshop = shop(fallback=FETCHED)
    workshop.source.originals |= {CAT: missing(), NONE.url: make_original(b"none")}
    await workshop.render()
    kept = workshop.renderer.cached(workshop.renderer.key(make_request(NONE)))
    assert kept is not None
    assert kept.failure is None
    assert source_tag(NONE) in kept.picture.tags


@pytest.mark.parametrize("fallback", [None, KNOWN, FETCHED])
async def test_a_failure_does_not_keep_the_original_in_memory(shop, fallback):
    workshop = shop(fallback=fallback, text=UnknownImage())
    workshop.source.originals |= {CAT: make_original(b"text"), NONE.url: missing()}
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        with suppress(UnknownImage):
            await workshop.render()
        del workshop.source.originals[CAT]
        workshop.transformer.errors.clear()
        for _ in range(3):
            await asyncio.sleep(0)  # the loop lets go of the task that failed
        gc.collect()
        assert [one for one in gc.garbage if isinstance(one, FrameType) and "original" in one.f_locals] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


# --- settings --------------------------------------------------------------------------------------------------------


async def test_data_beats_path_beats_url(tmp_path):
    path = tmp_path / "none.png"
    path.write_bytes(png())
    every = FallbackSettings(
        fallback_image_data=b64encode(jpeg()).decode(), fallback_image_path=path, fallback_image_url=NONE.url
    )
    first = await configured_fallback(every)
    second = await configured_fallback(every.model_copy(update={"fallback_image_data": ""}))
    third = await configured_fallback(FallbackSettings(fallback_image_url=NONE.url))
    assert first
    assert second
    assert (first.original.data, second.original.data, third) == (jpeg(), png(), FallbackImage(ref=NONE))
    assert first.ref.location != second.ref.location  # another picture, another key
    assert await configured_fallback(FallbackSettings()) is None


async def test_a_file_that_is_not_there_stops_the_start(tmp_path):
    with pytest.raises(UnusableSetting, match="none"):
        await configured_fallback(FallbackSettings(fallback_image_path=tmp_path / "none.png"))


@pytest.mark.parametrize("code", ["99", "600", "-1", "204", "206", "304", "x"])
def test_a_status_that_cannot_carry_a_picture_is_refused(code):
    with pytest.raises(ValidationError):
        FallbackSettings(fallback_image_http_code=code)


def test_data_that_is_no_base64_is_refused():
    with pytest.raises(ValidationError, match="base64"):
        FallbackSettings(fallback_image_data="no base64!")

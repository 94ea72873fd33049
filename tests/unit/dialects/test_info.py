"""Every option of `/info`: what it asks under each of its names, what it refuses, and that questions read back as written."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.dialects.imgproxy import ImgproxyConfig
from imgproxy_py.dialects.imgproxy.info import InfoDialect
from imgproxy_py.dialects.signing import KeyPair
from imgproxy_py.errors import BadRequest, OptionForbidden, SignatureMismatch
from imgproxy_py.recipe.info import Info
from imgproxy_py.recipe.model import Crop, Gravity, GravityType, LimitOverrides, Loading, Recipe, Stage
from imgproxy_py.recipe.request import Delivery, ImageRequest
from imgproxy_py.recipe.source import SourceRef

dialect = InfoDialect(ImgproxyConfig())
lenient = InfoDialect(ImgproxyConfig(allow_security_options=True))


def read(options: str, reader: InfoDialect = dialect):
    return reader.parse(f"/info/_/{options}/plain/http://h/a", now=0)


def test_without_options_the_usual_is_told():
    request = dialect.parse("/info/_/plain/http://h/a", now=0)
    assert request.recipe == Recipe(info=Info())
    assert request.source == SourceRef(scheme="http", location="h/a")


FIELDS: dict[str, dict[str, object]] = {
    "size:0|s:0": {"size": False},
    "format:0|f:f": {"format": False},
    "dimensions:0|d:0": {"dimensions": False},
    "exif:0": {"exif": False},
    "exif:1:1": {"exif_canonical": True},
    "iptc:0": {"iptc": False},
    "xmp:0": {"xmp": False},
    "video_meta:0|vm:0": {"video_meta": False},
    "detect_objects:1|do:1": {"detect_objects": True},
    "classify:3|cl:3|cl:3:": {"classify": 3},
    "cl:3:cat:ape": {"classify": 3, "classify_among": ("ape", "cat")},
    "colorspace:1|cs:1": {"colorspace": True},
    "bands:1|b:1": {"bands": True},
    "sample_format:1|sf:1": {"sample_format": True},
    "pages_number:1|pn:1": {"pages_number": True},
    "alpha:1|a:1": {"alpha": True},
    "a:1:1": {"alpha": True, "check_transparency": True},
    "palette:16|p:16": {"palette": 16},
    "average:1|avg:1": {"average": True},
    "avg:1:0": {"average": True, "average_ignores_transparent": False},
    "dominant_colors:1|dc:1": {"dominant_colors": True},
    "dc:1:1": {"dominant_colors": True, "dominant_colors_complete": True},
    "blurhash:4:3|bh:4:3": {"blurhash": (4, 3)},
    "bh:4|bh:4:0|bh:0:0": {},
    "thumb_hash:1|th:1": {"thumb_hash": True},
    "perceptual_hash:1|phash:1|ph:1": {"perceptual_hash": True},
    "calc_hashsums:md5:sha1|chs:sha1:md5:md5": {"hashsums": ("md5", "sha1")},
}


@pytest.mark.parametrize(
    ("options", "fields"),
    [(options, fields) for spellings, fields in FIELDS.items() for options in spellings.split("|")],
)
def test_options_say_what_is_asked(options, fields):
    assert read(options).recipe == Recipe(info=Info(**fields))


def test_what_means_the_same_as_for_pictures():
    request = read("c:100:0.5:no/op:prop/pg:2/vts:3/vtk:1/cb:x/ct:a/exp:9/hs:md5:" + "0" * 32)
    stage = Stage(
        crop=Crop(width=100, height=0.5, gravity=Gravity(type=GravityType.NORTH)),
        objects_position=Gravity(type=GravityType.PROPORTIONAL),
    )
    loading = Loading(page=2, video_second=3, video_keyframes=True)
    assert request.recipe == Recipe(loading=loading, stages=(stage,), info=Info(crop=True))
    assert request.delivery == Delivery(cachebuster="x", cache_tags=("a",), expires_at=9)
    assert request.source.hashsum == "md5:" + "0" * 32


@pytest.mark.parametrize(
    "options", ["w:1", "rs:fill:1:1", "p:1", "p:257", "p:-1", "bh:10:1", "bh:1:2:3", "chs:crc", "cl:x", "s:1:1", "exif:1:1:1"]
)  # fmt: skip
def test_what_is_no_question_is_refused(options):
    with pytest.raises(BadRequest):
        read(options)


def test_a_question_is_about_one_pipeline():
    with pytest.raises(BadRequest):
        read("c:10:10/-/c:5:5")
    with pytest.raises(ValueError, match="Wrong presets"):
        InfoDialect(ImgproxyConfig(presets=("two=c:9:9/-/c:5:5",)))


def test_a_question_has_no_output_format():
    for target in ("/info/_/plain/http://h/a@png", "/info/_/aHR0cDovL2gvYQ.png"):
        with pytest.raises(BadRequest, match="no output format"):
            dialect.parse(target, now=0)


def test_limits_and_caches_need_permission():
    for options in ("msr:1", "msfs:1", "bc:1"):
        with pytest.raises(OptionForbidden):
            read(options)
    assert read("msr:1/msfs:2", lenient).recipe.limits == LimitOverrides(max_src_resolution=1, max_src_file_size=2)


def test_presets_are_those_of_questions():
    presets = InfoDialect(ImgproxyConfig(presets=("more=p:8/th:1", "default=s:0")))
    assert read("pr:more", presets).recipe.info == Info(size=False, palette=8, thumb_hash=True)
    with pytest.raises(ValueError, match="Wrong presets"):
        InfoDialect(ImgproxyConfig(presets=("small=w:1",)))


def test_the_signature_covers_what_follows_it():
    signed = InfoDialect(ImgproxyConfig(pairs=(KeyPair(b"key", b"salt"),), path_prefix="/img"))
    target = signed.write(
        ImageRequest(source=SourceRef(scheme="http", location="h/a"), recipe=Recipe(info=Info(bands=True)))
    )
    assert target.startswith("/img/info/")
    assert signed.parse(target, now=0).recipe.info == Info(bands=True)
    with pytest.raises(SignatureMismatch):
        signed.parse(target.replace("/b:1/", "/b:0/"), now=0)


flags = st.booleans()
names = st.sets(st.sampled_from(["ape", "cat"])).map(lambda one: tuple(sorted(one)))
questions = st.builds(
    Info, size=flags, format=flags, dimensions=flags, exif=flags, exif_canonical=flags, iptc=flags, xmp=flags,
    video_meta=flags, detect_objects=flags, classify=st.integers(0, 9), classify_among=names, colorspace=flags,
    bands=flags, sample_format=flags, pages_number=flags, alpha=flags, check_transparency=flags,
    palette=st.just(0) | st.integers(2, 256), average=flags, average_ignores_transparent=flags, dominant_colors=flags,
    dominant_colors_complete=flags, blurhash=st.just((0, 0)) | st.tuples(st.integers(1, 9), st.integers(1, 9)),
    thumb_hash=flags, perceptual_hash=flags,
    hashsums=st.sets(st.sampled_from(["md5", "sha1", "sha256", "sha512"])).map(lambda one: tuple(sorted(one))),
)  # fmt: skip


@given(info=questions, page=st.integers(0, 9), cropped=st.booleans())
def test_a_question_reads_back_as_it_was_written(info, page, cropped):
    stage = Stage(crop=Crop(width=0.5)) if cropped else Stage()
    recipe = Recipe(info=replace(info, crop=cropped), loading=Loading(page=page), stages=(stage,))
    request = ImageRequest(source=SourceRef(scheme="s3", location="b/k", version="v"), recipe=recipe)
    again = dialect.parse(dialect.write(request), now=0)
    assert replace(again, signature="") == request

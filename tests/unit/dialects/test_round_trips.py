"""What is written reads back as it was, and nothing that arrives raises anything but a caller's error."""

from contextlib import suppress
from dataclasses import replace
from string import ascii_letters, digits

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.dialects.imgproxy.options import OPTIONS, SECURITY_OPTIONS
from imgproxy_py.dialects.query import QueryConfig, QueryDialect
from imgproxy_py.dialects.query.parameters import ALIASES
from imgproxy_py.dialects.signing import KeyPair
from imgproxy_py.errors import CallerError, SignatureMismatch
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import (
    Color,
    Crop,
    Effects,
    Gravity,
    GravityType,
    LimitOverrides,
    Output,
    Padding,
    Recipe,
    Resize,
    ResizingType,
    Stage,
    Trim,
    Watermark,
)
from imgproxy_py.recipe.request import ClientHints, Delivery, ImageRequest
from imgproxy_py.recipe.source import SourceRef

PAIR = KeyPair(b"key", b"salt")
NEVER = -1.0
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

counts = st.integers(0, 2**63 - 1)
sides = st.integers(0, 10_000)
amounts = st.floats(0, 1e300)
shares = st.floats(0, 1)
factors = st.floats(0, 8, exclude_min=True)
offsets = st.floats(-1e6, 1e6).map(lambda one: one + 0.0)
colors = st.builds(Color, *[st.integers(0, 255)] * 3)
percents = st.integers(0, 100)
formats = st.sampled_from(Format)
COMPASS = sorted(set(GravityType) - {GravityType.FOCUS_POINT, GravityType.SMART, GravityType.REPLICATE})

places = st.builds(Gravity, type=st.sampled_from(COMPASS), x=offsets, y=offsets)
focuses = st.builds(Gravity, type=st.just(GravityType.FOCUS_POINT), x=shares, y=shares)
smart = st.just(Gravity(type=GravityType.SMART))
replicas = st.builds(Gravity, type=st.just(GravityType.REPLICATE), x=offsets, y=offsets)
gravities = places | focuses | smart

crop_sides = st.integers(0, 10_000).map(float) | st.floats(0, 1, exclude_max=True)
crops = st.builds(Crop, width=crop_sides, height=crop_sides, gravity=st.none() | gravities).filter(
    lambda crop: crop.width or crop.height
)
resizes = st.builds(
    Resize, type=st.sampled_from(ResizingType), width=counts, height=counts, min_width=counts, min_height=counts,
    zoom_x=factors, zoom_y=factors, dpr=factors, enlarge=st.booleans(),
)  # fmt: skip
stages = st.builds(
    Stage,
    trim=st.none() | st.builds(Trim, threshold=offsets, color=st.none() | colors, equal_horizontal=st.booleans(),
                               equal_vertical=st.booleans()),
    crop=st.none() | crops,
    resize=resizes,
    gravity=gravities,
    auto_rotate=st.booleans(),
    rotate=st.sampled_from([0, 90, 180, 270]),
    flip_horizontal=st.booleans(),
    flip_vertical=st.booleans(),
    effects=st.builds(Effects, blur=amounts, sharpen=amounts, pixelate=st.just(0) | st.integers(2, 2**63 - 1)),
    extend=st.none() | places | focuses,
    extend_aspect_ratio=st.none() | places | focuses,
    padding=st.builds(Padding, top=counts, right=counts, bottom=counts, left=counts),
    background=st.none() | colors,
    watermark=st.none() | st.builds(Watermark, opacity=st.floats(0, 1, exclude_min=True), position=places | replicas,
                                    scale=amounts),
)  # fmt: skip
outputs = st.builds(
    Output,
    format=st.none() | formats,
    quality=st.none() | st.integers(1, 100),
    format_quality=st.dictionaries(formats, st.integers(1, 100)).map(lambda one: tuple(sorted(one.items()))),
    max_bytes=counts,
    strip_metadata=st.booleans(),
    keep_copyright=st.booleans(),
    strip_color_profile=st.booleans(),
    preserve_hdr=st.booleans(),
    enforce_thumbnail=st.booleans(),
    skip_formats=st.sets(formats).map(lambda one: tuple(sorted(one))),
)
limits = st.builds(
    LimitOverrides,
    max_src_resolution=st.none() | amounts,
    max_src_file_size=st.none() | counts,
    max_animation_frames=st.none() | st.integers(1, 2**63 - 1),
    max_animation_frame_resolution=st.none() | amounts,
    max_result_dimension=st.none() | counts,
)
printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
words = st.text(ascii_letters + digits + "-._~!$&'()*,;=+@", max_size=20)
deliveries = st.builds(
    Delivery, filename=printable, attachment=st.none() | st.booleans(), expires_at=st.none() | st.integers(1, 2**63 - 1),
    cachebuster=words, raw=st.booleans(),
)  # fmt: skip

keys = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="?\0"), min_size=1, max_size=20).filter(
    lambda key: not key.startswith("/")
)
hosted = st.text(ascii_letters + digits + "-._~:/?[]@!$&'()*+,;=", max_size=20)
sources = st.one_of(
    st.builds(lambda scheme, rest: SourceRef(scheme=scheme, location=f"h/{rest}"), st.sampled_from(["http", "https"]),
              hosted | printable.map(lambda text: text.encode().hex("%") and "%" + text.encode().hex("%") if text else "")),
    st.builds(lambda key: SourceRef(scheme="local", location="/" + key), keys),
    st.builds(lambda scheme, key, version: SourceRef(scheme=scheme, location="bucket/" + key, version=version),
              st.sampled_from(["s3", "gs"]), keys, printable),
    st.builds(lambda scheme, key: SourceRef(scheme=scheme, location="box/" + key), st.sampled_from(["abs", "swift"]), keys),
    st.builds(lambda text: SourceRef(scheme="ftp", location=text), printable),
    st.builds(lambda text: SourceRef(scheme="", location=text), keys.filter(lambda text: "://" not in text)),
)  # fmt: skip
requests = st.builds(
    ImageRequest,
    source=sources,
    recipe=st.builds(
        lambda *parts: Recipe(stages=(parts[0],), output=parts[1], limits=parts[2]), stages, outputs, limits
    ),
    delivery=deliveries,
)

IMGPROXY = {
    "plain": ImgproxyDialect(ImgproxyConfig(allow_security_options=True)),
    "sealed": ImgproxyDialect(
        ImgproxyConfig(
            allow_security_options=True, pairs=(PAIR,), encryption_key=b"k" * 32, path_prefix="/img", auto_rotate=False,
            strip_metadata=False, preserve_hdr=True, arguments_separator="|",
            presets=("default=g:no:5:6/t:3:fff:1:1/pd:1:2:3:4/el:1/wm:1:re:1:2:3/fl:1:1/bl:3/ex:1:so:7:8".replace(":", "|"),),
        )
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IMGPROXY)
@given(request=requests)
@settings(PATIENT, max_examples=150)
def test_an_imgproxy_url_reads_back_as_what_was_written(name, request):
    dialect = IMGPROXY[name]
    target = dialect.write(request)
    again = dialect.parse(target, now=NEVER)
    assert replace(again, signature="") == request
    assert dialect.write(again) == target
    assert target.isascii()


@given(request=requests)
@settings(PATIENT, max_examples=50)
def test_a_signed_url_holds_for_nothing_else(request):
    dialect = IMGPROXY["sealed"]
    target = dialect.write(request)
    with pytest.raises(SignatureMismatch):
        dialect.parse(target[:-1] + ("A" if target[-1] != "A" else "B"), now=NEVER)


query_dialect = QueryDialect(
    QueryConfig(
        images_source="s3://bucket/pre",
        savable=frozenset(Format),
        shared=ImgproxyConfig(pairs=(PAIR,), presets=("default=w:7/q:5/el:1/bl:2",)),
    )
)
still = st.builds(Gravity, type=st.sampled_from(COMPASS))
query_gravities = still | focuses | smart
query_crops = st.builds(
    Crop,
    width=crop_sides,
    height=crop_sides,
    gravity=st.none() | st.builds(Gravity, type=st.just(GravityType.NORTH_WEST), x=amounts, y=amounts),
).filter(lambda crop: crop.width or crop.height)


@st.composite
def query_requests(draw):
    gravity = draw(query_gravities)
    kind, pad = draw(st.sampled_from([(ResizingType.FIT, False), (ResizingType.FIT, True), (ResizingType.FILL, False),
                                      (ResizingType.FORCE, False)]))  # fmt: skip
    lies = Gravity() if gravity.type is GravityType.SMART else gravity
    horizontal, vertical = draw(st.sampled_from([(False, False), (True, False), (False, True), (True, True)]))
    stage = Stage(
        trim=draw(st.none() | st.builds(Trim, threshold=amounts)),
        crop=draw(st.none() | query_crops),
        resize=Resize(
            type=kind, width=draw(st.integers(1, 8192)), height=draw(st.integers(0, 8192)), dpr=draw(factors),
            enlarge=draw(st.booleans()),
        ),
        gravity=gravity,
        rotate=draw(st.sampled_from([0, 90, 180, 270])),
        flip_horizontal=horizontal,
        flip_vertical=vertical,
        effects=draw(st.builds(Effects, blur=amounts, sharpen=amounts)),
        extend=lies if pad else None,
        padding=draw(st.builds(Padding, top=counts, right=counts, bottom=counts, left=counts)),
        background=draw(st.none() | colors),
    )  # fmt: skip
    output = Output(format=draw(st.none() | formats), quality=draw(percents))
    filename = draw(st.none() | printable | printable.map(lambda name: name + ".jpg"))
    delivery = Delivery(
        filename=filename or "", attachment=None if filename is None else True,
        expires_at=draw(st.none() | st.integers(1, 2**63 - 1)),
    )  # fmt: skip
    segments = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\\\0"), min_size=1).filter(
        lambda one: one not in (".", "..")
    )
    key = "/".join(draw(st.lists(segments, min_size=1, max_size=3)))
    source = SourceRef(scheme="s3", location=f"bucket/pre/{key}")
    return ImageRequest(source=source, recipe=Recipe(stages=(stage,), output=output), delivery=delivery)


@given(request=query_requests())
@settings(PATIENT, max_examples=200)
def test_a_query_reads_back_as_what_was_written(request):
    target = query_dialect.write(request)
    again = query_dialect.parse(target, now=NEVER)
    assert replace(again, signature="") == request
    assert query_dialect.write(again) == target
    assert target.isascii()


names = st.sampled_from(sorted({*OPTIONS, *SECURITY_OPTIONS, "preset", "pr", "nope"}))
arguments = st.lists(
    st.sampled_from(
        ["", "0", "1", "-1", "0.5", "nan", "1e999", "fp", "sm", "no", "re", "fill", "webp", "ff0", "p", "9" * 40]
    )
    | st.text(max_size=5),
    max_size=9,
)
option_texts = st.builds(lambda name, rest: ":".join((name, *rest)), names, arguments)
source_texts = st.one_of(
    st.text(max_size=30), st.text(max_size=30).map(lambda text: "plain/" + text),
    st.text(max_size=30).map(lambda text: "enc/" + text),
    st.sampled_from(["plain/http:/h/a", "plain/http://h/%FF", "plain/%", "aHR0cDovL2gvYQ.png", "enc/AAAA", "plain/a@b@c"]),
)  # fmt: skip
imgproxy_targets = st.builds(
    lambda options, source: "/_/" + "/".join((*options, source)), st.lists(option_texts, max_size=4), source_texts
)
parameter_names = st.sampled_from(
    [
        *ALIASES,
        *ALIASES.values(),
        "fit",
        "crop",
        "pad",
        "flip",
        "rotate",
        "trim",
        "dl",
        "exp",
        "dpr",
        "bg",
        "blur",
        "s",
        "x",
    ]
)
pairs = st.builds(
    lambda name, value: f"{name}={value}",
    parameter_names,
    st.text(max_size=8)
    | st.sampled_from(["1,2", "0.5,0.5", "1,2,3,4", ",", "%FF", "%", "+", "nan", "1e999", "9" * 40]),
)
query_targets = st.builds(
    lambda key, query: f"/images/{key}?{'&'.join(query)}", st.text(max_size=10), st.lists(pairs, max_size=5)
)
wire = st.binary(max_size=60).map(lambda data: "/" + data.decode("utf-8", "surrogateescape"))
hints = st.none() | st.builds(ClientHints, dpr=st.none() | factors, width=st.none() | st.integers(1, 10**6))

READERS = [
    *IMGPROXY.values(),
    query_dialect,
    ImgproxyDialect(ImgproxyConfig(presets=("p=w:1",), encryption_key=b"k" * 16, base64_url_includes_filename=True,
                                   url_replacements=(("a*", "${1}${3}"),), base_url="http://")),
    ImgproxyDialect(ImgproxyConfig(presets=("p=w:1",), only_presets=True)),
    QueryDialect(QueryConfig(images_source="https://h/x", shared=ImgproxyConfig(presets=("p=w:1",)))),
]  # fmt: skip


@given(target=st.text() | wire | imgproxy_targets | query_targets, hint=hints)
@settings(PATIENT, max_examples=400)
def test_whatever_arrives_is_read_or_refused_as_the_callers_error(target, hint):
    for dialect in READERS:
        with suppress(CallerError):
            request = dialect.read(dialect.split(target), hints=hint, now=5.0)
            request.source.url.encode()
            request.delivery.filename.encode()
        with suppress(CallerError):
            dialect.parse(target, now=5.0)


@given(target=imgproxy_targets)
@settings(PATIENT, max_examples=300)
def test_what_was_read_is_written_the_same_or_not_at_all(target):
    dialect = IMGPROXY["plain"]
    try:
        request = dialect.parse(target, now=0.0)
    except CallerError:
        return
    try:
        written = dialect.write(request)
    except ValueError:
        return
    assert replace(dialect.parse(written, now=0.0), signature="_") == replace(
        request, delivery=replace(request.delivery, preset_names=())
    )


def test_what_imgproxy_urls_cannot_say_is_not_written():
    plain = ImgproxyDialect(ImgproxyConfig(presets=("default=f:png/fq:jpg:5",)))
    source = SourceRef(scheme="http", location="h/a")
    said = plain.parse("/_/plain/http://h/a", now=0)
    assert plain.write(said) == "/unsafe/plain/http://h/a"
    for unsaid in (
        ImageRequest(source=source),
        replace(said, recipe=replace(said.recipe, stages=())),
        replace(said, recipe=replace(said.recipe, stages=(Stage(), Stage()))),
        replace(said, recipe=replace(said.recipe, limits=LimitOverrides(max_src_file_size=1))),
        replace(said, recipe=replace(said.recipe, output=replace(said.recipe.output, quality=0))),
        replace(said, delivery=Delivery(cachebuster="a/b")),
        replace(said, delivery=Delivery(cachebuster="a?b")),
        replace(said, delivery=Delivery(cachebuster="a%3Ab")),
        replace(said, delivery=Delivery(filename="\ud800")),
        replace(said, source=SourceRef(scheme="", location="http://h/a")),
        replace(said, source=SourceRef(scheme="s3", location="b/a?b")),
    ):
        with pytest.raises(ValueError, match="cannot be said in the imgproxy dialect"):
            plain.write(unsaid)


def test_in_presets_only_mode_the_named_presets_are_written():
    only = ImgproxyDialect(ImgproxyConfig(only_presets=True, presets=("a=w:1", "b=h:2")))
    request = only.parse("/_/a:b/plain/http://h/a", now=0)
    assert only.write(request) == "/unsafe/a:b/plain/http://h/a"
    with pytest.raises(ValueError, match="cannot be said"):
        only.write(replace(request, delivery=Delivery()))


def test_negotiated_formats_preset_names_and_signature_do_not_matter_to_writing():
    dialect = IMGPROXY["plain"]
    request = dialect.parse("/_/w:1/plain/http://h/a", now=0)
    output = replace(request.recipe.output, accepted=(Format.WEBP,))
    negotiated = replace(request, recipe=replace(request.recipe, output=output), delivery=Delivery(preset_names=("x",)))
    assert dialect.write(negotiated) == dialect.write(request)

"""What is written reads back as it was, and nothing that arrives raises anything but a caller's error."""

from contextlib import suppress
from dataclasses import replace
from string import ascii_letters, digits, punctuation

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.dialects.imgproxy.options import BYPASS_OPTIONS, OPTIONS, SECURITY_OPTIONS
from imgproxy_py.dialects.query import QueryConfig, QueryDialect
from imgproxy_py.dialects.query.parameters import ALIASES
from imgproxy_py.dialects.signing import KeyPair
from imgproxy_py.errors import CallerError, SignatureMismatch
from imgproxy_py.recipe.formats import FORMAT_NAMES, Format
from imgproxy_py.recipe.model import (
    AutoQuality,
    AutoQualityMethod,
    AvifOptions,
    BlurAreas,
    BlurDetections,
    Box,
    Color,
    ColorEffects,
    Colorize,
    Crop,
    CropObjects,
    DrawDetections,
    Duotone,
    Effects,
    Gradient,
    Gravity,
    GravityType,
    JpegOptions,
    Kernel,
    LimitOverrides,
    Loading,
    Monochrome,
    Output,
    Padding,
    Placeholder,
    PngOptions,
    ProgressiveBlur,
    Ramp,
    Recipe,
    Resize,
    ResizingType,
    Stage,
    Subsampling,
    Trim,
    UnsharpMasking,
    UnsharpMode,
    VideoAnimation,
    VideoFrame,
    VideoTile,
    Watermark,
    WebpCompression,
    WebpOptions,
    WebpPreset,
)
from imgproxy_py.recipe.request import ClientHints, Delivery, ImageRequest
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.recipe.tags import is_tag

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
formats = st.sampled_from(sorted(set(FORMAT_NAMES.values())))
COMPASS = sorted(set(GravityType) - {"fp", "sm", "re", "ch", "obj", "prop"})
words = st.text(ascii_letters + digits + "-._~!$&'()*,;=+@", max_size=20)
printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
positives = amounts.filter(bool)
switches = st.none() | st.booleans()
class_names = st.sampled_from(["face", "cat", "dog", "traffic_light"])
some_classes = st.sets(class_names).map(lambda one: tuple(sorted(one)))

places = st.builds(Gravity, type=st.sampled_from(COMPASS), x=offsets, y=offsets)
focuses = st.builds(Gravity, type=st.just(GravityType.FOCUS_POINT), x=shares, y=shares)
smart = st.just(Gravity(type=GravityType.SMART))
replicas = st.builds(
    Gravity, type=st.sampled_from([GravityType.REPLICATE, GravityType.CHESSBOARD]), x=offsets, y=offsets
)
weights = st.dictionaries(class_names | st.just("all"), amounts).filter(lambda one: one != {"all": 1})
objects = st.builds(
    Gravity, type=st.just(GravityType.OBJECTS), classes=weights.map(lambda one: tuple(sorted(one.items())))
)
proportional = st.just(Gravity(type=GravityType.PROPORTIONAL))
gravities = places | focuses | smart | objects

crop_sides = st.integers(0, 10_000).map(float) | st.floats(0, 1, exclude_max=True)
crops = st.builds(
    lambda ratio, enlarge, **fields: Crop(aspect_ratio=ratio, aspect_enlarge=bool(ratio) and enlarge, **fields),
    st.just(0.0) | positives, st.booleans(), width=crop_sides, height=crop_sides, gravity=st.none() | gravities,
).filter(lambda crop: crop.width or crop.height or crop.aspect_ratio)  # fmt: skip
plain_crops = st.builds(Crop, width=crop_sides, height=crop_sides, gravity=st.none() | gravities).filter(
    lambda crop: crop.width or crop.height
)
ramps = st.builds(Ramp, direction=st.floats(0, 360, exclude_max=True), start=shares, stop=shares)
some_share = st.floats(0, 1, exclude_min=True)
color_effects = st.builds(
    ColorEffects,
    brightness=st.integers(-255, 255),
    contrast=amounts,
    saturation=amounts,
    monochrome=st.none() | st.builds(Monochrome, intensity=some_share, color=colors),
    duotone=st.none() | st.builds(Duotone, intensity=some_share, dark=colors, light=colors),
    colorize=st.none() | st.builds(Colorize, opacity=some_share, color=colors, keep_alpha=st.booleans()),
    gradient=st.none() | st.builds(Gradient, opacity=some_share, color=colors, ramp=ramps),
)
boxes = st.builds(Box, left=shares, top=shares, width=shares, height=shares)
effects = st.builds(
    Effects,
    blur=amounts,
    sharpen=amounts,
    pixelate=st.just(0) | st.integers(2, 2**63 - 1),
    unsharp=st.just(UnsharpMasking())
    | st.builds(UnsharpMasking, mode=st.sampled_from([UnsharpMode.AUTO, UnsharpMode.ALWAYS]), weight=positives,
                divider=positives),
    blur_areas=st.none() | st.builds(BlurAreas, sigma=positives, areas=st.lists(boxes, min_size=1, max_size=3).map(tuple)),
    progressive_blur=st.none() | st.builds(ProgressiveBlur, sigma=positives, ramp=ramps),
    blur_detections=st.none() | st.builds(BlurDetections, sigma=positives, classes=some_classes),
    draw_detections=st.none() | st.builds(DrawDetections, classes=some_classes),
)  # fmt: skip
mark_sources = st.none() | st.sampled_from(
    [SourceRef(scheme="https", location="h/a%20b.png"), SourceRef(scheme="s3", location="b/k", version="v")]
)


@st.composite
def watermarks(draw):
    text, scale = draw(st.just("") | printable), draw(st.just(0.0) | amounts)
    return Watermark(
        opacity=draw(some_share), position=draw(places | replicas), scale=scale, text=text,
        source=None if text else draw(mark_sources), width=0 if scale else draw(counts),
        height=0 if scale else draw(counts), rotate=draw(st.floats(0, 360, exclude_max=True)), shadow=draw(amounts),
    )  # fmt: skip


resizes = st.builds(
    Resize, type=st.sampled_from(ResizingType), width=counts, height=counts, min_width=counts, min_height=counts,
    zoom_x=factors, zoom_y=factors, dpr=factors, enlarge=st.booleans(), kernel=st.sampled_from(Kernel),
)  # fmt: skip


@st.composite
def backgrounds(draw):
    color = draw(st.none() | colors)
    return color, draw(shares) if color else 1.0


stages = st.builds(
    lambda background, **fields: Stage(background=background[0], background_alpha=background[1], **fields),
    backgrounds(),
    trim=st.none() | st.builds(Trim, threshold=offsets, color=st.none() | colors, equal_horizontal=st.booleans(),
                               equal_vertical=st.booleans()),
    crop=st.none() | plain_crops | crops,
    crop_objects=st.none() | st.builds(CropObjects, scale=positives, classes=some_classes),
    resize=resizes,
    gravity=gravities,
    objects_position=places | focuses | proportional,
    auto_rotate=st.booleans(),
    rotate=st.sampled_from([0, 90, 180, 270]),
    flip_horizontal=st.booleans(),
    flip_vertical=st.booleans(),
    colors=st.just(ColorEffects()) | color_effects,
    effects=st.just(Effects()) | effects,
    extend=st.none() | places | focuses,
    extend_aspect_ratio=st.none() | places | focuses,
    padding=st.builds(Padding, top=counts, right=counts, bottom=counts, left=counts),
    watermark=st.none() | watermarks(),
)  # fmt: skip
frames = st.builds(
    VideoFrame, width=st.integers(1, 9999), height=st.integers(1, 9999), extend=st.booleans(), trim=st.booleans(),
    fill=st.booleans(), focus_x=shares, focus_y=shares,
)  # fmt: skip
numbers = st.integers(1, 2**63 - 1)
steps = offsets.filter(bool)
loadings = st.builds(
    Loading,
    page=counts,
    pages=numbers,
    still=st.booleans(),
    style=printable,
    video_second=st.none() | amounts,
    video_keyframes=switches,
    video_tile=st.none() | st.builds(VideoTile, step=steps, columns=numbers, rows=numbers, frame=frames),
    video_animation=st.none() | st.builds(VideoAnimation, step=steps, delay=numbers, frames=numbers, frame=frames),
)
kinds = st.one_of(
    st.builds(dict, format=st.none() | formats), st.just({"best": True}),
    st.builds(dict, placeholder=st.sampled_from(Placeholder)),
)  # fmt: skip
outputs = st.builds(
    lambda kind, **fields: Output(**kind, **fields),
    kinds,
    quality=st.none() | st.integers(1, 100),
    format_quality=st.dictionaries(formats, st.integers(1, 100)).map(lambda one: tuple(sorted(one.items()))),
    autoquality=st.builds(
        AutoQuality, method=st.none() | st.sampled_from(AutoQualityMethod), target=st.none() | amounts,
        minimum=st.none() | percents, maximum=st.none() | percents, error=st.none() | amounts,
    ),
    max_bytes=counts,
    jpeg=st.builds(
        JpegOptions, progressive=switches, no_subsample=switches, trellis_quant=switches,
        overshoot_deringing=switches, optimize_scans=switches, quant_table=st.none() | st.integers(0, 8),
    ),
    png=st.builds(PngOptions, interlaced=switches, quantize=switches, quantization_colors=st.none() | st.integers(2, 256)),
    webp=st.builds(WebpOptions, compression=st.none() | st.sampled_from(WebpCompression), smart_subsample=switches,
                   preset=st.none() | st.sampled_from(WebpPreset)),
    avif=st.builds(AvifOptions, subsample=st.none() | st.sampled_from(Subsampling)),
    strip_metadata=st.booleans(),
    keep_copyright=st.booleans(),
    keep_provenance=st.booleans(),
    strip_color_profile=st.booleans(),
    color_profile=st.sampled_from(["", "srgb", "cmyk", "Adobe RGB.icc"]),
    dpi=amounts,
    preserve_hdr=st.booleans(),
    enforce_thumbnail=st.booleans(),
    skip_formats=st.sets(formats).map(lambda one: tuple(sorted(one))),
)  # fmt: skip
limits = st.builds(
    LimitOverrides,
    max_src_resolution=st.none() | amounts,
    max_src_file_size=st.none() | counts,
    max_animation_frames=st.none() | st.integers(1, 2**63 - 1),
    max_animation_frame_resolution=st.none() | amounts,
    max_result_dimension=st.none() | counts,
)
tags = st.text(ascii_letters + digits + punctuation.replace(":", ""), min_size=1).filter(is_tag)
deliveries = st.builds(
    Delivery, filename=printable, attachment=st.none() | st.booleans(), expires_at=st.none() | st.integers(1, 2**63 - 1),
    cachebuster=words, raw=st.booleans(), fallback=mark_sources, bypass_cache=st.booleans(),
    cache_tags=st.sets(tags, max_size=8).map(lambda one: tuple(sorted(one))),
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
digests = st.sampled_from(["", "md5:" + "0a" * 16, "sha1:" + "b" * 40, "sha256:" + "1f" * 32, "sha512:" + "9" * 128])
requests = st.builds(
    ImageRequest,
    source=st.builds(lambda source, hashsum: replace(source, hashsum=hashsum), sources, digests),
    recipe=st.builds(
        Recipe, loading=st.just(Loading()) | loadings, stages=st.lists(stages, min_size=1, max_size=3).map(tuple),
        output=outputs, limits=limits,
    ),
    delivery=deliveries,
)  # fmt: skip

IMGPROXY = {
    "plain": ImgproxyDialect(ImgproxyConfig(allow_security_options=True, allow_bypass_cache=True)),
    "sealed": ImgproxyDialect(
        ImgproxyConfig(
            allow_security_options=True, allow_bypass_cache=True, unsharp_mode=UnsharpMode.AUTO,
            pairs=(PAIR,), encryption_key=b"k" * 32, path_prefix="/img", auto_rotate=False,
            strip_metadata=False, preserve_hdr=True, arguments_separator="|",
            presets=("default=g:no:5:6/t:3:fff:1:1/pd:1:2:3:4/el:1/wm:1:re:1:2:3/fl:1:1/bl:3/ex:1:so:7:8".replace(":", "|"),),
        )
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IMGPROXY)
@given(request=requests)
@settings(PATIENT, max_examples=50)
def test_an_imgproxy_url_reads_back_as_what_was_written(name, request):
    reads_back(IMGPROXY[name], request)


@pytest.mark.slow
@pytest.mark.parametrize("name", IMGPROXY)
@given(request=requests)
@settings(PATIENT, max_examples=500)
def test_so_it_does_whatever_is_tried(name, request):
    reads_back(IMGPROXY[name], request)


def reads_back(dialect, request):
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
        savable=frozenset(FORMAT_NAMES.values()),
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


names = st.sampled_from(sorted({*OPTIONS, *SECURITY_OPTIONS, *BYPASS_OPTIONS, "preset", "pr", "nope"}))
arguments = st.lists(
    st.sampled_from(
        ["", "0", "1", "-1", "0.5", "nan", "1e999", "fp", "sm", "no", "re", "fill", "webp", "ff0", "p", "9" * 40]
    )
    | st.text(max_size=5),
    max_size=9,
)
option_texts = st.just("-") | st.builds(lambda name, rest: ":".join((name, *rest)), names, arguments)
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

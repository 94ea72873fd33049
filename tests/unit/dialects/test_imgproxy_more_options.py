"""Every option of dialect §5 under each of its names: what it says, what it refuses, how it merges, how pipelines chain."""

import base64
from dataclasses import replace

import pytest

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.errors import BadRequest, OptionForbidden
from imgproxy_py.recipe.formats import Format
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
    Loading,
    Monochrome,
    Output,
    Placeholder,
    PngOptions,
    ProgressiveBlur,
    Ramp,
    Recipe,
    Resize,
    Stage,
    Subsampling,
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
from imgproxy_py.recipe.request import Delivery
from imgproxy_py.recipe.source import SourceRef

dialect = ImgproxyDialect()


def read(options: str, reader: ImgproxyDialect = dialect):
    return reader.parse(f"/_/{options}/plain/http://h/a", now=0)


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def stage(**fields) -> Recipe:
    return Recipe(stages=(Stage(**fields),))


def effects(**fields) -> Recipe:
    return stage(effects=Effects(**fields))


def colors(**fields) -> Recipe:
    return stage(colors=ColorEffects(**fields))


def output(**fields) -> Recipe:
    return Recipe(output=Output(**fields))


def loading(**fields) -> Recipe:
    return Recipe(loading=Loading(**fields))


def marked(**fields) -> Recipe:
    return stage(watermark=Watermark(opacity=1, **fields))


def objects(*classes: tuple[str, float]) -> Recipe:
    return stage(gravity=Gravity(type=GravityType.OBJECTS, classes=classes))


RED, BLUE = Color(255, 0, 0), Color(0, 0, 255)
LOGO = SourceRef(scheme="https", location="h/logo.png")
FRAME = VideoFrame(width=160, height=90)

RECIPES: dict[str, Recipe] = {
    # 5.1 geometry
    "resizing_algorithm:cubic|ra:cubic": stage(resize=Resize(kernel=Kernel.CUBIC)),
    "gravity:obj|g:obj|g:obj:|g:obj:all|g:obj:face:all|g:objw:all:1": objects(),
    "g:obj:face|g:objw:face:1": objects(("face", 1)),
    "g:obj:face:cat|g:obj:cat:face": objects(("cat", 1), ("face", 1)),
    "g:objw:face:2:cat:0.5": objects(("cat", 0.5), ("face", 2)),
    "g:objw:all:2:face:3": objects(("all", 2), ("face", 3)),
    "objects_position:no:1:2|obj_pos:no:1:2|op:no:1:2": stage(
        objects_position=Gravity(type=GravityType.NORTH, x=1, y=2)
    ),
    "op:fp:0.1:0.2": stage(objects_position=Gravity(type=GravityType.FOCUS_POINT, x=0.1, y=0.2)),
    "op:fp:0.5:0.2|op:fp::0.2": stage(objects_position=Gravity(type=GravityType.FOCUS_POINT, x=0.5, y=0.2)),
    "op:prop|op:prop::": stage(objects_position=Gravity(type=GravityType.PROPORTIONAL)),
    "crop_aspect_ratio:1.5|crop_ar:1.5|car:1.5": stage(crop=Crop(aspect_ratio=1.5)),
    "c:100:50/car:2:1": stage(crop=Crop(width=100, height=50, aspect_ratio=2, aspect_enlarge=True)),
    "car:0|car:0:1": stage(),
    "crop_objects:1.2:face|c_obj:1.2:face|co:1.2:face": stage(crop_objects=CropObjects(scale=1.2, classes=("face",))),
    "c_obj:2|c_obj:2:|co:2:all": stage(crop_objects=CropObjects(scale=2)),
    "c_obj:0:face|c_obj:0": stage(),
    # 5.2 colours and effects
    "bg:f00/background_alpha:0.5|bg:f00/bga:0.5": stage(background=RED, background_alpha=0.5),
    "bga:0.5": stage(),
    "adjust:-10:1.5:0.5|a:-10:1.5:0.5|br:-10/co:1.5/sa:0.5": colors(brightness=-10, contrast=1.5, saturation=0.5),
    "a::1.5|a::1.5:|contrast:1.5|co:1.5": colors(contrast=1.5),
    "brightness:255|br:255": colors(brightness=255),
    "saturation:0|sa:0": colors(saturation=0),
    "a:0:1:1|br:0|co:1": stage(),
    "monochrome:0.5|mc:0.5": colors(monochrome=Monochrome(intensity=0.5)),
    "mc:1:f00": colors(monochrome=Monochrome(intensity=1, color=RED)),
    "mc:0:f00|dt:0:f00:00f|col:0:f00|gr:0:f00": stage(),
    "duotone:0.5|dt:0.5": colors(duotone=Duotone(intensity=0.5)),
    "dt:1:f00:00f": colors(duotone=Duotone(intensity=1, dark=RED, light=BLUE)),
    "dt:1::00f": colors(duotone=Duotone(intensity=1, light=BLUE)),
    "colorize:0.5|col:0.5": colors(colorize=Colorize(opacity=0.5)),
    "col:0.5:f00:1": colors(colorize=Colorize(opacity=0.5, color=RED, keep_alpha=True)),
    "col:0.5::1": colors(colorize=Colorize(opacity=0.5, keep_alpha=True)),
    "gradient:0.5|gr:0.5|gr:0.5:000:down:0:1|gr:0.5::360": colors(gradient=Gradient(opacity=0.5)),
    "gr:1:f00:left:0.2:0.8|gr:1:f00:90:0.2:0.8": colors(
        gradient=Gradient(opacity=1, color=RED, ramp=Ramp(direction=90, start=0.2, stop=0.8))
    ),
    "gr:1::up|gr:1::180": colors(gradient=Gradient(opacity=1, ramp=Ramp(direction=180))),
    "gr:1::right|gr:1::-90": colors(gradient=Gradient(opacity=1, ramp=Ramp(direction=270))),
    "unsharp_masking:auto:2:12|ush:auto:2:12": effects(
        unsharp=UnsharpMasking(mode=UnsharpMode.AUTO, weight=2, divider=12)
    ),
    "ush:always": effects(unsharp=UnsharpMasking(mode=UnsharpMode.ALWAYS)),
    "ush:none:2:3|ush::2": stage(),
    "blur_areas:3:0:0.1:0.5:0.6|ba:3:0:0.1:0.5:0.6": effects(
        blur_areas=BlurAreas(sigma=3, areas=(Box(left=0, top=0.1, width=0.5, height=0.6),))
    ),
    "ba:3|ba:0:0:0:1:1": stage(),
    "progressive_blur:5|pbl:5": effects(progressive_blur=ProgressiveBlur(sigma=5)),
    "pbl:5:up:0.5": effects(progressive_blur=ProgressiveBlur(sigma=5, ramp=Ramp(direction=180, start=0.5))),
    "blur_detections:4:face|bd:4:face": effects(blur_detections=BlurDetections(sigma=4, classes=("face",))),
    "bd:4|bd:4:all": effects(blur_detections=BlurDetections(sigma=4)),
    "draw_detections:1:face:cat|dd:t:cat:face": effects(draw_detections=DrawDetections(classes=("cat", "face"))),
    "dd:1": effects(draw_detections=DrawDetections()),
    "dd:0:face|bd:0:face|pbl:0:up": stage(),
    f"style:{encoded('a{}')}|st:{encoded('a{}')}|stl:{encoded('a{}')}": loading(style="a{}"),
    "dpi:300": output(dpi=300),
    "color_profile:srgb|cp:srgb|icc:srgb": output(color_profile="srgb"),
    "cp:My Profile.icc": output(color_profile="My Profile.icc"),
    "keep_provenance:1|kpr:1": output(keep_provenance=True),
    # 5.3 watermarks
    "wm:1:ch:3:4": marked(position=Gravity(type=GravityType.CHESSBOARD, x=3, y=4)),
    f"wm:1/watermark_url:{encoded(LOGO.url)}|wmu:{encoded(LOGO.url)}/wm:1": marked(source=LOGO),
    f"wm:1/watermark_text:{encoded('<b>hi</b>')}|wm:1/wmt:{encoded('<b>hi</b>')}": marked(text="<b>hi</b>"),
    f"wm:1/wmu:{encoded(LOGO.url)}/wmt:{encoded('hi')}": marked(text="hi"),
    "wm:1/watermark_size:30:20|wm:1/wms:30:20": marked(width=30, height=20),
    "wm:1/wms:30": marked(width=30),
    "wm:1/wms::20": marked(height=20),
    "wm:1:ce:0:0:0.5/wms:30:20": marked(scale=0.5),
    "wm:1/watermark_rotate:45.5|wm:1/wm_rot:45.5|wm:1/wmr:-314.5": marked(rotate=45.5),
    "wm:1/watermark_shadow:2|wm:1/wmsh:2": marked(shadow=2),
    f"wmt:{encoded('hi')}/wms:3:4/wmr:5/wmsh:6": stage(),
    # 5.4 encoding
    "autoquality:dssim:0.02:70:80:0.002|aq:dssim:0.02:70:80:0.002": output(
        autoquality=AutoQuality(method=AutoQualityMethod.DSSIM, target=0.02, minimum=70, maximum=80, error=0.002)
    ),
    "aq:size:10240": output(autoquality=AutoQuality(method=AutoQualityMethod.SIZE, target=10240)),
    "aq:": output(),
    "jpeg_options:1:0:1:0:1:3|jpgo:1:0:1:0:1:3|jpego:t:f:t:f:t:3": output(
        jpeg=JpegOptions(
            progressive=True, no_subsample=False, trellis_quant=True, overshoot_deringing=False, optimize_scans=True,
            quant_table=3,
        )
    ),
    "jpgo:::1": output(jpeg=JpegOptions(trellis_quant=True)),
    "png_options:1:1:16|pngo:1:1:16": output(png=PngOptions(interlaced=True, quantize=True, quantization_colors=16)),
    "webp_options:near_lossless:1:photo|webpo:near_lossless:1:photo": output(
        webp=WebpOptions(compression=WebpCompression.NEAR_LOSSLESS, smart_subsample=True, preset=WebpPreset.PHOTO)
    ),
    "avif_options:off|avifo:off": output(avif=AvifOptions(subsample=Subsampling.OFF)),
    "format:best|f:best|ext:best|f:png/f:best": output(best=True),
    "f:blurhash": output(placeholder=Placeholder.BLURHASH),
    "f:lqip/f:png|f:best/f:png": output(format=Format.PNG),
    # 5.5 pages and video
    "page:2|pg:2": loading(page=2),
    "pages:3|pgs:3": loading(pages=3),
    "disable_animation:1|da:1": loading(still=True),
    "video_thumbnail_second:1.5|vts:1.5": loading(video_second=1.5),
    "video_thumbnail_keyframes:1|vtk:1": loading(video_keyframes=True),
    "vtk:0": loading(video_keyframes=False),
    "video_thumbnail_tile:-1:3:2:160:90|vtt:-1:3:2:160:90": loading(
        video_tile=VideoTile(step=-1, columns=3, rows=2, frame=FRAME)
    ),
    "vtt:1.5:3:2:160:90:1:1:1:0.1:0.2": loading(
        video_tile=VideoTile(
            step=1.5, columns=3, rows=2,
            frame=replace(FRAME, extend=True, trim=True, fill=True, focus_x=0.1, focus_y=0.2),
        )
    ),
    "vtt:0|vta:0": loading(),
    "video_thumbnail_animation:2:100:5:160:90::1|vta:2:100:5:160:90:0:t": loading(
        video_animation=VideoAnimation(step=2, delay=100, frames=5, frame=replace(FRAME, trim=True))
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("options", "recipe"),
    [(options, recipe) for spellings, recipe in RECIPES.items() for options in spellings.split("|")],
)
def test_options_say_what_picture_is_wanted(options, recipe):
    request = read(options)
    assert request.recipe == recipe
    assert request.delivery == Delivery()


MALFORMED = """
ra:bicubic ra: g:objw:face g:objw:face:-1 g:objw:face:x g:prop g:ch op:sm op:re op:prop:1 op:obj op:fp:1 car: car:-1
car:1:1:1 c_obj: c_obj:-1 c_obj:x co: co:x co:face bga:1.1 bga: a:1.5 a:256 a:1:1:1:1 br:-256 br: contrast:-1 contrast:1:2 sa:-1
mc: mc:2 mc:1:ff mc:1:fff:1 dt:x dt:1:2:3:4 col:-1 col:1:ggg col:1:fff:1:1 gr:1:fff:sideways gr:1:fff:down:2 gr:1:fff:down:0:1:1
ush:sometimes ush:auto:0 ush:auto:1:-1 ush:auto:1:1:1 ba: ba:1:0 ba:1:0:0:1 ba:1:0:0:2:1 pbl:-1 pbl:1:x bd: bd:x st:*** dpi:-1
dpi: cp: cp:../x cp:.hidden cp:a\\b wm:1:prop wm:1:obj wmu:*** wms:-1 wms:1:2:3 wmr:x wmsh:-1 aq:magic aq:size:-1
aq:dssim:1:101 aq:dssim:1:1:1:1:1 jpgo::::::9 jpgo:1:1:1:1:1:1:1 pngo:::1 pngo:::257 webpo:lossish webpo:::: webpo:::vivid
avifo:maybe avifo:on:1 f:Best f:lqip2 pg:-1 pg: pgs:0 da:1:1 vts:-1 vtt: vtt:1 vtt:1:1:1:1 vtt:1:0:1:1:1 vtt:1:1:1:1:1:0:0:0:2
vta:1:0:1:1:1 vta:1:1:1:1:1:1:1:1:1:1:1 hs:crc:00 hs:md5:00 hs:md5 hs:sha1:zz hs:md5:00:00 fiu:***
""".split()  # noqa: SIM905


@pytest.mark.parametrize("options", MALFORMED)
def test_what_is_malformed_is_refused_by_its_name(options):
    with pytest.raises(BadRequest) as caught:
        read(options)
    assert caught.value.detail


def test_the_extension_names_whatever_the_format_option_does():
    for extension, wanted in (
        ("best", Output(best=True)),
        ("lqip", Output(placeholder=Placeholder.LQIP)),
        ("png", Output(format=Format.PNG)),
    ):
        assert dialect.parse(f"/_/f:webp/plain/http://h/a@{extension}", now=0).recipe.output == wanted


def test_sources_within_options_are_rewritten_like_the_original():
    rewriting = ImgproxyDialect(
        ImgproxyConfig(base_url="https://cdn/", url_replacements=(("logo:*", "https://h/${1}"),))
    )
    request = read(f"wm:1/wmu:{encoded('logo:logo.png')}/fiu:{encoded('none.png')}", rewriting)
    assert request.recipe.stages[0].watermark == Watermark(
        opacity=1, source=SourceRef(scheme="https", location="cdn/https://h/logo.png")
    )
    assert request.delivery.fallback == SourceRef(scheme="https", location="cdn/none.png")


def test_a_hashsum_belongs_to_the_source():
    digest = "0123456789abcdefABCDEF0123456789"
    assert read(f"hashsum:md5:{digest}").source.hashsum == read(f"hs:md5:{digest}").source.hashsum
    assert read(f"hs:md5:{digest}").source.hashsum == f"md5:{digest.lower()}"
    assert read(f"hs:md5:{digest}/hs:none").source.hashsum == ""


def test_cache_tags_accumulate():
    assert read("cache_tags:b:a/ct:c%2Fd:a").delivery.cache_tags == ("a", "b", "c/d")


@pytest.mark.parametrize("tag", ["a%20b", "a,b", "a%2Cb", "%0A", "%C3%A9", "%7F", "x" * 129])
def test_a_tag_that_no_cdn_could_read_is_refused(tag):
    with pytest.raises(BadRequest):
        read(f"ct:good:{tag}")


def test_a_url_gives_so_many_tags_and_no_more():
    assert len(read("ct:" + ":".join(map(str, range(32)))).delivery.cache_tags) == 32
    with pytest.raises(BadRequest):
        read("ct:" + ":".join(map(str, range(32))) + "/ct:one-more")


def test_going_past_the_caches_needs_permission():
    with pytest.raises(OptionForbidden):
        read("bc:1")
    lenient = ImgproxyDialect(ImgproxyConfig(allow_bypass_cache=True))
    assert read("bypass_cache:1", lenient).delivery.bypass_cache
    assert not read("bc:0", lenient).delivery.bypass_cache


def test_the_configuration_gives_unsharp_masking():
    config = ImgproxyConfig(unsharp_mode=UnsharpMode.AUTO, unsharp_weight=2, unsharp_divider=3)
    configured = ImgproxyDialect(config)
    wanted = UnsharpMasking(mode=UnsharpMode.AUTO, weight=2, divider=3)
    assert [one.effects.unsharp for one in read("w:1/-/w:2", configured).recipe.stages] == [wanted, wanted]
    assert read("ush:none", configured).recipe == Recipe()


# Pipelines


def widths(options: str, reader: ImgproxyDialect = dialect) -> list[int]:
    return [one.resize.width for one in read(options, reader).recipe.stages]


def test_a_dash_begins_a_pipeline():
    assert widths("w:1/-/w:2/-/h:3") == [1, 2, 0]
    assert widths("-/w:2") == [0, 2]
    assert widths("w:1") == [1]


def test_what_concerns_the_output_belongs_to_the_whole_request():
    request = read("q:50/-/f:png/sm:0/exp:5")
    assert request.recipe.output == Output(quality=50, format=Format.PNG, strip_metadata=False)
    assert request.delivery.expires_at == 5


def test_presets_with_pipelines_are_merged_from_where_they_are_used():
    chained = ImgproxyDialect(ImgproxyConfig(presets=("x=w:5/-/w:7/h:7", "y=pr:x/-/el:1", "default=bl:1")))
    assert widths("pr:x/w:10/-/w:20", chained) == [10, 20]
    assert widths("w:1/-/pr:x", chained) == [1, 5, 7]
    assert widths("w:1/-/pr:x/w:2/-/w:3/-/w:4", chained) == [1, 2, 3, 4]
    stages = read("pr:y", chained).recipe.stages
    assert [(one.resize.width, one.resize.height, one.resize.enlarge) for one in stages] == [
        (5, 0, False),
        (7, 7, True),
    ]
    assert [one.effects.blur for one in stages] == [1, 0]


def test_a_maximum_of_pipelines_is_kept():
    two = ImgproxyDialect(ImgproxyConfig(max_chained_pipelines=2, presets=("x=w:5/-/w:7",)))
    assert widths("w:1/-/w:2", two) == [1, 2]
    for options in ("w:1/-/w:2/-/w:3", "w:1/-/pr:x"):
        with pytest.raises(BadRequest, match="at most 2 pipelines"):
            read(options, two)
    with pytest.raises(ValueError, match="at most 1 pipelines"):
        ImgproxyDialect(ImgproxyConfig(max_chained_pipelines=1, presets=("x=w:5/-/w:7",)))

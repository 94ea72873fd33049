"""Every option of dialect §4 under each of its names: what it says, what it refuses, how it merges."""

from dataclasses import replace

import pytest

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.errors import BadRequest, LinkExpired, OptionForbidden, WrongParameter
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
from imgproxy_py.recipe.request import ClientHints, Delivery

NOW = 1_700_000_000
dialect = ImgproxyDialect()
lenient = ImgproxyDialect(ImgproxyConfig(allow_security_options=True))


def read(options: str, reader: ImgproxyDialect = dialect, **more):
    return reader.parse(f"/_/{options}/plain/http://h/a", now=NOW, **more)


def stage(**fields) -> Recipe:
    return Recipe(stages=(Stage(**fields),))


def resize(**fields) -> Recipe:
    return stage(resize=Resize(**fields))


def output(**fields) -> Recipe:
    return Recipe(output=Output(**fields))


def at(kind: str, x: float = 0, y: float = 0) -> Gravity:
    return Gravity(type=GravityType(kind), x=x, y=y)


RECIPES: dict[str, Recipe] = {
    "resize:fill:300:400:1:1:no:5:6|rs:fill:300:400:1:1:no:5:6": stage(
        resize=Resize(type=ResizingType.FILL, width=300, height=400, enlarge=True), extend=at("no", 5, 6)
    ),
    "rs:::": resize(),
    "rs:::7": resize(height=7),
    "rs:fit:1:2::1": stage(resize=Resize(width=1, height=2), extend=at("ce")),
    "rs:fit:1:2:0:1:fp:0.25:0.5": stage(resize=Resize(width=1, height=2), extend=at("fp", 0.25, 0.5)),
    "rs:fit:1:2:0:1::3:4": stage(resize=Resize(width=1, height=2), extend=at("ce", 3, 4)),
    "rs:fit:1:2:0::no/ex:1": stage(resize=Resize(width=1, height=2), extend=at("no")),
    "size:3:4:1:1:soea|s:3:4:1:1:soea": stage(resize=Resize(width=3, height=4, enlarge=True), extend=at("soea")),
    "s::4": resize(height=4),
    "resizing_type:force|rt:force": resize(type=ResizingType.FORCE),
    "rt:fill-down": resize(type=ResizingType.FILL_DOWN),
    "rt:auto": resize(type=ResizingType.AUTO),
    "width:5|w:5|w:+5|w:005": resize(width=5),
    "w:9223372036854775807": resize(width=2**63 - 1),
    "height:5|h:5": resize(height=5),
    "min-width:5|mw:5": resize(min_width=5),
    "min-height:5|mh:5": resize(min_height=5),
    "zoom:2|z:2|z:2:2|z:2.0|z:.2e1": resize(zoom_x=2, zoom_y=2),
    "z:1:0.5": resize(zoom_y=0.5),
    "dpr:1.5": resize(dpr=1.5),
    "enlarge:1|el:t|el:T|el:true|el:TRUE|el:True": resize(enlarge=True),
    "el:0|el:f|el:yes|el:|el:tRUE": resize(),
    "extend:1|ex:1|ex:1:ce:0:0": stage(extend=at("ce")),
    "ex:1:nowe:-3:0.5": stage(extend=at("nowe", -3, 0.5)),
    "ex:1:no::5": stage(extend=at("no", 0, 5)),
    "ex:0:no:1:1|ex:": stage(),
    "extend_aspect_ratio:1:we|extend_ar:1:we|exar:1:we": stage(extend_aspect_ratio=at("we")),
    "gravity:no:10:20|g:no:10:20": stage(gravity=at("no", 10, 20)),
    "g:sm": stage(gravity=at("sm")),
    "g:fp:0:1": stage(gravity=at("fp", 0, 1)),
    "g:ce:-0:-0.0|g:ce": stage(),
    "crop:100:80|c:100:80|c:100.9:80.1": stage(crop=Crop(width=100, height=80)),
    "c:0.5": stage(crop=Crop(width=0.5)),
    "c:0:0:no|c:0": stage(),
    "c:100:80:fp:0.1:0.2": stage(crop=Crop(width=100, height=80, gravity=at("fp", 0.1, 0.2))),
    "c:100::sm": stage(crop=Crop(width=100, gravity=at("sm"))),
    "trim:10|t:10|t:10:": stage(trim=Trim(threshold=10)),
    "t:-1.5:f0F:1:t": stage(
        trim=Trim(threshold=-1.5, color=Color(255, 0, 255), equal_horizontal=True, equal_vertical=True)
    ),
    "t:|t::ff00ff:1:1": stage(),
    "padding:1:2:3:4|pd:1:2:3:4": stage(padding=Padding(top=1, right=2, bottom=3, left=4)),
    "pd:5": stage(padding=Padding(top=5, right=5, bottom=5, left=5)),
    "pd:1:2": stage(padding=Padding(top=1, right=2, bottom=1, left=2)),
    "pd:1:2:3": stage(padding=Padding(top=1, right=2, bottom=3, left=2)),
    "pd::5": stage(padding=Padding(right=5, left=5)),
    "pd:1::3": stage(padding=Padding(top=1, right=1, bottom=3, left=1)),
    "auto_rotate:0|ar:0": stage(auto_rotate=False),
    "rotate:270|rot:270|rot:-90|rot:630": stage(rotate=270),
    "rot:0|rot:-360": stage(),
    "flip:1:1|fl:1:1": stage(flip_horizontal=True, flip_vertical=True),
    "fl:1": stage(flip_horizontal=True),
    "background:ff8000|bg:FF8000|bg:255:128:0": stage(background=Color(255, 128, 0)),
    "bg:f80": stage(background=Color(255, 136, 0)),
    "blur:1.5|bl:1.5": stage(effects=Effects(blur=1.5)),
    "sharpen:1.5|sh:1.5": stage(effects=Effects(sharpen=1.5)),
    "pixelate:8|pix:8": stage(effects=Effects(pixelate=8)),
    "pix:1|pix:0": stage(),
    "watermark:0.5|wm:0.5": stage(watermark=Watermark(opacity=0.5)),
    "wm:1:re:3:4:0.2:x:y": stage(watermark=Watermark(opacity=1, position=at("re", 3, 4), scale=0.2)),
    "wm:1::3": stage(watermark=Watermark(opacity=1, position=at("ce", 3))),
    "wm:0|wm:0:no": stage(),
    "preserve_hdr:1|ph:1": output(preserve_hdr=True),
    "format:webp|f:webp|ext:webp": output(format=Format.WEBP),
    "f:jpg|f:jpeg": output(format=Format.JPEG),
    "quality:80|q:80": output(quality=80),
    "q:0": output(),
    "format_quality:webp:50:jpg:60|fq:jpeg:60:webp:50|fq:jpg:60/fq:webp:50": output(
        format_quality=((Format.JPEG, 60), (Format.WEBP, 50))
    ),
    "fq:webp:50/fq:webp:0|fq:webp:0": output(),
    "max_bytes:1024|mb:1024": output(max_bytes=1024),
    "strip_metadata:0|sm:0": output(strip_metadata=False),
    "keep_copyright:0|kcr:0": output(keep_copyright=False),
    "strip_color_profile:0|scp:0": output(strip_color_profile=False),
    "enforce_thumbnail:1|eth:1": output(enforce_thumbnail=True),
    "skip_processing:png:jpg|skp:jpg:png|skp:jpg/skp:png/skp:jpeg|sp:png:jpg": output(
        skip_formats=(Format.JPEG, Format.PNG)
    ),
}


@pytest.mark.parametrize(
    ("options", "recipe"),
    [(options, recipe) for spellings, recipe in RECIPES.items() for options in spellings.split("|")],
)
def test_options_say_what_picture_is_wanted(options, recipe):
    request = read(options)
    assert request.recipe == recipe
    assert request.delivery == Delivery()


DELIVERIES: dict[str, Delivery] = {
    "raw:1": Delivery(raw=True),
    "cachebuster:v1|cb:v1": Delivery(cachebuster="v1"),
    f"expires:{NOW}|exp:{NOW}": Delivery(expires_at=NOW),
    "exp:0|exp:-5": Delivery(),
    "filename:cat|fn:cat|fn:Y2F0:1|fn:Y2F0==:t|fn:%63at|fn:cat:0": Delivery(filename="cat"),
    "fn:100%": Delivery(filename="100%"),
    "fn:a%20%C3%A9%2Fb": Delivery(filename="a é/b"),
    "return_attachment:1|att:1": Delivery(attachment=True),
    "att:0": Delivery(attachment=False),
}


@pytest.mark.parametrize(
    ("options", "delivery"),
    [(options, delivery) for spellings, delivery in DELIVERIES.items() for options in spellings.split("|")],
)
def test_delivery_options_never_touch_the_recipe(options, delivery):
    assert read(options).delivery == delivery
    assert read(options).recipe == Recipe()


LIMITS: dict[str, LimitOverrides] = {
    "max_src_resolution:16.8|msr:16.8": LimitOverrides(max_src_resolution=16.8),
    "max_src_file_size:100|msfs:100": LimitOverrides(max_src_file_size=100),
    "max_animation_frames:1|maf:1": LimitOverrides(max_animation_frames=1),
    "max_animation_frame_resolution:0|mafr:0": LimitOverrides(max_animation_frame_resolution=0),
    "max_result_dimension:100|mrd:100": LimitOverrides(max_result_dimension=100),
    "mrd:-1|mrd:0": LimitOverrides(max_result_dimension=0),
}


@pytest.mark.parametrize(
    ("options", "limits"),
    [(options, limits) for spellings, limits in LIMITS.items() for options in spellings.split("|")],
)
def test_limits_need_permission(options, limits):
    assert read(options, lenient).recipe == Recipe(limits=limits)
    with pytest.raises(OptionForbidden):
        read(options)


MALFORMED = """
rs:fat rs:fit:-1 rs:fit:1:1:0:1:sm rs:fit:1:1:0:1:re rs:fit:1:1:0:1:no:1:2:3 rs:fit:1:1:0:1:xx
s:1:1:0:1:no:1:2:3 s:a s::b s:1:1:0:1:fp rt: rt:FIT rt:fit:fit w: w:-1 w:1.5 w:1_000 w:٣ w:1e3 w:0x10 w:abc w:1:2
w:9223372036854775808 w:99999999999999999999999999 h:-1 mw:-1 mh:x min_width:1 min_height:1
z:0 z:-1 z:1:0 z::2 z:1: z:1:2:3 z: dpr:0 dpr:-1 dpr:nan dpr:NaN dpr:inf dpr:Inf dpr:1e999 dpr:0x1p1 dpr:1_0 dpr:+ dpr:.
dpr:1e dpr:1e-999 el:1:1 ex:1:sm ex:1:re ex:1:no:1:2:3 ex:1: ex:1:no:x exar:1:sm g: g:xx g:re g:sm:1 g:sm: g:fp g:fp:1
g:fp:0:1.1 g:fp:-0.1:0 g:fp:0:0:0 g:fp:: g:no:x g:no:1:2:3 g:no:nan c: c::5 c:-1 c:1:-1 c:1:1:re c:1:1: c:1:1:no:1:2:3
t:x t:nan t:1:ff t:1:gggggg t:1::1:1:1 pd:-1 pd:1.5 pd:1:2:3:4:5 ar:1:1 rot:45 rot:x rot:90.0 rot: fl:1:1:1
bg:f bg:#fff bg:ffff bg:1:2 bg:: bg:256:0:0 bg:0:0:-1 bg:1:2:3:4 bl:-1 bl:x bl: sh:-1 sh:inf pix:-1 pix:1.5
wm: wm:1.1 wm:-0.1 wm:1:sm wm:1:fp:0:0 wm:1:xx wm:1:no:x wm:1:ce:0:0:-1 wm:1:ce:0:0:1:2:3:4
f: f:JPG f:bmpx f:Best f:mp4 f:jpg:png q:-1 q:101 q: q:8.5 fq:jpg fq:jpg:101 fq:xxx:1 fq:jpg:1:png fq:jpg: mb:-1 sm:1:1
skp: skp:x skp:jpg:x cb:a:b exp:x exp:1.5 exp: exp:1:2 fn:a:1 fn:a*b:1 fn:%FF fn:%0D%0A fn:a:0:0 att:1:1 raw:1:1 pr:nope preset:
unknown:1 W:1 Width:1 :1 :: blur_sigma:1 w:%31
""".split()  # noqa: SIM905


@pytest.mark.parametrize("options", [*MALFORMED, "w: 1", "w:1 ", "w:1\n", "dpr:1\n", "bg:fff\n", "q:\x001"])
def test_what_the_dialect_does_not_know_is_refused(options):
    with pytest.raises(BadRequest) as caught:
        read(options)
    assert caught.value.wrong[0].parameter == options.split(":")[0]
    assert caught.value.detail


def test_a_refusal_names_option_value_and_what_was_expected():
    with pytest.raises(BadRequest) as caught:
        read("w:abc")
    assert caught.value.wrong == (WrongParameter("w", "abc", "an integer from 0"),)
    with pytest.raises(BadRequest) as caught:
        read("bl:1/dpr:0")
    assert caught.value.wrong == (WrongParameter("dpr", "0", "a number above 0"),)
    with pytest.raises(BadRequest) as caught:
        read("g:fp:2:0")
    assert caught.value.wrong == (WrongParameter("g", "2", "a number from 0 to 1"),)


MERGES = {
    "g:no:10:20/g:so": stage(gravity=at("so", 10, 20)),
    "g:no:10:20/g:sm/g:so": stage(gravity=at("so")),
    "g:no:10:20/g:so::5": stage(gravity=at("so", 10, 5)),
    "c:9:9:no:1:2/c:9:9:so": stage(crop=Crop(width=9, height=9, gravity=at("so", 1, 2))),
    "ex:1:no:1:2/ex:1:so": stage(extend=at("so", 1, 2)),
    "ex:1:no:1:2/ex:0/ex:1": stage(extend=at("no", 1, 2)),
    "wm:1:no:1:2:0.5/wm:1:so": stage(watermark=Watermark(opacity=1, position=at("so", 1, 2), scale=0.5)),
    "rs:fill:300/rs::200": resize(type=ResizingType.FILL, width=200),
    "c:100:80/c:50": stage(crop=Crop(width=50, height=80)),
    "fl:1:1/fl:0": stage(flip_vertical=True),
    "pd:1:2:3:4/pd::5": stage(padding=Padding(top=1, right=5, bottom=3, left=5)),
    "t:10:ff00ff:1:1/t:5": stage(trim=Trim(threshold=5, equal_horizontal=True, equal_vertical=True)),
    "bg:fff/bg:": stage(),
    "w:100/w:0": stage(),
    "w:100/h:50/w:30": resize(width=30, height=50),
    "skp:jpg/skp:png": output(skip_formats=(Format.JPEG, Format.PNG)),
    "fq:jpg:1/fq:webp:2/fq:jpg:3": output(format_quality=((Format.JPEG, 3), (Format.WEBP, 2))),
}


@pytest.mark.parametrize(("options", "recipe"), MERGES.items(), ids=MERGES)
def test_later_options_touch_only_what_they_name(options, recipe):
    assert read(options).recipe == recipe


@pytest.mark.parametrize("kind", ["fit", "fill", "fill-down", "force", "auto"])
def test_the_basic_format_is_refused(kind):
    with pytest.raises(BadRequest, match="basic"):
        dialect.parse(f"/_/{kind}/300/200/sm/0/aHR0cDovL2gvYQ", now=NOW)


def test_the_past_has_expired():
    with pytest.raises(LinkExpired):
        read(f"exp:{NOW - 1}")
    with pytest.raises(LinkExpired):
        read("exp:1/exp:0/nonsense:1")


def test_an_allow_list_holds_spellings():
    narrow = ImgproxyDialect(ImgproxyConfig(allowed_options=frozenset({"width", "pr", "msr"}), presets=("p=h:5",)))
    assert read("width:1/pr:p", narrow).recipe == resize(width=1, height=5)
    for options in ("w:1", "preset:p", "h:5", "msfs:1"):
        with pytest.raises(BadRequest):
            read(options, narrow)
    with pytest.raises(OptionForbidden):
        read("msr:1", narrow)


def test_another_separator_divides_arguments():
    tilde = ImgproxyDialect(ImgproxyConfig(arguments_separator="~~", presets=("p=h~~5",)))
    assert read("rs~~fill~~3/pr~~p", tilde).recipe == resize(type=ResizingType.FILL, width=3, height=5)
    with pytest.raises(BadRequest):
        read("w:3", tilde)
    with pytest.raises(ValueError, match="separator"):
        ImgproxyDialect(ImgproxyConfig(arguments_separator=""))


def test_the_configuration_gives_the_defaults():
    config = ImgproxyConfig(
        auto_rotate=False, strip_metadata=False, keep_copyright=False, strip_color_profile=False, preserve_hdr=True,
        enforce_thumbnail=True, return_attachment=True,
    )  # fmt: skip
    request = ImgproxyDialect(config).parse("/_/plain/http://h/a", now=NOW)
    assert not request.recipe.stages[0].auto_rotate
    assert request.recipe.output == Output(
        strip_metadata=False, keep_copyright=False, strip_color_profile=False, preserve_hdr=True, enforce_thumbnail=True
    )
    assert request.delivery.attachment is True
    assert read("ar:1/sm:1/kcr:1/scp:1/ph:0/eth:0", ImgproxyDialect(config)).recipe == Recipe()


def test_client_hints_are_defaults_that_everything_overrides():
    hints = ClientHints(dpr=2.0, width=401)
    assert read("h:0", hints=hints).recipe == resize(dpr=2, width=201)
    assert read("w:7/dpr:1", hints=hints).recipe == resize(width=7)
    preset = ImgproxyDialect(ImgproxyConfig(presets=("default=w:9",)))
    assert read("h:0", preset, hints=hints).recipe == resize(dpr=2, width=9)
    assert read("h:0", hints=ClientHints(width=33)).recipe == resize(width=33)
    assert read("h:0", hints=ClientHints(width=33, dpr=5e-324)).recipe == resize(width=2**63 - 1, dpr=5e-324)


PRESETS = ("# comment", "", "  ", " small = w:10/h:10 ", "sharp=sh:2/pr:small", "loop=w:1/pr:loop/h:2", "off=g:no:5:6")


def test_presets_apply_in_place_and_in_order():
    presets = ImgproxyDialect(ImgproxyConfig(presets=PRESETS))
    assert read("pr:small/h:5", presets).recipe == resize(width=10, height=5)
    assert read("h:5/preset:small", presets).recipe == resize(width=10, height=10)
    sharp = stage(resize=Resize(width=10, height=10), effects=Effects(sharpen=2))
    assert read("pr:sharp", presets).recipe == sharp
    assert read("pr:loop", presets).recipe == resize(width=1, height=2)
    assert read("pr:off/g:so", presets).recipe == stage(gravity=at("so", 5, 6))
    assert read("pr:loop:small", presets).recipe == resize(width=10, height=10)


def test_the_presets_that_the_url_names_are_told():
    presets = ImgproxyDialect(ImgproxyConfig(presets=(*PRESETS, "default=pr:small")))
    assert read("pr:sharp:loop/pr:sharp", presets).delivery.preset_names == ("sharp", "loop")
    assert read("w:1", presets).delivery.preset_names == ()


def test_the_default_preset_goes_before_everything():
    presets = ImgproxyDialect(ImgproxyConfig(presets=("default=w:10/q:50", "p=q:60")))
    assert presets.parse("/_/plain/http://h/a", now=NOW).recipe == replace(resize(width=10), output=Output(quality=50))
    assert read("pr:p/w:5", presets).recipe == replace(resize(width=5), output=Output(quality=60))


def test_a_default_preset_may_expire():
    presets = ImgproxyDialect(ImgproxyConfig(presets=(f"default=exp:{NOW - 1}",)))
    with pytest.raises(LinkExpired):
        read("w:1", presets)


@pytest.mark.parametrize(
    "definition", ["a=fn:\udcff", "a=ct:\udcff", "a=cb:\udcff", "a=pr:\udcff", "\udcff=w:1", "a=fiu:\udcff"]
)
def test_a_preset_that_is_no_utf_8_is_refused_as_one(definition):
    with pytest.raises(ValueError, match="Wrong presets") as caught:
        ImgproxyDialect(ImgproxyConfig(presets=(definition,)))
    assert type(caught.value) is ValueError


def test_all_wrong_presets_are_listed_at_once():
    wrong = ("a=w:x", "b=nonsense:1", "c", "=w:1", "d=", "e=w:1=2", "f=pr:missing", "g=msr:1", "h=w", "fine=w:1")
    with pytest.raises(ValueError, match="Wrong presets") as caught:
        ImgproxyDialect(ImgproxyConfig(presets=wrong))
    for name in ("a: w: 'x'", "b=nonsense:1", "c:", "=w:1:", "d=:", "e=w:1=2", "f: pr", "g: The option msr", "h=w:"):
        assert name in str(caught.value)
    assert "fine" not in str(caught.value)


def test_a_url_of_presets_alone():
    only = ImgproxyDialect(ImgproxyConfig(only_presets=True, presets=("a=w:1", "b=h:2", "default=q:3")))
    request = only.parse("/_/a:b/plain/http://h/a", now=NOW)
    assert request.recipe == replace(resize(width=1, height=2), output=Output(quality=3))
    assert request.delivery.preset_names == ("a", "b")
    for path in ("a:c/plain/http://h/a", "w:1/plain/http://h/a", "a", "plain/http://h/a", "a/w:1/plain/http://h/a"):
        with pytest.raises(BadRequest):
            only.parse(f"/_/{path}", now=NOW)

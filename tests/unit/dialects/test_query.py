"""The query dialect: parameters, keys, signatures, and that both dialects end in one recipe (delivery §1)."""

from dataclasses import replace

import pytest

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.dialects.query import QueryConfig, QueryDialect
from imgproxy_py.dialects.signing import KeyPair, Signer
from imgproxy_py.errors import BadRequest, LinkExpired, SignatureMismatch, WrongParameter
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Output, Recipe, Resize, Stage
from imgproxy_py.recipe.request import ClientHints, Delivery
from imgproxy_py.recipe.source import SourceRef

NOW = 1_700_000_000
PAIR = KeyPair(b"key", b"salt")
PRESETS = ("thumb=rs:fill:100:100/q:60", "far=g:no:10:20/t:5:fff:1:1", "plus=w:1/dpr:2")
SHARED = ImgproxyConfig(presets=PRESETS)
dialect = QueryDialect(QueryConfig(images_source="s3://bucket/originals", shared=SHARED))
imgproxy = ImgproxyDialect(SHARED)


def read(query: str, reader: QueryDialect = dialect, **more):
    return reader.parse(f"/images/a.jpg?{query}", now=NOW, **more)


def wrong(target: str, reader: QueryDialect = dialect) -> tuple[WrongParameter, ...]:
    with pytest.raises(BadRequest) as caught:
        reader.parse(target, now=NOW)
    return caught.value.wrong


# The same picture in both dialects; spellings of one are divided by spaces.
EQUAL = {
    "": "w:0",
    "w=400 width=400 fit=contain&w=400": "w:400",
    "h=300 height=300": "h:300",
    "w=400&h=300 h=300&w=400 w=400&h=300&fit=contain&enlarge=0&dpr=1&rotate=0&blur=0&format=auto": "rs:fit:400:300",
    "w=400&h=300&fit=cover": "rs:fill:400:300",
    "w=400&h=300&fit=fill": "rs:force:400:300",
    "w=400&h=300&fit=pad": "rs:fit:400:300:0:1",
    "fit=pad&gravity=north&w=4&h=3 g=north&w=4&h=3&fit=pad": "rs:fit:4:3:0:1:no/g:no",
    "fit=pad&gravity=0.1,0.2&w=4&h=3": "rs:fit:4:3:0:1:fp:0.1:0.2/g:fp:0.1:0.2",
    "fit=pad&gravity=smart&w=4&h=3": "rs:fit:4:3:0:1/g:sm",
    "enlarge=1&w=4": "w:4/el:1",
    "dpr=1.5&w=4 dpr=1.50&w=4 dpr=15e-1&w=4": "w:4/dpr:1.5",
    "crop=100,50 crop=100%2C50 crop=100.7,50.2": "c:100:50",
    "crop=0.5,0.5": "c:0.5:0.5",
    "crop=10,20,100,50": "c:100:50:nowe:10:20",
    "crop=0.1,0.2,0.5,0.5": "c:0.5:0.5:nowe:0.1:0.2",
    "crop=0,0,100,50": "c:100:50:nowe",
    "gravity=center g=center": "g:ce",
    "gravity=north": "g:no",
    "gravity=south": "g:so",
    "gravity=east": "g:ea",
    "gravity=west": "g:we",
    "gravity=northeast": "g:noea",
    "gravity=northwest": "g:nowe",
    "gravity=southeast": "g:soea",
    "gravity=southwest": "g:sowe",
    "gravity=smart": "g:sm",
    "gravity=0.25,0.75 g=.25,.75": "g:fp:0.25:0.75",
    "rotate=90": "rot:90",
    "rotate=270": "rot:-90",
    "flip=h": "fl:1",
    "flip=v": "fl:0:1",
    "flip=hv": "fl:1:1",
    "trim=10": "t:10",
    "trim=0": "t:0",
    "pad=5": "pd:5",
    "pad=1,2": "pd:1:2",
    "pad=1,2,3": "pd:1:2:3",
    "pad=1,2,3,4": "pd:1:2:3:4",
    "bg=ff8000 bg=FF8000": "bg:255:128:0",
    "bg=f80": "bg:ff8800",
    "blur=2.5": "bl:2.5",
    "sharpen=2.5": "sh:2.5",
    "format=webp fm=webp f=webp": "f:webp",
    "format=jpg format=jpeg": "f:jpg",
    "format=best f=best": "f:best",
    "format=blurhash": "f:blurhash",
    "format=thumbhash": "f:thumbhash",
    "format=lqip": "f:lqip",
    "q=75 quality=75": "q:75",
    "preset=thumb p=thumb": "pr:thumb",
    "q=50&preset=thumb preset=thumb&q=50": "pr:thumb/q:50",
    "preset=far": "pr:far",
    "preset=far&gravity=south": "pr:far/g:so:0:0",
    "preset=far&trim=7": "pr:far/t:7::0:0",
    "preset=plus&w=9": "pr:plus/w:9",
}


@pytest.mark.parametrize(
    ("query", "options"),
    [(query, options) for queries, options in EQUAL.items() for query in (queries.split() or [""])],
)
def test_both_dialects_end_in_one_recipe_and_source(query, options):
    ours = read(query)
    theirs = imgproxy.parse(f"/_/{options}/plain/s3://bucket/originals/a.jpg", now=NOW)
    assert (ours.recipe, ours.source) == (theirs.recipe, theirs.source)
    assert ours.delivery == theirs.delivery
    assert hash(ours.recipe) == hash(theirs.recipe)


def test_quality_zero_is_the_lowest_not_the_default():
    assert read("q=0").recipe.output.quality == 0
    assert read("").recipe.output.quality is None


def test_delivery_parameters_never_touch_the_recipe():
    request = read(f"dl=summer+cat.jpg&exp={NOW}")
    assert request.delivery == Delivery(filename="summer cat", attachment=True, expires_at=NOW)
    assert request.recipe == Recipe()
    assert read("dl=").delivery == Delivery(attachment=True)
    assert read("dl=a%2Bb.v2").delivery.filename == "a+b.v2"
    assert read("dl=.JPG").delivery.filename == ".JPG"


def test_the_preset_is_told():
    assert read("preset=thumb").delivery.preset_names == ("thumb",)


def test_the_past_has_expired_but_wrong_parameters_come_first():
    with pytest.raises(LinkExpired):
        read(f"exp={NOW - 1}")
    assert wrong(f"/images/a?exp={NOW - 1}&w=0")


def test_client_hints_and_the_default_preset_are_defaults():
    reader = QueryDialect(
        QueryConfig(images_source="s3://b", shared=ImgproxyConfig(presets=("default=q:5/exp:0",), auto_rotate=False))
    )
    request = read("h=3", reader, hints=ClientHints(dpr=2.0, width=100))
    stage = Stage(auto_rotate=False, resize=Resize(width=50, height=3, dpr=2))
    assert request.recipe == Recipe(stages=(stage,), output=Output(quality=5))


WRONG = """
w=abc w=0 w=-1 w=8193 w= w w=1.5 w=1_0 w=%D9%A3 w=+5 w=5+ w=nan h=0 h=99999 fit=stretch fit= fit=Cover enlarge=2 enlarge=true
dpr=0 dpr=8.1 dpr=-1 dpr=nan dpr=inf dpr=1_0 crop=1 crop=1,2,3 crop=1,2,3,4,5 crop=a,b crop=-1,2 crop=1,-2,3,4 crop=,
crop= gravity=up gravity=NORTH gravity=ce gravity=0.5 gravity=1.5,0 gravity=-0.1,0 gravity=0,0,0 gravity=nan,0 gravity=,
rotate=45 rotate=360 rotate=-90 rotate=090 flip=x flip=vh flip= trim=-1 trim=x trim= pad=-1 pad=1,2,3,4,5 pad=1, pad=1,,2
pad=1.5 pad= bg=ff bg=%23fff bg=gggggg bg= blur=-1 blur=inf sharpen=x format=bmpx format=WEBP format=svg format= q=200 q=-1
q=1.5 q= preset=nope preset= preset=thumb:far exp=0 exp=-1 exp=soon exp=1.5 exp= dl=%0D%0A dl=%FF dl=%zz W=1 unknown=1
min-width=1 cachebuster=1 w=%0A5 %FF=1 w%3D1=2 =1
""".split()  # noqa: SIM905


@pytest.mark.parametrize("query", WRONG)
def test_a_wrong_parameter_is_refused(query):
    (one,) = wrong(f"/images/a.jpg?{query}")
    assert one.expected


def test_a_refusal_names_parameter_value_and_what_is_allowed():
    assert wrong("/images/a?width=abc") == (WrongParameter("width", "abc", "an integer from 1 to 8192"),)
    assert wrong("/images/a?fm=bmpx") == (
        WrongParameter(
            "fm", "bmpx", "one of auto, best, jpeg, png, webp, gif, avif, tiff, jpg, blurhash, thumbhash, lqip"
        ),
    )
    assert "quality" in wrong("/images/a?blah=1")[0].expected
    assert wrong("/images/a?p=x")[0].expected == "one of far, plus, thumb"
    assert "no presets" in wrong("/images/a?p=x", QueryDialect(QueryConfig(images_source="s3://b")))[0].expected


def test_all_that_is_wrong_is_told_at_once():
    told = wrong("/images/a//b?w=abc&h=0&q=200&format=bmpx&zzz=1&w=5&width=7&fit=x")
    assert sorted(one.parameter for one in told) == ["fit", "format", "h", "key", "q", "w", "w", "width", "zzz"]


@pytest.mark.parametrize("query", ["w=1&w=1", "w=1&width=1", "g=north&gravity=north", "s=a&s=b", "f=png&fm=png"])
def test_a_parameter_is_given_once(query):
    (one,) = wrong(f"/images/a?{query}")
    assert "once" in one.expected


def test_limits_and_formats_are_configured():
    small = QueryDialect(QueryConfig(images_source="s3://b", max_side=10, savable=frozenset({Format.PNG})))
    assert read("w=10&format=png", small).recipe.output.format is Format.PNG
    assert len(wrong("/images/a?w=11&format=jpg", small)) == 2


KEYS = [
    ("s3://bucket/pre", "a/b.jpg", SourceRef(scheme="s3", location="bucket/pre/a/b.jpg")),
    ("s3://bucket", "a.jpg", SourceRef(scheme="s3", location="bucket/a.jpg")),
    ("s3://bucket/", "a%20b+c%3Fd%2523", SourceRef(scheme="s3", location="bucket/a b+c?d%23")),
    ("local:///", "a%2Fb", SourceRef(scheme="local", location="/a/b")),
    ("local:///pre/", "a..b/c", SourceRef(scheme="local", location="/pre/a..b/c")),
    ("https://h/x", "a%20%3F%23%25.jpg", SourceRef(scheme="https", location="h/x/a%20%3F%23%25.jpg")),
]


@pytest.mark.parametrize(("root", "key", "source"), KEYS)
def test_a_key_is_decoded_once_and_named_below_the_root(root, key, source):
    request = QueryDialect(QueryConfig(images_source=root)).parse(f"/images/{key}", now=NOW)
    assert request.source == source


@pytest.mark.parametrize(
    "key",
    [
        "",
        "..",
        "a/../b",
        "%2e%2e/a",
        "a/%2E%2e",
        "a//b",
        "/a",
        "a/",
        "a%2F%2Fb",
        "a%00b",
        "a\\b",
        "a%5Cb",
        "./a",
        "%zz",
        "%FF",
    ],
)
def test_a_key_that_climbs_or_hides_is_refused(key):
    (one,) = wrong(f"/images/{key}?w=1")
    assert one.parameter == "key"


@pytest.mark.parametrize(
    "target", ["", "/", "/images", "/image/a", "/Images/a", "images/a", "/pre/images/a", "/images/\udcff"]
)
def test_another_path_is_not_ours(target):
    with pytest.raises(BadRequest):
        dialect.split(target)


def test_the_images_lie_somewhere():
    with pytest.raises(ValueError, match="scheme"):
        QueryDialect(QueryConfig(images_source="bucket/prefix"))


signed = QueryDialect(
    QueryConfig(images_source="s3://b", shared=ImgproxyConfig(pairs=(PAIR,), path_prefix="/cdn", signature_size=20))
)
signer = Signer((PAIR,), 20)


@pytest.mark.parametrize(
    ("covered", "target"),
    [
        ("/cdn/images/a%20b?h=2&q=3&w=1", "/cdn/images/a%20b?w=1&h=2&s={}&q=3"),
        ("/cdn/images/a?crop=1%2C2", "/cdn/images/a?crop=1%2C2&s={}"),
        ("/cdn/images/a?", "/cdn/images/a?s={}"),
    ],
)
def test_a_signature_covers_path_and_sorted_query_as_sent(covered, target):
    signature = signer.sign(covered)
    assert signed.parse(target.format(signature), now=NOW).signature == signature
    for other in (target.format("AAAA"), target.format(signature + "="), target.replace("s={}", ""), target.format("")):
        with pytest.raises(SignatureMismatch):
            signed.parse(other, now=NOW)
    with pytest.raises(SignatureMismatch):
        signed.parse(target.format(signature) + "&dpr=2", now=NOW)


def test_without_keys_a_signature_is_left_alone():
    assert replace(read("w=1&s=xyz"), signature="") == read("w=1")


def test_write_is_canonical_and_signed():
    request = signed.read(signed.split("/cdn/images/a%20b?width=400&g=0.5,0.25&p=&h=3".replace("&p=", "")), now=NOW)
    target = signed.write(request)
    assert target.startswith("/cdn/images/a%20b?gravity=0.5,0.25&h=3&w=400&s=")
    assert signed.parse(target, now=NOW).recipe == request.recipe
    assert dialect.write(read("")) == "/images/a.jpg"
    assert dialect.write(read("preset=thumb")) == "/images/a.jpg?fit=cover&h=100&q=60&w=100"


@pytest.mark.parametrize(
    "path",
    [
        "rt:fill-down/plain/s3://bucket/originals/a", "w:9000/plain/s3://bucket/originals/a", "w:1/plain/s3://elsewhere/a",
        "w:1/plain/http://h/a", "w:1/plain/s3://bucket/originals/a%3Fversion", "raw:1/plain/s3://bucket/originals/a",
        "ar:0/plain/s3://bucket/originals/a", "c:1:1:no/plain/s3://bucket/originals/a", "wm:1/plain/s3://bucket/originals/a",
        "fn:x/plain/s3://bucket/originals/a", "cb:x/plain/s3://bucket/originals/a", "g:no:1:2/plain/s3://bucket/originals/a",
        "f:svg/plain/s3://bucket/originals/a", "z:2/plain/s3://bucket/originals/a", "dpr:9/plain/s3://bucket/originals/a",
    ],
)  # fmt: skip
def test_what_parameters_cannot_say_is_not_written(path):
    request = imgproxy.parse(f"/_/{path}", now=NOW)
    with pytest.raises(ValueError, match="cannot be said in the query dialect"):
        dialect.write(request)


def test_best_is_what_no_format_and_auto_mean_where_that_is_configured():
    shared = ImgproxyConfig(best=True, presets=("small=w:5/f:png",))
    dialect = QueryDialect(QueryConfig(images_source="s3://b", shared=shared))
    assert read("w=10", dialect).recipe.output.best
    assert read("format=auto", dialect).recipe.output.best
    assert read("preset=small&format=auto", dialect).recipe.output.best
    assert not read("format=png", dialect).recipe.output.best
    assert not read("format=lqip", dialect).recipe.output.best
    for query in ("w=10", "w=10&format=png", "format=blurhash"):
        request = read(query, dialect)
        assert dialect.parse(dialect.write(request), now=NOW) == request

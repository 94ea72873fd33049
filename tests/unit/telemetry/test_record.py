import pytest

from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Outcome, Picture, Rendered, Timings
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.telemetry.record import RequestRecord, public_source, trace_id

PICTURE = Picture(
    data=b"12345",
    format=Format.WEBP,
    width=4,
    height=3,
    origin_format=Format.JPEG,
    origin_width=40,
    origin_height=30,
    origin_bytes=500,
    timings=Timings(queue=1, fetch=2, decode=3, transform=4, encode=5),
)


def a_record() -> RequestRecord:
    return RequestRecord(request_id="r", method="GET", dialect="imgproxy", started=0.0, at=0.0)


@pytest.mark.parametrize(
    ("scheme", "location", "shown"),
    [
        ("https", "me:word@example.com/a.jpg?token=1#x", "https://example.com/a.jpg"),
        ("http", "example.com?token=1", "http://example.com"),
        ("https", "example.com/me@home.jpg", "https://example.com/me@home.jpg"),
        ("s3", "bucket/a?b.jpg", "s3://bucket/a?b.jpg"),
        ("local", "/a.jpg", "local:///a.jpg"),
    ],
)
def test_a_source_is_shown_without_secrets(scheme, location, shown):
    assert public_source(SourceRef(scheme=scheme, location=location)) == shown


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0af7651916cd43dd8448eb211c80319c"),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", ""),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ""),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_the_trace_id_of_a_traceparent(header, expected):
    assert trace_id(header) == expected


def test_a_made_picture_brings_its_times():
    record = a_record()
    record.gives(Rendered(picture=PICTURE, outcome=Outcome.MADE))
    assert (record.outcome, record.format_in, record.format_out) == ("made", "jpeg", "webp")
    assert (record.bytes_in, record.bytes_out, record.width, record.height) == (500, 5, 4, 3)
    assert (record.queue, record.fetch, record.decode, record.transform, record.encode) == (1, 2, 3, 4, 5)


def test_a_picture_from_a_cache_does_not():
    record = a_record()
    record.gives(Rendered(picture=PICTURE, outcome=Outcome.MEMORY))
    assert record.decode is None

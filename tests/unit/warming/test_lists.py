"""Lists as people have them: texts, tables, sitemaps, compressed or not."""

from __future__ import annotations

import gzip

import pytest

from imgproxy_py.warming import lists
from imgproxy_py.warming.lists import gunzipped, read_list


class Web:
    """What lies where, and what was asked for."""

    def __init__(self, **places: bytes) -> None:
        self.places = places
        self.asked: list[str] = []

    async def load(self, place: str) -> bytes:
        self.asked.append(place)
        if place not in self.places:
            raise ValueError(f"{place}: 404 Not Found")
        return self.places[place]


async def read(data: bytes | str, place: str = "urls.txt", column: str = "") -> list[str]:
    web = Web(**{place: data if isinstance(data, bytes) else data.encode()})
    return await read_list(place, web.load, column=column)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a\n/b\n", ["/a", "/b"]),
        ("\ufeff/a\r\n  /b  \r\n\r\n# /c\n   # d\n/a", ["/a", "/b"]),
        ("/a#b", ["/a#b"]),
        ("url,name\n/a,b", ["url,name", "/a,b"]),
        ("", []),
        ("# nothing", []),
    ],
)
async def test_a_text_has_an_entry_a_line(text: str, expected: list[str]) -> None:
    assert await read(text) == expected
    assert await read(gzip.compress(text.encode()), "urls.txt.gz") == expected


@pytest.mark.parametrize(
    ("text", "place", "column", "expected"),
    [
        ("url,name\n/a,b\n,c\n/d,e\n", "x.csv", "", ["/a", "/d"]),
        ('name;url\nb;"/a;1"\n', "x.csv", "", ["/a;1"]),
        ("name\turl\nb\t/a\n", "x.tsv", "", ["/a"]),
        ("key,url\nk,/a\n", "x.csv", "key", ["k"]),
        ('url,name\r\n"/a\n b",c\r\n', "-", "url", ["/a\n b"]),
        ("url,a,b\n/a\n/b,1,2,3\n", "x.csv", "", ["/a", "/b"]),
    ],
)
async def test_a_table_has_a_column(text: str, place: str, column: str, expected: list[str]) -> None:
    assert await read(text, place, column) == expected


@pytest.mark.parametrize(
    ("data", "place", "reason"),
    [
        (b"name,other\n", "x.csv", "no column 'url' among name, other"),
        (b"", "x.csv", "no column 'url' among "),
        (b"\xff\xfe/\x00a\x00", "x.txt", "no text in UTF-8"),
        (b"\x1f\x8bjunk", "x.gz", "damaged gzip"),
        (gzip.compress(b"/a\n" * 1000, mtime=0)[:-12], "x.gz", "damaged gzip"),
        (b"<html></html>", "x", "x: 'html' at the root"),
    ],
)
async def test_what_cannot_be_read_is_refused(data: bytes, place: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        await read(data, place)


def test_gzip_is_undone_member_after_member_and_no_further_than_asked() -> None:
    data = gzip.compress(b"/a\n") + gzip.compress(b"/b\n")
    assert gunzipped(data, 6) == b"/a\n/b\n"
    with pytest.raises(ValueError, match="more than 5 bytes"):
        gunzipped(data, 5)
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        gunzipped(gzip.compress(bytes(10_000_000)), 1000)


async def test_too_long_a_list_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_ENTRIES", 2)
    assert await read("/a\n/b\n/a") == ["/a", "/b"]
    with pytest.raises(ValueError, match="more than 2 entries; divide the list"):
        await read("/a\n/b\n/c")


# --- sitemaps that name others -----------------------------------------------------------------------------------------


def index(*urls: str) -> bytes:
    inner = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f"<sitemapindex>{inner}</sitemapindex>".encode()


def pages(*urls: str) -> bytes:
    return f"<urlset>{''.join(f'<url><loc>{url}</loc></url>' for url in urls)}</urlset>".encode()


async def test_an_index_is_followed_once_each_and_relative_to_itself() -> None:
    at = "https://e.com/sitemap.xml"
    web = Web(
        **{
            at: b"\xef\xbb\xbf\n" + index("https://e.com/1.xml", "/deep/2.xml.gz", "https://e.com/1.xml", at),
            "https://e.com/1.xml": pages("/a", "/b"),
            "https://e.com/deep/2.xml.gz": gzip.compress(index("3.xml")),
            "https://e.com/deep/3.xml": pages("/c", "/a"),
        }
    )
    # An XML declaration or a byte order mark may stand before the root.
    assert await read_list(at, web.load) == ["/a", "/b", "/c"]
    assert web.asked == list(web.places)


async def test_an_index_on_disk_leads_to_the_web() -> None:
    web = Web(**{"index.xml": index("https://e.com/1.xml"), "https://e.com/1.xml": pages("/a")})
    assert await read_list("index.xml", web.load) == ["/a"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "/etc/passwd", "ftp://e.com/x", "secret.xml"])
async def test_an_index_leads_nowhere_else(target: str) -> None:
    web = Web(**{"index.xml": index(target)})
    with pytest.raises(ValueError, match="expected an http or https URL"):
        await read_list("index.xml", web.load)
    assert web.asked == ["index.xml"]


async def test_an_index_on_the_web_stays_at_its_host() -> None:
    at = "https://e.com/sitemap.xml"
    web = Web(**{at: index("http://169.254.169.254/latest")})
    with pytest.raises(ValueError, match=r"a sitemap at another host, '169\.254\.169\.254'"):
        await read_list(at, web.load)
    assert web.asked == [at]


async def test_sitemaps_that_name_each_other_for_ever_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_SITEMAPS", 5)
    web = Web(**{f"https://e.com/{number}": index(f"/{number + 1}") for number in range(10)})
    with pytest.raises(ValueError, match="more than 5 sitemaps"):
        await read_list("https://e.com/0", web.load)

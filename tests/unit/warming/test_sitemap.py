"""What sitemaps name, and what is refused of those that mean harm."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.warming.sitemap import MOST_BYTES, read_sitemap

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
SITE = "http://www.sitemaps.org/schemas/sitemap/0.9"
IMAGE = "http://www.google.com/schemas/sitemap-image/1.1"


def urlset(inner: str, head: str = HEAD) -> bytes:
    return f'{head}<urlset xmlns="{SITE}" xmlns:image="{IMAGE}">{inner}</urlset>'.encode()


def test_pages_pictures_and_further_sitemaps_are_found_in_their_order() -> None:
    found = read_sitemap(
        urlset(
            "<url><loc>https://e.com/1</loc><lastmod>2026-01-01</lastmod>"
            "<image:image><image:loc> https://e.com/a.jpg?x=1&amp;y=2 </image:loc><image:title>loc</image:title></image:image>"
            "<image:image><image:loc><![CDATA[https://e.com/b.jpg]]></image:loc></image:image></url>"
            "<url><loc>https://e.com/2</loc></url><!-- <url><loc>no</loc></url> -->"
        )
    )
    assert found.pages == ["https://e.com/1", "https://e.com/2"]
    assert found.pictures == ["https://e.com/a.jpg?x=1&y=2", "https://e.com/b.jpg"]
    assert found.urls == found.pictures


def test_a_sitemap_without_pictures_gives_its_pages() -> None:
    assert read_sitemap(urlset("<url><loc>/1</loc></url><url><loc/></url>")).urls == ["/1"]


def test_an_index_names_sitemaps() -> None:
    found = read_sitemap(b"<sitemapindex><sitemap><loc>https://e.com/s1.xml</loc></sitemap></sitemapindex>")
    assert (found.sitemaps, found.urls) == (["https://e.com/s1.xml"], [])


BOMB = '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE b [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (urlset("<url><loc>&b;</loc></url>", BOMB), "a sitemap has no document type"),
        (urlset("<url><loc>&x;</loc></url>", OUTSIDE), "a sitemap has no document type"),
        (urlset("", '<!DOCTYPE urlset SYSTEM "http://127.0.0.1:1/x.dtd">'), "a sitemap has no document type"),
        (b"<html><body/></html>", "'html' at the root"),
        (b"<rss/>", "'rss' at the root"),
        (b"<urlset><url>", "no XML: "),
        (b"<urlset>" + b"<a>" * 100, "too deep"),
        (urlset(f"<url><loc>{'a' * 20_000}</loc></url>"), "a URL of more than 16384 characters"),
        (urlset("<url><loc>&unknown;</loc></url>"), "no XML: "),
        (b"", "no XML: "),
    ],
)
def test_what_is_no_sitemap_or_means_harm_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_sitemap(data)


def test_more_than_a_sitemap_may_have_is_refused_unread() -> None:
    with pytest.raises(ValueError, match="more than 52428800 bytes"):
        read_sitemap(urlset(" " * MOST_BYTES))


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda junk: urlset("")[:100] + junk))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        read_sitemap(data)

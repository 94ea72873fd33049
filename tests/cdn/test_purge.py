"""One command empties the edge of one original's pictures."""

from __future__ import annotations

import subprocess

import pytest

from tests.acceptance.service import COMMAND, environment
from tests.cdn.conftest import SETTINGS, Fleet, asked_by_query, signed
from tests.cdn.edges import PURGE_SECRET, Edge


@pytest.fixture
def varnish(edge: Edge) -> Edge:
    if edge.name != "varnish":
        pytest.skip("nginx knows no tags")
    return edge


def purge(*arguments: str, secret: str = PURGE_SECRET) -> subprocess.CompletedProcess[str]:
    settings = {name: SETTINGS[name] for name in ("images_source", "presets")}
    return subprocess.run(
        [COMMAND, "purge", *arguments],
        env=environment(**settings, purge_varnish_secret=secret),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def targets(source: str) -> list[str]:
    """Pictures of one original: in both dialects, several sizes and formats, with and without a preset."""
    key = source.removeprefix("local:///")
    return [
        *(signed(f"/w:{width}/plain/{source}") for width in (10, 20, 30)),
        signed(f"/w:20/plain/{source}@jpg"),
        signed(f"/pr:card/plain/{source}@png"),
        signed(f"/w:20/plain/local:///{key.replace('.', '%2E')}@webp"),
        asked_by_query(key, "w=20&format=auto"),
        asked_by_query(key, "preset=card"),
        signed(f"/raw:1/plain/{source}"),
    ]


def fill(edge: Edge, source: str) -> int:
    """Have every picture of an original kept, and give how many objects that makes."""
    kept = set()
    for target in targets(source):
        for accept in ("image/avif,image/webp", "image/webp", "*/*"):
            answer = edge.get(target, Accept=accept)
            assert answer.status == 200, (target, answer.said)
            assert answer.headers["xkey"] is None
            kept.add((target, answer.headers["Content-Type"]))
    return len(kept)


def hits(edge: Edge, source: str) -> int:
    accepts = ("image/avif,image/webp", "image/webp", "*/*")
    return sum(edge.was_hit(edge.get(target, Accept=accept)) for target in targets(source) for accept in accepts)


def test_a_purge_empties_the_edge_of_one_original_and_of_nothing_else(varnish: Edge, fleet: Fleet) -> None:
    mine, other = fleet.put(), fleet.put()
    kept = fill(varnish, mine)
    fill(varnish, other)
    all_of_them = len(targets(mine)) * 3
    assert (hits(varnish, mine), hits(varnish, other)) == (all_of_them, all_of_them)

    done = purge(mine, "--varnish", f"http://127.0.0.1:{varnish.port}")
    print(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"purged   varnish http://127.0.0.1:{varnish.port}: {kept} objects" in done.stdout.splitlines()
    assert hits(varnish, other) == all_of_them
    before = len(fleet.asked(mine))
    fill(varnish, mine)
    assert len(fleet.asked(mine)) - before == kept
    print(f"{kept} pictures of one original purged, {all_of_them} hits on the other one before and after")


def test_a_key_of_the_query_dialect_names_the_original_too(varnish: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    kept = fill(varnish, source)
    done = purge(source.removeprefix("local:///"), "--varnish", f"http://127.0.0.1:{varnish.port}")
    assert f": {kept} objects" in done.stdout


def test_a_preset_is_a_tag(varnish: Edge, fleet: Fleet) -> None:
    sources = [fleet.put(), fleet.put()]
    for source in sources:
        fill(varnish, source)
    done = purge("--tag", "preset-card", "--varnish", f"http://127.0.0.1:{varnish.port}")
    gone = int(done.stdout.rpartition(": ")[2].partition(" ")[0])
    assert gone >= 2 * len(sources)  # earlier tests left theirs
    assert varnish.was_hit(varnish.get(signed(f"/w:20/plain/{sources[0]}@jpg")))
    assert not varnish.was_hit(varnish.get(signed(f"/pr:card/plain/{sources[0]}@png")))


def test_nobody_purges_without_the_secret(varnish: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    target = signed(f"/w:20/plain/{source}@png")
    varnish.get(target)
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        assert varnish.get("/", method="PURGE", xkey_purge="source-0", **headers).status == 403
        assert varnish.get(target, method="PURGE", **headers).status == 403
    done = purge(source, "--varnish", f"http://127.0.0.1:{varnish.port}", secret="wrong")
    assert done.returncode == 1
    assert "REFUSED  varnish" in done.stdout
    assert "403" in done.stdout
    assert done.stderr == "imgproxy-py: 1 of 1 refused\n"
    assert varnish.was_hit(varnish.get(target))


def test_one_url_is_purged_in_every_format(varnish: Edge, fleet: Fleet) -> None:
    source = fleet.put()
    target, other = signed(f"/w:20/plain/{source}"), signed(f"/w:21/plain/{source}")
    accepts = ("image/avif,image/webp", "image/webp", "*/*")
    for one in (target, other):
        for accept in accepts:
            varnish.get(one, Accept=accept)
    assert varnish.get(target, method="PURGE", Authorization=f"Bearer {PURGE_SECRET}").status == 200
    assert [varnish.was_hit(varnish.get(target, Accept=accept)) for accept in accepts] == [False] * 3
    assert all(varnish.was_hit(varnish.get(other, Accept=accept)) for accept in accepts)

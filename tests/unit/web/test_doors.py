import pytest
from aiohttp import web

from imgproxy_py.web.doors import Door, Doors
from imgproxy_py.web.problems import ImgproxyVoice


async def nothing(_: web.Request) -> web.Response:
    return web.Response()


def a_door(path: str, *, prefix: bool = False) -> Door:
    return Door(path=path, prefix=prefix, handler=nothing, voice=ImgproxyVoice(), dialect="x")


LANDING, HEALTH, IMAGES, ALL = a_door("/"), a_door("/health"), a_door("/images/", prefix=True), a_door("/", prefix=True)
ELSEWHERE = a_door("")


@pytest.mark.parametrize(
    ("target", "door"),
    [
        ("/", LANDING),
        ("/?x", LANDING),
        ("/health", HEALTH),
        ("/health?x=/images/", HEALTH),
        ("/health/", ALL),
        ("/images/a.jpg", IMAGES),
        ("/images", ALL),
        ("//images/a", ALL),
        ("/_/plain/https://x/%2F", ALL),
        ("*", ELSEWHERE),
    ],
)
def test_the_longest_path_that_fits_wins(target, door):
    assert Doors([ALL, LANDING, HEALTH, IMAGES], elsewhere=ELSEWHERE).find(target) is door


@pytest.mark.parametrize(
    ("target", "door"),
    [
        ("/img", LANDING),
        ("/img/", LANDING),
        ("/img/health", HEALTH),
        ("/health", HEALTH),
        ("/img/_/x", ALL),
        ("/imgs/_/x", ELSEWHERE),
        ("/_/x", ELSEWHERE),
        ("/", LANDING),
    ],
)
def test_a_path_prefix_leads_to_everything_and_probes_are_found_without(target, door):
    doors = Doors([ALL, LANDING, HEALTH], elsewhere=ELSEWHERE, path_prefix="/img", unprefixed=[HEALTH, LANDING])
    assert doors.find(target) is door

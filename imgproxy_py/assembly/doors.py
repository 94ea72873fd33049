"""The doors that pictures and purges are asked for at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imgproxy_py.assembly.studio import Studio
from imgproxy_py.delivery import purge
from imgproxy_py.delivery.clients import Clients
from imgproxy_py.delivery.handlers import Pictures
from imgproxy_py.delivery.question import Reader
from imgproxy_py.delivery.respond import Responder
from imgproxy_py.dialects.imgproxy.info import INFO_PATH
from imgproxy_py.dialects.port import Dialect
from imgproxy_py.edges import Edge
from imgproxy_py.recipe.negotiation import Negotiation
from imgproxy_py.settings import Settings
from imgproxy_py.sources.passing import Passing
from imgproxy_py.web.doors import Door
from imgproxy_py.web.problems import ImgproxyVoice, ProblemVoice, Voice


def doors(studio: Studio, edges: Sequence[Edge]) -> Iterator[Door]:
    """Give the ways in; `edges` are told of what is purged."""
    yield from _picture_doors(studio)
    if studio.settings.purge_secret.get_secret_value():
        yield _purge_door(studio, edges)


def _picture_doors(studio: Studio) -> Iterator[Door]:
    settings, savable = studio.settings, studio.transformer.abilities.savable
    plain = ImgproxyVoice(show_details=settings.development_errors_mode)
    pictures = _pictures(studio, studio.imgproxy, settings.switched_negotiation(savable), plain)
    yield _door("/", "imgproxy", pictures, plain)
    yield _door(f"{INFO_PATH}/", "info", _pictures(studio, studio.info, Negotiation(), plain), plain)
    if studio.query:
        problems = ProblemVoice(max_age=settings.error_max_age)
        queried = _pictures(studio, studio.query, settings.listed_negotiation(savable), problems)
        yield _door("/images/", "query", queried, problems)


def _door(path: str, dialect: str, pictures: Pictures, voice: Voice) -> Door:
    return Door(
        path=path,
        prefix=True,
        handler=pictures.handle,
        at_once=pictures.at_once,
        voice=voice,
        dialect=dialect,
    )


def _purge_door(studio: Studio, edges: Sequence[Edge]) -> Door:
    settings = studio.settings
    purging = purge.Purging(
        secret=settings.purge_secret.get_secret_value(),
        originals=settings.named_originals,
        beginnings=settings.named_beginnings,
        journal=studio.journal,
        edges=edges,
    )
    return Door(
        path=purge.PATH,
        handler=purging.handle,
        voice=ProblemVoice(),
        dialect="purge",
        methods=frozenset({"POST"}),
        guarded=False,  # by a secret of its own
    )


def _pictures(studio: Studio, dialect: Dialect, negotiation: Negotiation, voice: Voice) -> Pictures:
    settings = studio.settings
    return Pictures(
        reader=Reader(
            dialect=dialect,
            negotiation=negotiation,
            check=studio.check,
            key=studio.renderer.key,
            frames=settings.max_animation_frames,
            hints=settings.enable_client_hints,
        ),
        renderer=studio.renderer,
        responder=Responder(
            settings=settings,
            custom=dict(settings.response_headers()),
            returned=settings.response_headers_passthrough,
            fallback=settings,
            status_of=voice.status,
        ),
        timeout=settings.timeout,
        passing=_passing(settings),
        clients=Clients(settings),
    )


def _passing(settings: Settings) -> Passing | None:
    # The bearer secret opens this service; no other one may learn it.
    ours = frozenset({"authorization"}) if settings.secret.get_secret_value() else frozenset()
    return Passing(settings, withheld=ours) or None

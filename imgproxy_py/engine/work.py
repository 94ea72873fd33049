"""What the steps hand on to each other."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pyvips

from imgproxy_py.engine.detection.objects import ObjectDetection
from imgproxy_py.engine.gain_map import GainMap
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.isolation.expected import decoding_milliseconds
from imgproxy_py.engine.libvips import size_of
from imgproxy_py.engine.loading import AtOnce, Decoding, ImageFile
from imgproxy_py.engine.marks import Marks
from imgproxy_py.engine.profiles import Profile
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.sharing import Share
from imgproxy_py.errors import BrokenImage
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.geometry import Plan, Size, plan
from imgproxy_py.recipe.limits import Limits
from imgproxy_py.recipe.model import Output, Stage
from imgproxy_py.recipe.picture import Header
from imgproxy_py.recipe.view import View

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An image on its way through one stage.

    `image` is `None` until a step needs it, where the header was read without libvips. `asked` is what the URL says of
    the output, `output` the format it comes to. `reloadable` as long as the image is the file itself, not yet cut, so
    that the decoder may still scale it. `vector_shrink` is by how much an SVG was rendered smaller than its natural
    size. `imported` says that the embedded profile was already applied. `high_depth` keeps 16 bits. `view` is what of the
    original the image shows. `decisions` are those that all frames of an animation share, `None` for a still.
    `profile` is what the result's colours are converted to, if the URL names one; `gain_map` is what the result takes of
    an UltraHDR original, if it may. `share` is the way to pixels that others have decoded of the same file.
    `embeds_profile` tells, once the image is in its result's colours, whether their profile is to be written.
    """

    image: pyvips.Image
    stage: Stage
    plan: Plan
    header: Header
    file: ImageFile
    asked: Output
    output: Format
    limits: Limits
    settings: EngineSettings
    interrupt: Interrupt
    high_depth: bool = False
    reloadable: bool = True
    vector_shrink: float = 1.0
    imported: bool = False
    view: View = field(default=View())
    profile: Profile | None = None
    gain_map: GainMap | None = None
    marks: Marks | None = None
    detection: ObjectDetection = field(default_factory=ObjectDetection)
    decisions: dict[Hashable, Any] | None = None
    isolation: Decoding | None = None
    share: Share | None = None
    embeds_profile: bool | None = None

    @property
    def size(self) -> Size:
        """The image's present size, as stored."""
        return size_of(self.image)

    def showing(self, image: pyvips.Image) -> Work:
        """Give the work with another image in place of its own."""
        return self if image is self.image else replace(self, image=image)

    def cropped(self, left: int, top: int, width: int, height: int) -> Work:
        """Give the work with a rectangle of its image, in pixels."""
        view = self.view.cut(left / self.image.width, top / self.image.height, *_shares(self, width, height))
        return replace(self, image=self.image.crop(left, top, width, height), view=view)

    def on_canvas(self, left: int, top: int, width: int, height: int) -> Work:
        """Give the work with its image somewhere on a larger transparent canvas, in pixels."""
        image = self.image if self.image.hasalpha() else self.image.addalpha()
        view = self.view.cut(-left / self.image.width, -top / self.image.height, *_shares(self, width, height))
        return replace(self, image=image.embed(left, top, width, height), view=view)

    def once(self, name: Hashable, decide: Callable[[], T]) -> T:
        """Give what `decide` says; of an animation one frame decides, and the others are told what it said.

        A step that looks at pixels to choose a part of the picture asks here, so that the choice stands still. `name` tells
        it from the other choices that are made with the same view.
        """
        if self.decisions is None:
            return decide()
        key = (name, self.view)
        if key not in self.decisions:
            self.decisions[key] = decide()
        decided: T = self.decisions[key]
        return decided

    def entering(self, stage: Stage) -> Work:
        """Give the work at the beginning of another stage, its image being that stage's original."""
        work = self.in_memory()
        header = replace(work.header, width=work.image.width, height=work.image.height, orientation=1)
        numbers = plan_for(stage, work.size, header, work.limits, vector=False)
        return replace(work, stage=stage, plan=numbers, header=header, reloadable=False)

    def opened(self, *, at_once: AtOnce = AtOnce.NO) -> Work:
        """Give the work with its image, a JPEG's pixels decoded at once if that may be and is worth it."""
        return self if self.image is not None else self.reopened(at_once=at_once)

    def reopened(self, shrink: float = 1.0, *, at_once: AtOnce = AtOnce.NO) -> Work:
        """Give the work with its file opened anew, `shrink` times smaller; raises `BrokenImage` if the header lied."""
        image = self._decoded(shrink, at_once=at_once)
        size = size_of(image)
        if shrink >= 1 and (size.width > self.header.width or size.height > self.header.height):
            raise BrokenImage("the original is larger than its header says")  # the limits were judged by the header
        return self.showing(image)

    def _decoded(self, shrink: float, *, at_once: AtOnce) -> pyvips.Image:
        thumbnail = self.asked.enforce_thumbnail
        if self.isolation and self._takes_long(shrink):
            return self.isolation.open(self.file, self.interrupt, shrink=shrink, embedded_thumbnail=thumbnail)
        return self.file.open(shrink=shrink, embedded_thumbnail=thumbnail, interrupt=self.interrupt, at_once=at_once)

    def _takes_long(self, shrink: float) -> bool:
        return decoding_milliseconds(self.header, self.file.data, shrink) > self.settings.isolation_milliseconds

    def in_memory(self) -> Work:
        """Give the work with its pixels computed, for steps that read them in another order or more than once."""
        opened = self.opened()
        return opened.showing(self.interrupt.watch(opened.image).copy_memory())

    def replanned(self) -> Work:
        """Give the work with all numbers computed anew from the image's present size."""
        numbers = plan_for(self.stage, self.size, self.header, self.limits, vector=self.vector)
        return replace(self, plan=numbers)

    @property
    def vector(self) -> bool:
        """Whether the image can still be rendered at any size."""
        return self.header.format is Format.SVG and self.reloadable


def _shares(work: Work, width: int, height: int) -> tuple[float, float]:
    return width / work.image.width, height / work.image.height


def plan_for(stage: Stage, size: Size, header: Header, limits: Limits, *, vector: bool) -> Plan:
    """Compute the plan of a stage for an image of that header, at the given stored size."""
    return plan(
        stage,
        size,
        orientation=header.orientation,
        vector=vector,
        max_result_dimension=limits.max_result_dimension,
    )

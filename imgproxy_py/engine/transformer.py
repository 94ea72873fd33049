"""Bytes and a recipe become a picture."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace

import pyvips

from imgproxy_py import __version__
from imgproxy_py.engine import libvips
from imgproxy_py.engine.alike import run_for_all
from imgproxy_py.engine.animation import frame_size, run_frames
from imgproxy_py.engine.best import holding, without_idle_alpha
from imgproxy_py.engine.choice import Choice
from imgproxy_py.engine.classification.opening import open_classification
from imgproxy_py.engine.codecs import jpeg, webp
from imgproxy_py.engine.codecs.registry import versions
from imgproxy_py.engine.color import with_output_profile
from imgproxy_py.engine.cost import Priced, cost_of
from imgproxy_py.engine.detection.opening import open_detection
from imgproxy_py.engine.gain_map import gain_map_of, survives, with_gain_map
from imgproxy_py.engine.info.answer import Original, answer
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.isolation.processes import open_isolation
from imgproxy_py.engine.marks import KeptMarks, Marks
from imgproxy_py.engine.metadata import kept, without_orientation
from imgproxy_py.engine.opening import Opened, Opener
from imgproxy_py.engine.original import is_as_asked
from imgproxy_py.engine.pipeline import run_stages
from imgproxy_py.engine.profiles import Profile, profiles
from imgproxy_py.engine.quality import FoundQualities, source_mark
from imgproxy_py.engine.results import handed_back, picture_of, placeholder_of, told_of
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.sharing import Share
from imgproxy_py.engine.work import Work, plan_for
from imgproxy_py.engine.writing import Finished, is_written_often
from imgproxy_py.errors import (
    BrokenImage,
    DeadlineExceeded,
    ImgproxyError,
)
from imgproxy_py.recipe.formats import ABILITIES, Format
from imgproxy_py.recipe.geometry import Size
from imgproxy_py.recipe.identity import content_state
from imgproxy_py.recipe.info import Info
from imgproxy_py.recipe.limits import Limits
from imgproxy_py.recipe.model import Output, Recipe
from imgproxy_py.recipe.picture import Picture, Timings
from imgproxy_py.recipe.source import SourceRef

# What the result depends on but no setting tells; raised when a change here changes pixels or bytes.
_RECIPE_VERSION = 2

# Settings of the engine that change no picture; of watermark and profiles their bytes count, not where they come from.
_WITHOUT_CONSEQUENCE = frozenset(
    {
        "workers",
        "requests_queue_size",
        "workers_niceness",
        "huge_picture_milliseconds",
        "max_originals",
        "isolation_milliseconds",
        "max_src_file_size",
        "serve_truncated",
        "color_profiles_dir",
        "watermark_data",
        "watermark_path",
        "watermark_url",
        "watermarks_cache_bytes",
        "object_detection_net",
        "object_detection_classes",
        "object_detection_cache_bytes",
        "classification_net",
        "classification_classes",
    }
)


_NO_MARKS: Mapping[SourceRef, bytes] = {}


class Transformer:
    """Makes pictures. Holds nothing that changes, so one serves all threads.

    `watermark` are the bytes of the operator's watermark, blank for none; raises an `ImageError` if they are no picture,
    and `UnusableSetting` if a network that the settings name cannot be used.
    """

    def __init__(self, settings: EngineSettings, *, watermark: bytes = b"") -> None:
        self.settings = settings
        self.abilities = libvips.set_up()
        jpeg.load()  # now, not for the first picture
        webp.load()
        self.limits = settings.limits()
        self._profiles = profiles(settings.color_profiles_dir)
        self.isolation = open_isolation(settings)
        self.choice = Choice(settings, self.abilities, self._profiles)
        self._opener = Opener(self.choice, self.limits)
        self.detection = open_detection(settings)
        self.classification = open_classification(settings)
        networks = f"{self.detection.identity} {self.classification.identity}"
        self.epoch = _epoch(settings, watermark, self._profiles, networks)
        self._found = FoundQualities()
        self._marks = Marks(
            kept=KeptMarks(settings.watermarks_cache_bytes),
            configured=self.open(watermark).file if watermark else None,
            opacity=settings.watermark_opacity,
        )

    def close(self) -> None:
        """End the processes that decode and encode for this one."""
        if self.isolation is not None:
            self.isolation.close()

    def check(self, output: Output) -> None:
        """Raise `OutputUnsupported` if the format that the URL names cannot be written here, or its profile is unknown."""
        self.choice.check(output)

    def open(self, data: bytes, recipe: Recipe = Recipe(), interrupt: Interrupt | None = None) -> Opened:
        """Recognise an original and read its header; of an animation that stays one, the header of a frame.

        Raises `UnknownImage`, `UndecodableImage`, `BrokenImage`, `SourceTooLarge` if its bytes are too many, and
        `DeadlineExceeded`.
        """
        return self._opener.open(data, recipe, interrupt)

    def transform(
        self,
        data: bytes,
        recipe: Recipe,
        interrupt: Interrupt,
        marks: Mapping[SourceRef, bytes] = _NO_MARKS,
        share: Share | None = None,
    ) -> Picture:
        """Make the picture; `marks` are the bytes of the watermarks that the recipe names.

        `share` is the way to pixels that other pictures of the same bytes have; the result is the same without.
        Raises an `ImageError`, `SourceTooLarge`, `ResultTooLarge` or `OutputUnsupported` for what cannot be made,
        `DeadlineExceeded` when `interrupt` was told to stop, and with a `share` `Postponed`.
        """
        return self.begin(data, recipe, interrupt, marks, share).finish()

    def begin(
        self,
        data: bytes,
        recipe: Recipe,
        interrupt: Interrupt,
        marks: Mapping[SourceRef, bytes] = _NO_MARKS,
        share: Share | None = None,
    ) -> Priced[Picture]:
        """Read the original's header and tell what the picture will cost; `finish` makes it. Both raise as `transform`."""
        started = time.perf_counter()
        opened = self.open(data, recipe, interrupt)
        limits = self.limits.overridden(recipe.limits)
        limits.check_source(opened.header, opened.frames)
        cost = cost_of(opened, recipe, limits, self.choice)
        decode = (time.perf_counter() - started) * 1000

        def finish() -> Picture:
            try:
                picture, timings = self._made(opened, data, recipe, interrupt, marks, share)
            except pyvips.Error as error:
                raise _translated(error, interrupt) from error
            finally:
                interrupt.release()
            return replace(picture, origin_bytes=len(data), timings=replace(timings, decode=decode))

        return Priced(cost, finish)

    def _made(
        self,
        opened: Opened,
        data: bytes,
        recipe: Recipe,
        interrupt: Interrupt,
        marks: Mapping[SourceRef, bytes],
        share: Share | None,
    ) -> tuple[Picture, Timings]:
        limits = self.limits.overridden(recipe.limits)
        if recipe.info is not None:
            return self._told(opened, data, recipe, recipe.info, interrupt), Timings()
        if self.choice.hands_back(opened.header, recipe.output):
            return handed_back(opened, data), Timings()
        started = time.perf_counter()
        work = self._run_stages(opened, recipe, limits, interrupt, self._marks_with(marks), share)
        transformed = time.perf_counter()
        picture = self._finished(work, opened, recipe)
        timings = Timings(
            transform=(transformed - started) * 1000,
            encode=(time.perf_counter() - transformed) * 1000,
            shared=share.used if share is not None else "",
        )
        return picture, timings

    def _told(self, opened: Opened, data: bytes, recipe: Recipe, info: Info, interrupt: Interrupt) -> Picture:
        limits = self.limits.overridden(recipe.limits)
        work = self._begun(opened, recipe, Format.PNG, limits, interrupt, self._marks)
        told = answer(Original(data=data, work=work, info=info, classification=self.classification))
        return told_of(told, opened)

    def _run_stages(
        self,
        opened: Opened,
        recipe: Recipe,
        limits: Limits,
        interrupt: Interrupt,
        marks: Marks,
        share: Share | None,
    ) -> Work:
        output = self.choice.format_of(opened.header, recipe)
        work = self._begun(opened, recipe, output, limits, interrupt, marks)
        if opened.frames > 1:
            return run_frames(work, recipe.stages, opened.frames)
        if share is None or not share.wanted:
            return run_stages(work, recipe.stages)
        work = replace(work, share=share)
        if marks is not self._marks or recipe.output.placeholder is not None:  # what marks' names stand for may change
            return run_stages(work, recipe.stages)
        return run_for_all(work, share, recipe)

    def _marks_with(self, fetched: Mapping[SourceRef, bytes]) -> Marks:
        if not fetched:
            return self._marks
        return replace(self._marks, fetched={source: self.open(data).file for source, data in fetched.items()})

    def _begun(
        self, opened: Opened, recipe: Recipe, output: Format, limits: Limits, interrupt: Interrupt, marks: Marks
    ) -> Work:
        stage, header = recipe.stages[0], opened.header
        size = Size(header.width, header.height)
        numbers = plan_for(stage, size, header, limits, vector=header.format is Format.SVG)
        return Work(
            image=opened.image,
            stage=stage,
            plan=numbers,
            header=header,
            file=opened.file,
            asked=recipe.output,
            output=output,
            limits=limits,
            settings=self.settings,
            interrupt=interrupt,
            high_depth=recipe.output.preserve_hdr and ABILITIES[output].high_depth,
            profile=self._profiles.get(recipe.output.color_profile),
            gain_map=gain_map_of(opened.file.data, header) if survives(recipe, output, header) else None,
            reloadable=not recipe.output.enforce_thumbnail,
            marks=marks,
            detection=self.detection,
            isolation=self.isolation,
        )

    def _finished(self, work: Work, opened: Opened, recipe: Recipe) -> Picture:
        if recipe.output.placeholder is not None:
            return placeholder_of(work, opened, recipe.output.placeholder)
        picture = self._written(work, opened, recipe.output)
        if opened.frames > 1 and any(stage.trim for stage in recipe.stages):
            picture = replace(picture, ignored="trim")
        larger = self.settings.never_larger and len(picture.data) > len(opened.file.data)
        if larger and opened.complete and self._is_as_asked(opened, recipe, picture):
            return handed_back(opened, opened.file.data)
        return picture

    def _written(self, work: Work, opened: Opened, output: Output) -> Picture:
        profile = work.embeds_profile
        if profile is None:
            work, profile = with_output_profile(work)
        if work.gain_map is not None:
            work = work.showing(with_gain_map(work.image, work.gain_map, work.view))
        several = is_written_often(output, self.settings)
        if several:
            work = work.in_memory()
        image = without_orientation(work.image)
        if output.best:
            image = without_idle_alpha(image)
        finished = Finished(
            image=image,
            keep=kept(image, output, profile=profile),
            asked=output,
            settings=self.settings,
            interrupt=work.interrupt,
            found=self._found,
            isolation=self.isolation,
            source=source_mark(opened.file.data) if several else (0, 0),
        )
        if output.best:
            formats = holding(image, self.choice.candidates(output), animated=opened.frames > 1, profile=profile)
            kind, data = finished.best(formats or (work.output,))
        else:
            kind, data = finished.written(work.output)
        return picture_of(data, kind, frame_size(image), opened)

    def _is_as_asked(self, opened: Opened, recipe: Recipe, picture: Picture) -> bool:
        header = opened.header
        if opened.frames != header.frames or (picture.width, picture.height) != (header.width, header.height):
            return False
        limits = self.limits.overridden(recipe.limits)
        numbers = plan_for(recipe.stages[0], Size(header.width, header.height), header, limits, vector=False)
        return is_as_asked(opened.file.data, header, recipe, numbers, picture.format)


# How libvips' encoders begin their complaints.
_ENCODERS = (*(name.removesuffix("_buffer") for name in libvips.SAVERS.values()), "vips2")
_UNWRITTEN = "unable to write to target"


def _translated(error: pyvips.Error, interrupt: Interrupt) -> ImgproxyError:
    if interrupt.stopped:
        return DeadlineExceeded()
    report = str(error)
    if _is_the_encoders(report):
        return ImgproxyError(private=report)
    return BrokenImage("the original's pixels cannot be decoded", private=report)


def _is_the_encoders(report: str) -> bool:
    """Tell whether what libvips reports is the fault of an encoder.

    When a decoder fails, the encoder complains next that it could not write, and no more than that need be left to read:
    libvips gathers the complaints of all threads in one place. Memory takes whatever is written, so that says nothing.
    """
    complaints = (line.strip() for line in report.splitlines()[1:])  # the first line is pyvips' own
    first = next((one for one in complaints if _UNWRITTEN not in one), "")
    return first.startswith(_ENCODERS)


def _epoch(settings: EngineSettings, watermark: bytes, known: Mapping[str, Profile], networks: str) -> str:
    # What is passed may hold the settings of the whole service: an address or a password changes no pixel.
    chosen = settings.model_dump_json(include=set(EngineSettings.model_fields) - _WITHOUT_CONSEQUENCE)
    text = f"{_RECIPE_VERSION} {__version__} {libvips.version()} {versions()} {chosen} {content_state(watermark)}"
    text += "".join(f" {name} {content_state(profile.data)}" for name, profile in known.items())
    text += f" {networks}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]

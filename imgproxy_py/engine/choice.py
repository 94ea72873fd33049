"""Which format a picture comes out in here (dialect §6.2)."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

from imgproxy_py.engine.best import candidates, carrier
from imgproxy_py.engine.libvips import Abilities
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.errors import OutputUnsupported
from imgproxy_py.recipe.formats import ABILITIES, Format
from imgproxy_py.recipe.frames import may_animate
from imgproxy_py.recipe.model import Output, Recipe
from imgproxy_py.recipe.negotiation import chosen_format, skips_pipeline, wants_alpha
from imgproxy_py.recipe.picture import Header


@dataclass(frozen=True, slots=True)
class Choice:
    """Chooses formats, by what this installation can write and what the settings prefer.

    `profiles` are the names of the colour profiles that there are.
    """

    settings: EngineSettings
    abilities: Abilities
    profiles: Container[str]

    @property
    def preferred(self) -> tuple[Format, ...]:
        """The formats that pictures come out in whose URL names none, those that can be written here."""
        return tuple(one for one in self.settings.preferred_formats if one in self.abilities.savable) or (Format.JPEG,)

    def check(self, output: Output) -> None:
        """Raise `OutputUnsupported` if the format that the URL names cannot be written here, or its profile is unknown."""
        self._check_profile(output)
        if output.format is not None:
            self._check_savable(output.format)

    def _check_profile(self, output: Output) -> None:
        if output.color_profile and output.color_profile not in self.profiles:
            raise OutputUnsupported(f"there is no colour profile {output.color_profile!r} here")

    def _check_savable(self, kind: Format) -> None:
        if kind not in self.abilities.savable:
            raise OutputUnsupported(f"{kind} cannot be written here, but {self._names()} can")

    def _names(self) -> str:
        return ", ".join(sorted(self.abilities.savable))

    def format_of(self, header: Header, recipe: Recipe) -> Format:
        """Give the format that a recipe comes out in, for an original of that header (dialect §6.2).

        Where several are tried, and for a placeholder, it is one that has the abilities needed.
        """
        if recipe.output.placeholder is not None or recipe.info is not None:
            return Format.PNG
        if recipe.output.best:
            return carrier(self.candidates(recipe.output), animated=self._may_animate(header, recipe))
        chosen = chosen_format(
            recipe.output,
            header.format,
            alpha=wants_alpha(recipe.stages, header.alpha),
            animated=self._may_animate(header, recipe),
            preferred=self.preferred,
        )
        self._check_profile(recipe.output)
        self._check_savable(chosen)
        return chosen

    def candidates(self, output: Output) -> tuple[Format, ...]:
        """Give the formats among which `best` chooses."""
        return candidates(output, self.preferred, self.abilities.savable)

    def frames(self, header: Header, recipe: Recipe) -> int:
        """Tell how many frames of an original are worked on, 1 for a still."""
        if not header.animated or not ABILITIES[self.format_of(header, recipe)].animation:
            return 1
        return self.settings.limits().overridden(recipe.limits).frames_of(header)

    def _may_animate(self, header: Header, recipe: Recipe) -> bool:
        return header.animated and may_animate(recipe, self.settings.max_animation_frames)

    def hands_back(self, header: Header, output: Output) -> bool:
        """Tell whether an original is handed back as it is (dialect §6.3)."""
        if output.placeholder is not None or (output.best and not self.settings.best_format_allow_skips):
            return False
        configured = self.settings.skip_processing_formats
        if configured:
            output = replace(output, skip_formats=output.skip_formats + configured)
        return skips_pipeline(output, header.format, rasterize_svg=self.settings.always_rasterize_svg)

"""Which part of the original a picture shows, and how it is turned: what follows cuts, turns and flips (dialect §5.2).

All is in shares: of the original's sides as stored, and of the picture's own. So no resize changes a view.
"""

from __future__ import annotations

from dataclasses import dataclass

from imgproxy_py.recipe.model import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A rectangle of the original, maybe turned, maybe larger than it.

    `left` and `top` are where on the original the picture's top-left corner lies. `across` is the way from there along
    the picture's upper edge, `down` along its left edge, each as (x, y). One of the two components is always 0.
    """

    left: float = 0.0
    top: float = 0.0
    across: tuple[float, float] = (1.0, 0.0)
    down: tuple[float, float] = (0.0, 1.0)

    def cut(self, left: float, top: float, width: float, height: float) -> View:
        """Give the view of a rectangle of the picture; beyond 0–1 it is that of a canvas around the picture."""
        start = self._at(left, top)
        across, down = self.across, self.down
        return View(
            left=start[0],
            top=start[1],
            across=(across[0] * width, across[1] * width),
            down=(down[0] * height, down[1] * height),
        )

    def turned(self, angle: int) -> View:
        """Give the view of the picture turned clockwise by a multiple of 90 degrees."""
        view = self
        for _ in range(angle % 360 // 90):
            left, top = view._at(0, 1)
            view = View(left=left, top=top, across=(-view.down[0], -view.down[1]), down=view.across)
        return view

    def flipped_horizontally(self) -> View:
        """Give the view of the picture with left and right exchanged."""
        left, top = self._at(1, 0)
        return View(left=left, top=top, across=(-self.across[0], -self.across[1]), down=self.down)

    def flipped_vertically(self) -> View:
        """Give the view of the picture with top and bottom exchanged."""
        left, top = self._at(0, 1)
        return View(left=left, top=top, across=self.across, down=(-self.down[0], -self.down[1]))

    @property
    def sideways(self) -> bool:
        """Whether the picture's width runs along the original's height."""
        return self.across[0] == 0

    @property
    def box(self) -> Box:
        """The rectangle of the original that the picture shows, as stored; it may reach beyond 0–1."""
        end = self._at(1, 1)
        left, top = min(self.left, end[0]), min(self.top, end[1])
        return Box(left=left, top=top, width=abs(end[0] - self.left), height=abs(end[1] - self.top))

    @property
    def mirrored(self) -> bool:
        """Whether the original was flipped, not only turned."""
        return self.across[0] * self.down[1] - self.across[1] * self.down[0] < 0

    @property
    def angle(self) -> int:
        """By how many degrees clockwise the original was turned, before a horizontal flip if it is `mirrored`."""
        down = self.down
        if self.sideways:
            return 90 if down[0] > 0 else 270
        return 0 if down[1] > 0 else 180

    def shown(self, box: Box) -> Box:
        """Give a rectangle of the original (as stored) in shares of the picture; it may reach beyond 0–1."""
        ends = ((box.left, box.top), (box.left + box.width, box.top + box.height))
        (u0, v0), (u1, v1) = (self._seen(*end) for end in ends)
        return Box(left=min(u0, u1), top=min(v0, v1), width=abs(u1 - u0), height=abs(v1 - v0))

    def _at(self, u: float, v: float) -> tuple[float, float]:
        across, down = self.across, self.down
        return self.left + u * across[0] + v * down[0], self.top + u * across[1] + v * down[1]

    def _seen(self, x: float, y: float) -> tuple[float, float]:
        dx, dy, across, down = x - self.left, y - self.top, self.across, self.down
        if self.sideways:
            return dy / across[1], dx / down[0]
        return dx / across[0], dy / down[1]

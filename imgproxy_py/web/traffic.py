"""What goes on in a process right now: requests being answered, connections open, whether it is about to end."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web


@dataclass(slots=True)
class Traffic:
    """Counts of one process; `draining` is true from the moment it was asked to stop.

    Without `keep_alive` every answer closes its connection, as it does while draining.
    """

    in_flight: int = 0
    connections: int = 0
    draining: bool = False
    keep_alive: bool = True

    @property
    def closes(self) -> bool:
        """Whether answers close their connections."""
        return self.draining or not self.keep_alive


TRAFFIC = web.AppKey("TRAFFIC", Traffic)
"""Where an application keeps its traffic: `application[TRAFFIC]`."""

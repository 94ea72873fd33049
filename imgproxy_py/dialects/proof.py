"""Writing with proof: a URL is given out only if it reads back as the request it was written for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from imgproxy_py.errors import CallerError
from imgproxy_py.recipe.request import ImageRequest


def proven(
    request: ImageRequest, write: Callable[[ImageRequest], str], read: Callable[[str], ImageRequest], dialect: str
) -> str:
    """Give the target that `write` makes of a request.

    Raises `ValueError` if `read` makes another request of it: then the `dialect` has no words for this one.
    """
    try:
        if bare(read(target := write(request))) == bare(request):
            return target
    except (CallerError, UnicodeEncodeError) as error:
        raise ValueError(f"The request cannot be said in the {dialect} dialect: {error}") from error
    raise ValueError(f"The request cannot be said in the {dialect} dialect as it is configured")


def bare(request: ImageRequest) -> ImageRequest:
    """Give the request without what no URL says: signature, names of presets, negotiated formats."""
    output = replace(request.recipe.output, accepted=())
    return replace(
        request,
        recipe=replace(request.recipe, output=output),
        delivery=replace(request.delivery, preset_names=()),
        signature="",
    )

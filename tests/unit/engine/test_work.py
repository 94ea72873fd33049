from __future__ import annotations

from dataclasses import replace

import pytest

from imgproxy_py.engine import opening
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import BrokenImage
from imgproxy_py.recipe.jpeg import jpeg_header
from imgproxy_py.recipe.model import Recipe, Resize, Stage
from tests import pictures


@pytest.mark.parametrize("width", [0, 8], ids=["whole", "shrunk on load"])
def test_an_image_larger_than_its_header_says_is_refused(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pictures.jpeg(pictures.solid(320, 200))
    understated = replace(jpeg_header(data), width=40, height=30)
    monkeypatch.setattr(opening, "jpeg_header", lambda _: understated)
    recipe = Recipe(stages=(Stage(resize=Resize(width=width)),))
    with pytest.raises(BrokenImage, match="larger than its header"):
        Transformer(EngineSettings()).transform(data, recipe, Interrupt())

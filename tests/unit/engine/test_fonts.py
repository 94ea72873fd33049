"""Text is drawn with letters, whatever fonts the host has."""

# ruff: noqa: E501

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from importlib.resources import files
from pathlib import Path

import pytest

from imgproxy_py.engine import fonts

NO_FONTS = '<?xml version="1.0"?><fontconfig/>'

DRAW = """
import json, os, sys
from pathlib import Path
from imgproxy_py.engine import fonts
if sys.argv[1] == "bare":
    fonts._HOSTS = Path("/nowhere/fonts.conf")
from imgproxy_py.engine import libvips
import pyvips
libvips.set_up()
def ink(family, text="Hamburg", more=""):
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="50"><text x="5" y="35" font-size="30" font-family="{family}" {more}>{text}</text></svg>'
    return pyvips.Image.svgload_buffer(svg.encode())[3].avg()
print(json.dumps({
    "config": os.environ.get("FONTCONFIG_FILE", ""),
    "families": [ink(one) for one in (*fonts.FAMILIES, "sans-serif", "serif", "monospace", "Nowhere", "Arial")],
    "bold": ink("Arimo", more='font-weight="bold"'), "italic": ink("Arimo", more='font-style="italic"'),
    "scripts": [ink("Arimo", text) for text in ("ΩΨΞ", "ЖЮЩ", "אבג")],
    "boxes": ink("Arimo", "\\U0010fffd" * 3),
    "watermark": pyvips.Image.text("text", font="sans 20").avg(),
}))
"""


def drawn(how: str, **environment: str) -> dict:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FONTCONFIG")}
    done = subprocess.run(
        [sys.executable, "-c", DRAW, how],
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def without_fonts(tmp_path_factory: pytest.TempPathFactory) -> dict:
    config = tmp_path_factory.mktemp("fontconfig") / "fonts.conf"
    config.write_text(NO_FONTS)
    return drawn("host", FONTCONFIG_FILE=str(config))


def test_each_family_has_letters_of_its_own(without_fonts: dict) -> None:
    sans, serif, mono, *_ = without_fonts["families"]
    assert len({round(one, 3) for one in (sans, serif, mono)}) == 3


def test_weights_and_slants_differ(without_fonts: dict) -> None:
    regular, bold, italic = without_fonts["families"][0], without_fonts["bold"], without_fonts["italic"]
    assert bold > regular * 1.2
    assert italic != pytest.approx(regular, rel=0.001)


def test_greek_cyrillic_and_hebrew_are_no_boxes(without_fonts: dict) -> None:
    assert len({round(one, 3) for one in (*without_fonts["scripts"], without_fonts["boxes"])}) == 4


def test_watermarks_have_them_too(without_fonts: dict) -> None:
    assert without_fonts["watermark"] > 0


def test_a_host_without_configuration_gets_ours() -> None:
    found = drawn("bare")
    assert Path(found["config"]).samefile(str(files("imgproxy_py.engine") / "fonts.conf"))
    generic = found["families"][3:]
    assert generic[0] != generic[1] != generic[2]
    assert generic[3] == pytest.approx(generic[0])  # a family that is nowhere is a sans serif


def test_what_an_operator_chose_stays(tmp_path: Path) -> None:
    config = tmp_path / "fonts.conf"
    config.write_text(NO_FONTS)
    assert drawn("bare", FONTCONFIG_FILE=str(config))["config"] == str(config)


def test_the_configuration_names_what_is_installed() -> None:
    named = {one.text for one in ET.parse(str(files("imgproxy_py.engine") / "fonts.conf")).iter("family")}
    assert set(fonts.FAMILIES) <= named


def test_the_fonts_are_free_and_their_licences_are_along() -> None:
    for package in fonts.FAMILIES.values():
        assert "SIL OPEN FONT LICENSE" in (files(package) / "LICENSE").read_text().upper()

"""Pictures look as they were once seen to be right.

Compared is the perceptual distance ΔE00, over grey where there is alpha: its mean shows a shift of the whole, its largest
value a part out of place. Encoders and libvips may differ a little between versions, so neither has to be nothing; 2.3
is what the eye just notices.
"""

from __future__ import annotations

import pytest
import pyvips

from tests.golden.cases import CASES, EXPECTED, Case
from tests.unit.engine.making import distance

MEAN, LARGEST = 0.3, 6.0
MOST_BYTES, MOST_FILES = 20 * 1024, 40


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_picture_looks_as_expected(case: Case) -> None:
    expected = pyvips.Image.new_from_file(str(case.expected)).copy_memory()
    found = case.picture()
    assert (found.width, found.height, found.bands) == (expected.width, expected.height, expected.bands)
    mean, largest = distance(found, expected)
    assert mean <= MEAN
    assert largest <= LARGEST
    if found.hasalpha():
        assert (found[-1].cast("int") - expected[-1].cast("int")).abs().max() <= 3


def test_a_wrong_picture_would_be_noticed() -> None:
    """The tolerance is tight enough to tell neighbours apart: another gravity, orientation, kernel, colour space."""
    by_name = {case.name: case for case in CASES}
    for one, other in (
        ("fill-centre", "fill-south-east"),
        ("fit", "fit-linear-light"),
        ("alpha-on-white", "alpha-on-colour"),
        ("blur", "fit"),
        ("sharpen", "fit"),
        ("cmyk", "fit"),
    ):
        mean, largest = distance(by_name[one].picture(), by_name[other].picture())
        assert mean > MEAN or largest > LARGEST


def test_every_expected_picture_belongs_to_a_case_and_is_small() -> None:
    files = sorted(EXPECTED.iterdir())
    assert [file.name for file in files] == sorted(case.expected.name for case in CASES)
    assert len(files) <= MOST_FILES
    assert max(file.stat().st_size for file in files) <= MOST_BYTES

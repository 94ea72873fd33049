from __future__ import annotations

from dataclasses import replace

from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.identity import cache_key, canonical, entity_tag, original_state
from imgproxy_py.recipe.model import Color, Gravity, GravityType, Output, Recipe, Resize, Stage, Trim
from imgproxy_py.recipe.picture import Validators
from imgproxy_py.recipe.source import SourceRef

SOURCE = SourceRef(scheme="s3", location="bucket/key")


def test_defaults_written_out_have_the_text_of_defaults() -> None:
    assert canonical(Recipe(stages=(Stage(resize=Resize(width=0)),))) == canonical(Recipe()) == "Recipe()"


def test_text_names_what_differs_from_the_defaults() -> None:
    stage = Stage(resize=Resize(width=300), gravity=Gravity(type=GravityType.SMART), background=Color(255, 0, 0))
    text = canonical(Recipe(stages=(stage,), output=Output(format=Format.WEBP)))
    assert text == (
        "Recipe(stages=[Stage(resize=Resize(width=300),gravity=Gravity(type='sm'),background=[255,0,0])],"
        "output=Output(format='webp'))"
    )


def test_negative_zero_is_zero() -> None:
    assert canonical(Trim(threshold=-0.0)) == canonical(Trim(threshold=0.0))


def test_every_part_of_a_picture_changes_its_key() -> None:
    recipe = Recipe(output=Output(format=Format.WEBP))
    keys = {
        cache_key(SOURCE, recipe, "1"),
        cache_key(SOURCE, recipe, "2"),
        cache_key(SOURCE, Recipe(), "1"),
        cache_key(replace(SOURCE, version="7"), recipe, "1"),
        cache_key(replace(SOURCE, location="bucket/other"), recipe, "1"),
        cache_key(replace(SOURCE, hashsum="md5:00"), recipe, "1"),
        cache_key(replace(SOURCE, passed=(("cookie", "a"),)), recipe, "1"),
        cache_key(replace(SOURCE, passed=(("cookie", "b"),)), recipe, "1"),
        cache_key(replace(SOURCE, passed=(("cookie", ""), ("b", ""))), recipe, "1"),
        cache_key(SOURCE, replace(recipe, output=replace(recipe.output, accepted=(Format.AVIF,))), "1"),
    }
    assert len(keys) == 10


def test_what_callers_pass_on_is_not_shown() -> None:
    assert "secret" not in repr(replace(SOURCE, passed=(("cookie", "secret"),)))


def test_a_key_survives_bytes_that_are_no_text() -> None:
    assert len(cache_key(SourceRef(scheme="local", location="/\udce9"), Recipe(), "1")) == 64


def test_entity_tag_follows_original_and_key() -> None:
    tags = {entity_tag("k", "a"), entity_tag("k", "b"), entity_tag("l", "a")}
    assert len(tags) == 3
    assert all(tag[0] == tag[-1] == '"' and len(tag) == 26 for tag in tags)


def test_state_of_an_original_prefers_its_entity_tag() -> None:
    assert original_state(Validators(etag='"x"', modified_at=5.0)) == '"x"'
    assert original_state(Validators(modified_at=5.0)) == "modified 5.0"
    assert original_state(Validators()) == ""

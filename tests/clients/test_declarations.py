"""Declarations are read whole, and nothing in them goes unnoticed."""

from __future__ import annotations

import pytest

from tests.clients.declarations import Array, Declarations, Field, Literal, Name, Primitive, Record, Union
from tests.clients.examples import Example, Examples

TEXT = """
/** A comment: with {brackets} and export type Nothing = 1; */
export type Width = number;
export interface WidthPartial { width?: Width; w?: Width; }
export type Flag = 1 | "t" | true | false | string;
export interface FlagPartial { flag?: Flag; }
declare const PLACES: readonly [ "no", "so" ];
export type Place = (typeof PLACES)[number];
export interface Box { place: Place; sizes?: Array<number>; deep?: { x: boolean }[]; }
export type Only<T> = T & { [K in Exclude<string, keyof T>]?: never; };
export interface BoxPartial { box?: Only<Box>; }
export type Options = WidthPartial & FlagPartial & BoxPartial;
export declare const make: (url: string, options?: Options) => string;
export {};
"""


def test_types_are_what_they_say() -> None:
    declared = Declarations(TEXT)
    assert declared.types["Flag"] == Union((*map(Literal, (1, "t", True, False)), Primitive("string")))
    assert declared.named(Name("PLACES")) == Union((Literal("no"), Literal("so")))
    assert declared.record(Name("Only", Name("Box"))).fields == {
        "place": Field(Name("Place"), optional=False),
        "sizes": Field(Array(Primitive("number")), optional=True),
        "deep": Field(Array(Record({"x": Field(Primitive("boolean"), optional=False)})), optional=True),
    }
    assert "Nothing" not in declared.types


def test_options_are_listed_with_their_spellings() -> None:
    assert Declarations(TEXT).spellings("Options") == {"width": ("width", "w"), "flag": ("flag",), "box": ("box",)}


@pytest.mark.parametrize(
    "text", ["export type A = B extends C ? 1 : 2;", "export enum A { B }", "export type A = `x`;"]
)
def test_what_is_not_understood_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        Declarations(text)


def test_a_number_that_nobody_gave_examples_for_is_an_error() -> None:
    examples = Examples(Declarations(TEXT.replace("Width", "Sparkle")), [])
    with pytest.raises(AssertionError, match="Sparkle is new"):
        examples.of(Name("Sparkle"), "sparkle")


def test_examples_take_each_literal_and_each_field() -> None:
    examples = Examples(Declarations(TEXT.replace("sizes?: Array<number>; ", "")), [])
    assert [one.value for one in examples.of(Name("Flag"), "flag")] == [1, "t", True, False, "f", "yes"]
    boxes = [one.value for one in examples.of(Name("Box"), "box")]
    assert {"place": "no"} in boxes
    assert {"place": "so"} in boxes
    assert {"place": "no", "deep": [{"x": True}]} in boxes
    assert {"place": "no", "deep": [{"x": False}]} in boxes
    assert examples.of(Name("Width"), "width")[0] == Example(0)

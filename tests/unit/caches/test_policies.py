"""Which policy holds for what, and how rules of it are written."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from imgproxy_py.caches.policies import Policies, Policy, PolicySettings, Rule, read_rules
from imgproxy_py.recipe.picture import Outcome
from tests.factories import make_request

TIERS = {"memory": Outcome.MEMORY, "redis": Outcome.REDIS, "store": Outcome.STORED}


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("", ()),
        (" ; ", ()),
        ("preset:card seconds=60", (Rule(named="preset:card", seconds=60),)),
        ("* tiers=none", (Rule(named="*", tiers=frozenset()),)),
        (
            "s3://photos/ tiers=memory,store seconds=86400 swr=60 sie=0;\n https://*.example.com/a=b sie=7",
            (
                Rule(
                    named="s3://photos/",
                    tiers=frozenset({Outcome.MEMORY, Outcome.STORED}),
                    seconds=86400,
                    swr=60,
                    sie=0,
                ),
                Rule(named="https://*.example.com/a=b", sie=7),
            ),
        ),
    ],
)
def test_rules_are_read(text: str, rules: tuple[Rule, ...]) -> None:
    assert read_rules(text) == rules


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seconds=60", "begin with"),
        ("card seconds=60", "begin with"),
        ("preset: seconds=60", "begin with"),
        ("preset:card", "what holds"),
        ("preset:card ttl=60", "not ttl"),
        ("preset:card seconds=1.5", "whole seconds"),
        ("preset:card seconds=-1", "whole seconds"),
        ("preset:card seconds=", "whole seconds"),
        ("preset:card swr=\uff11", "whole seconds"),
        ("preset:card tiers=disk", "memory, redis, store"),
        ("preset:card tiers=", "memory, redis, store"),
        ("preset:card seconds=1 seconds=2", "once"),
        ("preset:card seconds=1; preset:card swr=2", "one rule for preset:card"),
    ],
)
def test_a_wrong_rule_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        PolicySettings(cache_policies=text)


SECONDS = st.none() | st.integers(0, 10**9)
RULES = st.builds(
    Rule,
    named=st.from_regex(r"(preset:[a-z_]{1,9}|s3://[a-z*/]{1,9}|\*)\Z", fullmatch=True),
    tiers=st.none() | st.frozensets(st.sampled_from(list(TIERS.values()))),
    seconds=st.integers(0, 10**9),
    swr=SECONDS,
    sie=SECONDS,
)


def written(rule: Rule) -> str:
    names = [name for name, outcome in TIERS.items() if rule.tiers and outcome in rule.tiers]
    tiers = None if rule.tiers is None else ",".join(names) or "none"
    values = {"tiers": tiers, "seconds": rule.seconds, "swr": rule.swr, "sie": rule.sie}
    return " ".join([rule.named, *(f"{name}={value}" for name, value in values.items() if value is not None)])


@given(st.lists(RULES, max_size=5, unique_by=lambda rule: rule.named))
def test_what_is_written_is_read(rules: list[Rule]) -> None:
    assert read_rules("; ".join(map(written, rules))) == tuple(rules)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert all(rule.named for rule in read_rules(text))


def policies(text: str, **settings: float) -> Policies:
    return Policies(PolicySettings(cache_policies=text), while_revalidate=30, if_error=40)


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (make_request("s3://bucket/cat.jpg"), "s3://bucket/"),
        (make_request("s3://bucket2/cat.jpg"), ""),
        (make_request("https://a.example.com/cat.jpg"), "https://*.example.com/"),
        (make_request("https://a/b.example.com/cat.jpg"), ""),
        (make_request("s3://bucket/cat.jpg", preset_names=("card",)), "preset:card"),
        (make_request("s3://other/cat.jpg", preset_names=("big", "card")), "preset:card"),
        (make_request("s3://other/cat.jpg", preset_names=("cards",)), ""),
    ],
)
def test_the_first_rule_that_fits_holds(request_, named: str) -> None:  # type: ignore[no-untyped-def]
    chosen = policies(
        "preset:card seconds=1; s3://bucket/ seconds=2; https://*.example.com/ seconds=3; s3://bucket/c sie=1"
    )
    assert chosen.of(request_).named == named


def test_a_star_fits_everything() -> None:
    assert policies("preset:card swr=1; * seconds=5").of(make_request()).seconds == 5


def test_what_a_rule_leaves_out_is_as_usual() -> None:
    (ruled, usual) = policies("s3://bucket/ seconds=10 swr=7").all
    assert usual == Policy(while_revalidate=30, if_error=40, confirmed_for=3600)
    assert ruled == Policy(named="s3://bucket/", seconds=10, while_revalidate=7, if_error=40, confirmed_for=3600)
    assert (usual.beyond, ruled.uses(Outcome.REDIS)) == (3600, True)

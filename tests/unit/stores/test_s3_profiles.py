"""Which S3 service serves a bucket, and how profiles are written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from imgproxy_py.errors import SourceUnreachable
from imgproxy_py.stores.s3 import S3, S3Settings
from imgproxy_py.stores.s3_profiles import S3Profile, S3Profiles, S3ProfileSettings, open_s3, profiles_of, read_profiles

KEYS = {"access_key_id": "key", "secret_access_key": "word"}


def profile(*buckets: str, **given: Any) -> S3Profile:
    return S3Profile.model_validate({"buckets": list(buckets), **given})


@pytest.mark.parametrize(
    ("buckets", "name", "known"),
    [
        (["photos"], "photos", "photos"),
        (["photos"], "photos-2", ""),
        (["photos*"], "photos-2", "photos-2"),
        (["a", "*-eu"], "photos-eu", "photos-eu"),
        ({"photos-eu": "photos"}, "photos-eu", "photos"),
        ({"photos-eu": "photos"}, "photos", ""),
        (["Photos"], "photos", ""),
        (["*"], "anything", "anything"),
    ],
)
def test_a_profile_serves_the_buckets_it_names(buckets: Any, name: str, known: str) -> None:
    assert S3Profile.model_validate({"buckets": buckets}).bucket(name) == known


def test_the_first_profile_that_serves_a_bucket_counts_and_the_rest_is_the_defaults() -> None:
    services = [S3(S3Settings(s3_endpoint=f"http://{name}")) for name in ("default", "one", "two")]
    default, one, two = services
    both = S3Profiles(default, [(profile("a", "b*"), one), (profile("*c", "bc"), two)])
    found = {name: both.bucket(name)._s3 for name in ("a", "bc", "xc", "d")}
    assert found == {"a": one, "bc": one, "xc": two, "d": default}


def test_the_lists_of_the_default_say_nothing_about_profiles() -> None:
    settings = S3Settings(s3_allowed_buckets="mine", s3_endpoint="http://x")
    one = profile("theirs")
    both = S3Profiles(S3(settings), [(one, S3(one.settings(settings)))])
    both.bucket("mine")
    both.bucket("theirs")
    with pytest.raises(SourceUnreachable):
        both.bucket("nobodys")


def test_a_profile_says_where_and_inherits_how() -> None:
    common = S3Settings(s3_endpoint="http://x", s3_region="eu-west-1", s3_read_timeout=9.0, s3_allowed_buckets="a")
    mine = profile("b", endpoint="http://y", path_style=False).settings(common)
    assert (mine.s3_endpoint, mine.s3_region, mine.s3_endpoint_use_path_style) == ("http://y", "", False)
    assert (mine.s3_read_timeout, mine.s3_allowed_buckets) == (9.0, ())


def test_secrets_are_not_shown() -> None:
    one = profile("a", **KEYS, session_token="token")
    assert "word" not in repr(one) + repr(one.credentials())
    assert "token" not in repr(one.credentials())


# --- how they are written --------------------------------------------------------------------------------------------


def test_profiles_are_read_from_json_and_from_files(tmp_path) -> None:
    toml, listed = tmp_path / "s3.toml", tmp_path / "s3.json"
    toml.write_text('[two]\nbuckets = ["b"]\nendpoint = "http://two"\n[one]\nbuckets = ["ignored"]\n')
    listed.write_text(json.dumps({"three": {"buckets": {"c": "d"}}}))
    text = json.dumps({"one": {"buckets": ["a"], **KEYS}})
    both = profiles_of(text, toml)
    assert list(both) == ["one", "two"]
    assert both["one"].bucket("a") == "a"
    assert both["two"].endpoint == "http://two"
    assert profiles_of("", listed)["three"].bucket("c") == "d"
    assert profiles_of("", None) == {}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([], "an object"),
        ({"a": {}}, "buckets"),
        ({"a": {"buckets": []}}, "buckets"),
        ({"a": {"buckets": "photos"}}, "buckets"),
        ({"a": {"buckets": ["x"], "endpont": "y"}}, "endpont"),
        ({"a": {"buckets": ["x"], "access_key_id": "only"}}, "both or none"),
        ({"a": {"buckets": ["x"], "aws_profile": "p", **KEYS}}, "not both"),
    ],
)
def test_what_is_wrong_is_told_without_secrets(document: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        read_profiles(document)
    assert "word" not in str(caught.value)


@pytest.mark.parametrize("given", [{"s3_profiles": "{"}, {"s3_profiles_path": "/none"}, {"s3_profiles": '{"a": {}}'}])
def test_wrong_profiles_stop_the_start(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        S3ProfileSettings(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "profiles", "pinged"),
    [({}, {}, True), ({}, {"a": profile("a")}, False), ({"s3_region": "eu-west-1"}, {"a": profile("a")}, True)],
)
async def test_a_default_that_is_not_set_up_is_not_waited_for(settings: Any, profiles: Any, pinged: bool) -> None:
    async with open_s3(S3Settings(**settings), profiles) as s3:
        assert s3._pings_default is pinged

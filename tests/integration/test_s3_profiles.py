"""Two real S3 services with different credentials behind one `s3://`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from imgproxy_py.errors import SourceMissing
from imgproxy_py.recipe.picture import Original
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.sources.settings import DownloadSettings
from imgproxy_py.sources.stored import Buckets, StoredSource
from imgproxy_py.stores.s3 import S3, S3Credentials, S3Settings
from imgproxy_py.stores.s3_profiles import S3Profile, S3Profiles, open_s3, profiles_of
from tests.buckets import make_bucket
from tests.servers import ACCESS_KEY, SECRET_KEY, S3Server

OWN = S3Credentials(access_key_id=ACCESS_KEY, secret_access_key=SECRET_KEY)


@pytest.fixture
async def buckets(weed_server: S3Server, moto_server: S3Server, aws_credentials: None) -> None:
    """A bucket on each service, and one that both have under the same name."""
    for server, names in ((moto_server, ("here", "same")), (weed_server, ("there", "same"))):
        async with S3(S3Settings(s3_endpoint=server.url), OWN) as s3:
            for name in names:
                await make_bucket(s3, name)
                await s3.bucket(name).put("a.png", f"{name} of {server.name}".encode())


@pytest.fixture
async def both(
    buckets: None, weed_server: S3Server, moto_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[S3Profiles]:
    # The usual chain has credentials that SeaweedFS does not know.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "else")
    known = S3Profile.model_validate(
        {
            "buckets": {"there": "", "same-there": "same"},
            "endpoint": weed_server.url,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
        }
    )
    unknown = S3Profile.model_validate({"buckets": {"refused": "there"}, "endpoint": weed_server.url})
    settings = S3Settings(s3_endpoint=moto_server.url)
    async with open_s3(settings, {"known": known, "unknown": unknown}) as s3:
        yield s3


@pytest.mark.parametrize(
    ("bucket", "data"),
    [
        ("here", b"here of moto"),
        ("there", b"there of seaweedfs"),
        ("same", b"same of moto"),
        ("same-there", b"same of seaweedfs"),
    ],
)
async def test_each_bucket_is_read_where_it_lies_with_the_credentials_for_it(
    both: S3Profiles, bucket: str, data: bytes
) -> None:
    source = StoredSource(Buckets(both), DownloadSettings(download_timeout=60))
    found = await source.fetch(SourceRef(scheme="s3", location=f"{bucket}/a.png"))
    assert isinstance(found, Original)
    assert found.data == data


async def test_without_the_right_credentials_a_service_refuses(both: S3Profiles) -> None:
    with pytest.raises(SourceMissing) as caught:
        await both.bucket("refused").get("a.png")
    assert caught.value.upstream_status == 403


async def test_all_services_are_asked_whether_they_are_there(both: S3Profiles) -> None:
    await both.ping()


async def test_a_profile_of_aws_files_has_credentials_too(
    buckets: None, weed_server: S3Server, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "credentials").write_text(
        f"[archive]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    toml = tmp_path / "s3.toml"
    toml.write_text(f'[archive]\nbuckets = ["there"]\nendpoint = "{weed_server.url}"\naws_profile = "archive"\n')
    async with open_s3(S3Settings(), profiles_of("", toml)) as s3:
        assert (await s3.bucket("there").get("a.png"))[1] == b"there of seaweedfs"

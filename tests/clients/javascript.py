"""imgproxy's JavaScript client: its declarations, and the URLs that it writes and signs."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.clients.declarations import Declarations

HERE = Path(__file__).parent
KEY, SALT = "943b421c9eb07c830af81030552c8600", "520f986b998545b4785e0defbc4f3c12"
ENCRYPTION_KEY = "1eb5b0e971ad7f45324c1bb15c947cb207c43152fa5c6c7f35c4f36e0c18e0f1"

Written = dict[str, str]
"""A `url`, or the `error` by which the client refuses to write one."""


@cache
def declarations() -> Declarations:
    package = _packages() / "@imgproxy" / "imgproxy-js-core"
    return Declarations((package / "dist" / "imgproxy-js-core.d.ts").read_text())


def written(pictures: list[dict[str, Any]], **shared: str) -> list[Written]:
    """What the client makes of each picture; `shared` are parameters of them all, beside the keys above."""
    node = shutil.which("node")
    if node is None:
        pytest.fail("the JavaScript client needs Node.js; `make clients` installs it")
    _packages()
    shared = {"endpoint": "", "key": KEY, "salt": SALT, "encryptKey": ENCRYPTION_KEY, **shared}
    done = subprocess.run(
        [node, str(HERE / "sign.mjs")],
        input=json.dumps({"shared": shared, "pictures": pictures}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[Written] = json.loads(done.stdout)
    return answers


def _packages() -> Path:
    packages = HERE / "node_modules"
    if not packages.is_dir():
        pytest.fail("the JavaScript client is not here; `make clients` installs it")
    return packages

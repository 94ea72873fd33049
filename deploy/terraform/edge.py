"""Checks the function at the edge against the service's own reading of Accept, and against what the cache's keys promise."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from imgproxy_py.recipe.negotiation import formats_in_accept  # noqa: E402

FUNCTION = ROOT / "terraform/modules/cdn/viewer-request.js"
LONGEST = 10 * 1024  # bytes of a function's code that CloudFront takes
FORMATS = ["image/jxl", "image/avif", "image/webp"]
PARAMETERS = ["w", "h", "fit", "s"]

BROWSERS = [
    "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
    "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8",
    "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5",
    "*/*",
    "",
]
WEIGHTS = ["", ";q=1", ";q=0", ";q=0.0", "; q=0.000", ";q=0.001", ";Q=0", "; q = 0 ", ";v=b3;q=0", ";q=0.0000", ";q=00"]
SPELLINGS = ["image/webp", "IMAGE/WebP", " image/avif ", "image/jxl", "image/*"]


def rendered(*, hints: bool) -> str:
    """Give the function's code as Terraform fills it in."""
    values: dict[str, Any] = {
        "formats": FORMATS,
        "parameters": PARAMETERS,
        "mount": "/prefix/images/",
        "client_hints": hints,
    }
    return re.sub(r"\$\{(\w+)\}", lambda found: json.dumps(values[found[1]]), FUNCTION.read_text())


def settled(requests: list[dict[str, Any]], *, hints: bool = False) -> list[dict[str, Any]]:
    """Run the function on requests."""
    text = json.dumps({"code": rendered(hints=hints), "requests": requests})
    node = ["node", str(ROOT / "deploy/terraform/edge.mjs")]
    done = subprocess.run(node, input=text, text=True, check=True, capture_output=True)  # noqa: S603 - the repository's own
    answer: list[dict[str, Any]] = json.loads(done.stdout)
    return answer


def request(
    uri: str = "/sig/plain/a", /, *, query: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Give a request as CloudFront hands it to a function."""
    return {
        "method": "GET",
        "uri": uri,
        "querystring": {name: {"value": value} for name, value in (query or {}).items()},
        "headers": {name: {"value": value} for name, value in (headers or {}).items()},
    }


def main() -> None:
    """Run the checks."""
    failures: list[str] = []
    checks = 0

    def check(name: str, given: object, wanted: object) -> None:
        nonlocal checks
        checks += 1
        if given != wanted:
            failures.append(f"{name}: {given!r}, not {wanted!r}")

    accepts = BROWSERS + [f"{one}{weight}, text/html" for one, weight in product(SPELLINGS, WEIGHTS)]
    answers = settled([request(headers={"accept": accept}) for accept in accepts])
    for accept, answer in zip(accepts, answers, strict=True):
        kept = answer["headers"].get("accept", {}).get("value", "")
        check(f"the service reads {accept!r} as it was", formats_in_accept(kept), formats_in_accept(accept))
        check(
            f"{accept!r} in a fixed order",
            [one for one in FORMATS if one in kept.split(",")],
            kept.split(",") if kept else [],
        )
    check("browsers share few keys", len({str(one["headers"]) for one in answers[: len(BROWSERS)]}), 3)

    (images,) = settled(
        [request("/prefix/images/a.jpg", query={"w": "1", "utm_source": "x", "s": "y", "fit": "cover"})]
    )
    check("only listed parameters, sorted", list(images["querystring"]), ["fit", "s", "w"])
    (path,) = settled([request(query={"w": "1"})])
    check("no parameters elsewhere", path["querystring"], {})

    every = {"sec-ch-dpr": "2", "dpr": "1", "width": "300"}
    (without,) = settled([request(headers=every)])
    check("hints are dropped when they are off", sorted(without["headers"]), [])
    (with_hints,) = settled([request(headers=every)], hints=True)
    check("old names give way to new ones", sorted(with_hints["headers"]), ["sec-ch-dpr", "width"])
    check("small enough for CloudFront", len(rendered(hints=True).encode()) < LONGEST, True)

    if failures:
        sys.exit("\n".join(failures))
    sys.stdout.write(f"edge       {checks} checks of the function at the edge, {len(accepts)} spellings of Accept\n")


if __name__ == "__main__":
    main()

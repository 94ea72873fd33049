"""Rules that hold for all of the code and that no linter knows."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from imgproxy_py import errors

PACKAGE = Path(errors.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)
ERRORS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.ImgproxyError)]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_is(name: str) -> None:
    assert (importlib.import_module(name).__doc__ or "").strip()


def test_only_packages_list_what_they_give_and_they_have_it() -> None:
    listing = [module for name in MODULES if hasattr(module := importlib.import_module(name), "__all__")]
    for module in listing:
        assert is_package(module), module.__name__
        assert all(hasattr(module, name) for name in module.__all__), module.__name__


def is_package(module: ModuleType) -> bool:
    return hasattr(module, "__path__")


def test_importing_opens_nothing() -> None:
    code = (
        "import importlib, os, threading\n"
        "before = set(os.listdir('/proc/self/fd'))\n"
        f"for name in {MODULES!r}: importlib.import_module(name)\n"
        "opened = [os.readlink(f'/proc/self/fd/{one}') for one in set(os.listdir('/proc/self/fd')) - before"
        " if os.path.exists(f'/proc/self/fd/{one}')]\n"
        "print([one for one in opened if one.startswith('socket')], threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[] 1", "")


def test_the_tree_of_errors_is_drawn_as_it_grows() -> None:
    drawing = (errors.__doc__ or "").partition("::\n\n")[2].partition("\n\n")[0]
    drawn = [(found.start(1) // 4, found[1]) for line in drawing.splitlines() if (found := re.search(r"(\w+)", line))]
    assert drawn == list(grown(errors.ImgproxyError, 1))


def grown(kind: type[errors.ImgproxyError], depth: int) -> list[tuple[int, str]]:
    below = [one for child in kind.__subclasses__() if child in ERRORS for one in grown(child, depth + 1)]
    return [(depth, kind.__name__), *below]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_has_sentence_name_and_status(kind: type[errors.ImgproxyError]) -> None:
    assert re.fullmatch(r"[A-Z][^.]*[^.\s]", kind.title)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.slug)
    assert 400 <= kind.status < 600
    assert (kind.__doc__ or "").endswith(".")


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_tells_nothing_private(kind: type[errors.ImgproxyError]) -> None:
    assert "hunter2" not in str(kind("a detail", private="hunter2"))

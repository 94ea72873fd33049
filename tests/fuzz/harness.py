"""One target under atheris: `python -m tests.fuzz.harness TARGET [libFuzzer's flags] [corpus, or files to judge again]`."""

from __future__ import annotations

import hashlib
import importlib
import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import atheris

_FOUND = "-artifact_prefix="
# These compare images, sample by sample. What traces comparisons never gives up what it traced.
_COMPARING = [
    f"imgproxy_py.engine.{name}" for name in ("ramps", "codecs.psd", "steps.tint", "info.colors", "detection.boxes")
]
_REPEATED = 0.1
_MOST_REPEATS = 5000


def main() -> None:
    """Fuzz until libFuzzer has enough."""
    name = sys.argv.pop(1)
    atheris.enabled_hooks.add("str")  # its hook for regular expressions knows no positions
    with atheris.instrument_imports(include=["imgproxy_py"], exclude=_COMPARING):
        target = importlib.import_module(f"tests.fuzz.targets.{name}")
    found = next((Path(one.removeprefix(_FOUND)) for one in sys.argv if one.startswith(_FOUND)), None)
    atheris.Setup(sys.argv, _recording(target.judge, found), custom_mutator=_Mutator(target))
    atheris.Fuzz()


def _recording(judge: Callable[[bytes], int | None], folder: Path | None) -> Callable[[bytes], int | None]:
    """Keep what an input breaks on before libFuzzer does: its alarm may end the process while that unwinds."""

    def recorded(data: bytes) -> int | None:
        try:
            return judge(data)
        except Exception:
            if folder is not None:
                (folder / f"failed-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise

    return recorded


class _Mutator:
    """Changes bytes as libFuzzer does, but for what the target itself knows better; repeats a piece now and then.

    Repeated pieces find what takes longer than its input is long: nested quantifiers, recursion, searches begun anew.
    """

    def __init__(self, target: ModuleType) -> None:
        self._own = getattr(target, "mutated", None)

    def __call__(self, data: bytes, longest: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if data and chance.random() < _REPEATED:
            return repeated(data, chance)[:longest]
        if self._own is not None:
            mutated: bytes = self._own(data, chance, lambda part: atheris.Mutate(part, max(1, longest)))
            return mutated[:longest]
        return bytes(atheris.Mutate(data, longest))


def repeated(data: bytes, chance: random.Random) -> bytes:
    """Give data of which a piece comes many times in a row."""
    start = chance.randrange(len(data))
    end = min(len(data), start + chance.choice((1, 1, 2, 3, 5, 8, 13, 40)))
    return data[:start] + data[start:end] * chance.randrange(2, _MOST_REPEATS) + data[end:]


if __name__ == "__main__":
    main()

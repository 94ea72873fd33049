"""Small networks in ONNX format that find red and green cells, or tell what colour a picture has: real ones, written by
hand after onnx.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import log, prod

CELL = 32
"""The side of what the networks find, in pixels; only whole cells on the grid of that side are seen."""

FLOAT, UINT8, INT64 = 1, 2, 7


def red_and_green(kind: str, side: int) -> bytes:
    """A network of that kind whose classes are red and green; the score of a cell is by how much it outdoes the others."""
    return {"yolox": _yolox, "yolov5": _yolov5, "yolov8": _yolov8, "yolov10": _yolov10}[kind](side)


def mean_colors(
    shape: Sequence[int | str],
    *,
    gain: float = 1.0,
    activation: str = "",
    weights: Sequence[Sequence[float]] = ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    samples: int = FLOAT,
    planes: bool | None = None,
) -> bytes:
    """A classifier that weighs the means of the three channels; each class has a row of weights, by default a channel.

    `activation` is the operator that makes confidences of what comes out, blank for none. Channels come first or last as the
    shape says, or `planes`.
    """
    planes = shape[1] == 3 if planes is None else planes
    rows = [gain * one[channel] for channel in range(3) for one in weights]
    nodes = [
        _node("Cast", ["images"], "numbers", to=FLOAT),
        _node("ReduceMean", ["numbers"], "colors", axes=[2, 3] if planes else [1, 2], keepdims=0),
        _node("MatMul", ["colors", "weights"], "logits"),
        _node(activation or "Identity", ["logits"], "found"),
    ]
    constants = [_tensor("weights", [3, len(weights)], rows)]
    return _written(nodes, constants, _declared("images", shape, samples), _declared("found", [1, len(weights)]))


def _yolov8(side: int) -> bytes:
    cells = (side // CELL) ** 2
    nodes = [*_scores(cells), _node("Concat", ["boxes", "scores"], "found", axis=1)]
    across, down = zip(*_middles(side), strict=True)
    boxes = [*across, *down, *[float(CELL)] * (2 * cells)]
    return _model(nodes, [*_constants(cells), _tensor("boxes", [1, 4, cells], boxes)], side, [1, 6, cells])


def _yolov5(side: int) -> bytes:
    cells = (side // CELL) ** 2
    rows = [float(one) for x, y in _middles(side) for one in (x, y, CELL, CELL, 1)]
    return _model(
        [*_scores(cells), _node("Transpose", ["scores"], "rows", perm=[0, 2, 1]), _joined()],
        [*_constants(cells), _tensor("boxes", [1, cells, 5], rows)],
        side,
        [1, cells, 7],
    )


def _yolov10(side: int) -> bytes:
    cells, half = (side // CELL) ** 2, CELL / 2
    rows = [float(one) for x, y in _middles(side) for one in (x - half, y - half, x + half, y + half)]
    constants = [
        *_constants(cells, weights=[1, -1, -1]),
        _tensor("boxes", [1, cells, 4], rows),
        _tensor("class", [1, cells, 1], [0.0] * cells),
    ]
    nodes = [
        *_scores(cells),
        _node("Transpose", ["scores"], "rows", perm=[0, 2, 1]),
        _node("Concat", ["boxes", "rows", "class"], "found", axis=2),
    ]
    return _model(nodes, constants, side, [1, cells, 6])


def _yolox(side: int) -> bytes:
    """Blue comes first, samples are 0–255; of the three grids the two finer ones never find anything."""
    cells, finer = (side // CELL) ** 2, (side // 8) ** 2 + (side // 16) ** 2
    row = [0.5, 0.5, log(1.0), log(1.0), 1.0]
    constants = [
        *_constants(cells, weights=[one / 255 for one in (-1, -1, 1, -1, 1, -1)]),
        _tensor("boxes", [1, cells, 5], row * cells),
        _tensor("finer", [1, finer, 7], [0.0] * 7 * finer),
    ]
    nodes = [
        *_scores(cells),
        _node("Transpose", ["scores"], "rows", perm=[0, 2, 1]),
        _node("Concat", ["boxes", "rows"], "coarse", axis=2),
        _node("Concat", ["finer", "coarse"], "found", axis=1),
    ]
    return _model(nodes, constants, side, [1, finer + cells, 7])


def _scores(cells: int) -> list[bytes]:
    return [
        _node("AveragePool", ["images"], "pooled", kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        _node("Reshape", ["pooled", "flat"], "colors"),
        _node("MatMul", ["weights", "colors"], "scores"),
    ]


def _joined() -> bytes:
    return _node("Concat", ["boxes", "rows"], "found", axis=2)


def _constants(cells: int, weights: Sequence[float] = (1, -1, -1, -1, 1, -1)) -> list[bytes]:
    return [
        _tensor("flat", [3], [1, 3, cells], INT64),
        _tensor("weights", [1, len(weights) // 3, 3], [float(one) for one in weights]),
    ]


def _middles(side: int) -> list[tuple[float, float]]:
    steps = [CELL * (one + 0.5) for one in range(side // CELL)]
    return [(x, y) for y in steps for x in steps]


# --- onnx.proto: the few messages and fields that are needed ------------------------------------------------------------


def _model(nodes: list[bytes], constants: list[bytes], side: int, output: list[int]) -> bytes:
    return _written(nodes, constants, _declared("images", [1, 3, side, side]), _declared("found", output))


def _written(nodes: list[bytes], constants: list[bytes], taken: bytes, given: bytes) -> bytes:
    graph = (
        b"".join(_field(1, node) for node in nodes) + _text(2, "net") + b"".join(_field(5, one) for one in constants)
    )
    graph += _field(11, taken) + _field(12, given)
    return _number(1, 8) + _field(7, graph) + _field(8, _text(1, "") + _number(2, 13))


def _node(kind: str, inputs: list[str], output: str, **attributes: int | list[int]) -> bytes:
    given = b"".join(_field(5, _attribute(name, value)) for name, value in attributes.items())
    return b"".join(_text(1, one) for one in inputs) + _text(2, output) + _text(4, kind) + given


def _attribute(name: str, value: int | list[int]) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, 2)
    return _text(1, name) + b"".join(_number(8, one) for one in value) + _number(20, 7)


def _tensor(name: str, shape: list[int], values: Sequence[float], kind: int = FLOAT) -> bytes:
    assert len(values) == prod(shape)
    packed = struct.pack(f"<{len(values)}{'f' if kind == FLOAT else 'q'}", *values)
    return b"".join(_number(1, one) for one in shape) + _number(2, kind) + _text(8, name) + _field(9, packed)


def _declared(name: str, shape: Sequence[int | str], kind: int = FLOAT) -> bytes:
    sides = b"".join(_field(1, _number(1, one) if isinstance(one, int) else _text(2, one)) for one in shape)
    return _text(1, name) + _field(2, _field(1, _number(1, kind) + _field(2, sides)))


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _text(number: int, value: str) -> bytes:
    return _field(number, value.encode())


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    head = bytearray()
    while value > 0x7F:
        head.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*head, value])

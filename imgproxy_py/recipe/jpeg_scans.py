"""Progressive JPEGs without the scans that do not matter when the decoder makes them an eighth of their size.

At an eighth each block of 8×8 samples becomes one, and only its DC coefficient counts. Most of such a file refines the
others, and a decoder goes through all of it, scan after scan. Components that are sampled more coarsely in both directions
are decoded at a quarter, to come to the same size, and need all of theirs.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

EIGHTH = 8
"""By how much a decoder scales that needs no more than these scans."""

_EOI, _SOS, _DHT, _DRI, _PROGRESSIVE = 0xD9, 0xDA, 0xC4, 0xDD, 0xC2
_OTHER_FRAMES = frozenset(range(0xC0, 0xD0)) - {_PROGRESSIVE, _DHT}
_WITHOUT_CONTENT = frozenset(range(0xC0)) | frozenset(range(0xD0, _EOI))
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # zeros are stuffed, restarts belong to the scan (ITU T.81 §B.1.1)
_MOST_SCANS = 100
_COEFFICIENTS = 64

# A run of 2ʳ to 2ʳ⁺¹ - 1 blocks without coefficients is a symbol r and r bits (T.81 §G.1.2.2): here a table of codes of
# four bits for r from 0 to 14.
_LONGEST_RUN_BITS = 14
_CODE_BITS = 4
_RUNS_TABLE = bytes((0x10, 0, 0, 0, 15, *(0,) * 12, *(bits << 4 for bits in range(_LONGEST_RUN_BITS + 1))))


class _Unusual(Exception):
    """The file is not plain enough to be sure."""


@dataclass(slots=True)
class _Component:
    """A component's sampling factors, and the lowest bit known so far of each coefficient, -1 for none."""

    across: int
    down: int
    known: list[int] = field(default_factory=lambda: [-1] * _COEFFICIENTS)


@dataclass(frozen=True, slots=True)
class _Frame:
    width: int
    height: int
    components: dict[int, _Component]

    @property
    def across(self) -> int:
        return max(one.across for one in self.components.values())

    @property
    def down(self) -> int:
        return max(one.down for one in self.components.values())

    def is_reduced_to_dc(self, component: _Component) -> bool:
        return component.across == self.across or component.down == self.down

    def blocks(self, component: _Component) -> int:
        """Give how many blocks a scan of this component alone has (T.81 §A.2.2)."""
        across = -(-self.width * component.across // self.across)
        down = -(-self.height * component.down // self.down)
        return -(-across // 8) * -(-down // 8)


def for_an_eighth(data: bytes) -> bytes:
    """Give a JPEG that decodes to the same pixels at an eighth of its size, and sooner if it is progressive.

    What is no complete progressive JPEG of 8 bits comes back as it is, and so do damaged ones.
    """
    try:
        return _without_refinements(data)
    except (_Unusual, IndexError, ValueError, struct.error):
        return data


def _without_refinements(data: bytes) -> bytes:
    frame: _Frame | None = None
    kept, scans = [data[:2]], 0
    for marker, start, end, following in _segments(data):
        if marker == _PROGRESSIVE and frame is None:
            frame = _frame(data[start:end])
        elif marker == _PROGRESSIVE or marker in _OTHER_FRAMES:
            raise _Unusual
        if marker == _SOS:
            scans += 1
            if frame is None or scans > _MOST_SCANS:
                raise _Unusual
            if not _is_needed(data[start:end], frame):
                continue
        kept.append(data[start - 4 : following])
    if frame is None or any(any(one.known) for one in frame.components.values()):
        raise _Unusual  # a decoder guesses what is missing
    return b"".join((*kept, *_empty_scans(frame), bytes((0xFF, _EOI))))


def _segments(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Give marker, start and end of each segment's content, and where the next begins, up to the end of the image."""
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _EOI:
            return
        if marker in _WITHOUT_CONTENT or marker == 0xFF:
            break
        end = following = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SOS:
            found = _MARKER.search(data, end)
            following = found.start() if found else len(data)
        yield marker, at + 4, end, following
        at = following
    raise _Unusual


def _frame(header: bytes) -> _Frame:
    precision, height, width, count = struct.unpack_from(">BHHB", header)
    parts = [header[6 + 3 * number :][:3] for number in range(count)]
    components = {number: _Component(sampling >> 4, sampling & 15) for number, sampling, _ in parts}
    if precision != 8 or not width or not height or not components or len(components) != count:
        raise _Unusual
    if not all(0 < one.across <= 4 and 0 < one.down <= 4 for one in components.values()):
        raise _Unusual
    return _Frame(width, height, components)


def _is_needed(header: bytes, frame: _Frame) -> bool:
    """Tell whether a scan has a DC coefficient, or others that count, and note what it makes known."""
    count = header[0]
    first, last, bits = header[1 + 2 * count :]
    if last >= _COEFFICIENTS or not count:
        raise _Unusual
    numbers = header[1 : 1 + 2 * count : 2]
    if not frame.components.keys() >= set(numbers):
        raise _Unusual
    components = [frame.components[number] for number in numbers]
    for component in components:
        component.known[first : last + 1] = [bits & 15] * (last + 1 - first)
    return first == 0 or not all(frame.is_reduced_to_dc(one) for one in components)


def _empty_scans(frame: _Frame) -> Iterator[bytes]:
    """Give scans that say of each coefficient left out that it is zero: a decoder would else guess it from its neighbours."""
    yield _segment(_DRI, bytes(2))
    yield _segment(_DHT, _RUNS_TABLE)
    for number, component in frame.components.items():
        if frame.is_reduced_to_dc(component):
            header = bytes((1, number, 0, 1, _COEFFICIENTS - 1, 0))
            yield _segment(_SOS, header) + _run_of_empty_blocks(frame.blocks(component))


def _run_of_empty_blocks(count: int) -> bytes:
    coded = ""
    while count:
        bits = min(_LONGEST_RUN_BITS, count.bit_length() - 1)
        run = min(count, (2 << bits) - 1)
        coded += f"{bits:0{_CODE_BITS}b}" + f"{run:b}"[1:]  # the leading one is understood
        count -= run
    padded = coded + "1" * (-len(coded) % 8)
    return int(padded, 2).to_bytes(len(padded) // 8, "big").replace(b"\xff", b"\xff\x00")


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content

"""Whether a body is the picture that its headers say."""

from __future__ import annotations

import io

from loadtests.questions import Question

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"


def media_type(data: bytes) -> str:
    """Tell what a body is by its first bytes, blank if it is no picture known here."""
    if data.startswith(_JPEG):
        return "image/jpeg"
    if data.startswith(_PNG):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    return ""


def decoded_size(data: bytes) -> tuple[int, int]:
    """Decode every pixel and give the picture's size, 0×0 if that fails."""
    from PIL import Image  # only where load is made

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return image.size
    except (OSError, SyntaxError, ValueError):
        return 0, 0


def wrong(question: Question, status: int, headers: dict[str, str], data: bytes, *, decode: bool) -> str:
    """Say what is wrong with an answer, blank if nothing; `headers` by their names in small letters."""
    if status != question.status:
        return f"unexpected status {status}, not {question.status}"
    told = headers.get("content-type", "").partition(";")[0]
    if question.media_type and told != question.media_type:
        return f"wrong type: {told or 'none'}, not {question.media_type}"
    if question.varies and "accept" not in headers.get("vary", "").lower():
        return "wrong headers: Vary does not name Accept"
    if status != 200 or not question.media_type:
        return ""
    return _wrong_picture(question, data, decode=decode)


def _wrong_picture(question: Question, data: bytes, *, decode: bool) -> str:
    if media_type(data) != question.media_type:
        return f"wrong picture: the body is {media_type(data) or 'none'}, not {question.media_type}"
    if decode and (size := decoded_size(data)) != question.size:
        return f"wrong picture: {size[0]}×{size[1]} pixels, not {question.size[0]}×{question.size[1]}"
    return ""

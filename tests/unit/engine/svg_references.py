"""What an SVG refers to, found by other means than the sanitiser's: expat, and CSS read by regular expressions."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})[ \t\n\r\f]?|\\(.|$)", re.DOTALL)
STRING_OR_COMMENT = re.compile(
    r"""\\.|/\*.*?(?:\*/|$)|"((?:\\.|[^"\\\n])*)(?:"|(?=\n)|$)|'((?:\\.|[^'\\\n])*)(?:'|(?=\n)|$)""", re.DOTALL
)
REFERENCE = re.compile(
    r'(?<![\w\-\x80-\U0010ffff])(?:-webkit-)?(?:url|src|image|image-set|cross-fade)\(\s*(?:"(\d+)"|([^)]*))',
    re.IGNORECASE,
)
PRIVATE = 0xE000
TEXT_ONLY = {"id", "class", "name", "d", "points"}
RUNS = {"script", "iframe", "form", "object", "embed", "link", "meta", "base", "video", "audio", "handler", "listener"}


def foreign(data: bytes) -> list[str]:
    """Everything in an SVG that acts, or that whoever shows it would load from elsewhere. Links to click on are none."""
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True, insert_pis=True))
    root = ET.fromstring(data, parser)
    found = ["a document type"] if b"<!DOCTYPE" in data else []
    for element in root.iter():
        if callable(element.tag):
            found += comment_or_instruction(element)
        else:
            found += of_element(element)
    return found


def comment_or_instruction(node: ET.Element) -> Iterator[str]:
    if node.tag is ET.ProcessingInstruction:
        yield f"instruction {node.text}"
    elif (node.text or "").startswith((">", "->")):
        yield f"comment {node.text}"


def of_element(element: ET.Element) -> Iterator[str]:
    name = local(element.tag)
    if name in RUNS:
        yield f"<{name}>"
    if name == "style":
        yield from of_css("".join(element.itertext()))
    for key, value in element.attrib.items():
        yield from of_attribute(name, key, value)
    if name in ("set", "animate"):
        yield from of_animation({local(key): value for key, value in element.attrib.items()})


def of_attribute(element: str, key: str, value: str) -> Iterator[str]:
    name = local(key)
    if name.startswith("on") or name in ("srcset", "srcdoc", "action", "formaction", "ping") or key.endswith("}base"):
        yield f"{element} {name}={value}"
    elif name in ("href", "src", "poster", "background", "data"):
        if not (is_link(value) if (element, name) == ("a", "href") else is_own(value)):
            yield f"{element} {name}={value}"
    elif name not in TEXT_ONLY:
        yield from of_css(value)


def of_animation(said: dict[str, str]) -> Iterator[str]:
    target = said.get("attributename", "").strip().lower().rpartition(":")[2]
    if target.startswith("on"):
        yield f"animated {target}"
    elif target == "href":
        values = ";".join(said.get(name, "") for name in ("to", "from", "by", "values")).split(";")
        yield from (f"animated {target}={one}" for one in values if one.strip() and not one.strip().startswith("#"))


def of_css(text: str) -> Iterator[str]:
    strings: list[str] = []

    def out_of_the_way(found: re.Match[str]) -> str:
        if found[0].startswith("\\"):
            return found[0]
        if found[0].startswith("/*"):
            return " "
        strings.append(unescaped(found[1] or found[2] or ""))
        return f'"{len(strings) - 1}"'

    plain = names(STRING_OR_COMMENT.sub(out_of_the_way, text))
    plain = re.sub(r"@namespace[^;{]*(?:;|$)", "", plain, flags=re.IGNORECASE)
    if re.search(r"@import(?![\w\-\x80-\U0010ffff])", REFERENCE.sub("", plain), re.IGNORECASE):
        yield plain
    for found in REFERENCE.finditer(plain):
        url = strings[int(found[1])] if found[1] else back(found[2])
        if not is_own(url):
            yield url


def names(text: str) -> str:
    """CSS whose escaped letters are letters; other escaped ASCII is moved out of the way, where no rule of CSS sees it."""

    def one(found: re.Match[str]) -> str:
        character = unescaped(found[0])
        return character if character.isalnum() or ord(character) > 127 else chr(PRIVATE + ord(character))

    return ESCAPE.sub(one, text)


def back(text: str) -> str:
    return "".join(chr(ord(one) - PRIVATE) if PRIVATE <= ord(one) < PRIVATE + 128 else one for one in text)


def unescaped(text: str) -> str:
    """CSS text whose escapes are what they stand for (CSS Syntax §4.3.7)."""

    def one(found: re.Match[str]) -> str:
        return chr(min(int(found[1], 16) or 0xFFFD, 0x10FFFF)) if found[1] else found[2] or "\ufffd"

    return ESCAPE.sub(one, text)


def is_link(url: str) -> bool:
    scheme = re.match(r"([a-z][a-z0-9+.-]*):", re.sub(r"[\x00-\x20\x7f-\x9f]", "", url).lower())
    return not scheme or scheme[1] in ("http", "https")


def is_own(url: str) -> bool:
    url = url.strip()
    if url.lower().startswith("data:image/svg+xml"):
        head, _, body = url.partition(",")
        data = unquote_to_bytes(body)
        try:
            return not foreign(base64.b64decode(data) if "base64" in head else data)
        except (ValueError, ET.ParseError):
            return True  # nobody reads it
    return url.startswith("#") or url.lower().startswith(("data:image/", "data:font/", "data:application/"))


def local(name: str) -> str:
    return name.rpartition("}")[2].lower()

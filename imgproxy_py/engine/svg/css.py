"""CSS without references that leave the file.

Style sheets, `style` attributes and presentation attributes are one language of tokens, so they are judged token by token
and need no knowledge of selectors or properties: an `@import` goes up to its semicolon, a function that loads becomes the
keyword `none`. What holds nothing unsafe stays as it was written, to the character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import tinycss2
from tinycss2.ast import IdentToken

from imgproxy_py.engine.svg.references import is_font, is_fragment
from imgproxy_py.errors import SourceTooLarge

Node: TypeAlias = Any
"""A token or block of tinycss2, which carries no types."""

# Without one of these there is no reference: names may be escaped, but not without a backslash.
_MAY_REFER = re.compile(
    r"\\|@import|url(?:-prefix)?\(|src\(|image\(|image-set\(|cross-fade\(|expression\(", re.IGNORECASE
)

# The common cases: nothing is escaped, and each of the above begins one of these.
_FRAGMENT = re.compile(r"""url\(\s*(["']?)#(?P<id>[^\s"'()]*)\1\s*\)""", re.IGNORECASE)
_CARRIED = re.compile(
    r"""url\(\s*(["']?)data:(?:image/(?!svg)|font/|application/(?:x-)?font-)[\w.+-]+(?:;[\w=-]+)*,[\w+/=%-]*\1\s*\)""",
    re.IGNORECASE,
)

# With the backslashes before it: is their number odd, the last is of the same escape.
_NOT_XML = re.compile(r"(?<!\\)(?P<before>\\*)(?P<character>[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff])")

_MAX_LENGTH = 1_000_000  # of CSS with other references: parsing that takes seconds
_DEEPEST = 100  # blocks and functions in each other: they are walked by recursion

# They load what their strings name; `url()` is judged by its argument, these are not worth it: nothing draws them.
_LOADING = frozenset({"src", "image", "image-set", "-webkit-image-set", "cross-fade", "-webkit-cross-fade"})
_ACTING = frozenset({"expression", "url-prefix"})
_BROKEN = frozenset({"bad-url", "bad-string"})
_CUT_OFF = frozenset({"eof-in-url", "eof-in-string"})
_ENDS = {"url": ")", "string": '"'}


def may_refer(text: str) -> bool:
    """Tell, quickly, whether CSS may hold a reference at all."""
    return bool(_MAY_REFER.search(text))


def without_foreign_references(text: str, picture: Callable[[str], str | None] = lambda _: None) -> str:
    """Give CSS whose references lead nowhere but to fragments, fonts and pictures that it carries itself.

    `picture` gives the URL to use for one that is neither fragment nor font, `None` if it must go. Raises `SourceTooLarge`
    for more CSS than can be parsed in time, and for blocks that nest too deeply.
    """
    if not may_refer(text) or _is_plainly_own(text):
        return text
    if len(text) > _MAX_LENGTH:
        raise SourceTooLarge("the SVG has too long a style sheet")
    nodes = _parsed(text)
    cleaner = _Cleaner(picture)
    cleaned = cleaner.clean(nodes)
    return within_xml(tinycss2.serialize(cleaned)) if cleaner.changed else text


def within_xml(css: str) -> str:
    """Give CSS with characters that XML cannot hold escaped; parsing took the escapes away that brought them here."""
    return _NOT_XML.sub(_escaped, css)


def _escaped(found: re.Match[str]) -> str:
    before = found["before"]
    return before[: len(before) // 2 * 2] + f"\\{ord(found['character']) or 0xFFFD:x} "


def fragments(text: str) -> list[str]:
    """Give the identifiers that CSS refers to by `url()`; raises `SourceTooLarge` for blocks that nest too deeply."""
    if not may_refer(text):
        return []
    if _is_plainly_own(text):
        return [one["id"] for one in _FRAGMENT.finditer(text)]
    urls = _references(_parsed(text))
    return [url.strip()[1:] for url in urls if is_fragment(url)]


def read_css(parse: Callable[..., list[Node]], text: str, **options: bool) -> list[Node]:
    """Give what one of tinycss2's functions makes of CSS; raises `SourceTooLarge` for a number of thousands of digits."""
    try:
        return parse(text, **options)
    except ValueError as error:  # Python reads no such numbers, since that takes the square of their length
        raise SourceTooLarge("the SVG's style sheet has a number with too many digits") from error


def _parsed(text: str) -> list[Node]:
    nodes = read_css(tinycss2.parse_component_value_list, text)
    level, depth = nodes, 0
    while level := [child for node in level for child in _children(node)]:
        depth += 1
        if depth > _DEEPEST:
            raise SourceTooLarge("the SVG's style sheet nests too deeply")
    return nodes


def _is_plainly_own(text: str) -> bool:
    """Tell, without parsing, that CSS refers only to fragments and to what it carries; where it is not plain, say no."""
    if "\\" in text:
        return False
    own = len(_FRAGMENT.findall(text)) + len(_CARRIED.findall(text))
    return own == len(_MAY_REFER.findall(text))


def _references(nodes: list[Node]) -> Iterator[str]:
    for node in nodes:
        if (url := _url_of(node)) is not None:
            yield url
        else:
            yield from _references(_children(node))


class _Cleaner:
    """Walks over tokens and notes whether it changed any."""

    def __init__(self, picture: Callable[[str], str | None]) -> None:
        self.changed = False
        self._picture = picture

    def clean(self, nodes: list[Node]) -> list[Node]:
        """Give the tokens without what must go."""
        kept = []
        rest = iter(nodes)
        for node in rest:
            if _is_at(node, "namespace"):  # names a vocabulary, loads nothing
                kept += [node, *(one if _url_of(one) is not None else self._cleaned(one) for one in _statement(rest))]
            elif _is_at(node, "import"):
                self.changed = True
                list(_statement(rest))
            elif node.type == "error" and node.kind in _CUT_OFF:
                self.changed = True
                _close(kept[-1])
            elif node.type == "error" and node.kind in _BROKEN:
                self.changed = True
            else:
                kept.append(self._cleaned(node))
        return kept

    def _cleaned(self, node: Node) -> Node:
        if (url := _url_of(node)) is not None:
            return self._judged(node, url)
        if node.type == "function" and node.lower_name in _LOADING | _ACTING:
            return self._none(node)
        if "block" in node.type:
            node.content = self.clean(node.content)
        return self._with_clean_arguments(node)

    def _with_clean_arguments(self, node: Node) -> Node:
        if node.type == "function":
            node.arguments = self.clean(node.arguments)
        return node

    def _judged(self, node: Node, url: str) -> Node:
        if is_fragment(url) or is_font(url):
            return self._with_clean_arguments(node)
        replacement = self._picture(url)
        if replacement is None:
            return self._none(node)
        if replacement == url:
            return self._with_clean_arguments(node)
        self.changed = True
        return tinycss2.parse_one_component_value(f'url("{replacement}")')

    def _none(self, node: Node) -> Node:
        self.changed = True
        return IdentToken(node.source_line, node.source_column, "none")


def _statement(rest: Iterator[Node]) -> Iterator[Node]:
    """Take tokens up to the semicolon, or the block, that ends an at-rule."""
    for node in rest:
        yield node
        if node.type == "{} block" or (node.type == "literal" and node.value == ";"):
            return


def _close(token: Node) -> None:
    """Give a string or URL at the end of the text the end that it lacks: something may come behind it now."""
    if token.type in _ENDS:
        token.representation += _ENDS[token.type]


def _is_at(node: Node, name: str) -> bool:
    return bool(node.type == "at-keyword" and node.lower_value == name)


def _url_of(node: Node) -> str | None:
    if node.type == "url":
        return str(node.value)
    if node.type == "function" and node.lower_name == "url":
        return next((str(one.value) for one in node.arguments if one.type == "string"), "")
    return None


def _children(node: Node) -> list[Node]:
    if node.type == "function":
        return list(node.arguments)
    return list(node.content) if "block" in node.type else []

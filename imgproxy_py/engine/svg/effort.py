"""How much drawing an SVG takes, counted before any of it is drawn.

An SVG of a few lines can draw a million elements: `use`, `mask`, `marker`, `pattern` and pictures of elements draw others,
which draw others. So each element's work is its own, that of its children, and that of what it refers to; with every
element computed once, all of it is known after one walk over the file.

Style sheets refer too. To whom a rule applies is not computed: it is taken to apply to whatever bears a class, an
identifier or a name that its selector has, so work is rather over- than underestimated.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import tinycss2

from imgproxy_py.engine.svg.css import Node, fragments, read_css
from imgproxy_py.engine.svg.parsing import Element, elements, local_name, parsed
from imgproxy_py.engine.svg.references import data_url, is_fragment, is_picture
from imgproxy_py.errors import BrokenSvg, SourceTooLarge

_MAX_REPEATED = 100_000
"""How much drawing may come from references. One element without much in it is 1; so many take a second or two."""

_MAX_ELEMENTS = 250_000
"""How many elements a file may have; to look at each takes about 20 µs."""

_CEILING = 10**12  # numbers beyond are not told apart: they would get as many digits as the file has lines

# Of what librsvg does with each pixel of the canvas, a Gaussian blur being 1: about 0.4 s for a megapixel.
_PRIMITIVES = {
    "fegaussianblur": 1.0,
    "fedropshadow": 1.2,
    "femorphology": 10.0,
    "feconvolvematrix": 8.0,
    "feturbulence": 2.0,
    "fediffuselighting": 1.0,
    "fespecularlighting": 1.0,
}
_PRIMITIVE = 0.1  # any other
_LAYER = 0.02  # a mask, an opacity or a blend mode: one more canvas

_NOT_IN_PLACE = frozenset(
    {
        "clippath",
        "defs",
        "filter",
        "lineargradient",
        "marker",
        "mask",
        "pattern",
        "radialgradient",
        "symbol",
    }
)
_SHOWING = frozenset({"image", "feimage"})
_COLORS = frozenset({"lineargradient", "radialgradient", "stop"})
_LAYERS = re.compile(r"(?<![-\w])(?:opacity|mix-blend-mode|isolation|mask)\b")
_FILTER_FUNCTIONS = re.compile(r"\b(?:blur|drop-shadow)\(")
_WORK = re.compile(r"\\|url\(\s*[\"']?#|blur\(|drop-shadow\(|opacity|mix-blend-mode|isolation|mask", re.IGNORECASE)
_VERTEX = 8  # about so many characters describe one


@dataclass(frozen=True, slots=True)
class Effort:
    """Work: `drawn` in simple elements, `filters` in Gaussian blurs of the whole canvas."""

    drawn: float = 0.0
    filters: float = 0.0

    def __add__(self, other: Effort) -> Effort:
        return Effort(min(self.drawn + other.drawn, _CEILING), min(self.filters + other.filters, _CEILING))

    def times(self, count: int) -> Effort:
        """Give the work of doing it so often."""
        if count == 1:
            return self
        return Effort(min(self.drawn * count, _CEILING), min(self.filters * count, _CEILING))


_NONE = Effort()


def effort_of(root: Element) -> Effort:
    """Give the work that drawing an SVG is.

    Raises `SourceTooLarge` if references make it draw far more than it has elements, or a text in it is far too long.
    """
    every = elements(root)
    if len(every) > _MAX_ELEMENTS:
        raise SourceTooLarge("the SVG has more elements than are drawn")
    total = _Efforts(root, every).total()
    if total.drawn > _MAX_REPEATED + sum(_length_of(one) for one in every):
        raise SourceTooLarge("the SVG draws its elements too often")
    return total


class _Efforts:
    """The work of each element of one file."""

    def __init__(self, root: Element, every: list[Element]) -> None:
        self._root = root
        self._by_id = {one.get("id", ""): one for one in reversed(every)}  # the first of a name counts
        self._rules: dict[str, list[_Rule]] = defaultdict(list)
        self._known: dict[Element, Effort] = {}
        for element in every:
            if local_name(element.tag) == "style":
                for rule in _rules(element.text or ""):
                    for subject in rule.subjects:
                        self._rules[subject].append(rule)

    def total(self) -> Effort:
        """Give the work of the whole file; a file that refers in circles is drawn as far as the circle goes."""
        pending = [self._root]
        parts: dict[Element, list[tuple[Element, int]]] = {}
        while pending:
            element = pending[-1]
            if element in self._known:
                pending.pop()
            elif element in parts:
                self._known[element] = self._work(element, parts.pop(element))
                pending.pop()
            else:
                parts[element] = list(self._parts(element))
                pending += [one for one, _ in parts[element] if one not in parts]
        return self._known[self._root]

    def _work(self, element: Element, parts: list[tuple[Element, int]]) -> Effort:
        work = _own(element)
        for rule in self._rules_for(element):
            work += Effort(0, rule.filters)
        for part, count in parts:
            work += self._known.get(part, _NONE).times(count)
        return work

    def _parts(self, element: Element) -> Iterator[tuple[Element, int]]:
        """Give what is drawn along with an element, and how often."""
        for child in element.iterchildren("*"):
            if local_name(child.tag) not in _NOT_IN_PLACE:
                yield child, 1
        for target, count in self._targets(element):
            if target in self._by_id:
                yield self._by_id[target], count

    def _targets(self, element: Element) -> Iterator[tuple[str, int]]:
        corners = 1 + len(element.get("d") or element.get("points") or "") // _VERTEX
        for key, value in element.attrib.items():
            text = str(value)
            if "#" not in text and "\\" not in text:
                continue
            name = local_name(key)
            if name == "href" and is_fragment(text):
                yield text.strip()[1:], 1
            elif targets := fragments(text):
                often = corners if "marker" in name or "marker" in text else 1
                yield from ((one, often) for one in targets)
        for rule in self._rules_for(element):
            yield from ((one, corners if rule.on_corners else 1) for one in rule.targets)

    def _rules_for(self, element: Element) -> list[_Rule]:
        if not self._rules:
            return []
        return [rule for subject in _subjects(element) for rule in self._rules.get(subject, ())]


def _own(element: Element) -> Effort:
    """Give the work of an element by itself: longer paths take longer, and long texts take their length squared."""
    name = local_name(element.tag)
    drawn = _length_of(element)
    if name == "text":
        drawn += sum(map(len, element.itertext("*"))) ** 2 / 1000
    own = Effort(drawn, _own_filters(element, name))
    return own + _nested(element) if name in _SHOWING else own


def _length_of(element: Element) -> float:
    if local_name(element.tag) in _COLORS:
        return 0.1
    return 1 + len(element.get("d") or element.get("points") or "") / 200


def _own_filters(element: Element, name: str) -> float:
    if name.startswith("fe"):
        return _PRIMITIVES.get(name, _PRIMITIVE)
    style = element.get("style") or ""
    attributes = [one for one in ("mask", "opacity") if element.get(one)]
    return len(attributes) * _LAYER + _declared_filters((element.get("filter") or "") + style)


def _declared_filters(declarations: str) -> float:
    return len(_LAYERS.findall(declarations)) * _LAYER + len(_FILTER_FUNCTIONS.findall(declarations))


def _nested(element: Element) -> Effort:
    """Give the work of an SVG that an element shows from a data URL."""
    urls = (str(value) for key, value in element.attrib.items() if local_name(key) == "href")
    return sum((_work_of_file(one) for one in urls if is_picture(one)), _NONE)


def _work_of_file(url: str) -> Effort:
    found = data_url(url)
    if found is None or found.media_type != "image/svg+xml":
        return _NONE
    try:
        root = parsed(found.data)
    except BrokenSvg:
        return _NONE
    return _Efforts(root, elements(root)).total()


def _subjects(element: Element) -> Iterator[str]:
    yield "*"
    yield local_name(element.tag)
    if identifier := element.get("id"):
        yield f"#{identifier}"
    yield from (f".{one}" for one in (element.get("class") or "").split())


@dataclass(frozen=True, slots=True)
class _Rule:
    """Of a rule in a style sheet: what it may apply to, the fragments that it refers to, the work of its filters.

    `on_corners` if what it refers to is drawn on each corner of a path.
    """

    subjects: frozenset[str]
    targets: tuple[str, ...]
    filters: float
    on_corners: bool


def _rules(sheet: str) -> Iterator[_Rule]:
    """Give the rules of a style sheet that make work."""
    if _WORK.search(sheet):
        yield from _rules_of(read_css(tinycss2.parse_stylesheet, sheet, skip_comments=True, skip_whitespace=True))


def _rules_of(nodes: list[Node]) -> Iterator[_Rule]:
    for node in nodes:
        if node.type == "at-rule" and node.content:
            yield from _rules_of(tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True))
        elif node.type == "qualified-rule":
            declarations = tinycss2.serialize(node.content)
            rule = _Rule(
                subjects=_selected(node.prelude),
                targets=tuple(fragments(declarations)),
                filters=_declared_filters(declarations),
                on_corners="marker" in declarations,
            )
            if rule.targets or rule.filters:
                yield rule


def _selected(prelude: list[Node]) -> frozenset[str]:
    """Give the classes, identifiers and names in a selector, and everything if it selects by anything else."""
    found = set()
    after_dot = False
    for node in prelude:
        if node.type == "hash":
            found.add(f"#{node.value}")
        elif node.type == "ident":
            found.add(f".{node.value}" if after_dot else node.lower_value)
        elif node == "*" or node.type in ("[] block", "function"):
            found.add("*")
        after_dot = node == "."
    return frozenset(found or {"*"})

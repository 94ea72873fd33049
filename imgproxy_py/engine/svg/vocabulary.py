"""The names that sanitising goes by, in lower case and without namespaces."""

from __future__ import annotations

# fmt: off
ACTIVE_ELEMENTS = frozenset({
    "applet", "audio", "base", "embed", "form", "frame", "frameset", "handler", "iframe", "link", "listener",
    "meta", "object", "portal", "script", "video",
})
# fmt: on
"""They run, load, send or change what addresses mean, under whatever namespace: one pasted into HTML loses its own."""

# fmt: off
TEXT_ELEMENTS = frozenset({
    "a", "abbr", "article", "aside", "b", "bdi", "bdo", "blockquote", "body", "br", "caption", "center", "cite",
    "code", "col", "colgroup", "dd", "del", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "font",
    "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "i", "img", "ins", "kbd", "li", "main",
    "mark", "nav", "ol", "p", "pre", "q", "rp", "rt", "ruby", "s", "samp", "section", "small", "span", "strike",
    "strong", "style", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "tt", "u",
    "ul", "var", "wbr",
})
# fmt: on
"""What of XHTML stays: it lays text out, as within `foreignObject`, and does nothing else."""

# fmt: off
ANIMATIONS = frozenset({
    "animate", "animatecolor", "animatemotion", "animatetransform", "discard", "set",
})
# fmt: on
"""They write attributes while the picture is shown."""

ANIMATED_VALUES = ("to", "from", "by", "values")
"""Where an animation has what it writes."""

# fmt: off
LOADING_ATTRIBUTES = frozenset({
    "action", "archive", "classid", "codebase", "data", "dynsrc", "formaction", "imagesrcset", "longdesc",
    "lowsrc", "manifest", "ping", "srcdoc", "srcset", "usemap",
})
# fmt: on
"""Attributes of HTML that load, send, or say where to; SVG has none of them."""

# fmt: off
PICTURE_ATTRIBUTES = frozenset({
    "background", "poster", "src",
})
# fmt: on
"""Attributes of HTML that name a picture."""

# fmt: off
PLAIN_ATTRIBUTES = frozenset({
    "class", "d", "id", "name", "points",
})
# fmt: on
"""No reader takes these for CSS, and other elements may refer to what they say."""

XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
"""It makes fragments and relative links lead elsewhere."""

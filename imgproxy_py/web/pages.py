"""Pages for people who open the service in a browser. They load nothing: the policy of every answer forbids it."""

from __future__ import annotations

from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d9dfe7; --paper: #fbfcfd; --mark: #0a6c74 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #9aa6b5; --line: #303a47; --paper: #14191f; --mark: #5cc4cd }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.6 system-ui, sans-serif }
main { max-width: 46rem; margin: 0 auto; padding: 14vh 1.25rem 4rem }
h1 { margin: 0 0 .5rem; font-size: 2rem; line-height: 1.2; letter-spacing: -.01em; overflow-wrap: anywhere }
p { margin: 0 0 1rem }
.soft { color: var(--soft) }
.mark { color: var(--mark); font-weight: 600; letter-spacing: .02em }
pre { margin: 1.25rem 0; padding: 1rem 1.1rem; border: 1px solid var(--line); border-radius: .5rem;
  font: 14px/1.55 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{content}
</main>
</body>
</html>
"""

_LANDING = """<h1>imgproxy_py</h1>
<p>An image service is running here. It makes pictures from URLs such as</p>
<pre>/{signature}/rs:fit:400:300/plain/https://example.com/cat.jpg@webp</pre>
<p class="soft">There is nothing else to see on this page.</p>"""

_ERROR = """<p class="mark">{status}</p>
<h1>{title}</h1>
{details}
<p class="soft">Request {request_id}. Details are shown because development errors are on; clients in production see the first
two lines alone.</p>"""


def landing_page() -> str:
    """Give the front page (dialect §13.1)."""
    return _page("imgproxy_py", _LANDING)


def error_page(status: int, title: str, details: str, request_id: str) -> str:
    """Give the page of an error with all that is known of it, for development (dialect §13.2); every text is escaped."""
    content = _ERROR.format(
        status=status,
        title=escape(title),
        details=f"<pre>{escape(_printable(details))}</pre>" if details else "",
        request_id=escape(request_id),
    )
    return _page(escape(f"{status} {title}"), content)


def _page(title: str, content: str) -> str:
    return _PAGE.format(title=title, style=_STYLE, content=content)


def _printable(text: str) -> str:
    """Give a text that UTF-8 can hold: a path's odd bytes are shown as question marks."""
    return text.encode(errors="replace").decode()

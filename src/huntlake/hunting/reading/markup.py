"""The text of a page of HTML, as a reader would see it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from huntlake.core.errors import LimitExceeded
from huntlake.hunting.reading.documents import MOST_TEXT, Part, Report, ReportFormat

_UNSEEN = frozenset(
    "applet audio canvas datalist embed head iframe input link math meta noembed noframes noscript object script "
    "select source style svg template textarea title track video".split()
)
_LINES = frozenset(
    "address article aside blockquote body br caption center dd details dialog div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol optgroup option p pre section summary table "
    "tbody tfoot thead tr ul".split()
)
_CELLS = frozenset({"td", "th"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f\v\u00a0]+")
_DEEPEST = 2_000
_LONGEST_HEADING = 200


def page_of_html(text: str, name: str) -> Report:
    """What a page says; what it hides from its readers is left out, and that it does is remarked."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(text)
    page = _Page()
    page.read(tree.root)
    title = tree.css_first("title")
    remarks = (f"{page.hidden:,} hidden elements were not read",) if page.hidden else ()
    return Report(
        name, ReportFormat.HTML, page.text, title.text(strip=True) if title else "", tuple(page.parts), remarks
    )


class _Page:
    """The text of a page as it grows; blanks are written with what follows them."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.hidden = 0
        self._pieces: list[str] = []
        self._length = 0
        self._blank = ""
        self._headings: list[tuple[int, int]] = []

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def read(self, root: Any) -> None:
        """Everything below an element, without recursion: a stranger decides how deep it is."""
        waiting: list[tuple[int, Any, str]] = [(0, root, "")]
        while waiting:
            depth, node, closing = waiting.pop()
            if closing:
                self._close(closing)
                continue
            tag = node.tag
            if tag == "-text":
                self._write(node.text_content or "")
            elif tag and tag not in _UNSEEN and tag[0] not in "-_!":
                if depth > _DEEPEST:
                    raise LimitExceeded(f"its elements are more than {_DEEPEST:,} deep in each other")
                attributes = node.attributes
                if "hidden" in attributes or _HIDDEN.search(attributes.get("style") or ""):
                    self.hidden += 1
                    continue
                self._open(tag)
                waiting.append((depth, node, tag))
                waiting += reversed([(depth + 1, child, "") for child in _children(node)])

    def _open(self, tag: str) -> None:
        self._part(tag)
        if tag in _HEADINGS:
            self._headings.append((len(self._pieces), self._length))

    def _close(self, tag: str) -> None:
        if tag in _HEADINGS:
            first, start = self._headings.pop()
            written = "".join(self._pieces[first:])
            if heading := written.strip():
                at = start + len(written) - len(written.lstrip())
                self.parts.append(Part(at, heading[:_LONGEST_HEADING]))
        self._part(tag)

    def _part(self, tag: str) -> None:
        if tag in _LINES:
            self._blank = "\n"
        elif tag in _CELLS and self._blank != "\n":
            self._blank = "\t"

    def _write(self, said: str) -> None:
        words = _SPACES.sub(" ", said)
        if words[:1] == " ":
            self._blank = self._blank or " "
        if not (said := words.strip(" ")):
            return
        piece = (self._blank if self._length else "") + said
        self._pieces.append(piece)
        self._length += len(piece)
        self._blank = " " if words[-1] == " " else ""
        if self._length > MOST_TEXT:
            raise LimitExceeded(f"its text is longer than {MOST_TEXT:,} characters")


def _children(node: Any) -> Iterator[Any]:
    child = node.child
    while child is not None:
        yield child
        child = child.next

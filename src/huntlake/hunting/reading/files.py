"""Which format a file is of, and its text."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from pathlib import PurePath

from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.hunting.reading.apart import read_apart
from huntlake.hunting.reading.documents import LARGEST, MOST_TEXT, Part, Report, ReportFormat

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HTML = re.compile(r"\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body|article|div|h[1-6]|p)\b", re.IGNORECASE)
_DECLARED = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([A-Za-z0-9_-]{1,40})""", re.IGNORECASE)
_HEADING = re.compile(
    r"^ {0,3}#{1,6}[ \t](?P<text>[^\n]*)$|^(?P<under>[^\n#>|-][^\n]*)\n {0,3}(?:=+|-{2,})[ \t]*$", re.M
)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*$.*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_LONGEST_HEADING = 200


def read_report(data: bytes, name: str) -> Report:
    """A report out of the bytes of a file; `name` is how people know it, and its ending may tell what it is.

    HTML and PDF are read in a process of their own. Raises `Invalid` for what is none of the formats, and
    `LimitExceeded` for more than may be read.
    """
    if len(data) > LARGEST:
        raise LimitExceeded(f"{name} has {len(data):,} bytes, and {LARGEST:,} are read at most")
    if data[:1024].lstrip().startswith(b"%PDF-"):
        return read_apart(data, name, ReportFormat.PDF)
    text, remarks = _decoded(data, name)
    if not text.strip():
        raise Invalid(f"{name} holds no text")
    if len(text) > MOST_TEXT:
        raise LimitExceeded(f"{name} has {len(text):,} characters, and {MOST_TEXT:,} are read at most")
    ending = PurePath(name).suffix.lower()
    if ending in (".html", ".htm", ".xhtml") or (ending not in (".md", ".markdown", ".txt") and _HTML.match(text)):
        report = read_apart(text.encode(), name, ReportFormat.HTML)
        return Report(name, report.format, report.text, report.title, report.parts, (*remarks, *report.remarks))
    if ending in (".md", ".markdown"):
        parts = _headings(text)
        return Report(name, ReportFormat.MARKDOWN, text, parts[0].name if parts else "", parts, remarks)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return Report(name, ReportFormat.TEXT, text, first[:_LONGEST_HEADING], (), remarks)


def _decoded(data: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace"), ()
    if b"\x00" in data[:8192]:
        raise Invalid(f"{name} is no text, HTML or PDF: reading it as a report is not supported")
    try:
        return data.decode(), ()
    except UnicodeDecodeError:
        declared = _DECLARED.search(data[:2048])
        encoding = declared[1].decode() if declared else "cp1252"
        try:
            return data.decode(encoding, "replace"), (f"it is not UTF-8 and was read as {encoding}",)
        except LookupError:
            return data.decode("cp1252", "replace"), ("it is not UTF-8 and was read as cp1252",)


def _headings(text: str) -> tuple[Part, ...]:
    fences = [found.span() for found in _FENCE.finditer(text)]
    starts = [start for start, _ in fences]
    found = []
    for one in _HEADING.finditer(text):
        heading = (one["under"] or one["text"].rstrip().rstrip("#")).strip().strip("*_`")
        before = bisect_right(starts, one.start()) - 1
        if heading and (before < 0 or one.start() >= fences[before][1]):
            found.append(Part(one.start(), heading[:_LONGEST_HEADING]))
    return tuple(found)

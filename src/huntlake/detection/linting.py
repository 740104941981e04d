"""What is wrong with detection content, told without data: each finding has a code, a place, a reason and a remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huntlake.core.diagnostics import Source, SourceError, did_you_mean
from huntlake.core.errors import DomainError
from huntlake.detection.content import Content, ContentKind, read
from huntlake.detection.running import PLACEHOLDER, named_columns
from huntlake.workspace.query import Queries
from huntlake.workspace.workspaces import Workspace

MOST_PLACEHOLDERS = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `line` and `column` count from 1."""

    code: str
    path: Path
    line: int
    column: int
    reason: str
    help: str = ""

    def __str__(self) -> str:
        hint = f" ({self.help})" if self.help else ""
        return f"{self.path}:{self.line}:{self.column}: {self.code} {self.reason}{hint}"


def lint(queries: Queries, workspace: Workspace, path: Path) -> tuple[Finding, ...]:
    """What is wrong with the content of one file, over the tables of a workspace that has no rows.

    A column that only rows bring, as `bag_unpack` and `pivot` do, is missing there as it will be on a quiet day.
    """
    try:
        found = read(path)
    except SourceError as error:
        return tuple(
            Finding(d.code, path, *error.source.position(d.span.start), d.message, d.help) for d in error.diagnostics
        )
    return tuple(f for content in found for f in _content(queries, workspace, content))


def _content(queries: Queries, workspace: Workspace, content: Content) -> Iterator[Finding]:
    yield from _placeholders(content)
    if content.kind is ContentKind.FUNCTION:
        return
    try:
        tables = queries.run(workspace, content.query).tables
        for table in tables:
            for _ in table.json_rows():
                pass
    except SourceError as error:
        for d in error.diagnostics:
            # A place in a function that the query calls is none in this file.
            offset = d.span.start if error.source.text == content.query else 0
            yield Finding("LN101", content.path, *_placed(content, offset), f"{d.message} [{d.code}]", d.help)
        return
    except DomainError as error:
        yield Finding("LN102", content.path, *_placed(content, 0), f"the query fails without rows: {error}")
        return
    if content.described is not None and len(tables) == 1:
        known = [c.name for c in tables[0].columns]
        for name in dict.fromkeys(named_columns(content.described.rule)):
            if name not in known:
                reason = f"the result has no column `{name}`, which the rule names"
                yield Finding("LN103", content.path, *_named(content, name), reason, did_you_mean(name, known))


def _placeholders(content: Content) -> Iterator[Finding]:
    override = content.described.rule.alert_details_override if content.described else None
    formats = (override.alert_display_name_format, override.alert_description_format) if override else ()
    for format in formats:
        if not format:
            continue
        rest = PLACEHOLDER.sub("", format)
        if "{{" in rest or "}}" in rest:
            yield Finding("LN104", content.path, *_named(content, format), "a placeholder `{{…}}` isn't closed")
        if len(PLACEHOLDER.findall(format)) > MOST_PLACEHOLDERS:
            reason = f"a format names more than {MOST_PLACEHOLDERS} columns"
            yield Finding("LN105", content.path, *_named(content, format), reason)


def _placed(content: Content, offset: int) -> tuple[int, int]:
    """Where in the file a character of the query stands."""
    line, column = Source(content.query).position(offset)
    source, start = content.source, content.query_span.start
    if source.text == content.query:
        return line, column
    first, at = source.position(start)
    if source.text[start : start + 1] not in ("|", ">"):
        # Quotes and plain texts may be folded: their beginning is what is sure.
        return first, at
    head = source.line(first + line)
    return first + line, column + len(head) - len(head.lstrip()) - _indent(content.query, line)


def _indent(query: str, line: int) -> int:
    text = query.split("\n")[line - 1]
    return len(text) - len(text.lstrip())


def _named(content: Content, text: str) -> tuple[int, int]:
    """Where, beside the query, a name stands in the file."""
    span = content.query_span
    whole = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)")
    places = (m.start() for m in whole.finditer(content.source.text))
    found = next((p for p in places if not span.start <= p < span.end), span.start)
    return content.source.position(found)

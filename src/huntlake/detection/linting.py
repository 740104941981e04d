"""What is wrong with detection content, told without data: each finding has a code, a place, a reason and a remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from huntlake.core import findings
from huntlake.core.diagnostics import Source, SourceError, Span, did_you_mean
from huntlake.core.errors import DomainError
from huntlake.core.findings import Codes, Edit, Level
from huntlake.detection.attack import is_technique, successor
from huntlake.detection.content import Content, ContentKind, read
from huntlake.detection.query_remarks import Remark, remarks
from huntlake.detection.rules import RuleKind
from huntlake.detection.running import PLACEHOLDER, named_columns
from huntlake.workspace.query import DEFAULT, Queries, QueryOptions
from huntlake.workspace.workspaces import Workspace

MOST_PLACEHOLDERS = 3
_HALF_CLOSED = re.compile(r"\{\{\s*([^{}\s]+)\s*\}(?!\})")
_BOUNDED = (ContentKind.ANALYTIC_RULE, ContentKind.CUSTOM_DETECTION, ContentKind.EXPLORATION_QUERY)


CODES: Codes = {
    "LN101": (Level.ERROR, "The query can't be understood."),
    "LN102": (Level.ERROR, "The query fails where there are no rows."),
    "LN103": (Level.ERROR, "The rule names a column that the result lacks."),
    "LN104": (Level.ERROR, "A placeholder isn't closed."),
    "LN105": (Level.ERROR, "A format names too many columns."),
    "LN106": (Level.WARNING, "A wildcard is taken for a letter."),
    "LN107": (Level.WARNING, "`in` looks at the first of several columns."),
    "LN108": (Level.WARNING, "Nothing bounds the time of the rows."),
    "LN109": (Level.WARNING, "The query looks back further than it is shown."),
    "LN110": (Level.WARNING, "The query looks back less far than its runs lie apart."),
    "LN111": (Level.NOTE, "Rows are joined whenever they happened."),
    "LN112": (Level.NOTE, "`contains` stands where `has` may do."),
    "LN113": (Level.NOTE, "A regex repeats a repetition."),
    "LN114": (Level.WARNING, "A technique was revoked."),
    "LN115": (Level.WARNING, "There is no such technique."),
    "LN116": (Level.NOTE, "The file asks for something that isn't done."),
}
"""The codes of this floor; those of files (`RF…`) and of Sigma (`SG…`) are errors."""


class Finding(findings.Finding):
    """One thing that is wrong with detection content."""

    __slots__ = ()
    codes = CODES


def lint(queries: Queries, workspace: Workspace, path: Path, text: str | None = None) -> tuple[Finding, ...]:
    """What is wrong with the content of one file, over the tables of a workspace that has no rows.

    A column that only rows bring, as `bag_unpack` and `pivot` do, is missing there as it will be on a quiet day. `text`
    takes the place of what the file holds.
    """
    try:
        found = read(path, text)
    except SourceError as error:
        return tuple(
            Finding(d.code, path, *error.source.position(d.span.start), d.message, d.help) for d in error.diagnostics
        )
    return tuple(f for content in found for f in content_findings(queries, workspace, content))


def fixed(queries: Queries, workspace: Workspace, path: Path) -> tuple[str, tuple[Finding, ...]]:
    """The text of a file with every remedy applied that leaves its queries with the columns they had, and the findings
    that are gone by that. A remedy that doesn't is left out.
    """
    findings = [f for f in lint(queries, workspace, path) if f.edit is not None]
    try:
        text = next((c.source.text for c in read(path)), "")
    except SourceError:
        return "", ()
    before = _columns(queries, workspace, path, text)
    applied: list[Finding] = []
    # From the end to the beginning, so that places before stay what they were.
    for finding in sorted(findings, key=lambda f: f.edit.start if f.edit else 0, reverse=True):
        edit = finding.edit
        if edit is None or any(edit.end > a.edit.start for a in applied if a.edit):
            continue
        candidate = text[: edit.start] + edit.text + text[edit.end :]
        if _columns(queries, workspace, path, candidate) == before:
            text = candidate
            applied.append(finding)
    return text, tuple(reversed(applied))


def _columns(queries: Queries, workspace: Workspace, path: Path, text: str) -> list[object] | None:
    """The columns of each query of a file; None where one can't be understood."""
    try:
        return [
            [[(c.name, c.type) for c in t.columns] for t in queries.run(workspace, content.query).tables]
            if content.kind is not ContentKind.FUNCTION
            else content.query
            for content in read(path, text)
        ]
    except (SourceError, DomainError):
        return None


def content_findings(
    queries: Queries, workspace: Workspace, content: Content, options: QueryOptions = DEFAULT, *, runs: bool = True
) -> Iterator[Finding]:
    """What is wrong with a piece of content that could be read; of a workspace that has rows `options` show none.

    Without `runs` its query is understood, and no more.
    """
    yield from _placeholders(content)
    yield from _techniques(content)
    for note in content.described.notes if content.described else ():
        yield Finding("LN116", content.path, *_placed(content, 0), note)
    if content.kind is ContentKind.FUNCTION:
        return
    try:
        tables = queries.run(workspace, content.query, options).tables
        for table in tables if runs else ():
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
                yield _missing(content, name, known)
    if content.kind is not ContentKind.SIGMA_RULE:
        yield from (_remarked(content, r) for r in _remarks(content))


def _missing(content: Content, name: str, known: list[str]) -> Finding:
    at = _offset_beside(content, name)
    meant = next((k for k in known if k.lower() == name.lower()), None)
    edit = Edit(at, at + len(name), meant) if meant and content.source.text[at : at + len(name)] == name else None
    reason = f"the result has no column `{name}`, which the rule names"
    place = content.source.position(at)
    return Finding("LN103", content.path, *place, reason, did_you_mean(name, known), edit)


def _remarks(content: Content) -> Iterator[Remark]:
    from huntlake.kql.compiler import parse

    rule = content.described.rule if content.described else None
    is_scheduled = rule is not None and rule.kind is RuleKind.SCHEDULED
    try:
        query = parse(content.query)
    except SourceError:
        # What the engine has understood by other means, such as words to search for.
        return
    yield from remarks(
        query,
        content.query,
        period=rule.query_period if rule and is_scheduled else None,
        frequency=rule.query_frequency if rule and is_scheduled else None,
        is_bounded=content.kind in _BOUNDED,
    )


def _remarked(content: Content, remark: Remark) -> Finding:
    span = remark.span
    edit = None
    if remark.edit is not None and (start := _offset(content, span)) is not None:
        edit = Edit(start, start + span.end - span.start, remark.edit)
    return Finding(remark.code, content.path, *_placed(content, span.start), remark.reason, remark.help, edit)


def _placeholders(content: Content) -> Iterator[Finding]:
    override = content.described.rule.alert_details_override if content.described else None
    formats = (override.alert_display_name_format, override.alert_description_format) if override else ()
    for format in formats:
        if not format:
            continue
        at = _offset_beside(content, format)
        place = content.source.position(at)
        rest = PLACEHOLDER.sub("", format)
        if "{{" in rest or "}}" in rest:
            whole = _HALF_CLOSED.sub(r"{{\1}}", format)
            is_there = content.source.text[at : at + len(format)] == format
            edit = Edit(at, at + len(format), whole) if whole != format and is_there else None
            yield Finding("LN104", content.path, *place, "a placeholder `{{…}}` isn't closed", "", edit)
        if len(PLACEHOLDER.findall(format)) > MOST_PLACEHOLDERS:
            reason = f"a format names more than {MOST_PLACEHOLDERS} columns"
            yield Finding("LN105", content.path, *place, reason)


def _techniques(content: Content) -> Iterator[Finding]:
    if content.described is None:
        return
    rule = content.described.rule
    for name in (*rule.techniques, *rule.sub_techniques):
        if is_technique(name):
            continue
        # A technique of which the file only names a part stands there as the beginning of that.
        if "." not in name and any(s.startswith(name) for s in rule.sub_techniques):
            continue
        at = _offset_beside(content, name)
        place = content.source.position(at)
        if after := successor(name):
            is_there = content.source.text[at : at + len(name)] == name
            edit = Edit(at, at + len(name), after) if is_there else None
            yield Finding(
                "LN114", content.path, *place, f"the technique {name} was revoked", f"it is {after} now", edit
            )
        else:
            yield Finding("LN115", content.path, *place, f"ATT&CK has no technique {name}")


def _placed(content: Content, offset: int) -> tuple[int, int]:
    """Where in the file a character of the query stands."""
    line, column = Source(content.query).position(offset)
    source, start = content.source, content.query_span.start
    if source.text.startswith(content.query, start):
        return source.position(start + offset)
    first, at = source.position(start)
    if content.kind is ContentKind.SIGMA_RULE or source.text[start : start + 1] not in ("|", ">"):
        # Quotes and plain texts may be folded: their beginning is what is sure.
        return first, at
    head = source.line(first + line)
    return first + line, column + len(head) - len(head.lstrip()) - _indent(content.query, line)


def place_in_query(content: Content, line: int, column: int) -> tuple[int, int] | None:
    """The line and column of the query that stand at a place of the file; None where none does, or nobody knows."""
    source, span = content.source, content.query_span
    if source.text.startswith(content.query, span.start):
        begin = source.offset(line, column)
        inside = span.start <= begin <= span.end
        return Source(content.query).position(begin - span.start) if inside else None
    first, _ = source.position(span.start)
    lines = content.query.count("\n") + 1
    if source.text[span.start : span.start + 1] != "|" or not first < line <= first + lines:
        return None
    head = source.line(line)
    return line - first, max(1, column - len(head) + len(head.lstrip()) + _indent(content.query, line - first))


def _offset(content: Content, span: Span) -> int | None:
    """Where in the file's text a piece of the query begins, if it stands there letter by letter."""
    text, query = content.source.text, content.query
    piece = query[span.start : span.end]
    if text == query:
        return span.start
    begin = content.source.offset(*_placed(content, span.start))
    if text[begin : begin + len(piece)] == piece and content.query_span.start <= begin < content.query_span.end:
        return begin
    whole = text.find(query, content.query_span.start, content.query_span.end)
    return whole + span.start if whole >= 0 else None


def _indent(query: str, line: int) -> int:
    text = Source(query).line(line)
    return len(text) - len(text.lstrip())


def _offset_beside(content: Content, text: str) -> int:
    """Where, beside the query, a name stands in the file; where the query begins if it doesn't."""
    span = content.query_span
    whole = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)", re.IGNORECASE if text.startswith("T") else 0)
    places = (m.start() for m in whole.finditer(content.source.text))
    return next((p for p in places if not span.start <= p < span.end), span.start)

"""Kusto's REST API: Azure Data Explorer, the Sentinel data lake, another huntlake."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from huntlake.core.errors import Cancelled, DomainError, Invalid, LimitExceeded, TimedOut, Unavailable
from huntlake.kql.syntax.commands import quoted_name, quoted_text
from huntlake.kql.types import Column
from huntlake.workspace.remote.asking import Asked, Given
from huntlake.workspace.remote.signed import SignedIn
from huntlake.workspace.remote.transport import Call
from huntlake.workspace.remote.values import column, rows_of

_SLACK = timedelta(seconds=15)
"""The endpoint says itself that time is up: it is listened to for a little longer."""
_LIMITS = ("80DA0", "E_QUERY_RESULT_SET_TOO_LARGE", "LimitsExceeded")


@dataclass(frozen=True)
class KustoEndpoint:
    """A database of a cluster. Where only `entities` can be listed, the schema is read from these."""

    api: SignedIn
    database: str
    entities: bool = False

    def ask(self, asked: Asked) -> tuple[Given, ...]:
        id = f"huntlake;{uuid.uuid4()}"
        body = {"db": self.database, "csl": asked.text, "properties": _properties(asked)}
        call = Call(
            "POST",
            f"{self.api.url}/v2/rest/query",
            headers={"x-ms-client-request-id": id, "x-ms-app": "huntlake", "x-ms-readonly": "true"},
            json=body,
            timeout=asked.timeout + _SLACK,
            cancellation=asked.cancellation,
        )
        try:
            return answered(self.api.call(call).json())
        except (Cancelled, TimedOut):
            self._end(id)
            raise

    def tables(self) -> dict[str, tuple[Column, ...]]:
        return self._entities() if self.entities else self._schema()

    def _schema(self) -> dict[str, tuple[Column, ...]]:
        (rows,) = self._command(f".show database {quoted_name(self.database)} schema as json")
        found: dict[str, tuple[Column, ...]] = {}
        for database in orjson.loads(rows["DatabaseSchema"])["Databases"].values():
            for name, table in (database.get("Tables") or {}).items():
                listed = table.get("OrderedColumns") or ()
                found[name] = tuple(column(c["Name"], c.get("CslType") or c["Type"]) for c in listed)
        return found

    def _entities(self) -> dict[str, tuple[Column, ...]]:
        found: dict[str, tuple[Column, ...]] = {}
        for row in self._command(".show databases entities"):
            if row["EntityType"] == "Table" and row["DatabaseName"] == self.database:
                schema = row.get("CslOutputSchema") or row.get("CslInputSchema") or ""
                found[row["EntityName"]] = tuple(_declared(schema))
        return found

    def _command(self, text: str, timeout: timedelta = timedelta(minutes=1)) -> list[dict[str, Any]]:
        body = {"db": self.database, "csl": text, "properties": {"Options": {}}}
        call = Call("POST", f"{self.api.url}/v1/rest/mgmt", json=body, timeout=timeout)
        try:
            table = self.api.call(call).json()["Tables"][0]
            names = [c["ColumnName"] for c in table["Columns"]]
            return [dict(zip(names, row, strict=True)) for row in table["Rows"]]
        except (KeyError, IndexError, TypeError, ValueError):
            raise Unavailable(f"{self.api.url} answers a command in a form that nobody knows") from None

    def _end(self, id: str) -> None:
        # Whoever waited is gone: that this fails is of no use to anyone.
        with suppress(DomainError):
            self._command(f".cancel query {quoted_text(id)}", timedelta(seconds=5))


def answered(frames: Any) -> tuple[Given, ...]:
    """The tables of an answer in frames. What is wrong with it is an error, or a reason why rows are missing."""
    if not isinstance(frames, list):
        raise Unavailable("the endpoint answers a query in a form that nobody knows")
    primary, drawn = [], dict[object, Mapping[str, object]]()
    problems: list[str] = []
    complete = False
    for frame in frames:
        match frame.get("FrameType"):
            case "DataTable":
                match frame.get("TableKind"):
                    case "PrimaryResult":
                        primary.append(frame)
                    case "QueryProperties":
                        drawn |= _visualizations(frame)
                    case "QueryCompletionInformation":
                        problems += _reported(frame)
            case "DataSetCompletion":
                complete = True
                if frame.get("HasErrors") or frame.get("Cancelled"):
                    problems += _told(frame.get("OneApiErrors")) or ["the query ended with errors"]
            case "TableHeader" | "TableFragment":
                raise Invalid("an answer in progressive frames is not supported")
    if not complete:
        raise Unavailable("the answer of the endpoint breaks off")
    tables = []
    for frame in primary:
        # An error stands where a row would.
        problems += [m for row in frame["Rows"] if isinstance(row, dict) for m in _told(row.get("OneApiErrors"))]
        columns = tuple(column(c["ColumnName"], c.get("ColumnType") or c.get("DataType")) for c in frame["Columns"])
        rows = rows_of(columns, [row for row in frame["Rows"] if not isinstance(row, dict)])
        id = frame.get("TableId")
        tables.append((str(frame.get("TableName") or "PrimaryResult"), columns, rows, drawn.get(id)))
    cut = None
    if problems:
        if not all(any(mark in p for mark in _LIMITS) for p in problems):
            raise Invalid(f"the remote workspace answers only in part: {problems[0]}")
        cut = LimitExceeded(problems[0])
    return tuple(Given(*table, cut=cut) for table in tables)


def _properties(asked: Asked) -> dict[str, Any]:
    options: dict[str, Any] = {"servertimeout": _span(asked.timeout), "request_readonly": True}
    if asked.max_rows is None and asked.max_bytes is None:
        options["notruncation"] = True
    if asked.max_rows is not None:
        options["truncationmaxrecords"] = asked.max_rows
    if asked.max_bytes is not None:
        options["truncationmaxsize"] = asked.max_bytes
    if asked.take is not None:
        options["query_take_max_records"] = asked.take
    if asked.now is not None:
        options["query_now"] = instant(asked.now)
    if asked.since is not None or asked.until is not None:
        if not asked.time_column:
            raise Invalid("a bound on time without a column is not supported by a remote workspace")
        options["query_datetimescope_column"] = asked.time_column
        if asked.since is not None:
            options["query_datetimescope_from"] = instant(asked.since)
        if asked.until is not None:
            options["query_datetimescope_to"] = instant(asked.until)
    return {"Options": options, "Parameters": {name: _parameter(v) for name, v in asked.parameters.items()}}


def instant(at: datetime) -> str:
    """A moment as these APIs read it."""
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _span(span: timedelta) -> str:
    # A whole number of seconds, of which an hour is the most that Kusto takes.
    seconds = max(1, min(3600, int(span.total_seconds())))
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _parameter(value: object) -> object:
    match value:
        case bool():
            return str(value).lower()
        case int() | str():
            return value
        case float():
            return f"real({value!r})"
        case datetime():
            return f"datetime({instant(value)})"
        case timedelta():
            return (
                f"time({value.days}.{value.seconds // 3600:02}:{value.seconds // 60 % 60:02}:{value.seconds % 60:02})"
            )
        case dict() | list():
            return f"dynamic({orjson.dumps(value).decode()})"
    raise Invalid(f"a parameter that is a {type(value).__name__} is not supported by a remote workspace")


def _visualizations(frame: Mapping[str, Any]) -> dict[object, Mapping[str, object]]:
    found: dict[object, Mapping[str, object]] = {}
    for row in frame["Rows"]:
        if isinstance(row, list) and len(row) == 3 and row[1] == "Visualization":
            said = row[2] if isinstance(row[2], dict) else orjson.loads(row[2] or "{}")
            if isinstance(said, dict) and said.get("Visualization"):
                found[row[0]] = said
    return found


def _reported(frame: Mapping[str, Any]) -> list[str]:
    names = [c["ColumnName"] for c in frame["Columns"]]
    rows = [dict(zip(names, row, strict=False)) for row in frame["Rows"] if isinstance(row, list)]
    # Of the levels those below 4 are errors.
    wrong = [r for r in rows if isinstance(r.get("Level"), int) and r["Level"] < 4]
    return [f"{r.get('StatusCodeName') or ''} {_text_of(r.get('Payload'))}".strip() for r in wrong]


def _text_of(payload: object) -> str:
    try:
        said = orjson.loads(str(payload))
    except orjson.JSONDecodeError:
        return str(payload or "")
    return str(said.get("Text") or payload) if isinstance(said, dict) else str(payload)


def _told(errors: object) -> list[str]:
    found = []
    for one in errors if isinstance(errors, list) else ():
        error = one.get("error", {}) if isinstance(one, dict) else {}
        code, told = error.get("code", ""), error.get("@message") or error.get("message") or "the query failed"
        found.append(str(told) if code in str(told) else f"{code}: {told}")
    return found


def _declared(schema: str) -> Iterable[Column]:
    """The columns of `a:long,['b c']:string`."""
    from huntlake.core.diagnostics import Source
    from huntlake.kql.syntax.lexer import tokenize
    from huntlake.kql.syntax.tokens import TokenKind

    names: list[str] = []
    for token in tokenize(Source(schema)):
        match token.kind:
            case TokenKind.NAME if len(names) == 0 or names[-1] == ":":
                names.append(token.text)
            case TokenKind.STRING:
                names.append(str(token.value))
            case TokenKind.PUNCTUATION if token.text == ":":
                names.append(":")
            case TokenKind.PUNCTUATION if token.text == "," and len(names) == 3:
                yield column(names[0], names[2])
                names = []
    if len(names) == 3:
        yield column(names[0], names[2])

"""What a client asks of Log Analytics: a query, a span of time, further workspaces, and the form of the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from huntlake.core.errors import Invalid

DEFAULT_WAIT, MOST_WAIT = timedelta(seconds=180), timedelta(seconds=600)
MOST_WORKSPACES, MOST_IN_BATCH = 100, 100
_SCOPE = "query_datetimescope_"
_KNOWN = {"query", "timespan", "workspaces", *(_SCOPE + part for part in ("column", "from", "to"))}


@dataclass(frozen=True)
class Preferences:
    """What the `Prefer` header asks for. `kusto_form` is the answer of Kusto's v1 endpoint."""

    wait: timedelta = DEFAULT_WAIT
    statistics: bool = False
    render: bool = False
    data_sources: bool = False
    kusto_form: bool = False


@dataclass(frozen=True)
class LogsRequest:
    """One query. Of every table, rows are read whose `time_column` lies between `since` and `until`, both included."""

    text: str
    since: datetime | None = None
    until: datetime | None = None
    time_column: str = "TimeGenerated"
    workspaces: tuple[str, ...] = ()
    """Further workspaces: names, ids, or resource ids."""
    preferences: Preferences = Preferences()


@dataclass(frozen=True)
class Member:
    """One request of a batch, which is answered on its own; `wrong` is what keeps it from being run."""

    id: str
    workspace: str
    asked: LogsRequest | None
    wrong: Invalid | None = None


def parse_body(body: bytes, prefer: str, now: datetime) -> LogsRequest:
    """The request in a JSON body."""
    return parse_request(_json(body), prefer, now)


def parse_query(query: Mapping[str, str], prefer: str, now: datetime) -> LogsRequest:
    """The request in a query string, where workspaces stand in one text with commas."""
    given: dict[str, Any] = dict(query)
    if "workspaces" in given:
        given["workspaces"] = [w for w in given["workspaces"].split(",") if w.strip()]
    return parse_request(given, prefer, now)


def parse_request(given: object, prefer: str, now: datetime) -> LogsRequest:
    """The request in a JSON object; `Invalid` names what is wrong, and what is not supported."""
    if not isinstance(given, dict):
        raise Invalid('the body is not a JSON object; it looks like {"query": "T | take 10", "timespan": "P1D"}')
    text = given.get("query")
    if not isinstance(text, str) or not text.strip():
        raise Invalid("the body has no `query`")
    if strange := [name for name, value in given.items() if name not in _KNOWN and value is not None]:
        raise Invalid(f"the property `{str(strange[0])[:100]}` is not supported")
    asked = LogsRequest(text, preferences=parse_prefer(prefer), workspaces=_names(given.get("workspaces")))
    if (span := given.get("timespan")) not in (None, ""):
        since, until = parse_timespan(span, now)
        asked = replace(asked, since=since, until=until)
    if any(given.get(_SCOPE + part) for part in ("column", "from", "to")):
        if asked.since or asked.until:
            raise Invalid(f"`timespan` beside `{_SCOPE}…` is not supported")
        column = given.get(_SCOPE + "column") or asked.time_column
        ends = (_instant(t) if (t := given.get(_SCOPE + part)) else None for part in ("from", "to"))
        since, until = ends
        asked = replace(asked, time_column=str(column), since=since, until=until)
    return asked


def parse_batch(body: bytes, now: datetime) -> list[Member]:
    """The requests of a batch. One that can't be understood doesn't keep the others from being run."""
    given = _json(body)
    requests = given.get("requests") if isinstance(given, dict) else None
    if not isinstance(requests, list) or not all(isinstance(r, dict) for r in requests):
        raise Invalid('the body of a batch looks like {"requests": [{"id": "1", "workspace": "…", "body": {…}}]}')
    if len(requests) > MOST_IN_BATCH:
        raise Invalid(f"a batch has at most {MOST_IN_BATCH} requests")
    ids = [r.get("id") for r in requests]
    if not all(isinstance(id, str) and id for id in ids) or len(set(ids)) < len(ids):
        raise Invalid("every request of a batch has an `id` of its own, a text")
    return [_member(r, now) for r in requests]


def _member(given: Mapping[str, Any], now: datetime) -> Member:
    id, workspace = given["id"], given.get("workspace")
    try:
        headers = given.get("headers") or {}
        if not isinstance(workspace, str) or not isinstance(headers, dict):
            raise Invalid("a request of a batch has a `workspace`, and its `headers` are an object")
        path, method = str(given.get("path") or "/query"), str(given.get("method") or "POST")
        if path != "/query" or method.upper() not in ("POST", "GET"):
            raise Invalid(f"`{method[:10]} {path[:100]}` in a batch is not supported: a request is a query")
        prefer = next((str(v) for name, v in headers.items() if str(name).lower() == "prefer"), "")
        return Member(id, workspace, parse_request(given.get("body"), prefer, now))
    except Invalid as error:
        return Member(id, "", None, error)


def parse_prefer(header: str) -> Preferences:
    """The `Prefer` header, which may be there and empty. Preferences that nobody knows are passed over (RFC 7240)."""
    said = {}
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        said[name.strip().lower()] = value.strip().strip('"').lower()
    wait = DEFAULT_WAIT
    if "wait" in said:
        if not re.fullmatch(r"[0-9]{1,6}", said["wait"]) or int(said["wait"]) == 0:
            raise Invalid(f"`wait` in the Prefer header is a number of seconds, not `{said['wait'][:20]}`")
        wait = min(timedelta(seconds=int(said["wait"])), MOST_WAIT)
    return Preferences(
        wait,
        statistics=said.get("include-statistics") == "true",
        render=said.get("include-render") == "true",
        data_sources=said.get("include-datasources") == "true",
        kusto_form=said.get("ai.response-thinning") == "false",
    )


def parse_timespan(value: object, now: datetime) -> tuple[datetime | None, datetime | None]:
    """The two ends of an ISO 8601 interval: `P1D` (until now), `start/end`, `start/PT2H`, `PT2H/end`."""
    if not isinstance(value, str):
        raise Invalid("`timespan` is a text, such as `P1D` or `2026-01-01T00:00:00Z/PT12H`")
    first, slash, second = (part.strip() for part in value.partition("/"))
    length, other = parse_duration(first), parse_duration(second)
    try:
        if not slash:
            return (now - length, now) if length is not None else (_instant(first), now)
        if length is not None and other is None:
            until = _instant(second)
            return until - length, until
        since = _instant(first)
        until = since + other if other is not None else _instant(second)
    except OverflowError:
        raise Invalid(f"`timespan` reaches beyond the years that there are: `{value[:100]}`") from None
    if until < since:
        raise Invalid(f"`timespan` ends before it begins: `{value[:100]}`")
    return since, until


_PART = r"(?:(\d{{1,9}}(?:[.,]\d{{1,9}})?){0})?"
_DURATION = re.compile(
    "P" + "".join(_PART.format(u) for u in "YMWD") + "(?:T" + "".join(_PART.format(u) for u in "HMS") + ")?", re.ASCII
)
# As .NET counts them, where the service takes years and months at all.
_LENGTHS = (
    *(timedelta(days=365), timedelta(days=30), timedelta(weeks=1), timedelta(days=1)),
    *(timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)),
)


def parse_duration(text: str) -> timedelta | None:
    """An ISO 8601 duration, such as `PT1H30M` or `PT43200.0S`; None where it is none."""
    found = _DURATION.fullmatch(text)
    if found is None or text.endswith(("P", "T")):
        return None
    parts = zip(found.groups(), _LENGTHS, strict=True)
    try:
        return sum((float(n.replace(",", ".")) * unit for n, unit in parts if n), timedelta(0))
    except OverflowError:
        raise Invalid(f"the duration `{text[:100]}` is too long") from None


def _instant(value: object) -> datetime:
    try:
        at = datetime.fromisoformat(str(value).strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"`{str(value)[:100]}` is no moment in time; write `2026-01-31T12:00:00Z`") from None


def _names(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(w, str) for w in value):
        raise Invalid("`workspaces` is an array of names or ids")
    if len(value) > MOST_WORKSPACES:
        raise Invalid(f"a query reaches at most {MOST_WORKSPACES} workspaces")
    return tuple(value)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise Invalid(f"the body is not JSON: {error}") from None

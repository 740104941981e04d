"""One run of a rule: its query over a window of time, and the alerts that its rows are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import orjson

from huntlake.core.diagnostics import Source
from huntlake.core.errors import Invalid
from huntlake.detection.alerts import Alert
from huntlake.detection.entities import Entity
from huntlake.detection.extraction import from_alerts, mapped, merged, text_of
from huntlake.detection.rules import Aggregation, AnalyticRule, DetailsOverride, RuleKind, TriggerOperator
from huntlake.detection.severity import Severity, Tactic
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb.database import Confined
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.tokens import TokenKind
from huntlake.kql.types import ScalarType
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.workspaces import Workspace

TIME = "TimeGenerated"
NRT_WINDOW = timedelta(minutes=1)
LATEST = timedelta(days=2)
"""How late a row may come and still be seen by a rule of the kind `NRT`."""
MOST_ALERTS, MOST_ENTITIES = 150, 500
LONGEST_NAME, LONGEST_DESCRIPTION, LARGEST_DETAILS = 256, 5000, 4096
"""What Sentinel keeps of one run: alerts, of one alert entities, letters of its texts, and bytes of its details."""

PLACEHOLDER = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_ALERTS = UUID("8d1a4d5c-16f7-45b0-8b6e-1de2b1f8a4c3")
_DETAILS = "Custom Details"
_UNTIL = "Query End Time UTC"
_MICROSECOND = timedelta(microseconds=1)
_SORTING = frozenset({"sort", "order", "top", "serialize"})
_UNSORTING = frozenset({"summarize", "join", "union", "distinct", "lookup", "make", "facet", "partition"})
_WORDS = {
    TriggerOperator.GREATER_THAN: "Greater Than",
    TriggerOperator.LESS_THAN: "Less Than",
    TriggerOperator.EQUAL: "Equal",
    TriggerOperator.NOT_EQUAL: "Not Equal",
}


@dataclass(frozen=True, slots=True)
class Window:
    """The rows that a run looks at: `since <= TimeGenerated < until`."""

    since: datetime
    until: datetime

    @classmethod
    def ending(cls, rule: AnalyticRule, until: datetime) -> Window:
        """The window of a rule's run at that time."""
        if rule.kind is RuleKind.NRT:
            return cls(until - NRT_WINDOW, until)
        if rule.query_period is None:
            raise Invalid("a scheduled rule has a `queryPeriod`")
        try:
            return cls(until - rule.query_period, until)
        except OverflowError:
            raise Invalid("the `queryPeriod` begins before the calendar does") from None


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert, and its name: the same for the same rule, window and rows."""

    name: str
    alert: Alert


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of a rule found. `notes` say what of it couldn't be kept, or couldn't be told."""

    window: Window
    rows: int
    triggered: bool
    alerts: tuple[Raised, ...] = ()
    notes: tuple[str, ...] = ()


def run(
    queries: Queries,
    workspace: Workspace,
    name: str,
    rule: AnalyticRule,
    window: Window,
    *,
    timeout: timedelta | None = None,
    cancellation: Cancellation | None = None,
    live: bool = False,
) -> Run:
    """Run the rule of that name once; nothing is kept. A `live` run of a rule of the kind `NRT` looks at what came in.

    `now()` is the end of the window. Raises `SourceError` for a query that the workspace doesn't understand, and
    `LimitExceeded` where the rows are too many to be read: a run sees all of them or fails.
    """
    rows, columns = answered(queries, workspace, rule, window, timeout=timeout, cancellation=cancellation, live=live)
    return judged(name, rule, window, rows, columns)


def answered(
    queries: Queries,
    workspace: Workspace,
    rule: AnalyticRule,
    window: Window,
    *,
    timeout: timedelta | None = None,
    cancellation: Cancellation | None = None,
    live: bool = False,
    within: Confined | None = None,
    most_bytes: int | None = None,
) -> tuple[list[dict[str, Any]], dict[str, ScalarType]]:
    """The rows of a rule's query in one window, all of them, and their columns. Raises as `run` does."""
    options = QueryOptions(
        max_bytes=most_bytes, now=window.until, time_column=TIME, since=window.since, until=window.until - _MICROSECOND
    )
    if live and rule.kind is RuleKind.NRT:
        # History was loaded at one moment: only of what comes now does the time of its coming say something.
        options = replace(options, late=LATEST)
    if timeout is not None:
        options = replace(options, timeout=timeout)
    tables = queries.run(workspace, rule.query, options, cancellation, within=within).tables
    if len(tables) != 1:
        raise Invalid(f"a rule's query answers with one table, not with {len(tables)}")
    table = tables[0]
    rows = orjson.loads(b"[" + b",".join(table.json_objects()) + b"]")
    if table.truncated_by is not None:
        raise table.truncated_by
    return rows, {c.name: c.type for c in table.columns}


def judged(
    name: str, rule: AnalyticRule, window: Window, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, ScalarType]
) -> Run:
    """What rows of the rule's query mean: whether they trigger it, and which alerts they are."""
    if not triggers(rule, len(rows)):
        return Run(window, len(rows), triggered=False)
    notes = [f"the result has no column `{c}`, which the rule names" for c in missing_columns(rule, columns)]
    # An engine with threads gives rows in any order: alerts must not depend on it.
    keyed = sorted(((_canonical(row), row) for row in rows), key=lambda pair: pair[0])
    ordered = [row for _, row in keyed]
    raising = _Raising(name, rule, window, columns, len(rows), notes)
    grouping = rule.event_grouping_settings
    if grouping is None or grouping.aggregation_kind is Aggregation.SINGLE_ALERT or not rows:
        head = rows[0] if rows and is_sorted(rule.query) else ordered[0] if ordered else {}
        alerts = [raising.alert("all", head, ordered)]
    else:
        alone = ordered if len(ordered) <= MOST_ALERTS else ordered[: MOST_ALERTS - 1]
        seen: dict[str, int] = {}
        alerts = []
        for (key, _), row in zip(keyed, alone, strict=False):
            seen[key] = seen.get(key, 0) + 1
            alerts.append(raising.alert(f"row {seen[key]} {key}", row, [row]))
        if len(alone) < len(ordered):
            alerts.append(raising.alert("all", ordered[0], ordered))
            notes.append(f"of {len(ordered)} rows {len(alone)} have alerts of their own, and one alert is about all")
    return Run(window, len(rows), triggered=True, alerts=tuple(alerts), notes=tuple(dict.fromkeys(notes)))


def triggers(rule: AnalyticRule, rows: int) -> bool:
    """Whether so many rows raise alerts."""
    operator, threshold = rule.trigger_operator, rule.trigger_threshold
    if rule.kind is RuleKind.NRT or operator is None or threshold is None:
        return rows > 0
    match operator:
        case TriggerOperator.GREATER_THAN:
            return rows > threshold
        case TriggerOperator.LESS_THAN:
            return rows < threshold
        case TriggerOperator.EQUAL:
            return rows == threshold
        case TriggerOperator.NOT_EQUAL:
            return rows != threshold


def missing_columns(rule: AnalyticRule, columns: Iterable[str]) -> tuple[str, ...]:
    """The columns that the rule names and its result lacks; names are case-sensitive."""
    known = set(columns)
    return tuple(dict.fromkeys(c for c in named_columns(rule) if c not in known))


def named_columns(rule: AnalyticRule) -> tuple[str, ...]:
    """The columns of the result that a rule names: in entities, details and overrides."""
    named = [m.column_name for e in rule.entity_mappings for m in e.field_mappings]
    named += [m.column_name for m in rule.sentinel_entities_mappings]
    named += rule.custom_details.values()
    if (override := rule.alert_details_override) is not None:
        formats = (override.alert_display_name_format, override.alert_description_format)
        named += [c for f in formats if f for c in PLACEHOLDER.findall(f)]
        named += [c for c in (override.alert_tactics_column_name, override.alert_severity_column_name) if c]
        named += [p.value for p in override.alert_dynamic_properties]
    return tuple(named)


def is_sorted(query: str) -> bool:
    """Whether the query itself says in which order its rows come."""
    depth, ordered, piped = 0, False, False
    for token in tokenize(Source(query)):
        if token.text in ("(", "[", "{") and token.kind is not TokenKind.STRING:
            depth += 1
        elif token.text in (")", "]", "}") and token.kind is not TokenKind.STRING:
            depth -= 1
        elif depth == 0 and token.text == ";":
            ordered = False
        elif depth == 0 and piped and token.text in _SORTING:
            ordered = True
        elif depth == 0 and piped and token.text in _UNSORTING:
            ordered = False
        piped = token.text == "|"
    return ordered


def window_end(alert: Alert) -> datetime | None:
    """The end of the window in which a rule has found what an alert tells; None for what no rule raised."""
    said = alert.more.get(_UNTIL) if alert.rule else None
    return datetime.fromisoformat(said) if isinstance(said, str) else None


class _Raising:
    """Makes the alerts of one run."""

    def __init__(
        self,
        name: str,
        rule: AnalyticRule,
        window: Window,
        columns: Mapping[str, ScalarType],
        count: int,
        notes: list[str],
    ) -> None:
        self._name, self._rule, self._window = name, rule, window
        self._columns, self._count, self._notes = columns, count, notes

    def alert(self, which: str, head: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Raised:
        """The alert about `rows`; `head` is the row that overrides are taken from."""
        rule, window = self._rule, self._window
        name = uuid5(_ALERTS, orjson.dumps([self._name, window.since, window.until, which]).decode())
        started, ended = self._times(rows)
        alert = Alert(
            title=rule.display_name,
            severity=rule.severity,
            description=rule.description or "",
            provider="ASI Scheduled Alerts" if rule.kind is RuleKind.SCHEDULED else "ASI NRT Alerts",
            alert_type=self._name,
            tactics=rule.tactics,
            techniques=(*rule.techniques, *rule.sub_techniques),
            entities=self._entities(rows),
            rule=self._name,
            started=started,
            ended=ended,
            more=self._properties(rows),
        )
        if rule.alert_details_override is not None:
            alert = self._overridden(alert, rule.alert_details_override, head)
        return Raised(str(name), alert)

    def _times(self, rows: Sequence[Mapping[str, Any]]) -> tuple[datetime, datetime]:
        times = [t for row in rows if (t := _moment(row.get(TIME)))] if self._is_timed() else []
        return (min(times), max(times)) if times else (self._window.since, self._window.until)

    def _is_timed(self) -> bool:
        return self._columns.get(TIME) is ScalarType.DATETIME

    def _entities(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Entity, ...]:
        rule = self._rule
        found = [merged(e for row in rows if (e := mapped(m, row))) for m in rule.entity_mappings]
        columns = [m.column_name for m in rule.sentinel_entities_mappings]
        found += [merged(e for row in rows for e in from_alerts(row.get(c))) for c in columns]
        if sum(map(len, found)) > MOST_ENTITIES:
            # Each mapping has the same share, so that none hides the others.
            share = MOST_ENTITIES // len(found)
            self._notes.append(f"an alert keeps {MOST_ENTITIES} entities, {share} of each mapping")
            found = [group[:share] for group in found]
        return merged(e for group in found for e in group)

    def _properties(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        rule, window = self._rule, self._window
        grouping = rule.event_grouping_settings
        more: dict[str, Any] = {
            "Query": rule.query,
            "Query Start Time UTC": window.since.isoformat(),
            _UNTIL: window.until.isoformat(),
            "Query Period": str(window.until - window.since),
            "Search Query Results Overall Count": str(self._count),
            "Analytic Rule Ids": orjson.dumps([self._name]).decode(),
            "Analytic Rule Name": rule.display_name,
            "Event Grouping": str(grouping.aggregation_kind if grouping else Aggregation.SINGLE_ALERT),
            "ProcessedBySentinel": "True",
        }
        if rule.trigger_operator is not None:
            more["Trigger Operator"] = _WORDS[rule.trigger_operator]
            more["Trigger Threshold"] = str(rule.trigger_threshold)
        if rule.custom_details:
            more[_DETAILS] = self._details(rows)
        return more

    def _details(self, rows: Sequence[Mapping[str, Any]]) -> str:
        named = self._rule.custom_details.items()
        found = {k: list(dict.fromkeys(t for row in rows if (t := text_of(row.get(column))))) for k, column in named}
        text = orjson.dumps(found)
        while len(text) > LARGEST_DETAILS:
            longest = max(found, key=lambda k: len(orjson.dumps(found[k])))
            # Half of the values at a time: there may be thousands.
            found[longest] = found[longest][: len(found[longest]) // 2]
            self._notes.append(f"custom details have {LARGEST_DETAILS} bytes: values of `{longest}` are left out")
            text = orjson.dumps(found)
        return text.decode()

    def _overridden(self, alert: Alert, override: DetailsOverride, row: Mapping[str, Any]) -> Alert:
        title = self._formatted(override.alert_display_name_format, row, LONGEST_NAME)
        description = self._formatted(override.alert_description_format, row, LONGEST_DESCRIPTION)
        severity = _severity(text_of(row.get(override.alert_severity_column_name or "")))
        tactics = _tactics(row.get(override.alert_tactics_column_name or ""))
        alert = replace(
            alert,
            title=title or alert.title,
            description=description or alert.description,
            severity=severity or alert.severity,
            tactics=tactics or alert.tactics,
        )
        for property in override.alert_dynamic_properties:
            value = text_of(row.get(property.value))
            match property.alert_property if value else "":
                case "":
                    pass
                case "ProductName":
                    alert = replace(alert, product=value)
                case "ProviderName":
                    alert = replace(alert, provider=value)
                case "Techniques" | "SubTechniques":
                    known = _listed(row.get(property.value))
                    alert = replace(alert, techniques=tuple(dict.fromkeys((*alert.techniques, *known))))
                case other if other == _DETAILS or other in alert.more:
                    # What a log says must not be taken for what the rule found, such as its details.
                    self._notes.append(f"the property `{other}` of an alert is not for a rule to set")
                case other:
                    alert = replace(alert, more={**alert.more, other: value})
        return alert

    def _formatted(self, format: str | None, row: Mapping[str, Any], most: int) -> str:
        if not format:
            return ""
        # Where a column is missing, the rule's own text says more than half a sentence.
        if any(name not in self._columns for name in PLACEHOLDER.findall(format)):
            return ""
        return PLACEHOLDER.sub(lambda m: text_of(row.get(m[1])), format)[:most]


def _canonical(row: Mapping[str, Any]) -> str:
    return orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode()


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or not value:
        return None
    # Kusto writes seven digits of a second's fraction, and Python reads six.
    text = re.sub(r"(\.\d{6})\d+", r"\1", value)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _severity(text: str) -> Severity | None:
    return next((s for s in Severity if s.lower() == text.strip().lower()), None)


def _tactics(value: Any) -> tuple[Tactic, ...]:
    known = {t.lower(): t for t in Tactic}
    named = (known.get(re.sub(r"[\s_-]", "", text).lower()) for text in _listed(value))
    return tuple(dict.fromkeys(t for t in named if t))


def _listed(value: Any) -> tuple[str, ...]:
    """The texts of an array, of JSON that is one, or of a text with commas."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(value)
    if isinstance(value, list):
        return tuple(text_of(v) for v in value)
    return tuple(t.strip() for t in text_of(value).split(",") if t.strip())

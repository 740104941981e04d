"""A rule of Sigma as an analytic rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import yaml

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span
from huntlake.detection.durations import short
from huntlake.detection.entity_types import entity_type
from huntlake.detection.rule_files import Described
from huntlake.detection.rules import (
    AnalyticRule,
    EntityMapping,
    FieldMapping,
    RuleKind,
    TriggerOperator,
)
from huntlake.detection.severity import Severity, Tactic
from huntlake.detection.sigma.sources import sources
from huntlake.detection.sigma.sources.log_source import LogSource
from huntlake.kql.types import ScalarType
from huntlake.workspace.catalogue import Catalogue

if TYPE_CHECKING:
    from sigma.rule import SigmaRule

PERIOD = timedelta(hours=1)
"""How often a rule runs, and how far it looks back."""

_LEVELS = {
    "informational": Severity.INFORMATIONAL,
    "low": Severity.LOW,
    "medium": Severity.MEDIUM,
    "high": Severity.HIGH,
    "critical": Severity.HIGH,
}
_TACTICS = {t.lower(): t for t in Tactic} | {
    # What ATT&CK's 19th version has made of the evasion of defences.
    "stealth": Tactic.DEFENSE_EVASION,
    "defenseimpairment": Tactic.DEFENSE_EVASION,
}
_TECHNIQUE = re.compile(r"t\d{4}(\.\d{3})?")
_LONGEST_DESCRIPTION = 5000
_CATALOGUE = Catalogue()


def converted(source: Source, *, period: timedelta | None = PERIOD) -> Described:
    """The rule that a file of Sigma holds, as an analytic rule; a period of None sets no bound of time in its query.

    Raises `SourceError` at the place of what isn't supported: a log source, a field, a kind of value. The query's rows
    have the time, the columns that the rule asks for, and those that the entities are made of.
    """
    from sigma.exceptions import SigmaError
    from sigma.rule import SigmaRule

    try:
        rule = SigmaRule.from_yaml(source.text)
        conditions = [c.parsed for c in rule.detection.parsed_condition]
    except (SigmaError, yaml.YAMLError) as error:
        raise SourceError(source, Diagnostic("SG001", _one_line(str(error)), _place(source, "detection"))) from None
    place, shown = _query(source, rule, conditions, period)
    return Described(_rule(rule, place, shown, period or PERIOD), (), tuple(map(str, rule.tags)), _about(rule))


def _query(
    source: Source, rule: SigmaRule, conditions: Iterable[Any], period: timedelta | None
) -> tuple[LogSource, str]:
    from huntlake.detection.sigma.conditions import Conditions, Unsayable

    log = rule.logsource
    places = sources(log.product, log.category, log.service)
    if not places:
        named = ", ".join(f"{n} `{v}`" for n in ("product", "category", "service") if (v := getattr(log, n)))
        where = _place(source, "logsource")
        raise SourceError(source, Diagnostic("SG002", f"the log source of {named} is not supported", where))
    first: Unsayable | None = None
    for place in places:
        columns = columns_of(place)
        writer = Conditions(place, columns)
        try:
            tests = [writer.write(c) for c in conditions]
        except Unsayable as error:
            first = first or error
            continue
        test = tests[0] if len(tests) == 1 else " or ".join(f"({t})" for t in tests)
        return place, _written(place, writer, test, period)
    assert first is not None
    span = _place(source, "detection", first.field)
    raise SourceError(source, Diagnostic("SG003", first.reason, span))


def columns_of(place: LogSource) -> Mapping[str, ScalarType]:
    """The columns of a source; none where it is a function."""
    table = _CATALOGUE.table(place.table)
    return {c.name: c.type for c in table.columns} if table else {}


def _written(place: LogSource, writer: Any, test: str, period: timedelta | None) -> str:
    steps = [place.table]
    if period is not None:
        steps.append(f"where TimeGenerated >= ago({short(period)})")
    if place.where:
        steps.append(f"where {place.where}")
    if writer.extended:
        steps.append("extend " + ",\n    ".join(writer.extended))
    steps.append(f"where {test}")
    kept = dict.fromkeys(("TimeGenerated", *place.shown, *writer.columns, *writer.named))
    steps.append("project " + ", ".join(kept))
    return "\n| ".join(steps)


def _rule(rule: SigmaRule, place: LogSource, query: str, period: timedelta) -> AnalyticRule:
    tags = [(tag.namespace, tag.name.lower()) for tag in rule.tags]
    attack = [name for namespace, name in tags if namespace == "attack"]
    techniques = [t.upper() for t in attack if _TECHNIQUE.fullmatch(t)]
    tactics = (_TACTICS.get(re.sub(r"[-_]", "", name)) for name in attack)
    level = str(rule.level).lower() if rule.level else "medium"
    return AnalyticRule(
        kind=RuleKind.SCHEDULED,
        display_name=rule.title or "?",
        enabled=True,
        severity=_LEVELS[level],
        query=query,
        suppression_duration=timedelta(hours=5),
        suppression_enabled=False,
        query_frequency=period,
        query_period=period,
        trigger_operator=TriggerOperator.GREATER_THAN,
        trigger_threshold=0,
        description=_description(rule),
        tactics=tuple(dict.fromkeys(t for t in tactics if t)),
        techniques=tuple(dict.fromkeys(t[:5] for t in techniques)),
        sub_techniques=tuple(dict.fromkeys(t for t in techniques if "." in t)),
        entity_mappings=tuple(_mapping(name, columns) for name, columns in place.entities),
    )


def _mapping(name: str, columns: Mapping[str, str]) -> EntityMapping:
    type = entity_type(name)
    assert type is not None
    return EntityMapping(type.name, tuple(FieldMapping(i, column) for i, column in columns.items()))


def _description(rule: SigmaRule) -> str:
    parts = [(rule.description or "").strip()]
    if rule.author:
        parts.append(f"Sigma rule by {rule.author}.")
    if rule.references:
        parts.append("References:\n" + "\n".join(map(str, rule.references)))
    return "\n\n".join(p for p in parts if p)[:_LONGEST_DESCRIPTION]


def _about(rule: SigmaRule) -> dict[str, str]:
    known = {"id": rule.id, "author": rule.author, "status": rule.status, "license": rule.license, "date": rule.date}
    return {name: str(value) for name, value in known.items() if value}


def _place(source: Source, part: str, field: str = "") -> Span:
    """Where a part of the rule stands, or the first use of a field in it."""
    try:
        node = yaml.compose(source.text, yaml.SafeLoader)
    except yaml.YAMLError:
        return Span(0, 0)
    key, found = next(((k, v) for k, v in getattr(node, "value", ()) if k.value == part), (None, None))
    if key is None:
        return Span(0, 0)
    marked = _key(found, field) if field else None
    at = marked or key
    return Span(at.start_mark.index, at.end_mark.index)


def _key(node: Any, field: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if str(key.value).partition("|")[0] == field:
                return key
            if found := _key(value, field):
                return found
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if found := _key(item, field):
                return found
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())

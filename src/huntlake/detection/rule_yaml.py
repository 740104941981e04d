"""A rule's public YAML form as people edit it: read with every complaint, and written so that the rest of it stays.

What is written changes the fields of the text that mean something else now; other fields, comments and the order stay
letter for letter.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import yaml

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span
from huntlake.core.errors import Invalid
from huntlake.detection.durations import short
from huntlake.detection.marked import Complaints, Fields, mapping_from_outside, plain
from huntlake.detection.rule_files import OPERATORS, SUPPRESSION, Described, analytic_rule
from huntlake.detection.rules import AnalyticRule, RuleKind

_ORDER = (
    "id",
    "name",
    "description",
    "severity",
    "enabled",
    "requiredDataConnectors",
    "kind",
    "queryFrequency",
    "queryPeriod",
    "triggerOperator",
    "triggerThreshold",
    "startTimeUtc",
    "tactics",
    "relevantTechniques",
    "query",
    "entityMappings",
    "sentinelEntitiesMappings",
    "customDetails",
    "alertDetailsOverride",
    "eventGroupingSettings",
    "incidentConfiguration",
    "suppressionEnabled",
    "suppressionDuration",
    "alertRuleTemplateName",
    "version",
)
"""The fields in the order in which Sentinel's published rules have them."""

_ALSO = {"relevantTechniques": ("techniques", "subTechniques"), "version": ("templateVersion",)}
"""Fields that say the same by other names."""

_OWN = frozenset(_ORDER[1:]) - {"requiredDataConnectors"} | {name for also in _ALSO.values() for name in also}
"""Fields that a rule says itself; the others are only kept."""

_READABLE = frozenset({"RF003", "RF004", "RF006", "RF007"})
"""What may be wrong with a text that says all the same what its rule is."""

_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")


@dataclass(frozen=True)
class RuleText:
    """What a text says of a rule. `described` is None where nobody can tell which; `wrong` says all that is."""

    source: Source
    start: int
    """Where its first field begins."""
    query_span: Span
    name: str
    """By what the rule is kept: its `id`, empty where it says none."""
    described: Described | None
    wrong: tuple[Diagnostic, ...]
    begins: tuple[tuple[int, str], ...] = ()
    """Where each field at the top begins, and which it is."""

    def field_at(self, offset: int) -> str:
        """The field at the top that stands at a place of the text; empty before the first."""
        number = bisect_right(self.begins, offset, key=lambda field: field[0])
        return self.begins[number - 1][1] if number else ""


def read_rule(text: str) -> RuleText:
    """What a YAML text says of a rule; every mistake is told, and nothing is raised."""
    source = Source(plain(text), "rule.yaml")
    complaints = Complaints(source)
    try:
        node = mapping_from_outside(source)
    except SourceError as error:
        return RuleText(source, 0, Span(0, 0), "", None, error.diagnostics)
    fields = Fields(node, complaints)
    name = fields.find("id")
    described = analytic_rule(fields, None)
    if described.rule.kind is RuleKind.SCHEDULED:
        # Sentinel takes no rule without them, and says so one by one.
        for needed in ("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold"):
            if needed not in fields:
                fields.complain("RF004", f"`{needed}` is missing")
    for said in ("name", "query"):
        there = fields.find(said)
        if isinstance(there, yaml.ScalarNode) and not there.value.strip():
            fields.complain("RF004", f"`{said}` is missing", said)
    # The bounds of what is missing are nothing to complain of besides.
    missing = any(d.code == "RF004" for d in complaints.found)
    found = tuple(d for d in complaints.found if not (missing and d.code == "RF006" and "has a `" in d.message))
    kept = str(name.value) if isinstance(name, yaml.ScalarNode) else ""
    title = fields.text("name") or ""
    described = replace(described, rule=replace(described.rule, display_name=title))
    readable = all(d.code in _READABLE for d in found)
    query = fields.find("query")
    span = Span(query.start_mark.index, query.end_mark.index) if query is not None else Span(0, 0)
    begins = tuple((key.start_mark.index, str(key.value)) for key, _ in node.value)
    return RuleText(source, node.start_mark.index, span, kept, described if readable else None, found, begins)


def written(text: str, rule: AnalyticRule, name: str = "") -> str:
    """The text with the rule in it. `name` is the `id` of a text that has none.

    `Invalid` where the text is no mapping of fields: nothing can be written into it.
    """
    text = plain(text)
    wanted = _told(rule)
    if name:
        wanted = {"id": name, **wanted}
    if not text.strip():
        return _whole(wanted, {})
    try:
        node = mapping_from_outside(Source(text, "rule.yaml"))
    except SourceError as error:
        first = error.diagnostics[0]
        raise Invalid(f"nothing can be written into this YAML: {first.message}") from None
    was = _told(analytic_rule(Fields(node, Complaints(Source(text))), None).rule)
    spliced = _spliced(text if text.endswith("\n") else f"{text}\n", node, was, wanted)
    if spliced is not None and _says(spliced, wanted):
        return spliced
    others = {
        str(key.value): yaml.serialize(yaml.MappingNode(node.tag, [(key, value)], flow_style=False), allow_unicode=True)
        for key, value in node.value
        if key.value not in _OWN
    }
    return _whole(wanted, others)


def _told(rule: AnalyticRule) -> dict[str, Any]:
    """What the public form says of a rule, by field; what is as it is by itself isn't said."""
    override, grouping, incidents = (
        rule.alert_details_override,
        rule.event_grouping_settings,
        rule.incident_configuration,
    )
    operators = {operator: word for word, operator in OPERATORS.items()}
    scheduled = rule.kind is RuleKind.SCHEDULED
    said: dict[str, Any] = {
        "name": rule.display_name,
        "description": rule.description or None,
        "severity": rule.severity.value,
        "enabled": None if rule.enabled else False,
        "kind": rule.kind.value,
        "queryFrequency": _span(rule.query_frequency) if scheduled else None,
        "queryPeriod": _span(rule.query_period) if scheduled else None,
        "triggerOperator": operators[rule.trigger_operator] if scheduled and rule.trigger_operator else None,
        "triggerThreshold": rule.trigger_threshold if scheduled else None,
        "startTimeUtc": rule.start_time_utc.isoformat() if scheduled and rule.start_time_utc else None,
        "tactics": [t.value for t in rule.tactics],
        "relevantTechniques": _techniques(rule),
        "query": rule.query.replace("\r\n", "\n"),
        "entityMappings": [
            {
                "entityType": m.entity_type,
                "fieldMappings": [{"identifier": f.identifier, "columnName": f.column_name} for f in m.field_mappings],
            }
            for m in rule.entity_mappings
        ],
        "sentinelEntitiesMappings": [{"columnName": m.column_name} for m in rule.sentinel_entities_mappings],
        "customDetails": dict(rule.custom_details),
        "alertDetailsOverride": _said(
            {
                "alertDisplayNameFormat": override.alert_display_name_format,
                "alertDescriptionFormat": override.alert_description_format,
                "alertTacticsColumnName": override.alert_tactics_column_name,
                "alertSeverityColumnName": override.alert_severity_column_name,
                "alertDynamicProperties": [
                    {"alertProperty": p.alert_property, "value": p.value} for p in override.alert_dynamic_properties
                ],
            }
        )
        if override
        else None,
        "eventGroupingSettings": {"aggregationKind": grouping.aggregation_kind.value} if grouping else None,
        "incidentConfiguration": None,
        "suppressionEnabled": True if rule.suppression_enabled else None,
        "suppressionDuration": None if rule.suppression_duration == SUPPRESSION else _span(rule.suppression_duration),
        "alertRuleTemplateName": rule.alert_rule_template_name,
        "version": rule.template_version,
    }
    if incidents:
        together = incidents.grouping_configuration
        said["incidentConfiguration"] = {"createIncident": incidents.create_incident} | (
            {
                "groupingConfiguration": {
                    "enabled": together.enabled,
                    "reopenClosedIncident": together.reopen_closed_incident,
                    "lookbackDuration": _span(together.lookback_duration),
                    "matchingMethod": together.matching_method.value,
                    **_said(
                        {
                            "groupByEntities": list(together.group_by_entities),
                            "groupByAlertDetails": list(together.group_by_alert_details),
                            "groupByCustomDetails": list(together.group_by_custom_details),
                        }
                    ),
                }
            }
            if together
            else {}
        )
    return {name: value for name, value in said.items() if value not in (None, [], {})}


def _techniques(rule: AnalyticRule) -> list[str]:
    """Each technique, in place of one of which parts are named those."""
    parts = [[s for s in rule.sub_techniques if s.startswith(t)] or [t] for t in rule.techniques]
    return list(dict.fromkeys([*(name for part in parts for name in part), *rule.sub_techniques]))


def _said(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def _span(span: timedelta | None) -> str | None:
    return None if span is None else short(span)


def _says(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        node = mapping_from_outside(Source(text))
    except SourceError:
        return False
    told = _told(analytic_rule(Fields(node, Complaints(Source(text))), None).rule)
    return all(told.get(name) == wanted.get(name) for name in {*told, *wanted} - {"id", "name"})


def _spliced(text: str, node: yaml.MappingNode, was: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """The text with the fields that differ in place of what they were; None where its fields have no lines of their
    own.
    """
    if node.flow_style or node.start_mark.column:
        return None
    at = {str(key.value): (key.start_mark.index, _end(text, value)) for key, value in node.value}
    edits: list[tuple[int, int, str]] = []
    for place, name in enumerate(_ORDER):
        there = [n for n in (name, *_ALSO.get(name, ())) if n in at]
        value = wanted.get(name)
        if name == "id":
            if value is not None and not there:
                edits.append((node.start_mark.index, node.start_mark.index, _field("id", value)))
            continue
        if name == "requiredDataConnectors" or (there and was.get(name) == value):
            continue
        new = "" if value is None else _field(name, value)
        if there:
            for number, one in enumerate(there):
                edits.append((*at[one], "" if number else new))
        elif new:
            before = next((n for n in reversed(_ORDER[:place]) if n in at), "")
            where = at[before][1] if before else node.start_mark.index
            edits.append((where, where, new))
    # From the end to the beginning, so that places before stay what they were; of two at one place the later is first.
    edits.reverse()
    for start, end, new in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _end(text: str, value: yaml.Node) -> int:
    """Where the lines of a value end: behind its last line that isn't blank."""
    last = value
    while not getattr(last, "flow_style", True) and last.value:
        # A block's own end is where the next thing begins, behind comments and blank lines.
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    end = last.end_mark.index
    if last.end_mark.column == 0 and end > last.start_mark.index:
        kept = text[:end].rstrip("\n ")
        end = max(len(kept), last.start_mark.index)
    line_end = text.find("\n", end)
    return len(text) if line_end < 0 else line_end + 1


class _Dumper(yaml.SafeDumper):
    """Writes lists as the published rules have them, two blanks further in than their field."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # Unquoted, some of these would be read again as the end of a line.
        return self.represent_scalar("tag:yaml.org,2002:str", data, '"' if _UNPRINTABLE.search(data) else None)


_Dumper.add_representer(str, _Dumper.represent_str)


def _field(name: str, value: Any) -> str:
    if isinstance(value, str) and "\n" in value and not _UNPRINTABLE.search(value):
        ending = "" if value.endswith("\n") and not value.endswith("\n\n") and value != "\n" else "-"
        lines = value.removesuffix("\n").split("\n") if not ending else value.split("\n")
        if not value.endswith("\n\n") and value != "\n":
            # Where the first line is blank or indented, the indentation must be said.
            said = "2" if lines[0][:1] in ("", " ", "\t") else ""
            return f"{name}: |{said}{ending}\n" + "".join(f"  {line}\n" if line else "\n" for line in lines)
    made: str = yaml.dump(
        {name: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1 << 20, default_flow_style=False
    )
    return made


def _whole(wanted: Mapping[str, Any], others: Mapping[str, str]) -> str:
    pieces = {**{name: _field(name, value) for name, value in wanted.items()}, **others}
    known = [name for name in _ORDER if name in pieces]
    return "".join(pieces[name] for name in (*known, *(n for n in pieces if n not in known)))

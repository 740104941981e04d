from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from huntlake.core.diagnostics import SourceError
from huntlake.detection.content import Content, ContentKind, Refused, contents, read
from huntlake.detection.durations import duration, iso
from huntlake.detection.parsers import functions
from huntlake.detection.rules import Aggregation, AnalyticRule, Matching, RuleKind, TriggerOperator
from huntlake.detection.severity import Tactic

RULE = """\
id: 6a2b1e4c-0c7c-4a0e-9d59-7a5a2f6f0a11
name: Many failed sign-ins
version: 1.0.2
kind: Scheduled
severity: medium
requiredDataConnectors:
  - connectorId: AzureActiveDirectory
    dataTypes: [SigninLogs]
queryFrequency: PT1H
queryPeriod: 1d
triggerOperator: gt
triggerThreshold: 3
tactics: [CredentialAccess, Initial Access]
relevantTechniques: [T1110.003, T1078]
query: |
  SigninLogs
  | where ResultType != "0"
entityMappings:
  - entityType: Account
    fieldMappings:
      - identifier: FullName
        columnName: UserPrincipalName
customDetails:
  Reason: ResultType
alertDetailsOverride:
  alertDisplayNameFormat: "{{UserPrincipalName}} fails"
eventGroupingSettings:
  aggregationKind: AlertPerResult
suppressionDuration: PT5H
suppressionEnabled: false
incidentConfiguration:
  createIncident: true
  groupingConfiguration:
    enabled: true
    reopenClosedIncident: false
    lookbackDuration: 5h
    matchingMethod: Selected
    groupByEntities: [account]
metadata:
  source: {kind: Community}
tags: [one]
"""


def rule(text: str = RULE, name: str = "rule.yaml") -> AnalyticRule:
    (content,) = read(Path(name), text)
    assert content.described is not None
    return content.described.rule


def refusal(text: str) -> str:
    with pytest.raises(SourceError) as raised:
        read(Path("rule.yaml"), text)
    return str(raised.value)


def test_a_published_rule_is_read_whole() -> None:
    found = rule()
    assert (found.kind, found.display_name, found.template_version) == (
        RuleKind.SCHEDULED,
        "Many failed sign-ins",
        "1.0.2",
    )
    assert (found.query_frequency, found.query_period) == (timedelta(hours=1), timedelta(days=1))
    assert (found.trigger_operator, found.trigger_threshold) == (TriggerOperator.GREATER_THAN, 3)
    assert found.tactics == (Tactic.CREDENTIAL_ACCESS, Tactic.INITIAL_ACCESS)
    assert (found.techniques, found.sub_techniques) == (("T1110", "T1078"), ("T1110.003",))
    assert found.event_grouping_settings is not None
    assert found.event_grouping_settings.aggregation_kind is Aggregation.ALERT_PER_RESULT
    assert found.incident_configuration is not None
    grouping = found.incident_configuration.grouping_configuration
    assert grouping is not None
    assert (grouping.matching_method, grouping.group_by_entities) == (Matching.SELECTED, ("Account",))


def test_the_form_of_azure_resource_manager_says_the_same(tmp_path: Path) -> None:
    properties = {
        "displayName": "Many failed sign-ins",
        "Severity": "Medium",
        "enabled": True,
        "query": 'SigninLogs\n| where ResultType != "0"\n',
        "queryFrequency": "PT1H",
        "queryPeriod": "P1D",
        "triggerOperator": "GreaterThan",
        "triggerThreshold": 3,
        "suppressionDuration": "PT5H",
        "suppressionEnabled": False,
        "tactics": ["CredentialAccess", "InitialAccess"],
        "techniques": ["T1110", "T1078"],
        "subTechniques": ["T1110.003"],
        "templateVersion": "1.0.2",
        "alertRuleTemplateName": None,
    }
    resource = {
        "type": "Microsoft.OperationalInsights/workspaces/providers/alertRules",
        "name": "[concat(parameters('workspace'),'/Microsoft.SecurityInsights/6a2b1e4c-0c7c-4a0e-9d59-7a5a2f6f0a11')]",
        "kind": "Scheduled",
        "properties": properties,
    }
    alone = rule(json.dumps({"kind": "Scheduled", "properties": properties}, indent="\t"), "rule.json")
    (content,) = read(Path("template.json"), json.dumps({"resources": [resource]}))
    assert content.name == "6a2b1e4c-0c7c-4a0e-9d59-7a5a2f6f0a11"
    assert content.described is not None
    assert content.described.rule == alone
    assert (alone.query, alone.tactics, alone.sub_techniques) == (rule().query, rule().tactics, rule().sub_techniques)


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("queryPeriod: 1d", "queryPeriod: daily", "rule.yaml:10:14", "a duration such as `PT5M`"),
        ("queryPeriod: 1d", "queryPeriod: 30d", "rule.yaml:10:14", "between 5 minutes and 14 days"),
        ("identifier: FullName", "identifier: FulName", "rule.yaml:21:21", "did you mean `FullName`?"),
        ("entityType: Account", "entityType: Accounts", "rule.yaml:19:17", "did you mean `Account`?"),
        ("triggerOperator: gt", "triggerOperator: above", "rule.yaml:11:18", "can't be `above`"),
        ("customDetails:", "customDetail:", "rule.yaml:23:1", "did you mean `customDetails`?"),
        ("T1078", "T10", "rule.yaml:14:33", "no technique"),
        ("Initial Access", "Access", "rule.yaml:13:29", "no tactic is named `Access`"),
        ("severity: medium\n", "", "rule.yaml:1:1", "`severity` is missing"),
        ("tags: [one]", "severity: low", "rule.yaml:41:1", "`severity` is said twice"),
        ("tags: [one]", "tags: [one", "rule.yaml:42:1", "the file is not YAML"),
    ],
)
def test_a_mistake_is_named_at_its_place(old: str, new: str, place: str, words: str) -> None:
    told = refusal(RULE.replace(old, new))
    assert place in told
    assert words in told


def test_a_rule_without_a_kind_is_scheduled_and_a_query_without_a_schedule_hunts() -> None:
    assert rule(RULE.replace("kind: Scheduled\n", "")).kind is RuleKind.SCHEDULED
    (hunt,) = read(Path("h.yaml"), "id: h\nname: Hunt\ntactics: [Impact]\nquery: Syslog\n")
    assert (hunt.kind, hunt.name, hunt.query) == (ContentKind.HUNTING_QUERY, "h", "Syslog")


def test_a_parser_is_a_function_with_its_parameters() -> None:
    text = (
        "ParserName: vimX\nParserParams:\n  - {Name: disabled, Type: bool, Default: False}\n"
        "  - {Name: who, Type: string, Default: '*'}\nParserQuery: 'Syslog'\n"
    )
    (content,) = read(Path("x.yaml"), text)
    assert content.kind is ContentKind.FUNCTION
    assert [p.declared for p in content.parameters] == ["disabled:bool=False", 'who:string="*"']


def test_an_alias_of_aliases_is_not_unfolded() -> None:
    bomb = "a: &a [x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join(['*a' + (str(n - 1) if n else '')] * 9)}]\n" for n in range(40)
    )
    assert read(Path("bomb.yaml"), bomb) == ()
    assert "nested" in refusal("a: " + "[" * 60 + "]" * 60)


def test_a_folder_gives_what_loads_and_names_what_does_not(tmp_path: Path) -> None:
    (tmp_path / "Parsers").mkdir()
    (tmp_path / "good.yaml").write_text(RULE)
    (tmp_path / "bad.yaml").write_text(RULE.replace("PT1H", "soon"))
    (tmp_path / "old.yaml").write_bytes(RULE.replace("Many", "Many \u2013").encode("cp1252"))
    (tmp_path / "Parsers" / "Firewall.txt").write_text("Syslog")
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "workflow.yaml").write_text("on: push")
    found = {x.path.name: x for x in contents(tmp_path)}
    assert set(found) == {"Firewall.txt", "good.yaml", "bad.yaml", "old.yaml"}
    assert isinstance(found["bad.yaml"], Refused)
    assert "bad.yaml:9:17" in found["bad.yaml"].reason
    assert isinstance(found["old.yaml"], Content)
    assert found["old.yaml"].title == "Many – failed sign-ins"


def test_the_place_of_the_query_is_known() -> None:
    (content,) = read(Path("rule.yaml"), RULE)
    assert content.source.text[content.query_span.start :].startswith("|\n  SigninLogs")


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("PT5M", timedelta(minutes=5)),
        ("P1DT2H", timedelta(days=1, hours=2)),
        ("P1W", timedelta(days=7)),
        ("5h", timedelta(hours=5)),
        ("1H", timedelta(hours=1)),
        ("1.02:00:00", timedelta(days=1, hours=2)),
    ],
)
def test_durations(text: str, span: timedelta) -> None:
    assert duration(text) == span
    assert duration(iso(span)) == span


@pytest.mark.parametrize("text", ["", "P", "PT", "1", "P1DT", "5 h ago", "-5m", "P99999999999D"])
def test_no_durations(text: str) -> None:
    assert duration(text) is None


def test_a_correlation_of_sigma_is_refused_by_name() -> None:
    text = "title: Many\ncorrelation:\n  type: event_count\n  rules: [one]\n"
    with pytest.raises(SourceError, match=r"correlations of Sigma's rules are not supported"):
        read(Path("rule.yml"), text)


def test_an_alias_that_several_parsers_ask_for_is_the_first_ones(tmp_path: Path) -> None:
    folder = tmp_path / "Parsers"
    folder.mkdir()
    for name, table in (("A", "SigninLogs"), ("B", "AuditLogs")):
        (folder / f"{name}.txt").write_text(f"// Save as Function under an alias (e.g. Shared | take 10).\n{table}\n")
    (folder / "Shared2.txt").write_text("// Give it the alias of A.\nSyslog\n")
    found = {f.name: f.body.splitlines()[-1] for f in functions(sorted(folder.iterdir()))}
    assert found == {"A": "SigninLogs", "B": "AuditLogs", "Shared": "SigninLogs", "Shared2": "Syslog"}

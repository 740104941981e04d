from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from huntlake.core.diagnostics import SourceError
from huntlake.detection.content import Content, ContentKind, read
from huntlake.detection.rules import Aggregation, RuleKind
from huntlake.detection.severity import Severity, Tactic

RULE = """\
displayName: An odd tool
isEnabled: false
queryCondition:
  queryText: |
    DeviceProcessEvents
    | where FileName == "odd.exe"
  lastModifiedDateTime: "2026-03-23T00:00:00Z"
schedule:
  period: "1H"
detectionAction:
  alertTemplate:
    title: Somebody runs an odd tool
    description: It is odd.
    severity: high
    category: LateralMovement
    mitreTechniques: [T1047, T1059.001]
    recommendedActions: Ask why.
    impactedAssets:
      - "@odata.type": "#microsoft.graph.security.impactedDeviceAsset"
        identifier: deviceId
      - "@odata.type": "#microsoft.graph.security.impactedUserAsset"
        identifier: initiatingProcessAccountUpn
      - "@odata.type": "#microsoft.graph.security.impactedMailboxAsset"
        identifier: recipientEmailAddress
  organizationalScope: null
  responseActions:
    - "@odata.type": "#microsoft.graph.security.isolateDeviceResponseAction"
      identifier: deviceId
      isolationType: selective
"""


def only(text: str, name: str = "rule.yaml") -> Content:
    (found,) = read(Path(name), text)
    return found


def test_a_custom_detection_is_a_rule() -> None:
    found = only(RULE)
    assert found.kind is ContentKind.CUSTOM_DETECTION
    assert found.described is not None
    rule = found.described.rule
    assert (rule.display_name, rule.enabled, rule.severity) == ("Somebody runs an odd tool", False, Severity.HIGH)
    assert (rule.kind, rule.query_frequency, rule.query_period) == (
        RuleKind.SCHEDULED,
        timedelta(hours=1),
        timedelta(hours=1),
    )
    assert rule.query.startswith("DeviceProcessEvents")
    assert rule.description == "It is odd.\n\nAsk why."
    assert rule.tactics == (Tactic.LATERAL_MOVEMENT,)
    assert (rule.techniques, rule.sub_techniques) == (("T1047", "T1059"), ("T1059.001",))
    assert rule.event_grouping_settings is not None
    assert rule.event_grouping_settings.aggregation_kind is Aggregation.ALERT_PER_RESULT
    mapped = [(e.entity_type, f.identifier, f.column_name) for e in rule.entity_mappings for f in e.field_mappings]
    assert mapped == [
        ("Host", "FullName", "DeviceName"),
        ("Account", "FullName", "InitiatingProcessAccountUpn"),
        ("Mailbox", "MailboxPrimaryAddress", "RecipientEmailAddress"),
    ]


def test_what_is_not_done_is_told() -> None:
    described = only(RULE).described
    assert described is not None
    assert described.notes == ("the response action `isolateDevice` is not supported, and not done",)


def test_a_continuous_rule_looks_at_each_minute() -> None:
    described = only(RULE.replace('"1H"', '"0"')).described
    assert described is not None
    assert (described.rule.kind, described.rule.query_period) == (RuleKind.NRT, None)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('"1H"', '"2H"', "`period` can't be `2H`"),
        ("identifier: deviceId\n      - ", "identifier: deviceColour\n      - ", "`deviceColour` of an asset"),
        ("impactedUserAsset", "impactedCloudAsset", "assets are devices, users or mailboxes"),
        ("severity: high", "severity: awful", "`severity` can't be `awful`"),
        ("title:", "headline:", "the field `headline` is not supported here"),
        ("T1047", "T47", "`T47` is no technique"),
        ("detectionAction:", "detectionActions:", "`detectionAction` with an `alertTemplate` is missing"),
        ("queryText:", "text:", "`queryText` is missing"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(before: str, after: str, reason: str) -> None:
    assert before in RULE
    with pytest.raises(SourceError) as error:
        only(RULE.replace(before, after))
    assert reason in str(error.value)


def test_an_answer_of_graph_is_a_list_of_rules() -> None:
    one = {
        "@odata.type": "#microsoft.graph.security.detectionRule",
        "id": "7506",
        "displayName": "Odd",
        "isEnabled": True,
        "createdBy": "somebody@contoso.com",
        "detectorId": "67895317",
        "lastRunDetails": {"status": "completed"},
        "queryCondition": {"queryText": "DeviceEvents"},
        "schedule": {"period": "24H", "nextRunDateTime": "2026-03-23T00:00:00Z"},
        "detectionAction": {"alertTemplate": {"title": "Odd", "severity": "low", "mitreTechniques": []}},
    }
    found = read(Path("rules.json"), json.dumps({"value": [one, one | {"id": "7507"}]}))
    assert [(c.name, c.kind) for c in found] == [
        ("7506", ContentKind.CUSTOM_DETECTION),
        ("7507", ContentKind.CUSTOM_DETECTION),
    ]
    assert read(Path("rule.json"), json.dumps(one))[0].name == "7506"

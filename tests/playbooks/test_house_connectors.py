"""The connectors to this house besides Sentinel's and the logs'."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.playbooks.desk import ANN, NOW, OWNER, Desk

from huntlake.detection.alerts import AlertStatus
from huntlake.detection.indicators import Indicator
from huntlake.identity.rights import Role
from huntlake.playbooks.connections import Mode
from huntlake.playbooks.connectors import CONNECTORS
from huntlake.playbooks.connectors.connector import Effect
from huntlake.playbooks.ledger import Outcome
from huntlake.playbooks.machine_actions import ActionStatus
from huntlake.wdl.runner.effects import Answer

SHA1 = "a" * 40


@pytest.fixture
def defender(desk: Desk) -> Desk:
    desk.connect("wdatp")
    at = (NOW - timedelta(hours=2)).isoformat()
    desk.app.streams.append(
        desk.workspace,
        "DeviceInfo",
        [{"TimeGenerated": at, "DeviceId": f"d{n}", "DeviceName": f"pc{n}.northwind.example"} for n in (1, 2)],
    )
    desk.app.streams.append(
        desk.workspace,
        "DeviceNetworkEvents",
        [
            {"TimeGenerated": at, "DeviceId": "d1", "RemoteIP": "192.0.2.7", "RemoteUrl": "https://a.x.example/b?c"},
            {"TimeGenerated": at, "DeviceId": "d2", "RemoteIP": "192.0.2.7", "RemoteUrl": "evilx.example"},
        ],
    )
    desk.app.streams.append(
        desk.workspace,
        "DeviceFileEvents",
        [{"TimeGenerated": at, "DeviceId": "d2", "SHA1": SHA1, "FileName": "bad.exe"}],
    )
    return desk


def ask(desk: Desk, method: str, path: str, body: Any = None, queries: Any = None, **given: Any) -> Answer:
    return desk.ask(method, path, body, queries, connection=given.pop("connection", "wdatp"), **given)


# -- Defender ------------------------------------------------------------------------


def test_machines_are_found_by_id_name_and_filter(defender: Desk) -> None:
    assert ask(defender, "GET", "/api/machines/d1").body["computerDnsName"] == "pc1.northwind.example"
    assert ask(defender, "GET", "/api/machines/PC2.northwind.example").body["id"] == "d2"
    assert ask(defender, "GET", "/api/machines/none").status == 404
    found = ask(defender, "GET", "/api/machines", queries={"$filter": "computerDnsName eq 'pc1.northwind.example'"})
    assert [m["id"] for m in found.body["value"]] == ["d1"]
    assert len(ask(defender, "GET", "/api/machines", queries={"$top": 1}).body["value"]) == 1


@pytest.mark.parametrize(
    "filter", ["id eq 'x' or id eq 'y'", "contains(id, 'x')", "secret eq 'x'", "id eq 'x", "id lt 'x'"]
)
def test_a_filter_that_is_not_understood_is_not_passed_over(defender: Desk, filter: str) -> None:
    for path in ("/api/machines", "/api/machineactions", "/api/alerts"):
        assert ask(defender, "GET", path, queries={"$filter": filter}).status == 400


def test_the_text_of_a_filter_never_becomes_a_query(defender: Desk) -> None:
    for value in ("x'' or true //", "pc1' or 1==1", "'); DeviceInfo //"):
        quoted = value.replace("'", "''")
        found = ask(defender, "GET", "/api/machines", queries={"$filter": f"computerDnsName eq '{quoted}'"})
        assert found.body == {"value": []}
    assert ask(defender, "GET", "/api/machines/x%27%20or%20true").status == 404


def isolate(desk: Desk, **given: Any) -> Answer:
    return ask(desk, "POST", "/api/machines/d1/isolate", {"Comment": "bad", "IsolationType": "Full"}, **given)


def approved(desk: Desk) -> None:
    desk.caller.policy = None


def test_isolation_waits_for_a_person(defender: Desk) -> None:
    held = defender.held(
        "POST", "/api/machines/d1/isolate", {"Comment": "bad", "IsolationType": "Full"}, connection="wdatp"
    )
    assert not isinstance(held, Answer)
    assert defender.app.machine_actions.list(OWNER) == []


def test_an_action_is_asked_for_once_and_followed_to_its_end(defender: Desk) -> None:
    approved(defender)
    made = isolate(defender, key="Isolate#1")
    assert made.status == 201
    assert (made.body["status"], made.body["type"]) == ("Pending", "Isolate")
    assert (made.body["requestor"], made.body["requestSource"]) == ("Playbook - respond", "Playbook")
    assert isolate(defender, key="Isolate#1") == made
    assert isolate(defender, key="Isolate#2").status == 409, "one is under way"
    (known,) = defender.app.machine_actions.list(OWNER)
    defender.app.machine_actions.decide(OWNER, known.name, ActionStatus.SUCCEEDED, "Ann")
    assert ask(defender, "GET", f"/api/machineactions/{known.name}").body["status"] == "Succeeded"
    listed = ask(defender, "GET", "/api/machineactions", queries={"$filter": "machineId eq 'd1'"}).body["value"]
    assert [a["id"] for a in listed] == [known.name]


def test_an_action_that_was_asked_for_before_a_crash_is_the_same_one(defender: Desk) -> None:
    approved(defender)
    first = isolate(defender, key="Isolate#1").body["id"]
    (entry,) = defender.app.outward.ledger.list("soc")
    begun = replace(entry.value, outcome=Outcome.BEGUN, body=None)
    defender.app.outward.ledger._entries.put(OWNER, entry.name, begun)
    assert isolate(defender, key="Isolate#1").body["id"] == first
    (again,) = defender.app.outward.ledger.list("soc")
    assert again.value.attempts == 2
    assert len(defender.app.machine_actions.list(OWNER)) == 1


ACTIONS = [
    ("isolate", {"Comment": "c", "IsolationType": "Selective"}, Effect.CONTAIN),
    ("unisolate", {"Comment": "c"}, Effect.WRITE),
    ("runAntiVirusScan", {"Comment": "c", "ScanType": "Quick"}, Effect.WRITE),
    ("collectInvestigationPackage", {"Comment": "c"}, Effect.WRITE),
    ("restrictCodeExecution", {"Comment": "c"}, Effect.CONTAIN),
    ("unrestrictCodeExecution", {"Comment": "c"}, Effect.WRITE),
    ("StopAndQuarantineFile", {"Comment": "c", "Sha1": SHA1}, Effect.CONTAIN),
]


@pytest.mark.parametrize(("path", "body", "effect"), ACTIONS)
def test_every_action_goes_into_the_ledger_or_in_a_dry_run_nowhere(
    defender: Desk, path: str, body: Any, effect: Effect
) -> None:
    defender.connect("wdatp", mode=Mode.DRY_RUN)
    before = defender.state()
    assert ask(defender, "POST", f"/api/machines/d1/{path}", body).body["status"] == "Pending"
    assert defender.state() == before
    approved(defender)
    defender.connect("wdatp")
    id = ask(defender, "POST", f"/api/machines/d1/{path}", body).body["id"]
    assert defender.app.machine_actions.get(OWNER, id).value.comment == "c"
    assert {e.value.effect for e in defender.app.outward.ledger.list("soc")} == {effect}
    assert ask(defender, "POST", f"/api/machineactions/{id}/cancel", {"Comment": "no"}).body["status"] == "Cancelled"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("isolate", {"IsolationType": "Full"}),
        ("isolate", {"Comment": "c", "IsolationType": "Half"}),
        ("runAntiVirusScan", {"Comment": "c"}),
        ("StopAndQuarantineFile", {"Comment": "c", "Sha1": "x"}),
        ("unisolate", {"Comment": "c", "Colour": "red"}),
    ],
)
def test_an_action_that_is_not_understood_is_not_asked_for(defender: Desk, path: str, body: Any) -> None:
    approved(defender)
    assert ask(defender, "POST", f"/api/machines/d1/{path}", body).status == 400
    assert defender.app.machine_actions.list(OWNER) == []


def test_what_no_machine_here_can_do_is_refused_by_name(defender: Desk) -> None:
    for path in ("/api/machines/d1/startInvestigation", "/api/machines/d1/runliveresponse"):
        assert "is not supported" in ask(defender, "POST", path, {"Comment": "c"}).refused
    assert "is not supported" in ask(defender, "GET", "/api/machineactions/x/getPackageUri").refused


def test_how_often_something_was_seen(defender: Desk) -> None:
    address = ask(defender, "GET", "/api/ips/192.0.2.7/stats", queries={"lookBackHours": 720}).body
    assert (address["ipAddress"], address["orgPrevalence"]) == ("192.0.2.7", "2")
    assert ask(defender, "GET", "/api/domains/x.example/stats").body["orgPrevalence"] == "1", "evilx.example isn't it"
    file = ask(defender, "GET", f"/api/files/{SHA1.upper()}/stats").body
    assert (file["sha1"], file["orgPrevalence"], file["topFileNames"]) == (SHA1, "1", ["bad.exe"])
    assert file["globalPrevalence"] is None
    assert ask(defender, "GET", "/api/ips/192.0.2.7/stats", queries={"lookBackHours": 1}).body["orgPrevalence"] == "0"
    assert ask(defender, "GET", "/api/ips/192.0.2.7/stats", queries={"lookBackHours": 9999}).status == 400


def test_alerts_are_listed_and_changed(defender: Desk) -> None:
    shown = ask(defender, "GET", "/api/alerts/a1").body
    assert (shown["incidentId"], shown["status"]) == (1, "New")
    assert [
        a["id"] for a in ask(defender, "GET", "/api/alerts", queries={"$filter": "status eq 'New'"}).body["value"]
    ] == ["a1"]
    body = {"status": "Resolved", "classification": "TruePositive", "determination": "Malware", "comment": "seen"}
    changed = ask(defender, "PATCH", "/api/alerts/a1", body, key="P#1").body
    assert (changed["status"], changed["classification"], changed["determination"]) == (
        "Resolved",
        "TruePositive",
        "Malware",
    )
    assert ask(defender, "PATCH", "/api/alerts/a1", body, key="P#1").body == changed
    kept = defender.app.detection.alerts.get(OWNER, "a1").value
    assert (kept.status, len(kept.comments)) == (AlertStatus.RESOLVED, 1)
    for wrong in ({"status": "Done"}, {"classification": "Unknown"}, {"title": "x"}):
        assert ask(defender, "PATCH", "/api/alerts/a1", wrong).status == 400


@pytest.mark.parametrize(
    ("connector", "path"),
    [
        ("wdatp", "/api/advancedqueries/run"),
        ("microsoftdefenderadvancedhunting", "/api/advancedhunting/run"),
    ],
)
def test_hunting_asks_the_workspace(defender: Desk, connector: str, path: str) -> None:
    defender.connect(connector)
    query = "DeviceInfo | project DeviceId, Tags = dynamic([1]) | sort by DeviceId asc"
    body = ask(defender, "POST", path, {"Query": query}, connection=connector).body
    assert body["Results"][0] == {"DeviceId": "d1", "Tags": [1]}
    assert ask(defender, "POST", path, {"Query": "DeviceInfo | wat"}, connection=connector).status == 400


# -- the data collector --------------------------------------------------------------


def send(desk: Desk, body: Any, type: str = "Odd", **headers: str) -> Answer:
    return desk.ask(
        "POST",
        "/api/logs",
        body,
        headers={"Log-Type": type, **headers},
        connection="azureloganalyticsdatacollector",
    )


def rows_of(desk: Desk, table: str) -> list[dict[str, Any]]:
    desk.connect("azuremonitorlogs")
    answer = desk.ask("POST", "/queryData", table, {"timerange": "Set in query"}, connection="azuremonitorlogs")
    return list(answer.body["value"])


@pytest.fixture
def collector(desk: Desk) -> Desk:
    desk.connect("azureloganalyticsdatacollector")
    return desk


def test_rows_get_the_columns_that_the_collector_api_names(collector: Desk) -> None:
    record = {
        "text": "x",
        "number": 3,
        "flag": True,
        "at": "2026-11-20T10:00:00Z",
        "id": "11111111-2222-3333-4444-555555555555",
        "inner": {"deep": {"a b": 1.5}, "list": [1, {"x": 2}]},
        "nothing": None,
        "TenantId": "kept",
        "tenant": "dropped",
    }
    assert send(collector, json.dumps([record]), **{"time-generated-field": "at"}).status == 200
    (row,) = rows_of(collector, "Odd_CL | project-away Type, TenantId*")
    assert row["TimeGenerated"] == "2026-11-20T10:00:00Z"
    assert (row["text_s"], row["number_d"], row["flag_b"], row["at_t"]) == ("x", 3.0, True, "2026-11-20T10:00:00Z")
    assert row["inner_deep_a_b_d"] == 1.5
    assert json.loads(row["inner_list_s"]) == [1, {"x": 2}]
    assert row["id_g"] == "11111111-2222-3333-4444-555555555555"
    assert not [name for name in row if name.startswith(("tenant_", "nothing"))]


def test_rows_without_a_time_are_of_now(collector: Desk) -> None:
    send(collector, {"a": "b"}, type="GIBTIAAPTThreatActor ", **{"time-generated-field": "2026-01-01T00:00:00Z"})
    (row,) = rows_of(collector, "GIBTIAAPTThreatActor_CL")
    assert row["TimeGenerated"] == "2026-11-21T12:00:00Z"


@pytest.mark.parametrize(
    ("body", "type"), [("text", "Odd"), ([], "Odd"), ([1], "Odd"), (None, "Odd"), ({}, "a b"), ({}, ""), ({}, "../x")]
)
def test_what_is_no_row_is_a_bad_request(collector: Desk, body: Any, type: str) -> None:
    assert send(collector, body, type).status == 400


def test_rows_are_sent_once_and_in_a_dry_run_never(collector: Desk) -> None:
    for _ in range(2):
        collector.ask(
            "POST",
            "/api/logs",
            {"a": 1},
            headers={"Log-Type": "Odd"},
            connection="azureloganalyticsdatacollector",
            key="Send#1",
        )
    collector.connect("azureloganalyticsdatacollector", mode=Mode.DRY_RUN)
    assert send(collector, {"a": 2}).status == 200
    assert len(rows_of(collector, "Odd_CL")) == 1


def test_only_who_may_add_rows_adds_them(collector: Desk) -> None:
    collector.identity(Role.SENTINEL_RESPONDER)
    assert send(collector, {"a": 1}).status == 403


# -- secrets -------------------------------------------------------------------------


def test_a_secret_is_what_the_workspace_keeps_sealed(desk: Desk) -> None:
    desk.connect("keyvault")
    desk.app.outward.secrets.put("soc", "Api-Key", "hunter2", ANN)
    assert desk.ask("GET", "/secrets/api-key/value", connection="keyvault").body["value"] == "hunter2"
    listed = desk.ask("GET", "/secrets", connection="keyvault").body["value"]
    assert [s["name"] for s in listed] == ["Api-Key"]
    assert "hunter2" not in json.dumps(listed)
    version = listed[0]["version"]
    assert desk.ask("GET", f"/secrets/Api-Key/versions/{version}/value", connection="keyvault").status == 200
    desk.app.outward.secrets.put("soc", "api-key", "new", ANN)
    assert desk.ask("GET", f"/secrets/Api-Key/versions/{version}/value", connection="keyvault").status == 404
    assert desk.ask("GET", "/secrets/none/value", connection="keyvault").status == 404
    assert "hunter2" not in str(desk.state())
    assert desk.app.outward.secrets.delete("soc", "API-KEY")
    assert not desk.app.outward.secrets.delete("soc", "API-KEY")


def test_a_reader_reads_no_secret_and_no_other_workspace_has_it(desk: Desk) -> None:
    desk.connect("keyvault")
    desk.app.workspaces.create("other")
    desk.app.outward.secrets.put("other", "Theirs", "s", ANN)
    assert desk.ask("GET", "/secrets/Theirs/value", connection="keyvault").status == 404
    desk.identity(Role.SENTINEL_READER)
    assert desk.ask("GET", "/secrets", connection="keyvault").status == 403


# -- Kusto, Graph --------------------------------------------------------------------


def test_kusto_asks_workspaces_of_clusters_that_stand_for_this_house(desk: Desk) -> None:
    desk.connect("kusto", parameters={"clusters": "https://lake.weu.kusto.windows.net"})
    desk.app.streams.append(desk.workspace, "Seen_CL", [{"TimeGenerated": NOW.isoformat(), "N": {"a": 1}}])

    def list_(csl: str, db: str = "soc", cluster: str = "https://lake.weu.kusto.windows.net/") -> Answer:
        return desk.ask(
            "POST", "/ListKustoResults/false", {"cluster": cluster, "db": db, "csl": csl}, connection="kusto"
        )

    assert list_("Seen_CL | project N").body == {"value": [{"N": {"a": 1}}]}
    tables = list_('.show tables\n| where TableName !contains "Raw"').body["value"]
    assert "Seen_CL" in [t["TableName"] for t in tables]
    assert list_(".drop table Seen_CL").status == 403
    assert list_("Seen_CL", db="none").status == 404
    refused = list_("Seen_CL", cluster="https://other.kusto.windows.net")
    assert (refused.status, "clusters" in refused.body["error"]["message"]) == (403, True)


def test_indicators_of_graph_are_kept(desk: Desk) -> None:
    desk.connect("microsoftgraphsecurity")
    one = {
        "action": "block",
        "description": "IP to block",
        "expirationDateTime": "2027-04-23T19:53:10.2071263Z",
        "networkDestinationIPv4": "192.0.2.66",
        "targetProduct": "Microsoft Defender ATP",
    }
    made = desk.ask("POST", "/beta/security/tiIndicators", one, connection="microsoftgraphsecurity", key="I#1")
    assert made.status == 201
    assert made == desk.ask("POST", "/beta/security/tiIndicators", one, connection="microsoftgraphsecurity", key="I#1")
    several = {
        "value": [
            {"url": "http://x.example/it's", "description": "u"},
            {"fileHashType": "sha256", "fileHashValue": "ab"},
        ]
    }
    path = "/beta/security/tiIndicators/submitTiIndicators"
    assert len(desk.ask("POST", path, several, connection="microsoftgraphsecurity").body["value"]) == 2
    kept = sorted(d.value.pattern for d in desk.app.detection.indicators.list(OWNER))
    assert kept == [
        "[file:hashes.'SHA-256' = 'ab']",
        "[ipv4-addr:value = '192.0.2.66']",
        r"[url:value = 'http://x.example/it\'s']",
    ]
    got = desk.ask("GET", f"/beta/security/tiIndicators/{made.body['id']}", connection="microsoftgraphsecurity")
    assert got.body["description"] == "IP to block"
    gone = desk.ask("DELETE", f"/beta/security/tiIndicators/{made.body['id']}", connection="microsoftgraphsecurity")
    assert gone.status == 204
    for wrong in ({}, {"colour": "red"}, {"description": "x"}, {"fileHashValue": "x"}, {"url": "x", "confidence": 900}):
        assert desk.ask("POST", "/beta/security/tiIndicators", wrong, connection="microsoftgraphsecurity").status == 400


def test_a_dry_run_of_indicators_keeps_none(desk: Desk) -> None:
    desk.app.detection.indicators.put(OWNER, "i1", Indicator("[url:value = 'x']", "stix"))
    desk.connect("microsoftgraphsecurity", mode=Mode.DRY_RUN)
    before, path = desk.state(), "/beta/security/tiIndicators"
    given = {"url": "http://x.example"}
    for method, end, body in (
        ("POST", "", given),
        ("POST", "/submitTiIndicators", {"value": [given]}),
        ("DELETE", "/i1", None),
    ):
        assert desk.ask(method, path + end, body, connection="microsoftgraphsecurity").status < 300
    assert desk.ask("POST", path, {"colour": "red"}, connection="microsoftgraphsecurity").status == 400
    assert desk.state() == before


# -- all of them ---------------------------------------------------------------------


def test_connectors_are_declared_without_doubt(desk: Desk) -> None:
    for name in CONNECTORS:
        connector = desk.app.outward.connectors(name)
        assert connector is not None
        assert connector.name == name == name.lower()
        ids = [o.id for o in connector.operations]
        assert len(ids) == len(set(ids)), name
        places = [(o.method, o.path.lower()) for o in connector.operations]
        assert len(places) == len(set(places)), name
        assert all(o.summary.endswith(".") and o.method == o.method.upper() for o in connector.operations), name
        for operation in connector.operations:
            if operation.effect is Effect.READ:
                assert not operation.atomic
                assert operation.plausible is None

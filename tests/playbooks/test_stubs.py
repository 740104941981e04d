"""Stubs: a back end out of what is known of each operation's answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from huntlake.core.errors import Invalid
from huntlake.playbooks.connectors.stubs import Contracts, Stubs

OPEN = Path(__file__).parents[3] / "shared" / "playbooks" / "contracts-open.json"

CONTRACTS = Contracts.of(
    {
        "TRIGGER azuresentinel GET /incident-creation": {
            "reads": {
                ".object.id": 2,
                ".object.properties.Alerts[].properties.additionalData.Custom Details.account[]": 1,
                ".object.properties.labels[].labelName": 1,
                ".Object.Properties.severity": 1,
            }
        },
        "TRIGGER azuresentinel_1 GET /incident-creation": {"reads": {".workspaceId": 1}},
        "TRIGGER Request": {"reads": {"[].subject": 3}},
        "azuresentinel POST /entities/ip": {"reads": {".IPs[].Address": 5, ".IPs": 2}},
        "azuresentinel PUT /Watchlists/{}/watchlists/VIPUsers/watchlistItem": {"reads": {".vip": 1}},
        "azuresentinel PUT /Watchlists/{}/watchlists/{}/watchlistItem": {"reads": {".id": 1}},
        "teams POST /v1.0/poster/Flow bot/location/Channel": {"reads": {".id": 1}},
        "office365 GET /approvalmail/$subscriptions": {"reads": {".SelectedOption": 1}},
        "keyvault GET /secrets/{}/value": {"reads": {".value": 1}},
        "azureadip GET /beta/riskyUsers/{}/history": {"reads": {".value": 1}},
        "custom GET /networks/{}/clients": {"reads": {"[].id": 1, "^statusCode": 1, "^headers.ETag": 1}},
        "sharepointonline PATCH /datasets//tables//items/{}": {"reads": {}},
        "azureblob GET /datasets/default/foldersV2//logs": {"reads": {".value[].Name": 1}},
    }
)


@pytest.mark.parametrize(
    ("connector", "method", "path", "body"),
    [
        ("azuresentinel", "post", "/entities/ip", {"IPs": [{"Address": "203.0.113.1"}, {"Address": "203.0.113.2"}]}),
        ("AzureSentinel_3", "POST", "/Entities/IP", {"IPs": [{"Address": "203.0.113.1"}, {"Address": "203.0.113.2"}]}),
        ("azuresentinel", "PUT", "/Watchlists/a%2Fb/watchlists/VIPUsers/watchlistItem", {"vip": "vip 1"}),
        ("keyvault", "GET", "/secrets/x/value", {"value": "value 1"}),
        ("azureadip", "GET", "/beta/riskyUsers/x/history", {"value": []}),
        ("sharepointonline", "PATCH", "/datasets/https%253A%252F%252Fa/tables/t/items/1", {}),
    ],
)
def test_what_is_read_of_an_answer_is_in_it(connector: str, method: str, path: str, body: Any) -> None:
    assert Stubs(CONTRACTS).answer(connector, method, path).body == body


def test_a_path_that_is_encoded_is_the_path_that_is_meant() -> None:
    stubs = Stubs(CONTRACTS)
    assert not stubs.answer("teams", "POST", "/v1.0/poster/Flow%20bot/location/Channel").refused
    assert not stubs.answer("teams", "POST", "/v1.0/poster/Flow bot/location/Channel").refused
    assert not stubs.answer("azureblob", "GET", "/datasets/default/foldersV2/%252Flogs").refused


def test_a_call_that_no_contract_knows_is_refused_by_name() -> None:
    stubs = Stubs(CONTRACTS)
    for connector, path in (("azuresentinel", "/entities/ips"), ("azuresentinel", "/networks/1/clients")):
        assert f"{connector} GET {path}" in stubs.answer(connector, "GET", path).refused
    assert stubs.answer("keyvault", "DELETE", "/secrets/x/value").refused


def test_a_customers_connector_is_found_whatever_its_name_is() -> None:
    answer = Stubs(CONTRACTS).answer("MerakiConnector", "GET", "/networks/N_1/clients")
    assert [list(one) for one in answer.body] == [["id"], ["id"]]
    assert answer.body[0] != answer.body[1]
    assert "ETag" in answer.headers
    assert not Stubs(CONTRACTS).answer("azuresentinel", "GET", "/networks/N_1/clients", custom=True).refused


def test_a_path_that_a_template_put_together_is_known_by_what_is_spelled_out() -> None:
    path = "[concat('/workflows/', split(parameters('x'), '/')[4], '/invoke/func/base')]"
    stubs = Stubs(Contracts.of({f"custom POST {path}": {"reads": {".score": 1}}}))
    assert stubs.answer("triage", "POST", "/workflows/w1/invoke/func/base").body == {"score": 1}
    assert stubs.answer("triage", "POST", "/workflows/w1/invoke/func/other").refused


def test_of_what_a_mail_offers_the_first_is_chosen() -> None:
    sent = {"Message": {"Options": "Block, Ignore"}}
    answer = Stubs(CONTRACTS).answer("office365", "GET", "/approvalmail/$subscriptions", sent)
    assert answer.body == {"SelectedOption": "Block"}


def test_a_triggers_payload_keeps_what_is_real_and_gets_what_it_lacks() -> None:
    contract = CONTRACTS.trigger("azuresentinel", "GET", "/incident-creation")
    assert contract is not None
    real = {
        "object": {
            "id": "/real",
            "properties": {
                "Severity": "Low",
                "labels": [],
                "Alerts": [{"properties": {"additionalData": {"Custom Details": '{"city": ["Oslo"]}'}}}],
            },
        }
    }
    made = contract.over(real)
    properties = made["object"]["properties"]
    assert made["object"]["id"] == "/real"
    assert properties["Severity"] == "Low"
    assert "severity" not in properties
    assert len(properties["labels"]) == 2
    details = json.loads(properties["Alerts"][0]["properties"]["additionalData"]["Custom Details"])
    assert details == {"city": ["Oslo"], "account": ["account 1", "account 2"]}
    assert made["workspaceId"]
    assert real["object"]["properties"]["labels"] == []  # type: ignore[index]


def test_details_of_an_alert_are_json_within_a_text() -> None:
    contract = CONTRACTS.trigger("azuresentinel", "GET", "/incident-creation")
    assert contract is not None
    alert = contract.body(elements=1)["object"]["properties"]["Alerts"][0]["properties"]
    assert json.loads(alert["additionalData"]["Custom Details"]) == {"account": ["account 1"]}


def test_a_trigger_without_a_connector_has_a_payload_by_its_type() -> None:
    contract = CONTRACTS.trigger("Request")
    assert contract is not None
    assert contract.body(elements=1) == [{"subject": "subject 1"}]
    assert CONTRACTS.trigger("azuresentinel", "GET", "/nothing") is None


def test_a_document_that_holds_no_contracts_is_refused() -> None:
    with pytest.raises(Invalid, match="isn't a contract"):
        Contracts.of({"something": {"reads": {}}})


@pytest.mark.skipif(not OPEN.exists(), reason="the published contracts aren't here")
def test_every_path_that_a_published_playbook_reads_is_there() -> None:
    contracts = Contracts.of(json.loads(OPEN.read_text()))
    lost = []
    for contract in (*contracts.operations, *contracts.triggers):
        body = contract.body()
        for path in contract.reads:
            if not path.startswith("^") and not _is_there(body, path):
                lost.append(f"{contract.connector} {contract.path} {path}")
        assert contract.body() == body
    # Some templates read an object where others read an array: it can't be both.
    both = ("recordedfuture /fusion/files/ .results", "request  [].subject")
    assert [one for one in lost if not one.startswith(both)] == []


def _is_there(value: Any, path: str) -> bool:
    for step in path.replace("[]", ".[]").replace("[*]", "").split("."):
        if isinstance(value, str) and value.startswith("{"):
            value = json.loads(value)
        if step == "[]":
            if not isinstance(value, list) or not value:
                return False
            value = value[0]
        elif step:
            if not isinstance(value, dict):
                return False
            keys = {k.lower(): k for k in value}
            if step.lower() not in keys:
                return False
            value = value[keys[step.lower()]]
    return True

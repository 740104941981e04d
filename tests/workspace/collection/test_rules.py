from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.workspace.collection.conftest import COLUMNS, OTHER, SOC, STREAM, House, declared, flow, rule

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Conflict, Invalid, NotFound, PreconditionFailed
from huntlake.workspace.collection import definition_of, resource_of


def columns(house: House, table: str) -> dict[str, str]:
    return {c.name: str(c.type) for c in house.analytics.table_definitions.get(SOC, table).custom_columns}


def test_a_rule_comes_back_as_it_was_written() -> None:
    written = rule(description="what for", dataCollectionEndpointId="/dce") | {"tags": {"a": "b"}}
    assert resource_of(definition_of(written)) == written


def test_a_rule_keeps_its_id_when_it_is_changed(house: House) -> None:
    first = house.put()
    assert first.startswith("dcr-")
    assert len(first) == 36
    assert house.put(flow("source | where Level > 1"), name="EVENTS") == first
    assert house.analytics.collection.rules.by_id(first).value.name == "events"


def test_a_rule_is_there_after_a_restart(opened: Callable[[], House]) -> None:
    id = opened().put()
    kept = opened().analytics.collection.rules.by_id(id).value
    assert kept.definition == definition_of(rule())


def test_a_rule_that_is_gone_takes_nothing(house: House) -> None:
    rules, id = house.analytics.collection.rules, house.put()
    assert house.analytics.collection.delete("Events")
    assert not house.analytics.collection.delete("events")
    with pytest.raises(NotFound):
        rules.by_id(id)
    with pytest.raises(NotFound):
        rules.get("events")


def test_another_rule_of_the_same_name_has_another_id(house: House) -> None:
    first = house.put()
    house.analytics.collection.delete("events")
    assert house.put() != first


def test_a_stale_etag_changes_neither_rule_nor_tables(house: House) -> None:
    rules = house.analytics.collection.rules
    house.put()
    wider = definition_of(rule(columns={**COLUMNS, "More": "string"}))
    with pytest.raises(PreconditionFailed):
        rules.put("events", wider, if_match="stale")
    with pytest.raises(Conflict):
        rules.put("events", wider, create_only=True)
    assert "More" not in columns(house, "Events_CL")
    assert rules.put("events", wider, if_match=rules.get("events").etag)


def test_the_table_of_a_rule_is_made_with_the_columns_of_the_result(house: House) -> None:
    house.put(flow("source | project TimeGenerated, Who = toupper(User), High = Level > 3, Extra"))
    assert columns(house, "Events_CL") == {"Who": "string", "High": "bool", "Extra": "dynamic"}


def test_a_table_gets_the_columns_that_a_changed_rule_fills(house: House) -> None:
    house.put()
    house.put(flow("source | extend Twice = Level * 2"))
    assert columns(house, "Events_CL")["Twice"] == "long"


def test_a_table_that_azure_has_gets_columns_that_end_in_cf(house: House) -> None:
    house.put(flow("source | project TimeGenerated, Computer = User, Level_CF = Level", "Microsoft-Syslog"))
    assert columns(house, "Syslog") == {"Level_CF": "long"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"dataFlows": []}, "`properties.dataFlows` is empty"),
        ({"dataFlows": None}, "`properties.dataFlows` is missing"),
        ({"dataFlow": []}, "`properties.dataFlow` is not supported"),
        ({"dataSources": {"syslog": [{}]}}, "`properties.dataSources` is not supported"),
        ({"destinations": {"eventHubs": [{}]}}, "`properties.destinations.eventHubs` is not supported"),
        ({"destinations": {"logAnalytics": [{"name": "here"}]}}, "logAnalytics[0].workspaceResourceId` is missing"),
        ({"streamDeclarations": {"Events": declared(COLUMNS)}}, "doesn't begin with `Custom-`"),
        ({"streamDeclarations": {STREAM: {"columns": []}}}, "is empty"),
        ({"streamDeclarations": {STREAM: declared({"a": "text"})}}, "`text` is no type of a column"),
        ({"streamDeclarations": {STREAM: declared({"a": "long", "A": "long"})}}, "are one"),
        ({"streamDeclarations": {STREAM: declared({" ": "long"})}}, "columns[0].name` is blank"),
        ({"streamDeclarations": [1]}, "`properties.streamDeclarations` is no object"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told_with_its_place(change: dict[str, Any], told: str) -> None:
    with pytest.raises(Invalid) as caught:
        definition_of(rule(**change))
    assert told in str(caught.value)


def test_rules_of_other_kinds_are_refused_by_name() -> None:
    with pytest.raises(Invalid, match="`Windows` are not supported"):
        definition_of(rule() | {"kind": "Windows"})


@pytest.mark.parametrize(
    ("flows", "told"),
    [
        (flow(streams=["Custom-Evnts_CL"]), "no stream `Custom-Evnts_CL` is declared"),
        (flow(streams=["Microsoft-Nothing"]), "no table is named `Nothing`"),
        (flow(to=["nowhere"]), "none is named `nowhere`"),
        (flow(output="Custom-Events"), "ends in `_CL`"),
        (flow(output="Events_CL"), "`properties.dataFlows[1].outputStream`"),
        (flow(output="Microsoft-Nothing"), "no table is named `Nothing`"),
        (flow("source | project User"), "the result has no `TimeGenerated`"),
        (flow("source | project TimeGenerated = User"), "`TimeGenerated` is a `string`, and has to be a `datetime`"),
        (flow("source | extend TenantId = User"), "`TenantId` of a table is filled by the workspace"),
        (flow("source | project TimeGenerated, Computer = Level", "Microsoft-Syslog"), "Computer [produced: 'long'"),
        (flow("source | project TimeGenerated, Sender = User", "Microsoft-Syslog"), "`Syslog` has no column `Sender`"),
        (flow("source | extend 1x = 1".replace("1x", "['a b']")), "`a b` can't name a column"),
        (flow("source | extend Title = User"), "the name is reserved"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_work_is_refused_and_leaves_nothing(house: House, flows: dict[str, Any], told: str) -> None:
    with pytest.raises(Invalid) as caught:
        house.put(flow(output="Custom-First_CL"), flows)
    assert told in str(caught.value)
    assert not house.analytics.collection.rules.list()
    assert not house.analytics.tables.with_data("soc")


def test_a_transformation_that_is_not_allowed_is_refused_at_its_place(house: House) -> None:
    with pytest.raises(SourceError, match="`summarize` is not supported in a transformation"):
        house.put(flow("source | summarize count()"))


def test_a_workspace_that_is_not_there_is_refused(house: House) -> None:
    nowhere = {"logAnalytics": [{"workspaceResourceId": "nowhere", "name": "here"}]}
    with pytest.raises(NotFound, match="no workspace is named `nowhere`"):
        house.put(destinations=nowhere)


def test_two_flows_may_not_give_one_column_two_types(house: House) -> None:
    with pytest.raises(Invalid, match=r"X \[produced: 'string', the table's: 'long'\]"):
        house.put(flow("source | extend X = Level"), flow("source | extend X = User"))


def test_whole_numbers_may_go_where_wider_ones_are_kept(house: House) -> None:
    house.put(flow("source | extend X = todouble(Level)"))
    house.put(flow("source | extend X = toint(Level)"), name="second")
    house.send({"Level": 7}, name="second")
    assert house.ask("Events_CL | project X") == [[7.0]]


def test_names_of_rules_are_those_that_azure_takes(house: House) -> None:
    for name in ("", "a", "a/b", "-ab", "a b", "x" * 129):
        with pytest.raises(Invalid):
            house.put(name=name)


def test_a_stream_of_azure_needs_no_declaration(house: House) -> None:
    house.put(flow("source", "Microsoft-Syslog", streams=["Microsoft-Syslog"]))
    house.send({"Computer": "a", "TenantId": "mine", "SyslogMessage": "m"}, stream="Microsoft-Syslog")
    assert house.ask("Syslog | project Computer, TenantId, Type") == [["a", SOC.id, "Syslog"]]


def test_one_flow_may_fill_two_workspaces(house: House) -> None:
    house.put(flow(to=["here", "there"]))
    assert house.send({"User": "ann"}).counts.stored == 2
    assert house.ask("Events_CL | project User") == [["ann"]]
    assert house.ask("Events_CL | project User", OTHER) == [["ann"]]

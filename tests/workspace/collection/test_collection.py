from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.workspace.collection.conftest import NOON, SOC, STREAM, House, flow

from huntlake.core.errors import Invalid
from huntlake.lake.log.reading import segments
from huntlake.workspace.collection import UnknownStream
from huntlake.workspace.collection.counts import Counts
from huntlake.workspace.ingestion.mapping import Unknown
from huntlake.workspace.table_definitions import TableChange

TIME = "2026-11-20T10:00:00.1234567+02:00"


def test_rows_are_seen_at_once_and_typed(house: House) -> None:
    house.put()
    house.send({"TimeGenerated": TIME, "User": "ann", "Level": 3, "Extra": {"a": [1, None]}})
    wanted = [["2026-11-20T08:00:00.123456Z", "ann", 3, {"a": [1, None]}]]
    assert house.ask("Events_CL | project TimeGenerated, User, Level, Extra") == wanted
    house.analytics.streams.flush()
    assert house.ask("Events_CL | project TimeGenerated, User, Level, Extra") == wanted


def test_a_record_without_a_time_gets_that_of_its_arrival(house: House) -> None:
    house.put(flow(), flow("source | where User == 'ann'", "Custom-Ann_CL"))
    house.send({"User": "ann"})
    for table in ("Events_CL", "Ann_CL"):
        assert house.ask(f"{table} | project TimeGenerated") == [["2026-11-21T12:00:00Z"]]


def test_a_stream_without_a_time_may_pass_as_it_is(house: House) -> None:
    house.put(columns={"User": "string"})
    house.send({"User": "ann"})
    assert house.ask("Events_CL | project TimeGenerated, User") == [["2026-11-21T12:00:00Z", "ann"]]


@pytest.mark.parametrize("transform", ["source", "source | extend Same = true"])
def test_no_other_column_makes_a_row_older_than_its_arrival(house: House, transform: str) -> None:
    house.put(flow(transform), columns={"TimeGenerated": "datetime", "time": "datetime", "Timestamp": "string"})
    house.send({"time": TIME, "Timestamp": TIME}, {"time": TIME, "TimeGenerated": None}, {"TimeGenerated": ""})
    assert house.ask("Events_CL | distinct TimeGenerated") == [["2026-11-21T12:00:00Z"]]


def test_records_go_where_their_flows_say(house: House) -> None:
    house.put(
        flow("source | where Level < 5"),
        flow("source | where Level >= 5 | project TimeGenerated, Who = strcat(User, '!')", "Custom-High_CL"),
    )
    sent = house.send({"User": "ann", "Level": 1}, {"User": "bob", "Level": 9})
    assert sent.tables == ("Events_CL", "High_CL")
    assert sent.counts == Counts(received=2, stored=2, dropped=2)
    assert house.ask("Events_CL | project User") == [["ann"]]
    assert house.ask("High_CL | project Who") == [["bob!"]]


def test_the_time_of_a_stream_may_be_of_any_type_before_it_is_made_one(house: House) -> None:
    made = "source | where isnotempty(TimeGenerated) | extend TimeGenerated = todatetime(TimeGenerated)"
    house.put(flow(made), columns={"TimeGenerated": "string", "User": "string"})
    house.send({"User": "ann", "TimeGenerated": "2026-11-20"}, {"User": "bob"}, {"User": "c", "TimeGenerated": "soon"})
    asked = "Events_CL | sort by User asc | project User, TimeGenerated"
    assert house.ask(asked) == [["ann", "2026-11-20T00:00:00Z"], ["c", "2026-11-21T12:00:00Z"]]
    house.put(
        flow("source | project TimeGenerated = datetime(2026-01-01), Old = TimeGenerated"),
        columns={"TimeGenerated": "long"},
    )
    assert house.send({"TimeGenerated": 5}, {"TimeGenerated": "five"}).counts.rejected == 1
    assert house.letters()[0][:2] == [2, "`TimeGenerated` is no long: five"]


def test_a_record_without_a_time_has_none_in_the_transformation(house: House) -> None:
    house.put(flow("source | where isnull(TimeGenerated)"))
    assert house.send({"User": "ann"}, {"User": "bob", "TimeGenerated": TIME}).counts.dropped == 1
    assert house.ask("Events_CL | project User, TimeGenerated") == [["ann", "2026-11-21T12:00:00Z"]]


@pytest.mark.parametrize("transform", ["source", "source | extend Same = true"])
def test_every_kind_of_value_comes_through(house: House, transform: str) -> None:
    columns = {
        "i": "int", "l": "long", "r": "real", "b": "boolean",
        "s": "string", "d": "datetime", "g": "guid", "x": "dynamic",
    }  # fmt: skip
    house.put(flow(transform if transform == "source" else transform + ", TimeGenerated = now()"), columns=columns)
    values = {
        "i": -5, "l": 9223372036854775807, "r": 0.1, "b": False, "s": 'é "\n\u2028', "d": TIME,
        "g": "{AAAAAAAA-0000-0000-0000-00000000000A}", "x": [1, "two", {"3": None}],
    }  # fmt: skip
    house.send(values, {"i": None, "x": "text", "s": 5})
    house.analytics.streams.flush()
    assert house.ask("Events_CL | sort by l desc nulls last | project i, l, r, b, s, d, g, x") == [
        [-5, 9223372036854775807, 0.1, False, 'é "\n\u2028', "2026-11-20T08:00:00.123456Z",
         "aaaaaaaa-0000-0000-0000-00000000000a", [1, "two", {"3": None}]],
        [None, None, None, None, "5", None, None, "text"],
    ]  # fmt: skip


def test_long_numbers_in_bags_are_not_cut_short(house: House) -> None:
    house.put()
    body = b'[{"User":"a",\n"Extra":{"n":123456789012345678901234567890},"Stranger":1},\n{"User":"b","Extra":{"n":1}}]'
    rules = house.analytics.collection.rules
    house.analytics.collection.take(rules.get("events"), STREAM, body)
    assert house.ask("Events_CL | sort by User asc | project tostring(Extra)") == [
        ['{"n":123456789012345678901234567890}'],
        ['{"n":1}'],
    ]


def test_records_that_do_not_fit_go_to_the_dead_letters_with_their_place(house: House) -> None:
    house.put(flow("source | extend Same = true"))
    sent = house.send({"User": "ann"}, 5, {"Level": "nine"}, "text", {"User": "bob"})
    assert sent.counts == Counts(received=5, stored=2, rejected=3)
    assert house.ask("Events_CL | count") == [[2]]
    assert house.letters() == [
        [2, "not a JSON object", "Events_CL", "5"],
        [3, "`Level` is no long: nine", "Events_CL", '{"Level":"nine"}'],
        [4, "not a JSON object", "Events_CL", '"text"'],
    ]


def test_a_record_that_passes_as_it_is_and_does_not_fit_is_no_row_either(house: House) -> None:
    house.put()
    house.send({"User": "ann", "Level": "nine", "TimeGenerated": ""}, {"User": "bob"})
    text = '{"User":"ann","Level":"nine","TimeGenerated":"2026-11-21T12:00:00+00:00"}'
    assert house.letters() == [[1, "`Level` is no long: nine", "Events_CL", text]]
    assert house.ask("Events_CL | project User") == [["bob"]]


@pytest.mark.parametrize("transform", ["source", "source | extend Same = true"])
def test_fields_that_nobody_declared_are_left_out_and_counted(house: House, transform: str) -> None:
    house.put(flow(transform))
    sent = house.send({"User": "ann", "Strange": 1}, {"User": "bob", "Strange": 2, "Odd": 3})
    assert sent.counts.unknown == {"Strange": 2, "Odd": 1}
    assert "Strange" not in house.ask("Events_CL | getschema | summarize make_list(ColumnName)")[0][0]


@pytest.mark.parametrize("transform", ["source", "source | extend Same = true"])
def test_fields_that_nobody_declared_are_kept_where_the_table_says_so(house: House, transform: str) -> None:
    house.put(flow(transform))
    house.analytics.table_definitions.put(SOC, "Events_CL", TableChange(unknown=Unknown.KEEP))
    sent = house.send({"User": "ann", "Strange": {"a": 1}}, {"User": "bob"})
    assert sent.counts.unknown == {}
    wanted = [["ann", {"Strange": {"a": 1}}], ["bob", None]]
    assert house.ask("Events_CL | sort by User asc | project User, AdditionalFields") == wanted


def test_a_field_that_nobody_declared_fills_no_column_of_the_table(house: House) -> None:
    house.put(flow("source | project TimeGenerated, Who = User"))
    house.analytics.table_definitions.put(SOC, "Events_CL", TableChange(unknown=Unknown.KEEP))
    sent = house.send({"User": "ann", "Who": "forged", "Type": "forged"})
    assert house.ask("Events_CL | project Who, Type, AdditionalFields") == [["ann", "Events_CL", None]]
    assert sent.counts.unknown == {"Who": 1, "Type": 1}


def test_a_table_that_keeps_unknown_fields_keeps_columns_that_it_does_not_have(house: House) -> None:
    house.analytics.table_definitions.put(SOC, "Syslog", TableChange(unknown=Unknown.KEEP))
    house.put(flow("source | project TimeGenerated, Computer = User, Sender = User", "Microsoft-Syslog"))
    house.send({"User": "ann"})
    assert house.ask("Syslog | project Computer, AdditionalFields") == [["ann", {"Sender": "ann"}]]


def test_now_is_the_time_of_arrival_and_stays_it(house: House) -> None:
    house.put(flow("source | extend Seen = now(), Age = now() - TimeGenerated > 1d"))
    house.send({"User": "ann", "TimeGenerated": TIME})
    house.analytics.streams.flush()
    assert house.ask("Events_CL | project Seen, Age") == [[f"{NOON:%Y-%m-%dT%H:%M:%SZ}", True]]


def test_a_rule_that_does_not_work_any_more_loses_nothing(opened: Callable[[], House]) -> None:
    house = opened()
    house.put(flow("source | extend X = Level"))
    house.analytics.table_definitions.delete(SOC, "Events_CL")
    house.put(flow("source | extend X = User"), name="other")
    house = opened()
    sent = house.send({"User": "ann", "Level": 1})
    assert sent.counts == Counts(received=1, rejected=1)
    ((line, reason, table, text),) = house.letters()
    assert (line, table, json.loads(text)) == (1, "Events_CL", {"User": "ann", "Level": 1})
    assert "the rule fails: the types of the columns" in reason


def test_a_table_that_was_dropped_comes_back_with_the_types_of_the_rule(house: House) -> None:
    house.put(flow("source | extend Text = '5'"))
    house.send({"User": "ann"})
    house.analytics.table_definitions.delete(SOC, "Events_CL")
    house.send({"User": "bob"})
    assert house.ask("Events_CL | project User, Text") == [["bob", "5"]]


def test_a_table_that_azure_has_may_be_filled_before_anyone_wrote_to_it(house: House) -> None:
    house.put(flow("source | project TimeGenerated, Computer = User", "Microsoft-Syslog"))
    house.send({"User": "ann"})
    assert house.ask("Syslog | project Computer, Type") == [["ann", "Syslog"]]


@pytest.mark.parametrize("body", [b"", b"{", b'{"an":"object"}', b"5", b'[{"a":1}', b'[{"a":\xff}]', b"[" * 2000])
def test_what_is_no_array_is_refused_as_a_whole(house: House, body: bytes) -> None:
    house.put()
    rules = house.analytics.collection.rules
    with pytest.raises(Invalid):
        house.analytics.collection.take(rules.get("events"), STREAM, body)
    assert house.ask("Events_CL | count") == [[0]]


@pytest.mark.parametrize("transform", ["source", "source | extend Same = true"])
@pytest.mark.parametrize(("depth", "stored"), [(190, 2), (300, 1), (1000, 1)])
def test_a_record_that_nests_too_deeply_takes_no_other_with_it(
    house: House, transform: str, depth: int, stored: int
) -> None:
    house.put(flow(transform))
    house.analytics.table_definitions.put(SOC, "Events_CL", TableChange(unknown=Unknown.KEEP))
    rules = house.analytics.collection.rules
    for field in (b"Extra", b"Strange"):
        body = b'[{"%s":%s},{"User":"bob"}]' % (field, b"[" * depth + b"]" * depth)
        sent = house.analytics.collection.take(rules.get("events"), STREAM, body)
        assert (sent.counts.stored, sent.counts.rejected) == (stored, 2 - stored)
    assert house.ask("Events_CL | count") == [[2 * stored]]


def test_a_stream_that_the_rule_does_not_have_is_told(house: House) -> None:
    house.put()
    with pytest.raises(UnknownStream, match="did you mean `Custom-Events_CL`"):
        house.send({}, stream="Custom-Event_CL")


def test_no_record_at_all_is_no_fault(house: House) -> None:
    house.put(flow("source | extend Same = true"))
    assert house.send().counts == Counts()


def test_what_became_of_records_is_remembered(opened: Callable[[], House]) -> None:
    house = opened()
    id = house.put(flow("source | where Level > 1"))
    house.send({"Level": 1}, {"Level": 2, "Odd": 1}, 3)
    house = opened()
    house.send({"Level": 3})
    rule = house.analytics.collection.rules.by_id(id).value
    assert house.analytics.collection.counts(rule) == Counts(4, 2, 1, 1, {"Odd": 1})


def test_rows_for_two_tables_lie_in_the_log_together(house: House) -> None:
    house.put(flow(), flow("source | extend Same = true", "Custom-Other_CL"))
    house.send({"User": "ann"})
    root = house.analytics.lake.root / "_log"
    (writer,) = [f for f in root.iterdir() if f.is_dir()]
    assert len(segments(writer)) == 1


def test_texts_that_only_case_tells_apart_do_not_mix(house: House) -> None:
    house.put(flow("source | project TimeGenerated, User, Other = tolower(User), Zero = toint(Level)"))
    house.send({"User": "Ann", "user": "bob", "Level": 0})
    assert house.ask("Events_CL | project User, Other, Zero") == [["Ann", "ann", 0]]

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.workspace.collection.conftest import SOC, House

from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.kql.types import ScalarType
from huntlake.workspace.ingestion.mapping import Unknown
from huntlake.workspace.table_definitions import DEFAULT_DAYS, TableChange, TableColumn, TableDefinition

USER = TableColumn("User", ScalarType.STRING, "who did it", "The user")
LEVEL = TableColumn("Level", ScalarType.LONG)


def put(house: House, name: str = "Own_CL", **change: object) -> TableDefinition:
    return house.analytics.table_definitions.put(SOC, name, TableChange(**change))  # type: ignore[arg-type]


def test_a_table_comes_back_as_it_was_defined(house: House) -> None:
    put(house, columns=[USER, LEVEL], plan="Basic", display_name="Own", description="What for", retention_days=30)
    found = house.analytics.table_definitions.get(SOC, "Own_CL")
    assert found.custom
    assert found.custom_columns == (USER, LEVEL)
    assert [c.name for c in found.columns] == ["TimeGenerated", "TenantId", "Type", "_TimeReceived"]
    assert (found.plan, found.display_name, found.description) == ("Basic", "Own", "What for")
    assert (found.retention_days, found.total_retention_days, found.retention_is_default) == (30, 30, False)
    assert found.unknown is Unknown.DROP
    assert house.ask("Own_CL | count") == [[0]]


def test_what_is_not_said_stays(house: House) -> None:
    put(house, columns=[USER], plan="Basic", description="What for", total_retention_days=400)
    found = put(house, retention_days=30)
    assert (found.plan, found.description, found.custom_columns) == ("Basic", "What for", (USER,))
    assert (found.retention_days, found.total_retention_days) == (30, 30)


def test_the_days_of_a_table_are_those_that_its_rows_are_kept(house: House) -> None:
    definitions = house.analytics.table_definitions
    put(house, retention_days=30, total_retention_days=365)
    assert definitions.retention.days("soc", "Own_CL") == 365
    found = put(house, retention_days=DEFAULT_DAYS, total_retention_days=DEFAULT_DAYS)
    assert (found.retention_days, found.total_retention_days, found.retention_is_default) == (None, None, True)


def test_a_table_of_azure_tells_its_own_columns_apart(house: House) -> None:
    found = put(house, "Syslog", columns=[TableColumn("Note_CF", ScalarType.DYNAMIC)], description="ours")
    assert not found.custom
    assert [c.name for c in found.custom_columns] == ["Note_CF"]
    assert "SyslogMessage" in {c.name for c in found.columns}
    assert found.description == "ours"


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("Own", {}, "ends in `_CL`"),
        ("9Own_CL", {}, "can't name a table"),
        ("Own-2_CL", {}, "can't name a table"),
        ("_CL", {}, "can't name a table"),
        ("O" * 61 + "_CL", {}, "can't name a table"),
        ("../../Own_CL", {}, "can't name a table"),
        ("Own_CL", {"plan": "Gold"}, "is no plan of a table; Analytics, Basic, Auxiliary are"),
        ("Own_CL", {"retention_days": 0}, "`retentionInDays`"),
        ("Own_CL", {"retention_days": 30, "total_retention_days": 7}, "is less than"),
        ("Own_CL", {"columns": [TableColumn("9a", ScalarType.LONG)]}, "can't name a column"),
        ("Own_CL", {"columns": [TableColumn("a" * 46, ScalarType.LONG)]}, "can't name a column"),
        ("Own_CL", {"columns": [TableColumn("Title", ScalarType.STRING)]}, "the name is reserved"),
        ("Own_CL", {"columns": [TableColumn("a", ScalarType.TIMESPAN)]}, "the column `a` is a `timespan`"),
        ("Own_CL", {"columns": [LEVEL, TableColumn("level", ScalarType.LONG)]}, "is listed twice"),
        ("Own_CL", {"columns": [TableColumn("TimeGenerated", ScalarType.STRING)]}, "`TimeGenerated` is a `datetime`"),
        ("Syslog", {"columns": [LEVEL]}, "ends in `_CF`"),
    ],
)
def test_what_no_table_can_have_is_refused(house: House, name: str, change: dict[str, object], told: str) -> None:
    with pytest.raises(Invalid) as caught:
        put(house, name, **change)
    assert told in str(caught.value)
    assert not house.analytics.tables.with_data("soc")


def test_a_column_never_changes_its_type(house: House) -> None:
    put(house, columns=[USER])
    with pytest.raises(Conflict, match="`User` of `Own_CL` is a `string`"):
        put(house, columns=[TableColumn("User", ScalarType.LONG)])
    with pytest.raises(Conflict, match="`Computer` of `Syslog`"):
        put(house, "Syslog", columns=[TableColumn("Computer", ScalarType.LONG)])


def test_a_column_that_the_list_lacks_is_not_taken_away_silently(house: House) -> None:
    put(house, columns=[USER, LEVEL])
    with pytest.raises(Conflict, match="lacks `User`: taking columns away from a table is not supported"):
        put(house, columns=[LEVEL])


def test_two_tables_may_not_differ_in_case_alone(house: House) -> None:
    put(house)
    with pytest.raises(Conflict):
        put(house, "OWN_CL")


def test_a_table_that_is_deleted_takes_its_rows_and_its_days_along(house: House) -> None:
    definitions = house.analytics.table_definitions
    put(house, columns=[USER], retention_days=30)
    house.analytics.streams.append(SOC, "Own_CL", [{"User": "ann"}])
    assert definitions.delete(SOC, "Own_CL")
    assert not definitions.delete(SOC, "Own_CL")
    with pytest.raises(NotFound):
        definitions.get(SOC, "Own_CL")
    assert put(house).retention_is_default
    assert house.ask("Own_CL | count") == [[0]]


def test_a_table_of_azure_cannot_be_deleted(house: House) -> None:
    with pytest.raises(Conflict):
        house.analytics.table_definitions.delete(SOC, "Syslog")


def test_every_table_that_can_be_asked_is_listed(house: House) -> None:
    put(house)
    found = {t.name: t for t in house.analytics.table_definitions.list(SOC)}
    assert found["Own_CL"].custom
    assert not found["Syslog"].custom


@pytest.mark.parametrize(
    ("unknown", "columns", "rest"),
    [(Unknown.DROP, [], None), (Unknown.KEEP, ["AdditionalFields"], {"Odd": 1}), (Unknown.EXTEND, ["Odd"], None)],
)
def test_what_a_table_says_of_unknown_fields_holds_for_files_and_streams(
    house: House, tmp_path: Path, unknown: Unknown, columns: list[str], rest: object
) -> None:
    put(house, columns=[USER], unknown=unknown)
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"User": "ann", "Odd": 1}))
    report = house.analytics.ingestion.ingest(SOC, "Own_CL", file)
    assert report.rows == 1
    assert report.unknown_columns == ({} if unknown is Unknown.EXTEND else {"Odd": 1})
    assert report.kept_unknown is (unknown is Unknown.KEEP)
    house.analytics.streams.append(SOC, "Own_CL", [{"User": "bob", "Odd": 1}])
    found = house.ask("Own_CL | getschema | project ColumnName")
    names = [name for (name,) in found]
    assert [n for n in names if n in ("Odd", "AdditionalFields")] == columns
    if rest is not None:
        assert house.ask("Own_CL | project AdditionalFields") == [[rest], [rest]]


def test_a_table_with_a_bag_may_drop_unknown_fields_all_the_same(house: House) -> None:
    put(house, "DeviceEvents", unknown=Unknown.DROP)
    house.analytics.streams.append(SOC, "DeviceEvents", [{"DeviceName": "a", "Odd": 1}])
    assert house.ask("DeviceEvents | project DeviceName, AdditionalFields") == [["a", None]]

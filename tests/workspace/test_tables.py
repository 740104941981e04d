from __future__ import annotations

from pathlib import Path

import pytest
from tests.lake.rows import HOST, TIME, append

from huntlake.kql.types import Column, ScalarType
from huntlake.lake import Lake
from huntlake.lake.forms import Form
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.tables import FORMS, TYPES, Tables


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(Lake(tmp_path / "lake"), Catalogue())


def test_a_catalogued_table_without_data_has_its_columns(tables: Tables) -> None:
    columns = tables.table("soc", "SigninLogs")
    assert columns is not None
    assert columns == tables.catalogue.table("SigninLogs").columns  # type: ignore[union-attr]
    assert tables.row_count("soc", "SigninLogs") == 0


@pytest.mark.parametrize("name", ["Nothing", "signinlogs", "../x", "", "a b"])
def test_a_table_that_is_not_there_is_none(tables: Tables, name: str) -> None:
    assert tables.table("soc", name) is None
    assert tables.row_count("soc", name) == 0


def test_columns_that_rows_brought_come_last(tables: Tables) -> None:
    append(tables.lake.table("soc", "Syslog"), "select now() as TimeGenerated, 'x' as Host", TIME, HOST)
    columns = tables.table("soc", "Syslog")
    assert columns is not None
    assert columns[-1] == Column("Host", ScalarType.STRING)
    assert len(columns) == len(tables.catalogue.table("Syslog").columns) + 1  # type: ignore[union-attr]


def test_a_table_belongs_to_its_workspace(tables: Tables) -> None:
    append(tables.lake.table("soc", "Own_CL"), "select now() as TimeGenerated, 'x' as Host", TIME, HOST)
    assert "Own_CL" in tables.names("soc")
    assert tables.with_data("soc") == ("Own_CL",)
    assert "Own_CL" not in tables.names("other")
    assert tables.table("other", "Own_CL") is None
    assert tables.row_count("soc", "Own_CL") == 1


def test_every_type_has_a_form_of_its_own() -> None:
    assert set(FORMS) == set(ScalarType)
    assert set(TYPES) == set(Form)


def test_a_list_has_the_tables_that_are_there_and_those_that_people_use(tables: Tables, tmp_path: Path) -> None:
    tables.lake.table("soc", "Own_CL").declare([TIME, HOST])
    listed = tables.listed("soc")
    assert {"Own_CL", "SigninLogs", "SecurityEvent", "DeviceProcessEvents"} <= set(listed)
    assert len(listed) < 300 < len(tables.names("soc"))

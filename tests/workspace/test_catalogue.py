from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from huntlake.kql.types import ScalarType
from huntlake.workspace.catalogue import Catalogue

FACTS = Path(os.environ.get("HUNTLAKE_SHARED", Path(__file__).parents[3] / "shared")) / "community" / "schemas.json"


def test_the_tables_that_hunters_ask_first_are_there() -> None:
    catalogue = Catalogue()
    for name in ("SigninLogs", "SecurityEvent", "DeviceProcessEvents", "CommonSecurityLog", "AlertInfo", "Syslog"):
        table = catalogue.table(name)
        assert table is not None
        assert {c.name: c.type for c in table.columns}["TimeGenerated"] is ScalarType.DATETIME


def test_names_are_exact() -> None:
    catalogue = Catalogue()
    assert catalogue.table("signinlogs") is None
    assert catalogue.table("") is None
    assert "SigninLogs" in catalogue
    assert "Signinlogs" not in catalogue


def test_names_come_in_order_and_once() -> None:
    names = Catalogue().names()
    assert list(names) == sorted(set(names))
    assert len(names) > 1900


def test_a_table_that_takes_any_column_says_so() -> None:
    catalogue = Catalogue()
    open_tables = [n for n in catalogue.names() if (t := catalogue.table(n)) and t.open]
    assert open_tables == ["AzureDiagnostics"]


def test_a_table_knows_its_products() -> None:
    table = Catalogue().table("DeviceProcessEvents")
    assert table is not None
    assert table.products == ("Microsoft Defender XDR",)


@pytest.mark.skipif(not FACTS.exists(), reason="the facts that the catalogue was made of are not here")
def test_the_catalogue_says_what_the_facts_say_in_their_order() -> None:
    facts = json.loads(FACTS.read_text())["tables"]
    catalogue = Catalogue()
    own = {name for name in catalogue.names() if catalogue.is_kept(name)}
    assert set(catalogue.names()) - own == set(facts)
    for name, fact in facts.items():
        table = catalogue.table(name)
        assert table is not None
        assert [(c.name, c.type.value) for c in table.columns] == list(fact["columns"].items())

"""The templates that come along."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from huntlake.assembly.analytics import PLACES
from huntlake.core.clock import FixedClock
from huntlake.core.diagnostics import Source, SourceError
from huntlake.detection.durations import duration
from huntlake.detection.testing.cells import cell
from huntlake.detection.testing.tables import CatalogueTables, Events, TestTables
from huntlake.engines.duckdb.database import Bounds, Database
from huntlake.engines.geography import NetworkTable
from huntlake.hunting.drafting import quoting
from huntlake.hunting.drafting.candidate import QueryParameter
from huntlake.hunting.drafting.templates import TEMPLATES, Template, shipped, template
from huntlake.kql.binding.schema import NoTables
from huntlake.kql.compiler import compile_kql
from huntlake.kql.types import Column
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.workspaces import Workspace

CATALOGUE = Catalogue()


class _Tables(NoTables):
    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        known = CATALOGUE.table(name)
        return known.columns if known else None


def _columns(one: Template, places: list[int]) -> set[str]:
    needed = {p.name: quoting.list_literal(["x"]) for p in one.parameters if not p.default}
    (table,) = compile_kql(one.written([one.parts[i] for i in places]), _Tables(), parameters=needed).results
    return {c.name for c in table.columns}


def test_there_are_enough_of_them() -> None:
    assert len(shipped()) >= 50
    assert len({t.title for t in shipped()}) == len(shipped())
    assert sum(1 for t in shipped() if all(p.default for p in t.parameters)) >= 35


@pytest.mark.parametrize("one", shipped(), ids=lambda t: t.name)
def test_a_template_binds_over_each_of_its_tables_and_all_of_them(one: Template) -> None:
    for place in range(len(one.parts)):
        assert "TimeGenerated" in _columns(one, [place])
    columns = _columns(one, [*range(len(one.parts))])
    assert [f.column_name for m in one.entities for f in m.field_mappings if f.column_name not in columns] == []
    assert one.entities
    assert one.techniques
    assert len(one.description) > 60
    for part in one.parts:
        assert [t for t in part.tables if CATALOGUE.table(t) is None] == []


@pytest.mark.parametrize("one", shipped(), ids=lambda t: t.name)
def test_a_template_leaves_the_window_to_who_runs_it(one: Template) -> None:
    text = one.written(one.parts)
    assert "ago(" not in text
    assert "now(" not in text


SAMPLES = yaml.safe_load(Path(__file__).with_name("templates.yaml").read_text(encoding="utf-8"))
CLOCK = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine() -> Iterator[Database]:
    engine = Database((), Bounds(threads=1), NetworkTable(PLACES))
    yield engine
    engine.close()


def _rows(table: str, said: list[dict[str, Any]]) -> Events:
    """The rows of a sample, in the physical forms of their columns."""
    known = CATALOGUE.table(table)
    assert known is not None, table
    types = {c.name: c.type for c in known.columns}
    rows = []
    for one in said:
        row = one.get("row", one)
        for n in range(one.get("repeat", 1)):
            made = {"TimeGenerated": "-1h", **row}
            if each := one.get("each"):
                made[each] = f"a{n}"
            if numbered := one.get("numbered"):
                made[numbered] = made[numbered].replace("{n}", str(n))
            cells = {name: cell(types[name], value, CLOCK) for name, value in made.items()}
            cells["TimeGenerated"] += n * (duration(one.get("every", "1s")) or timedelta())
            rows.append(cells)
    return Events(known.columns, tuple(rows))


@pytest.mark.parametrize("one", shipped(), ids=lambda t: t.name)
def test_a_template_finds_what_it_is_for_and_passes_over_the_rest(one: Template, engine: Database) -> None:
    sample = SAMPLES[one.name]
    source = TestTables(CatalogueTables(CATALOGUE), engine)
    given: dict[str, object] = dict(sample.get("given", {}))
    for part, some in (("finds", True), ("passes", False)):
        source.hold("test", {table: _rows(table, rows) for table, rows in sample[part].items()})
        (table,) = (
            Queries(engine, [source], FixedClock(CLOCK))
            .run(Workspace("test", "test"), one.written(one.parts), QueryOptions(now=CLOCK, parameters=given))
            .tables
        )
        rows = [row for chunk in table.json_objects() for row in json.loads(b"[" + chunk + b"]")]
        assert bool(rows) is some, (part, rows[:3])
        if some and "Table" in rows[0]:
            alone = {tables[0] for tables in (p.tables for p in one.parts) if len(tables) == 1}
            assert {row["Table"] for row in rows} >= alone & sample[part].keys()


def test_no_template_knows_the_demo() -> None:
    told = re.compile(
        r"korenwolf|rijnvaart|freight-widgets|waybill|adm-mvos|gpostma|vanbeek|203\.0\.113", re.IGNORECASE
    )
    for path in TEMPLATES.glob("*.yaml"):
        assert not told.search(path.read_text(encoding="utf-8")), path


def test_every_kind_of_indicator_that_a_table_may_hold_has_a_sweep() -> None:
    swept = {kind for t in shipped() for p in t.parameters for kind in p.indicators}
    assert swept >= {
        "IPv4 address", "IPv6 address", "network", "domain", "URL", "mail address", "MD5", "SHA-1", "SHA-256", "CVE",
        "file name", "file path", "registry key",
    }  # fmt: skip


def test_a_registry_key_is_looked_for_below_its_hive() -> None:
    (one,) = (t for t in shipped() if t.name == "registry-keys")
    (keys,) = one.parameters
    for hive in ("HKCU", "HKEY_CURRENT_USER", "hklm", "HKLM:"):
        assert re.sub(keys.without, "", hive + r"\Software\Run") == r"Software\Run"


def test_a_parameter_cannot_be_a_text() -> None:
    text = "title: T\ndescription: D\nversion: '1'\nparameters: {A: {type: string, about: a}}\nparts: []\n"
    with pytest.raises(SourceError, match="HT005"):
        template(Source(text, "t.yaml"))
    assert isinstance(shipped()[0].parameters[0], QueryParameter)

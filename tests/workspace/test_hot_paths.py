"""Paths that are kept beside answer as the JSON does, in whatever mix of files, and JSON isn't read for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.workspace.conftest import NOW, OTHER, SOC

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.lake.files import FileReader
from huntlake.lake.maintenance.compaction import compact
from huntlake.lake.maintenance.verification import verify
from huntlake.lake.paths import HotPath
from huntlake.lake.table import LakeTable
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.hot_paths import shown
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

TABLE = "Bags_CL"
KEYS = ("a", "A", "b", 'x"y', "d.e", "0", "é", "a b")
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.integers(-200, 200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(
        ["", "null", "true", "12", " 7 ", "0x1F", "1_000", "2024-05-01", "2024-05-01T10:00:00Z", "1.02:03:04", '"q"']
    )
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)
BAGS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4)

PATHS = (
    *("d.a", "d.A", "d.b", "d.a.b", "d.a[0]", "d.b[-1]", "d.b.a[0].A"),
    *('d["x\\"y"]', 'd["d.e"]', 'd["0"]', 'd["a b"].a', 'd["é"]'),
)
FORMS = (
    "{}",
    "tostring({})",
    "toint({})",
    "tolong({})",
    "toreal({})",
    "todecimal({})",
    "tobool({})",
    "todatetime({})",
    "totimespan({})",
    "toguid({})",
    "isnull({})",
    "isempty({})",
    "gettype({})",
    "array_length({})",
    "bag_keys({})",
    "{}.b",
    "{}[0]",
    "tostring({}.A)",
    "tostring(parse_json(tostring({})).a)",
    "strcat({}, '|')",
    "{} == 'true'",
    "{} == 12",
    "{} in ('', 'null', '12')",
    "{} has 'a'",
    "coalesce({}, dynamic('none'))",
    "iff(isnotnull({}), {}, dynamic(null))",
)
QUERIES = (
    "{t} | extend v = {e} | project i, v | sort by i asc",
    "{t} | project i, e = d | extend v = {e:e} | project-away e | sort by i asc",
    "{t} | extend p = {p} | where isnotnull(p) | extend v = {e:p} | project i, v | sort by i asc",
    "{t} | where tostring({e}) != '' | summarize n = count(), least = min(i) by k = tostring({e}) | sort by k asc",
    "{t} | sort by i asc | extend v = {e} | take 3 | project i, v",
    "{t} | join kind=inner ({t} | project i, w = {e}) on i | extend v = {e} | project i, v, w | sort by i asc",
    "{t} | join kind=leftouter ({t} | where i < 2) on i | extend v = {e}, w = d1.a | project i, v, w | sort by i asc",
    "{t} | mv-expand x = range(0, 1) | extend v = {e} | project i, x, v | sort by i asc, tolong(x) asc",
    "union ({t} | project i, v = tostring({e})), ({t} | project i, v = 'u') | sort by i asc, v asc",
    "let u = materialize({t} | extend v = {e}); u | join kind=leftsemi (u | where isnotnull(d.a)) on i"
    " | project i, v, d.a | sort by i asc",
    "{t} | where tostring({e}) in (({t} | project x = tostring({e}))) | project i | sort by i asc",
    "{t} | extend v = {e} | summarize take_any(v), s = make_list(d.a) by i | sort by i asc",
    "{t} | sort by i asc | extend before = prev({e}), v = {e} | where row_number() > 0 | project i, before, v",
    "{t} | extend ['d.\"a\"'] = i, v = {e} | project i, ['d.\"a\"'], v | sort by i asc",
    "{t} | search 'a' | project i | sort by i asc",
    "{t} | top 3 by TimeGenerated desc | extend v = {e} | summarize count()",
    "{t} | where isnotnull(d.a) | order by i desc | take 2 | project i, v = {e}",
    "{t} | getschema",
    "{t} | sort by i asc | project i, d, x = d.a",
)


def opened(home: Path, state: MemoryShelf | None = None) -> Analytics:
    return Analytics.over(home, Bounds(threads=1), Nowhere(), FixedClock(NOW), state or MemoryShelf())


@pytest.fixture
def analytics(tmp_path: Path) -> Iterator[Analytics]:
    made = opened(tmp_path / "home")
    yield made
    made.close()


def events(bags: list[dict[str, Any]], first: int = 0, day: int = 0) -> list[dict[str, Any]]:
    time = (NOW - timedelta(days=day)).isoformat()
    return [{"TimeGenerated": time, "i": first + n, "d": bag} for n, bag in enumerate(bags)]


def load(analytics: Analytics, workspace: Workspace, rows: list[dict[str, Any]]) -> None:
    file = analytics.lake.working_folder / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    analytics.ingestion.ingest(workspace, TABLE, file)


def stored(analytics: Analytics, workspace: Workspace = SOC) -> LakeTable:
    return analytics.lake.table(workspace.name, TABLE)


def keep(analytics: Analytics, *paths: str, workspace: Workspace = SOC) -> None:
    """Let these be hot, and no others."""
    hot = analytics.hot_paths
    hot.say(workspace.name, TABLE, fewer=hot.said(workspace.name, TABLE))
    hot.say(workspace.name, TABLE, [hot.path(workspace.name, TABLE, p) for p in paths])
    hot.update(workspace.name, TABLE)


def rewrite(analytics: Analytics, workspace: Workspace = SOC, *, day: int = 2) -> None:
    """Compact as if so many days had gone by."""
    now = (NOW + timedelta(days=day)).replace(tzinfo=None)
    compact(stored(analytics, workspace), analytics.lake.working_folder, now)


def answer(analytics: Analytics, text: str, workspace: Workspace = SOC) -> list[Any]:
    (table,) = analytics.queries.run(workspace, text, QueryOptions()).tables
    found: list[Any] = json.loads(b"[" + b",".join(table.json_rows()) + b"]")
    return [[c.name for c in table.columns], *found]


def reads(analytics: Analytics, text: str) -> str:
    """What the engine's plan says of the columns that are read."""
    (explained,) = analytics.queries.explain(SOC, text)
    return explained.plan


class _Expression:
    """Is written into a query as the form over the path, `{e:x}` over a column in which `d`, or the path, is."""

    def __init__(self, path: str, form: str) -> None:
        self.path = path
        self._form = form

    def __format__(self, column: str) -> str:
        path = self.path
        if column == "p":
            path = "p"
        elif column:
            path = column + path[1:]
        return self._form.replace("{}", path)


EXPRESSIONS = st.builds(_Expression, st.sampled_from(PATHS), st.sampled_from(FORMS))


@settings(
    max_examples=5,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    parts=st.lists(st.lists(BAGS, min_size=1, max_size=4), min_size=4, max_size=4),
    hot=st.lists(st.lists(st.sampled_from(PATHS), max_size=4, unique=True), min_size=3, max_size=3),
    asked=st.lists(st.tuples(st.sampled_from(QUERIES), EXPRESSIONS), min_size=10, max_size=10),
)
def test_a_mix_of_files_answers_as_the_json_does(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[list[dict[str, Any]]],
    hot: list[list[str]],
    asked: list[tuple[str, _Expression]],
) -> None:
    analytics = opened(tmp_path_factory.mktemp("home"))
    try:
        first = 0
        for day, bags in enumerate(parts):
            rows = events(bags, first, day % 2)
            first += len(bags)
            for workspace in (SOC, OTHER):
                if day == 3:
                    analytics.streams.append(workspace, TABLE, rows)
                    continue
                load(analytics, workspace, rows)
            if day == 1:
                rewrite(analytics)
            if day < 3:
                keep(analytics, *hot[day])
        for query, expression in asked:
            text = query.format(t=TABLE, p=expression.path, e=expression)
            assert answer(analytics, text) == answer(analytics, text, OTHER), text
        assert verify(stored(analytics)).disagreements == ()
    finally:
        analytics.close()


def test_json_isnt_read_for_what_is_beside(analytics: Analytics) -> None:
    load(analytics, SOC, events([{"a": {"b": "x"}, "c": 1}, {"a": {"b": "y"}}], day=1))
    keep(analytics, "d.a.b", "d.c")
    rewrite(analytics)
    for text in (
        f"{TABLE} | summarize count() by tostring(d.a.b)",
        f"{TABLE} | where d.a.b == 'x' and toint(d.c) == 1 | count",
        f"{TABLE} | extend v = d.a.b | where v has 'x' | project v, d.c",
        f"{TABLE} | project i, e = d | extend x = e.a | where tostring(x.b) == 'y' | count",
        f"{TABLE} | where parse_json(d).a.b == 'x' | join kind=inner ({TABLE} | where d.c == 1) on i | project d.a.b",
        f"let t = {TABLE} | where isnotnull(d.c); t | join (t | where d.a.b == 'y') on i | project x = tostring(d.a.b)",
    ):
        plan = reads(analytics, text)
        assert "json_extract" not in plan, text
        assert "path 0" in plan or "path 1" in plan, text
        (explained,) = analytics.queries.explain(SOC, text)
        assert not any("d" in scan.columns for scan in explained.scans), text


def test_what_is_beside_is_in_no_schema(analytics: Analytics) -> None:
    load(analytics, SOC, events([{"a": "needle"}], day=1))
    before = [answer(analytics, query) for query in (f"{TABLE} | getschema", TABLE, "union * | take 5")]
    keep(analytics, "d.a")
    rewrite(analytics)
    assert {c.name for c in stored(analytics).columns()} >= {"TimeGenerated", "i", "d"}
    assert not any("path" in c.name for c in stored(analytics).columns())
    after = [answer(analytics, query) for query in (f"{TABLE} | getschema", TABLE, "union * | take 5")]
    assert after == before
    assert answer(analytics, "union * | where i == 0 | summarize count() by tostring(d.a)")[1:] == [["needle", 1]]
    assert len(answer(analytics, 'search "needle" | take 5')) == 2


def test_other_engines_read_and_write_the_same_table(analytics: Analytics) -> None:
    load(analytics, SOC, events([{"a": "one"}], day=1))
    keep(analytics, "d.a")
    rewrite(analytics)
    table = DeltaTable(stored(analytics).folder)
    rows = table.to_pyarrow_table()
    assert rows.column_names == [f.name for f in table.schema().fields]
    assert not any("path" in name for name in rows.column_names)
    theirs = rows.set_column(rows.column_names.index("d"), "d", pa.array(['{"a": "two"}'], rows.schema.field("d").type))
    write_deltalake(table, theirs, mode="append")
    table.optimize.compact()
    query = f"{TABLE} | summarize count() by x = tostring(d.a) | sort by x asc"
    assert answer(analytics, query)[1:] == [["one", 1], ["two", 1]]
    rewrite(analytics)
    (file,) = stored(analytics).snapshot().files
    assert [shown(p) for p in file.hot] == ["d.a"]
    assert answer(analytics, query)[1:] == [["one", 1], ["two", 1]]
    assert verify(stored(analytics)).disagreements == ()


def test_a_file_that_says_other_paths_than_its_name_is_read_from_its_json(analytics: Analytics) -> None:
    keep_at_once(analytics, "d.a")
    (file,) = stored(analytics).snapshot().files
    other = file.path.with_name(file.path.name.replace("-", "-0", 1)[:22].ljust(22, "0") + file.path.name[22:])
    assert other != file.path
    fresh = FileReader(stored(analytics).folder)
    file.path.rename(other)
    assert fresh.hot_paths(other.relative_to(fresh.folder).as_posix()) == ()


def keep_at_once(analytics: Analytics, *paths: str) -> None:
    """One file of one row, that has the paths since it was written."""
    load(analytics, SOC, events([{"z": 0}], day=1))
    keep(analytics, *paths)
    stored(analytics).clear()
    load(analytics, SOC, events([{"a": "x", "n": 5, "list": ["y"]}], day=1))


def test_new_files_have_the_paths_from_the_start_and_dropped_tables_forget_them(analytics: Analytics) -> None:
    keep_at_once(analytics, "d.a", "d.list[0]")
    (file,) = stored(analytics).snapshot().files
    assert [shown(p) for p in file.hot] == ["d.a", "d.list[0]"]
    assert answer(analytics, f"{TABLE} | project d.a, d.list[0]")[1:] == [["x", "y"]]
    analytics.lake.drop(SOC.name, TABLE)
    load(analytics, SOC, events([{"a": "z"}], day=1))
    assert stored(analytics).hot_paths() == ()
    assert answer(analytics, f"{TABLE} | project d.a")[1:] == [["z"]]


def test_verify_finds_what_isnt_as_the_json_says(analytics: Analytics) -> None:
    keep_at_once(analytics, "d.a")
    (file,) = stored(analytics).snapshot().files
    rows = pq.ParquetFile(file.path).read()
    place = rows.column_names.index("path 0")
    pq.write_table(rows.set_column(place, "path 0", pa.array(["forged"])), file.path)
    faults = [d.what for d in verify(LakeTable(stored(analytics).folder)).disagreements]
    assert any('what is kept of `d` at `$."a"` isn\'t what lies there' in fault for fault in faults), faults


def test_paths_become_hot_by_being_asked_for_and_cold_by_time(tmp_path: Path) -> None:
    state, clock = MemoryShelf(), FixedClock(NOW)
    analytics = Analytics.over(tmp_path / "home", Bounds(threads=1), Nowhere(), clock, state)
    load(analytics, SOC, events([{"a": {"b": 1}, "c": 2}], day=1))
    for _ in range(4):
        answer(analytics, f"{TABLE} | where d.a.b == 1 | extend x = d.a | where x.b != 2 | count")
    answer(analytics, f"{TABLE} | project d.c, d[tostring(i)]")
    analytics.close()
    analytics = Analytics.over(tmp_path / "home", Bounds(threads=1), Nowhere(), clock, state)
    assert analytics.hot_paths.update(SOC.name, TABLE) == (HotPath("d", '$."a"."b"'),)
    clock.at = NOW + timedelta(days=15)
    assert len(analytics.hot_paths.update(SOC.name, TABLE)) == 1
    clock.at = NOW + timedelta(days=40)
    assert analytics.hot_paths.update(SOC.name, TABLE) == ()
    analytics.close()


@pytest.mark.parametrize("text", ["i", "d", "d.a + d.b", "nothing.a", "d[tostring(i)]", "d.a, d.b", "1", "d.a |"])
def test_what_is_no_path_is_refused(analytics: Analytics, text: str) -> None:
    load(analytics, SOC, events([{"a": 1}], day=1))
    with pytest.raises(Invalid):
        analytics.hot_paths.path(SOC.name, TABLE, text)


@pytest.mark.parametrize("text", ["d.a.b", "d.a[0].b", "d.a[-1]", 'd["x y"].b', 'd["x\\"y"]'])
def test_a_path_is_shown_as_it_is_written(analytics: Analytics, text: str) -> None:
    load(analytics, SOC, events([{"a": 1}], day=1))
    path = analytics.hot_paths.path(SOC.name, TABLE, text)
    assert shown(HotPath(path.column, path.path)) == text

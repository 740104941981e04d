"""Queries over files with a term index answer as they do without it, and read less."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.workspace.conftest import NOW, OTHER, SOC

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.lake.index.shelf import Shelf
from huntlake.lake.index.sidecar import SUFFIX
from huntlake.workspace.ingestion.streaming import Pace

LETTERS = "abAB01.-_ \\/\"'éÉж\u212a\n"
TEXTS = st.text(LETTERS, max_size=16) | st.sampled_from(
    ["10.20.30.40", "src=10.20.30.40;dst=1.2.3.4", "C:\\Windows\\cmd.exe /c whoami", "abc-def abc", "ABC", ""]
)
BAGS = st.dictionaries(st.sampled_from(["k", "abc", "o"]), TEXTS | st.integers(0, 9999) | st.lists(TEXTS, max_size=2))
ROWS = st.lists(st.fixed_dictionaries({"s": TEXTS, "t": TEXTS, "d": BAGS}), min_size=1, max_size=5)

OF_ONE = ("==", "=~", "!=", "has", "!has", "has_cs", "hasprefix", "hassuffix", "contains", "contains_cs", "startswith")
OF_MANY = ("in", "in~", "!in", "has_any", "has_all")
VALUES = ("s", "t", "tolower(s)", "tostring(d)", "tostring(d.k)", "tostring(d.o[0])", "strcat(s, t)", "substring(s, 1)")


def opened(home: Path) -> Analytics:
    return Analytics.over(home, Bounds(threads=1), Nowhere(), FixedClock(NOW))


def lake_of(home: Path, rows: list[dict[str, Any]]) -> None:
    """A row to each day, and so a file to each row; the first one has something in every column."""
    rows = [{"s": "one", "t": "two", "d": {"k": "three"}}, *rows]
    lines = [
        json.dumps({"TimeGenerated": (NOW - timedelta(days=i)).isoformat(), "i": i, **row})
        for i, row in enumerate(rows)
    ]
    file = home.parent / f"{home.name}.jsonl"
    file.write_text("\n".join(lines))
    analytics = opened(home)
    analytics.ingestion.ingest(SOC, "Rows_CL", file)
    analytics.engine.close()


def answers(home: Path, conditions: list[str]) -> list[list[Any]]:
    analytics = opened(home)
    found = []
    for condition in conditions:
        (table,) = analytics.queries.run(SOC, f"Rows_CL | {condition} | project i | sort by i asc").tables
        found.append(json.loads(b"[" + b",".join(table.json_rows()) + b"]"))
    analytics.engine.close()
    return found


@st.composite
def conditions(draw: st.DrawFn, rows: list[dict[str, Any]], depth: int = 2) -> str:
    if depth and draw(st.integers(0, 2)) == 0:
        left, right = (draw(conditions(rows, depth - 1)) for _ in range(2))
        return draw(st.sampled_from([f"({left} and {right})", f"({left} or {right})", f"not({left})"]))
    texts = [t for row in rows for t in (row["s"], row["t"], json.dumps(row["d"], ensure_ascii=False))]

    def needle() -> str:
        text = draw(st.sampled_from(texts) | TEXTS)
        start, length = draw(st.integers(0, 12)), draw(st.integers(1, 16))
        return json.dumps(text[start : start + length] or text, ensure_ascii=False)

    value = draw(st.sampled_from(VALUES))
    match draw(st.integers(0, 5)):
        case 0:
            return f"{value} {draw(st.sampled_from(OF_MANY))} ({needle()}, {needle()})"
        case 1:
            asked = draw(st.sampled_from(["10.20.30.40", "1.2.3.4", "9.9.9.9"]))
            return f'has_ipv4({value}, "{asked}")'
        case 2:
            return f'has_ipv4_prefix({value}, "{draw(st.sampled_from(["10.20.", "1.2.3.", "9."]))}")'
    return f"{value} {draw(st.sampled_from(OF_ONE))} {needle()}"


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_index_changes_no_answer(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    rows = data.draw(ROWS)
    asked = data.draw(st.lists(conditions(rows).map(lambda c: f"where {c}"), min_size=8, max_size=8))
    home = tmp_path_factory.mktemp("lake") / "home"
    lake_of(home, rows)
    indexed = answers(home, asked)
    for sidecar in home.rglob(f"*{SUFFIX}"):
        sidecar.unlink()
    for condition, with_index, without in zip(asked, indexed, answers(home, asked), strict=True):
        assert with_index == without, condition


@st.composite
def long_lists(draw: st.DrawFn, rows: list[dict[str, Any]]) -> str:
    """A query with conditions that list many texts, of which the rows hold few."""
    texts = [t for row in rows for t in (row["s"], row["t"], json.dumps(row["d"], ensure_ascii=False), *KNOWN)]

    def needles() -> list[str]:
        found = [f"absent{i}" for i in range(draw(st.integers(7, 12)))]
        for _ in range(draw(st.integers(0, 4))):
            text = draw(st.sampled_from(texts) | TEXTS)
            start, length = draw(st.integers(0, 8)), draw(st.integers(1, 24))
            found.append(draw(st.sampled_from([text, text[start : start + length] or text, text.upper()])))
        return [json.dumps(t, ensure_ascii=False) for t in draw(st.permutations(found))]

    def condition(depth: int) -> str:
        if depth and draw(st.integers(0, 2)) == 0:
            left, right = condition(depth - 1), condition(depth - 1)
            return draw(st.sampled_from([f"({left} and {right})", f"({left} or {right})", f"not({left})"]))
        value, listed = draw(st.sampled_from((*VALUES, "d", "d.k"))), needles()
        match draw(st.integers(0, 6)):
            case 0:
                operator = draw(st.sampled_from(("has", "==", "contains", "startswith", "!has")))
                return "(" + " or ".join(f"tostring({value}) {operator} {n}" for n in listed) + ")"
            case 1:
                given = ", ".join(f'"{a}"' for a in ("10.20.30.40", "9.9.9.9", *(f"9.9.8.{i}" for i in range(8))))
                return f"has_any_ipv4(tostring({value}), dynamic([{given}]))"
            case 2:
                return f"iff(i > 2, {value} has_any ({', '.join(listed)}), true)"
        operator = draw(st.sampled_from(("in", "in~", "!in", "!in~", "has_any", "!has_any", "has_all")))
        text = ", ".join(listed)
        return f"{value} {operator} ({f'dynamic([{text}])' if draw(st.booleans()) else text})"

    way = draw(st.sampled_from(WAYS))
    return way.format(condition=condition(2), listed=" or ".join(n for n in needles() if n != '""'))


KNOWN = ("one", "two", "three")
WAYS = (
    "where {condition}",
    "where {condition}",
    "where i > 0 | where {condition}",
    "extend s = tolower(t), t = s | where {condition}",
    "extend s = strcat('thr', 'ee') | where {condition}",
    "sort by i asc | take 3 | where {condition}",
    "union withsource = s (Rows_CL | where {condition}) | where {condition}",
    "union (Rows_CL | project-rename s = t, t = s) | where {condition}",
    "summarize s = max(t), t = min(t), d = make_bag(d) by i | where {condition}",
    "search {listed}",
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_long_lists_find_the_same_in_files_with_an_index_and_without_and_in_rows_that_wait(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    rows = data.draw(ROWS)
    waiting = data.draw(st.just([]) | ROWS, label="waiting")
    asked = data.draw(st.lists(long_lists([*rows, *waiting]), min_size=8, max_size=8))
    home = tmp_path_factory.mktemp("lake") / "home"
    lake_of(home, rows)
    for sidecar in sorted(home.rglob(f"*{SUFFIX}")):
        if data.draw(st.integers(0, 3)) == 0:
            sidecar.unlink()
    analytics = Analytics.over(home, Bounds(threads=1), Nowhere(), FixedClock(NOW), pace=Pace(every=timedelta(hours=1)))
    if waiting:
        times = {"TimeGenerated": NOW.isoformat()}
        analytics.streams.append(SOC, "Rows_CL", [{**times, "i": 50 + i, **row} for i, row in enumerate(waiting)])
    table = analytics.lake.table(SOC.name, "Rows_CL")

    def answer(text: str) -> list[str]:
        (found,) = analytics.queries.run(SOC, f"Rows_CL | {text} | sort by i asc | project i").tables
        return b",".join(found.json_rows()).decode().split(",")

    with_index = [answer(text) for text in asked]
    table._shelf = Shelf(limit=0)
    for text, found in zip(asked, with_index, strict=True):
        assert found == answer(text), text
    analytics.close()


MANY = ", ".join(f'"absent{i}.example"' for i in range(50))


@pytest.mark.parametrize(
    ("condition", "asked"),
    [
        (f'where s has_any ({MANY}, "needle7")', False),
        (f'where s in ({MANY}, "a needle7")', False),
        (f'where s in~ ({MANY}, "A NEEDLE7") or t has_any ({MANY})', False),
        (f'where s has_any (dynamic([{MANY}, "needle7"])) and t has "hay"', False),
        (f'extend u = tolower(s) | where i > 0 | where u has_any ({MANY}, "needle7")', False),
        (f'union (Rows_CL | where s has_any ({MANY}, "needle7")) | where s has_any ({MANY}, "needle7")', False),
        (f'where tostring(d.k) in ({MANY}, "needle9")', False),
        ("search " + MANY.replace(", ", " or ") + ' or "needle7"', False),
        (f'where s !in ({MANY}, "needle7") and s has "needle7"', True),
        (f'where not(s has_any ({MANY}, "x")) and s has "needle7"', True),
        (f'where s has_any ({MANY}, "needle7", "a")', False),
    ],
)
def test_of_a_long_list_only_what_may_be_there_is_looked_for(tmp_path: Path, condition: str, asked: bool) -> None:
    lake_of(tmp_path / "home", [{"s": "x", "t": "hay", "d": {"k": "y"}}] * 4 + [HIT])
    analytics = opened(tmp_path / "home")
    (found,) = analytics.queries.explain(SOC, f"Rows_CL | {condition}")
    # An absent text stands in the SQL, if at all, behind its number.
    assert ("absent49" in found.sql.replace("[aA][bB][sS][eE][nN][tT]", "absent")) == asked
    (table,) = analytics.queries.run(SOC, f"Rows_CL | {condition} | summarize by i").tables
    assert b"".join(table.json_rows()) == b"[5]" or "union" in condition
    analytics.close()


HIT = {"s": "a needle7", "t": "hay", "d": {"k": "needle9"}}


def test_a_row_that_waits_is_found_by_a_long_list(tmp_path: Path) -> None:
    lake_of(tmp_path / "home", [HIT])
    pace = Pace(every=timedelta(hours=1))
    analytics = Analytics.over(tmp_path / "home", Bounds(threads=1), Nowhere(), FixedClock(NOW), pace=pace)
    row = {"TimeGenerated": NOW.isoformat(), "i": 7, "s": "to absent3.example", "t": "", "d": {}}
    text = f'Rows_CL | where s has_any ({MANY}, "needle7") | sort by i asc | project i'
    before = analytics.queries.run(SOC, text)
    analytics.streams.append(SOC, "Rows_CL", [row])
    after = analytics.queries.run(SOC, text)
    assert [b"".join(answer.tables[0].json_rows()) for answer in (before, after)] == [b"[1]", b"[1],[7]"]
    analytics.streams.flush()
    assert b"".join(analytics.queries.run(SOC, text).tables[0].json_rows()) == b"[1],[7]"
    analytics.close()


def test_a_long_list_is_looked_for_in_the_tables_of_several_workspaces(tmp_path: Path) -> None:
    lake_of(tmp_path / "home", [HIT])
    analytics = opened(tmp_path / "home")
    file = tmp_path / "other.jsonl"
    row = {"TimeGenerated": NOW.isoformat(), "i": 9, "s": "absent3.example", "t": "", "d": {}}
    file.write_text(json.dumps(row))
    analytics.ingestion.ingest(OTHER, "Rows_CL", file)
    text = f'Rows_CL | where s has_any ({MANY}, "needle7") | sort by i asc | project i'
    alone, both = analytics.queries.run(SOC, text), analytics.queries.run(SOC, text, also=[OTHER])
    assert [b"".join(answer.tables[0].json_rows()) for answer in (alone, both)] == [b"[1]", b"[1],[9]"]
    analytics.close()


@pytest.mark.parametrize(
    "condition",
    [
        'where s has "needle7"',
        'where s == "a needle7"',
        'where s in ("a needle7", "needle8")',
        'where tostring(d.k) == "needle9"',
        'where s has "absent1" or d has "needle9"',
        'where has_ipv4(s, "10.20.30.40")',
        'extend r = 1.5 | search "10.20.30.40"',
        'where has_ipv4_prefix(s, "10.20.")',
        'search "needle7"',
        'extend r = 1.5, n = 7, g = new_guid(), w = 1h | search "needle7"',
        'extend u = tolower(s) | where u contains " needle7 "',
        'join kind=inner (Rows_CL | where t has "hay") on i | where s has "needle7"',
    ],
)
def test_what_cannot_match_is_not_read(tmp_path: Path, condition: str) -> None:
    hit = {"s": "a needle7", "t": "hay", "d": {"k": "needle9"}}
    if "10.20" in condition:
        hit["s"] = "from 10.20.30.40"
    if "contains" in condition:
        hit["s"] = "a needle7 here"
    lake_of(tmp_path / "home", [{"s": "x", "t": "hay", "d": {"k": "y"}}] * 4 + [hit])
    analytics = opened(tmp_path / "home")
    (found,) = analytics.queries.explain(SOC, f"Rows_CL | {condition}")
    assert min(len(s.files) for s in found.scans) == 1
    (table,) = analytics.queries.run(SOC, f"Rows_CL | {condition} | project i").tables
    assert json.loads(b"[" + b",".join(table.json_rows()) + b"]") == [[5]]
    analytics.engine.close()


def rows_of(analytics: Analytics, text: str) -> list[dict[str, Any]]:
    """The rows of an answer, each without what it has nothing in; as JSON and as Arrow they are the same."""
    found = []
    for table in analytics.queries.run(SOC, text).tables:
        rows = json.loads(b"[" + b",".join(table.json_rows()) + b"]")
        assert all(len(row) == len(table.columns) for row in rows)
        by_name = [{c.name: v for c, v in zip(table.columns, row, strict=True) if v not in ("", None)} for row in rows]
        arrow = [{n: v for n, v in row.items() if v not in ("", None)} for row in table.arrow().read_all().to_pylist()]
        assert [row.keys() for row in arrow] == [row.keys() for row in by_name]
        found += by_name
    return found


@pytest.fixture
def two_tables(tmp_path: Path) -> Analytics:
    """Two tables of the catalogue, with a few of their many columns filled."""
    analytics = opened(tmp_path / "home")
    time = NOW.isoformat()
    for name, row in (
        ("DeviceProcessEvents", {"DeviceName": "host1", "FileName": "evil.exe", "ProcessId": 7}),
        ("SigninLogs", {"UserPrincipalName": "evil@corp.example", "LocationDetails": {"city": "Oslo"}}),
    ):
        file = tmp_path / f"{name}.jsonl"
        file.write_text(json.dumps({"TimeGenerated": time, **row}))
        analytics.ingestion.ingest(SOC, name, file)
    return analytics


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('search "evil"', ["DeviceProcessEvents", "SigninLogs"]),
        ('search "evil.exe"', ["DeviceProcessEvents"]),
        ('search "absent1"', []),
        ('search in (SigninLogs) "absent1" or "oslo"', ["SigninLogs"]),
        ('search "evil" | where isempty(MachineGroup) and isnull(Agent)', ["DeviceProcessEvents", "SigninLogs"]),
        ('search "evil" | sort by MachineGroup asc, $table asc', ["DeviceProcessEvents", "SigninLogs"]),
        ('search "evil" | top 1 by MachineGroup, DeviceName', None),
        ('search "evil" | summarize n = count() by MachineGroup', None),
        ('search "absent1" | summarize n = count()', None),
        ('search "absent1" | summarize n = count() by MachineGroup', []),
        ('union withsource=$table DeviceProcessEvents, SigninLogs | where MachineGroup has "absent1"', []),
        ("union withsource=$table DeviceProcessEvents, (SigninLogs | where Id == 'absent1')", ["DeviceProcessEvents"]),
    ],
)
def test_columns_and_tables_that_hold_nothing_are_as_if_they_were_read(
    two_tables: Analytics, text: str, names: list[str] | None
) -> None:
    found = rows_of(two_tables, text)
    if names is not None:
        assert [row.get("$table") for row in found] == names
    elif "summarize" in text:
        assert [row["n"] for row in found] == [0 if "absent1" in text else 2]
    else:
        assert len(found) == 1


@pytest.mark.parametrize(
    ("kind", "found"),
    [("inner", 0), ("leftouter", 1), ("leftanti", 1), ("leftsemi", 0), ("fullouter", 1), ("rightanti", 0)],
)
def test_a_join_with_nothing_gives_what_its_kind_says(two_tables: Analytics, kind: str, found: int) -> None:
    nothing = 'SigninLogs | where UserPrincipalName has "absent1" | project DeviceName = UserPrincipalName'
    assert len(rows_of(two_tables, f"DeviceProcessEvents | join kind={kind} ({nothing}) on DeviceName")) == found
    turned = {"rightanti": 1, "fullouter": 1}.get(kind, 0)
    text = f"{nothing} | join kind={kind} (DeviceProcessEvents | project DeviceName) on DeviceName"
    assert len(rows_of(two_tables, text)) == turned


def test_a_row_that_comes_while_a_query_is_compiled_is_whole_or_absent(two_tables: Analytics, tmp_path: Path) -> None:
    answer = two_tables.queries.run(SOC, 'search "evil"')
    file = tmp_path / "late.jsonl"
    file.write_text(json.dumps({"TimeGenerated": NOW.isoformat(), "FileName": "evil.exe", "MachineGroup": "late"}))
    two_tables.ingestion.ingest(SOC, "DeviceProcessEvents", file)
    (table,) = answer.tables
    assert len(json.loads(b"[" + b",".join(table.json_rows()) + b"]")) == 2
    assert [row.get("MachineGroup") for row in rows_of(two_tables, 'search "evil.exe" | sort by MachineGroup asc')] == [
        None,
        "late",
    ]

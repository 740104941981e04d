"""Management commands over a lake: what they make, change, and refuse to lose."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Conflict, Invalid, Refused
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.activity import Activity
from huntlake.workspace.commands import COMMANDS, REFUSED, Commands, Member, Need
from huntlake.workspace.workspaces import Workspace, Workspaces

from .conftest import NOW, SOC, Ask

Run = Callable[..., list[dict[str, Any]]]


class Someone:
    """A caller who may do what the test lets it."""

    id = "someone"

    def __init__(self, *rights: Need) -> None:
        self.rights = rights

    def may(self, need: Need, workspace: Workspace) -> bool:
        return need in self.rights or need is Need.NOTHING

    def members(self, workspace: Workspace) -> Sequence[Member]:
        return []


@pytest.fixture
def run(hunting: Analytics) -> Run:
    """Runs a command in the workspace `soc`; its rows by column."""
    workspaces, clock = Workspaces(MemoryShelf()), FixedClock(NOW)
    workspaces.create(SOC.name, SOC.id)
    commands = Commands(
        hunting.lake,
        hunting.tables,
        hunting.ingestion,
        hunting.streams,
        hunting.queries,
        hunting.functions,
        hunting.mappings,
        workspaces,
        Activity(clock),
        clock,
    )

    def run(text: str, caller: Someone = Someone(*Need)) -> list[dict[str, Any]]:
        answer = commands.run(text, caller, "soc")
        rows = json.loads(b"[" + b",".join(answer.json_rows()) + b"]")
        names = [c.name for c in answer.columns]
        return [dict(zip(names, row, strict=True)) for row in rows]

    return run


def test_a_table_has_exactly_the_columns_that_it_was_made_with(run: Run, ask: Ask) -> None:
    (made,) = run(
        ".create table Ioc (['the value']:string, Score:real, Seen:datetime) with (folder='ti', docstring=\"d\")"
    )
    assert (made["TableName"], made["Folder"], made["DocString"]) == ("Ioc", "ti", "d")
    assert run(".show table Ioc cslschema")[0]["Schema"] == '["the value"]:string,Score:real,Seen:datetime'
    assert ask("Ioc | getschema | project ColumnName") == [["the value"], ["Score"], ["Seen"]]
    assert ask("Ioc | count") == [[0]]


def test_making_a_table_that_is_there_changes_nothing(run: Run, ask: Ask) -> None:
    run(".create table T (a:long)")
    run(".ingest inline into table T <| 1")
    (told,) = run(".create table T (b:string) with (folder='f')")
    assert json.loads(told["Schema"])["OrderedColumns"] == [{"Name": "a", "Type": "System.Int64", "CslType": "long"}]
    assert told["Folder"] == ""
    assert ask("T") == [[1]]


def test_rows_in_the_command_go_by_place_and_are_read_as_kql_reads_text(run: Run, ask: Ask) -> None:
    run(".create table T (n:long, s:string, t:datetime, d:dynamic, b:bool, span:timespan)")
    (extent,) = run(
        '.ingest inline into table T <|\n1,"a, ""b""",2026-01-02,"{""x"": [1]}",true,1.00:00:00\nmany,,,,,\n2,short\n'
    )
    assert len(extent["ExtentId"]) == 36
    (first,) = ask("T | where n == 1 | extend t = tostring(t)")
    assert first == [1, 'a, "b"', "2026-01-02T00:00:00.0000000Z", {"x": [1]}, True, "1.00:00:00"]
    assert ask("T | where isnull(n) | project s, t, d, b") == [["", None, None, None]]
    assert ask("T | where n == 2 | project s") == [["short"]]


@pytest.mark.parametrize("odd", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_only_the_ends_of_lines_end_rows_in_the_command(run: Run, ask: Ask, odd: str) -> None:
    run(".create table T (s:string, n:long)")
    run(f".ingest inline into table T <|\none{odd}two,1\r\nthree,2\n")
    assert sorted(ask("T")) == [[f"one{odd}two", 1], ["three", 2]]


def test_rows_in_the_command_may_be_json(run: Run, ask: Ask) -> None:
    run(".create table T (n:long, s:string, d:dynamic)")
    run('.ingest inline into table T with (format="json") <| {"n": 1, "d": "text", "s": "x"}\n{"n": 2, "d": {"a": 1}}')
    assert sorted(ask("T"), key=str) == [[1, "x", "text"], [2, "", {"a": 1}]]
    with pytest.raises(Invalid, match="no column `m`"):
        run('.ingest inline into table T with (format="json") <| {"m": 1}')


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("1,2,3", "row 1 has 3 values, and the table 2 columns"),
        ("", "no row follows"),
        ('"open', "can't be read"),
    ],
)
def test_rows_that_do_not_fit_do_not_land(run: Run, ask: Ask, data: str, told: str) -> None:
    run(".create table T (a:long, b:long)")
    with pytest.raises(Invalid, match=told):
        run(f".ingest inline into table T <| {data}")
    assert ask("T") == []


def test_the_rows_of_a_query_make_a_table_and_add_to_it(run: Run, ask: Ask) -> None:
    (made,) = run(".set-or-append Failed <| SigninLogs | where ResultType != '0' | project UserPrincipalName, n = 1")
    assert made["RowCount"] == 2
    run(".append Failed <| print UserPrincipalName = 'x', n = 2")
    assert ask("Failed | summarize sum(n) by UserPrincipalName | order by UserPrincipalName asc") == [
        ["ann", 2],
        ["x", 2],
    ]
    with pytest.raises(Conflict):
        run(".set Failed <| print 1")
    run(".set-or-replace Failed <| print 'only', 3")
    assert ask("Failed") == [["only", 3]]
    run(".set-or-replace Failed <| Failed | where n > 3")
    assert ask("Failed") == []


def test_columns_of_a_query_go_by_place_but_never_where_another_name_says(run: Run, ask: Ask) -> None:
    run(".create table T (a:long, b:long)")
    run(".append T <| print x = 1, y = 2")
    assert ask("T") == [[1, 2]]
    for query in ("print b = 1, a = 2", "print 1", "print 1, 2, 3", "print 1, 'x'"):
        with pytest.raises(Invalid):
            run(f".append T <| {query}")
    run(".append T with (extend_schema=true) <| print 3, 4, c = 'new'")
    assert sorted(ask("T"), key=str) == [[1, 2, ""], [3, 4, "new"]]


def test_an_error_in_the_query_of_a_command_points_into_the_command(run: Run) -> None:
    with pytest.raises(SourceError) as caught:
        run(".set-or-append T <|\n SigninLogs\n | where Nonsense == 1")
    assert "command:3:10" in str(caught.value) or ":3:10" in str(caught.value)
    assert "| where Nonsense == 1" in str(caught.value)


def test_tables_of_the_catalogue_take_rows_by_name(run: Run, ask: Ask) -> None:
    run(".append SigninLogs <| print UserPrincipalName = 'eve', ResultType = '7'")
    assert ask("SigninLogs | where UserPrincipalName == 'eve' | project ResultType, Type") == [["7", "SigninLogs"]]
    with pytest.raises(Invalid, match="no column `Nope`"):
        run(".append SigninLogs <| print Nope = 1")


def test_files_go_into_a_table_that_was_declared(run: Run, ask: Ask, hunting: Analytics, tmp_path: Path) -> None:
    run(".create table T (a:long, b:string)")
    file = tmp_path / "rows.jsonl"
    file.write_text('{"a": 1, "b": "x", "c": 5}')
    report = hunting.ingestion.ingest(SOC, "T", file)
    assert (report.rows, report.unknown_columns) == (1, {"c": 1})
    assert ask("T") == [[1, "x"]]


def test_merging_adds_columns_and_never_retypes(run: Run, ask: Ask) -> None:
    run(".create-merge table T (a:long)")
    run(".ingest inline into table T <| 1")
    run(".create-merge table T (a:long, b:string)")
    run(".alter-merge table T (c:real)")
    assert ask("T") == [[1, "", None]]
    for columns in ("a:string", "A:long", "b:long, d:int"):
        with pytest.raises(Conflict):
            run(f".alter-merge table T ({columns})")
    assert ask("T | getschema | count") == [[3]]


def test_altering_a_table_loses_no_column_that_holds_something(run: Run, ask: Ask) -> None:
    run(".create table T (a:long, b:string)")
    run(".alter table T (b:string, c:int) with (docstring='new')")
    assert run(".show table T cslschema")[0]["Schema"] == "b:string,c:int"
    assert run(".show tables (T)")[0]["DocString"] == "new"
    run(".ingest inline into table T <| x,1")
    for columns in ("c:int, b:string", "b:string", "b:string, c:long"):
        with pytest.raises(SourceError, match="not supported"):
            run(f".alter table T ({columns})")
    run(".alter table T (b:string, c:int, d:guid)")
    assert ask("T") == [["x", 1, None]]


def test_a_dropped_table_is_gone_and_its_name_is_free(run: Run, ask: Ask, hunting: Analytics) -> None:
    run(".create table T (a:long)")
    run(".ingest inline into table T <| 1")
    left = run(".drop table T")
    assert "T" not in [row["TableName"] for row in left]
    with pytest.raises(SourceError, match="no table is named `T`"):
        ask("T | count")
    with pytest.raises(SourceError, match="no table is named `T`"):
        run(".drop table T")
    run(".drop table T ifexists")
    run(".create table T (z:string)")
    assert ask("T") == []
    assert [p.name for p in (hunting.lake.root / ".dropped").iterdir()] == [".lock"]


def test_a_table_of_the_catalogue_is_cleared_and_not_dropped(run: Run, ask: Ask) -> None:
    with pytest.raises(SourceError, match="not supported"):
        run(".drop table SigninLogs")
    assert ask("SigninLogs | count") == [[3]]
    assert run(".clear table SigninLogs data") == [{"Status": "Success"}]
    assert ask("SigninLogs | count") == [[0]]


def test_names_that_differ_in_case_alone_and_names_of_functions_are_taken(run: Run) -> None:
    run(".create table Ioc (a:long)")
    with pytest.raises(Conflict):
        run(".create table IOC (a:long)")
    run(".create function F() { print 1 }")
    with pytest.raises(Conflict):
        run(".create table F (a:long)")
    with pytest.raises(Invalid, match="can't be the name of a table"):
        run(".create table ['../escape'] (a:long)")


def test_functions_are_made_changed_called_and_dropped(run: Run, ask: Ask) -> None:
    run(".create-or-alter function with (folder='f', docstring='d') Twice(n:long) { print 2 * n // it's }\n }")
    assert ask("Twice(4)") == [[8]]
    assert run(".create function ifnotexists Twice(n:long) { print 1 }")[0]["DocString"] == "d"
    with pytest.raises(Conflict):
        run(".create function Twice(n:long) { print 1 }")
    (changed,) = run(".alter function Twice(n:long) { print 3 * n }")
    assert (changed["Folder"], changed["Body"]) == ("f", "{ print 3 * n }")
    with pytest.raises(SourceError, match="no table is named `Missing`"):
        run(".create-or-alter function Broken() { Missing | take 1 }")
    run(".create-or-alter function with (skipvalidation=true) Broken() { Missing | take 1 }")
    assert [f["Name"] for f in run(".show functions")] == ["Broken", "Twice"]
    assert [f["Name"] for f in run(".drop functions (Broken)")] == ["Twice"]


def test_a_script_of_the_schema_makes_the_same_tables_again(run: Run) -> None:
    run(".create table T (['a b']:long) with (folder='f\"x')")
    run(".create function F(x:string = 'a') { print x }")
    script = [row["DatabaseSchemaScript"] for row in run(".show database schema as csl script")]
    made = [s for s in script if " T " in s or " F(" in s]
    before = run(".show database schema as json")
    run(".drop table T")
    run(".drop function F")
    for line in made:
        run(line)
    assert run(".show database schema as json") == before


def test_details_count_what_a_table_holds(run: Run, hunting: Analytics) -> None:
    (row,) = run(".show table SigninLogs details")
    assert (row["TotalRowCount"], row["TotalExtents"]) == (3, 1)
    assert row["TotalExtentSize"] > 0
    hunting.streams.append(SOC, "SigninLogs", [{"Id": "waits"}])
    (row,) = run(".show table SigninLogs details")
    assert (row["TotalRowCount"], row["TotalExtents"]) == (4, 1)
    hunting.streams.flush()
    (row,) = run(".show table SigninLogs details")
    assert (row["TotalRowCount"], row["TotalExtents"]) == (4, 2)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (".create table T (a:text)", "`text` is not a type"),
        (".create table T (a:string, a:long)", "two columns are named `a`"),
        (".create table T (a:string) with (foldr='x')", "did you mean `folder`?"),
        (".create table T", "`(` is missing here"),
        (".set-or-append T print 1", "`<|` is missing here"),
        (".set-or-append T with (tags='[]') <| print 1", "the property `tags` is not supported"),
        (".set-or-append async T <| print 1", "is not supported"),
        (".delete table T records <| T | where a == 1", "the command `.delete` is not supported"),
        (".ingest inline into table SigninLogs with (format='avro') <| x", "`avro` is not supported"),
        (".show table SigninLogs <| x", "is missing here"),
        (".rename table A to B", "the command `.rename` is not supported"),
        (".alter table SigninLogs policy retention '{}'", "is not supported"),
    ],
)
def test_what_is_wrong_with_a_command_is_said_at_its_place(run: Run, command: str, told: str) -> None:
    with pytest.raises((SourceError, Invalid)) as caught:
        run(command)
    assert told in str(caught.value)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.syntax)
def test_no_command_does_what_its_caller_may_not(hunting: Analytics, run: Run, command: Any) -> None:
    texts = {
        **dict.fromkeys(("table", "source", "database", "function"), "T"),
        **dict.fromkeys(("tables", "functions"), "(T)"),
        "columns": "(a:long)",
        "definitions": "T (a:long)",
        "definition": "F() { print 1 }",
        "text": "'x'",
        "mapping": "'[]'",
        "kind": "json",
        "properties": "",
        "query": "<| print 1",
        "data": "<| 1",
    }
    words = (texts[p.place] if p.place else p.word for p in command.pieces if not p.optional)
    text = " ".join(words)
    if command.needs is Need.NOTHING:
        run(text, Someone())
        return
    less = [n for n in (Need.READ, Need.WRITE, Need.MANAGE) if n is not command.needs]
    for rights in ((), less if command.needs is not Need.READ else ()):
        with pytest.raises(Refused):
            run(text, Someone(*rights))


def test_no_command_is_both_there_and_refused() -> None:
    words = {c.words for c in COMMANDS}
    assert not [r for r in REFUSED if any(w == r or w.startswith(f"{r} ") for w in words)]


def test_operators_may_follow_a_command(run: Run) -> None:
    assert run('.show tables | where TableName == "SigninLogs" | project TableName') == [{"TableName": "SigninLogs"}]
    assert run(".show version | count") == [{"Count": 1}]
    run(".create table Kept_CL (a:string)")
    assert run(".show table Kept_CL cslschema | extend n = strlen(Schema) | project n") == [{"n": len("a:string")}]
    assert run('.show tables | where TableName has "Kept" | summarize n = count()') == [{"n": 1}]


def test_a_mistake_behind_a_command_has_its_place(run: Run) -> None:
    text = ".show tables | where TableNane has 'x'"
    with pytest.raises(SourceError) as told:
        run(text)
    (diagnostic,) = told.value.diagnostics
    assert text[diagnostic.span.start : diagnostic.span.end] == "TableNane"


def test_operators_behind_a_command_read_no_other_table(run: Run) -> None:
    with pytest.raises(SourceError, match="no table is named `SigninLogs`"):
        run(".show tables | join SigninLogs on $left.TableName == $right.UserPrincipalName")


@pytest.mark.parametrize("words", [c.words for c in COMMANDS if c.words == c.syntax and c.needs is not Need.MANAGE])
def test_what_a_command_answers_can_be_asked(run: Run, words: str) -> None:
    assert run(f"{words} | count") == [{"Count": len(run(words))}]


def test_what_waits_in_the_log_goes_with_a_table_that_is_dropped_or_cleared(run: Run, hunting: Analytics) -> None:
    for command in (".drop table Events_CL", ".clear table Events_CL data"):
        hunting.streams.append(SOC, "Events_CL", [{"n": 1}])
        run(command)
        hunting.streams.flush()
        assert hunting.tables.row_count("soc", "Events_CL") == 0
    assert not hunting.streams.pending("soc", "Events_CL")
    hunting.close()


@pytest.mark.parametrize(
    "command",
    [
        ".clear table HuntlakeAudit data",
        ".drop table HuntlakeAudit",
        ".drop tables (HuntlakeAudit) ifexists",
        ".create-merge table HuntlakeAudit (Mine_CF:string)",
        ".alter-merge table HuntlakeAudit (Mine_CF:string)",
        '.alter table HuntlakeAudit docstring "mine"',
        ".set-or-append HuntlakeAudit <| print Action='hunt/approve'",
        ".set-or-replace HuntlakeAudit <| print Action='hunt/approve'",
        ".ingest inline into table HuntlakeAudit <| 2026-01-01,1",
    ],
)
def test_no_command_changes_what_is_huntlakes_own(run: Run, command: str) -> None:
    with pytest.raises((SourceError, Invalid), match="not supported"):
        run(command)

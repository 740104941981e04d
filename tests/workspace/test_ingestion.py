from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from huntlake.core.clock import FixedClock
from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.lake import Lake
from huntlake.lake.scanning import ScanColumn, scan_sql
from huntlake.lake.table import LakeTable
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.ingestion import Ingestion, IngestReport, Progress
from huntlake.workspace.tables import Tables
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
CATALOGUE = Catalogue()


@dataclass
class Place:
    """A lake in a folder of its own."""

    home: Path

    def __post_init__(self) -> None:
        self.lake = Lake(self.home / "lake")
        self.tables = Tables(self.lake, CATALOGUE)
        self.ingestion = Ingestion(self.lake, self.tables, FixedClock(NOW), self.home / "dead-letters")

    def file(self, data: str | bytes, name: str = "log.json") -> Path:
        path = self.home / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def ingest(self, table: str, data: str | bytes, name: str = "log.json") -> IngestReport:
        return self.ingestion.ingest(SOC, table, self.file(data, name))

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        snapshot = self.lake.snapshot("soc", table)
        types = {name.lower(): type for name, type in snapshot.schema}
        wanted = [ScanColumn(c, f"c{i}", types.get(c.lower(), "VARCHAR")) for i, c in enumerate(columns)]
        with duckdb.connect() as engine:
            found: list[tuple[Any, ...]] = engine.execute(
                f"select * from ({scan_sql(snapshot, wanted)}) order by all"
            ).fetchall()
            return found

    def letters(self, report: IngestReport) -> list[dict[str, Any]]:
        assert report.dead_letter_file is not None
        return [json.loads(line) for line in report.dead_letter_file.read_text().splitlines()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_fields_find_their_columns_in_any_case(place: Place) -> None:
    place.ingest("SecurityEvent", '{"timegenerated":"2026-11-20T01:00:00+02:00","EVENTID":"4625","computer":"a"}')
    assert place.rows("SecurityEvent", "TimeGenerated", "EventID", "Computer") == [
        (datetime(2026, 11, 19, 23), 4625, "a")
    ]


def test_a_field_in_two_spellings_fills_one_column(place: Place) -> None:
    place.ingest("IdentityInfo", '{"accountupn":"first"}\n{"AccountUPN":"second"}\n{"AccountUpn":"third"}')
    assert place.rows("IdentityInfo", "AccountUPN") == [("first",), ("second",), ("third",)]
    assert place.rows("IdentityInfo", "AccountUpn") == place.rows("IdentityInfo", "AccountUPN")


def test_the_table_and_the_workspace_are_filled_in(place: Place) -> None:
    place.ingest("Syslog", '{"Computer":"a"}\n{"Computer":"b","Type":"Other","TenantId":"t"}')
    assert place.rows("Syslog", "Computer", "Type", "TenantId") == [("a", "Syslog", SOC.id), ("b", "Other", "t")]


def test_a_row_that_does_not_fit_is_kept_aside_and_the_others_land(place: Place) -> None:
    report = place.ingest("SecurityEvent", '{"EventID":1}\n{"EventID":"many","Computer":"x"}\n[2]\n{"EventID":\n{}\n')
    assert (report.rows, report.dead) == (1, 4)
    letters = {x["line"]: x for x in place.letters(report)}
    assert letters[2] == {
        "reason": "`EventID` is no int: many",
        "source": "log.json",
        "line": 2,
        "text": '{"EventID":"many","Computer":"x"}',
    }
    assert [letters[n]["reason"] for n in (3, 4, 5)] == ["not a JSON object", "not JSON", "an empty object"]
    assert report.dead_letter_file is not None
    assert report.dead_letter_file.parent == place.home / "dead-letters" / "soc" / "SecurityEvent"
    assert report.dead_letter_file.stat().st_mode & 0o077 == 0


def test_unknown_fields_are_kept_where_the_table_has_a_bag_for_them(place: Place) -> None:
    report = place.ingest(
        "DeviceProcessEvents",
        '{"FileName":"a","New":{"x":1},"we\\"ird":2}\n{"FileName":"b","AdditionalFields":{"k":1},"New":null}\n'
        '{"FileName":"c","AdditionalFields":"plain","New":3}\n',
    )
    assert report.unknown_columns == {"New": 3, 'we"ird': 1}
    assert report.kept_unknown
    bags = [json.loads(bag) for _, bag in place.rows("DeviceProcessEvents", "FileName", "AdditionalFields")]
    assert bags == [{"New": {"x": 1}, 'we"ird': 2}, {"k": 1}, {"AdditionalFields": "plain", "New": 3}]


def test_unknown_fields_are_counted_where_there_is_no_bag(place: Place) -> None:
    report = place.ingest("SecurityEvent", '{"EventID":1,"Bogus":1}\n{"EventID":2,"Bogus":1,"Other":1}')
    assert (report.unknown_columns, report.kept_unknown, report.rows) == ({"Bogus": 2, "Other": 1}, False, 2)


def test_bags_keep_their_json_and_text_keeps_bags(place: Place) -> None:
    place.ingest(
        "SigninLogs", '{"Status":{"errorCode": 50126},"ConditionalAccessPolicies":"[{\\"a\\": 1}]","Id":{"x":[1]}}'
    )
    assert place.rows("SigninLogs", "Status", "ConditionalAccessPolicies", "Id") == [
        ('{"errorCode":50126}', '[{"a":1}]', '{"x":[1]}')
    ]


def test_a_row_without_a_time_takes_the_best_it_tells_else_now(place: Place) -> None:
    report = place.ingest(
        "DeviceProcessEvents",
        '{"FileName":"a","Timestamp":"2026-11-01T00:00:00Z"}\n{"FileName":"b","time":1700000000}\n{"FileName":"c"}\n',
    )
    assert place.rows("DeviceProcessEvents", "FileName", "TimeGenerated") == [
        ("a", datetime(2026, 11, 1)),
        ("b", datetime(2023, 11, 14, 22, 13, 20)),
        ("c", NOW.replace(tzinfo=None)),
    ]
    assert report.undated == 1


@pytest.mark.parametrize(
    "data",
    [
        '[{"AlertId":"1"},\n {"AlertId":"2"}]',
        '{\n "value": [\n {"AlertId":"1"}, {"AlertId":"2"}], "@odata.context": "x"}',
        '{"records":[{"AlertId":"1"}]}\n{"records":[{"AlertId":"2"}]}\n',
        '{\n"AlertId":"1"}\n{\n"AlertId":"2"}',
        "AlertId,Severity\n1,High\n2,\n",
        'AlertId\tTitle\n1\t"a ""b""\tc"\n2\td\n',
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_every_format_lands(place: Place, data: str, zipped: bool) -> None:
    report = place.ingest("AlertInfo", gzip.compress(data.encode()) if zipped else data, "some [odd]* name")
    assert (report.rows, report.dead) == (2, 0)
    assert place.rows("AlertInfo", "AlertId") == [("1",), ("2",)]


def test_an_array_that_holds_other_things_lets_the_objects_land(place: Place) -> None:
    report = place.ingest("AlertInfo", '[{"AlertId":"1"}, 5, {"AlertId":"2"}]')
    assert (report.rows, report.dead) == (2, 1)


def test_parquet_lands_with_its_types(place: Place) -> None:
    with duckdb.connect() as engine:
        engine.execute(
            "copy (select timestamp '2026-11-01 10:00' as TimeGenerated, 5::USMALLINT as EventID, "
            f"{{'x': [1]}} as EventData, 'a' as account) to '{place.home}/p' (format parquet)"
        )
    report = place.ingestion.ingest(SOC, "SecurityEvent", place.home / "p")
    assert (report.rows, report.dead) == (1, 0)
    assert place.rows("SecurityEvent", "TimeGenerated", "EventID", "EventData", "Account") == [
        (datetime(2026, 11, 1, 10), 5, '{"x":[1]}', "a")
    ]


def test_csv_as_the_portal_exports_it_lands(place: Place) -> None:
    report = place.ingest(
        "Syslog", 'TimeGenerated [UTC],Computer\n"11/20/2026, 5:06:07.123 PM",a\nsoon,b\n2026-11-20\n'
    )
    assert (report.rows, report.dead) == (1, 2)
    assert place.rows("Syslog", "TimeGenerated", "Computer") == [(datetime(2026, 11, 20, 17, 6, 7, 123000), "a")]
    assert sorted(x["text"] for x in place.letters(report)) == [
        "2026-11-20",
        '{"TimeGenerated [UTC]":"soon","Computer":"b"}',
    ]


def test_a_custom_table_is_made_with_the_types_of_its_rows(place: Place) -> None:
    data = (
        '{"When":"2026-01-01T00:00:00Z","n":1,"f":1.5,"ok":true,"bag":{"x":1},"mixed":1,"@w":"z","_Day":"k","nothing":null}\n'
        '{"When":"2026-01-02T00:00:00Z","n":2,"f":2,"mixed":"s"}\n'
    )
    report = place.ingest("Mine_CL", data)
    assert report.rows == 2
    columns = place.tables.table("soc", "Mine_CL")
    assert columns is not None
    assert [f"{c.name}:{c.type}" for c in columns] == [
        "TimeGenerated:datetime",
        "TenantId:string",
        "Type:string",
        "_TimeReceived:datetime",
        "When:datetime",
        "n:long",
        "f:real",
        "ok:bool",
        "bag:dynamic",
        "mixed:dynamic",
        "_w:string",
        "_Day_:string",
    ]
    assert place.rows("Mine_CL", "n", "f", "mixed") == [(1, 1.5, "1"), (2, 2.0, '"s"')]


def test_a_custom_table_grows(place: Place) -> None:
    place.ingest("Mine_CL", '{"n":1}')
    report = place.ingest("Mine_CL", '{"N":2,"more":"x"}\n{"n":"no number"}')
    assert [c.name for c in report.added_columns] == ["more"]
    assert report.dead == 1
    assert place.rows("Mine_CL", "n", "more") == [(1, None), (2, "x")]


def test_numbers_in_csv_are_numbers_in_a_custom_table(place: Place) -> None:
    place.ingest("Mine_CL", "n,zip,f,t\n1,01234,1.5,x\n2,98765,2.0,y\n")
    columns = place.tables.table("soc", "Mine_CL")
    assert columns is not None
    assert [f"{c.name}:{c.type}" for c in columns][4:] == ["n:long", "zip:string", "f:real", "t:string"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("SigninLog", "did you mean `SigninLogs`"), ("signinlogs", "did you mean `SigninLogs`"), ("Nothing", "_CL")],
)
def test_a_table_nobody_knows_is_not_made(place: Place, name: str, hint: str) -> None:
    with pytest.raises(NotFound, match=hint):
        place.ingest(name, '{"a":1}')


def test_a_table_that_differs_in_case_alone_is_not_made(place: Place) -> None:
    place.ingest("Mine_CL", '{"n":1}')
    with pytest.raises(NotFound, match="did you mean `Mine_CL`"):
        place.ingest("MINE_CL", '{"n":1}')


def test_a_name_that_leaves_the_lake_is_refused(place: Place) -> None:
    with pytest.raises(Invalid):
        place.ingest("../../x_CL", '{"n":1}')


def test_of_several_files_all_land_or_none(place: Place) -> None:
    good, bad = place.file('{"n":1}', "good"), place.file(b"PAR1 no more", "bad")
    with pytest.raises(Invalid, match="`bad` can't be read as parquet"):
        place.ingestion.ingest(SOC, "Mine_CL", [good, bad])
    assert place.tables.row_count("soc", "Mine_CL") == 0
    assert not list(place.lake.root.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("data", "rows", "dead"),
    [
        (b'{"n":1,"a":"\xff"}\n{"n":2}\n', 1, 1),
        (b'{"n":"' + b"x" * 17_000_000 + b'"}\n{"n":2}\n', 1, 1),
        (b'{"n":1}\n{"a":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001, 2, 0),
        (b'{"a":"\\ud800"}\n{"n":1,"a":"x\\u0000y"}\n', 1, 1),
        (b'{"n":1,"n":2}\n{"n":3}\n', 1, 1),
        (b'{"n":1,"N":2}\n{"n":3,"N":3}\n{"n":null,"N":4}\n', 2, 1),
        (b'{"a.b":1,"a_b":2}\n{"a_b":2}\n', 1, 1),
        (b"{" * 10_000, 0, 1),
        (b"\x00\x01\x02,\xff\n1,2\n", None, None),
        (b"", 0, 0),
        (b"\n\n\n", 0, 0),
        # `mtime=0`: these bytes name the test, and each worker has to find the same names.
        (gzip.compress(b'{"n":1}\n' * 1000, mtime=0)[:-20], None, None),
        (gzip.compress(b"[" + b'{"n":1},' * 1000, mtime=0)[:-20], None, None),
        (b'[{"n":1},{"n":', None, None),
        (b'"n\n1', None, None),
    ],
)
def test_hostile_files_give_dead_letters_or_a_clear_error(
    place: Place, data: bytes, rows: int | None, dead: int | None
) -> None:
    refused = None
    try:
        report = place.ingest("Mine_CL", data)
    except Invalid as error:
        refused = str(error)
    if refused is not None:
        assert rows is None
        assert str(place.home) not in refused
        return
    assert rows is None or (report.rows, report.dead) == (rows, dead)
    assert place.tables.row_count("soc", "Mine_CL") == report.rows


def test_every_line_of_a_csv_lands_or_is_a_dead_letter(place: Place) -> None:
    report = place.ingest("Mine_CL", b'a,b\n\x00\x01,\xff\n1,2\n3\n4,5,6\n"7,8\n')
    assert (report.rows, report.dead) == (1, 4)
    assert place.letters(report)[-1]["text"] == '"7,8\n'


def test_a_lone_quote_in_a_csv_field_is_a_quote(place: Place) -> None:
    report = place.ingest("Mine_CL", 'a,b\n1,5" disk\n2,x\n')
    assert (report.rows, report.dead) == (2, 0)
    assert place.rows("Mine_CL", "a", "b") == [(1, '5" disk'), (2, "x")]


def test_an_object_with_a_name_twice_is_not_guessed_into_a_bag(place: Place) -> None:
    report = place.ingest("DeviceProcessEvents", '{"New":1,"New":2}\n{"New":3}')
    assert (report.rows, report.dead) == (1, 1)


def test_nothing_in_a_log_is_sql(place: Place) -> None:
    evil = "x'); drop table staged; --"
    place.ingest("Mine_CL", json.dumps({evil: evil, '"; drop': 1, "{}": "$.a"}))
    assert place.tables.row_count("soc", "Mine_CL") == 1
    assert (evil,) in place.rows("Mine_CL", "x____drop_table_staged____")


def test_progress_is_told_and_ends_at_the_end(place: Place) -> None:
    told: list[Progress] = []
    path = place.file('{"n":1}\n{"n":"x"}\n')
    place.ingest("Mine_CL", '{"n":1}', "other")
    place.ingestion.ingest(SOC, "Mine_CL", path, progress=told.append)
    assert told[-1] == Progress(bytes=path.stat().st_size, total=path.stat().st_size, rows=1, dead=1)


def test_arrow_rows_land_and_what_is_missing_is_filled(place: Place) -> None:
    rows = pa.table(
        {
            "TimeGenerated": pa.array([datetime(2026, 11, 1), datetime(2026, 11, 2)], pa.timestamp("us")),
            "EventID": pa.array([4625, None], pa.int32()),
            "Account": pa.array(["a", None]).dictionary_encode(),
        }
    )
    assert place.ingestion.append_arrow(SOC, "SecurityEvent", rows) == 2
    assert place.rows("SecurityEvent", "TimeGenerated", "EventID", "Account", "Type", "TenantId") == [
        (datetime(2026, 11, 1), 4625, "a", "SecurityEvent", SOC.id),
        (datetime(2026, 11, 2), None, "", "SecurityEvent", SOC.id),
    ]


def test_an_arrow_column_that_no_table_has_is_refused(place: Place) -> None:
    with pytest.raises(Invalid, match="did you mean `Account`"):
        place.ingestion.append_arrow(SOC, "SecurityEvent", pa.table({"Accounts": ["a"]}))


def test_a_load_leaves_nothing_behind(place: Place) -> None:
    place.ingest("Mine_CL", '{"n":1}')
    assert list((place.home / "tmp").iterdir()) == []


def test_a_table_of_open_schema_gets_columns_for_what_rows_bring(place: Place) -> None:
    report = place.ingest("AzureDiagnostics", '{"ResourceId":"r","brandNew_d":1.5,"brandNew_s":"x"}')
    assert [f"{c.name}:{c.type}" for c in report.added_columns] == ["brandNew_d:real", "brandNew_s:string"]
    assert report.unknown_columns == {}
    assert place.rows("AzureDiagnostics", "ResourceId", "brandNew_d") == [("r", 1.5)]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Invalid("it can't be")])
def test_letters_stay_when_only_their_table_does_not_take_them(
    place: Place, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuses(*_: object) -> None:
        raise error

    monkeypatch.setattr(Ingestion, "keep_letters", refuses)
    report = place.ingest("SecurityEvent", '{"EventID":1}\n{"EventID":"x"}\n')
    assert (report.rows, report.dead) == (1, 1)
    assert [one["line"] for one in place.letters(report)] == [2]
    assert place.rows("SecurityEvent", "EventID") == [(1,)]


@pytest.mark.parametrize("after", [True, False])
def test_letters_stay_where_rows_may_have_landed(place: Place, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    commit = LakeTable.commit

    def breaks(self: LakeTable, *words: Any, **more: Any) -> None:
        if after:
            commit(self, *words, **more)
            raise OSError(5, "Input/output error")
        raise Conflict("it was dropped")

    monkeypatch.setattr(LakeTable, "commit", breaks)
    with pytest.raises((OSError, Conflict)):
        place.ingest("SecurityEvent", '{"EventID":1}\n{"EventID":"x"}\n')
    assert len(list((place.home / "dead-letters").rglob("*.jsonl"))) == int(after)

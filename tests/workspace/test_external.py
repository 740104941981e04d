"""`externaldata`: which files may be read, and what their bytes come to mean."""

from __future__ import annotations

import gzip
import http.server
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet
import pytest
from tests.workspace.conftest import NOW, SOC

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError, Invalid, LimitExceeded, Refused, TimedOut
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.workspace.external_addresses import Hosts, Outside
from huntlake.workspace.visible import Borders


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    (tmp_path / "intel").mkdir()
    (tmp_path / "secret.csv").write_text("secret\n")
    return tmp_path / "intel"


def lake(home: Path, outside: Outside) -> Analytics:
    return Analytics.over(home, Bounds(threads=1), Nowhere(), FixedClock(NOW), borders=Borders(outside=outside))


@pytest.fixture
def made(shelf: Path, tmp_path: Path) -> Iterator[Analytics]:
    analytics = lake(tmp_path / "home", Outside([shelf], max_bytes=1 << 16))
    yield analytics
    analytics.engine.close()


def rows(made: Analytics, text: str) -> list[Any]:
    (table,) = made.queries.run(SOC, text).tables
    found: list[Any] = json.loads(b"[" + b",".join(table.json_rows()) + b"]")
    return found


def asked(made: Analytics, address: object, columns: str, properties: str = "") -> list[Any]:
    return rows(made, f"externaldata ({columns}) [@'{address}'] {f'with ({properties})' if properties else ''}")


# -- forms ------------------------------------------------------------------------


def test_values_get_the_declared_types(made: Analytics, shelf: Path) -> None:
    (shelf / "a.csv").write_text('x,1,1.5,true,2026-01-02,00:00:01,"{""k"":1}"\n"a, ""b""",no,,,,,\nshort\n')
    columns = "s:string, l:long, r:real, b:bool, d:datetime, t:timespan, y:dynamic"
    assert asked(made, shelf / "a.csv", columns) == [
        ["x", 1, 1.5, True, "2026-01-02T00:00:00Z", "00:00:01", {"k": 1}],
        ['a, "b"', None, None, None, None, None, None],
        ["short", None, None, None, None, None, None],
    ]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "psv", "scsv"])
def test_fields_are_parted_as_the_format_says(made: Analytics, shelf: Path, suffix: str) -> None:
    delimiter = {"csv": ",", "tsv": "\t", "psv": "|", "scsv": ";"}[suffix]
    (shelf / f"a.{suffix}").write_text(f"h{delimiter}i\n1{delimiter}2\n")
    assert asked(made, shelf / f"a.{suffix}", "a:long, b:long", "ignoreFirstRecord=true") == [[1, 2]]
    assert asked(made, shelf / f"a.{suffix}", "a:string, b:string", f"format={suffix}") == [["h", "i"], ["1", "2"]]


def test_lines_and_whole_files(made: Analytics, shelf: Path) -> None:
    (shelf / "a").write_text("# list\r\n10.0.0.1, x\n\n10.0.0.2")
    assert asked(made, shelf / "a", "a:string", "format='txt', ignoreFirstRecord=True") == [
        ["10.0.0.1, x"],
        ["10.0.0.2"],
    ]
    assert asked(made, shelf / "a", "a:string", "format=raw") == [["# list\r\n10.0.0.1, x\n\n10.0.0.2"]]


def test_json_by_names(made: Analytics, shelf: Path) -> None:
    (shelf / "a.json").write_text('{"a": 1, "b": {"c": [1, "x"]}}\n\n{"a": "2", "B": 1}\n')
    assert asked(made, shelf / "a.json", "a:long, b:dynamic") == [[1, {"c": [1, "x"]}], [2, None]]
    assert asked(made, shelf / "a.json", "a:string, b:string")[0] == ["1", '{"c":[1,"x"]}']
    (shelf / "b.json").write_text('[{"a": "1"},\n {"a": "true"}] {"a": null}')
    assert asked(made, shelf / "b.json", "a:dynamic", "format=multijson") == [["1"], ["true"], [None]]


def test_a_mapping_says_what_fills_a_column(made: Analytics, shelf: Path) -> None:
    (shelf / "a.json").write_text('[{"a": {"b c": [10, 20]}}]')
    mapping = [
        {"Column": "x", "Properties": {"Path": "$.a['b c'][1]"}},
        {"column": "whole", "path": "$", "datatype": "dynamic"},
        {"Column": "k", "Properties": {"ConstValue": "const"}},
    ]
    properties = f"format=multijson, ingestionMapping=```{json.dumps(mapping)}```"
    text = f"externaldata (x:long, whole:dynamic, k:string, none:string) ['{shelf}/a.json'] with ({properties})"
    assert rows(made, text) == [[20, {"a": {"b c": [10, 20]}}, "const", ""]]
    (shelf / "a.csv").write_text("1,2,3\n")
    csv = '[{"Column":"x","Properties":{"Ordinal":"2"}}]'
    assert asked(made, shelf / "a.csv", "x:long, y:long", f"ingestionMapping='{csv}'") == [[3, None]]


def test_parquet_and_packed_files(made: Analytics, shelf: Path) -> None:
    pyarrow.parquet.write_table(pa.table({"a": [1, None], "t": [NOW, NOW], "l": [[1], []]}), shelf / "a.parquet")
    assert asked(made, shelf / "a.parquet", "a:long, t:datetime, l:dynamic, none:string") == [
        [1, "2026-11-21T12:00:00Z", [1], ""],
        [None, "2026-11-21T12:00:00Z", [], ""],
    ]
    (shelf / "a.tsv.gz").write_bytes(gzip.compress(b"1\t2\n"))
    assert asked(made, shelf / "a.tsv.gz", "a:long, b:long") == [[1, 2]]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inside.json", '{"a": 1}')
    (shelf / "a.zip").write_bytes(packed.getvalue())
    assert asked(made, shelf / "a.zip", "a:long") == [[1]]


def test_several_files_are_one_table_and_only_what_is_asked_is_kept(made: Analytics, shelf: Path) -> None:
    (shelf / "a.csv").write_text("h,h\n1,x\n")
    (shelf / "b.csv").write_text("h,h\n2,y\n")
    text = f"externaldata (a:long, A:string) ['{shelf}/a.csv', 'file://{shelf}/b.csv'] with (ignoreFirstRecord=true)"
    assert rows(made, f"{text} | project A") == [["x"], ["y"]]
    assert rows(made, f"{text} | count") == [[2]]
    assert rows(made, f"let t = {text}; t | join t on a | project A, a1 | sort by a1 asc") == [["x", 1], ["y", 2]]


def test_columns_that_only_a_file_knows_are_asked_for(made: Analytics, shelf: Path) -> None:
    (shelf / "a.json").write_text('{"b": {"k": 1}}\n{"b": {"k": 2}}')
    text = f"externaldata (b:dynamic) ['{shelf}/a.json'] | evaluate bag_unpack(b)"
    assert rows(made, f"{text} | summarize sum(k)") == [[3]]


def test_rows_of_a_file_leave_memory_with_the_answer(made: Analytics, shelf: Path) -> None:
    (shelf / "a.csv").write_text("1")
    answer = made.queries.run(SOC, f"externaldata (a:long) ['{shelf}/a.csv']")
    held = "select count(*) from duckdb_tables() where table_name like 'external %'"
    assert made.engine.table(held).to_pylist() == [{"count_star()": 1}]
    assert b"".join(answer.tables[0].json_rows()) == b"".join(answer.tables[0].json_rows()) == b"[1]"
    del answer
    assert made.engine.table(held).to_pylist() == [{"count_star()": 0}]


def test_an_explanation_reads_nothing(made: Analytics, shelf: Path) -> None:
    (found,) = made.queries.explain(SOC, f"externaldata (a:long) ['{shelf}/nowhere.csv']")
    assert found.columns[0].name == "a"


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ("ignoreLastRecord=true", "the property `ignorelastrecord` of `externaldata` is not supported"),
        ("format=avro", "the format `avro` of `externaldata` is not supported"),
        ("format=json, ignoreFirstRecord=true", "`ignoreFirstRecord` of the format `json` is not supported"),
        ("ignoreFirstRecord=maybe", "true or false"),
        ("ingestionMapping='byname'", "JSON array"),
        ("""ingestionMapping='[{"Column":"z","Path":"$"}]'""", "no column"),
        ("""ingestionMapping='[{"Column":"a","Path":"$..x"}]'""", "not supported"),
        ("""ingestionMapping='[{"Column":"a","Path":"$","Transform":"SourceLocation"}]'""", "not supported"),
        ("""ingestionMapping='[{"Column":"a"}]'""", "doesn't say"),
    ],
)
def test_what_would_be_passed_over_is_refused(made: Analytics, shelf: Path, properties: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        asked(made, shelf / "a.csv", "a:string", properties)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b'"open\n'),
        ("a.csv", b"\xff\xfe"),
        ("a.json", b"{"),
        ("a.parquet", b"PAR1"),
        ("a.csv.gz", b"\x1f\x8bxx"),
        ("a.zip", b"PK\x03\x04xx"),
        ("a.json", b"[" * 100_000),
    ],
)
def test_a_damaged_file_is_an_error_and_no_fewer_rows(made: Analytics, shelf: Path, name: str, content: bytes) -> None:
    (shelf / name).write_bytes(content)
    with pytest.raises(DomainError):
        asked(made, shelf / name, "a:string")


# -- files ------------------------------------------------------------------------


def test_nothing_is_read_unless_it_is_listed(tmp_path: Path) -> None:
    made = lake(tmp_path / "home", Outside())
    for address in (__file__, f"file://{__file__}", "https://example.org/a.csv", "a.csv", ""):
        with pytest.raises(SourceError, match="`externaldata` from this address is not supported"):
            asked(made, address, "a:string")
    made.engine.close()


@pytest.mark.parametrize(
    "address",
    [
        "{0}/../secret.csv",
        "{0}/sub/../../secret.csv",
        "file://{0}/%2e%2e/secret.csv",
        "{0}2/a.csv",
        "file://elsewhere{0}/a.csv",
        "{0}/a.csv\\0",
        "ftp://host{0}/a.csv",
    ],
)
def test_no_path_leads_out_of_a_folder(made: Analytics, shelf: Path, address: str) -> None:
    with pytest.raises(SourceError, match="not supported"):
        rows(made, f"externaldata (a:string) ['{address.format(shelf)}']")


def test_no_link_leads_out_of_a_folder(made: Analytics, shelf: Path) -> None:
    (shelf / "link.csv").symlink_to(shelf.parent / "secret.csv")
    (shelf / "up").symlink_to(shelf.parent)
    (shelf / "good.csv").write_text("good")
    (shelf / "inner.csv").symlink_to(shelf / "good.csv")
    for name in ("link.csv", "up/secret.csv"):
        with pytest.raises(Invalid, match="leads out of its folder, is not supported"):
            asked(made, shelf / name, "a:string")
    assert asked(made, shelf / "inner.csv", "a:string") == [["good"]]


def test_only_files_of_a_size_are_read(made: Analytics, shelf: Path) -> None:
    os.mkfifo(shelf / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(Invalid):
            Outside([shelf]).read(f"{shelf}/{name}")
    with pytest.raises(Invalid, match="there is no file"):
        asked(made, shelf / "none.csv", "a:string")
    (shelf / "large.csv").write_bytes(b"a" * (1 << 17))
    (shelf / "bomb.csv.gz").write_bytes(gzip.compress(b"a" * (1 << 24)))
    for name in ("large.csv", "bomb.csv.gz"):
        with pytest.raises(LimitExceeded):
            asked(made, shelf / name, "a:string")


# -- hosts ------------------------------------------------------------------------


class Site(http.server.BaseHTTPRequestHandler):
    """Answers by the path."""

    asked: ClassVar[list[str]] = []
    slow: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        elif self.path.startswith("/slow"):
            self.send_response(200)
            self.end_headers()
            self.slow.wait(5)
        elif self.path.startswith("/endless"):
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                for _ in range(10_000):
                    self.wfile.write(b"a\n" * 1000)
        elif self.path.startswith("/a.csv"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"1,x\n")
        else:
            self.send_error(404)

    def log_message(self, format: str, *arguments: object) -> None: ...


@pytest.fixture
def site() -> Iterator[str]:
    Site.asked, Site.slow = [], threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    Site.slow.set()
    server.shutdown()
    server.server_close()


def test_a_listed_host_is_asked(tmp_path: Path, site: str) -> None:
    made = lake(tmp_path / "home", Outside(hosts=[f"http://{site}"]))
    assert asked(made, f"http://{site}/a.csv?sig=secret", "n:long, s:string") == [[1, "x"]]
    assert asked(made, f"http://{site}/to//a.csv", "n:long") == [[1]]
    assert Site.asked == ["/a.csv?sig=secret", "/to//a.csv", "/a.csv"]
    with pytest.raises(Invalid, match="answers 404") as caught:
        asked(made, f"http://{site}/none?sig=secret", "n:long")
    assert "secret" not in str(caught.value)
    made.engine.close()


@pytest.mark.parametrize("address", ["http://{}/a.csv", "https://{}/a.csv", "http://user:pw@{}/a.csv"])
def test_an_unlisted_host_is_never_asked(tmp_path: Path, site: str, address: str) -> None:
    hosts = ["example.org", "http://example.org"] + ([f"http://{site}"] if "@" in address else [])
    made = lake(tmp_path / "home", Outside(hosts=hosts))
    with pytest.raises(SourceError, match="not supported"):
        asked(made, address.format(site), "n:long")
    assert Site.asked == []
    made.engine.close()


def test_no_redirect_leads_off_the_list(shelf: Path, site: str) -> None:
    outside = Outside([shelf], [f"http://{site}"])
    for target in ("http://example.org/", "http://localhost/a.csv", f"file://{shelf}/a.csv", f"https://{site}/a.csv"):
        with pytest.raises(Refused):
            outside.read(f"http://{site}/to/{target}")


def test_a_name_that_leads_to_a_private_network_is_refused(site: str) -> None:
    port = site.rpartition(":")[2]
    with pytest.raises(Refused, match="private network"):
        Outside(hosts=[f"http://localhost:{port}"]).read(f"http://localhost:{port}/a.csv")
    assert Site.asked == []
    networks = [f"http://localhost:{port}", "127.0.0.0/8"]
    assert Outside(hosts=networks).read(f"http://localhost:{port}/a.csv") == b"1,x\n"


@pytest.mark.parametrize(
    ("address", "callable"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        *((a, False) for a in ("10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1")),
        *(
            (a, False)
            for a in ("::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::")
        ),
    ],
)
def test_only_public_addresses_are_called(address: str, callable: bool) -> None:
    assert Hosts(["*"])._callable(address) is callable
    assert not Hosts(["*", "192.168.0.0/16"])._callable("10.0.0.1")
    assert Hosts(["*", "10.0.0.0/8"])._callable("10.0.0.1")


def test_a_host_has_only_so_much_time_and_room(site: str) -> None:
    outside = Outside(hosts=[f"http://{site}"], max_bytes=10_000, timeout=timedelta(milliseconds=300))
    with pytest.raises(TimedOut):
        outside.read(f"http://{site}/slow")
    with pytest.raises(LimitExceeded):
        outside.read(f"http://{site}/endless")
    with pytest.raises(Invalid, match="leads on and on"):
        Outside(hosts=[f"http://{site}"]).read(f"http://{site}" + f"/to/http://{site}" * 9 + "/a.csv")


def test_half_a_letter_is_none(made: Analytics, shelf: Path) -> None:
    (shelf / "half.json").write_text('{"a": "x\\ud800", "d": {"y": "\\udfff"}}')
    assert asked(made, shelf / "half.json", "a:string, d:dynamic") == [["x\ufffd", {"y": "\ufffd"}]]


def test_what_json_has_no_number_for_is_an_error(made: Analytics, shelf: Path) -> None:
    (shelf / "nan.json").write_text('{"d": {"x": NaN}}')
    with pytest.raises(Invalid, match="NaN"):
        asked(made, shelf / "nan.json", "d:dynamic")


def test_a_mapping_that_nests_without_end_is_an_error(made: Analytics, shelf: Path) -> None:
    (shelf / "a.json").write_text('{"a": 1}')
    with pytest.raises(SourceError, match="a JSON array of mappings"):
        asked(made, shelf / "a.json", "a:long", f"format = 'json', ingestionMapping = '{'[' * 20_000}'")


def test_many_files_have_no_more_room_than_one(made: Analytics, shelf: Path) -> None:
    (shelf / "large.txt").write_text("x" * 40_000)
    assert rows(made, f"externaldata (a:string) [@'{shelf}/large.txt'] | count") == [[1]]
    with pytest.raises(LimitExceeded):
        rows(made, f"externaldata (a:string) [@'{shelf}/large.txt', @'{shelf}/large.txt'] | count")


@pytest.mark.parametrize("host", ["a..example.org", f"{'a' * 70}.example.org"])
def test_a_name_that_no_host_can_have_is_an_error(tmp_path: Path, host: str) -> None:
    with pytest.raises(Invalid):
        Outside(hosts=["*.example.org"]).read(f"https://{host}/x.csv")

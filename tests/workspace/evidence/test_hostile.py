"""Files that mean harm, and files that are broken: neither may bring anything down, or be lost without a word."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.workspace.evidence.archives import unpack
from huntlake.workspace.evidence.formats import FORMATS, format_of
from huntlake.workspace.evidence.parsing import parse
from huntlake.workspace.evidence.sandbox import Limits, run

SMALL = Limits(memory=400 << 20, cpu=5, wall=30, output=1 << 20)


def job(path: Path, folder: Path) -> dict[str, object]:
    folder.mkdir(exist_ok=True)
    about = {"what": "parse", "path": str(path), "name": path.name, "folder": str(folder)}
    return about | {"mappings": [], "zone": "UTC", "written_at": 1.8e9}


def test_a_file_that_makes_more_rows_than_it_may_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.csv").write_text("a,b\n" + "1,x\n" * 500_000)
    with pytest.raises(LimitExceeded):
        _limited(run, job(tmp_path / "big.csv", tmp_path / "out"))


def test_a_document_that_fills_the_memory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.json").write_text("[" + "{}," * 20_000_000 + "{}]")
    with pytest.raises((LimitExceeded, Invalid)):
        run(job(tmp_path / "big.json", tmp_path / "out"), SMALL)


def test_a_document_that_is_nested_without_end_is_a_dead_letter(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 200_000)
    report = run(job(tmp_path / "deep.json", tmp_path / "out"), SMALL)
    assert (report["read"], report["dead"]) == (1, 1)


def test_reading_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(LimitExceeded):
        run(job(tmp_path / "x.csv", tmp_path / "out"), Limits(wall=0.001))


def test_an_archive_that_holds_a_disk_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(20 << 20))
    about = job(tmp_path / "bomb.zip", tmp_path / "out") | {"what": "unpack"}
    with pytest.raises(Invalid, match="more than"):
        run(about, SMALL)


def test_of_a_tar_only_files_are_taken(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name, kind in (("link", tarfile.SYMTYPE), ("device", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("/etc/evil")
        info.size = 2
        archive.addfile(info, io.BytesIO(b"hi"))
    (tmp_path / "out").mkdir()
    (member,) = unpack(tmp_path / "x.tar", "x.tar", tmp_path / "out", 1 << 20)
    assert member.path.parent == tmp_path / "out"
    assert member.path.read_bytes() == b"hi"


def test_evidence_has_no_network(tmp_path: Path) -> None:
    code = "import huntlake.workspace.evidence.parsing as p, socket; p.confine(1 << 30, 5, 1 << 20); socket.socket()"
    import subprocess
    import sys

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert b"while reading evidence" in ended.stderr


EVENT = {"EventID": 1, "Channel": "Security", "Hostname": "h", "TimeCreated": "2026-01-02T03:04:05Z", "LogonType": "3"}
SEEDS = [
    json.dumps(EVENT).encode() + b"\n" + json.dumps({"winlog": {"event_id": 4624, "event_data": {"a": 1}}}).encode(),
    json.dumps({"Records": [{"eventSource": "s", "eventName": "n", "awsRegion": "r", "userIdentity": {}}]}).encode(),
    b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\n#types\ttime\tstring\n1767323045.0\tC1\n",
    b"<86>1 2026-01-02T03:04:05Z web1 sshd 77 - - Failed\n<134>Jan 2 03:04:05 fw CEF:0|a|b|c|d|e|5|src=1 rt=x\n",
    b'type=SYSCALL msg=audit(1767323045.006:7): pid=42 comm="sh"\n',
    b"Event Time,Action Type,Computer Name,Process Id\n2026-01-02T03:04:05Z,ProcessCreated,w,42\n",
    b'{"createdDateTime": "2026", "userPrincipalName": "a", "status": {"errorCode": 1}, "location": {}}',
    b'{"CreationTime": "2026-01-02T03:04:05", "Workload": "x", "Operation": "y", "RecordType": "z"}',
    b'{"Timestamp": "2026-01-02T03:04:05Z", "DeviceId": "x", "ActionType": "ConnectionSuccess", "RemoteIP": "1"}',
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.sampled_from(SEEDS),
    cut=st.integers(0, 200),
    changes=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=6)), max_size=4),
)
def test_whatever_happens_to_a_file_every_piece_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, seed: bytes, cut: int, changes: list[tuple[int, bytes]]
) -> None:
    data = seed[: len(seed) - cut] if cut < len(seed) else seed
    for place, new in changes:
        data = data[:place] + new + data[place + len(new) :]
    folder = tmp_path_factory.mktemp("fuzz")
    path = folder / "x.log"
    path.write_bytes(data)
    about = job(path, folder / "out")
    try:
        parsed = parse(path, path.name, folder / "out", about | {"output": 1 << 20})
    except (Invalid, LimitExceeded):
        return
    assert parsed.read == parsed.dead + sum(parsed.kinds.values())
    written = sum(len(f.read_bytes().splitlines()) for f in (folder / "out").glob("*.rows"))
    assert written == sum(parsed.tables.values())


@pytest.mark.parametrize("head", [b'\r"a": 1, "b": 2}\nx,y\n', b'a,"b\r', b'a,"b"c\r,d'])
def test_a_bare_carriage_return_in_a_first_line_is_no_fault(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(head)
    if (form := format_of(path)) is not None:
        with contextlib.suppress(Invalid):
            list(form.read(path))


@settings(max_examples=150, deadline=None)
@given(head=st.binary(max_size=300))
def test_the_first_bytes_of_anything_can_be_looked_at(tmp_path_factory: pytest.TempPathFactory, head: bytes) -> None:
    path = tmp_path_factory.mktemp("head") / "x"
    path.write_bytes(head)
    form = format_of(path)
    assert form is None or form in FORMATS


def _limited(what: object, about: dict[str, object]) -> None:
    try:
        run(about, SMALL)
    except Invalid as error:
        raise LimitExceeded(str(error)) from error

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from huntlake.core.errors import Invalid, NotFound
from huntlake.lake.sources import Format, Source, csv_header, detect, line_blocks


def file(folder: Path, data: bytes | str, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def lines(path: Path, zipped: bool = False, block: int = 64, longest: int = 1000) -> tuple[dict[int, bytes], list[str]]:
    """The lines by number, and why others were rejected."""
    kept: dict[int, bytes] = {}
    reasons = []
    for made in line_blocks(Source(path, Format.LINES, zipped), block, longest):
        numbers, found, rejects = made.split(longest)
        kept |= dict(zip(numbers, found, strict=True))
        reasons += [f"{r.line}: {r.reason}" for r in rejects]
    return kept, reasons


@pytest.mark.parametrize(
    ("data", "format"),
    [
        ('{"a":1}\n{"a":2}\n', Format.LINES),
        ('\ufeff{"a":1}', Format.LINES),
        ('{"a":\n{"a":2}\n', Format.LINES),
        ('{\n  "value": [\n {"a": 1}\n]\n}', Format.DOCUMENT),
        ('\n [{"a":1}]', Format.ARRAY),
        ("a,b\n1,2\n", Format.CSV),
        ("", Format.LINES),
        (b"PAR1....", Format.PARQUET),
    ],
)
def test_what_a_file_holds_is_told_by_its_bytes(tmp_path: Path, data: bytes | str, format: Format) -> None:
    assert detect(file(tmp_path, data)).format is format


def test_gzip_is_told_by_its_bytes_and_not_by_the_name(tmp_path: Path) -> None:
    found = detect(file(tmp_path, gzip.compress(b"a,b\n"), "log.json"))
    assert (found.zipped, found.format) == (True, Format.CSV)


@pytest.mark.parametrize("data", [b"PK\x03\x04rest", b"\xff\xfe{\x00", b"\x1f\x8bbroken"])
def test_what_can_not_be_read_is_refused_by_name(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Invalid, match=r"not supported|can't be unzipped"):
        detect(file(tmp_path, data))


def test_a_format_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="`xml` is not supported"):
        detect(file(tmp_path, "<a/>"), "xml")


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        detect(tmp_path / "nowhere")


def test_lines_keep_their_numbers_over_blanks_and_blocks(tmp_path: Path) -> None:
    kept, reasons = lines(file(tmp_path, "\n".join(["first", "", "  ", *(f"line {i}" for i in range(50)), "last"])))
    assert kept[1] == b"first"
    assert kept[4] == b"line 0"
    assert kept[54] == b"last"
    assert len(kept) == 52
    assert not reasons


@pytest.mark.parametrize("at", ["first", "middle", "last"])
def test_an_endless_line_is_rejected_and_the_others_are_kept(tmp_path: Path, at: str) -> None:
    long = "x" * 5000
    data = {"first": f"{long}\na\nb\n", "middle": f"a\n{long}\nb\n", "last": f"a\nb\n{long}"}[at]
    kept, reasons = lines(file(tmp_path, data))
    assert sorted(kept.values()) == [b"a", b"b"]
    assert [r.split(":")[0] for r in reasons] == [{"first": "1", "middle": "2", "last": "3"}[at]]


def test_what_comes_before_the_end_of_a_cut_gzip_is_kept(tmp_path: Path) -> None:
    import random

    draw = random.Random(7)
    whole = gzip.compress("\n".join(str(draw.random()) for _ in range(2000)).encode())
    kept, reasons = lines(file(tmp_path, whole[: len(whole) // 2]), zipped=True, block=1 << 20)
    assert 500 < len(kept) < 2000
    assert len(reasons) == 1
    assert "damaged" in reasons[0]


def test_a_name_twice_in_a_csv_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="names the column `b` twice"):
        csv_header(detect(file(tmp_path, "a,b,B\n1,2,3\n")))


def test_the_character_between_fields_is_found(tmp_path: Path) -> None:
    assert csv_header(detect(file(tmp_path, 'a;"b,c";d\n'))) == (";", ["a", "b,c", "d"])

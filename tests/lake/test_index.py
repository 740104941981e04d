"""The term index says "perhaps" too often at times, and "no" never where a row matches."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lake.rows import TIME, append, connection, read

from huntlake.lake.forms import Form, StoredColumn
from huntlake.lake.index import fingerprints, sidecar
from huntlake.lake.index.building import BLOCK, build, escaped, terms_in
from huntlake.lake.index.fingerprints import Filling
from huntlake.lake.index.hashing import hash_of, hashes
from huntlake.lake.index.shelf import Shelf
from huntlake.lake.index.terms import Clause, clause, prefix_of, terms_of
from huntlake.lake.snapshot import DataFile
from huntlake.lake.table import LakeTable

TEXT, BAG = StoredColumn("Text", Form.TEXT), StoredColumn("Bag", Form.JSON)
LETTERS = "abAB01.-_ \\/\"'éÉж\u212a\u0130\n"
TEXTS = st.text(LETTERS, max_size=24) | st.sampled_from(
    [
        "10.0.0.1",
        "src=10.20.30.40;dst=1.2.3.4",
        "1.2.3.4.5",
        "C:\\Windows\\System32\\cmd.exe",
        "a" * 300,
        "x" * 257 + "Y",
    ]
)
JSONS = st.recursive(
    TEXTS | st.none() | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def hashed(*texts: str) -> set[int]:
    return set(hashes(pa.array(texts, pa.string()))[0].tolist())


@settings(deadline=None)
@given(st.lists(st.text(LETTERS, max_size=20) | TEXTS, max_size=8))
def test_the_terms_of_texts_are_those_of_each(texts: list[str]) -> None:
    wanted = set()
    for text in texts:
        ascii_only = text.replace("\u212a", " ").replace("\u0130", " ")
        wanted |= {hash_of(t) for t in terms_of(ascii_only, begins=True, ends=True)}
    found = hashed(*texts)
    assert wanted <= found


def test_the_beginnings_of_addresses_are_terms() -> None:
    found = hashed("from 10.1.20.3 to x")
    assert {hash_of(t) for t in ("10.1.20.3", "10.1.20.", "10.1.", "from")} <= found
    assert prefix_of("10.1.20.") == ("10.1.20.",)
    assert prefix_of("10.1.2") == ()


def test_a_needle_asks_only_for_terms_that_are_whole() -> None:
    assert terms_of("cmd.exe", begins=True, ends=True) == ("cmd", "exe")
    assert terms_of("cmd.exe /c whoami", begins=False, ends=False) == ("exe",)
    assert terms_of("CMD.exe ", begins=False, ends=False) == ("exe",)
    assert terms_of("Kelvin \u212a", begins=True, ends=True) == ()
    assert clause([("abc",), ()]) is None


def matches(text: str, needle: str, begins: bool, ends: bool) -> bool:
    start = r"(?<![^\W_])" if begins and needle[:1].isalnum() else ""
    end = r"(?![^\W_])" if ends and needle[-1:].isalnum() else ""
    return re.search(start + re.escape(needle.lower()) + end, text.lower()) is not None


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS, st.booleans(), st.booleans(), st.integers(0, 24), st.integers(1, 24))
def test_what_a_needle_asks_for_is_in_each_text_that_holds_it(
    text: str, other: str, begins: bool, ends: bool, start: int, length: int
) -> None:
    for needle in (text[start : start + length], other):
        if needle and matches(text, needle, begins, ends) and not set("\u0130\u212a") & set(text):
            held = hashed(text)
            assert {hash_of(t) for t in terms_of(needle, begins=begins, ends=ends)} <= held


def written(folder: Path, rows: str, *columns: StoredColumn) -> DataFile:
    table = LakeTable(folder)
    append(table, rows, TIME, *columns)
    (file,) = table.snapshot().files
    return file


def test_only_blocks_that_may_match_are_read(tmp_path: Path) -> None:
    rows = (
        f"select '2026-01-01 00:00:00+00'::TIMESTAMPTZ + to_milliseconds(i) as TimeGenerated, "
        f"case i when 5 then 'first needle7' when {BLOCK * 3 + 1} then 'a needle7 there' else 'hay' || i end as Text "
        f"from range({BLOCK * 4}) r(i)"
    )
    file = written(tmp_path, rows, TEXT)
    table = LakeTable(tmp_path)
    (found,) = table.snapshot(clauses=[Clause((("needle7",),))]).files
    assert found.ranges == ((0, BLOCK - 1), (BLOCK * 3, BLOCK * 4 - 1))
    assert len(read(table.snapshot(clauses=[Clause((("needle7",), ("absent1",)))]), ["Text"])) == 2 * BLOCK
    assert table.snapshot(clauses=[Clause((("needle7", "first"),), ("Text",))]).files[0].ranges == ((0, BLOCK - 1),)
    assert table.snapshot(clauses=[Clause((("absent1",),))]).files == ()
    # A column of which the index knows nothing excludes nothing.
    assert table.snapshot(clauses=[Clause((("absent1",),), ("TimeGenerated",))]).files == (file,)


def test_what_is_missing_or_damaged_excludes_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, "select '2026-01-01 00:00:00+00'::TIMESTAMPTZ as TimeGenerated, 'hay' as Text", TEXT)
    absent = [Clause((("absent1",),))]
    assert Shelf().narrowed([file], absent) == ()
    beside = sidecar.path_of(file.path)
    good = beside.read_bytes()
    for bad in (good[:20], good[:-1], good[:-1] + bytes([good[-1] ^ 1]), b"HLTERMS9" + good[8:], b""):
        beside.write_bytes(bad)
        with pytest.raises(sidecar.Damaged):
            sidecar.read(file.path)
        assert Shelf().narrowed([file], absent) == (file,)
    beside.unlink()
    assert Shelf().narrowed([file], absent) == (file,)
    build(file.path, [TIME, TEXT])
    assert beside.read_bytes() == good


def test_a_shelf_that_is_full_reads_the_rest(tmp_path: Path) -> None:
    file = written(tmp_path, "select '2026-01-01 00:00:00+00'::TIMESTAMPTZ as TimeGenerated, 'hay' as Text", TEXT)
    assert Shelf(limit=1).narrowed([file], [Clause((("absent1",),))]) == (file,)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(TEXTS, JSONS), min_size=1, max_size=5), st.data())
def test_no_row_that_holds_a_needle_is_left_out(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, object]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("table")
    with connection() as engine:
        engine.execute('create table rows (TimeGenerated TIMESTAMPTZ, "Text" VARCHAR, "Bag" VARCHAR)')
        for text, bag in rows:
            engine.execute("insert into rows values ('2026-01-01 00:00:00+00', ?, ?)", [text, json.dumps(bag)])
        LakeTable(folder).append(engine, "rows", [TIME, TEXT, BAG])
    texts = [t for t, _ in rows] + [json.dumps(b) for _, b in rows] + [s for _, b in rows for s in strings(b)]
    text = data.draw(st.sampled_from(texts))
    start, length = data.draw(st.integers(0, 24)), data.draw(st.integers(1, 24))
    needle = text[start : start + length]
    begins, ends = data.draw(st.booleans()), data.draw(st.booleans())
    asked = clause([terms_of(needle, begins=begins, ends=ends)])
    if needle and asked and matches(text, needle, begins, ends):
        assert LakeTable(folder).snapshot(clauses=[asked]).files


def strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [s for k, v in value.items() for s in (k, *strings(v))]
    return [s for v in value for s in strings(v)] if isinstance(value, list) else []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), min_size=1, unique=True), min_size=1, max_size=4))
def test_files_may_be_asked_for_in_any_order_and_number(
    tmp_path_factory: pytest.TempPathFactory, asked: list[list[int]]
) -> None:
    rows = (
        "select '2026-01-01 00:00:00+00'::TIMESTAMPTZ + to_days(i::INTEGER) as TimeGenerated, "
        "'common term' || i as Text "
        "from range(6) r(i)"
    )
    table = LakeTable(tmp_path_factory.mktemp("table"))
    append(table, rows, TIME, TEXT)
    files, shelf = table.snapshot().files, Shelf()
    for numbers in asked:
        some = [files[n] for n in numbers]
        assert shelf.narrowed(some, [Clause((("common",),))]) == tuple(some)
        for number in range(6):
            found = shelf.narrowed(some, [Clause(((f"term{number}",),))])
            assert found == tuple(f for f, n in zip(some, numbers, strict=True) if n == number)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 40), max_size=60), max_size=30), st.integers(1, 8))
def test_a_dictionary_knows_the_blocks_of_every_term(blocks: list[list[int]], spread: int) -> None:
    filling = Filling()
    # Terms that many blocks have: each block also has those of the block `spread` before it.
    held = [set(b) | (set(blocks[i - spread]) if i >= spread else set()) for i, b in enumerate(blocks)]
    for block in held:
        filling.add(np.array(sorted(block), np.uint64))
        filling.end()
    made = filling.dictionary()
    assert made is not None
    again = fingerprints.read(made.facts(), memoryview(b"".join(p.tobytes() for p in made.parts())))
    assert again is not None
    asked = np.array(sorted({t for b in held for t in b} | {12345}), np.uint64)
    found = {int(asked[which]): again.blocks_of(at) for which, at in again.find(asked).items()}
    for number, block in enumerate(held):
        assert all(found[term] >> number & 1 for term in block)
    assert all(0 < blocks_of <= again.all for blocks_of in found.values())


def test_terms_that_were_made_to_fall_into_one_bucket_exclude_nothing() -> None:
    filling = Filling()
    # Whatever number of buckets is tried, the first gets 300.
    filling.add(np.array([n << 48 - power for power in range(25) for n in range(1, 301)], np.uint64))
    filling.end()
    assert filling.dictionary() is None


def test_an_index_that_is_built_later_is_found(tmp_path: Path) -> None:
    file = written(tmp_path, "select '2026-01-01 00:00:00+00'::TIMESTAMPTZ as TimeGenerated, 'hay' as Text", TEXT)
    beside, absent = sidecar.path_of(file.path), [Clause((("absent1",),))]
    kept = beside.read_bytes()
    beside.unlink()
    shelf = Shelf(patience=0)
    assert shelf.narrowed([file], absent) == (file,)
    beside.write_bytes(kept)
    assert shelf.narrowed([file], absent) == ()


def test_a_column_that_a_file_does_not_hold_is_no_reason_to_read_it(tmp_path: Path) -> None:
    written(tmp_path, "select '2026-01-01 00:00:00+00'::TIMESTAMPTZ as TimeGenerated, 'hay' as Text", TEXT)
    table = LakeTable(tmp_path)
    assert table.snapshot(clauses=[Clause((("absent1",),), ("Text", "Another"))]).files == ()


def test_what_a_file_holds_is_told_of_the_rows_that_are_read(tmp_path: Path) -> None:
    rows = "select '2026-01-01 00:00:00+00'::TIMESTAMPTZ as TimeGenerated, 'term' || i as Text from range(20000) r(i)"
    file = written(tmp_path, rows, TEXT)
    asked = Clause((("term3",), ("term9000",), ("term19000",), ("term3", "term9000"), ("absent1",)), ("Text",))
    shelf = Shelf()
    whole = frozenset([("term3",), ("term9000",), ("term19000",)])
    assert shelf.held([file], asked) == whole
    (some,) = shelf.narrowed([file], [Clause((("term9000",),))])
    assert some.ranges == ((8192, 16383),)
    assert shelf.held([some], asked) == {("term9000",)}
    assert shelf.held([some, file], asked) == whole
    assert shelf.held([], asked) == frozenset()
    # Of a column without terms, and of a file without index, nothing is known.
    held = replace(file, columns=(*file.columns, "Other"))
    assert shelf.held([held], Clause(asked.needles, ("Other",))) == set(asked.needles)
    sidecar.path_of(file.path).unlink()
    assert Shelf().held([file], asked) == set(asked.needles)


def test_a_block_that_may_hold_anything_holds_what_is_asked_for(tmp_path: Path) -> None:
    rows = "select '2026-01-01 00:00:00+00'::TIMESTAMPTZ as TimeGenerated, '\u212aelvin' as Text"
    file = written(tmp_path, rows, TEXT)
    asked = Clause((("kelvin",), ("absent1",)), ("Text",))
    assert Shelf().held([file], asked) == set(asked.needles)


def test_few_hashes_are_found_as_many_are() -> None:
    dice = np.random.default_rng(7)
    held, others = (dice.integers(1, 1 << 63, 3_000, np.uint64) for _ in range(2))
    filling = Filling()
    filling.add(held)
    filling.end()
    made = filling.dictionary()
    assert made is not None
    sought = np.concatenate([held[:100], others])
    found = made.find(sought)
    assert found.keys() >= set(range(100))
    few = {n + i: at for n in range(0, len(sought), 4) for i, at in made.find(sought[n : n + 4]).items()}
    assert few == found


def test_a_file_that_keeps_a_list_of_values_for_some_of_its_rows_only_is_indexed(tmp_path: Path) -> None:
    rows = "select case when i < 4096 then 'again' else 'only' || i end as Text from range(8192) t(i) order by i"
    file = tmp_path / "mixed.parquet"
    with connection() as c:
        how = "format parquet, parquet_version v2, row_group_size 2048"
        c.execute(f"copy ({rows}) to '{file}' ({how})")
        ((kinds,),) = c.execute(f"select count(distinct encodings) from parquet_metadata('{file}')").fetchall()
    assert kinds == 2
    terms = terms_in(file, [TEXT])
    sought = ["again", "only4096", "only8191"]
    assert terms.terms.find(np.array([hash_of(t) for t in sought], np.uint64)).keys() >= {0, 1, 2}
    assert not terms.anything


@settings(deadline=None)
@given(
    st.lists(st.text("\\bdnu0 é", max_size=6), max_size=12),
    st.integers(0, 4),
    st.sampled_from((pa.string(), pa.large_string())),
)
def test_texts_with_escapes_are_found_wherever_a_slice_begins(texts: list[str], start: int, type: pa.DataType) -> None:
    given = pa.array(texts, type).slice(start)
    # What the last letter of one text and the first of the next make up may be looked at for nothing.
    wanted = {i for i, text in enumerate(texts[start:]) if re.search(r"\\[bfnrtu]", text)}
    found = set(escaped(given).tolist())
    assert wanted <= found
    assert all("\\" in texts[start + i] for i in found)

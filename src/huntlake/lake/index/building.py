"""The sidecar of a Parquet file, from what the file holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huntlake.core.allocation import keep_freed
from huntlake.lake.forms import Form, StoredColumn
from huntlake.lake.index import sidecar
from huntlake.lake.index.fingerprints import MOST_BLOCKS, Filling, nothing
from huntlake.lake.index.hashing import hashes, hashes_alone

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]
    Places = NDArray[np.int64]
    Flags = NDArray[np.bool_]

BLOCK = 8_192
"""Rows in a block, unless the file has too many: what a needle makes the engine read at least."""

_TEXTS = (Form.TEXT, Form.UUID, Form.JSON)
_LOWERED = "[\u0130\u212a]"
"""Letters whose lower case holds one of ASCII's: a query may find what no term says."""
_ESCAPES = b"bfnrtu"
"""What stands behind a `\\` that is no letter of the text."""
_LOOK = 1_024
"""Values that tell whether those of a column come again."""


def build(file: Path, columns: Sequence[StoredColumn]) -> Path:
    """Write the sidecar of `file`, which holds `columns`; where it lies."""
    keep_freed()
    return sidecar.write(file, terms_in(file, columns))


def block_of(rows: int) -> int:
    """How many rows a block of a file has that has so many."""
    block = BLOCK
    while -(-rows // block) > MOST_BLOCKS:
        block *= 2
    return block


def terms_in(file: Path, columns: Sequence[StoredColumn]) -> sidecar.Sidecar:
    """The terms of `file`, which holds `columns`, as its sidecar tells them."""
    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(file)
    held = set(parquet.schema_arrow.names)
    texts = [c for c in columns if c.form in _TEXTS and c.name in held]
    names = [c.name for c in texts]
    total = parquet.metadata.num_rows
    block = block_of(total)
    anything: list[int] = []
    filling, number, known, first = Filling(), 0, True, 0
    for group in range(parquet.num_row_groups):
        rows = parquet.metadata.row_group(group).num_rows
        read = _read(file, parquet.metadata, group, names) if texts else None
        stretches = [s for c in texts if read is not None for s in _stretches(read.column(c.name), c.form)]
        at = first
        while at < first + rows:
            end = min(first + rows, at - at % block + block)
            # Nothing has to be known of a block of which something isn't.
            known = known and all(s.fill(filling, at - first, end - first) for s in stretches)
            if end % block == 0 or end == total:
                if not known:
                    anything.append(number)
                filling.end()
                number, known = number + 1, True
            at = end
        first += rows
    blocks = -(-total // block)
    assert number == blocks
    terms = filling.dictionary()
    if terms is None:
        terms, anything = nothing(blocks), list(range(blocks))
    return sidecar.Sidecar(file.name, total, block, tuple(names), tuple(anything), terms)


def _read(file: Path, metadata: pq.FileMetaData, group: int, names: Sequence[str]) -> pa.Table:
    """These columns of a row group; one that the group keeps as a list of its values comes as it is kept."""
    import pyarrow.parquet as pq

    # Each value of a list is looked at once.
    listed = _listed(metadata, group, names)
    parquet = pq.ParquetFile(file, metadata=metadata, read_dictionary=listed, pre_buffer=False)
    return parquet.read_row_group(group, columns=names, use_threads=False)


def _listed(metadata: pq.FileMetaData, number: int, names: Iterable[str]) -> list[str]:
    """The columns among `names` whose values a row group keeps as a list, with a number for each row."""
    import pyarrow as pa

    group = metadata.row_group(number)
    kinds = {group.column(i).path_in_schema: group.column(i).encodings for i in range(group.num_columns)}
    plain = {f.name for f in metadata.schema.to_arrow_schema() if pa.types.is_string(f.type)}
    # Arrow fails to make one list of values of which some are kept as differences.
    return [
        n
        for n in names
        if n in plain and any("DICTIONARY" in e for e in kinds.get(n, ())) and not any("DELTA" in e for e in kinds[n])
    ]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Rows of one column, from `first` on."""

    first: int
    rows: int
    values: pa.Array | None
    """The texts; None where each is one of a list."""
    form: Form
    codes: Places = field(default_factory=lambda: _none())
    """Of each row the number of its text in the list; the length of the list where it has none."""
    hashes: Hashes = field(default_factory=lambda: _none())
    owners: Places = field(default_factory=lambda: _none())
    odd: Flags | None = None
    """Which texts of the list no term can say; None where there are none."""
    listed: int = 0
    again: bool = True
    """Whether texts come more than once."""

    def fill(self, filling: Filling, start: int, end: int) -> bool:
        """Fill in the terms of the rows from `start` to `end`; False where one holds what no term can say."""
        import numpy as np
        import pyarrow.compute as pc

        low, high = max(start - self.first, 0), min(end - self.first, self.rows)
        if low >= high:
            return True
        if self.values is not None:
            texts = self.values.slice(low, high - low)
            texts = (pc.unique(texts) if self.again else texts).drop_null()
            odd = _lowered(texts)
            if odd is None and self.form is Form.JSON and len(escaped(texts)):
                found, _, odd = _terms(texts, self.form)
            else:
                found = hashes_alone(texts)
            filling.add(found)
            return odd is None
        used = np.zeros(self.listed + 1, bool)
        used[self.codes[low:high]] = True
        if self.odd is not None and (self.odd & used[:-1]).any():
            return False
        filling.add(self.hashes if used[:-1].all() else self.hashes[used[self.owners]])
        return True


def _stretches(column: pa.ChunkedArray, form: Form) -> Iterator[_Stretch]:
    import pyarrow as pa
    import pyarrow.compute as pc

    first = 0
    for chunk in column.chunks:
        if pa.types.is_dictionary(chunk.type):
            found, owners, odd = _terms(chunk.dictionary, form)
            listed = len(chunk.dictionary)
            codes = pc.fill_null(chunk.indices, listed).to_numpy(zero_copy_only=False)
            yield _Stretch(first, len(chunk), None, form, codes, found, owners, odd, listed)
        else:
            # Another engine may say of a text that it is JSON: Arrow has a type for that which computes nothing.
            values = getattr(chunk, "storage", chunk)
            look = values.slice(0, _LOOK)
            again = pc.count_distinct(look).as_py() < len(look) * 3 // 4
            yield _Stretch(first, len(chunk), values, form, again=again)
        first += len(chunk)


def _terms(texts: pa.Array, form: Form) -> tuple[Hashes, Places, Flags | None]:
    """The hashes of the terms of texts, the numbers of the texts, and which texts hold what no term can say."""
    import numpy as np
    import pyarrow as pa

    found, owners = hashes(texts)
    odd = _lowered(texts)
    if form is Form.JSON and len(some := escaped(texts)):
        inside = [(i, s) for i in some.tolist() for s in _strings(texts[i].as_py())]
        if inside:
            inner, of = pa.array([s for _, s in inside], pa.string()), np.array([i for i, _ in inside], np.int64)
            more, whose = hashes(inner)
            found, owners = np.concatenate([found, more]), np.concatenate([owners, of[whose]])
            if (deeper := _lowered(inner)) is not None:
                odd = np.zeros(len(texts), bool) if odd is None else odd
                odd[of[deeper]] = True
    return found, owners, odd


def escaped(texts: pa.Array) -> Places:
    """The numbers of the texts in which a `\\` stands before a letter that is none of the text's."""
    import numpy as np
    import pyarrow as pa

    # A cast may begin anew where a slice began within.
    texts = texts.cast(pa.large_string())
    _, starts, data = texts.buffers()
    if data is None or not len(texts):
        return np.empty(0, np.int64)
    at = np.frombuffer(starts, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    held = np.frombuffer(data, np.uint8)[at[0] : at[-1]]
    places = np.flatnonzero(held[:-1] == ord("\\"))
    places = places[np.isin(held[places + 1], np.frombuffer(_ESCAPES, np.uint8))]
    found: Places = np.unique(np.searchsorted(at - at[0], places, side="right") - 1)
    return found


def _lowered(texts: pa.Array) -> Flags | None:
    """Which texts have letters whose lower case holds one of ASCII's; None where there are none."""
    import pyarrow.compute as pc

    if pc.all(pc.string_is_ascii(texts)).as_py():
        return None
    flags: Flags = pc.match_substring_regex(texts, _LOWERED).to_numpy(zero_copy_only=False)
    return flags.copy() if flags.any() else None


def _none() -> Any:
    import numpy as np

    return np.empty(0, np.int64)


def _strings(text: str) -> Iterable[str]:
    """The strings, keys among them, that a JSON text holds."""
    try:
        value = json.loads(text)
    except ValueError:
        return
    waiting: list[Any] = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield re.sub("[\ud800-\udfff]", " ", value)
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())

"""The sidecar of a Parquet file, from what the file holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huntlake.lake.forms import Form, StoredColumn
from huntlake.lake.index import sidecar
from huntlake.lake.index.filters import Filling, everything
from huntlake.lake.index.hashing import hashes

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

BLOCK = 16_384
"""Rows in a block: what a needle makes the engine read at least."""

_TEXTS = (Form.TEXT, Form.UUID, Form.JSON)
_LOWERED = "[\u0130\u212a]"
"""Letters whose lower case holds one of ASCII's: a query may find what no term says."""
_ESCAPED = r"\\[bfnrtu]"


def build(file: Path, columns: Sequence[StoredColumn]) -> Path:
    """Write the sidecar of `file`, which holds `columns`; where it lies."""
    rows, names, filters = terms_in(file, columns)
    return sidecar.write(file, rows, BLOCK, names, filters)


def terms_in(file: Path, columns: Sequence[StoredColumn]) -> tuple[int, list[str], list[tuple[int, object]]]:
    """The rows of `file`, the columns whose terms can be known, and the filter of each block, as a sidecar has them."""
    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(file)
    held = set(parquet.schema_arrow.names)
    texts = [c for c in columns if c.form in _TEXTS and c.name in held]
    filling = Filling()
    filters: list[tuple[int, object]] = []
    for batch in parquet.iter_batches(batch_size=BLOCK, columns=[c.name for c in texts], use_threads=False):
        if _block(batch, texts, filling):
            filters.append(filling.take())
        else:
            filling.take()
            filters.append(everything())
    return parquet.metadata.num_rows, [c.name for c in texts], filters


def _block(batch: pa.RecordBatch, columns: Iterable[StoredColumn], filling: Filling) -> bool:
    """Fill in the terms of one block; False where it holds what no term can say."""
    import pyarrow.compute as pc

    for column in columns:
        values = batch.column(column.name)
        # Another engine may say of a text that it is JSON: Arrow has a type for that which computes nothing.
        distinct = pc.unique(getattr(values, "storage", values)).drop_null()
        data, offsets = _texts(distinct)
        if len(data) and data.max() >= 0x80 and pc.any(pc.match_substring_regex(distinct, _LOWERED)).as_py():
            return False
        filling.add(hashes(data, offsets))
        if column.form is Form.JSON:
            import pyarrow as pa

            escaped = distinct.filter(pc.match_substring_regex(distinct, _ESCAPED))
            if len(escaped):
                inner = pa.array([s for text in escaped.to_pylist() for s in _strings(text)], pa.string())
                if len(inner) and pc.any(pc.match_substring_regex(inner, _LOWERED)).as_py():
                    return False
                filling.add(hashes(*_texts(inner)))
    return True


def _texts(array: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    import numpy as np

    _, offsets, data = array.buffers()
    width = np.int64 if str(array.type).startswith("large") else np.int32
    places = np.frombuffer(offsets, width)[array.offset : array.offset + len(array) + 1].astype(np.int64)
    if data is None or not len(array):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    return np.frombuffer(data, np.uint8), places


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

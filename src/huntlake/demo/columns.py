"""Columns of a table, made many rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from huntlake.demo.dice import Dice, Longs

Columns = dict[str, Any]
"""Arrow arrays of one length by column name; a plain value stands for every row."""

TIME = pa.timestamp("us")


def pick(pool: Sequence[Any], index: Longs, type: Any = None) -> Any:
    """The values of `pool` at each `index`."""
    return pa.array(pool, type or (pa.string() if isinstance(pool[0], str) else None)).take(pa.array(index))


def times(microseconds: Longs) -> Any:
    """Points in time, from microseconds since 1970."""
    return pa.array(microseconds.astype("datetime64[us]"), TIME)


def longs(values: Any) -> Any:
    return pa.array(np.asarray(values, dtype=np.int64))


def ints(values: Any) -> Any:
    return pa.array(np.asarray(values, dtype=np.int32))


def texts(values: Any) -> Any:
    """Whole numbers as decimal digits."""
    return longs(values).cast(pa.string())


def guids(dice: Dice, count: int) -> Any:
    """`count` random GUIDs (version 4), in lower case with hyphens."""
    raw = dice.bits(count * 2).astype("<u8").view(np.uint8).reshape(count, 16).copy()
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    out = np.full((count, 36), ord("-"), dtype=np.uint8)
    out[:, _GUID_DIGITS] = _digits(raw)
    return _fixed(out)


def hexes(dice: Dice, count: int, length: int) -> Any:
    """`count` texts of `length` random hexadecimal digits."""
    words = (length + 15) // 16
    raw = dice.bits(count * words).astype("<u8").view(np.uint8).reshape(count, words * 8)
    return _fixed(np.ascontiguousarray(_digits(raw)[:, :length]))


def distinct(keys: Sequence[Longs], render: Callable[..., str]) -> Any:
    """The text for each combination of `keys`; each one that occurs is rendered once."""
    # One number per combination: sorting numbers is many times faster than sorting rows.
    code = np.zeros(len(keys[0]), dtype=np.int64)
    sizes = [int(k.max()) + 2 if len(k) else 1 for k in keys]
    for key, size in zip(keys, sizes, strict=True):
        code = code * size + key + 1
    found, inverse = np.unique(code, return_inverse=True)
    parts = []
    for size in reversed(sizes):
        parts.append(found % size - 1)
        found = found // size
    rendered = [render(*row) for row in zip(*(p.tolist() for p in reversed(parts)), strict=True)]
    return pa.array(rendered, pa.string()).take(pa.array(inverse.astype(np.int64)))


def join(*parts: Any) -> Any:
    """The parts, which are texts or arrays of texts, one after another."""
    return pc.binary_join_element_wise(*parts, "")


def table(columns: Mapping[str, Any], rows: int) -> Any:
    """An Arrow table of `columns`, where a plain value stands in every row."""
    arrays = {n: v if isinstance(v, pa.Array | pa.ChunkedArray) else pa.repeat(v, rows) for n, v in columns.items()}
    return pa.table(arrays)


def assemble(parts: Sequence[Any], constants: Mapping[str, Any], since: int, until: int) -> Any:
    """One table out of several: rows of since <= TimeGenerated < until, by time, and no null text.

    `since` and `until` are microseconds since 1970; `constants` are columns of one value.
    """
    whole = pa.concat_tables(parts, promote_options="default")
    at = whole["TimeGenerated"].cast(pa.int64()).to_numpy()
    order = np.argsort(at, kind="stable")
    whole = whole.take(pa.array(order[(at[order] >= since) & (at[order] < until)]))
    for i, field in enumerate(whole.schema):
        if pa.types.is_string(field.type) and whole.column(i).null_count and field.name not in _NULLABLE:
            whole = whole.set_column(i, field.name, whole.column(i).fill_null(""))
    for name, value in constants.items():
        whole = whole.append_column(name, pa.repeat(value, whole.num_rows))
    return whole.combine_chunks()


# Dynamic columns that some rows of a table don't have: an empty text is no JSON, null is.
_NULLABLE = frozenset({"AdditionalFields", "ExtraProperties", "OperationProperties"})

_GUID_DIGITS = [i for i in range(36) if i not in (8, 13, 18, 23)]
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def _digits(raw: Any) -> Any:
    """Two hexadecimal digits for each byte of a matrix."""
    out = np.empty((raw.shape[0], raw.shape[1] * 2), dtype=np.uint8)
    out[:, 0::2] = _HEX[raw >> 4]
    out[:, 1::2] = _HEX[raw & 15]
    return out


def _fixed(characters: Any) -> Any:
    """An array of texts of one length, from a matrix of ASCII codes."""
    count, length = characters.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(length)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(characters))

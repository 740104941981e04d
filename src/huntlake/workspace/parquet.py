"""An answer as a Parquet file, whose columns keep their types.

Datetimes are UTC, timespans whole numbers of 100 ns, `dynamic` is JSON text; `kql:type` of a column's metadata names
its type in KQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from huntlake.core.errors import LimitExceeded
from huntlake.kql.types import Column, ScalarType

if TYPE_CHECKING:
    import pyarrow

TRUNCATED = "huntlake:truncated"
"""Under which name the file's own metadata say why it hasn't all rows, where it hasn't."""
_CHUNK = 256 * 1024


class ArrowTable(Protocol):
    """An answer whose rows can be had as Arrow batches."""

    @property
    def columns(self) -> tuple[Column, ...]: ...
    @property
    def truncated_by(self) -> LimitExceeded | None: ...
    def arrow(self, *, bounded: bool = ...) -> pyarrow.RecordBatchReader: ...


def write(table: ArrowTable, file: Any) -> None:
    """Write the rows of an answer."""
    for _ in _written(table, file, bounded=False):
        pass


def chunks(table: ArrowTable) -> Iterator[bytes]:
    """The file in pieces, while the rows are computed, within the limits on rows and bytes."""
    sink = _Sink()
    for _ in _written(table, sink, bounded=True):
        if sink.held >= _CHUNK:
            yield sink.taken()
    yield sink.taken()


def _written(table: ArrowTable, file: Any, *, bounded: bool) -> Iterator[None]:
    """Writes a batch at each step."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    reader = table.arrow(bounded=bounded)
    kinds = {c.name: c.type for c in table.columns}
    schema = pa.schema(
        pa.field(
            f.name,
            pa.timestamp("us", "UTC") if kinds[f.name] is ScalarType.DATETIME else f.type,
            metadata={"kql:type": str(kinds[f.name])},
        )
        for f in reader.schema
    )
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in reader:
            arrays = [a if a.type == f.type else a.cast(f.type) for a, f in zip(batch.columns, schema, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            yield
        if table.truncated_by is not None:
            writer.add_key_value_metadata({TRUNCATED: str(table.truncated_by)})


class _Sink:
    """What looks like a file to the writer, and gives its bytes away."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._place = 0
        self.held = 0

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._place += len(part)
        self.held += len(part)
        return len(part)

    def tell(self) -> int:
        return self._place

    def taken(self) -> bytes:
        """The bytes since the last time."""
        found = b"".join(self._parts)
        self._parts, self.held = [], 0
        return found

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        self.closed = True

"""What a file holds, read batch by batch into the engine: the relation `batch`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from huntlake.core.errors import Invalid
from huntlake.lake.conversion import Batch
from huntlake.lake.forms import Form, identifier, literal
from huntlake.lake.sources import LONGEST, Format, Reject, Source, csv_header, shown, size, unclosed

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_SLICE = 50_000
_PIECE = 4_096
_LARGEST = 256 * 1024 * 1024
WRAPPERS = {"records", "value"}
"""Fields of an object that only holds an array of rows."""

_WRAPPING = WRAPPERS | {"count", "nextLink", "@odata.context", "@odata.nextLink", "@odata.count", "odata.metadata"}


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads files over one connection, with the help of a folder of its own."""

    connection: duckdb.DuckDBPyConnection
    folder: Path

    def read(self, source: Source) -> Iterator[Batch]:
        """The rows of a file, batch by batch; each must be staged before the next is asked for.

        :raises Invalid: the file as a whole can't be read
        """
        match source.format:
            case Format.LINES:
                raise AssertionError("lines are read block by block")
            case Format.ARRAY | Format.DOCUMENT:
                yield from self._read_documents(source)
            case Format.CSV:
                yield from self._read_csv(source)
            case Format.PARQUET:
                yield from self._read_parquet(source)

    def read_lines(
        self,
        name: str,
        numbers: Sequence[int],
        lines: list[bytes],
        bytes: int = 0,
        rejects: Sequence[Reject] = (),
        *,
        wrapped: bool = True,
    ) -> Batch:
        """The rows of lines in memory, which `numbers` tell apart. Call `forget_lines` when they are staged.

        Where rows may be `wrapped`, a line may be an object that holds an array of them.
        """
        rows, wrong = _as_text(numbers, lines)
        # Several pieces, so that several threads have work.
        self.connection.register("lines", rows)
        self.connection.execute("create or replace temp view batch as select * from lines")
        return self._json_batch(name, bytes, [*rejects, *wrong], wrapped)

    def forget_lines(self) -> None:
        """Let go of the lines that `read_lines` holds."""
        self.connection.execute("drop view if exists batch")
        self.connection.unregister("lines")

    def _read_documents(self, source: Source) -> Iterator[Batch]:
        path = self._plain(source)
        kind = "array" if source.format is Format.ARRAY else "unstructured"
        largest = LONGEST if kind == "array" else min(max(size(path) + 1024, LONGEST), _LARGEST)
        reading = f"read_json_objects({literal(str(path))}, format = '{kind}', maximum_object_size = {largest})"
        rows = f"select row_number() over () as _line, json::VARCHAR as _text from {reading}"
        self._engine(f"create or replace temp table documents as {rows}", source)
        total = self._count("select count(*) from documents")
        share = size(source.path) // max(1, -(-total // _SLICE))
        for start in range(0, total, _SLICE):
            self._become(f"select * from documents where _line > {start} and _line <= {start + _SLICE}")
            yield self._json_batch(source.path.name, share, [])

    def _json_batch(self, name: str, bytes: int, rejects: list[Reject], wrapped: bool = True) -> Batch:
        import duckdb

        try:
            self._keys("json_keys(_text)")
        except duckdb.Error:
            # A line that isn't JSON fails the whole statement. To expect that of every batch costs a third more.
            self._keys("try(json_keys(_text))")
        if self._count("select count(*) from keys where k is null or twice"):
            names = "try(json_keys(_text))"
            good = f"coalesce({names} <> [] and len({names}) = len(list_distinct({names})), false)"
            wrong = self.connection.execute(
                "select _line, case when not json_valid(_text) then 'not JSON' when json_type(_text) <> 'OBJECT' "
                "then 'not a JSON object' when json_keys(_text) = [] then 'an empty object' "
                f"else 'a name stands twice in the object' end, _text from batch where not {good} order by _line"
            ).fetchall()
            rejects += [Reject(line, reason, text) for line, reason, text in wrong]
            self._become(f"select * from batch where {good}")
        named = "select unnest(k) as name, n from keys where k is not null and not twice"
        found = self.connection.execute(f"select name, sum(n)::BIGINT from ({named}) group by name order by name")
        counts: dict[str, int] = dict(found.fetchall())
        # New columns stand as the first row has them; groups come in no order.
        first = self.connection.execute("select json_keys(_text) from batch limit 1").fetchall()
        fields = {k: counts[k] for k in dict.fromkeys([*(first[0][0] if first else ()), *counts])}
        wraps = wrapped and WRAPPERS & fields.keys() and fields.keys() <= _WRAPPING
        if fields and wraps and self._unwrap():
            return self._json_batch(name, bytes, rejects)
        long = f"from batch where strlen(_text) > {LONGEST}"
        if self._count(f"select count(*) {long}"):
            why = f"longer than {LONGEST:,} bytes; only the beginning is kept here"
            found = self.connection.execute(f"select _line, left(_text, 1000) {long} order by _line").fetchall()
            rejects += [Reject(line, why, text) for line, text in found]
            self._become(f"select * from batch where strlen(_text) <= {LONGEST}")
        rows = self._count("select count(*) from batch")
        return Batch(name, True, rows, fields, bytes=bytes, rejects=tuple(rejects))

    def _keys(self, keys: str) -> None:
        """Let `keys` hold the lists `k` of names that objects have, in how many rows `n`, and if one is `twice` in it.

        Null stands for rows that are no object, or an empty one.
        """
        each = f"select nullif({keys}, []) as k from batch"
        counted = f"select k, count(*) as n from ({each}) group by k"
        twice = "coalesce(len(k) <> len(list_distinct(k)), false)"
        self.connection.execute(f"create or replace temp table keys as select k, n, {twice} as twice from ({counted})")

    def _unwrap(self) -> bool:
        """Replace objects that only wrap an array of rows by those rows; whether that is what the batch held."""
        arrays = [f"json_type(_text, '$.{w}') = 'ARRAY'" for w in sorted(WRAPPERS)]
        if self._count(f"select count(*) from batch where not coalesce({' or '.join(arrays)}, false)"):
            return False
        parts = [
            f'select _line, unnest(from_json(_text, \'{{"{w}": ["JSON"]}}\').{w})::VARCHAR as _text from batch'
            for w in sorted(WRAPPERS)
        ]
        self.connection.execute(f"create or replace temp table unwrapped as {' union all '.join(parts)}")
        # A row is found again by its number, and a line may now hold many rows.
        self._become("select row_number() over () as _line, coalesce(_text, 'null') as _text from unwrapped")
        return True

    def _read_csv(self, source: Source) -> Iterator[Batch]:
        delimiter, names = csv_header(source)
        path = self._plain(source)
        columns = ", ".join(f"{literal(n)}: 'VARCHAR'" for n in names)
        fields = ", ".join(identifier(n) for n in names)
        reading = (
            f"read_csv({literal(str(path))}, auto_detect = false, header = true, delim = {literal(delimiter)}, "
            f"quote = '\"', escape = '\"', columns = {{{columns}}}, store_rejects = true, strict_mode = true, "
            f"max_line_size = {LONGEST}, rejects_table = 'csv_rejects', rejects_scan = 'csv_scans', parallel = false)"
        )
        for leftover in ("csv_rejects", "csv_scans"):
            self.connection.execute(f"drop table if exists {leftover}")
        rows = f"select row_number() over () + 1 as _line, {fields} from {reading}"
        self._engine(f"create or replace temp table documents as {rows}", source)
        wrong = self.connection.execute(
            "select line, any_value(error_message), any_value(csv_line) from csv_rejects group by line order by line"
        ).fetchall()
        rejects = [Reject(line, _first_line(reason), text or "") for line, reason, text in wrong]
        if tail := unclosed(path, delimiter, sum(r.text.count('"') for r in rejects)):
            rejects.append(Reject(None, "a quote is opened here and never closed: what follows was not read", tail))
        yield from self._slices(source, dict.fromkeys(names, Form.TEXT), rejects)

    def _read_parquet(self, source: Source) -> Iterator[Batch]:
        path = self._plain(source)
        reading = f"read_parquet({literal(str(path))}, hive_partitioning = false)"
        self._engine(f"create or replace temp view given_file as select * from {reading}", source)
        described = self.connection.execute("describe given_file").fetchall()
        fields = ", ".join(f"{_plain_value(name, type)} as {identifier(name)}" for name, type, *_ in described)
        rows = f"select row_number() over () as _line, {fields} from given_file"
        self._engine(f"create or replace temp table documents as {rows}", source)
        yield from self._slices(source, {name: _form(type) for name, type, *_ in described}, [])

    def _slices(self, source: Source, types: dict[str, Form], rejects: list[Reject]) -> Iterator[Batch]:
        total = self._count("select count(*) from documents")
        share = size(source.path) // max(1, -(-total // _SLICE))
        for start in range(0, max(total, 1), _SLICE):
            first = "(select min(_line) from documents)"
            self._become(
                f"select * from documents where _line >= {start} + {first} and _line < {start + _SLICE} + {first}"
            )
            rows = self._count("select count(*) from batch")
            yield Batch(source.path.name, False, rows, dict.fromkeys(types, rows), types, share, tuple(rejects))
            rejects = []

    def _become(self, rows: str) -> None:
        """Let `batch` be `rows`, which may say what of the present `batch` stays."""
        self.connection.execute(f"create or replace temp table kept as {rows}")
        self.connection.execute("create or replace temp view batch as select * from kept")

    def _plain(self, source: Source) -> Path:
        return source.plain(self.folder)

    def _engine(self, sql: str, source: Source) -> None:
        """Read a whole file; what the engine has against it is told in the first line of its message."""
        import duckdb

        try:
            self.connection.execute(sql)
        except duckdb.Error as error:
            # The engine knows the file by a name of ours.
            cause = re.sub(re.escape(str(self.folder)) + r"/source-[0-9]+", source.path.name, _cause(error))
            raise Invalid(f"`{source.path.name}` can't be read as {source.format.value}: {cause}") from error

    def _count(self, sql: str) -> int:
        # `fetchone` would leave the result open, and the connection busy.
        return int(self.connection.execute(sql).fetchall()[0][0])


def _as_text(numbers: Sequence[int], lines: list[bytes]) -> tuple[pa.Table, list[Reject]]:
    """Lines as an Arrow table of `_line` and `_text`; those that aren't UTF-8 are rejected."""
    import pyarrow as pa

    rejects: list[Reject] = []
    try:
        text = pa.array(lines, pa.string())
    except (pa.ArrowInvalid, UnicodeDecodeError):
        kept = []
        for number, line in zip(numbers, lines, strict=True):
            try:
                line.decode()
                kept.append((number, line))
            except UnicodeDecodeError as error:
                rejects.append(Reject(number, f"not UTF-8 at byte {error.start}", shown(line)))
        numbers = [n for n, _ in kept]
        text = pa.array([line for _, line in kept], pa.string())
    rows = pa.table({"_line": pa.array(numbers, pa.int64()), "_text": text})
    return pa.Table.from_batches(rows.to_batches(max_chunksize=_PIECE), rows.schema), rejects


def _plain_value(name: str, type: str) -> str:
    """SQL that makes text of a Parquet column: nested ones are JSON, times are written as ISO."""
    column = identifier(name)
    if _nested(type):
        return f"to_json({column})::VARCHAR"
    return f"{column}::VARCHAR"


def _form(type: str) -> Form:
    """The form that a Parquet column's values have."""
    if _nested(type):
        return Form.JSON
    return Form.DECIMAL if type.startswith("DECIMAL") else _FORM_OF.get(type, Form.TEXT)


def _nested(type: str) -> bool:
    return type.startswith(("STRUCT", "MAP")) or type.endswith("]") or type in ("JSON", "VARIANT")


def _first_line(message: str) -> str:
    return message.split("\n", 1)[0]


def _cause(error: Exception) -> str:
    """What an engine's message says, without its own class of errors and without its SQL."""
    return _first_line(str(error)).split(": ", 1)[-1][:300]


_FORM_OF = {
    "BOOLEAN": Form.BOOLEAN,
    "TINYINT": Form.INTEGER,
    "SMALLINT": Form.INTEGER,
    "INTEGER": Form.INTEGER,
    "UTINYINT": Form.INTEGER,
    "USMALLINT": Form.INTEGER,
    "UINTEGER": Form.BIGINT,
    "BIGINT": Form.BIGINT,
    "UBIGINT": Form.BIGINT,
    "FLOAT": Form.DOUBLE,
    "DOUBLE": Form.DOUBLE,
    "DATE": Form.INSTANT,
    "TIMESTAMP": Form.INSTANT,
    "TIMESTAMP_S": Form.INSTANT,
    "TIMESTAMP_MS": Form.INSTANT,
    "TIMESTAMP_NS": Form.INSTANT,
    "TIMESTAMP WITH TIME ZONE": Form.INSTANT,
    "UUID": Form.UUID,
}

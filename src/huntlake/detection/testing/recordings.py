"""Recorded data that tests are given by file: JSON lines, JSON, CSV and Parquet."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from huntlake.core.errors import Invalid, NotFound

_MOST = 500_000


def recorded(path: Path) -> list[Mapping[str, Any]]:
    """The rows of a file, by the name it ends in; `Invalid` for one that can't be read, `NotFound` where there is none.

    Texts stay texts: whoever knows the table knows what they mean.
    """
    if not path.is_file():
        raise NotFound(f"no file of recorded data is at {path}")
    match path.suffix.lower():
        case ".jsonl" | ".ndjson":
            rows = [_object(path, n, line) for n, line in enumerate(path.read_bytes().splitlines(), 1) if line.strip()]
        case ".json":
            rows = _array(path)
        case ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                try:
                    rows = [{k: v for k, v in row.items() if k is not None} for row in csv.DictReader(file)]
                except csv.Error as error:
                    raise Invalid(f"{path}: {error}") from error
        case ".parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            try:
                rows = pq.read_table(path).to_pylist()
            except pa.ArrowException as error:
                raise Invalid(f"{path}: {error}") from error
        case other:
            raise Invalid(
                f"recorded data in a file that ends in `{other}` is not supported: give .jsonl, .csv, .parquet"
            )
    if len(rows) > _MOST:
        raise Invalid(f"{path} has {len(rows)} rows, and a test takes at most {_MOST}")
    return rows


def _object(path: Path, number: int, line: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{path}:{number}: {error}") from error
    if not isinstance(found, dict):
        raise Invalid(f"{path}:{number}: a row is a JSON object")
    return found


def _array(path: Path) -> list[Mapping[str, Any]]:
    try:
        found = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Invalid(f"{path}: {error}") from error
    rows = found if isinstance(found, list) else [found]
    if not all(isinstance(row, dict) for row in rows):
        raise Invalid(f"{path}: rows are JSON objects")
    return rows

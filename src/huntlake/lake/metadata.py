"""What a table's log says of it as a whole: its columns, what a person has said of it, and what it takes to read it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from huntlake.core.errors import Invalid
from huntlake.lake import paths as hot
from huntlake.lake.forms import DAY, Form, StoredColumn
from huntlake.lake.paths import HotPath

if TYPE_CHECKING:
    from deltalake import DeltaTable, Metadata

DECLARED = "huntlake.declared"
FOLDER = "huntlake.folder"
NOTE = "huntlake.note."
_FORM = "huntlake.form"
_INDEX, _WITHOUT, _WITH = "huntlake.index", "off", "on"
_BY_DELTA = {
    "boolean": Form.BOOLEAN,
    "byte": Form.INTEGER,
    "short": Form.INTEGER,
    "integer": Form.INTEGER,
    "long": Form.BIGINT,
    "float": Form.DOUBLE,
    "double": Form.DOUBLE,
    "string": Form.TEXT,
    "timestamp": Form.INSTANT,
}
_UNREAD = {"deletionVectors": "rows deleted beside the files", "columnMapping": "columns by other names in the files"}


@dataclass(frozen=True, slots=True)
class About:
    """What a person has said of a table.

    A `declared` table has the columns that someone listed, in that order, and gets no other by being filled.
    """

    declared: bool = False
    description: str = ""
    folder: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What those above the lake keep beside the table."""


def about_of(metadata: Metadata) -> About:
    """What has been said of a table."""
    said = metadata.configuration
    notes = {name.removeprefix(NOTE): text for name, text in said.items() if name.startswith(NOTE) and text}
    return About(said.get(DECLARED) == "true", metadata.description or "", said.get(FOLDER) or "", notes)


def paths_of(metadata: Metadata, columns: Sequence[StoredColumn]) -> tuple[HotPath, ...]:
    """The hot paths that its new files keep beside."""
    return hot.possible(hot.read(metadata.configuration.get(hot.KEY) or "[]"), columns)


def is_indexed(metadata: Metadata) -> bool:
    """Whether its new files get a term index."""
    return bool(metadata.configuration.get(_INDEX) != _WITHOUT)


def index_said(wanted: bool) -> dict[str, str]:
    """The property that says whether new files get a term index."""
    return {_INDEX: _WITH if wanted else _WITHOUT}


def columns_of(handle: DeltaTable) -> tuple[StoredColumn, ...]:
    """The columns of a table, without the day that it is partitioned by."""
    columns = []
    for f in handle.schema().fields:
        if f.name == DAY:
            continue
        kind = str(json.loads(f.type.to_json())) if not hasattr(f.type, "type") else str(f.type.type)
        said = f.metadata.get(_FORM)
        form = Form(said) if said else _BY_DELTA.get(kind, Form.DECIMAL if kind.startswith("decimal") else Form.TEXT)
        columns.append(StoredColumn(f.name, form))
    return tuple(columns)


def field_of(column: StoredColumn) -> Any:
    """The field that a column is in Delta's schema."""
    from deltalake import Field
    from deltalake.schema import PrimitiveType

    return Field(column.name, PrimitiveType(column.form.delta), metadata={_FORM: column.form.value})


def day_field() -> Any:
    """The field of the day that a table is partitioned by."""
    from deltalake import Field
    from deltalake.schema import PrimitiveType

    return Field(DAY, PrimitiveType("date"))


def check_names(columns: Sequence[StoredColumn]) -> None:
    """Raise `Invalid` for a column that has the name of the day."""
    if any(c.name.lower() == DAY.lower() for c in columns):
        raise Invalid(f"a column can't be named `{DAY}`: the lake keeps the day of each row under that name")


def check_readable(handle: DeltaTable, name: str) -> None:
    """Raise `Invalid` for a table that has what the lake doesn't read."""
    # The files are read as they are: what a feature says of them beside would be passed over.
    features = {str(f) for f in handle.protocol().reader_features or ()}
    for feature, what in _UNREAD.items():
        if feature in features:
            raise Invalid(f"the table `{name}` has {what} (Delta's `{feature}`), which is not supported")

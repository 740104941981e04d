"""The database under the documents: a SQLite file beside the lake, or any URL that SQLAlchemy knows."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateTable

from huntlake.core.errors import Invalid
from huntlake.state.documents import ANY_ETAG, DIGITS, Append, Json, Put, Remove, Write
from huntlake.state.line import Line

_METADATA = sa.MetaData()
_DOCUMENTS = sa.Table(
    "documents",
    _METADATA,
    sa.Column("collection", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("etag", sa.Text, nullable=False),
)

_BUSY_SECONDS = 30
_NUMBERS = "last numbers"
"""The collection of the last number that each collection has given."""


class Database:
    """An open database. Safe under threads, and under several processes on one file.

    Every statement but those of `write` is a transaction of its own: no reader ever holds a lock that a writer waits
    for.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._writing = Line() if engine.dialect.name == "sqlite" else nullcontext()

    @classmethod
    def open(cls, where: Path | str) -> Database:
        """Open a SQLite file by its path, or a database by its URL; both are made ready for use."""
        if isinstance(where, str) and "://" in where:
            if (kind := sa.make_url(where).get_backend_name()) not in _INSERTS:
                raise Invalid(f"a state database on {kind} is not supported; use SQLite or PostgreSQL")
            engine = sa.create_engine(where, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        else:
            engine = _sqlite(Path(where))
        with engine.connect() as connection:
            connection.execute(CreateTable(_DOCUMENTS, if_not_exists=True))
        return cls(engine)

    def close(self) -> None:
        """Close every connection; nothing may use the database afterwards."""
        self._engine.dispose()

    def read(self, collection: str, name: str) -> tuple[Json, str] | None:
        """A document's value and ETag, or None."""
        with self._engine.connect() as connection:
            row = connection.execute(_READ, {"of": collection, "named": name}).one_or_none()
        return None if row is None else (orjson.loads(row.value), row.etag)

    def read_all(self, collection: str) -> Iterator[tuple[str, Json, str]]:
        """Name, value and ETag of each document, by name."""
        with self._engine.connect() as connection:
            rows = connection.execute(_READ_ALL, {"of": collection}).all()
        return ((row.name, orjson.loads(row.value), row.etag) for row in rows)

    def read_names(self, collection: str) -> frozenset[str]:
        """The name of each document."""
        query = sa.select(_DOCUMENTS.c.name).where(_DOCUMENTS.c.collection == collection)
        with self._engine.connect() as connection:
            return frozenset(connection.execute(query).scalars())

    def read_after(self, collection: str, name: str) -> Iterator[tuple[str, Json]]:
        """Name and value of each document whose name comes after `name`, by name."""
        columns, later = (_DOCUMENTS.c.name, _DOCUMENTS.c.value), _DOCUMENTS.c.name > name
        query = sa.select(*columns).where(_DOCUMENTS.c.collection == collection, later).order_by(_DOCUMENTS.c.name)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return ((row.name, orjson.loads(row.value)) for row in rows)

    def read_page(self, collection: str, name: str, most: int) -> Iterator[tuple[str, Json, str]]:
        """Name, value and ETag of the first `most` documents whose names come after `name`, by name."""
        with self._engine.connect() as connection:
            rows = connection.execute(_READ_PAGE, {"of": collection, "behind": name, "most": most}).all()
        return ((row.name, orjson.loads(row.value), row.etag) for row in rows)

    def insert(self, collection: str, name: str, value: Json, etag: str) -> bool:
        """Add a document; False where that name is taken."""
        return self._write(self._insert(collection, name, value, etag).on_conflict_do_nothing()) == 1

    def upsert(self, collection: str, name: str, value: Json, etag: str) -> None:
        """Add a document, or replace whatever has that name."""
        self._write(self._upsert(collection, name, value, etag))

    def update(self, collection: str, name: str, value: Json, etag: str, *, if_match: str) -> bool:
        """Replace the document whose ETag is `if_match` (`*`: any); False where there is none."""
        query = sa.update(_DOCUMENTS).where(*_key(collection, name), *_etag(if_match))
        return self._write(query.values(value=_text(value), etag=etag)) == 1

    def delete(self, collection: str, name: str, *, if_match: str) -> bool:
        """Delete the document whose ETag is `if_match` (`*`: any); False where there is none."""
        return self._write(sa.delete(_DOCUMENTS).where(*_key(collection, name), *_etag(if_match))) == 1

    def write(self, writes: Sequence[Write]) -> bool:
        """Do all of it at once; False, and nothing is done, where one finds something else than it must."""
        appended: dict[str, list[Json]] = {}
        for write in writes:
            if isinstance(write, Append):
                appended.setdefault(write.collection, []).append(write.value)
        # Two who write the same documents in different order would wait for each other for ever.
        ordered = sorted((w for w in writes if not isinstance(w, Append)), key=lambda w: (w.collection, w.name))
        with self._writing, self._engine.connect() as connection:
            connection.exec_driver_sql("begin immediate" if self._engine.dialect.name == "sqlite" else "begin")
            try:
                done = all(_done(connection, write) for write in ordered)
                for collection in sorted(appended) if done else ():
                    _append(connection, collection, appended[collection])
            except BaseException:
                connection.exec_driver_sql("rollback")
                raise
            connection.exec_driver_sql("commit" if done else "rollback")
        return done

    def forget(self, owner: str) -> None:
        """Delete every collection that is an owner's, by its name: `… of owner`, and those below it."""
        whose = re.compile(rf".* of {re.escape(owner)}(/.*)?", re.DOTALL)
        with self._engine.connect() as connection:
            names = connection.execute(sa.select(_DOCUMENTS.c.collection).distinct()).scalars().all()
        for name in names:
            if whose.fullmatch(name):
                self._write(sa.delete(_DOCUMENTS).where(_DOCUMENTS.c.collection == name))

    def _upsert(self, collection: str, name: str, value: Json, etag: str) -> Any:
        row = self._insert(collection, name, value, etag)
        key = [_DOCUMENTS.c.collection, _DOCUMENTS.c.name]
        new = {"value": row.excluded.value, "etag": row.excluded.etag}
        return row.on_conflict_do_update(index_elements=key, set_=new)

    def _insert(self, collection: str, name: str, value: Json, etag: str) -> Any:
        insert = _INSERTS[self._engine.dialect.name](_DOCUMENTS)
        return insert.values(collection=collection, name=name, value=_text(value), etag=etag)

    def _write(self, statement: Any) -> int:
        with self._writing, self._engine.connect() as connection:
            return _changed(connection, statement)


# Standard SQL has no "insert or else"; both dialects spell it alike, in classes of their own.
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def _done(connection: sa.Connection, write: Put | Remove) -> bool:
    match write:
        case Put(collection, name, value, etag):
            known = write.if_match
            statement = _CREATE if write.create else _UPSERT if known is None else _UPDATE
            given = {"collection": collection, "name": name, "value": _text(value), "etag": etag}
            return _changed(connection, statement, given if known is None else {**given, "known": known}) == 1
        case Remove(collection, name, known):
            return _changed(connection, _REMOVE, {"collection": collection, "name": name, "known": known}) == 1


def _append(connection: sa.Connection, collection: str, values: Sequence[Json]) -> None:
    # The row of the number is locked until the commit: the next number comes after it.
    count = {"numbers": _NUMBERS, "collection": collection, "count": str(len(values))}
    first = int(connection.execute(_COUNT, count).scalar_one()) - len(values) + 1
    rows = [
        {"collection": collection, "name": f"{number:0{DIGITS}}", "value": _text(value), "etag": ""}
        for number, value in enumerate(values, start=first)
    ]
    connection.execute(_INSERT, rows)


def _changed(connection: sa.Connection, statement: Any, given: Mapping[str, str] | None = None) -> int:
    # Without the option PostgreSQL's driver doesn't say how many rows an INSERT has made.
    return int(connection.execute(statement, given, execution_options={"preserve_rowcount": True}).rowcount)


# As texts: a transaction has dozens of them, and building one takes longer than running it.
_INSERT = sa.text("insert into documents (collection, name, value, etag) values (:collection, :name, :value, :etag)")
_CREATE = sa.text(f"{_INSERT.text} on conflict (collection, name) do nothing")
_UPSERT = sa.text(
    f"{_INSERT.text} on conflict (collection, name) do update set value = excluded.value, etag = excluded.etag"
)
_UPDATE = sa.text(
    "update documents set value = :value, etag = :etag "
    "where collection = :collection and name = :name and :known in ('*', etag)"
)
_REMOVE = sa.text("delete from documents where collection = :collection and name = :name and :known in ('*', etag)")
# Made once: to make a statement costs more than to run it, and every request reads a few documents.
_READ = sa.select(_DOCUMENTS.c.value, _DOCUMENTS.c.etag).where(
    _DOCUMENTS.c.collection == sa.bindparam("of"), _DOCUMENTS.c.name == sa.bindparam("named")
)
_READ_PAGE = (
    sa.select(_DOCUMENTS.c.name, _DOCUMENTS.c.value, _DOCUMENTS.c.etag)
    .where(_DOCUMENTS.c.collection == sa.bindparam("of"), _DOCUMENTS.c.name > sa.bindparam("behind"))
    .order_by(_DOCUMENTS.c.name)
    .limit(sa.bindparam("most"))
)
_READ_ALL = (
    sa.select(_DOCUMENTS.c.name, _DOCUMENTS.c.value, _DOCUMENTS.c.etag)
    .where(_DOCUMENTS.c.collection == sa.bindparam("of"))
    .order_by(_DOCUMENTS.c.name)
)

_COUNT = sa.text(
    "insert into documents (collection, name, value, etag) values (:numbers, :collection, :count, '') "
    "on conflict (collection, name) do update "
    "set value = cast(cast(documents.value as bigint) + cast(excluded.value as bigint) as text) returning value"
)


def _key(collection: str, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    return _DOCUMENTS.c.collection == collection, _DOCUMENTS.c.name == name


def _etag(if_match: str) -> tuple[sa.ColumnElement[bool], ...]:
    return () if if_match == ANY_ETAG else (_DOCUMENTS.c.etag == if_match,)


def _text(value: Json) -> str:
    return orjson.dumps(value).decode()


def _sqlite(path: Path) -> sa.Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The file holds hashes of secrets. SQLite gives its -wal and -shm files the same permissions.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), isolation_level="AUTOCOMMIT")
    sa.event.listen(engine, "connect", _configure_sqlite)
    return engine


def _configure_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(f"pragma busy_timeout = {_BUSY_SECONDS * 1000}")
    if cursor.execute("pragma journal_mode").fetchone()[0] != "wal":
        _turn_on_wal(cursor)
    # NORMAL may forget the last commits when the power fails, and what is acknowledged must stay.
    cursor.execute("pragma synchronous = full")
    cursor.close()


def _turn_on_wal(cursor: Any) -> None:
    """Two processes that open a new file at once: SQLite doesn't wait on this pragma, so we do."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            cursor.execute("pragma journal_mode = wal")
        except Exception as problem:
            if "locked" not in str(problem) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return

"""What the outside suites call: `run` has no tables, `run_on_catalogue` empty ones, `run_on_samples` a few rows.

The functions that Sentinel and Defender add are facts of the suite, not of the product: here they are
typed empty tables, so that the queries which call them can be compiled.
"""

from __future__ import annotations

import functools
import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from huntlake.core.diagnostics import Source, SourceError
from huntlake.engines.duckdb.database import Database
from huntlake.engines.duckdb.sources import empty_sql, memory_sql
from huntlake.kql.binding import NoTables
from huntlake.kql.compiler import CompiledTable, compile_kql
from huntlake.kql.syntax import literals
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.tokens import Token, TokenKind
from huntlake.kql.types import Column, Columns, ScalarType

Answer = tuple[list[str], list[str], list[list[object]]]
SHARED = Path(__file__).resolve().parents[2].parent / "shared"
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
ROWS = 50
_OF_ALL = 50
"""Of so many tables that `union *` finds one has rows."""

_SUFFIXES = {
    "s": ScalarType.STRING,
    "d": ScalarType.REAL,
    "b": ScalarType.BOOL,
    "g": ScalarType.STRING,
    "t": ScalarType.DATETIME,
}


def run(query: str) -> Answer:
    """The answer to a query that brings its own data."""
    return _answer(query, NoTables(), _empty)


def run_on_catalogue(query: str) -> Answer:
    """The answer over a workspace in which every table is there, and empty."""
    return _answer(_with_parameters(query), Catalogue(query), _empty)


def run_on_samples(query: str) -> Answer:
    """The answer over a workspace in which tables have a few rows; each value is checked to be of its type.

    All those have some that the query names, or finds by a pattern; of the others, some do.
    """
    return _answer(_with_parameters(query), Catalogue(query, filled=True), _sampled)


# -- what the compiler asks -------------------------------------------------------


class Catalogue(NoTables):
    """Every table and function of the suite's schema file. Open tables have the columns that the query names.

    The suite's answers were bound before single documents added columns to a few tables: those are there for
    the queries that name one of them. The tables disagree on the types of some columns, as no workspace's do: one that
    only a pattern finds has those that the query names in their usual type, or not at all.
    Where tables are empty, a bag in them has the properties that the query names.
    """

    def __init__(self, query: str, *, filled: bool = False) -> None:
        self._query = query
        self._filled = filled

    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        columns = _RESOURCE_GRAPH if workspace == "arg" else _tables().get(name)
        if columns is None or workspace == "arg":
            return columns
        words = _words(self._query)
        later = _added_later().get(name, frozenset())
        if later and later.isdisjoint(self._unexplained()):
            columns = _tables_at_first()[name]
        if name not in words:
            columns = _agreeing(columns, words)
        return columns + self._more(columns, named=name in words) if name in _open_tables() else columns

    def table_names(self, workspace: str | None = None) -> Iterable[str]:
        return _tables()

    def tables_with_rows(self, workspace: str | None = None) -> Iterable[str]:
        if not self._filled:
            return ()
        words = _words(self._query)
        begun = tuple(w for w in words if f"{w}*" in self._query)
        return [n for i, n in enumerate(_tables()) if n in words or n.startswith(begun) or i % _OF_ALL == 0]

    def properties(self) -> list[tuple[object, ...]]:
        """What `bag_unpack` asks of bags: the name and the kind of each property."""
        columns = {c.name for t in _words(self._query) & _tables().keys() for c in _tables()[t]}
        return [(n, "VARCHAR") for n in sorted(_undeclared(self._query)) if n not in columns]

    def _unexplained(self) -> frozenset[str]:
        """The names in the query that are no column of any of its tables as they were at first."""
        words = _words(self._query)
        return words - {c.name for t in words & _tables().keys() for c in _tables_at_first()[t]}

    def function(self, name: str, workspace: str | None = None) -> str | None:
        found = _functions().get(name)
        if found is None:
            return None
        body = found.get("body") or self._stub(found)
        text = body if body.lstrip().startswith("{") else "{" + body + "\n}"
        return f"{found.get('params') or '()'} {text}"

    def place(self, kind: str, names: Sequence[str]) -> str | None:
        return kind if kind == "arg" or not names else names[-1]

    def external(self, uris: Sequence[str], columns: Sequence[Column], properties: Mapping[str, object]) -> str | None:
        return "externaldata"

    def _stub(self, found: Mapping[str, Any]) -> str:
        returns = found["returns"]
        if not returns.startswith("("):
            return {"string": "''"}.get(returns, f"{returns}(null)")
        declared = returns[1:-1]
        if found.get("open"):
            names = [d.split(":")[0] for d in declared.split(",")]
            known = tuple(Column(n, ScalarType.STRING) for n in names)
            more = (*self._more(known), *(Column(n, ScalarType.STRING) for n in _join_keys(self._query)))
            columns = {c.name: c for c in more if c not in known}.values()
            declared = ",".join([declared, *(f"['{c.name}']:{c.type}" for c in columns)])
        return f"datatable({declared})[]"

    def _more(self, known: tuple[Column, ...], *, named: bool = True) -> tuple[Column, ...]:
        """Columns that the query reads, but nothing declares: an open table has them.

        One that only a pattern finds has those that no table of the suite declares.
        """
        found = [n for n in _undeclared(self._query) if named or n not in _usual_types()]
        names = {c.name for c in known}
        # What a join calls `x1` is another table's `x`.
        origins = names.union(found)
        return tuple(
            Column(n, _open_type(n, self._query))
            for n in found
            if n not in names and not (n.endswith("1") and n[:-1] in origins)
        )


_TEXTS = "id name type tenantId kind location resourceGroup subscriptionId managedBy".split()
_BAGS_OF_GRAPH = "sku plan properties tags identity zones extendedLocation".split()
_RESOURCE_GRAPH = Columns(
    (
        *(Column(n, ScalarType.STRING) for n in _TEXTS),
        *(Column(n, ScalarType.DYNAMIC) for n in _BAGS_OF_GRAPH),
        Column("apiVersion", ScalarType.STRING),
        Column("aliases", ScalarType.DYNAMIC),
    )
)
"""The columns of every table of Azure Resource Graph, which `arg("")` names."""


def _open_type(name: str, query: str) -> ScalarType:
    suffix = name.rsplit("_", 1)[-1] if "_" in name else ""
    if re.search(rf"\b{re.escape(name)}\s*[<>]=?\s*(ago|now|datetime)\(", query):
        return ScalarType.DATETIME
    return _SUFFIXES.get(suffix, ScalarType.STRING)


_WORDS = set(
    (
        "and anti asc bool broadcast by contains datetime desc dynamic extend false first from fullouter guid "
        "has has_any hint in inner innerunique int isfuzzy join kind last leftanti leftouter leftsemi let "
        "long materialize not null nulls on or project real rightanti rightouter rightsemi set shuffle source "
        "step strategy string summarize timespan to true typeof union view where with "
    ).split()
)


@functools.lru_cache(maxsize=8)
def _undeclared(query: str) -> tuple[str, ...]:
    """The names that a text reads before, or in, the expression that first gives them a value."""
    tokens = _plain_names(tokenize(Source(query)))
    called = {t.text for t in tokens if t.text in _functions()}
    read: dict[str, int] = {}
    given: dict[str, int] = {}
    for index, token in enumerate(tokens):
        before, after = tokens[index - 1], tokens[min(index + 1, len(tokens) - 1)]
        if token.kind is not TokenKind.NAME or token.text in _WORDS or token.text.startswith(("$", "!")):
            continue
        if after.text == "=" or before.text in ("let", "as"):
            given.setdefault(token.text, _end_of_expression(tokens, index))
        elif after.text == ":":
            given.setdefault(token.text, index)
        elif after.text != "(" and before.text not in (".", "|", "-"):
            read.setdefault(token.text, index)
    known = _tables().keys() | _functions().keys()
    own = [n for n, at in read.items() if at < given.get(n, len(tokens)) and n not in known]
    # What a called function's own text reads of an open table counts too.
    bodies = (str(_functions()[n].get("body", query)) for n in called)
    more = [n for body in bodies if body != query for n in _undeclared(body) if f"{n}(" not in body]
    return tuple(dict.fromkeys(own + more))


def _plain_names(tokens: list[Token]) -> list[Token]:
    """The tokens, in which `['a name']` is one; `a['name']` stays what it is."""
    found: list[Token] = []
    for token in tokens:
        match found:
            case [*_, Token(text="[") as start, Token(kind=TokenKind.STRING) as name] if token.text == "]":
                touches = len(found) > 2 and found[-3].kind is TokenKind.NAME and found[-3].end == start.start
                if not touches and (len(found) < 3 or found[-3].text not in (".", ")", "]")):
                    found[-2:] = [Token(TokenKind.NAME, str(name.value), start.start, token.end)]
                    continue
        found.append(token)
    return found


@functools.lru_cache(maxsize=8)
def _join_keys(query: str) -> tuple[str, ...]:
    """The names by which a text joins: `on a, $left.b == $right.c`."""
    tokens = _plain_names(tokenize(Source(query)))
    found = []
    for index, token in enumerate(tokens):
        if (
            token.text == "on"
            and tokens[index + 1].kind is TokenKind.NAME
            and not tokens[index + 1].text.startswith("$")
        ):
            found.append(tokens[index + 1].text)
        if token.text == "$right" and tokens[index + 1].text == ".":
            found.append(tokens[index + 2].text)
    return tuple(dict.fromkeys(found))


def _end_of_expression(tokens: list[Token], index: int) -> int:
    depth = 0
    while index < len(tokens) - 1:
        index += 1
        text = tokens[index].text
        depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
        if depth < 0 or (depth == 0 and text in (",", "|", ";")):
            break
    return index


@functools.cache
def _schemas() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SHARED / "community" / "schemas.json").read_text())
    return loaded


@functools.cache
def _tables() -> dict[str, Columns]:
    return {
        name: Columns(Column(c, ScalarType(t)) for c, t in table["columns"].items())
        for name, table in _schemas()["tables"].items()
    }


@functools.cache
def _added_later() -> dict[str, frozenset[str]]:
    """The columns that a table has from a document about it alone, and not from a catalogue of tables."""
    tables = _schemas()["tables"]
    described = Counter(source for table in tables.values() for source in table["sources"])
    return {
        name: frozenset(c for source, columns in table["merged"].items() if described[source] == 1 for c in columns)
        for name, table in tables.items()
        if "merged" in table
    }


@functools.cache
def _tables_at_first() -> dict[str, Columns]:
    later = _added_later()
    return {
        name: Columns(c for c in columns if c.name not in later[name]) if later.get(name) else columns
        for name, columns in _tables().items()
    }


@functools.cache
def _usual_types() -> dict[str, ScalarType]:
    """The type that most tables give a column of a name."""
    counted: dict[str, Counter[ScalarType]] = {}
    for columns in _tables().values():
        for column in columns:
            counted.setdefault(column.name, Counter())[column.type] += 1
    return {name: types.most_common(1)[0][0] for name, types in counted.items()}


def _agreeing(columns: Columns, words: frozenset[str]) -> Columns:
    usual = _usual_types()
    kept = [c for c in columns if c.name not in words or c.type is usual[c.name]]
    return columns if len(kept) == len(columns) else Columns(kept)


@functools.lru_cache(maxsize=8)
def _words(query: str) -> frozenset[str]:
    """The names in a text, and in the functions that it calls."""
    found: set[str] = set()
    pending = [query]
    while pending:
        names = _names_in(pending.pop())
        pending += [_functions()[n].get("body", "") for n in (names - found) & _functions().keys()]
        found |= names
    return frozenset(found)


def _names_in(text: str) -> set[str]:
    tokens = tokenize(Source(text))
    return {
        str(t.value) if t.kind is TokenKind.STRING else t.text
        for t in tokens
        if t.kind in (TokenKind.NAME, TokenKind.STRING)
    }


@functools.cache
def _parameters() -> dict[str, str]:
    """What the texts of parser functions read without declaring it: the parameters that their files declare."""
    found = {}
    for line in (SHARED / "community" / "queries.jsonl").read_text().splitlines():
        row = json.loads(line)
        given = row.get("fn", {}).get("params")
        if given:
            found[row["query"]] = ", ".join(f"{p['Name']}:{p['Type']}={_default(p)}" for p in given)
    return found


def _default(parameter: Mapping[str, Any]) -> str:
    default = parameter["Default"]
    return json.dumps(default) if parameter["Type"] == "string" or isinstance(default, bool) else default


def _with_parameters(query: str) -> str:
    declared = _parameters().get(query)
    return query if declared is None else f"declare query_parameters({declared}); {query}"


@functools.cache
def _open_tables() -> frozenset[str]:
    return frozenset(name for name, table in _schemas()["tables"].items() if table.get("open"))


@functools.cache
def _functions() -> dict[str, Mapping[str, Any]]:
    return {f["name"]: f for f in _schemas()["functions"]}


# -- running ----------------------------------------------------------------------


@functools.cache
def _database() -> Database:
    return Database()


def _empty(table: CompiledTable) -> dict[str, str]:
    return {s.relation: empty_sql(s.columns, s.sql_names) for s in table.scans}


def _sampled(table: CompiledTable) -> dict[str, str]:
    sources = {}
    for scan in table.scans:
        name = f"{scan.table}-{hashlib.sha256(repr(scan.columns).encode()).hexdigest()[:12]}"
        if name not in _kept:
            _database().keep(name, sample(scan.table, scan.columns))
            _kept.add(name)
        sources[scan.relation] = memory_sql(name, scan.columns, scan.sql_names)
    return sources


_kept: set[str] = set()


def _answer(query: str, schema: Any, sources: Any) -> Answer:
    def probe(table: CompiledTable) -> Sequence[tuple[object, ...]]:
        rows = _database().table(table.sql(sources(table)))
        found = list(zip(*(c.to_pylist() for c in rows.columns), strict=True))
        if not found and isinstance(schema, Catalogue) and [c.name for c in table.columns] == ["key", "kind"]:
            return schema.properties()
        return found

    try:
        compiled = compile_kql(query, schema, now=NOW, probe=probe)
    except SourceError as error:
        raise ValueError(str(error)) from None
    table = compiled.results[-1]
    rows = _database().table(table.sql(sources(table)))
    columns = [
        [_value(v, c.type) for v in values.to_pylist()] for values, c in zip(rows.columns, table.columns, strict=True)
    ]
    for column, values in zip(table.columns, columns, strict=True):
        _check(column, values)
    return (
        [c.name for c in table.columns],
        [str(c.type) for c in table.columns],
        [list(r) for r in zip(*columns, strict=True)],
    )


def _value(value: Any, type_: ScalarType) -> object:
    if value is None:
        return None
    match type_:
        case ScalarType.TIMESPAN:
            return timedelta(microseconds=int(value) / 10)
        case ScalarType.DYNAMIC:
            return json.loads(value)
    kept: object = value
    return kept


_PYTHON = {
    ScalarType.BOOL: bool,
    ScalarType.INT: int,
    ScalarType.LONG: int,
    ScalarType.REAL: float,
    ScalarType.DECIMAL: Decimal,
    ScalarType.STRING: str,
    ScalarType.DATETIME: datetime,
    ScalarType.TIMESPAN: timedelta,
    ScalarType.GUID: str,
}


def _check(column: Column, values: list[object]) -> None:
    wanted = _PYTHON.get(column.type)
    for value in values:
        if value is None and column.type is ScalarType.STRING:
            raise TypeError(f"column `{column.name}`: a string is null")
        if (
            wanted
            and value is not None
            and (not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)))
        ):
            raise TypeError(f"column `{column.name}` is declared {column.type}, but holds {type(value).__name__}")


# -- rows -------------------------------------------------------------------------

_WORDS_FOR_ROWS = (
    *("Contoso", "svc-backup", "alice@fabrikam.example", "User", "DOMAIN\\user", "Success", "0", "50126", "True", ""),
    *("C:\\Windows\\System32\\cmd.exe", "powershell.exe -enc SQBFAFgA", "Windows 10", "Mozilla/5.0 (Windows NT 10.0)"),
    *("203.0.113.7", "198.51.100.23", "2001:db8::1", "https://portal.example/login?x=1&y=2", "2026-01-10T10:00:00Z"),
    *('{"key":"value","list":[1,2,{"a":"b"}],"Name":"x"}', '["one","two"]'),
)
_BAGS: tuple[object, ...] = (
    {"key": "value", "n": 5, "list": [1, 2]},
    [{"Name": "x", "displayName": "Role", "modifiedProperties": [{"newValue": "a"}]}],
    [{"Type": "ip", "Address": "203.0.113.9"}],
    {"user": {"userPrincipalName": "bob@fabrikam.example"}, "city": "Oslo"},
    *(None, [], {}, ["a", "b"], "text", 7),
)


def sample(table: str, columns: Sequence[Column]) -> pa.Table:
    """A few typed rows for a table: always the same, and among them nulls and odd texts."""
    arrays = [pa.array(_sample_column(table, c), _ARROW[c.type]) for c in columns]
    return pa.table(arrays, names=[c.name for c in columns]) if columns else pa.table({"_": [None] * ROWS})


def _sample_column(table: str, column: Column) -> list[Any]:
    dice = random.Random(f"{table}/{column.name}")
    return [_sample_value(column, dice) for _ in range(ROWS)]


def _sample_value(column: Column, dice: random.Random) -> Any:
    if column.type is not ScalarType.STRING and dice.random() < 0.1:
        return None
    match column.type:
        case ScalarType.BOOL:
            return dice.random() < 0.5
        case ScalarType.INT | ScalarType.LONG:
            return dice.choice((0, 1, 3, 4624, 4625, 443, -1, dice.randrange(100_000)))
        case ScalarType.REAL:
            return dice.choice((0.0, 1.5, -2.25, dice.random() * 1000))
        case ScalarType.DECIMAL:
            return Decimal(dice.randrange(10_000)) / 100
        case ScalarType.DATETIME:
            return (NOW - timedelta(seconds=dice.randrange(30 * 86_400))).replace(tzinfo=None)
        case ScalarType.TIMESPAN:
            return dice.randrange(literals.TICKS_PER_DAY * 3)
        case ScalarType.GUID:
            return f"{dice.getrandbits(32):08x}-0000-4000-8000-{dice.getrandbits(48):012x}"
        case ScalarType.DYNAMIC:
            value = dice.choice(_BAGS)
            return None if value is None else json.dumps(value)
    if re.search(r"ip|address", column.name, re.I):
        return dice.choice(("203.0.113.7", "10.0.0.4", "198.51.100.23", "2001:db8::1", "", "not an address"))
    return dice.choice(_WORDS_FOR_ROWS)


_ARROW = {
    ScalarType.BOOL: pa.bool_(),
    ScalarType.INT: pa.int32(),
    ScalarType.LONG: pa.int64(),
    ScalarType.REAL: pa.float64(),
    ScalarType.DECIMAL: pa.decimal128(38, 18),
    ScalarType.STRING: pa.string(),
    ScalarType.DATETIME: pa.timestamp("us"),
    ScalarType.TIMESPAN: pa.int64(),
    ScalarType.GUID: pa.string(),
    ScalarType.DYNAMIC: pa.string(),
}

"""The same rule over the same events on another engine: what a test asks of an endpoint, and how the answers differ.

The events go along in the text: each table that the query names is bound to a `datatable` that holds those of the
window. So nothing is written there, and nothing that is there is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

from huntlake.core.diagnostics import Source
from huntlake.core.errors import Invalid
from huntlake.detection.running import TIME, Window
from huntlake.detection.testing.matching import Difference
from huntlake.detection.testing.tables import Events
from huntlake.kql.syntax.commands import quoted_name, quoted_text
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.tokens import Token, TokenKind
from huntlake.kql.types import ScalarType
from huntlake.workspace.functions import SavedFunction
from huntlake.workspace.query import Answer

Ask = Callable[[str, datetime], Answer]
"""Asks an endpoint a query at a moment, which is what `now()` says there."""

Rows = tuple[Mapping[str, ScalarType], tuple[str, ...]]
"""The columns of an answer, and its rows as JSON, in an order of their own."""

_MOST_SHOWN = 3
_ELSEWHERE = frozenset({"search", "find"})
_PLACES = frozenset({"table", "external_table", "workspace", "database", "cluster", "adx", "app", "resource"})


def self_contained(
    query: str,
    functions: Iterable[SavedFunction],
    events: Callable[[str], Events | None],
    stored: Callable[[str], bool],
    window: Window,
) -> str:
    """The query with everything that it reads: `events` are those of a table, or None where that is no table.

    Refuses, as `Invalid`, what would read tables of the endpoint; `stored` says which names are functions here alone.
    """
    functions = tuple(functions)
    own = {f.name for f in functions}
    tokens = [t for text in (query, *(f.body for f in functions)) for t in tokenize(Source(text))]
    lets, tables = list[str](), dict[str, Events]()
    unites = any(t.text == "union" for t in tokens)
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        _refuse(before, token, after, unites)
        if token.kind is not TokenKind.NAME or token.text in own or token.text in tables:
            continue
        if (held := events(token.text)) is not None:
            if before is not None and before.text == "let":
                raise Invalid(f"a comparison where `let` binds the name of the table `{token.text}` is not supported")
            tables[token.text] = held
        elif after is not None and after.text == "(" and stored(token.text):
            raise Invalid(f"a comparison of a query that calls `{token.text}` is not supported: it reads other tables")
    lets += [f"let {quoted_name(name)} = {_datatable(held, window)};" for name, held in tables.items()]
    lets += [f"let {f.name} = ({f.parameters}) {{ {f.body}\n}};" for f in functions]
    return "\n".join([*lets, query])


def rows_of(answer: Answer) -> Rows:
    """The one table of an answer, ready to be compared."""
    if len(answer.tables) != 1:
        raise Invalid(f"a rule's query answers with one table, not with {len(answer.tables)}")
    (table,) = answer.tables
    rows = orjson.loads(b"[" + b",".join(table.json_objects()) + b"]")
    if table.truncated_by is not None:
        raise table.truncated_by
    return {c.name: c.type for c in table.columns}, tuple(_canonical(row) for row in rows)


def unlike(line: int, here: Rows, there: Rows, window: Window) -> Iterator[Difference]:
    """How two answers about a window differ; the order of rows and columns doesn't matter."""
    at = f"the window that ends {window.until:%Y-%m-%d %H:%M:%S}"
    if here[0] != there[0]:
        for name in dict.fromkeys((*here[0], *there[0])):
            ours, theirs = here[0].get(name), there[0].get(name)
            if ours is not theirs:
                yield Difference(
                    line, f"{at}: the column `{name}` is {ours or 'missing'} here, and {theirs or 'missing'} there"
                )
        return
    ours_alone, theirs_alone = Counter(here[1]) - Counter(there[1]), Counter(there[1]) - Counter(here[1])
    if ours_alone or theirs_alone:
        yield Difference(line, f"{at}: there are {len(here[1])} rows here, and {len(there[1])} there")
    for where, alone in (("here", ours_alone), ("there", theirs_alone)):
        for row in sorted(alone)[:_MOST_SHOWN]:
            yield Difference(line, f"only {where}: {row[:500]}")


def _refuse(before: Token | None, token: Token, after: Token | None, unites: bool) -> None:
    """Refuse what reads tables that the text doesn't name; with `unites` a wildcard may be one of tables."""
    if token.kind is TokenKind.NAME:
        begins = before is None or before.text in ("|", ";", "(", "{") or before.kind is TokenKind.END
        called = after is not None and after.text == "("
        if (token.text in _ELSEWHERE and begins) or (token.text in _PLACES and called):
            raise Invalid(f"a comparison of a query with `{token.text}` is not supported: it reads other tables")
        if token.text == "union" and after is not None and after.text == "*":
            raise Invalid("a comparison of a query with a wildcard in `union` is not supported: it reads other tables")
    elif unites and token.text == "*" and before is not None and before.kind is TokenKind.NAME:
        # `project-away x*` has one, too, and so has a product: but which rows are read must be sure.
        raise Invalid(f"a comparison of a query with the wildcard `{before.text}*` is not supported")


def _datatable(held: Events, window: Window) -> str:
    columns = ", ".join(f"{quoted_name(c.name)}:{c.type}" for c in held.columns)
    timed = any(c.name == TIME and c.type is ScalarType.DATETIME for c in held.columns)
    since, until = (t.replace(tzinfo=None) for t in (window.since, window.until))
    cells = [
        _literal(c.type, row.get(c.name))
        for row in held.rows
        if not timed or ((at := row.get(TIME)) is not None and since <= at < until)
        for c in held.columns
    ]
    return f"datatable({columns})[{', '.join(cells)}]"


def _literal(type: ScalarType, value: Any) -> str:
    match type:
        case ScalarType.STRING:
            return quoted_text(value or "")
        case _ if value is None:
            return f"{type}(null)"
        case ScalarType.DATETIME:
            return f"datetime({value.isoformat(timespec='microseconds')}Z)"
        case ScalarType.TIMESPAN:
            seconds, ticks = divmod(abs(value), 10_000_000)
            clock = f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ticks:07}"
            return f"time({'-' if value < 0 else ''}{seconds // 86_400}.{clock})"
        case ScalarType.BOOL:
            return "true" if value else "false"
        case ScalarType.REAL:
            return f"real({'+' if value > 0 else ''}{value!r})"
        case _:
            return f"{type}({value})"


def _canonical(row: Mapping[str, Any]) -> str:
    return orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode()

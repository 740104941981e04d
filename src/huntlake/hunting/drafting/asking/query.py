"""A question as a query: the likeliest table, the tests for what is said, and the shape of the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from huntlake.core.diagnostics import SourceError
from huntlake.hunting.drafting.asking import joining
from huntlake.hunting.drafting.asking.filters import Precedent, Test, Tests
from huntlake.hunting.drafting.asking.knowledge import knowledge
from huntlake.hunting.drafting.asking.leftover import left_over
from huntlake.hunting.drafting.asking.spoken import Spoken, TimeWindow, ValueKind, spoken
from huntlake.hunting.drafting.asking.tables import AskTable, name_words, said
from huntlake.hunting.drafting.quoting import column, text_literal
from huntlake.hunting.drafting.tree import every
from huntlake.kql.compiler import parse
from huntlake.kql.operators.where import FilterOperator
from huntlake.kql.syntax import nodes
from huntlake.kql.types import ScalarType
from huntlake.workspace.known_questions import AnsweredQuestion
from huntlake.workspace.table_search import Described, KnownQuestion, TableSearch, is_named

MOST_TABLES = 5
_EACH = {"1h": "1h", "1d": "1d", "1w": "7d"}
_MOST_ROWS = 10_000
_PROCESSES = {"DeviceProcessEvents"}
_MISSED = 0.4
"""What a table loses for each value that it has no column for, of kinds whose columns are plain."""
_DERIVED = 0.6
"""What counts of what speaks for a table that was made of others, unless it is named."""
_ALONE = "joins of the form that the question asks for are not supported"
_SURE = {ValueKind.ADDRESS, ValueKind.CVE, ValueKind.HASH}


@dataclass(frozen=True, slots=True)
class ProposedTable:
    """A table that may answer, and how likely beside the others: the first has 1."""

    name: str
    score: float


@dataclass(frozen=True)
class AskedQuery:
    """The query for a question, the tables that were considered, the likeliest first, and what wasn't understood."""

    query: str
    table: str
    tables: tuple[ProposedTable, ...]
    tests: tuple[Test, ...]
    unused: tuple[str, ...]
    back: str = ""
    """How far it looks back, `7d`, where the question says so."""
    other: str = ""
    """The table that is joined with the first."""
    remark: str = ""
    """What of the question the query leaves out, or how else its answer is to be read."""


class Asking:
    """Makes queries of questions over some tables; known questions with their queries teach it words of this place."""

    def __init__(
        self, tables: Sequence[AskTable], known: Sequence[AnsweredQuestion] = (), keys: joining.Keys | None = None
    ) -> None:
        """`keys` are the columns by which tables can be joined."""
        self._keys = keys or {}
        self._tables = {t.name: t for t in tables}
        names = frozenset(self._tables)
        read = [(one, _parsed(one.query)) for one in known]
        votes = [
            KnownQuestion(one.question, named)
            for one, tree in read
            if (named := frozenset(n.name for n in every(tree) if isinstance(n, nodes.NameReference)) & names)
        ]
        described = [Described(t.name, t.description, tuple(t.columns), t.filled) for t in tables]
        self._search = TableSearch(described, votes)
        self._precedents = [p for one in known for p in _precedents(one.question, one.query, names)]

    @property
    def names(self) -> frozenset[str]:
        """The names of the tables."""
        return frozenset(self._tables)

    def shape(self, table: str) -> AskTable:
        """A table; `KeyError` where there is none of that name."""
        return self._tables[table]

    def tables(self, question: str) -> tuple[ProposedTable, ...]:
        """The tables that may answer a question, the likeliest first."""
        found = {one.table.name: one.score for one in self._search.find(question, 12)}
        best = max(found.values(), default=1.0)
        scores = {name: score / best for name, score in found.items()}
        for cue in knowledge().cues:
            if cue.said.search(question):
                for name in cue.tables:
                    if name in self._tables:
                        scores[name] = scores.get(name, 0.0) + cue.gain
        if knowledge().programs & set(re.findall(r"[a-z0-9]+", question.lower())):
            for name in _PROCESSES & self._tables.keys():
                scores[name] = scores.get(name, 0.0) + 0.3
        for name, table in self._tables.items():
            if is_named(name, question):
                scores[name] = scores.get(name, 0.0) + 2.0
            elif table.derived and name in scores:
                scores[name] *= _DERIVED
        asked = {said(w.lower()) for w in re.findall(r"[A-Za-z]+", question)}
        for name in scores:
            words = set(name_words(name)) - {"events", "info", "logs", "beta"}
            if words and words <= asked:
                scores[name] += 0.25
        order = sorted(scores.items(), key=lambda one: (-one[1], one[0]))[:MOST_TABLES]
        return tuple(ProposedTable(name, score / order[0][1]) for name, score in order if score > 0)

    def learn(self, table: str, values: Mapping[str, tuple[str, ...]]) -> None:
        """Know values that columns of a table have, besides what it says itself."""
        known = self._tables[table]
        self._tables[table] = replace(known, values={**known.values, **values})

    def ask(self, question: str, table: str = "") -> AskedQuery | None:
        """A query for a question, over that table or the likeliest, or over two; None where no table can answer."""
        if table:
            return self._over_one(question, table)
        if (found := self._over_two(question)) is not None:
            return found
        found = self._over_one(question)
        if found is None or not joining.means_two(question):
            return found
        alone = f"{_ALONE}: the query is over `{found.table}` alone"
        return replace(found, remark="; ".join(said for said in (alone, found.remark) if said))

    def _over_one(self, question: str, table: str = "") -> AskedQuery | None:
        asked = spoken(question)
        proposed = self.tables(question)
        chosen = self._tables.get(table) if table else self._likeliest(asked, proposed)
        if chosen is None:
            return None
        tests = Tests(chosen, self._precedents).find(asked)
        query, back = _written(chosen, asked, tests), asked.window.ago if asked.window else ""
        unused = _not_said(asked, tests, [chosen], _grouped(chosen, asked), query)
        return AskedQuery(query, chosen.name, proposed, tuple(tests), unused, back, remark=_limited(asked))

    def _over_two(self, question: str) -> AskedQuery | None:
        """A query for a question about rows of two tables; None where it isn't one, or can't be made one."""
        places = {name: at.start() for name in self._tables if (at := _named_at(name, question)) is not None}
        found = joining.halves(question, sorted(places, key=lambda name: places[name]))
        if found is None or joining.means_two(found.second) or (not found.names and joining.means_two(found.first)):
            return None
        whole, halves = spoken(question), (spoken(found.first), spoken(found.second))
        likely = [
            [name] if name else [one.name for one in self.tables(half)]
            for name, half in zip(found.names or ("", ""), (found.first, found.second), strict=True)
        ]
        pairs = list(joining.candidates(*likely))
        for names in pairs:
            tables = self._tables[names[0]], self._tables[names[1]]
            on = joining.keys(*tables, found, self._keys)
            tests = [Tests(t, self._precedents).find(half) for t, half in zip(tables, halves, strict=True)]
            if on is None or not all(t.time for t in tables):
                continue
            said_of_each = zip(names, tests, (found.first, found.second), strict=True)
            if not found.names and not all(test or self._is_meant(name, half) for name, test, half in said_of_each):
                continue
            if names[0] == names[1] and tests[0] == tests[1]:
                continue
            first, second = (
                _filtered(table, replace(half, window=half.window or whole.window), test)
                for table, half, test in zip(tables, halves, tests, strict=True)
            )
            made = joining.joined(first, second, on, found, (tables[0].time, tables[1].time))
            shown = 1 if found.how is joining.How.THEN else 0
            # `sign-ins by users who …` counts nothing by users.
            asked = replace(whole, by=(*halves[0].by, *halves[1].by))
            made += _shape(tables[shown], asked, tests[shown])
            both, query = (*tests[0], *tests[1]), "\n| ".join(made)
            unused = tuple(
                text
                for text in _not_said(whole, both, tables, _grouped(tables[shown], asked), query)
                if not joining.is_thing(text) and text != found.within[:-1]
            )
            pairs_come = "each pair of rows that lie so near comes once" if found.within else ""
            remark = "; ".join(said for said in (pairs_come, _limited(whole)) if said)
            proposed = tuple(ProposedTable(name, 1.0) for name in dict.fromkeys(names))
            back = whole.window.ago if whole.window else ""
            return AskedQuery(query, names[0], proposed, both, unused, back, names[1], remark)
        return None

    def _is_meant(self, table: str, half: str) -> bool:
        """Whether a half says nothing but that there are rows of a table: else a part of it would be left out."""
        words = set(name_words(table)) - {"events", "info", "logs", "beta"}
        spoken_words = {said(w.lower()) for w in re.findall(r"[A-Za-z]+", half)}
        if is_named(table, half) or (len(words) > 1 and words <= spoken_words):
            return True
        return joining.is_act_of(table, half)

    def _likeliest(self, asked: Spoken, proposed: Sequence[ProposedTable]) -> AskTable | None:
        """Of the tables that may answer the one that has columns for most values that the question spells out."""
        wanted = {v.text for v in asked.values if v.kind in _SURE}
        best, score = None, -1.0
        for one in proposed:
            table = self._tables[one.name]
            tests = Tests(table, self._precedents).find(asked) if wanted else []
            missed = len(wanted.intersection(_unused(asked, tests)))
            if one.score - _MISSED * missed > score:
                best, score = table, one.score - _MISSED * missed
        return best


def _named_at(table: str, question: str) -> re.Match[str] | None:
    # A name of one word is also a plain word, but as it is written.
    flags = re.IGNORECASE if len(name_words(table)) > 1 else re.NOFLAG
    return re.search(rf"\b{re.escape(table)}\b", question, flags)


def _limited(asked: Spoken) -> str:
    """That fewer rows come than were asked for, where that is so."""
    return f"{asked.most:,} rows are too many: {_MOST_ROWS:,} come" if (asked.most or 0) > _MOST_ROWS else ""


def _used(tests: Sequence[Test]) -> str:
    return " ".join(t.why for t in tests).lower()


def _unused(asked: Spoken, tests: Sequence[Test]) -> tuple[str, ...]:
    used = _used(tests)
    return tuple(v.text for v in asked.values if v.text.lower() not in used)


def _not_said(
    asked: Spoken, tests: Sequence[Test], tables: Sequence[AskTable], groups: Sequence[str], query: str
) -> tuple[str, ...]:
    """What of a question its query says nothing of: values, other times and numbers, words."""
    shown = {name.lower() for table in tables for name in (table.name, *table.columns)}
    values = (text for text in _unused(asked, tests) if text.lower() not in shown)
    words = left_over(asked, tests, tables, groups, counts="count" in query)
    return tuple(dict.fromkeys((*values, *asked.beyond, *words)))


# -- precedents -------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _parsed(query: str) -> nodes.Query | tuple[()]:
    try:
        return parse(query)
    except SourceError:
        return ()


@lru_cache(maxsize=4096)
def _precedents(question: str, query: str, names: frozenset[str]) -> tuple[Precedent, ...]:
    """What the values of a known question were compared with."""
    tree = _parsed(query)
    tables = [n.name for n in every(tree) if isinstance(n, nodes.NameReference) and n.name in names]
    if not tables:
        return ()
    compared: dict[str, str] = {}
    for filtered in (n for n in every(tree) if isinstance(n, FilterOperator)):
        for call in (n for n in every(filtered.predicates) if isinstance(n, nodes.FunctionCall)):
            if len(call.arguments) > 1 and isinstance(call.arguments[0], nodes.NameReference):
                for literal in (n for n in every(call.arguments[1:]) if isinstance(n, nodes.Literal)):
                    compared.setdefault(str(literal.value).lower(), call.arguments[0].name)
    return tuple(
        Precedent(tables[0], name, value.kind, frozenset((*value.before[:4], *value.after[:2])))
        for value in spoken(question).values
        if (name := compared.get(value.text.lower())) is not None
    )


# -- writing ----------------------------------------------------------------------


def _written(table: AskTable, asked: Spoken, tests: Sequence[Test]) -> str:
    return "\n| ".join([*_filtered(table, asked, tests), *_shape(table, asked, tests)])


def _filtered(table: AskTable, asked: Spoken, tests: Sequence[Test]) -> list[str]:
    steps = [column(table.name)]
    if asked.window is not None and table.time:
        steps.append(f"where {_bounded(_timed(table, asked.window), asked.window)}")
    return [*steps, *(f"where {_tested(test, table.columns)}" for test in tests)]


def _bounded(time: str, window: TimeWindow) -> str:
    if window.ago:
        return f"{time} > ago({window.ago})"
    if window.day == "today":
        return f"{time} >= startofday(now())"
    if window.day:
        return f"{time} between (startofday(ago(1d)) .. endofday(ago(1d)))"
    if window.since is not None and window.until is not None:
        return f"{time} between ({_moment(window.since)} .. {_moment(window.until)})"
    if window.since is not None:
        return f"{time} >= {_moment(window.since)}"
    assert window.until is not None
    return f"{time} < {_moment(window.until)}"


def _timed(table: AskTable, window: TimeWindow) -> str:
    """The column of the time that a window is of: that which is named before it, or the table's own."""
    for name, type in table.columns.items():
        words = set(name_words(name)) - {"utc"}
        if type is ScalarType.DATETIME and len(words) > 1 and words <= set(window.before):
            return column(name)
    return table.time


def _moment(at: datetime) -> str:
    return f"datetime({at:%Y-%m-%dT%H:%M:%SZ})" if at.hour or at.minute or at.second else f"datetime({at:%Y-%m-%d})"


def _tested(test: Test, columns: Mapping[str, ScalarType]) -> str:
    name, type = column(test.column), columns[test.column]
    if type is ScalarType.DYNAMIC:
        name = f"tostring({name})"
    texts = [v if isinstance(v, str) else str(v) for v in test.values]
    operator = test.operator
    if type not in (ScalarType.STRING, ScalarType.DYNAMIC):
        literals = [f"guid({t})" if type is ScalarType.GUID else t.lower() for t in texts]
        if operator in (">", ">=", "<", "<="):
            made = " or ".join(f"{name} {operator} {text}" for text in literals)
        else:
            made = f"{name} == {literals[0]}" if len(literals) == 1 else f"{name} in ({', '.join(literals)})"
        return f"not({made})" if test.denied != (operator == "!=") else made
    if len(texts) == 1:
        made = f"{name} {'=~' if operator == 'in~' else operator} {text_literal(texts[0])}"
    elif operator in ("contains", "has", "has_any", "startswith", "endswith", "matches regex"):
        if operator in ("has", "has_any"):
            made = f"{name} has_any ({', '.join(map(text_literal, texts))})"
        else:
            made = " or ".join(f"{name} {operator} {text_literal(t)}" for t in texts)
    else:
        made = f"{name} {'in' if operator == '==' else 'in~'} ({', '.join(map(text_literal, texts))})"
    return f"not({made})" if test.denied else made


def _shape(table: AskTable, asked: Spoken, tests: Sequence[Test]) -> list[str]:
    """How the answer is counted, cut, and put in order."""
    by = [column(name) for name in _grouped(table, asked)]
    if asked.every and table.time:
        by.append(f"bin({table.time}, {_EACH[asked.every]})")
    order = "asc" if asked.ascending and not asked.newest else "desc"
    if by and (asked.counted or asked.most or not asked.distinct):
        steps = [f"summarize Count = count() by {', '.join(by)}"]
        in_order = f"sort by {table.time} asc" if asked.every and table.time else "sort by Count desc"
        steps.append(f"top {min(asked.most, _MOST_ROWS)} by Count {order}" if asked.most else in_order)
        return steps
    if asked.counted and not asked.most:
        return ["count"]
    if asked.distinct and by:
        return [f"distinct {', '.join(by)}"]
    if asked.most is not None:
        number = min(asked.most, _MOST_ROWS)
        if table.time and (asked.newest or asked.window):
            return [f"top {number} by {table.time} {'desc' if asked.newest else order}"]
        return [f"take {number}"]
    return [f"sort by {table.time} desc"] if asked.newest and table.time else []


def _grouped(table: AskTable, asked: Spoken) -> list[str]:
    """The columns that the words after `by` name."""
    for words in asked.by:
        if found := _columns_named(table, words):
            return found
    return []


def _columns_named(table: AskTable, by: Sequence[str]) -> list[str]:
    found = []
    left = [said(w.lower()) for w in by]
    for name in sorted(table.columns, key=lambda c: (-len(name_words(c)), c)):
        words = name_words(name)
        if set(words) <= set(left):
            found.append(name)
            left = [w for w in left if w not in words]
    found = [name for name in found if table.columns[name] is not ScalarType.DYNAMIC]
    for word in left[:2] if not found else ():
        if meant := [c for c in knowledge().subjects.get(word, ()) if c in table.columns]:
            return meant[:1]
    if not found and left:
        meant = [c for c in table.columns if left[0] in name_words(c) and table.columns[c] is not ScalarType.DYNAMIC]
        found = sorted(meant, key=lambda c: (len(name_words(c)), "name" not in name_words(c), c))[:1]
    return found[:3]

"""Expressions made at random: the texts of KQL, each with what the reference says that it gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from operator import add, ge, gt, le, lt, mul, sub
from typing import Any

from hypothesis import strategies as st
from tests.kql.meaning import reference as r

Row = dict[str, Any]

COLUMNS = {
    "a": "long",
    "b": "long",
    "x": "real",
    "y": "real",
    "s": "string",
    "t": "string",
    "p": "bool",
    "u": "datetime",
    "v": "datetime",
    "w": "timespan",
    "d": "dynamic",
}
LETTERS = "aAbéÉ0 _.-%*'\"\\(ж"

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "long": st.none() | st.integers(-9, 9),
    "real": st.none() | st.integers(-20, 20).map(lambda n: n / 4),
    "string": st.text(LETTERS, max_size=4) | st.sampled_from(["12", "-7", "abc", "1.5", "true", "0", "a,b,,A"]),
    "bool": st.none() | st.booleans(),
    "datetime": st.none()
    | st.datetimes(datetime(1965, 1, 1), datetime(2035, 1, 1))
    | st.sampled_from([datetime(2024, 2, 29, 23, 59, 59, 999999), datetime(1999, 1, 3), datetime(2020, 12, 31, 12)]),
    "timespan": st.none() | st.sampled_from([0, r.SECOND, -r.HOUR, r.DAY, 3 * r.DAY + 12345670, 90 * r.MINUTE, -20]),
    "dynamic": st.sampled_from(
        [None, 5, -2, 1.5, True, "12", "abc", [1, "a", None], [], {"k": 3, "m": [2]}, {"k": "7"}]
    ),
}


@dataclass(frozen=True)
class Expression:
    """The text of an expression, and what it gives for a row; None is null."""

    text: str
    type: str
    of: Callable[[Row], Any]

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Rule:
    """A form of the language: the types of its parts, and what it makes of their values."""

    form: str
    parts: tuple[str, ...]
    meaning: Callable[..., Any]


def literal(value: Any, type_: str) -> str:
    """A literal as it stands in a `datatable`."""
    if value is None:
        return f"{type_}(null)"
    match type_:
        case "bool":
            return "true" if value else "false"
        case "string":
            return json.dumps(value, ensure_ascii=False)
        case "datetime":
            return f"datetime({value.isoformat(sep=' ', timespec='microseconds')})"
        case "timespan":
            return f"timespan({r.timespan_text(value)})"
        case "dynamic":
            return f"dynamic({json.dumps(value)})"
    return str(value)


def constant(value: Any, type_: str) -> Expression:
    text = literal(value, type_)
    return Expression(f"({text})" if text.startswith("-") else text, type_, lambda row: value)


def column(name: str) -> Expression:
    return Expression(name, COLUMNS[name], lambda row: row[name])


def call(rule: Rule, type_: str, parts: list[Expression]) -> Expression:
    text = rule.form.format(*parts)
    return Expression(text, type_, lambda row: rule.meaning(*(p.of(row) for p in parts)))


# -- the rules, by the type of what they give ----------------------------------------------

_plain = r.unless_null
_ORDERED = ("long", "real", "datetime", "timespan")
_ANY = (*_ORDERED, "string", "bool")


def _comparisons() -> list[Rule]:
    found = [Rule(f"({{0}} {sign} {{1}})", (t, t), how) for sign, how in _EQUALITIES.items() for t in _ANY]
    found += [Rule(f"({{0}} {sign} {{1}})", (t, t), how) for sign, how in _ORDERS.items() for t in _ORDERED]
    found += [Rule(f"({{0}} {sign} {{1}})", ("long", "real"), how) for sign, how in {**_EQUALITIES, **_ORDERS}.items()]
    for t in _ORDERED:
        found += [Rule("({0} between ({1} .. {2}))", (t, t, t), r.between)]
        found += [Rule("({0} !between ({1} .. {2}))", (t, t, t), r.not_between)]
    return found


_EQUALITIES: dict[str, Callable[..., Any]] = {"==": r.equal, "!=": r.different}
_ORDERS = {"<": _plain(lt), "<=": _plain(le), ">": _plain(gt), ">=": _plain(ge)}


def _texts() -> list[Rule]:
    operators: dict[str, Callable[[str, str], bool]] = {
        "contains": lambda s, t: t.lower() in s.lower(),
        "contains_cs": lambda s, t: t in s,
        "startswith": lambda s, t: s.lower().startswith(t.lower()),
        "startswith_cs": lambda s, t: s.startswith(t),
        "endswith": lambda s, t: s.lower().endswith(t.lower()),
        "endswith_cs": lambda s, t: s.endswith(t),
    }
    words: dict[str, Callable[[str, str], bool]] = {
        "has": r.has,
        "has_cs": r.has_cs,
        "hasprefix": r.term(before=True, after=False),
        "hasprefix_cs": r.term(before=True, after=False, cased=True),
        "hassuffix": r.term(before=False, after=True),
        "hassuffix_cs": r.term(before=False, after=True, cased=True),
    }
    found = []
    for part, how in ((("string", "string"), operators), (("string", "word"), words)):
        for name, operation in how.items():
            found.append(Rule(f"({{0}} {name} {{1}})", part, operation))
            found.append(Rule(f"({{0}} !{name} {{1}})", part, _opposite(operation)))
    return found


def _opposite(operation: Callable[..., bool]) -> Callable[..., bool]:
    return lambda *values: not operation(*values)


def _same(left: str, right: str) -> bool:
    return left.lower() == right.lower()


_UNITS = (*r.UNITS, *r.MONTHS)
_PERIODS = ("day", "week", "month", "year")

RULES: dict[str, list[Rule]] = {
    "bool": [
        *_comparisons(),
        *_texts(),
        Rule("({0} and {1})", ("bool", "bool"), r.both),
        Rule("({0} or {1})", ("bool", "bool"), r.either),
        Rule("not({0})", ("bool",), _plain(lambda x: not x)),
        *(Rule("isnull({0})", (t,), lambda x: x is None) for t in (*_ORDERED, "bool", "dynamic")),
        *(Rule("isnotnull({0})", (t,), lambda x: x is not None) for t in (*_ORDERED, "bool", "dynamic")),
        *(Rule("isempty({0})", (t,), lambda x: x is None or x == "") for t in _ANY),
        *(Rule("isnotempty({0})", (t,), lambda x: x is not None and x != "") for t in _ANY),
        Rule("({0} =~ {1})", ("string", "string"), _same),
        Rule("({0} !~ {1})", ("string", "string"), _opposite(_same)),
        Rule("({0} in ({1}, {2}))", ("long", "number", "number"), lambda x, *of: x in of),
        Rule("({0} !in ({1}, {2}))", ("long", "number", "number"), lambda x, *of: x not in of),
        Rule("({0} in ({1}, {2}))", ("string", "word", "word"), lambda x, *of: x in of),
        Rule("({0} in~ ({1}, {2}))", ("string", "word", "word"), lambda x, *of: any(_same(x, t) for t in of)),
        Rule("({0} !in~ ({1}, {2}))", ("string", "word", "word"), lambda x, *of: not any(_same(x, t) for t in of)),
        Rule("({0} has_any ({1}, {2}))", ("string", "word", "word"), lambda x, *of: any(r.has(x, t) for t in of)),
        Rule("({0} has_all ({1}, {2}))", ("string", "word", "word"), lambda x, *of: all(r.has(x, t) for t in of)),
        Rule("({0} matches regex {1})", ("string", "pattern"), lambda s, p: r.extract(f"({p})", 1, s) != ""),
        Rule("tobool({0})", ("string",), r.bool_of),
        Rule("tobool({0})", ("long",), _plain(bool)),
        Rule("isnan({0})", ("real",), _plain(lambda x: x != x)),
        Rule("isfinite({0})", ("real",), _plain(lambda x: x - x == 0)),
        Rule('bag_has_key({0}, "k")', ("dynamic",), lambda d: isinstance(d, dict) and "k" in d),
    ],
    "long": [
        Rule("({0} + {1})", ("long", "long"), _plain(add)),
        Rule("({0} - {1})", ("long", "long"), _plain(sub)),
        Rule("({0} * {1})", ("long", "number"), _plain(mul)),
        Rule("({0} / {1})", ("long", "long"), _plain(r.quotient)),
        Rule("({0} % {1})", ("long", "long"), _plain(r.remainder)),
        Rule("(-{0})", ("long",), _plain(lambda x: -x)),
        Rule("bin({0}, {1})", ("long", "size"), _plain(r.bin_of)),
        Rule("abs({0})", ("long",), _plain(abs)),
        Rule("strlen({0})", ("string",), len),
        Rule("string_size({0})", ("string",), lambda s: len(s.encode())),
        Rule("indexof({0}, {1})", ("string", "word"), lambda s, t: s.find(t)),
        Rule("countof({0}, {1})", ("string", "letter"), lambda s, t: s.count(t)),
        Rule("strcmp({0}, {1})", ("string", "string"), lambda s, t: (s > t) - (s < t)),
        Rule("tolong({0})", ("string",), r.long_of),
        Rule("tolong({0})", ("=real",), _plain(r.whole_of)),
        Rule("tolong({0})", ("bool",), _plain(int)),
        Rule("tolong({0})", ("dynamic",), r.long_in),
        Rule("tolong({0}.k)", ("dynamic",), lambda d: r.long_in(r.member(d, "k"))),
        Rule("(tolong({0}) % 1000)", ("timespan",), _plain(lambda w: w % 1000)),
        Rule("(tolong({0}) % 1000)", ("datetime",), _plain(lambda u: r.span(u, r.FIRST) % 1000)),
        Rule("array_length({0})", ("dynamic",), r.length_of),
        *(
            Rule(f'datetime_diff("{u}", {{0}}, {{1}})', ("datetime", "datetime"), _plain(partial(r.bounds_between, u)))
            for u in _UNITS
            if u not in ("second", "millisecond")
        ),
        *(
            Rule(f'tolong(datetime_part("{p}", {{0}}))', ("datetime",), _plain(partial(r.part_of, p)))
            for p in ("year", "quarter", "month", "week_of_year", "day", "dayofyear", "hour", "minute", "millisecond")
        ),
        Rule("tolong(hourofday({0}))", ("datetime",), _plain(lambda u: u.hour)),
        Rule("tolong(week_of_year({0}))", ("datetime",), _plain(lambda u: u.isocalendar().week)),
    ],
    "real": [
        Rule("({0} + {1})", ("real", "real"), _plain(add)),
        Rule("({0} - {1})", ("real", "long"), _plain(sub)),
        Rule("({0} * {1})", ("real", "real"), _plain(mul)),
        Rule("({0} / {1})", ("real", "real"), _plain(r.ratio)),
        Rule("todouble({0})", ("string",), r.real_of),
        Rule("todouble({0})", ("long",), _plain(float)),
        Rule("todouble({0})", ("dynamic",), r.real_in),
        Rule("bin({0}, 0.5)", ("real",), _plain(lambda x: x if x - x else x // 0.5 * 0.5)),
        Rule("({0} / {1})", ("timespan", "period"), _plain(lambda x, y: x / y)),
        Rule("abs({0})", ("real",), _plain(abs)),
    ],
    "string": [
        Rule("strcat({0}, {1})", ("string", "string"), add),
        Rule("strcat({0}, {1})", ("string", "long"), lambda s, n: s + r.text_of(n, "long")),
        Rule("tostring({0})", ("long",), lambda n: r.text_of(n, "long")),
        Rule("tostring({0})", ("=real",), lambda x: r.text_of(x, "real")),
        Rule("tostring({0})", ("datetime",), lambda u: r.text_of(u, "datetime")),
        Rule("tostring({0})", ("timespan",), lambda w: r.text_of(w, "timespan")),
        Rule("tostring({0})", ("dynamic",), lambda d: r.text_of(d, "dynamic")),
        Rule("tostring({0}.k)", ("dynamic",), lambda d: r.text_of(r.member(d, "k"), "dynamic")),
        Rule("tostring({0}[1])", ("dynamic",), lambda d: r.text_of(r.item(d, 1), "dynamic")),
        Rule("gettype({0})", ("dynamic",), r.kind_of),
        Rule("substring({0}, {1}, 2)", ("string", "place"), lambda s, n: r.substring(s, n, 2)),
        Rule('replace_string({0}, "a", "xx")', ("string",), lambda s: s.replace("a", "xx")),
        Rule("reverse({0})", ("string",), lambda s: s[::-1]),
        Rule("toupper({0})", ("string",), str.upper),
        Rule("tolower({0})", ("string",), str.lower),
        Rule('trim(@"[ _]+", {0})', ("string",), lambda s: s.strip(" _")),
        Rule('trim_start("a", {0})', ("string",), lambda s: s[1:] if s.startswith("a") else s),
        Rule("strrep({0}, 2)", ("string",), lambda s: s * 2),
        Rule('tostring(split({0}, ",")[1])', ("string",), lambda s: r.piece(s, ",", 1)),
        Rule('strcat_array(split({0}, "a"), "-")', ("string",), lambda s: s.replace("a", "-")),
        Rule("extract({0}, 0, {1})", ("pattern", "string"), lambda p, s: r.extract(p, 0, s)),
        Rule("base64_encode_tostring({0})", ("string",), r.encoded),
        Rule("base64_decode_tostring(base64_encode_tostring({0}))", ("string",), lambda s: s),
        Rule("url_decode(url_encode_component({0}))", ("string",), lambda s: s),
        Rule('format_datetime({0}, "yyyy-MM-dd HH:mm")', ("datetime",), lambda u: f"{u:%Y-%m-%d %H:%M}" if u else ""),
    ],
    "datetime": [
        Rule("({0} + {1})", ("datetime", "timespan"), _plain(r.shifted)),
        Rule("({0} - {1})", ("datetime", "timespan"), _plain(lambda u, w: r.shifted(u, -(w // 10 * 10)))),
        Rule("bin({0}, {1})", ("datetime", "period"), _plain(r.bin_of_time)),
        *(Rule(f"startof{p}({{0}})", ("datetime",), _plain(partial(r.start_of, p))) for p in _PERIODS),
        *(Rule(f"startof{p}({{0}}, {{1}})", ("datetime", "number"), _plain(partial(r.start_of, p))) for p in _PERIODS),
        *(Rule(f"endof{p}({{0}}, {{1}})", ("datetime", "number"), _plain(partial(r.end_of, p))) for p in _PERIODS),
        *(
            Rule(f'datetime_add("{u}", {{0}}, {{1}})', ("number", "datetime"), _plain(partial(r.added, u)))
            for u in _UNITS
        ),
        Rule("todatetime(tostring({0}))", ("datetime",), lambda u: u),
        Rule("make_datetime(2024, {0}, {1})", ("long", "long"), _plain(lambda m, d: r.made(2024, m, d))),
        Rule("unixtime_seconds_todatetime({0})", ("long",), _plain(lambda n: r.EPOCH + timedelta(seconds=n))),
    ],
    "timespan": [
        Rule("({0} + {1})", ("timespan", "timespan"), _plain(add)),
        Rule("({0} - {1})", ("timespan", "timespan"), _plain(sub)),
        Rule("({0} - {1})", ("datetime", "datetime"), _plain(r.span)),
        Rule("({0} * {1})", ("timespan", "number"), _plain(mul)),
        Rule("bin({0}, {1})", ("timespan", "period"), _plain(r.bin_of)),
        Rule("(-{0})", ("timespan",), _plain(lambda w: -w)),
        Rule("totimespan(tostring({0}))", ("timespan",), lambda w: w),
        Rule("dayofweek({0})", ("datetime",), _plain(lambda u: u.isoweekday() % 7 * r.DAY)),
    ],
    "dynamic": [
        Rule("{0}.k", ("dynamic",), lambda d: r.member(d, "k")),
        Rule('{0}["m"]', ("dynamic",), lambda d: r.member(d, "m")),
        Rule("{0}[0]", ("dynamic",), lambda d: r.item(d, 0)),
        Rule("pack_array({0}, {1})[1]", ("long", "string"), lambda n, s: s),
        Rule('bag_pack("k", {0})', ("long",), lambda n: {"k": n}),
    ],
}
"""What the language has, by what it gives. `=real` is a part that is a column or a literal."""


for _type in _ANY:
    RULES[_type] += [
        Rule("iff({0}, {1}, {2})", ("bool", _type, _type), lambda p, x, y: x if p else y),
        Rule("case({0}, {1}, {2}, {3}, {4})", ("bool", _type, "bool", _type, _type), r.case),
        Rule("coalesce({0}, {1})", (_type, _type), lambda x, y: y if x is None or x == "" else x),
    ]

CONSTANTS: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "number": ("long", st.integers(-9, 9)),
    "size": ("long", st.integers(1, 5)),
    "place": ("long", st.integers(-3, 4)),
    "word": ("string", st.text("aAbéж0", min_size=1, max_size=2)),
    "letter": ("string", st.sampled_from("aAé0")),
    "pattern": ("string", st.sampled_from(["^a", "[0-9]+", "(a|b)_?", "é."])),
    "period": ("timespan", st.sampled_from([r.DAY, r.HOUR, 7 * r.DAY, 90 * r.MINUTE, r.SECOND])),
}
"""Parts that are always literals."""


@st.composite
def expressions(draw: st.DrawFn, type_: str, depth: int = 3) -> Expression:
    """An expression of a type; `depth` is how far its parts may nest."""
    if type_ in CONSTANTS:
        kind, values = CONSTANTS[type_]
        return constant(draw(values), kind)
    if depth == 0 or type_.startswith("=") or draw(st.integers(0, 4)) == 0:
        kind = type_.removeprefix("=")
        names = [n for n, t in COLUMNS.items() if t == kind]
        return draw(st.sampled_from(names).map(column) | VALUES[kind].map(lambda v: constant(v, kind)))
    rule = draw(st.sampled_from(RULES[type_]))
    return call(rule, type_, [draw(expressions(p, depth - 1)) for p in rule.parts])


ROWS = st.lists(st.fixed_dictionaries({n: VALUES[t] for n, t in COLUMNS.items()}), min_size=3, max_size=3)


def table_of(rows: list[Row]) -> str:
    """The rows as a `datatable`, with a column `id` that counts them."""
    declared = ", ".join(f"{n}: {t}" for n, t in {"id": "long", **COLUMNS}.items())
    cells = [", ".join([str(i), *(literal(row[n], t) for n, t in COLUMNS.items())]) for i, row in enumerate(rows)]
    return f"datatable({declared}) [{', '.join(cells)}]"

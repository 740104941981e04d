"""`T | parse-kv expression as (key:type, …) [with (pair_delimiter=…, kv_delimiter=…, quote=…, …)]`"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import NoReturn

from huntlake.core.diagnostics import Span
from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.conversions import convert, convertible
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import ScalarType

_OPTIONS = ("pair_delimiter", "kv_delimiter", "quote", "escape", "greedy", "regex")


@dataclass(frozen=True)
class Option(nodes.Node):
    """One setting; `quote` and `escape` may stand several times."""

    name: str
    value: nodes.Expression

    @classmethod
    def parse(cls, p: Parser) -> Option:
        start = p.name()
        if start.text not in _OPTIONS:
            p.fail("SYN0002", f"`{start.text}` is no setting of `parse-kv`", p.since(start), help=", ".join(_OPTIONS))
        p.expect("=")
        return cls(start.text, p.expression(), span=p.since(start))


@dataclass(frozen=True)
class ParseKvOperator(Operator):
    """Columns for the values that stand beside keys in a text; a key that isn't there gives a null or empty one."""

    expression: nodes.Expression
    keys: tuple[nodes.ColumnDeclaration, ...]
    options: tuple[Option, ...]

    @classmethod
    def parse(cls, p: Parser) -> ParseKvOperator:
        start = p.previous
        expression = p.expression()
        p.expect("as")
        p.expect("(")
        keys = p.list_of(p.column_declaration)
        p.expect(")")
        options: tuple[Option, ...] = ()
        if p.take("with"):
            p.expect("(")
            if not p.at(")"):
                options = p.list_of(lambda: Option.parse(p))
            p.expect(")")
        return cls(expression, keys, options, span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        text = b.scalar(self.expression, input)
        if not convertible(text.type, ScalarType.STRING):
            b.expected(ScalarType.STRING, text.type, self.expression.span)
        text = convert(text, ScalarType.STRING)
        given = {o.name: o for o in self.options}
        regex = given.pop("regex", None)
        if regex is None:
            rules = plan.Literal(self._rules(given, b), ScalarType.STRING)
            bag = b.call("* parse-kv", (text, rules), self.span)
            values = [convert(plan.DynamicPath(bag, (k.name,)), ScalarType.STRING) for k in self.keys]
        else:
            if given:
                b.fail("SEM0001", "beside `regex` no other setting has a meaning", next(iter(given.values())).span)
            pattern = self._regex(regex, b)
            pairs = b.call("extract_all", (pattern, text), regex.span)
            values = [
                b.call("* parse-kv key", (pairs, plan.Literal(k.name, ScalarType.STRING)), self.span) for k in self.keys
            ]
        outputs = {n: plan.Output(n, c) for n, c in b.columns_of(input).items()}
        outputs |= {k.name: plan.Output(k.name, convert(v, k.type)) for k, v in zip(self.keys, values, strict=True)}
        return plan.Project(input, tuple(outputs.values()))

    def _rules(self, given: dict[str, Option], b: Binder) -> str:
        pair, between = (self._text(given.get(n), b) for n in ("pair_delimiter", "kv_delimiter"))
        if (pair is None) != (between is None):
            b.fail("SEM0001", "`pair_delimiter` and `kv_delimiter` are given together", self.span)
        quotes = [self._text(o, b, 2) for o in self.options if o.name == "quote"]
        escapes = [self._text(o, b, 1) for o in self.options if o.name == "escape"]
        greedy = "greedy" in given and bool(b.constant(given["greedy"].value).value)
        if greedy and pair is None:
            b.fail("SEM0001", "`greedy` needs a `pair_delimiter` and a `kv_delimiter`", given["greedy"].span)
        rules = {
            "keys": [k.name for k in self.keys],
            "pair": pair,
            "between": between,
            "quotes": quotes,
            "escapes": escapes,
            "greedy": greedy,
        }
        return json.dumps(rules)

    def _text(self, option: Option | None, b: Binder, longest: int | None = None) -> str | None:
        if option is None:
            return None
        text = b.constant_text(option.value)
        if not text or (longest is not None and len(text) > longest):
            count = "one character" if longest == 1 else "one or two characters" if longest else "a text"
            b.fail("SEM0001", f"`{option.name}` is {count}", option.span)
        return text

    def _regex(self, option: Option, b: Binder) -> plan.Literal:
        text = b.constant_text(option.value)
        try:
            groups = re.compile(text).groups
        except re.error:
            self._bad(option.span, b)
        if groups != 2:
            self._bad(option.span, b)
        return plan.Literal(text, ScalarType.STRING)

    def _bad(self, span: Span, b: Binder) -> NoReturn:
        b.fail("SEM0001", "`regex` is a regular expression with two groups: of the key, and of the value", span)

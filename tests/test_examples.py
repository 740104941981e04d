"""Every `>>>` of every function and aggregate: the expression has the value that stands below it.

All examples of one module are asked in one query, which is quick; only if that fails, one by one.
"""

import re

import pytest
from tests import pages

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.kql.aggregates import AGGREGATES
from huntlake.kql.functions import FUNCTIONS
from huntlake.kql.symbols import Function, Kind

SYMBOLS = {**FUNCTIONS, **AGGREGATES}


def _family(function: Function) -> str:
    return function.signatures[0].body.__module__.rpartition(".")[2]


FAMILIES = sorted({_family(f) for f in SYMBOLS.values()})


@pytest.mark.parametrize("family", FAMILIES)
def test_the_examples_hold(family: str) -> None:
    functions = {f.name: f for f in SYMBOLS.values() if _family(f) == family}
    examples = [(f, call, value) for f in functions.values() for call, value in f.examples]
    if not examples:
        return
    asked = "; ".join(_query(*e) for e in examples)
    try:
        found = pages.values(asked)
    except (SourceError, DomainError):
        found = [_alone(*e) for e in examples]
    wrong = [
        f"{call} is {_told(got[:1])}, not {_told(got[1:])}"
        for (_, call, value), got in zip(examples, found, strict=True)
        if len(got) != 2 or got[0] != got[1]
    ]
    assert not wrong, "\n".join(wrong)


def test_every_function_shows_an_example_or_is_asked_on_a_page() -> None:
    asked = set(re.findall(r"\w+", " ".join(c.kql for c in pages.CASES)))
    silent = {
        f.name
        for f in SYMBOLS.values()
        if f.name.isidentifier() and not f.examples and not {f.name, *f.aliases} & asked
    }
    assert silent <= WITHOUT, f"these are shown nowhere: {sorted(silent - WITHOUT)}"


WITHOUT = {"rand", "new_guid"}
"""Their value is another at every call."""


def _query(function: Function, call: str, value: str) -> str:
    if function.kind is Kind.AGGREGATE:
        return f"print _ = 1 | summarize a_ = {call}, b_ = take_any({value})"
    if value.startswith("("):
        # Several columns, which the text shows as a list.
        names = ", ".join(f"c{i}_" for i in range(value.count(", ") + 1))
        return f"print ({names}) = {call} | project a_ = pack_array({names}), b_ = pack_array{value}"
    return f"print a_ = {call}, b_ = {value}"


def _alone(function: Function, call: str, value: str) -> list[object]:
    try:
        return pages.values(_query(function, call, value))[0]
    except (SourceError, DomainError) as error:
        return [str(error)]


def _told(values: list[object]) -> str:
    return ", ".join(map(str, values)) or "nothing"

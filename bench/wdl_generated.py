"""A million generated expressions: none crashes, and none takes 100 ms of processor time."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable
from time import process_time

from tests.wdl.scope import evaluator

from bench import figures
from huntlake.core.diagnostics import SourceError
from huntlake.wdl.expressions.evaluator import Evaluator
from huntlake.wdl.expressions.symbols import Function
from huntlake.wdl.expressions.values import json_text, text
from huntlake.wdl.functions import FUNCTIONS

COUNT = int(os.environ.get("HUNTLAKE_EXPRESSIONS", "1000000"))
SLOWEST = 100.0
BODY = {
    "properties": {"title": "Malware on HR-7", "severity": "High", "count": 3, "tags": ["a", "B", None, 1.5]},
    "Entities": [{"kind": "Host", "HostName": f"host{i}", "Score": i / 3} for i in range(50)],
    "text": "ünï → 😀 " * 200,
}
_TEXTS = (
    "", "a", "abc,def", "HELLO", "ünï😀", "2026-03-04T05:06:07Z", "03/15/2018 12:00", "yyyy-MM-dd", "o", "10", "-1.5",
    "1,000", "nan", "{\"a\":[1,{\"b\":null}]}", "[1,2,3]", "<a b=\"c\"><d/>e</a>", "/a/*[position()<3]", "//node()//@*",
    "aGVsbG8=", "data:text/plain;base64,aGVsbG8=", "https://u@h:81/p?q#f", "Pacific Standard Time", "day", "D", "N0",
    "#,##0.00;(0)", "%41%zz", "\ud800", "x" * 500, "ab" * 5000, "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
)  # fmt: skip
_NUMBERS = ("0", "1", "-1", "2", "7", "100", "100000", "9223372036854775807", "1e308", "1.5", "-.5", "3e-9")
_SCOPED = ("triggerBody()", "body('A')", "variables('v')", "parameters('p')", "item()", "outputs('A')", "workflow()")
_SCRAPS = ("@", "@{", "}", "'", "''", "(", ")", "?", ".", "[", "]", ",", "\\", "\0", "\n", "é", "1e", "--", '"', "@@")


def generated(dice: random.Random, functions: list[Function]) -> str:
    """One expression, which may be right, wrong, or no expression at all."""
    made = _expression(dice, functions, dice.choice((1, 2, 2, 3, 3, 4, 6)))
    shape = dice.random()
    if shape < 0.6:
        made = f"@{made}"
    elif shape < 0.9:
        made = f"{dice.choice(_TEXTS)[:20]}@{{{made}}}{dice.choice(('', 'x', '@@{', '@{1}'))}"
    else:
        made = f"@{dice.choice(('', '@', '{'))}{made}"
    if dice.random() < 0.15:
        at = dice.randrange(len(made) + 1)
        made = made[:at] + dice.choice(_SCRAPS) + made[at + dice.randrange(3) :]
    if dice.random() < 0.002:
        made = "@" + dice.choice(("string(", "f(", "if(true,")) * dice.choice((10, 63, 64, 5000)) + made
    return made


def _expression(dice: random.Random, functions: list[Function], depth: int) -> str:
    kind = dice.random()
    if depth == 0 or kind < 0.15:
        match dice.randrange(5):
            case 0 | 1:
                return "'" + dice.choice(_TEXTS).replace("'", "''") + "'"
            case 2:
                return dice.choice(_NUMBERS)
            case 3:
                return dice.choice(_SCOPED)
        return dice.choice(("true", "false", "null", "createArray()", 'json(\'{"a":{"b":[1,2]}}\')'))
    if kind < 0.25:
        step = dice.choice(("['a']", ".a", "[0]", "[-1]", ".Entities", "['text']", f"[{dice.choice(_NUMBERS)}]"))
        return _expression(dice, functions, depth - 1) + dice.choice(("", "?")) + step
    function = dice.choice(functions)
    arguments: list[str] = []
    for parameter in function.parameters:
        if parameter.optional and dice.random() < 0.5:
            break
        for _ in range(dice.randrange(4) if parameter.repeats else 1):
            arguments.append(_fitting(dice, functions, depth, parameter.accepts.kinds))
    if dice.random() < 0.03:
        arguments.append("1")
    name = function.name if dice.random() < 0.9 else function.name.upper()
    return f"{name}({', '.join(arguments)})"


def _fitting(dice: random.Random, functions: list[Function], depth: int, kinds: frozenset[str]) -> str:
    if dice.random() < 0.3:
        return _expression(dice, functions, depth - 1)
    match sorted(kinds):
        case ["string"]:
            inner = dice.random() < 0.5
            return f"string({_expression(dice, functions, depth - 1)})" if inner else repr_of(dice.choice(_TEXTS))
        case ["integer"] | ["decimal", "float", "integer"]:
            return dice.choice(_NUMBERS)
        case ["boolean"]:
            return dice.choice(("true", "false", "equals(1,1.0)"))
        case ["array"]:
            return dice.choice(("range(0, 1000)", "createArray(1,'a',null)", "split('a,b',',')", "body('A').Entities"))
        case ["object"]:
            return dice.choice(("json('{\"a\":1}')", "xml('<a><b>1</b><b/></a>')", "triggerBody()"))
    return _expression(dice, functions, depth - 1)


def repr_of(characters: str) -> str:
    """The characters as the language writes a text."""
    return "'" + characters.replace("'", "''") + "'"


def slowest(count: int, seed: int, tell: Callable[[str], None] = print) -> tuple[float, int]:
    """The processor time in milliseconds of the slowest of so many expressions, and how many crashed."""
    dice = random.Random(seed)
    functions = sorted({f.name: f for f in FUNCTIONS.values()}.values(), key=lambda f: f.name)
    known: Evaluator = evaluator(
        trigger={"outputs": {"body": BODY}}, actions={"A": {"outputs": {"body": BODY}}}, items={"": BODY["Entities"]},
        variables={"v": "x" * 1000}, parameters={"p": list(range(500))},
    )  # fmt: skip
    worst, crashed = 0.0, 0
    for _ in range(count):
        asked = generated(dice, functions)
        start = process_time()
        try:
            json_text(text(known.text(asked)))
        except SourceError:
            pass
        except Exception as error:
            crashed += 1
            tell(f"CRASH {type(error).__name__}: {error}: {asked[:300]!r}")
        taken = 1000 * (process_time() - start)
        if taken > worst:
            # What is loaded once, or collected as garbage, is none of the expression's: the second time tells.
            start = process_time()
            with contextlib.suppress(SourceError):
                known.text(asked)
            taken = min(taken, 1000 * (process_time() - start))
        if taken > worst:
            worst = taken
            tell(f"{worst:.1f} ms: {asked[:300]!r}")
    return worst, crashed


def main() -> None:
    worst, crashed = slowest(COUNT, seed=7)
    unit = f"ms of processor time is the most that one of {COUNT:,} generated expressions takes; {crashed} crash"
    met = worst < SLOWEST and not crashed and COUNT >= 1_000_000
    figures.write("playbooks.4", worst, unit, f"< {SLOWEST:g}, 0 crash", met, by="python -m bench wdl_generated")


if __name__ == "__main__":
    main()

"""A million generated expressions: none crashes, and none takes 100 ms of processor time. Escapes: all are refused.

Three kinds are mixed: out of the grammar, with arguments that mostly fit; known ones, cut up and put together again;
and hungry ones, which ask for as much work as they may.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from time import process_time

from tests.wdl.scope import evaluator

from bench import figures
from huntlake.core.diagnostics import SourceError
from huntlake.wdl.expressions.evaluator import Evaluator
from huntlake.wdl.expressions.symbols import Function
from huntlake.wdl.expressions.values import Fault, json_text, text
from huntlake.wdl.functions import FUNCTIONS

COUNT = int(os.environ.get("HUNTLAKE_EXPRESSIONS", "1000000"))
SLOWEST = 100.0
"""Milliseconds of processor time."""
ESCAPES = Path(__file__).parent.parent / "tests" / "wdl" / "escapes.md"
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


_HUNGRY = (
    "range(0, 100000)", "string(range(0, 60000))", "variables('v')", "body('A').Entities", "triggerBody()",
    "split(variables('v'), 'x')", "string(body('A'))", "xml(json(concat('{\"a\":', string(body('A')), '}')))",
    "parameters('p')", "chunk(variables('v'), 1)", "json(string(range(0, 50000)))", "base64(string(range(0, 50000)))",
    "variables('long')", "split(variables('long'), ',')", "uriComponent(variables('long'))", "variables('many')",
)  # fmt: skip
"""What is large already: whatever is asked of it costs something."""


def generated(dice: random.Random, functions: list[Function], known: list[str]) -> str:
    """One expression, which may be right, wrong, or no expression at all."""
    kind = dice.random()
    if kind < 0.05:
        return "@" + _hungry(dice, functions, dice.choice((1, 1, 2, 3)))
    if kind < 0.3:
        return _mutated(dice, known)
    return _grown(dice, functions)


def _hungry(dice: random.Random, functions: list[Function], depth: int) -> str:
    if depth == 0:
        return dice.choice(_HUNGRY)
    function = dice.choice(functions)
    arguments: list[str] = []
    for parameter in function.parameters:
        if parameter.optional and dice.random() < 0.3:
            break
        for _ in range(dice.randrange(1, 4) if parameter.repeats else 1):
            if parameter.accepts.kinds & {"string", "array", "object", "lazy"} and dice.random() < 0.75:
                arguments.append(_hungry(dice, functions, depth - 1))
            else:
                arguments.append(_fitting(dice, functions, 1, parameter.accepts.kinds))
    return f"{function.name}({', '.join(arguments)})"


def _mutated(dice: random.Random, known: list[str]) -> str:
    made = dice.choice(known)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        at, to = sorted((dice.randrange(len(made) + 1), dice.randrange(len(made) + 1)))
        match dice.randrange(6):
            case 0:
                made = made[:at] + made[min(to, at + 4) :]
            case 1:
                made = made[:at] + dice.choice(_SCRAPS) + made[at:]
            case 2:
                made = made[:to] + made[at:to] + made[to:]
            case 3:
                other = dice.choice(known)
                made = made[:at] + other[dice.randrange(len(other) + 1) :]
            case 4:
                made = made[:at] + chr(dice.choice((0, 9, 39, 64, 123, 8217, 0xD800, 0x1F600))) + made[at + 1 :]
            case 5:
                made = re.sub(r"\d+", lambda _: dice.choice(_NUMBERS), made, count=1)
        made = made[:4000]
    return made


def known_expressions(functions: list[Function]) -> list[str]:
    """The examples of all functions, and every escape that is listed."""
    examples = [f"@{asked}" for f in functions for asked, _ in f.examples]
    return examples + [f"x @{{{e[1:]}}} y" for e in examples[::3]] + escapes("Refused") + escapes("Text")


def escapes(heading: str) -> list[str]:
    """The expressions that stand under a heading of the list of escapes."""
    part = ESCAPES.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    return [a or b for a, b in re.findall(r"^- (?:`` (.+) ``|`([^`]+)`)$", part, re.MULTILINE)]


def values() -> list[tuple[str, str]]:
    """The expressions whose values look like expressions, each with its value."""
    part = ESCAPES.read_text(encoding="utf-8").split("## Not evaluated again\n")[1]
    return re.findall(r"^- `([^`]+)` is `([^`]+)`$", part, re.MULTILINE)


def refused() -> tuple[int, list[str]]:
    """How many escapes there are, and those that get out: that aren't refused, or aren't text where they must be."""
    known = evaluator(trigger={"outputs": {"body": BODY}})
    out = []
    for asked in escapes("Refused"):
        with contextlib.suppress(SourceError):
            known.text(asked)
            out.append(asked)
    for asked in escapes("Text"):
        try:
            if known.text(asked) != asked:
                out.append(asked)
        except SourceError:
            out.append(asked)
    return len(escapes("Refused")) + len(escapes("Text")), out


def _grown(dice: random.Random, functions: list[Function]) -> str:
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
        variables={"v": "x" * 1000, "long": "Ünï,code 😀;" * 10_000, "many": [{"a": i} for i in range(20_000)]},
        parameters={"p": list(range(500))},
    )  # fmt: skip
    seeds = known_expressions(functions)
    worst, crashed = 0.0, 0
    for _ in range(count):
        asked = generated(dice, functions, seeds)
        start = process_time()
        try:
            made = known.text(asked)
            taken = 1000 * (process_time() - start)
            json_text(text(made))
        except (SourceError, Fault):
            taken = 1000 * (process_time() - start)
        except Exception as error:
            taken = 1000 * (process_time() - start)
            crashed += 1
            tell(f"CRASH {type(error).__name__}: {error}: {asked[:300]!r}")
        if taken > worst:
            # What is loaded once, or collected as garbage, is none of the expression's: the second time tells.
            start = process_time()
            with contextlib.suppress(SourceError, Fault):
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
    by = "make playbook-expressions"
    figures.write("playbooks.4", worst, unit, f"< {SLOWEST:g}, 0 crash", met, by=by)
    count, out = refused()
    for asked in out:
        print(f"ESCAPED: {asked}")
    share = 100 * (1 - len(out) / count)
    figures.write("playbooks.4b", share, f"% of {count} escapes are refused, or stay text", "100", not out, by=by)


if __name__ == "__main__":
    main()

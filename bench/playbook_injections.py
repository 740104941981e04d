"""500 texts that would change a query, through every field of an incident into the queries of the sample playbooks.

Sent as parameters they leave each query's syntax tree as it is, and arrive unchanged. The same playbooks with the
values put into the text are what the linter must tell of, every one.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import huntlake
from bench import figures
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import LimitExceeded
from huntlake.kql.compiler import parse
from huntlake.kql.syntax.literals import whole
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.linting.linter import lint
from huntlake.playbooks.samples import Sample, samples
from huntlake.playbooks.testing import payloads
from huntlake.playbooks.testing.mocks import Mock, Mocks, Pattern, Which
from huntlake.playbooks.testing.world import Prompt, SimulatedWorld, play
from huntlake.state.records import Author
from huntlake.wdl.definition.reading import read
from huntlake.wdl.definition.workflow import Definition, TriggerType
from huntlake.wdl.runner.effects import Answer

COUNT = 500
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HARMLESS = "hr-7"
_ENDS = (
    "'", '"', "')", '")', "'])", '"])', "''", "\\'", "\\\\'", "```", "~~~", "\u2019", "\u201d", "\uff07", "\u02bc",
    "'\n", "'\r\n", "",
)  # fmt: skip
"""What may end the text in which a value stands."""
_DEEDS = (
    " | take 0", " | where true", " or 1 == 1", " or true //", " and false", " | union SecurityEvent",
    "; SecurityEvent",
    " | project Secret = *", " | extend a = 1", " | invoke f()", " | evaluate bag_unpack(x)", " | render table",
    "; let x = 1; T", "; set notruncation; T", "; .drop table T", "\n.drop table SecurityEvent\n", "\n.set x <| T\n",
    " | join kind=fullouter (SigninLogs) on $left.a == $right.b", " | mv-expand range(0, 1000000)",
    "; declare query_parameters(y:string = 'a'); T", "; restrict access to (T); T", " | as hint.materialized=true Y",
    " | externaldata (a:string) [h@'https://203.0.113.9/a.csv']", " in (SigninLogs | distinct UserPrincipalName)",
    " =~ ''", " matches regex '.*'", " | where a == @'x", " | where a == h'x", " | where a == h@\"x",
    "//", "/* */", "\t|\ttake\t1",
    "}', parameters('p'), '@{", "@{parameters('ClientSecret')}", "\", \"parameters\": {\"host\": \"x",
    "%27%20or%201%3D%3D1",
    "&#39; or 1==1", "\\u0027 or 1 == 1", "\x00 | take 1", "\u202e | take 1", "\u2028| take 1",
    "\ud800 | take 1", " == dynamic([])",
)  # fmt: skip
"""What then would be done."""
_TAILS = ("", " //", "\n//", " and '' == '", " | where '' == '", "; print '", ' or "" == "', "`", "'", '"', ")")
"""What makes the rest fit again."""


def injections(count: int = COUNT, seed: int = 5) -> list[str]:
    """So many texts, each another one, of every class; some are long."""
    dice = random.Random(seed)
    made = dict.fromkeys(f"{end}{deed}" for end in ("'", '"') for deed in _DEEDS)
    while len(made) < count:
        start = dice.choice(("", "a", HARMLESS, "jdoe@contoso.example", "x" * dice.choice((1, 300, 5000))))
        made[start + dice.choice(_ENDS) + dice.choice(_DEEDS) + dice.choice(_TAILS)] = None
    return list(made)[:count]


@dataclass(frozen=True)
class Query:
    """A query that a playbook asked: of which action, its text, and the values beside it."""

    action: str
    text: str
    values: Mapping[str, Any]


def asked(sample: Sample, definition: Definition, text: str) -> list[Query]:
    """What a sample asks that is set off by something full of that text."""
    found = Answer(body={"value": [{"SearchKey": text}], "Results": [], "id": "1", "status": "Succeeded"})
    frames = Answer(body=[{"FrameType": "DataTable", "TableKind": "PrimaryResult", "Rows": []}])
    mocks = Mocks([Mock(Which(0, Pattern("POST *")), [frames]), Mock(Which(0, Pattern("*")), [found])])
    sentinel = Mocks([Mock(Which(0, Pattern("[none]")), [found])])

    class Caller:
        def call(self, context: RunContext, call: Any, connections: Any) -> Any:
            inner = sentinel if "/entities/" in str(call.inputs) else mocks
            return inner.call(context, call, connections)

    context = RunContext("main", sample.name, "run", Author(), NOW)
    script = Prompt(Answer(body={"SelectedOption": "Leave"}))
    world = SimulatedWorld(Caller(), context, sample.parameters.get("$connections"), script=script)
    play(definition, {"body": _body(definition, text)}, world, sample.parameters)
    made = []
    for one in world.made:
        body = one.call.inputs.get("body") if isinstance(one.call.inputs, dict) else None
        if isinstance(body, dict):
            query = next((body[k] for k in ("query", "Query", "csl") if k in body), None)
            values = body.get("parameters") or body.get("properties", {}).get("Parameters") or {}
            if query is not None:
                made.append(Query(one.call.action.name, query, values))
    return made


def _body(definition: Definition, text: str) -> Any:
    entities = [
        {"kind": "Account", "Name": text, "UPNSuffix": text},
        {"kind": "Host", "HostName": text, "DnsDomain": text, "MdatpDeviceId": text},
        {"kind": "IP", "Address": text},
        {"kind": "FileHash", "Algorithm": "SHA256", "Value": text},
        {"kind": "URL", "Url": text},
    ]
    trigger = definition.triggers[0]
    if trigger.type is TriggerType.REQUEST:
        return {"address": text}
    if "entity" in str(trigger.inputs):
        return payloads.entity(entities[0], 1)
    given = {"title": text, "description": text, "labels": [text], "entities": entities, "alerts": [{"title": text}]}
    return payloads.incident(given, NOW)


def plain(node: Any) -> Any:
    """A syntax tree without the places of its parts."""
    if is_dataclass(node):
        return type(node).__name__, [(f.name, plain(getattr(node, f.name))) for f in fields(node) if f.name != "span"]
    if isinstance(node, tuple | list):
        return [plain(n) for n in node]
    if isinstance(node, Mapping):
        return {k: plain(v) for k, v in node.items()}
    return node


def changed(count: int = COUNT) -> tuple[int, list[str]]:
    """How many queries were asked in all, and what is wrong with any of them: another tree, or another value."""
    made, wrong = 0, []
    for sample in samples():
        definition = read(sample.definition)
        before = [(q.action, plain(parse(q.text))) for q in asked(sample, definition, HARMLESS)]
        for text in injections(count) if before else ():
            queries = asked(sample, definition, text)
            after = [(q.action, plain(parse(q.text))) for q in queries]
            made += len(queries)
            if after != before:
                wrong.append(f"{sample.name}: {text!r} changes the tree")
            values = json.dumps([q.values for q in queries])
            if any(q.values for q in queries) and _sent(sample) and json.dumps(text)[1:-1] not in values:
                wrong.append(f"{sample.name}: {text!r} arrives as {values[:200]}")
    with huntlake.open() as session:
        for text in injections(count):
            told = session.query(
                "declare query_parameters(a:string, b:dynamic); print a, tostring(b[0])", a=text, b=[text]
            )
            expected = whole(text)
            if [list(row) for row in told.rows] != [[expected, expected]]:
                wrong.append(f"{text!r} is read as {list(told.rows)}")
    return made, wrong


_SAYS = "declare query_parameters(a:string, b:dynamic); print a, tostring(b[0])"


def _sent(sample: Sample) -> bool:
    """Whether anything of what sets a sample off is sent beside its queries: a schedule sends nothing."""
    return read(sample.definition).triggers[0].type is not TriggerType.RECURRENCE


# -- the same playbooks, put together ------------------------------------------------------


def concatenated() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each sample with a query, in each way to put a value into its text: its name, the action's, and the file."""
    for sample in samples():
        file = json.loads(sample.path.read_text(encoding="utf-8"))
        for name in _asking(file["definition"]):
            for way in _WAYS:
                made = copy.deepcopy(file)
                action = _action(made["definition"]["actions"], name)
                body = action["inputs"]["body"]
                key = next(k for k in ("query", "csl") if k in body)
                values = body.pop("parameters", None) or body.pop("properties", {}).get("Parameters", {})
                value = next((v for v in values.values() if _SENT.search(str(v))), None)
                if value is not None:
                    body[key] = way(made["definition"], action, body[key], values, _expression(value))
                    yield sample.name, name, made


_SENT = re.compile(r"trigger|items\(|body\(|outputs\(")


def _expression(value: str) -> str:
    whole = re.fullmatch(r"@\{(.*)\}", value, re.DOTALL)
    return whole[1] if whole else value.removeprefix("@")


def _asking(definition: Any) -> Iterator[str]:
    for action in read(definition).all():
        body = action.inputs.get("body") if isinstance(action.inputs, dict) else None
        if isinstance(body, dict) and ({"query", "csl"} & body.keys()):
            yield action.name


def _action(actions: Any, name: str) -> Any:
    for key, action in actions.items():
        if key == name:
            return action
        inner = [action.get("actions"), action.get("else", {}).get("actions")]
        for group in (*inner, *(c.get("actions") for c in action.get("cases", {}).values())):
            if group and (found := _action(group, name)) is not None:
                return found
    return None


def _text(query: str, values: Mapping[str, Any], before: str, value: str, after: str) -> str:
    body = re.sub(r"^declare query_parameters\([^)]*\);\n", "", query)
    for name in values:
        body = re.sub(rf"\b{name}\b(?=\)|\s|$|,)(?!\s*=[^=~])", lambda _: f"{before}{value}{after}", body)
    return body


def _quoted(before: str, after: str) -> Any:
    def way(definition: Any, action: Any, query: str, values: Mapping[str, Any], value: str) -> str:
        return _text(query, values, before, f"@{{{value}}}", after)

    return way


def _by_concat(definition: Any, action: Any, query: str, values: Mapping[str, Any], value: str) -> str:
    parts = [p.replace("'", "''") for p in _text(query, values, "'", "\0", "'").split("\0")]
    return "@concat('" + f"', {value}, '".join(parts) + "')"


def _escaped(definition: Any, action: Any, query: str, values: Mapping[str, Any], value: str) -> str:
    return _text(query, values, "'", f"@{{replace(string({value}), '''', '')}}", "'")


def _by_variable(definition: Any, action: Any, query: str, values: Mapping[str, Any], value: str) -> str:
    # The query is made beside everything else, as designers do: the linter isn't to ask in which order.
    definition["actions"]["Made"] = {
        "type": "InitializeVariable",
        "inputs": {
            "variables": [
                {"name": "Made", "type": "string", "value": _escaped(definition, action, query, values, value)}
            ]
        },
        "runAfter": {},
    }
    return "@variables('Made')"


def _by_compose(definition: Any, action: Any, query: str, values: Mapping[str, Any], value: str) -> str:
    definition["actions"]["Made"] = {
        "type": "Compose",
        "inputs": _by_concat(definition, action, query, values, value),
        "runAfter": {},
    }
    return "@{outputs('Made')}"


_WAYS = (
    _quoted("'", "'"),
    _quoted('"', '"'),
    _quoted("@'", "'"),
    _quoted("h'", "'"),
    _quoted("dynamic(['", "'])"),
    _quoted("", ""),
    _by_concat,
    _escaped,
    _by_variable,
    _by_compose,
)


def flagged() -> tuple[int, list[str]]:
    """How many playbooks put their query together, and those of which the linter doesn't tell."""
    count, missed = 0, []
    with TemporaryDirectory() as folder:
        for name, action, file in concatenated():
            count += 1
            path = Path(folder) / f"{name}.json"
            path.write_text(json.dumps(file), encoding="utf-8")
            if not any(f.code == "LP107" and f"['{action}']" in f.place for f in lint(path)):
                missed.append(f"{name}: {action}: {_action(file['definition']['actions'], action)['inputs']['body']}")
    return count, missed


def biting(count: int = COUNT) -> float:
    """Of all the texts, the part that changes the tree of a query into which they are put between quotes."""
    shape = "SigninLogs\n| where UserPrincipalName == {0}{1}{0}\n| take 10"
    bites = 0
    for text in injections(count):
        for quote in ("'", '"'):
            harmless = _without_texts(plain(parse(shape.format(quote, HARMLESS))))
            try:
                if _without_texts(plain(parse(shape.format(quote, text)))) == harmless:
                    continue
            except (SourceError, LimitExceeded):
                pass
            bites += 1
            break
    return bites / count


def _without_texts(node: Any) -> Any:
    # What a literal says may differ: that is what a value is for.
    if isinstance(node, tuple):
        return node[0] if "Literal" in str(node[0]) else (node[0], _without_texts(node[1]))
    return [_without_texts(n) for n in node] if isinstance(node, list) else node


def main() -> None:
    by = "make playbook-injections"
    made, wrong = changed()
    for told in wrong:
        print(f"CHANGED: {told}")
    sent = f"queries of {made:,} are changed by one of {COUNT} payloads sent as parameters"
    unit = f"{sent}; {biting():.0%} of them change a query into which they are put"
    figures.write("playbooks.5", len(wrong), unit, "0", not wrong and made >= COUNT, by=by)
    count, missed = flagged()
    for told in missed:
        print(f"MISSED: {told}")
    share = 100 * (1 - len(missed) / count)
    unit = f"% of {count} playbooks that put a query together are told of by the linter"
    figures.write("playbooks.5b", share, unit, "100", not missed, by=by)


if __name__ == "__main__":
    main()

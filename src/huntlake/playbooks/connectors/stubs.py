"""A back end made of contracts: of what calls of an operation are known to send, and what of their answers is read.

A contract is JSON, under a key such as `virustotal GET /api/v3/domains/{}` or `TRIGGER azuresentinel GET /subscribe`:

    {"uses": 4, "reads": {".data.attributes.reputation": 3}, "sends": {}, "queries": {}}

`custom` as a connector stands for every one that a customer made. A path of `reads` leads from the body to what is
read: `.name` into an object, `[]` to the elements of an array; `^statusCode` and `^headers.name` lead past the body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Invalid
from huntlake.playbooks.connectors.plausible import plausible
from huntlake.playbooks.connectors.questions import Shape, of_card, of_mail
from huntlake.wdl.expressions.nodes import Call, Literal
from huntlake.wdl.expressions.parser import expression
from huntlake.wdl.runner.effects import Answer

_TEXTS = frozenset({"custom details"})
"""What Sentinel tells as JSON within a text."""

TRIGGER = "TRIGGER "
CUSTOM = "custom"
ANYTHING = object()
"""In a made-up value, what may be anything."""


@dataclass(frozen=True)
class Contract:
    """What is known of one operation, or of one trigger."""

    connector: str
    """In lower case, without the number that a designer adds; a trigger's type where it has no connector."""
    method: str = ""
    path: str = ""
    reads: Mapping[str, int] = field(default_factory=dict)
    """The paths that are read of what it gives, and how often."""
    sends: Mapping[str, int] = field(default_factory=dict)
    queries: Mapping[str, int] = field(default_factory=dict)

    def body(self, elements: int = 2) -> Any:
        """A body in which everything that is read is there; arrays have that many elements."""
        made = _made(_tree(self.reads), "", elements, 1)
        if isinstance(made, dict) and made.get("value") == plausible("value") and self._has_values:
            made["value"] = []
        return made

    def shaped(self, sample: Any, elements: int = 2, several: bool = False) -> Any:
        """What a schema says that it is, with something for `ANYTHING`, and with so many elements where any are read,
        or with `several` everywhere."""
        return _shaped(_tree(self.reads), "", sample, elements, several)

    def over(self, real: Any, elements: int = 2) -> Any:
        """A real body, to which everything is added that is read and that it lacks."""
        return _filled(_tree(self.reads), "", real, elements, 1)

    def answer(self, elements: int = 2) -> Answer:
        """An answer in which everything that is read is there."""
        headers = {
            name: str(plausible(name))
            for path in self.reads
            if path.startswith("^headers.") and (name := path.removeprefix("^headers."))
        }
        return Answer(200, {"Content-Type": "application/json; charset=utf-8", **headers}, self.body(elements))

    @property
    def _has_values(self) -> bool:
        # Nearly every answer has a list there; not one that is asked for a single value by name.
        path = self.path.lower()
        return (self.method == "GET" or "query" in path) and not path.endswith(("/value", "uri"))


class Contracts:
    """The contracts of many operations."""

    def __init__(self, operations: list[Contract], triggers: list[Contract]) -> None:
        self.operations, self.triggers = operations, triggers
        ranked = sorted(((_literal(c.path), c) for c in operations), key=lambda p: (-p[0], p[1].path))
        self._ranked = [(c, _pattern(c.path)) for _, c in ranked]
        self._named = {c.connector for c in operations} - {CUSTOM}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Contracts:
        """The contracts of a document; `Invalid` where it isn't one."""
        operations: list[Contract] = []
        triggers: list[Contract] = []
        for key, said in document.items():
            is_trigger = key.startswith(TRIGGER)
            name, _, rest = key.removeprefix(TRIGGER).partition(" ")
            method, _, path = rest.partition(" ")
            if not isinstance(said, Mapping) or not (is_trigger or path):
                raise Invalid(f"`{key}` isn't a contract: `connector METHOD path` with what is read of it is expected")
            parts = (said.get("reads") or {}, said.get("sends") or {}, said.get("queries") or {})
            made = Contract(_plain(name), method.upper(), _path(path), *parts)
            (triggers if is_trigger else operations).append(made)
        return cls(operations, triggers)

    def find(self, connector: str, method: str, path: str, custom: bool | None = None) -> Contract | None:
        """The contract of a call; None where none knows it.

        `custom` says whether a customer made the connector; without it, those are taken to be that no contract names.
        An empty method means whichever there is: subscriptions are written without one.
        """
        name, method = _plain(connector), method.upper()
        names = [name] if name in self._named else []
        if custom or (custom is None and not names):
            names.append(CUSTOM)
        # Where contracts were made of a decoded path, an encoded slash in it parts segments like any other.
        for segments in ([_decoded(s) for s in path.split("/")], unquote(unquote(path)).lower().split("/")):
            for wanted in names:
                found = [
                    c
                    for c, pattern in self._ranked
                    if c.connector == wanted and method in (c.method, "") and _fits(pattern, segments)
                ]
                if found:
                    # An operation stands under several keys where a template's parameters were left in its path.
                    same = [c for c in found if _literal(c.path) == _literal(found[0].path)]
                    return found[0] if len(same) == 1 else _united(same)
        return None

    def trigger(self, kind: str, method: str = "", path: str = "") -> Contract | None:
        """The contract of a trigger: of a connector's, or, without a method, of a trigger's type such as `Request`."""
        wanted = _plain(kind)
        segments = [_decoded(s) for s in path.split("/")]
        same = [
            c
            for c in self.triggers
            if c.connector == wanted and c.method == method.upper() and _fits(_pattern(c.path), segments)
        ]
        return _united(same) if same else None


@dataclass(frozen=True)
class Stubs:
    """Answers whatever the contracts know, always in the same way; what they don't know is refused by name."""

    contracts: Contracts
    elements: int = 2
    """How many elements made-up arrays have."""

    def answer(self, connector: str, method: str, path: str, body: Any = None, custom: bool | None = None) -> Answer:
        """The answer to a call, or, of a webhook's subscription, what is later sent to its callback URL."""
        contract = self.contracts.find(connector, method, path, custom)
        if contract is None:
            return Answer(404, refused=f"`{connector} {method.upper()} {path}` is in no contract: not supported")
        made = contract.answer(self.elements)
        if isinstance(made.body, dict) and path.lower().endswith("/$subscriptions"):
            return Answer(made.status, made.headers, {**made.body, **_chosen(made.body, body)})
        return made


def _plain(connector: str) -> str:
    return re.sub(r"[-_]\d+$", "", connector.lower())


def _path(path: str) -> str:
    """The path of a contract; of one that a template put together, what isn't spelled out is a `{}`."""
    if not (path.startswith("[") and path.endswith("]")):
        return path
    try:
        read = expression(path[1:-1])
    except SourceError:
        return path
    if isinstance(read, Call) and read.name.lower() == "concat":
        known = (a.value if isinstance(a, Literal) else None for a in read.arguments)
        return "".join(k if isinstance(k, str) else "{}" for k in known)
    return path


def _literal(path: str) -> int:
    return len(path.replace("{}", ""))


def _decoded(segment: str) -> str:
    # Designers encode a value before the URL is encoded, so that it arrives encoded twice.
    return unquote(unquote(segment)).lower()


def _pattern(path: str) -> list[re.Pattern[str]]:
    segments = path.split("/")
    made = []
    for at, segment in enumerate(segments):
        # A parameter that had no value when the contracts were made left nothing between its slashes.
        anything = not segment and 0 < at < len(segments) - 1
        parts = [re.escape(_decoded(part)) for part in segment.split("{}")]
        made.append(re.compile(".*" if anything else ".*".join(parts), re.DOTALL))
    return made


def _fits(pattern: list[re.Pattern[str]], segments: list[str]) -> bool:
    return len(pattern) == len(segments) and all(p.fullmatch(s) for p, s in zip(pattern, segments, strict=True))


def _united(contracts: list[Contract]) -> Contract:
    first = contracts[0]
    reads: dict[str, int] = {}
    for contract in contracts:
        for path, count in contract.reads.items():
            reads[path] = reads.get(path, 0) + count
    return Contract(first.connector, first.method, first.path, reads, first.sends, first.queries)


@dataclass
class _Node:
    """What is read at one place: of an object by name, of an array's elements, or the value itself."""

    name: str = ""
    weight: int = 0
    members: dict[str, _Node] = field(default_factory=dict)
    """By name in lower case: the language of workflows doesn't tell cases apart."""
    element: _Node | None = None

    @property
    def is_array(self) -> bool:
        if self.element is None:
            return False
        return self.element.total >= sum(m.total for m in self.members.values())

    @property
    def total(self) -> int:
        inner = sum(m.total for m in self.members.values())
        return self.weight + inner + (self.element.total if self.element else 0)


def _tree(reads: Mapping[str, int]) -> _Node:
    root = _Node()
    for path, count in reads.items():
        if path.startswith("^"):
            continue
        node = root
        for step in _steps(path):
            if step == "[]":
                node.element = node.element or _Node(node.name)
                node = node.element
            else:
                node = node.members.setdefault(step.lower(), _Node(step))
        node.weight += count
    return root


def _steps(path: str) -> Iterator[str]:
    """The steps of a path; one whose name is computed leads nowhere that is known."""
    for part in path.split("."):
        name, *indexes = re.split(r"(\[\*?\])", part)
        if name:
            yield name
        for index in indexes:
            if index == "[*]":
                return
            if index == "[]":
                yield index


def _made(node: _Node, name: str, elements: int, number: int, *, element: bool = False) -> Any:
    if node.is_array and node.element is not None:
        return [_made(node.element, name, elements, n + 1, element=True) for n in range(elements)]
    if node.members:
        made = {m.name: _made(m, m.name, elements, number) for m in node.members.values()}
        return json.dumps(made) if name.lower() in _TEXTS else made
    value = plausible(name, number) if name else {}
    # What is read of a list's elements is one of them, however the list is named.
    return value[0] if element and isinstance(value, list) else value


def _shaped(node: _Node, name: str, sample: Any, elements: int, several: bool) -> Any:
    if sample is ANYTHING:
        if node.members or node.element is not None:
            return _made(node, name, elements, 1, element=True)
        value = plausible(name or "item")
        return value[0] if isinstance(value, list) else value
    if isinstance(sample, list):
        element = node.element or _Node(name)
        shaped = [_shaped(element, name, one, elements, several) for one in sample]
        wanted = elements if several or node.element is not None else len(shaped)
        return shaped + shaped[-1:] * (wanted - len(shaped))
    if isinstance(sample, dict):
        return {k: _shaped(node.members.get(k.lower(), _Node(k)), k, v, elements, several) for k, v in sample.items()}
    return sample


def _filled(node: _Node, name: str, real: Any, elements: int, number: int) -> Any:
    """What is real, with everything that is read of it and that isn't there."""
    if real is None or (real == [] and node.is_array):
        return _made(node, name, elements, number)
    if isinstance(real, str) and (node.members or node.is_array):
        # JSON within a string, as an alert's details are, stays one.
        try:
            inner = json.loads(real)
        except ValueError:
            return real
        return json.dumps(_filled(node, name, inner, elements, number)) if isinstance(inner, dict | list) else real
    if isinstance(real, list) and node.element is not None:
        return [_filled(node.element, name, one, elements, n + 1) for n, one in enumerate(real)]
    if isinstance(real, dict):
        filled = dict(real)
        known = {k.lower(): k for k in reversed(filled)}
        for lower, member in node.members.items():
            key = known.get(lower, member.name)
            filled[key] = _filled(member, key, filled.get(key), elements, number)
        return filled
    return real


def _chosen(body: Mapping[str, Any], sent: Any) -> dict[str, Any]:
    """What a person chooses of what a message offers, in place of made-up words: the first."""
    asks = of_mail if "SelectedOption" in body else of_card if "submitActionId" in body else None
    try:
        question = asks(sent) if asks else None
    except Invalid:
        return {}
    if question is None or not question.options:
        return {}
    name = question.options[0].name
    if question.shape is Shape.MAIL:
        return {"SelectedOption": name}
    entered = {f.name: f.default or f.choices[0].name for f in question.fields if f.default or f.choices}
    data = body.get("data")
    return {"submitActionId": name, "data": {**(data if isinstance(data, dict) else {}), **entered}}

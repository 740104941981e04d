"""Files of tests, read so that each complaint has its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import yaml

from huntlake.core.diagnostics import Source
from huntlake.core.errors import Invalid
from huntlake.detection.durations import duration
from huntlake.detection.marked import Complaints, Fields, mapping, whole
from huntlake.playbooks.testing import payloads
from huntlake.playbooks.testing.cases import (
    Case,
    Expectation,
    ExpectedAction,
    ExpectedEffect,
    ExpectedResponse,
    Suite,
)
from huntlake.playbooks.testing.matching import Absent, Contains, Holds, Is, Lists, Matches, Wanted
from huntlake.playbooks.testing.mocks import Approval, Decision, Mock, Pattern, Reply, Which
from huntlake.wdl.definition.workflow import Status
from huntlake.wdl.runner.effects import Answer

CLOCK = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""What time it is in a test that doesn't say."""
ENDINGS = (".playtest.yaml", ".playtest.yml")
"""How the names of files of playbooks' tests end."""
_TAG = "tag:yaml.org,2002:"
_FAULTS = {
    "timeout": Answer(lost="no answer came in time"),
    "reset": Answer(lost="the connection was reset"),
}
_MOST_TIMES = 1000


def is_tests(path: Path) -> bool:
    """Whether a file of that name holds tests of a playbook."""
    return path.name.lower().endswith(ENDINGS)


def suite(path: Path) -> Suite:
    """The tests of a file; `SourceError`, with each place, where something of it can't be understood."""
    source = Source(path.read_text(encoding="utf-8-sig"), str(path))
    complaints = Complaints(source)
    fields = Fields(mapping(source), complaints)
    found = _Reader(path, source).suite(fields)
    fields.close()
    complaints.end()
    return found


class _Reader:
    def __init__(self, path: Path, source: Source) -> None:
        self._path, self._source = path, source

    def suite(self, fields: Fields) -> Suite:
        named = fields.text("playbook")
        playbook = self._path.parent / named if named else self._sibling()
        if not playbook.is_file():
            fields.complain("PT004", f"no playbook is at {playbook}", "playbook" if named else "")
        clock = self._moment(fields, "clock") or CLOCK
        parameters = self._object(fields, "parameters")
        template = self._object(fields, "template_parameters")
        cases = tuple(self._case(one, clock, parameters) for one in fields.list("tests"))
        if not cases:
            fields.complain("PT004", "`tests` is missing, or empty")
        return Suite(self._path, playbook, cases, fields.text("workflow") or "", template)

    def _sibling(self) -> Path:
        ending = next((e for e in ENDINGS if self._path.name.lower().endswith(e)), self._path.suffix)
        return self._path.parent / f"{self._path.name[: -len(ending)]}.json"

    def _case(self, fields: Fields, default: datetime, parameters: dict[str, Any]) -> Case:
        name = fields.text("name", required=True) or "?"
        clock = self._moment(fields, "clock") or default
        trigger, outputs = self._trigger(fields, clock)
        made = Case(
            name,
            self._line(fields.node),
            clock,
            outputs,
            self._expected(fields),
            trigger,
            tuple(self._mock(one) for one in fields.list("mocks")),
            tuple(self._approval(one) for one in fields.list("approvals")),
            tuple(self._reply(one) for one in fields.list("replies")),
            parameters | self._object(fields, "parameters"),
            self._object(fields, "settings"),
            fields.number("seed") or 0,
        )
        fields.close()
        return made

    # -- what sets it off

    def _trigger(self, fields: Fields, clock: datetime) -> tuple[str, dict[str, Any]]:
        one = fields.inner("trigger")
        if one is None:
            return "", {}
        kinds = [k for k in ("incident", "alert", "entity", "body", "payload", "scheduled") if k in one]
        if len(kinds) > 1:
            one.complain("PT005", f"`{kinds[0]}` and `{kinds[1]}` can't both set off a run", kinds[1])
        outputs: dict[str, Any] = {}
        match kinds[0] if kinds else "":
            case "incident" | "alert" | "entity" as what:
                given = self._object(one, what)
                try:
                    outputs["body"] = _told(what, given, clock)
                except Invalid as error:
                    one.complain("PT005", str(error), what)
            case "body":
                node = one.find("body")
                outputs["body"] = None if node is None else self._value(fields, node)
            case "payload":
                outputs["body"] = self._payload(one)
            case "scheduled":
                if self._moment(one, "scheduled") is None:
                    one.complain("PT005", "`scheduled` is a time such as `2026-01-31T12:00:00Z`", "scheduled")
        if "headers" in one:
            outputs["headers"] = self._object(one, "headers")
        if "queries" in one:
            outputs["queries"] = self._object(one, "queries")
        if "path_parameters" in one:
            outputs["relativePathParameters"] = self._object(one, "path_parameters")
        name = one.text("name") or ""
        one.close()
        return name, outputs

    def _payload(self, fields: Fields) -> Any:
        path = self._path.parent / (fields.text("payload") or "")
        try:
            return orjson.loads(path.read_bytes())
        except OSError as error:
            fields.complain("PT004", f"{path} can't be read: {error.strerror}", "payload")
        except orjson.JSONDecodeError as error:
            fields.complain("PT004", f"{path} is not JSON: {error.msg}", "payload")
        return None

    # -- who answers

    def _which(self, fields: Fields, *, needs: bool = True) -> Which:
        pattern, action = fields.text("call"), fields.text("action") or ""
        if needs and not pattern and not action:
            fields.complain("PT004", "say which calls are meant: with `call` or `action`")
        node = fields.find("when")
        when = None if node is None else self._wanted(fields, node)
        return Which(self._line(fields.node), Pattern(pattern) if pattern else None, action, when)

    def _mock(self, fields: Fields) -> Mock:
        which = self._which(fields)
        answers: list[Answer] = []
        if "answer" in fields and "answers" in fields:
            fields.complain("PT005", "`answer` and `answers` can't both be there", "answers")
        node = fields.find("answers")
        if node is not None and not isinstance(node, yaml.SequenceNode):
            fields.complain("PT005", "`answers` is a list", "answers")
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [n for n in [fields.find("answer")] if n]
        for one in nodes:
            answers += self._answers(fields, one)
        fields.close()
        return Mock(which, tuple(answers) or (Answer(body={}),))

    def _answers(self, fields: Fields, node: yaml.Node) -> list[Answer]:
        """An answer, as often as it is given: `{status, headers, body, times}`, or the name of a fault."""
        if isinstance(node, yaml.ScalarNode):
            if (fault := _FAULTS.get(str(node.value).lower())) is not None:
                return [fault]
            if str(node.value).isdecimal() and 100 <= int(node.value) <= 599:
                return [Answer(int(node.value), body={})]
            fields.complain_at("PT005", f"an answer is a status, an object, or one of {', '.join(_FAULTS)}", node)
            return []
        if not isinstance(node, yaml.MappingNode):
            fields.complain_at("PT005", "an answer is a status, or an object with `status`, `headers` and `body`", node)
            return []
        one = fields.at(node)
        status = 200 if "status" not in one else one.number("status") or 0
        if not 100 <= status <= 599:
            one.complain("PT005", "a status is a number from 100 to 599", "status")
        body = one.find("body")
        headers = {k: str(v) for k, v in self._object(one, "headers").items()}
        times = one.number("times") if "times" in one else 1
        if not times or times > _MOST_TIMES:
            one.complain("PT005", f"an answer is given 1 to {_MOST_TIMES} times", "times")
        one.close()
        return [Answer(status, headers, None if body is None else self._value(fields, body))] * (times or 1)

    def _approval(self, fields: Fields) -> Approval:
        made = Approval(
            self._which(fields), fields.choice("decision", Decision) or Decision.APPROVE, self._after(fields)
        )
        fields.close()
        return made

    def _reply(self, fields: Fields) -> Reply:
        which = self._which(fields)
        nobody = fields.truth("nobody") or False
        node = fields.find("body")
        if nobody == (node is not None):
            fields.complain("PT004", "a reply has a `body`, or is `nobody: true`")
        headers = {k: str(v) for k, v in self._object(fields, "headers").items()}
        body = None if node is None else self._value(fields, node)
        made = Reply(which, None if nobody else Answer(200, headers, body), self._after(fields))
        fields.close()
        return made

    def _after(self, fields: Fields) -> timedelta:
        return fields.value("after", duration, "a duration such as `5m`") or timedelta(minutes=5)

    # -- what must come of it

    def _expected(self, fields: Fields) -> Expectation:
        one = fields.inner("expect")
        if one is None:
            fields.complain("PT004", "`expect` is missing: say what must come of it")
            return Expectation(0)
        response = one.find("response")
        no_response = isinstance(response, yaml.ScalarNode) and response.value == "none"
        outputs = one.find("outputs")
        made = Expectation(
            self._line(one.node),
            one.choice("status", Status) or "",
            one.text("code") or "",
            tuple(self._actions(one)),
            tuple(self._effect(e) for e in one.list("effects")),
            tuple(self._forbidden(one)),
            None if response is None or no_response else self._response(one),
            no_response,
            None if outputs is None else self._wanted(one, outputs),
            one.value("within", duration, "a duration such as `2h`"),
        )
        one.close()
        if not one.node.value:
            one.complain("PT004", "nothing is expected: say `status`, `actions`, `effects` or `response`")
        return made

    def _actions(self, fields: Fields) -> Iterator[ExpectedAction]:
        inner = fields.inner("actions")
        for key, node in inner.node.value if inner else ():
            name = str(key.value)
            if isinstance(node, yaml.ScalarNode):
                status = next((s for s in Status if s.lower() == str(node.value).lower()), None)
                if status is None:
                    fields.complain_at("PT005", f"`{node.value}` is no status: there are {', '.join(Status)}", node)
                yield ExpectedAction(self._line(key), name, status or "")
                continue
            if not isinstance(node, yaml.MappingNode):
                fields.complain_at("PT005", "what is expected of an action is a status, or an object", node)
                continue
            one = fields.at(node)
            inputs, outputs = one.find("inputs"), one.find("outputs")
            yield ExpectedAction(
                self._line(key),
                name,
                one.choice("status", Status) or "",
                one.text("code") or "",
                one.number("times") if "times" in one else None,
                one.number("attempts") if "attempts" in one else None,
                None if inputs is None else self._wanted(one, inputs),
                None if outputs is None else self._wanted(one, outputs),
            )
            one.close()
        if inner is not None:
            inner.pass_over(*(str(k.value) for k, _ in inner.node.value))

    def _effect(self, fields: Fields) -> ExpectedEffect:
        body, queries, headers = (fields.find(n) for n in ("body", "queries", "headers"))
        made = ExpectedEffect(
            self._which(fields),
            None if body is None else self._wanted(fields, body),
            None if queries is None else self._wanted(fields, queries),
            None if headers is None else self._wanted(fields, headers),
            fields.number("times") if "times" in fields else None,
        )
        fields.close()
        return made

    def _forbidden(self, fields: Fields) -> Iterator[Which]:
        node = fields.find("no_effects")
        if node is not None and not isinstance(node, yaml.SequenceNode):
            fields.complain("PT005", "`no_effects` is a list of calls", "no_effects")
            return
        for one in node.value if isinstance(node, yaml.SequenceNode) else ():
            if isinstance(one, yaml.ScalarNode):
                yield Which(self._line(one), Pattern(str(one.value)))
            elif isinstance(one, yaml.MappingNode):
                inner = fields.at(one)
                yield self._which(inner)
                inner.close()
            else:
                fields.complain_at("PT005", "a call is a text, or an object with `call` or `action`", one)

    def _response(self, fields: Fields) -> ExpectedResponse | None:
        one = fields.inner("response")
        if one is None:
            return None
        body, headers = one.find("body"), one.find("headers")
        made = ExpectedResponse(
            self._line(one.node),
            one.number("status") if "status" in one else None,
            None if body is None else self._wanted(one, body),
            None if headers is None else self._wanted(one, headers),
        )
        one.close()
        return made

    # -- values

    def _wanted(self, fields: Fields, node: yaml.Node) -> Wanted:
        tag = node.tag
        if tag == "!absent":
            return Absent()
        if tag == "!exactly":
            plain = type(node)(self._untagged(node), node.value, node.start_mark, node.end_mark)
            return Is(self._value(fields, plain))
        if tag in ("!contains", "!matches"):
            if not isinstance(node, yaml.ScalarNode):
                fields.complain_at("PT005", f"`{tag}` is followed by a text", node)
                return Absent()
            if tag == "!contains":
                return Contains(whole(str(node.value)))
            try:
                return Matches(re.compile(str(node.value)))
            except re.error as error:
                fields.complain_at("PT005", f"this is not a regular expression: {error}", node)
                return Absent()
        if not tag.startswith(_TAG):
            fields.complain_at(
                "PT005", f"`{tag}` is not supported: there are !contains, !matches, !exactly, !absent", node
            )
            return Absent()
        if isinstance(node, yaml.MappingNode):
            return Holds({str(k.value): self._wanted(fields, v) for k, v in node.value})
        if isinstance(node, yaml.SequenceNode):
            return Lists([self._wanted(fields, v) for v in node.value])
        return Is(self._value(fields, node))

    @staticmethod
    def _untagged(node: yaml.Node) -> str:
        if isinstance(node, yaml.MappingNode):
            return f"{_TAG}map"
        if isinstance(node, yaml.SequenceNode):
            return f"{_TAG}seq"
        resolver: Any = yaml.resolver.Resolver()
        return str(resolver.resolve(yaml.ScalarNode, node.value, (True, False)))

    def _value(self, fields: Fields, node: yaml.Node) -> Any:
        """The JSON value that a node is. A time stays the text that it is written as."""
        if isinstance(node, yaml.MappingNode):
            return {str(k.value): self._value(fields, v) for k, v in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [self._value(fields, v) for v in node.value]
        text = whole(str(node.value))
        match node.tag.removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() in ("true", "yes", "on", "y")
            case "int" | "float" as kind:
                try:
                    return orjson.loads(text)
                except orjson.JSONDecodeError:
                    fields.complain_at("PT005", f"a number is written as in JSON, not `{text[:40]}` ({kind})", node)
                    return 0
            case "str" | "timestamp":
                return text
        fields.complain_at("PT005", f"`{node.tag}` is not supported here", node)
        return None

    def _object(self, fields: Fields, name: str) -> dict[str, Any]:
        node = fields.find(name)
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            fields.complain("PT005", f"`{name}` is not a mapping", name)
            return {}
        made: dict[str, Any] = self._value(fields, node)
        return made

    def _moment(self, fields: Fields, name: str) -> datetime | None:
        return fields.value(name, _time, "a time such as `2026-01-31T12:00:00Z`")

    def _line(self, node: yaml.Node) -> int:
        return int(node.start_mark.line) + 1


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _told(what: str, given: dict[str, Any], clock: datetime) -> dict[str, Any]:
    """What an incident, an alert or an entity tells a playbook. Raises `Invalid`."""
    match what:
        case "incident":
            return payloads.incident(given, clock)
        case "alert":
            return payloads.alert(given, clock)
    number = next((given.pop(k) for k in list(given) if k.lower() == "incident"), None)
    return payloads.entity(given, number)

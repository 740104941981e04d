"""Workflows that are called at their addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from huntlake.core.errors import Conflict, DomainError, Invalid, NotFound, Refused
from huntlake.playbooks.addresses import Addresses
from huntlake.playbooks.bodies import decoded, encoded
from huntlake.playbooks.runs.effects import CALLER_WAITS
from huntlake.playbooks.runs.service import Runs
from huntlake.playbooks.runs.starting import Start, kept, trigger_of
from huntlake.playbooks.workflows import Workflow
from huntlake.state.documents import Document
from huntlake.state.records import Author
from huntlake.wdl.actions.schemas import SchemaRefused, complaints
from huntlake.wdl.definition.workflow import Trigger, TriggerType
from huntlake.wdl.runner.effects import Answer

_OWN = frozenset({"sp", "sv", "sig", "api-version", "se"})
_CALLER = Author(name="A call of its address")
_NAMED = re.compile(r"\{([^{}/]+)\}")


class WrongMethod(Invalid):
    """The trigger takes another method."""


@dataclass(frozen=True, slots=True)
class Called:
    """A request to the address of a workflow."""

    method: str
    path: str
    """Behind `paths/invoke`, still encoded."""
    queries: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """What a caller is answered."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""


class Requests:
    """Sets workflows off that are called, and hands runs the answers that they wait for."""

    def __init__(self, runs: Runs, addresses: Addresses) -> None:
        self._runs, self._addresses = runs, addresses

    def invoke(self, id: str, trigger: str, called: Called) -> Told:
        """Set a workflow off, and wait for its Response where it has one.

        `Refused` without the right signature, `NotFound`, `WrongMethod`, `Invalid`, `Busy`, or `Conflict` where it is
        disabled.
        """
        workflow = self._workflow(id, f"/triggers/{trigger}/run", called.queries)
        known = kept(workflow.name, workflow.value, self._runs.seal)
        found = trigger_of(known.definition, trigger)
        if found.type not in (TriggerType.REQUEST, TriggerType.HTTP_WEBHOOK):
            raise Invalid(f"the trigger `{found.name}` is of the type `{found.type}`: it isn't called")
        outputs = _outputs(found, called)
        inputs = found.inputs if isinstance(found.inputs, dict) else {}
        if "enableschemavalidation" in found.options:
            _check(outputs.get("body"), inputs.get("schema"))
        headers = {k.lower(): v for k, v in called.headers.items()}
        responds = known.responds and "async" not in found.options
        start = Start(
            outputs, _CALLER, found.name, tracking_id=headers.get("x-ms-client-tracking-id", "")[:128], awaited=responds
        )
        runs = self._runs.fire(workflow, start)
        if not runs:
            return Told(202, {})
        run = runs[0]
        said = {
            "x-ms-workflow-run-id": run.name,
            "x-ms-workflow-name": workflow.name,
            "x-ms-client-tracking-id": run.value.tracking_id,
            "x-ms-workflow-version": run.value.version,
        }
        if not responds or found.split_on is not None:
            return Told(202, {k: v for k, v in said.items() if v.isprintable() and v.isascii()})
        return _told(self._runs.wait_for_response(workflow.name, run.name, CALLER_WAITS.total_seconds()), said)

    def answer(self, id: str, run: str, key: str, called: Called) -> Told:
        """Hand a run what came to the callback URL of one of its webhooks."""
        workflow = self._workflow(id, f"/runs/{run}/actions/{key}/run", called.queries)
        headers = {k: v for k, v in called.headers.items() if k.lower() not in _HIDDEN}
        queries = {k: v for k, v in called.queries.items() if k not in _OWN}
        body = decoded(called.content, _type(called.headers), strict=True)
        if body is None and queries:
            body = dict(queries)
        try:
            self._runs.answer(workflow.name, run, key, Answer(200, headers, body))
        except Conflict:
            raise NotFound(f"the run {run} doesn't wait any more") from None
        return Told(200, {"x-ms-workflow-run-id": run})

    def _workflow(self, id: str, permission: str, queries: Mapping[str, str]) -> Document[Workflow]:
        workflow = self._addresses.workflow(id)
        # Who has no signature learns nothing, not even whether there is such a workflow.
        if workflow is None or not self._addresses.allows(workflow.name, permission, queries):
            raise Refused("the address is not signed, or not with a key that counts")
        return workflow


def _check(body: Any, schema: Any) -> None:
    try:
        told = complaints(body, schema)
    except SchemaRefused as error:
        raise Invalid(f"the trigger's schema can't be held against the body: {error}") from None
    if told:
        raise Invalid(f"the body doesn't fit the trigger's schema: {'; '.join(told)}")


def _outputs(trigger: Trigger, called: Called) -> dict[str, Any]:
    inputs = trigger.inputs if isinstance(trigger.inputs, dict) else {}
    wanted = str(inputs.get("method") or "").upper()
    if wanted and called.method.upper() != wanted:
        raise WrongMethod(f"the trigger `{trigger.name}` takes {wanted}, and not {called.method.upper()[:10]}")
    outputs: dict[str, Any] = {"headers": {k: v for k, v in called.headers.items() if k.lower() not in _HIDDEN}}
    if queries := {k: v for k, v in called.queries.items() if k not in _OWN}:
        outputs["queries"] = queries
    relative, given = str(inputs.get("relativePath") or "").strip("/"), called.path.strip("/")
    if relative or given:
        outputs["relativePathParameters"] = _matched(relative, given)
    body = decoded(called.content, _type(called.headers), strict=True)
    if body is not None:
        outputs["body"] = body
    return outputs


def _matched(relative: str, given: str) -> dict[str, str]:
    """The parameters of a path, each as short as it can be: told in one go, however many stand side by side."""
    names, (first, *between) = _NAMED.findall(relative), _NAMED.split(relative)[::2]
    at, made = len(first), dict[str, str]()
    fits = given[:at].lower() == first.lower()
    for number, (name, literal) in enumerate(zip(names, between, strict=True), 1):
        found = re.compile(re.escape(literal), re.IGNORECASE).search(given, at + 1)
        end = len(given) - len(literal) if number == len(names) else found.start() if found else -1
        value, at = given[at : max(end, 0)], end + len(literal)
        made[name] = unquote(value)
        fits = fits and bool(value) and "/" not in value and given[end:at].lower() == literal.lower()
    if not fits or at != len(given):
        raise NotFound("the trigger takes another path")
    return made


def _told(answer: Answer, said: Mapping[str, str]) -> Told:
    given = {k: v for k, v in answer.headers.items() if k.lower() not in _FRAMING}
    type = next((v for k, v in given.items() if k.lower() == "content-type"), "")
    try:
        content, made = encoded(answer.body, type)
    except DomainError as error:
        raise Invalid(f"the response can't be sent: {error}") from None
    if made and not type:
        given["Content-Type"] = made
    # What could end a header, or isn't one, never leaves.
    clean = {k: v for k, v in {**said, **given}.items() if _HEADER.fullmatch(k) and v.isprintable() and v.isascii()}
    return Told(answer.status, clean, content)


def _type(headers: Mapping[str, str]) -> str:
    return next((v for k, v in headers.items() if k.lower() == "content-type"), "")


_HIDDEN = frozenset({"authorization", "cookie", "proxy-authorization"})
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"})
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

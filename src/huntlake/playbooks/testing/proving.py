"""Tests of playbooks at work: each runs in a world of its own, of which nothing leaves this process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from huntlake.core.diagnostics import SourceError, did_you_mean
from huntlake.core.errors import DomainError, Invalid
from huntlake.detection.testing.matching import Difference
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.files import PlaybookFile, Templates, playbooks
from huntlake.playbooks.testing import payloads
from huntlake.playbooks.testing.cases import (
    Case,
    Expectation,
    ExpectedAction,
    ExpectedEffect,
    ExpectedResponse,
    Suite,
)
from huntlake.playbooks.testing.matching import Wanted, mismatches, shown
from huntlake.playbooks.testing.mocks import Mocks, target
from huntlake.playbooks.testing.reading import suite
from huntlake.playbooks.testing.world import Played, SimulatedWorld, play
from huntlake.state.records import Author
from huntlake.wdl.definition.reading import read
from huntlake.wdl.definition.workflow import Definition, Status
from huntlake.wdl.runner.effects import Answer
from huntlake.wdl.runner.records import Record


@dataclass(frozen=True)
class Outcome:
    """What came of one test; it has passed where nothing differs and no error ended it."""

    path: Path
    name: str
    line: int
    seconds: float
    differences: tuple[Difference, ...] = ()
    error: str = ""
    notes: tuple[str, ...] = ()
    played: Played | None = None

    @property
    def passed(self) -> bool:
        """Whether all is as expected."""
        return not self.differences and not self.error


def outcomes(path: Path, named: str = "", templates: Templates | None = None) -> Iterator[Outcome]:
    """What comes of each test of a file whose name holds `named`; one that can't be read has a single outcome."""
    begun = perf_counter()
    try:
        found = suite(path)
        file = _playbook(found, templates)
        definition = read(file.definition)
    except SourceError as error:
        line = error.source.position(error.diagnostics[0].span.start)[0] if error.source.name == str(path) else 1
        yield Outcome(path, path.name, line, perf_counter() - begun, error=str(error))
        return
    except (DomainError, OSError, UnicodeDecodeError) as error:
        yield Outcome(path, path.name, 1, perf_counter() - begun, error=str(error))
        return
    for case in found.cases:
        if named.lower() in case.name.lower():
            begun = perf_counter()
            one = _proved(found, case, file, definition)
            yield replace(one, seconds=perf_counter() - begun)


def _playbook(found: Suite, templates: Templates | None) -> PlaybookFile:
    files = playbooks(found.playbook, found.template_parameters, templates)
    wanted = [f for f in files if not found.workflow or f.name.lower() == found.workflow.lower()]
    if len(wanted) != 1:
        names = ", ".join(f"`{f.name}`" for f in files)
        told = f"has no workflow `{found.workflow}`" if found.workflow else "has several workflows"
        raise Invalid(f"{found.playbook} {told}; there are {names}: name one as `workflow`")
    return wanted[0]


def _proved(found: Suite, case: Case, file: PlaybookFile, definition: Definition) -> Outcome:
    trigger = next((t for t in definition.triggers if t.name.lower() == case.trigger.lower()), None)
    if case.trigger and trigger is None:
        names = ", ".join(f"`{t.name}`" for t in definition.triggers)
        return Outcome(found.path, case.name, case.line, 0, error=f"no trigger is named `{case.trigger}`: {names}")
    if trigger is not None:
        definition = replace(definition, triggers=(trigger,))
    values = {n: v for n, v in {**file.parameters, **case.parameters}.items() if n != "$connections"}
    unknown = next((n for n in case.parameters if n.lower() not in {p.lower() for p in definition.parameters}), None)
    if unknown is not None:
        help = did_you_mean(unknown, definition.parameters)
        error = f"the workflow has no parameter `{unknown}`" + (f"; {help}" if help else "")
        return Outcome(found.path, case.name, case.line, 0, error=error)
    connections = file.connections()
    values |= {"$connections": connections} if connections else {}
    mocks = Mocks(case.mocks, case.approvals, case.replies, connections)
    context = RunContext(payloads.WORKSPACE, file.name, "test", Author(), case.clock, test=True)
    world = SimulatedWorld(mocks, context, connections, script=mocks, settings=case.settings, seed=case.seed)
    played = play(definition, case.outputs, world, values, _facts(file.name))
    differences = tuple(_differences(case, played, mocks, connections))
    return Outcome(found.path, case.name, case.line, 0, differences, notes=_notes(played), played=played)


def _facts(name: str) -> dict[str, Any]:
    group = f"/subscriptions/{payloads.SUBSCRIPTION}/resourceGroups/{payloads.GROUP}"
    id = f"{group}/providers/Microsoft.Logic/workflows/{name}"
    run = {"id": f"{id}/runs/test", "name": "test", "type": "Microsoft.Logic/workflows/runs"}
    return {"id": id, "name": name, "type": "Microsoft.Logic/workflows", "location": "local", "tags": {}, "run": run}


def _notes(played: Played) -> tuple[str, ...]:
    """What became of the actions that went wrong: it explains most of what isn't as expected."""
    failed = [r for r in played.run.records if r.status in (Status.FAILED, Status.TIMED_OUT) and not r.action.within]
    return tuple(f"{r.key} is {r.status}: {r.code}: {r.shown_error['message']}" for r in failed[:10])


def _differences(case: Case, played: Played, mocks: Mocks, connections: Any) -> Iterator[Difference]:
    expected = case.expected
    if played.ended is None:
        yield Difference(expected.line, f"the run doesn't end: {played.stuck}")
    for name in mocks.unknown:
        yield Difference(case.line, f"no mock answers `{name}`")
    if played.ended is not None:
        yield from _of_run(expected, played)
    for action in expected.actions:
        yield from _of_action(action, played)
    targets = [(target(m.call, connections), m.call, m.answer) for m in played.world.made]
    for effect in expected.effects:
        yield from _of_effect(effect, targets)
    for which in expected.no_effects:
        tried = [(t, c) for t, c, _ in targets] + [(target(c, connections), c) for c, _ in played.world.held]
        found = next((t for t, c in tried if which.fits(c, t)), None)
        if found is not None:
            yield Difference(which.line, f"`{found}` was called, and must not be")
    yield from _of_response(expected, played.world.responses)


def _of_run(expected: Expectation, played: Played) -> Iterator[Difference]:
    ended = played.ended
    assert ended is not None
    if expected.status and expected.status != ended.status:
        yield Difference(
            expected.line, f"the run is {ended.status}, not {expected.status}: {ended.code} {ended.message}"
        )
    if expected.code and expected.code.lower() != ended.code.lower():
        yield Difference(expected.line, f"the run's code is `{ended.code}`, not `{expected.code}`")
    if expected.outputs is not None:
        yield from _told(expected.line, expected.outputs, dict(ended.outputs), "outputs")
    if expected.within is not None:
        took = played.world.time - played.world.began
        if took > expected.within:
            yield Difference(expected.line, f"the run took {took}, and at most {expected.within} was expected")


def _of_action(expected: ExpectedAction, played: Played) -> Iterator[Difference]:
    named = [r for r in played.run.records if expected.name.lower() in (r.key.lower(), r.action.name.lower())]
    if not named:
        known = {r.action.name for r in played.run.records} | {a.name for a in played.run.definition.all()}
        if expected.name.lower() not in {n.lower() for n in known}:
            hint = did_you_mean(expected.name, known)
            yield Difference(expected.line, f"no action is named `{expected.name}`" + (f"; {hint}" if hint else ""))
        elif expected.times != 0 and expected.status != Status.SKIPPED:
            yield Difference(expected.line, f"`{expected.name}` was never reached")
        return
    reasons = [(r, list(_of_record(expected, r))) for r in named]
    fitting = [r for r, wrong in reasons if not wrong]
    if expected.times is not None:
        if len(fitting) != expected.times:
            told = f"`{expected.name}` ended like this {len(fitting)} times, not {expected.times}"
            yield Difference(expected.line, told + "".join(f"\n{w}" for _, ws in reasons[:3] for w in ws[:2]))
    elif not fitting:
        # Of several rounds the likest says best what is wrong.
        for text in min((wrong for _, wrong in reasons), key=len):
            yield Difference(expected.line, text)


def _of_record(expected: ExpectedAction, record: Record) -> Iterator[str]:
    if expected.status and expected.status != record.status:
        why = f": {record.code} {record.shown_error['message']}".rstrip()
        yield f"`{record.key}` is {record.status}, not {expected.status}{why}"
    if expected.code and expected.code.lower() != record.code.lower():
        yield f"the code of `{record.key}` is `{record.code}`, not `{expected.code}`"
    if expected.attempts is not None and expected.attempts != record.attempts:
        yield f"`{record.key}` took {record.attempts} attempts, not {expected.attempts}"
    if expected.inputs is not None:
        yield from mismatches(expected.inputs, record.inputs, f"{record.key}.inputs")
    if expected.outputs is not None:
        yield from mismatches(expected.outputs, record.outputs, f"{record.key}.outputs")


def _of_effect(expected: ExpectedEffect, made: Sequence[tuple[str, Any, Answer]]) -> Iterator[Difference]:
    which, line = expected.which, expected.which.line
    meant = [(t, c, a) for t, c, a in made if which.fits(c, t)]
    good = [(t, c) for t, c, a in meant if not a.lost and not a.refused and a.status < 400]
    wrong = [list(_of_call(expected, call.inputs)) for _, call in good]
    fitting = sum(not w for w in wrong)
    if fitting == expected.times or (expected.times is None and fitting):
        return
    if not meant:
        others = ", ".join(dict.fromkeys(f"`{t}`" for t, _, _ in made)) or "nothing"
        yield Difference(line, f"`{which}` was never called; what was: {others}")
    elif not good:
        yield Difference(line, f"`{which}` was called, and never answered well")
    elif expected.times is not None:
        yield Difference(line, f"`{which}` was called like this {fitting} times, not {expected.times}")
    else:
        for text in min(wrong, key=len):
            yield Difference(line, text)


def _of_call(expected: ExpectedEffect, inputs: Any) -> Iterator[str]:
    given: Mapping[str, Any] = inputs if isinstance(inputs, Mapping) else {}
    for name, wanted in (("body", expected.body), ("queries", expected.queries), ("headers", expected.headers)):
        if wanted is not None:
            yield from mismatches(wanted, given.get(name), f"the {name} of `{expected.which}`")


def _of_response(expected: Expectation, responses: Sequence[Answer]) -> Iterator[Difference]:
    if expected.no_response and responses:
        yield Difference(expected.line, f"nobody was to be answered, and the answer is {shown(responses[0].body)}")
    wanted = expected.response
    if wanted is None:
        return
    if not responses:
        yield Difference(wanted.line, "whoever started the run was never answered")
        return
    yield from _of_answer(wanted, responses[0])


def _of_answer(wanted: ExpectedResponse, answer: Answer) -> Iterator[Difference]:
    if wanted.status is not None and wanted.status != answer.status:
        yield Difference(wanted.line, f"the response's status is {answer.status}, not {wanted.status}")
    if wanted.body is not None:
        yield from _told(wanted.line, wanted.body, answer.body, "the response's body")
    if wanted.headers is not None:
        yield from _told(wanted.line, wanted.headers, dict(answer.headers), "the response's headers")


def _told(line: int, wanted: Wanted, value: Any, place: str) -> Iterator[Difference]:
    for text in mismatches(wanted, value, place):
        yield Difference(line, text)

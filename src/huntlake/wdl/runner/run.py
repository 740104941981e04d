"""One run of a workflow."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from huntlake.core.diagnostics import SourceError
from huntlake.wdl.actions import LOCAL
from huntlake.wdl.actions.local import ActionFailed, Means, Variables
from huntlake.wdl.definition.workflow import NOT_HERE, Action, ActionType, Definition, Status
from huntlake.wdl.dotnet import timestamps
from huntlake.wdl.dotnet.durations import duration
from huntlake.wdl.expressions.evaluator import Evaluator
from huntlake.wdl.expressions.values import Fault, found, kind, same, text
from huntlake.wdl.functions import FUNCTIONS
from huntlake.wdl.runner.effects import Answer, Call, Effects, Pending, Wait, World
from huntlake.wdl.runner.frames import Frame, RunScope
from huntlake.wdl.runner.pool import Pendings, Pool, Step
from huntlake.wdl.runner.records import HIDDEN_MESSAGE, Record
from huntlake.wdl.runner.retries import retries
from huntlake.wdl.runner.secrets import hidden

WORK = 64_000_000
"""What the functions of one template may make here: real data are larger than what a text can spell out."""
MOST_ITEMS = 100_000
MOST_ROUNDS = 5_000
ROUNDS = 60
SIDE_BY_SIDE = 20
POLLING = timedelta(seconds=20)
_LEAVING = 600.0
"""For so many seconds it is tried to take a subscription back."""


@dataclass(frozen=True)
class Ended:
    """What became of a run."""

    status: Status
    code: str = ""
    message: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)


_Deed = Generator[Pendings, tuple[Pending, Answer | None], Status]
_Asked = Generator[Pendings, tuple[Pending, Answer | None], Answer]


class _Terminated(Exception):
    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.message)
        self.ended = ended


@dataclass
class _Subscribed:
    """A webhook that waits for its answer, or whose subscription is being taken back."""

    action: Action
    record: Record
    evaluator: Evaluator
    attempts: int = 0
    """How often it was tried to take it back."""
    pending: Pending | None = None
    """What taking it back waits for."""
    until: datetime | None = None
    """Until when that is tried."""


@dataclass
class Run:
    """A run: the definition, what set it off, and the world it works in.

    `trigger` is the trigger's record as `trigger()` gives it, `facts` what `workflow()` gives, `parameters` hold the
    values of all parameters, defaults included.
    """

    definition: Definition
    trigger: Mapping[str, Any]
    effects: Effects
    parameters: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    """Every record in the order in which the actions began or were skipped."""
    breaking: bool = False
    """Whether it is being broken off."""

    def __post_init__(self) -> None:
        self._subscribed: dict[str, _Subscribed] = {}
        self._variables = Variables()
        self._hidden = hidden(self.definition)
        self.secret = self._hidden.outputs
        """Whether the outputs of the run must not be shown."""
        self._known = {a.name.lower(): a.name for a in self.definition.all()}
        self._scopes = {
            a.name.lower(): tuple(w.name for w in a.within) for a in self.definition.all() if a.type in _CONTAINERS
        }
        self._frame = Frame()

    def steps(self) -> Generator[Pendings, tuple[Pending, Answer | None], Ended]:
        """Runs to the end; gives all that it can't go on without, and is sent one of these at a time, with its answer.

        Which one is the host's choice, and the only one: who sends the same again gets the same run again.
        """
        frame = self._frame
        steps = Pool()
        try:
            steps.start(self._container(self.definition.actions, frame))
            while len(steps):
                steps.over(*(yield steps.pending))
        except _Terminated as terminated:
            return (yield from self.breaking_off(terminated.ended))
        status = _folded(self.definition.actions, frame)
        if status is not Status.SUCCEEDED:
            return Ended(status, "ActionFailed", "An action failed. No dependent actions succeeded.")
        try:
            outputs = {n: self._evaluator(frame).value(_value(o)) for n, o in self.definition.outputs.items()}
        except SourceError as error:
            return Ended(Status.FAILED, "InvalidTemplate", HIDDEN_MESSAGE if self.secret else str(error))
        return Ended(Status.SUCCEEDED, outputs=outputs)

    # -- containers

    def _container(self, actions: tuple[Action, ...], frame: Frame) -> Step:
        waiting = list(actions)
        steps = Pool()
        while True:
            # What one action starts or skips may free another, before or behind it.
            while ready := next((a for a in waiting if self._free(a, frame)), None):
                waiting.remove(ready)
                if self._wanted(ready, frame):
                    steps.start(self._action(ready, frame))
                else:
                    self._skip((ready,), frame, "ActionSkipped", _SKIPPED)
            if not len(steps):
                return
            steps.over(*(yield steps.pending))

    def _free(self, action: Action, frame: Frame) -> bool:
        return all(_ended(frame, name) for name in action.run_after)

    def _wanted(self, action: Action, frame: Frame) -> bool:
        return all(_status(frame, name) in wanted for name, wanted in action.run_after.items())

    def _skip(self, actions: Iterable[Action], frame: Frame, code: str, message: str) -> None:
        for action in actions:
            record = self._begin(action, frame)
            self._end(record, frame, Status.SKIPPED, code, message, _NOTHING)
            self._skip(action.within, frame, code, message)

    def breaking_off(self, ended: Ended) -> Generator[Pendings, tuple[Pending, Answer | None], Ended]:
        """Breaks the run off in place of its own steps: what webhooks have subscribed to is taken back before."""
        self.breaking = True
        steps = Pool()
        for webhook in list(self._subscribed.values()):
            steps.start(self._left(webhook))
        while len(steps):
            steps.over(*(yield steps.pending))
        self.break_off()
        return ended

    def _left(self, webhook: _Subscribed) -> Step:
        webhook.record.message, webhook.record.tells = (yield from self._unsubscribe(webhook)), None

    def break_off(self) -> None:
        """Ends what is running as Cancelled, and what has not begun as Skipped; the steps must not go on then."""
        running = {r.action.name for r in self.records if r.status is Status.RUNNING}
        for record in self.records:
            if record.status is Status.RUNNING:
                record.status, record.code = Status.CANCELLED, "Terminated"
                record.ended = self.effects.now()
                self.effects.ended(record)
        self._skip_rest(self.definition.actions, running)

    def _skip_rest(self, actions: Iterable[Action], running: set[str]) -> None:
        for action in actions:
            if action.name in running:
                # What would have stood in the rounds of a loop, nobody knows.
                if action.type not in _LOOPS:
                    self._skip_rest(action.within, running)
            elif not _ended(self._frame, action.name):
                self._skip((action,), self._frame, "ActionSkipped", "the run ended before")

    # -- one action

    def _begin(self, action: Action, frame: Frame) -> Record:
        secret = self._hidden.actions.get(action.name, frozenset())
        record = Record(action, frame.place, self.effects.new_id(), self.effects.now(), hidden=secret)
        self.records.append(record)
        return record

    def _end(
        self,
        record: Record,
        frame: Frame,
        status: Status,
        code: str,
        message: str = "",
        tells: frozenset[str] | None = None,
    ) -> None:
        record.status, record.code, record.message, record.tells = status, code, message, tells
        record.ended = self.effects.now()
        try:
            tracked = self._evaluator(frame, record).value(dict(record.action.tracked))
            record.tracked = tracked if status is not Status.SKIPPED else {}
        except SourceError as error:
            record.status, record.code, record.message = Status.FAILED, "InvalidTemplate", str(error)
            record.tells = None
        frame.records[record.action.name.lower()] = record
        self.effects.ended(record)

    def _action(self, action: Action, frame: Frame) -> Step:
        record = self._begin(action, frame)
        try:
            status = yield from self._done(action, frame, record)
        except ActionFailed as failed:
            record.inputs = failed.inputs if failed.inputs is not None else record.inputs
            record.outputs = failed.outputs if failed.outputs is not None else record.outputs
            status = Status.TIMED_OUT if failed.code == "ActionTimedOut" else Status.FAILED
            self._end(record, frame, status, failed.code, failed.message, failed.tells)
        except (SourceError, Fault) as error:
            self._end(record, frame, Status.FAILED, "InvalidTemplate", str(error))
        else:
            if status is Status.SKIPPED:
                self._end(record, frame, status, "ActionSkipped", "its static result says so", _NOTHING)
            elif status is Status.SUCCEEDED:
                self._end(record, frame, status, "NotSpecified" if action.type in _CONTAINERS else "OK")
            else:
                said = "An action failed. No dependent actions succeeded."
                self._end(record, frame, status, "ActionFailed", said, _NOTHING)
        # A branch that was never reached has no records yet.
        self._skip([a for a in action.within if not _ended(frame, a.name)], frame, "ActionSkipped", _NOT_TAKEN)

    def _done(self, action: Action, frame: Frame, record: Record) -> _Deed:
        evaluator = self._evaluator(frame, record)
        local = LOCAL.get(action.type)
        if action.static_result:
            return self._static(action, record, evaluator)
        if local is not None:
            means = Means(evaluator, lambda item: self._evaluator(frame, record, item), self._variables)
            given = local(action, means)
            record.inputs, record.outputs = given.inputs, given.outputs
            return Status.SUCCEEDED
        if action.type in NOT_HERE:
            raise ActionFailed("NotSupported", f"{NOT_HERE[action.type]} is not supported", tells=_NOTHING)
        match action.type:
            case ActionType.SCOPE:
                return (yield from self._inner(action.actions, frame))
            case ActionType.IF:
                return (yield from self._if(action, frame, record, evaluator))
            case ActionType.SWITCH:
                return (yield from self._switch(action, frame, record, evaluator))
            case ActionType.FOREACH:
                return (yield from self._foreach(action, frame, evaluator))
            case ActionType.UNTIL:
                return (yield from self._until(action, frame, evaluator))
            case ActionType.TERMINATE:
                self._terminate(action, frame, record, evaluator)
            case ActionType.WAIT:
                yield from self._wait(record, evaluator)
            case ActionType.RESPONSE:
                self._respond(record, evaluator)
            case ActionType.API_CONNECTION_WEBHOOK | ActionType.HTTP_WEBHOOK:
                yield from self._webhook(action, record, evaluator)
            case _:
                yield from self._call(action, record, evaluator)
        return Status.SUCCEEDED

    def _evaluator(self, frame: Frame, record: Record | None = None, *each: Any) -> Evaluator:
        scope = RunScope(
            self.effects,
            frame,
            self.trigger,
            self.facts,
            self.parameters,
            self._variables,
            self._scopes,
            self._known,
            record,
        )
        if each:
            scope.each = each[0]
        return Evaluator(FUNCTIONS, scope, WORK)

    # -- control

    def _inner(self, actions: tuple[Action, ...], frame: Frame) -> _Deed:
        yield from self._container(actions, frame)
        return _folded(actions, frame)

    def _if(self, action: Action, frame: Frame, record: Record, evaluator: Evaluator) -> _Deed:
        truth = _condition(action.expression, evaluator)
        if not isinstance(truth, bool):
            raise ActionFailed("InvalidTemplate", f"the condition must be a boolean, not {kind(truth)}")
        record.inputs = {"expressionResult": truth}
        taken, other = (action.actions, action.otherwise) if truth else (action.otherwise, action.actions)
        self._skip(other, frame, "ActionBranchingConditionNotSatisfied", _NOT_TAKEN)
        return (yield from self._inner(taken, frame))

    def _switch(self, action: Action, frame: Frame, record: Record, evaluator: Evaluator) -> _Deed:
        value = evaluator.value(action.expression)
        record.inputs = {"expressionResult": value}
        branches = [(c.actions, same(evaluator.value(c.value), value)) for c in action.cases]
        taken = next((actions for actions, fits in branches if fits), action.otherwise)
        for other in [*(actions for actions, _ in branches), action.otherwise]:
            if other is not taken:
                self._skip(other, frame, "ActionBranchingConditionNotSatisfied", _NOT_TAKEN)
        return (yield from self._inner(taken, frame))

    def _foreach(self, action: Action, frame: Frame, evaluator: Evaluator) -> _Deed:
        items = evaluator.value(action.foreach)
        if not isinstance(items, list):
            raise ActionFailed(
                "InvalidTemplate", f"a Foreach goes over an array, not over a value of type {kind(items)}"
            )
        if len(items) > MOST_ITEMS:
            raise ActionFailed("BadRequest", f"a Foreach goes over at most {MOST_ITEMS:,} items")
        most = action.repetitions or SIDE_BY_SIDE
        if "sequential" in action.options or any(f.foreach for f in frame.chain()):
            most = 1
        frames = [Frame(frame, action.name, i, item, foreach=True) for i, item in enumerate(items)]
        steps, following = Pool(), iter(frames)
        while True:
            while len(steps) < most and (one := next(following, None)):
                steps.start(self._container(action.actions, one))
            if not len(steps):
                break
            steps.over(*(yield steps.pending))
        for inner in action.actions:
            for below in inner.all() if frames else ():
                ended = [f.records[below.name.lower()] for f in frames if below.name.lower() in f.records]
                frame.records[below.name.lower()] = [r for e in ended for r in (e if isinstance(e, list) else [e])]
        return _worst(_folded(action.actions, f) for f in frames)

    def _until(self, action: Action, frame: Frame, evaluator: Evaluator) -> _Deed:
        count = evaluator.value(action.limit.count)
        most = ROUNDS if count is None else FUNCTIONS["int"].body(count)
        if not 1 <= most <= MOST_ROUNDS:
            raise ActionFailed("InvalidTemplate", f"an Until has 1 to {MOST_ROUNDS:,} rounds")
        timeout = evaluator.value(action.limit.timeout)
        until = self._after(duration("PT1H" if timeout is None else timeout).total_seconds())
        status = Status.SUCCEEDED
        for index in range(most):
            one = Frame(frame, action.name, index)
            status = yield from self._inner(action.actions, one)
            # What ended in the last round is what is seen from outside.
            frame.records |= one.records
            truth = self._evaluator(one).value(_marked(action.expression))
            if not isinstance(truth, bool):
                raise ActionFailed("InvalidTemplate", f"the condition must be a boolean, not {kind(truth)}")
            if truth:
                return status
            if self.effects.now() >= until:
                break
        if "failwhenlimitsreached" in action.options:
            raise ActionFailed("ActionFailed", "the loop reached its limit before its condition was true")
        return status

    def _terminate(self, action: Action, frame: Frame, record: Record, evaluator: Evaluator) -> None:
        inputs = evaluator.value(action.inputs)
        record.inputs = inputs
        wanted = text(inputs.get("runStatus")).lower() if isinstance(inputs, dict) else ""
        status = {s.lower(): s for s in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)}.get(wanted)
        if status is None:
            raise ActionFailed("InvalidTemplate", f"`runStatus` can't be `{wanted}`")
        error = inputs.get("runError") or {}
        code, message = (text(error.get(k)) for k in ("code", "message")) if isinstance(error, dict) else ("", "")
        if "inputs" in record.hidden:
            code, message = "", HIDDEN_MESSAGE
        self._end(record, frame, Status.SUCCEEDED, "OK")
        raise _Terminated(Ended(status, code or "Terminated", message))

    # -- waits and calls

    def _wait(self, record: Record, evaluator: Evaluator) -> Step:
        inputs = record.inputs = evaluator.value(record.action.inputs)
        if not isinstance(inputs, dict):
            raise ActionFailed("InvalidTemplate", "a Wait needs an `interval` or an `until`")
        until, interval = inputs.get("until"), inputs.get("interval")
        if isinstance(until, dict):
            at = timestamps.to_datetime(timestamps.read(text(until.get("timestamp"))))
        elif isinstance(interval, dict):
            seconds = _UNITS.get(text(interval.get("unit")).lower().rstrip("s"))
            if seconds is None:
                raise ActionFailed("InvalidTemplate", f"`{text(interval.get('unit'))}` is not a unit of time")
            at = self._after(FUNCTIONS["int"].body(interval.get("count")) * seconds)
        else:
            raise ActionFailed("InvalidTemplate", "a Wait needs an `interval` or an `until`")
        yield (Wait(record.key, at),)

    def _respond(self, record: Record, evaluator: Evaluator) -> None:
        inputs = record.inputs = evaluator.value(record.action.inputs)
        if not isinstance(inputs, dict):
            raise ActionFailed("InvalidTemplate", "a Response needs a `statusCode`")
        status = FUNCTIONS["int"].body(inputs.get("statusCode", 200))
        if not 200 <= status <= 599 or 300 <= status <= 399:
            raise ActionFailed("InvalidTemplate", f"a Response can't have the status {status}")
        given = inputs.get("headers") or {}
        if not isinstance(given, dict):
            raise ActionFailed("InvalidTemplate", "the headers of a Response must be an object")
        headers = {k: text(v) for k, v in given.items()}
        record.outputs = {k: v for k, v in inputs.items() if k != "schema"}
        if not self.effects.respond(record.key, Answer(status, headers, inputs.get("body"))):
            raise ActionFailed("ActionResponseSkipped", "nobody waits for the response any more")

    def _call(self, action: Action, record: Record, evaluator: Evaluator) -> Step:
        inputs = record.inputs = evaluator.value(action.inputs)
        until = self._timeout(action, evaluator)
        answer = yield from self._answer(action, record, inputs, "", until)
        polls = 0
        while answer.status == 202 and "disableasyncpattern" not in action.options:
            location = next((v for k, v in answer.headers.items() if k.lower() == "location"), "")
            if not location:
                break
            asked = next((v for k, v in answer.headers.items() if k.lower() == "retry-after"), "")
            pause = timedelta(seconds=int(asked[:6])) if asked.isdecimal() else POLLING
            polls += 1
            yield from self._pause(f"{record.key}#poll{polls}", pause, until)
            answer = yield from self._answer(action, record, inputs, location, until)
        if action.least_items is not None:
            answer = yield from self._paged(action, record, inputs, answer, until)
        _take(record, answer)

    def _paged(self, action: Action, record: Record, inputs: Any, answer: Answer, until: Any) -> _Asked:
        """The answer with the items of the pages behind it, until there are as many as the action wants."""
        items, link = _page(answer)
        seen = {link}
        while items is not None and link and len(items) < (action.least_items or 0):
            following = yield from self._answer(action, record, inputs, link, until)
            more, link = _page(following)
            if more is None:
                return following if following.refused or following.lost or not 200 <= following.status < 300 else answer
            items = items + more
            # A service that names the same page again would be asked for ever.
            link = "" if link in seen else link
            seen.add(link)
            said = {k: v for k, v in answer.body.items() if k not in _LINKS}
            answer = replace(answer, body={**said, "value": items} | ({"nextLink": link} if link else {}))
        return answer

    def _answer(self, action: Action, record: Record, inputs: Any, poll: str, until: Any) -> _Asked:
        policy = retries(inputs.get("retryPolicy") if isinstance(inputs, dict) else None)
        attempt = 0
        while True:
            attempt += 1
            record.attempts += 1
            secret = _following(record) if poll else record.hidden
            _, answer = yield (Call(f"{record.key}#{record.attempts}", action, inputs, attempt, poll, secret),)
            assert answer is not None
            if attempt > policy.count or not policy.again(answer):
                return answer
            pause = policy.after(attempt, answer, self.effects.random)
            yield from self._pause(f"{record.key}#retry{record.attempts}", pause, until)

    def _pause(self, key: str, pause: timedelta, until: Any) -> Step:
        at = self.effects.now() + pause
        if until is not None and at > until:
            yield (Wait(key, until),)
            raise ActionFailed("ActionTimedOut", "the action took longer than its limit", tells=_NOTHING)
        yield (Wait(key, at),)

    def _timeout(self, action: Action, evaluator: Evaluator) -> Any:
        timeout = evaluator.value(action.limit.timeout)
        return None if timeout is None else self._after(duration(timeout).total_seconds())

    def _after(self, seconds: float) -> datetime:
        try:
            return self.effects.now() + timedelta(seconds=seconds)
        except OverflowError:
            raise Fault("the time to wait for is outside of the years 1 to 9999") from None

    def _webhook(self, action: Action, record: Record, evaluator: Evaluator) -> Step:
        # What takes the subscription back knows, by `action()`, what it was answered.
        given = action.inputs
        if isinstance(given, Mapping):
            given = {k: v for k, v in given.items() if k.lower() != "unsubscribe"}
        inputs = record.inputs = evaluator.value(given)
        until = self._timeout(action, evaluator)
        _take(record, (yield from self._answer(action, record, inputs, "", until)))
        webhook = self._subscribed[record.key] = _Subscribed(action, record, evaluator)
        _, called = yield (Wait(record.key, until, callback=True),)
        if called is None:
            problem = yield from self._unsubscribe(webhook)
            record.outputs = None
            said = "nobody answered within the action's limit"
            if problem:
                raise ActionFailed("ActionTimedOut", f"{said}; {problem}")
            raise ActionFailed("ActionTimedOut", said, tells=_NOTHING)
        del self._subscribed[record.key]
        _take(record, called)

    def _unsubscribe(self, webhook: _Subscribed) -> Generator[Pendings, tuple[Pending, Answer | None], str]:
        """Takes back what a webhook has subscribed to, where there is a way; says what went wrong.

        A run that is broken off meanwhile goes on with it where it was: with the same call, or the same pause.
        """
        record = webhook.record
        try:
            inputs = _unsubscribing(webhook)
            policy = retries(None if inputs is None else inputs.get("retryPolicy"))
            until = webhook.until = webhook.until or self._after(_LEAVING)
        except (ActionFailed, SourceError, Fault) as error:
            del self._subscribed[record.key]
            return f"it could not be unsubscribed: {error}"
        if inputs is None:
            del self._subscribed[record.key]
            return ""
        while True:
            if webhook.pending is None:
                webhook.attempts += 1
                key = f"{record.key}/unsubscribe#{webhook.attempts}"
                webhook.pending = Call(
                    key, webhook.action, inputs, webhook.attempts, hidden=_following(record), unsubscribes=True
                )
            over = webhook.pending
            _, answer = yield (over,)
            webhook.pending = None
            if answer is None:
                continue
            if webhook.attempts > policy.count or not policy.again(answer):
                break
            at = self.effects.now() + policy.after(webhook.attempts, answer, self.effects.random)
            if at > until:
                break
            webhook.pending = Wait(f"{record.key}/unsubscribe#retry{webhook.attempts}", at)
        del self._subscribed[record.key]
        # Whoever knows of no such subscription has none.
        if not (answer.refused or answer.lost) and (200 <= answer.status < 300 or answer.status in (404, 410)):
            return ""
        why = answer.refused or answer.lost or f"the answer has the status {answer.status}"
        return f"it could not be unsubscribed: {why}"

    def _static(self, action: Action, record: Record, evaluator: Evaluator) -> Status:
        results = dict(self.definition.static_results)
        name = found(results, action.static_result)
        if name is None or not isinstance(results[name], dict):
            raise ActionFailed("InvalidTemplate", f"the workflow has no static result `{action.static_result}`")
        result = evaluator.value(results[name])
        record.outputs = result.get("outputs")
        said = text(result.get("status")).lower() or "succeeded"
        status = next((s for s in _STATIC if s.lower() == said), None)
        if status is None:
            raise ActionFailed("NotSupported", f"a static result of the status `{said}` is not supported")
        if status in (Status.FAILED, Status.TIMED_OUT):
            error = result.get("error") if isinstance(result.get("error"), dict) else {}
            code = text(result.get("code")) or text(error.get("code")) or "ActionFailed"
            # A code is always shown.
            code = "ActionFailed" if record.hidden and "@" in str(results[name]) else code
            timed_out = status is Status.TIMED_OUT
            raise ActionFailed("ActionTimedOut" if timed_out else code, text(error.get("message")))
        return status


def run_in(run: Run, world: World) -> Ended:
    """Runs to the end in a world that makes each call as it comes, and waits when nothing else is left."""
    steps = run.steps()
    try:
        pending = next(steps)
        while True:
            calls = [p for p in pending if isinstance(p, Call)]
            if calls:
                pending = steps.send((calls[0], world.call(calls[0])))
            else:
                pending = steps.send(world.wait([p for p in pending if isinstance(p, Wait)]))
    except StopIteration as end:
        ended: Ended = end.value
        return ended


def _take(record: Record, answer: Answer) -> None:
    if answer.refused:
        # Before anything came, what is refused is what was asked for.
        raise ActionFailed("NotSupported", answer.refused, tells=_INPUTS if record.attempts == 1 else None)
    if answer.lost:
        raise ActionFailed("ServiceUnavailable", answer.lost)
    record.outputs = {"statusCode": answer.status, "headers": dict(answer.headers), "body": answer.body}
    if not 200 <= answer.status < 300:
        try:
            reason = HTTPStatus(answer.status).phrase
        except ValueError:
            reason = "Unknown"
        code = "".join(w.capitalize() for w in reason.split())
        raise ActionFailed(code, f"the answer has the status {answer.status}", tells=_NOTHING)


def _following(record: Record) -> frozenset[str]:
    """What is secret of a call that goes where an answer led: its inputs are made of those outputs."""
    return record.hidden | (_INPUTS if "outputs" in record.hidden else _NOTHING)


def _unsubscribing(webhook: _Subscribed) -> dict[str, Any] | None:
    """What the call that takes a subscription back is given; None where none is known."""
    action, record = webhook.action, webhook.record
    if action.type is ActionType.HTTP_WEBHOOK:
        given = next((v for k, v in _mapping(action.inputs).items() if k.lower() == "unsubscribe"), None)
        inputs = webhook.evaluator.value(given)
        return inputs if isinstance(inputs, dict) and inputs.get("uri") else None
    headers = _mapping(_mapping(record.outputs).get("headers"))
    location = next((v for k, v in headers.items() if k.lower() == "location"), "")
    return {"host": _mapping(record.inputs).get("host"), "method": "DELETE", "path": location} if location else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _page(answer: Answer) -> tuple[list[Any] | None, str]:
    """The items of one page, and where the next one is; None for an answer that isn't a page."""
    body = answer.body
    if answer.lost or not 200 <= answer.status < 300 or not isinstance(body, dict):
        return None, ""
    items = body.get("value")
    link = next((body[k] for k in _LINKS if body.get(k)), "")
    return (items if isinstance(items, list) else None), link if isinstance(link, str) else ""


# -- statuses --------------------------------------------------------------------------


def _ended(frame: Frame, name: str) -> bool:
    return name.lower() in frame.records


def _status(frame: Frame, name: str) -> Status:
    record = frame.records[name.lower()]
    assert isinstance(record, Record)
    return record.status


def _folded(actions: tuple[Action, ...], frame: Frame) -> Status:
    """What becomes of a container: its last actions tell, and in place of one that was skipped those before it."""
    by_name = {a.name: a for a in actions}
    followed = {name for a in actions for name in a.run_after}
    pending = [a.name for a in actions if a.name not in followed]
    seen: set[str] = set()
    statuses = []
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        status = _status(frame, name)
        if status is Status.SKIPPED:
            pending += by_name[name].run_after
        else:
            statuses.append(status)
    return _worst(statuses)


def _worst(statuses: Iterable[Status]) -> Status:
    held = set(statuses)
    return next((s for s in (Status.FAILED, Status.TIMED_OUT) if s in held), Status.SUCCEEDED)


# -- conditions ------------------------------------------------------------------------


def _condition(node: Any, evaluator: Evaluator) -> Any:
    """The value of a condition: a template, or a tree whose keys are functions. `and` and `or` stop where they may."""
    if isinstance(node, str):
        return evaluator.value(_marked(node))
    if not isinstance(node, dict):
        return node
    if len(node) != 1:
        raise ActionFailed("InvalidTemplate", "each part of a condition has just one function")
    name, given = next(iter(node.items()))
    if name.lower() not in FUNCTIONS:
        raise ActionFailed("InvalidTemplate", f"no function is named `{name}`")
    parts = given if isinstance(given, list) else [given]
    if name.lower() in ("and", "or"):
        stop = name.lower() == "or"
        return _any(parts, evaluator, name) if stop else not _any(parts, evaluator, name, negated=True)
    return evaluator.call(name, [_operand(p, evaluator) for p in parts])


def _any(parts: list[Any], evaluator: Evaluator, name: str, negated: bool = False) -> bool:
    for part in parts:
        value = _condition(part, evaluator)
        if not isinstance(value, bool):
            raise ActionFailed("InvalidTemplate", f"`{name}` takes booleans, not a value of type {kind(value)}")
        if value != negated:
            return True
    return False


def _operand(node: Any, evaluator: Evaluator) -> Any:
    if isinstance(node, dict) and len(node) == 1 and next(iter(node)).lower() in FUNCTIONS:
        return _condition(node, evaluator)
    return evaluator.value(node)


def _marked(expression: Any) -> Any:
    # A condition may stand without its `@`, as in older definitions.
    if isinstance(expression, str) and not expression.startswith("@") and "@{" not in expression:
        return f"@{expression}"
    return expression


def _value(output: Any) -> Any:
    return output.get("value") if isinstance(output, dict) and "value" in output else output


_SKIPPED = "the actions before it didn't end as `runAfter` wants"
_NOT_TAKEN = "the branch was not taken"
_NOTHING = frozenset[str]()
_INPUTS = frozenset(("inputs",))
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_592_000}
_LINKS = ("nextLink", "@odata.nextLink", "odata.nextLink")
_STATIC = (Status.SUCCEEDED, Status.FAILED, Status.SKIPPED, Status.TIMED_OUT)
_LOOPS = frozenset((ActionType.FOREACH, ActionType.UNTIL))
_CONTAINERS = frozenset((ActionType.FOREACH, ActionType.IF, ActionType.SCOPE, ActionType.SWITCH, ActionType.UNTIL))

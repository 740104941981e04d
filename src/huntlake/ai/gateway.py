"""The one way to a model: names become tokens, budgets and health are looked at, and every call is kept."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Lock
from time import monotonic
from typing import Any

from huntlake.ai.budgets import Budget, Prices, Spending
from huntlake.ai.calls import ModelCall, SealedMap, kept_calls
from huntlake.ai.cassettes import Cassette, Recorded, Tape
from huntlake.ai.chat import Adviser, Data, NoAnswer, Proposal, Question
from huntlake.ai.dialects import Dialect, value_of
from huntlake.ai.endpoint import Endpoint, Place, Reply, probed
from huntlake.ai.faults import CallFailed, Fault
from huntlake.ai.health import Breaker, Health, HealthLimits
from huntlake.ai.own import TOKEN, Identities, Own, OwnThings
from huntlake.ai.prompting import canonical, messages, plain
from huntlake.ai.restoring import restored
from huntlake.ai.vault import TokenVault
from huntlake.core.clock import Clock
from huntlake.core.errors import DomainError, NotFound, Unavailable
from huntlake.state.audit import Actor, ActorKind, AuditEntry, AuditTrail
from huntlake.state.documents import Documents, Shelf
from huntlake.state.records import Author, Owner, Records
from huntlake.state.sealing import Seal

CALL = "modelCall"
"""The type of a call among the audit's objects."""
_BY = Author(name="huntlake")
_LETTERS_A_TOKEN = 3
_KEPT_RESPONSE = 200_000


@dataclass(frozen=True)
class Limits:
    """What a model may take."""

    budget: Budget = field(default_factory=Budget)
    prices: Prices = field(default_factory=Prices)
    health: HealthLimits = field(default_factory=HealthLimits)


@dataclass(frozen=True)
class Recorder:
    """A cassette, and what it is for."""

    tape: Tape = Tape.PASSTHROUGH
    cassette: Cassette | None = None


class Gateway(Adviser):
    """A model, as every workspace may ask it.

    `place` says where it is for a workspace, whose key may be in its own secrets.
    """

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        seal: Seal,
        audit: AuditTrail,
        identities: Identities,
        place: Callable[[str], Place],
        model: str,
        limits: Limits = Limits(),
        recorder: Recorder = Recorder(),
        wait: Callable[[float], None] | None = None,
        allowed: Callable[[str], bool] = lambda workspace: True,
        kept: timedelta | None = None,
    ) -> None:
        """`allowed` says which workspaces may ask; `kept` is how long calls are kept, None forever."""
        self._clock, self._seal, self._audit = clock, seal, audit
        self._identities, self._place, self._model = identities, place, model
        self._limits, self._recorder, self._wait, self._allowed = limits, recorder, wait, allowed
        self._kept = kept
        self.calls = kept_calls(shelf, clock)
        self._maps = Records(shelf, clock, "model token maps", SealedMap)
        self._dialects: Documents[str] = Documents(shelf, "model dialects", lambda v: v, str)
        self.spending = Spending(shelf, clock, limits.budget)
        self.breaker = Breaker(shelf, clock, limits.health, self._turned)
        self._endpoints: dict[Place, Endpoint] = {}
        self._owned: dict[Owner, tuple[OwnThings, Own]] = {}
        self._lock = Lock()

    @property
    def name(self) -> str:
        return self._model

    def ask(self, owner: Owner, question: Question, responsible: str) -> Proposal | None:
        answer = self.answer(owner, question, responsible)
        return answer if isinstance(answer, Proposal) else None

    def answer(self, owner: Owner, question: Question, responsible: str) -> Proposal | NoAnswer:
        """What the model proposes, or why there is nothing.

        `NotFound` where a cassette that is replayed has no answer: that is a mistake, and never passed over.
        """
        workspace = (owner[0],)
        if not self._allowed(owner[0]):
            return NoAnswer(f"`{owner[0]}` asks no model: the setting `model_workspaces` doesn't name it")
        if closed := self.breaker.closed(workspace, self._model):
            return NoAnswer(closed)
        try:
            vault, hidden = self._hidden(workspace, question)
        except _Leak as leak:
            return self._leaked(workspace, question, str(leak), responsible)
        except DomainError as error:
            return NoAnswer(f"the model is not asked: what is this place's own can't be told, {error}")
        asked = messages(hidden)
        size = sum(len(m["content"]) for m in asked)
        room = size // _LETTERS_A_TOKEN + question.max_tokens
        price = self._limits.prices.of(size // _LETTERS_A_TOKEN, question.max_tokens)
        if over := self.spending.reserve(workspace, room, price):
            return NoAnswer(over)
        try:
            id = self._sent(workspace, question, asked, vault, responsible)
        except DomainError as error:
            self.spending.settle(workspace, -room, -price)
            return NoAnswer(f"the model is not asked: that it is can't be written down, {error}")
        began = monotonic()
        try:
            reply = self._reply(workspace, question, asked)
            if reply.cut_off:
                raise CallFailed(Fault.CUT_OFF, "the answer was cut off before its end", reply.text)
            value = value_of(reply.text, question.schema, Dialect.PLAIN)
        except CallFailed as failed:
            self.spending.settle(workspace, -room, -price)
            self._failed(workspace, id, failed, responsible)
            self.breaker.went(workspace, self._model, useful=False, seconds=monotonic() - began)
            return NoAnswer(f"the model was of no use: {failed.reason}", id)
        except NotFound:
            self.spending.settle(workspace, -room, -price)
            raise
        used = reply.tokens_in + reply.tokens_out or room
        cost = self._limits.prices.of(reply.tokens_in, reply.tokens_out)
        self.spending.settle(workspace, used - room, cost - price)
        self.breaker.went(workspace, self._model, useful=True, seconds=reply.seconds)
        shown = restored(value, question.schema, vault.show)
        self._answered(workspace, id, reply, cost, _tokens_in(shown), responsible)
        return Proposal(shown, id, self._model)

    def checked(self, owner: Owner, call: str, findings: Sequence[str], responsible: str) -> None:
        if not call:
            return
        workspace = (owner[0],)
        entry = AuditEntry(
            Actor(ActorKind.SYSTEM, "huntlake", "huntlake"),
            "model.rejected" if findings else "model.accepted",
            CALL,
            call,
            responsible=responsible,
            details={"findings": len(findings)},
        )
        # What is found in a model's words may quote names: they are kept as they would be sent.
        vault = TokenVault(self._own(workspace))
        kept = tuple(vault.hide(finding)[:500] for finding in findings[:20])
        self._change(workspace, call, lambda c: replace(c, findings=kept), entry)

    def tokens(self, owner: Owner, call: str) -> dict[str, str]:
        """What the tokens of a call stand for. Who may know is decided, and written down, by whoever asks here."""
        import orjson

        found = self._maps.get((owner[0],), call)
        opened: dict[str, str] = orjson.loads(self._seal.open(found.value.sealed, _purpose(owner[0], call)))
        return opened

    def probe(self, owner: Owner) -> Dialect:
        """Find out anew which dialect the endpoint understands; `CallFailed` where it understands none."""
        place = self._place(owner[0])
        dialect = probed(self._endpoint(place))
        self._dialects.put(_name(place), dialect.value)
        return dialect

    def dialect(self, owner: Owner) -> Dialect | None:
        """The dialect that is known of the endpoint."""
        found = self._dialects.find(_name(self._place(owner[0])))
        return Dialect(found.value) if found else None

    def own(self, owner: Owner) -> OwnThings:
        """What is hidden; an error where it can't be told."""
        return self._identities.of((owner[0],))

    def where(self, owner: Owner) -> Place:
        """Where the workspace's questions go."""
        return self._place(owner[0])

    def expire(self, workspace: str) -> int:
        """Forget the calls that are older than they are kept, and what their tokens stood for; how many there were."""
        self.spending.expire(workspace)
        if self._kept is None:
            return 0
        before = self._clock.now() - self._kept
        old = [d.name for d in self.calls.list((workspace,)) if d.value.at < before]
        for name in old:
            self._maps.delete((workspace,), name)
            self.calls.delete((workspace,), name)
        return len(old)

    # -- before it leaves -------------------------------------------------------------

    def _hidden(self, workspace: Owner, question: Question) -> tuple[TokenVault, Question]:
        vault = TokenVault(self._own(workspace))
        data = [Data(vault.hide(plain(one.name)), vault.hide(plain(one.text))) for one in question.data]
        hidden = replace(question, data=data)
        if left := vault.left("\n".join(f"{one.name}\n{one.text}" for one in data)):
            raise _Leak(", ".join(left))
        return vault, hidden

    def _own(self, workspace: Owner) -> Own:
        things = self._identities.of(workspace)
        with self._lock:
            known = self._owned.get(workspace)
            if known is None or known[0] is not things:
                known = self._owned[workspace] = (things, Own(things))
        return known[1]

    # -- the call ---------------------------------------------------------------------

    def _reply(self, workspace: Owner, question: Question, asked: list[dict[str, str]]) -> Reply:
        key = canonical(self._model, asked, question.schema, question.max_tokens)
        recorder = self._recorder
        if recorder.tape is Tape.REPLAY and recorder.cassette is not None:
            return recorder.cassette.find(key)
        try:
            place = self._place(workspace[0])
        except DomainError as error:
            raise CallFailed(Fault.REFUSED, str(error)) from None
        endpoint = self._endpoint(place)
        dialect = self.dialect(workspace) or self.probe(workspace)
        try:
            reply = endpoint.complete(asked, question.schema, dialect, question.max_tokens)
        except CallFailed as failed:
            if failed.status in (400, 422):
                # It may have been changed, and not know the dialect any more.
                self._dialects.delete(_name(place))
            raise
        if recorder.tape is Tape.RECORD and recorder.cassette is not None:
            recorder.cassette.keep(Recorded(key, question.purpose, question.template, asked, reply))
        return reply

    def _endpoint(self, place: Place) -> Endpoint:
        with self._lock:
            if place not in self._endpoints:
                self._endpoints[place] = Endpoint(place, self._wait) if self._wait else Endpoint(place)
            return self._endpoints[place]

    # -- what is kept -----------------------------------------------------------------

    def _sent(
        self, workspace: Owner, question: Question, asked: list[dict[str, str]], vault: TokenVault, responsible: str
    ) -> str:
        """Written before anything leaves: a process that dies meanwhile must not hide what it has sent."""
        id = uuid.uuid4().hex
        now = self._clock.now()
        key = canonical(self._model, asked, question.schema, question.max_tokens)
        call = ModelCall(
            at=now,
            purpose=question.purpose,
            template=question.template,
            template_version=question.version,
            endpoint=self._shown(workspace),
            model=self._model,
            params={"temperature": 0, "max_tokens": question.max_tokens},
            prompt=tuple(asked),
            responsible=responsible,
            cassette_key=key,
            context=tuple(question.context),
        )
        kept = SealedMap(vault.sealed(self._seal, _purpose(workspace[0], id)), len(vault.tokens), now)
        _, writes = self._maps.prepared(workspace, id, kept, _BY, None)
        entry = AuditEntry(
            Actor(ActorKind.MODEL, self._model, self._model),
            "model.asked",
            CALL,
            id,
            to_state="sent",
            content_hash=key,
            responsible=responsible,
            details={
                "purpose": question.purpose,
                "template": question.template,
                "templateVersion": question.version,
                "endpoint": call.endpoint,
                "hidden": len(vault.tokens),
                "context": len(call.context),
            },
        )
        _, put = self.calls.prepared(workspace, id, call, _BY, None)
        self._audit.append(workspace, entry, beside=[*put, *writes])
        return id

    def _answered(
        self, workspace: Owner, id: str, reply: Reply, cost: float, unknown: tuple[str, ...], responsible: str
    ) -> None:
        entry = self._result(id, "answered", responsible, reply.tokens_in, reply.tokens_out, reply.seconds, cost)
        self._change(
            workspace,
            id,
            lambda c: replace(
                c,
                outcome="answered",
                response=(reply.raw or reply.text)[:_KEPT_RESPONSE],
                model_said=reply.model,
                fingerprint=reply.fingerprint,
                tokens_in=reply.tokens_in,
                tokens_out=reply.tokens_out,
                seconds=reply.seconds,
                tries=reply.tries,
                cost=cost,
                unknown=unknown,
            ),
            entry,
        )

    def _failed(self, workspace: Owner, id: str, failed: CallFailed, responsible: str) -> None:
        entry = self._result(id, failed.fault.value, responsible)
        self._change(
            workspace,
            id,
            lambda c: replace(
                c, outcome=failed.fault.value, reason=failed.reason[:500], response=failed.raw[:_KEPT_RESPONSE]
            ),
            entry,
        )

    def _result(
        self,
        id: str,
        outcome: str,
        responsible: str,
        tokens_in: int = 0,
        tokens_out: int = 0,
        seconds: float = 0.0,
        cost: float = 0.0,
    ) -> AuditEntry:
        return AuditEntry(
            Actor(ActorKind.MODEL, self._model, self._model),
            "model.answered" if outcome == "answered" else "model.failed",
            CALL,
            id,
            from_state="sent",
            to_state=outcome,
            responsible=responsible,
            details={
                "valid": outcome == "answered",
                "tokensIn": tokens_in,
                "tokensOut": tokens_out,
                "milliseconds": round(seconds * 1000),
                "cost": cost,
            },
        )

    def _leaked(self, workspace: Owner, question: Question, kinds: str, responsible: str) -> NoAnswer:
        reason = f"something of this place's own could not be hidden ({kinds}), so nothing was sent"
        self.breaker.open(workspace, self._model, reason)
        entry = AuditEntry(
            Actor(ActorKind.SYSTEM, "huntlake", "huntlake"),
            "model.notAsked",
            CALL,
            "",
            reason=reason,
            responsible=responsible,
            details={"purpose": question.purpose, "template": question.template},
        )
        self._audit.append(workspace, entry)
        return NoAnswer(reason)

    def _turned(self, owner: Owner, health: Health) -> None:
        action = "model.breakerOpened" if health.is_open else "model.breakerClosed"
        actor = Actor(ActorKind.SYSTEM, "huntlake", "huntlake")
        self._audit.append(owner, AuditEntry(actor, action, "model", self._model, reason=health.reason))

    def _change(self, workspace: Owner, id: str, how: Callable[[ModelCall], ModelCall], entry: AuditEntry) -> None:
        for _ in range(100):
            before = self.calls.get(workspace, id)
            _, put = self.calls.prepared(workspace, id, how(before.value), _BY, before)
            try:
                self._audit.append(workspace, entry, beside=put)
            except Unavailable:
                continue
            return

    def _shown(self, workspace: Owner) -> str:
        if self._recorder.tape is Tape.REPLAY:
            return "cassette"
        try:
            return self._place(workspace[0]).shown
        except DomainError:
            return ""


class _Leak(Exception):
    """What of this place's own would have left, in kinds."""


def _purpose(workspace: str, call: str) -> str:
    return f"model token map {workspace} {call}"


def _name(place: Place) -> str:
    return hashlib.sha256(place.id.encode()).hexdigest()


def _tokens_in(value: Any) -> tuple[str, ...]:
    """The tokens that are still in a value: nothing stands behind them here."""
    match value:
        case str():
            return tuple(dict.fromkeys(TOKEN.findall(value)))
        case list():
            return tuple(dict.fromkeys(token for one in value for token in _tokens_in(one)))
        case dict():
            return _tokens_in(list(value.values()))
    return ()

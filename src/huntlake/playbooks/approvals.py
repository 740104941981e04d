"""Approvals: what a run may only do when a person has said so, and questions that a playbook asks a person.

An approval is for one call of one run, with exactly these inputs: its name is made of them, so that a call with others
is another approval. It is written together with a row of `SentinelAudit`, an entry on the incident's timeline and, once
decided, the event that wakes the run: all of them, or none.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid, NotFound, Refused
from huntlake.detection.rows import AUDIT, row, written
from huntlake.detection.service import Detection
from huntlake.detection.timeline import Entry, EntryKind
from huntlake.playbooks.approval_rules import ApprovalRule, KeyAssets, Wanted, approval_rules, wanted
from huntlake.playbooks.calls import Held
from huntlake.playbooks.connectors.connector import Asked, Operation
from huntlake.playbooks.connectors.judging import judged
from huntlake.playbooks.connectors.questions import Field, Option, Question, Shape
from huntlake.playbooks.masking import masked, masked_queries
from huntlake.state.documents import Document, Shelf, Write
from huntlake.state.records import Author, Change, Only, Owner, Records
from huntlake.wdl.runner.effects import Answer

NOBODY = Author()
GOOD = timedelta(hours=24)
"""How long after the decision an approved call may still be made."""

KEPT = timedelta(days=90)
"""How long what was decided is remembered, beside its rows of the audit table."""

_APPROVALS = UUID("0b0c0f4e-6f0a-4a53-9a0c-4c5f1d3f7b61")
_ATTEMPT = re.compile(r"#\d+$")


class Kind(StrEnum):
    """What is decided."""

    APPROVAL = "Approval"
    """Whether a call may be made."""
    QUESTION = "Question"
    """What a playbook is answered that waits for it."""


class Status(StrEnum):
    """What became of it."""

    PENDING = "Pending"
    APPROVED = "Approved"
    REFUSED = "Refused"
    ANSWERED = "Answered"
    EXPIRED = "Expired"
    WITHDRAWN = "Withdrawn"
    """The run ended before anybody decided."""


@dataclass(frozen=True, slots=True)
class Approval:
    """Something that a person is asked to decide."""

    kind: Kind
    workflow: str
    run: str
    action: str
    key: str
    """The call's, without its attempt."""
    connector: str
    connection: str
    operation: str
    summary: str
    """What will be done, or what is asked."""
    effect: str
    inputs: Mapping[str, Any]
    """Method, path, queries, headers and body; secrets don't stand in it, but count in the hash."""
    hash: str
    """SHA-256 of the exact inputs."""
    asked: datetime
    expires: datetime
    asked_by: Author = NOBODY
    """Who set the run off."""
    reasons: tuple[str, ...] = ()
    """The names of the rules that want it."""
    four_eyes: bool = False
    approvers: tuple[tuple[str, ...], ...] = ()
    incident: str = ""
    text: str = ""
    """The question's words."""
    recipients: str = ""
    """Whom the playbook asks."""
    options: tuple[Option, ...] = ()
    fields: tuple[Field, ...] = ()
    callback: str = ""
    """The URL at which the run waits for the answer to a question."""
    shape: Shape | None = None
    """In whose manner the run is answered."""
    status: Status = Status.PENDING
    decided: datetime | None = None
    decided_by: Author = NOBODY
    comment: str = ""
    answer: Any = None
    """What the run is told."""


@dataclass(frozen=True, slots=True)
class ApprovalDecided:
    """An approval was decided, or has expired: the run that waits goes on.

    For an approval the run makes its call again. For a question, `answer` is what is sent to its `callback`.
    """

    approval: str
    workflow: str
    run: str
    status: Status
    by: Author
    callback: str = ""
    answer: Any = None


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """Something waits for a person's decision, or for an answer."""

    approval: str


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides. Only persons can."""

    author: Author
    is_person: bool


class Approvals:
    """The approvals of every workspace, and the rules about them."""

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        detection: Detection,
        assets: KeyAssets,
        has_ended: Callable[[str, str], bool] = lambda workflow, run: False,
    ) -> None:
        """`has_ended` says whether a run of a workflow has, so that nothing it asks is of use any more."""
        self._clock, self._detection, self._assets, self._has_ended = clock, detection, assets, has_ended
        self.rules: Records[ApprovalRule] = approval_rules(shelf, clock)
        self._approvals = Records(shelf, clock, "approvals", Approval, also=self._beside, told=detection.events.deliver)

    def list(self, owner: Owner) -> list[Document[Approval]]:
        """Every approval of a workspace, the newest first."""
        return sorted(self._approvals.list(owner), key=lambda d: (d.value.asked, d.name), reverse=True)

    def get(self, owner: Owner, name: str) -> Document[Approval]:
        """The approval of that name, of which the beginning is enough; `NotFound` where there is none."""
        found = self._approvals.find(owner, name)
        if found is not None:
            return found
        alike = [d for d in self._approvals.list(owner) if len(name) >= 4 and d.name.startswith(name.lower())]
        if len(alike) != 1:
            raise NotFound(f"no approval `{name}` is asked for" if not alike else f"several approvals begin `{name}`")
        return alike[0]

    def wants(self, asked: Asked, operation: Operation) -> Held | Answer | None:
        """None where a call may be made now; else the approval to wait for, or the answer of one that may not."""
        owner = (asked.context.workspace,)
        want = wanted(owner, asked, operation, self.rules.list(owner), self._assets)
        if want is None:
            return None
        made = self._asking(asked, operation, want)
        name = _name(made)
        found = self._approvals.find(owner, name)
        if found is None:
            try:
                found, _ = self._approvals.put(owner, name, made, asked.context.started_by, Only(create=True))
            except Conflict:
                found = self._approvals.get(owner, name)
        approval = found.value
        # The name is made of it; a record that somebody changed otherwise counts for nothing.
        if approval.hash != made.hash or approval.kind is not Kind.APPROVAL:
            return _forbidden(name, "ApprovalMismatch", "was given for other inputs")
        match approval.status:
            case Status.PENDING:
                if self._clock.now() < approval.expires:
                    return Held(name, approval.expires)
                self._expire(owner, name)
                return _forbidden(name, "ApprovalExpired", "was decided by nobody in time")
            case Status.APPROVED:
                if approval.decided is None or self._clock.now() >= approval.decided + GOOD:
                    return _forbidden(name, "ApprovalExpired", "was given too long ago")
                return None
            case Status.REFUSED:
                who = approval.decided_by.name or approval.decided_by.object_id
                why = f": {approval.comment}" if approval.comment else ""
                return _forbidden(name, "ApprovalRefused", f"was refused by {who}{why}")
            case Status.EXPIRED:
                return _forbidden(name, "ApprovalExpired", "was decided by nobody in time")
            case _:
                return _forbidden(name, "ApprovalWithdrawn", "isn't waited for any more")

    def ask(
        self, asked: Asked, operation: Operation, question: Question, lifetime: timedelta = timedelta(days=30)
    ) -> str:
        """Ask a person something; the answer is sent to the callback. Asked again, it is the same question."""
        if not question.options:
            raise Invalid("a question has something to choose: its message offers nothing")
        if not question.callback:
            raise Invalid("nobody waits for the answer: the message has no `notificationUrl`")
        owner = (asked.context.workspace,)
        made = replace(
            self._asking(asked, operation, Wanted((), lifetime)),
            kind=Kind.QUESTION,
            summary=question.title,
            text=question.text,
            recipients=question.recipients,
            options=question.options,
            fields=question.fields,
            callback=question.callback,
            shape=question.shape,
        )
        name = _name(made)
        if self._approvals.find(owner, name) is None:
            try:
                self._approvals.put(owner, name, made, asked.context.started_by, Only(create=True))
            except Conflict:
                self._approvals.get(owner, name)
        return name

    def decide(
        self, owner: Owner, name: str, approved: bool, by: Decider, comment: str = "", seen: str = ""
    ) -> Document[Approval]:
        """Approve or refuse a call. `seen` is the hash of the inputs that the person saw, where that is known.

        `Refused` for who may not decide, `Conflict` for what is decided already, or asks for something else.
        """
        known = self.get(owner, name)
        if known.value.kind is Kind.QUESTION:
            option = _option(known.value, approved)
            return self.answer(owner, known.name, option, {}, by, comment)

        def decided(approval: Approval) -> Approval:
            self._check(approval, by)
            if seen and seen != approval.hash:
                raise Conflict("the inputs aren't those that were seen")
            status = Status.APPROVED if approved else Status.REFUSED
            return replace(approval, status=status, decided=self._clock.now(), decided_by=by.author, comment=comment)

        return self._approvals.change(owner, known.name, decided, by.author)

    def answer(
        self,
        owner: Owner,
        name: str,
        option: str,
        entered: Mapping[str, str],
        by: Decider,
        comment: str = "",
    ) -> Document[Approval]:
        """Answer a question with one of its options, and what is entered in its fields."""
        known = self.get(owner, name)

        def answered(approval: Approval) -> Approval:
            if approval.kind is not Kind.QUESTION:
                raise Conflict("this is no question: it is approved or refused")
            self._check(approval, by)
            now = self._clock.now()
            body = _answer(approval, option, entered, by.author, now, known.name)
            return replace(
                approval, status=Status.ANSWERED, decided=now, decided_by=by.author, comment=comment, answer=body
            )

        return self._approvals.change(owner, known.name, answered, by.author)

    def withdraw(self, asked: Asked, name: str) -> None:
        """Take back a question of the same run, which waits for no answer any more."""
        owner = (asked.context.workspace,)
        found = self._approvals.find(owner, name)
        if found is None or found.value.run != asked.context.run or found.value.kind is not Kind.QUESTION:
            raise NotFound(f"the run has asked no question `{name}`")
        self._end(owner, name, Status.WITHDRAWN)

    def forsaken(self, workspace: str, workflow: str) -> None:
        """Take back what the runs of a workflow have asked that is gone, and they with it."""
        for document in self._approvals.list((workspace,)):
            approval = document.value
            if approval.status is Status.PENDING and approval.workflow.lower() == workflow.lower():
                self._end((workspace,), document.name, Status.WITHDRAWN)

    def expire(self, workspace: str) -> int:
        """End what nobody has decided in time, or waits for; forget what ended long ago, and say how much that was."""
        owner, now, gone = (workspace,), self._clock.now(), 0
        for document in self._approvals.list(owner):
            approval = document.value
            if approval.status is Status.PENDING and self._has_ended(approval.workflow, approval.run):
                self._end(owner, document.name, Status.WITHDRAWN)
            elif approval.status is Status.PENDING and now >= approval.expires:
                self._expire(owner, document.name)
            elif approval.status is not Status.PENDING and now - (approval.decided or approval.expires) > KEPT:
                gone += self._approvals.delete(owner, document.name)
        return gone

    def _expire(self, owner: Owner, name: str) -> None:
        self._end(owner, name, Status.EXPIRED)

    def _end(self, owner: Owner, name: str, status: Status) -> None:
        def ended(approval: Approval) -> Approval:
            if approval.status is not Status.PENDING:
                return approval
            return replace(approval, status=status, decided=self._clock.now())

        self._approvals.change(owner, name, ended)

    def _check(self, approval: Approval, by: Decider) -> None:
        who = _names(by.author)
        if not by.is_person or by.author.via or not who:
            raise Refused(
                "only a person can decide, with a token for Azure Resource Manager: applications and automations "
                "can't, nor can who was let in for something else"
            )
        if approval.status is not Status.PENDING:
            raise Conflict(f"it is {approval.status.value.lower()} already")
        if self._clock.now() >= approval.expires:
            raise Conflict("nobody decided in time: it has expired")
        if self._has_ended(approval.workflow, approval.run):
            raise Conflict("the run that asks has ended")
        if approval.four_eyes and who & _names(approval.asked_by):
            raise Refused("somebody else must decide: who sets a run off may not approve what it does")
        if not all(who & set(group) for group in approval.approvers):
            raise Refused("only those whom the rule names can decide")

    def _asking(self, asked: Asked, operation: Operation, want: Wanted) -> Approval:
        context, now = asked.context, self._clock.now()
        secrets = [v for v in asked.secrets.values() if isinstance(v, str)]
        inputs = {
            "method": asked.method,
            "path": masked(asked.path, secrets),
            "queries": masked_queries(asked.queries, secrets),
            "body": masked(asked.body, secrets),
        }
        return Approval(
            Kind.APPROVAL,
            context.workflow,
            context.run,
            asked.action,
            _ATTEMPT.sub("", asked.key),
            asked.connector,
            asked.connection,
            operation.id,
            operation.summary,
            judged(asked, operation).value,
            {"hidden": True} if "inputs" in asked.hidden else inputs,
            digest(asked, operation),
            now,
            now + want.expires,
            context.started_by,
            want.reasons,
            want.four_eyes,
            tuple(tuple(sorted(group)) for group in want.approvers),
            context.incident,
        )

    def _beside(self, change: Change[Approval]) -> Sequence[Write]:
        """The audit row, the timeline's entry and the event that are written with an approval."""
        before, now = change.before, change.after
        if now is None or (before is not None and before.status is now.status):
            return ()
        writes: list[Write] = [row(change.owner, AUDIT, _audited(change.name, now, change))]
        if now.incident:
            kind = EntryKind.APPROVAL_ASKED if now.status is Status.PENDING else EntryKind.APPROVAL_DECIDED
            by = now.decided_by if now.decided_by != NOBODY else change.by
            details = {"approval": change.name, "run": now.run, "workflow": now.workflow, "hash": now.hash}
            entry = Entry(kind, _told(now), by, change.at, details)
            writes.append(self._detection.incidents.timelines.append(change.owner, now.incident, entry))
        if now.status is Status.PENDING:
            writes.append(self._detection.events.append(change.owner, ApprovalRequested(change.name)))
        else:
            event = ApprovalDecided(
                change.name, now.workflow, now.run, now.status, now.decided_by, now.callback, now.answer
            )
            writes.append(self._detection.events.append(change.owner, event))
        return writes


def digest(asked: Asked, operation: Operation) -> str:
    """SHA-256 of everything that decides what a call does; secrets of the connection count sealed, as they are kept."""
    said = {
        "connector": asked.connector.lower(),
        "connection": asked.connection,
        "leads": asked.leads,
        "operation": operation.id,
        "method": asked.method.upper(),
        "path": asked.path,
        "queries": dict(asked.queries),
        "headers": {k.lower(): v for k, v in asked.headers.items()},
        "body": asked.body,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=True, default=str).encode()).hexdigest()


def _names(author: Author) -> set[str]:
    """Everything that a person is known by, in lower case."""
    named = {author.object_id, author.name, author.user_principal_name, author.email}
    return {name.lower() for name in named - {""}}


def _name(approval: Approval) -> str:
    return str(uuid5(_APPROVALS, json.dumps([approval.kind, approval.run, approval.key, approval.hash])))


def _forbidden(name: str, code: str, why: str) -> Answer:
    said = {"error": {"code": code, "message": f"the approval {name} {why}"}}
    return Answer(403, {"Content-Type": "application/json"}, said)


def _told(approval: Approval) -> str:
    what = f"{approval.connector} {approval.operation}" if approval.kind is Kind.APPROVAL else f"“{approval.summary}”"
    playbook = f"the playbook {approval.workflow}"
    match approval.status:
        case Status.PENDING if approval.kind is Kind.QUESTION:
            return f"{playbook} asks {what}"
        case Status.PENDING:
            return f"{playbook} asks to approve {what}"
        case Status.ANSWERED:
            return f"answered {what} of {playbook}: {_chosen(approval.answer)}"
        case status:
            said = f": {approval.comment}" if approval.comment else ""
            return f"{status.value.lower()}: {what} of {playbook}{said}"


def _chosen(answer: Any) -> str:
    return str(answer.get("SelectedOption") or answer.get("submitActionId") or "") if isinstance(answer, dict) else ""


_OPERATIONS = {
    Status.PENDING: "Ask",
    Status.APPROVED: "Approve",
    Status.REFUSED: "Refuse",
    Status.ANSWERED: "Answer",
    Status.EXPIRED: "Expire",
    Status.WITHDRAWN: "Withdraw",
}


def _audited(name: str, approval: Approval, change: Change[Approval]) -> dict[str, Any]:
    by = approval.decided_by if approval.decided_by != NOBODY else change.by
    return {
        "TimeGenerated": written(change.at),
        "OperationName": f"huntlake.Playbooks/approvals/{_OPERATIONS[approval.status]}",
        "SentinelResourceName": approval.workflow,
        "SentinelResourceKind": approval.kind.value,
        "SentinelResourceType": "Approval",
        "Status": "Success",
        "Description": _told(approval),
        "CorrelationId": name,
        "SourceSystem": "Azure",
        "ExtendedProperties": json.dumps(
            {
                "CallerName": by.name or by.object_id,
                "CallerObjectId": by.object_id,
                "Approval": name,
                "Run": approval.run,
                "Workflow": approval.workflow,
                "Action": approval.action,
                "Connector": approval.connector,
                "Operation": approval.operation,
                "Effect": approval.effect,
                "InputsHash": approval.hash,
                "Inputs": dict(approval.inputs),
                "Reasons": list(approval.reasons),
                "Incident": approval.incident,
                "Comment": approval.comment,
            }
        ),
        "Type": AUDIT,
    }


def _option(approval: Approval, approved: bool) -> str:
    """The option that says yes, or no, where one plainly does."""
    words = ("approve", "yes", "accept", "confirm") if approved else ("reject", "refuse", "no", "deny", "decline")
    for option in approval.options:
        if (option.title or option.name).strip().lower() in words:
            return option.name
    offered = ", ".join(f"`{o.name}`" for o in approval.options)
    raise Invalid(f"the question has no such answer: choose one of {offered}")


def _answer(
    approval: Approval, option: str, entered: Mapping[str, str], by: Author, now: datetime, name: str
) -> dict[str, Any]:
    """What the run is told, as the service would tell it that it asked."""
    chosen = next((o for o in approval.options if option.strip().lower() in (o.name.lower(), o.title.lower())), None)
    if chosen is None:
        offered = ", ".join(f"`{o.name}`" for o in approval.options)
        raise Invalid(f"`{option[:60]}` can't be chosen; there are {offered}")
    fields = {f.name: f for f in approval.fields}
    for given in entered:
        if given not in fields:
            there = f"; there are {', '.join(f'`{f}`' for f in fields)}" if fields else ": it has none"
            raise Invalid(f"the question has no field `{given[:60]}`{there}")
    data = {n: _entered(f, entered[n]) for n, f in fields.items() if n in entered}
    data |= {n: f.default for n, f in fields.items() if n not in data and f.default}
    missing = [n for n, f in fields.items() if f.required and not data.get(n)]
    if missing:
        raise Invalid(f"the question wants {', '.join(f'`{m}`' for m in missing)}, too")
    email = by.email or by.user_principal_name
    if approval.shape is Shape.MAIL:
        return {"SelectedOption": chosen.name, "UserEmailAddress": email or by.name, "UserId": by.object_id}
    return {
        "responseTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "responder": {
            "objectId": by.object_id,
            "email": email,
            "userPrincipalName": by.user_principal_name or email,
            "displayName": by.name,
        },
        "submitActionId": chosen.name,
        "messageId": name,
        "data": data,
    }


def _entered(field: Field, text: str) -> str:
    if not field.choices:
        return text
    parts = [p.strip() for p in text.split(",")] if field.several else [text.strip()]
    named = {}
    for choice in field.choices:
        named[choice.title.lower()] = choice.name
    named |= {c.name.lower(): c.name for c in field.choices}
    for part in parts:
        if part.lower() not in named:
            offered = ", ".join(f"`{c.name}`" for c in field.choices)
            raise Invalid(f"`{part[:60]}` is no choice of `{field.name}`; there are {offered}")
    return ",".join(named[p.lower()] for p in parts)

"""Approvals of what playbooks do, the rules about them, and who is told.

Azure has nothing of the kind: this contract is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.resource import WORKSPACE, Place, Resource
from huntlake.api.arm.wire import Moment, Part, Person, Plain, properties_of, read
from huntlake.core.errors import Refused
from huntlake.identity.rights import Action
from huntlake.playbooks.approval_rules import ApprovalRule
from huntlake.playbooks.approvals import Approval, Approvals, Decider, Kind
from huntlake.playbooks.connectors.connector import Effect
from huntlake.playbooks.notices import ApprovalNotice
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner

_PROVIDER = f"{WORKSPACE}/providers/huntlake.Playbooks"


class ApprovalForm:
    """What is asked, with its exact inputs, and what became of it."""

    def shown(self, place: Place, document: Document[Approval]) -> dict[str, Any]:
        """The approval's properties."""
        approval = document.value
        properties: dict[str, Any] = {
            "kind": approval.kind,
            "status": approval.status,
            "summary": approval.summary,
            "text": approval.text,
            "workflow": approval.workflow,
            "run": approval.run,
            "action": approval.action,
            "incident": approval.incident,
            "connector": approval.connector,
            "connection": approval.connection,
            "operation": approval.operation,
            "effect": approval.effect,
            "inputs": dict(approval.inputs),
            "inputsHash": approval.hash,
            "reasons": list(approval.reasons),
            "requestedBy": _person(approval.asked_by),
            "requestedTimeUtc": _stamp(approval.asked),
            "expirationTimeUtc": _stamp(approval.expires),
            "fourEyes": approval.four_eyes,
            "approvers": [list(group) for group in approval.approvers],
            "recipients": approval.recipients,
            "options": [{"name": o.name, "title": o.title or o.name} for o in approval.options],
            "fields": [
                {
                    "name": f.name,
                    "title": f.title,
                    "choices": [{"name": c.name, "title": c.title or c.name} for c in f.choices],
                    "several": f.several,
                    "required": f.required,
                    "default": f.default,
                }
                for f in approval.fields
            ],
            "decidedBy": _person(approval.decided_by),
            "decidedTimeUtc": _stamp(approval.decided) if approval.decided else None,
            "comment": approval.comment,
        }
        return {"properties": {n: v for n, v in properties.items() if v not in (None, "", [], {})}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Approval:
        """Only runs ask for approvals."""
        raise Refused("an approval can't be written: it is approved, refused or answered")


@dataclass(frozen=True)
class ToDecide:
    """Approvals, to be read; what decides them are POSTs."""

    approvals: Approvals

    def list(self, owner: Owner) -> Sequence[Document[Approval]]:
        """Those of a workspace, the newest first."""
        return self.approvals.list(owner)

    def get(self, owner: Owner, name: str) -> Document[Approval]:
        """One of them."""
        return self.approvals.get(owner, name)

    def put(
        self, owner: Owner, name: str, value: Approval, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Approval], bool]:
        """Only runs ask for approvals."""
        raise Refused("an approval can't be written")

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """What was asked and decided is kept."""
        raise Refused("an approval can't be deleted")


class Decision(Part):
    """What there is to say about a decision, and the inputs that the person saw."""

    comment: str = Field("", max_length=10_000)
    inputs_hash: str = Field("", max_length=64)


class Choice(Part):
    """The answer to a question."""

    option: str = Field(min_length=1, max_length=1000)
    fields: dict[str, str] = Field(default_factory=dict)
    comment: str = Field("", max_length=10_000)


class RuleProperties(Part):
    """What can be said of a rule about approvals."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"createdTimeUtc", "lastModifiedTimeUtc", "lastModifiedBy"})
    description: str = Field("", max_length=10_000)
    connector: str = Field("*", max_length=200)
    operation: str = Field("*", max_length=200)
    path: str = Field("*", max_length=2000)
    effects: tuple[Effect, ...] = ApprovalRule().effects
    watchlist: str = Field("", max_length=200)
    tag: str = Field("", max_length=200)
    ranges: tuple[str, ...] = ()
    minutes: int = ApprovalRule().minutes
    four_eyes: bool = False
    approvers: tuple[str, ...] = ()
    enabled: bool = True


class RuleForm(Plain[ApprovalRule]):
    """A rule, and who wrote it last."""

    def properties(self, place: Place, document: Document[ApprovalRule]) -> dict[str, Any]:
        """The rule's properties."""
        rule = document.value
        return {
            **super().properties(place, document),
            "createdTimeUtc": rule.created,
            "lastModifiedTimeUtc": rule.changed,
            "lastModifiedBy": _person(rule.changed_by),
        }


class NoticeProperties(Part):
    """What can be said of a notice."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"createdTimeUtc", "lastModifiedTimeUtc", "lastModifiedBy"})
    playbook: str = Field(min_length=1, max_length=200)
    kinds: tuple[Kind, ...] = Field(tuple(Kind), min_length=1)
    workflow: str = Field("*", max_length=200)
    connector: str = Field("*", max_length=200)
    description: str = Field("", max_length=10_000)
    enabled: bool = True


class NoticeForm(Plain[ApprovalNotice]):
    """A notice, and who wrote it last."""

    def properties(self, place: Place, document: Document[ApprovalNotice]) -> dict[str, Any]:
        """The notice's properties."""
        notice = document.value
        return {
            **super().properties(place, document),
            "createdTimeUtc": notice.created,
            "lastModifiedTimeUtc": notice.changed,
            "lastModifiedBy": _person(notice.changed_by),
        }


def _decide(approved: bool) -> Any:
    def post(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
        given = read(Decision, properties_of(body))
        approvals = place.services.playbooks.approvals
        approvals.decide(place.owner, name, approved, _decider(place), given.comment, given.inputs_hash)
        return 200, None

    return post


def _answer(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(Choice, properties_of(body))
    approvals = place.services.playbooks.approvals
    approvals.answer(place.owner, name, given.option, given.fields, _decider(place), given.comment)
    return 200, None


def _decider(place: Place) -> Decider:
    return Decider(place.author, place.is_person)


def _person(author: Author) -> dict[str, Any] | None:
    return None if author == Author() else Person(object_id=author.object_id or None, name=author.name or None).wire()


def _stamp(moment: Moment) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


APPROVALS: Resource[Approval] = Resource(
    type="huntlake.Playbooks/approvals",
    path=f"{_PROVIDER}/approvals",
    form=ApprovalForm(),
    store=lambda place: ToDecide(place.services.playbooks.approvals),
    read=Action.WATCH,
    filters=frozenset({"name", "properties/status", "properties/kind", "properties/workflow", "properties/run"}),
    posts={
        "approve": (Action.RESPOND, _decide(True)),
        "refuse": (Action.RESPOND, _decide(False)),
        "answer": (Action.RESPOND, _answer),
    },
)

RULES: Resource[ApprovalRule] = Resource(
    type="huntlake.Playbooks/approvalRules",
    path=f"{_PROVIDER}/approvalRules",
    form=RuleForm(RuleProperties, ApprovalRule),
    store=lambda place: place.services.playbooks.approvals.rules,
    read=Action.WATCH,
    write=Action.MANAGE,
)

NOTICES: Resource[ApprovalNotice] = Resource(
    type="huntlake.Playbooks/approvalNotices",
    path=f"{_PROVIDER}/approvalNotices",
    form=NoticeForm(NoticeProperties, ApprovalNotice),
    store=lambda place: place.services.playbooks.notices.records,
    read=Action.WATCH,
    write=Action.MANAGE,
)

RESOURCES = (APPROVALS, RULES, NOTICES)

"""What a language model was asked, and how it is, to be read. This contract is huntlake's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import Field

from huntlake.ai.calls import ModelCall
from huntlake.ai.gateway import CALL, Gateway
from huntlake.api.arm.hunting_acting import HUNTING, ReadOnly, acting
from huntlake.api.arm.resource import Place, Resource
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.core.errors import DomainError, Invalid, NotFound, Refused
from huntlake.identity.rights import Action
from huntlake.state.audit import AuditEntry
from huntlake.state.documents import Document
from huntlake.state.records import Owner, Records

_NAME = "default"


class CallForm:
    """A call, with tokens in place of names."""

    def shown(self, place: Place, document: Document[ModelCall]) -> dict[str, Any]:
        """Everything that is kept of it but the map of its tokens."""
        call = asdict(document.value)
        call["timeUtc"] = document.value.at.isoformat()
        del call["at"]
        return {"properties": {_camel(name): value for name, value in call.items()}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> ModelCall:
        """Nobody writes one."""
        raise Refused("what a model was asked can't be written")


@dataclass(frozen=True)
class Calls(ReadOnly):
    """The calls of a workspace, the last first, whichever model was asked."""

    calls: Records[ModelCall]

    def list(self, owner: Owner) -> Sequence[Document[ModelCall]]:
        """All of them."""
        return sorted(self.calls.list(owner), key=lambda d: (d.value.at, d.name), reverse=True)

    def get(self, owner: Owner, name: str) -> Document[ModelCall]:
        """One of them."""
        return self.calls.get(owner, name)


class StatusForm:
    """How the model is."""

    def shown(self, place: Place, document: Document[Mapping[str, Any]]) -> dict[str, Any]:
        """As it is now."""
        return {"properties": dict(document.value)}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Mapping[str, Any]:
        """Nobody writes it."""
        raise Refused("a model is configured by the settings of the server")


@dataclass(frozen=True)
class Status(ReadOnly):
    """The model of a workspace: there is one at most."""

    model: Gateway | None

    def list(self, owner: Owner) -> Sequence[Document[Mapping[str, Any]]]:
        """The one, or none."""
        return [Document(_NAME, _status(self.model, owner), "")] if self.model else []

    def get(self, owner: Owner, name: str) -> Document[Mapping[str, Any]]:
        """The one."""
        if self.model is None or name.lower() != _NAME:
            raise NotFound("no model is configured" if self.model is None else f"no model is named `{name}`")
        return self.list(owner)[0]


class Why(Part):
    """Why somebody wants to know."""

    reason: str = Field(max_length=2_000)


def _tokens(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    reason = read(Why, properties_of(body)).reason.strip()
    if not reason:
        raise Invalid("say why: it is written down")
    model, by = _model(place), acting(place)
    if model is None:
        raise NotFound(f"no call is named `{name}`: no model is configured")
    if not by.is_person:
        raise Refused("what tokens stand for is shown to people only")
    found = model.tokens(place.owner, name)
    entry = AuditEntry(by.actor, "model.tokensShown", CALL, name, reason=reason, responsible=by.author.name)
    place.services.hunting.audit.append(place.owner, entry)
    return 200, {"tokens": found}


def _status(model: Gateway, owner: Owner) -> dict[str, Any]:
    health, spent, budget = model.breaker.of(owner, model.name), model.spending.today(owner), model.spending.budget
    try:
        where = model.where(owner).shown
    except DomainError:
        where = ""
    dialect = model.dialect(owner) if where else None
    return {
        "model": model.name,
        "endpoint": where,
        "dialect": dialect.value if dialect else "",
        "isAsked": not health.is_open,
        "reason": health.reason,
        "lastAnswers": len(health.useful),
        "usefulAnswers": health.useful.count(True),
        "today": asdict(spent),
        "limits": asdict(budget),
    }


def _model(place: Place) -> Gateway | None:
    model = place.services.hunting.model
    return model if isinstance(model, Gateway) else None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


CALLS: Resource[ModelCall] = Resource(
    type="huntlake.Hunting/modelCalls",
    path=f"{HUNTING}/modelCalls",
    form=CallForm(),
    store=lambda place: Calls(place.services.hunting.model_calls),
    read=Action.HUNT,
    filters=frozenset({"properties/purpose", "properties/outcome", "properties/responsible", "name"}),
    posts={"tokens": (Action.REVEAL, _tokens)},
)

MODELS: Resource[Mapping[str, Any]] = Resource(
    type="huntlake.Hunting/models",
    path=f"{HUNTING}/models",
    form=StatusForm(),
    store=lambda place: Status(_model(place)),
)

RESOURCES = (CALLS, MODELS)

"""Governed hunts, their versions, and how much is decided without a person. This contract is huntlake's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field, TypeAdapter

from huntlake.api.arm.hunting_acting import HUNTING, ReadOnly, acting
from huntlake.api.arm.resource import Place, Resource
from huntlake.api.arm.wire import Part, Person, Span, properties_of, read
from huntlake.core.errors import NotFound, Refused
from huntlake.detection.rules import EntityMapping, FieldMapping
from huntlake.hunting.drafting.draft import Draft
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.lifecycle.hunt import (
    Decision,
    GovernedHunt,
    HuntContent,
    HuntLimits,
    HuntSchedule,
    HuntVersion,
)
from huntlake.hunting.lifecycle.new_hunt import NewHunt
from huntlake.hunting.lifecycle.rollout import Rollout
from huntlake.hunting.proof.finding import Proof
from huntlake.hunting.proof.showing import proposed
from huntlake.identity.rights import Action
from huntlake.state.documents import Document, Write
from huntlake.state.records import Author, Owner

_HUNTS = f"{HUNTING}/hunts"
_TEXT = 10_000
_SPAN = TypeAdapter(timedelta)
_NO_CHANGE = "it can't be written by PUT: POSTs change it"


class HuntForm:
    """A hunt: what it is for, how far it is, and what was said of it."""

    def shown(self, place: Place, document: Document[GovernedHunt]) -> dict[str, Any]:
        """The hunt's properties; its versions are resources below it."""
        hunt = document.value
        latest = hunt.latest
        return _properties(
            {
                "title": hunt.title,
                "statement": hunt.statement,
                "rationale": hunt.rationale,
                "state": hunt.state.value,
                "reason": hunt.reason,
                "maker": latest.maker.value,
                "currentVersion": hunt.current,
                "runnableVersion": hunt.runnable or None,
                "runnableState": (hunt.state_of(hunt.runnable) or hunt.state).value if hunt.runnable else None,
                "contentHash": latest.content.hash,
                "needsSenior": latest.maker is Maker.MODEL or bool(latest.model),
                "author": _person(latest.author),
                "responsible": latest.responsible,
                "createdTimeUtc": _stamp(hunt.created),
                "createdBy": _person(hunt.created_by),
                "lastModifiedTimeUtc": _stamp(hunt.modified),
                "hypothesis": hunt.hypothesis,
                "template": hunt.template,
                "incident": hunt.incident,
                "signals": list(hunt.signals),
                "techniques": list(hunt.techniques),
                "tables": list(hunt.tables),
                "labels": list(hunt.labels),
                "rule": hunt.rule,
                "runs": hunt.runs,
                "runsWithFindings": hunt.found,
                "supersededBy": hunt.superseded_by,
                "reviews": [
                    _without_nothing(
                        {
                            "version": r.version,
                            "contentHash": r.content_hash,
                            "decision": r.decision.value,
                            "by": _person(r.by),
                            "timeUtc": _stamp(r.at),
                            "comment": r.comment,
                            "expirationTimeUtc": _stamp(r.expires),
                            "automatic": r.automatic,
                        }
                    )
                    for r in hunt.reviews
                ],
                "comments": [
                    {"version": c.version, "by": _person(c.by), "timeUtc": _stamp(c.at), "text": c.text}
                    for c in hunt.comments
                ],
            }
        )

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> GovernedHunt:
        """POSTs write it."""
        raise Refused(_NO_CHANGE)


@dataclass(frozen=True)
class Hunts(ReadOnly):
    """The hunts of a workspace."""

    hunts: GovernedHunts

    def list(self, owner: Owner) -> Sequence[Document[GovernedHunt]]:
        """All, what was changed last first."""
        return self.hunts.list(owner)

    def get(self, owner: Owner, name: str) -> Document[GovernedHunt]:
        """One of them, by its whole name."""
        found = self.hunts.get(owner, name)
        if found.name.lower() != name.lower():
            raise NotFound(f"no hunt is named `{name}`")
        return found


class VersionForm:
    """A version: its content, who made it from what, and what was found out about it."""

    def shown(self, place: Place, document: Document[tuple[GovernedHunt, HuntVersion]]) -> dict[str, Any]:
        """The version's properties."""
        hunt, version = document.value
        state, content, draft = hunt.state_of(version.number), version.content, version.draft
        return _properties(
            {
                "version": version.number,
                "state": state.value if state else "superseded",
                "contentHash": content.hash,
                "query": content.query,
                "parameters": [{"name": name, "value": value} for name, value in content.parameters],
                "frequency": _span(content.schedule.frequency),
                "period": _span(content.schedule.period),
                "limits": {
                    "rowsPerDay": content.limits.rows_a_day,
                    "seconds": content.limits.seconds,
                    "readBytes": content.limits.read_bytes,
                    "memoryMiB": content.limits.memory_mib,
                },
                "entityMappings": [
                    {
                        "entityType": e.entity_type,
                        "fieldMappings": [
                            {"identifier": f.identifier, "columnName": f.column_name} for f in e.field_mappings
                        ],
                    }
                    for e in content.entities
                ],
                "liveWatchlists": list(content.live_watchlists),
                "maker": version.maker.value,
                "model": version.model,
                "author": _person(version.author),
                "responsible": version.responsible,
                "createdTimeUtc": _stamp(version.made),
                "note": version.note,
                "draft": _draft(draft) if draft else None,
                "proof": _proof(version.proof) if version.proof else None,
            }
        )

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> tuple[GovernedHunt, HuntVersion]:
        """Versions never change."""
        raise Refused("a version can't be written: POST `edit` to the hunt makes a new one")


@dataclass(frozen=True)
class Versions(ReadOnly):
    """The versions of a hunt, by their numbers."""

    hunts: GovernedHunts

    def list(self, owner: Owner) -> Sequence[Document[tuple[GovernedHunt, HuntVersion]]]:
        """All, the newest first."""
        found = Hunts(self.hunts).get(owner[:1], owner[1])
        hunt = found.value
        return [Document(str(v.number), (hunt, v), found.etag) for v in reversed(hunt.versions)]

    def get(self, owner: Owner, name: str) -> Document[tuple[GovernedHunt, HuntVersion]]:
        """One of them."""
        for document in self.list(owner):
            if document.name == name:
                return document
        raise NotFound(f"the hunt has no version `{name}`")


class RolloutProperties(Part):
    """How much is decided without a person, and why."""

    phase: int
    reason: str = Field("", max_length=_TEXT)


class RolloutForm:
    """The phase of a workspace."""

    def shown(self, place: Place, document: Document[Rollout]) -> dict[str, Any]:
        """The phase, since when, by whom and why."""
        rollout = document.value
        by = {"name": rollout.actor.name, "kind": rollout.actor.kind.value} if rollout.actor else None
        since = _stamp(rollout.since)
        return _properties({"phase": rollout.phase, "reason": rollout.reason, "sinceTimeUtc": since, "by": by})

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Rollout:
        """POST sets it."""
        raise Refused("the phase is set by POST `set`")


@dataclass(frozen=True)
class RolloutOnly(ReadOnly):
    """The one of a workspace, named `default`."""

    hunts: GovernedHunts

    def list(self, owner: Owner) -> Sequence[Document[Rollout]]:
        """The one."""
        rollout = self.hunts.rollouts.of(owner)
        return [Document("default", rollout, str(rollout.writes))]

    def get(self, owner: Owner, name: str) -> Document[Rollout]:
        """The one."""
        if name.lower() != "default":
            raise NotFound(f"no rollout is named `{name}`: there is `default`")
        return self.list(owner)[0]


# -- what is asked ------------------------------------------------------------------------------


class EntityField(Part):
    """A column that holds an identifier of an entity."""

    identifier: str = Field(max_length=200)
    column_name: str = Field(max_length=200)


class Entity(Part):
    """An entity, and the columns that make it up."""

    entity_type: str = Field(max_length=200)
    field_mappings: tuple[EntityField, ...]


class Parameter(Part):
    """A value of a query's parameter, as a literal of KQL."""

    name: str = Field(max_length=200)
    value: str = Field(max_length=_TEXT)


class Limits(Part):
    """What a run may take."""

    rows_per_day: int = Field(HuntLimits().rows_a_day, ge=1, le=1_000_000)
    seconds: float = Field(HuntLimits().seconds, gt=0, le=3600)
    read_bytes: int = Field(HuntLimits().read_bytes, ge=1)
    memory_mib: int = Field(HuntLimits().memory_mib, ge=64, le=1 << 20, alias="memoryMiB")


class Content(Part):
    """What an approval is for."""

    query: str = Field(min_length=1, max_length=200_000)
    parameters: tuple[Parameter, ...] = ()
    frequency: Span | None = None
    period: Span = HuntSchedule().period
    limits: Limits | None = None
    entity_mappings: tuple[Entity, ...] = ()
    live_watchlists: tuple[str, ...] = Field((), max_length=100)

    @property
    def content(self) -> HuntContent:
        """It, as the domain has it."""
        limits = self.limits or read(Limits, {})
        return HuntContent(
            self.query,
            tuple((p.name, p.value) for p in self.parameters),
            HuntSchedule(self.frequency, self.period),
            HuntLimits(limits.rows_per_day, limits.seconds, limits.read_bytes, limits.memory_mib),
            tuple(
                EntityMapping(m.entity_type, tuple(FieldMapping(f.identifier, f.column_name) for f in m.field_mappings))
                for m in self.entity_mappings
            ),
            self.live_watchlists,
        )


class New(Content):
    """A hunt to be. A program says who answers for it."""

    title: str = Field(min_length=1, max_length=500)
    statement: str = Field("", max_length=_TEXT)
    rationale: str = Field("", max_length=_TEXT)
    techniques: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    note: str = Field("", max_length=_TEXT)
    responsible: str = Field("", max_length=500)
    incident: str = Field("", max_length=200)
    """The name of the incident that it is begun from."""


class Edit(Content):
    """A new version: its whole content, what is new, and the version that was looked at."""

    note: str = Field("", max_length=_TEXT)
    responsible: str = Field("", max_length=500)
    version: int


class Describe(Part):
    """What is said of a hunt; what isn't given stays as it is."""

    title: str | None = Field(None, min_length=1, max_length=500)
    statement: str | None = Field(None, max_length=_TEXT)
    rationale: str | None = Field(None, max_length=_TEXT)
    techniques: tuple[str, ...] | None = None
    tables: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None


class Said(Part):
    """What there is to say about a step, and of which version."""

    comment: str = Field("", max_length=_TEXT)
    version: int | None = None


class Decided(Part):
    """A decision, about exactly what was seen."""

    decision: Decision
    comment: str = Field(max_length=_TEXT)
    version: int
    content_hash: str = Field(min_length=64, max_length=64)


class Why(Part):
    """Why something is done."""

    reason: str = Field(max_length=_TEXT)
    superseded_by: str = Field("", max_length=200)


class Back(Part):
    """To which version, and why."""

    version: int
    reason: str = Field(max_length=_TEXT)


class Two(Part):
    """Two versions."""

    before: int
    after: int


# -- what is done -------------------------------------------------------------------------------

_Step = Callable[[GovernedHunts, Place, str, Mapping[str, Any], Acting], Document[GovernedHunt]]


def _post(step: _Step) -> Callable[[Place, str, dict[str, Any]], tuple[int, object]]:
    """A step of a hunt, answered with the hunt as it is then."""

    def post(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
        hunts = place.services.hunting.hunts
        Hunts(hunts).get(place.owner, name)
        made = step(hunts, place, name, properties_of(body), acting(place))
        return 200, {"name": made.name, **HuntForm().shown(place, made)}

    return post


def _create(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given, by = read(New, properties_of(body)), acting(place)
    incidents = place.services.detection.incidents
    incident = incidents.get(place.owner, given.incident).name if given.incident else ""
    new = NewHunt(
        given.title,
        given.statement,
        given.rationale,
        given.content,
        _maker(by),
        given.responsible,
        techniques=given.techniques,
        tables=given.tables,
        labels=given.labels,
        note=given.note,
        incident=incident,
    )

    def noted() -> Sequence[Write]:
        return incidents.hunt_noted(place.owner, incident, new.id, new.title, place.author) if incident else ()

    made = place.services.hunting.hunts.create(place.owner, new, by, noted)
    if incident:  # one that was there before may have been begun from elsewhere
        incidents.note_hunt(place.owner, incident, made.name, made.value.title, place.author)
    return 201, {"name": made.name, **HuntForm().shown(place, made)}


def _repair(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    """What is proposed in place of the current version's query; nothing is written."""
    hunting = place.services.hunting
    latest = Hunts(hunting.hunts).get(place.owner, name).value.latest
    prover, now, content = hunting.prover, hunting.clock.now(), latest.content
    repair = prover.repair(place.here, content, prover.validate(place.here, content, now), now)
    return 200, {"properties": {"version": latest.number, **(proposed(repair, content.query) or {})}}


def _maker(by: Acting) -> Maker:
    # What a program writes may be a model's: only a senior hunter approves it, and somebody answers for it.
    return Maker.PERSON if by.is_person else Maker.MODEL


def _edit(hunts: GovernedHunts, place: Place, name: str, body: Mapping[str, Any], by: Acting) -> Document[GovernedHunt]:
    given = read(Edit, body)
    return hunts.edit(
        place.owner,
        name,
        given.content,
        by,
        given.note,
        _maker(by),
        responsible=given.responsible,
        current=given.version,
    )


def _describe(
    hunts: GovernedHunts, place: Place, name: str, body: Mapping[str, Any], by: Acting
) -> Document[GovernedHunt]:
    given = read(Describe, body)
    return hunts.describe(place.owner, name, by, **given.model_dump())


def _prove(
    hunts: GovernedHunts, place: Place, name: str, body: Mapping[str, Any], by: Acting
) -> Document[GovernedHunt]:
    return hunts.prove(place.owner, name, by, number=read(Said, body).version)


def _submit(
    hunts: GovernedHunts, place: Place, name: str, body: Mapping[str, Any], by: Acting
) -> Document[GovernedHunt]:
    return hunts.submit(place.owner, name, by, read(Said, body).comment)


def _comment(
    hunts: GovernedHunts, place: Place, name: str, body: Mapping[str, Any], by: Acting
) -> Document[GovernedHunt]:
    given = read(Said, body)
    return hunts.comment(place.owner, name, given.comment, by, given.version)


def _review(
    hunts: GovernedHunts, place: Place, name: str, body: Mapping[str, Any], by: Acting
) -> Document[GovernedHunt]:
    given = read(Decided, body)
    return hunts.review(place.owner, name, given.decision, by, given.comment, given.version, given.content_hash)


def _schedule(
    hunts: GovernedHunts, place: Place, name: str, body: Mapping[str, Any], by: Acting
) -> Document[GovernedHunt]:
    return hunts.schedule(place.owner, name, by, read(Said, body).comment)


def _suspend(
    hunts: GovernedHunts, place: Place, name: str, body: Mapping[str, Any], by: Acting
) -> Document[GovernedHunt]:
    return hunts.suspend(place.owner, name, by, read(Why, body).reason)


def _resume(
    hunts: GovernedHunts, place: Place, name: str, body: Mapping[str, Any], by: Acting
) -> Document[GovernedHunt]:
    return hunts.resume(place.owner, name, by, read(Why, body).reason)


def _retire(
    hunts: GovernedHunts, place: Place, name: str, body: Mapping[str, Any], by: Acting
) -> Document[GovernedHunt]:
    given = read(Why, body)
    return hunts.retire(place.owner, name, by, given.reason, given.superseded_by)


def _rollback(
    hunts: GovernedHunts, place: Place, name: str, body: Mapping[str, Any], by: Acting
) -> Document[GovernedHunt]:
    given = read(Back, body)
    return hunts.roll_back(place.owner, name, given.version, by, given.reason)


def _difference(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given, hunts = read(Two, properties_of(body)), place.services.hunting.hunts
    Hunts(hunts).get(place.owner, name)
    found = hunts.difference(place.owner, name, given.before, given.after)
    changed = [{"what": c.what, "before": c.before, "after": c.after} for c in found.changed]
    return 200, {"before": found.before, "after": found.after, "query": found.query, "changed": changed}


def _set_phase(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given, hunts = read(RolloutProperties, properties_of(body)), place.services.hunting.hunts
    RolloutOnly(hunts).get(place.owner, name)
    hunts.rollouts.set(place.owner, given.phase, acting(place), given.reason)
    return 200, {"name": "default", **RolloutForm().shown(place, RolloutOnly(hunts).get(place.owner, "default"))}


# -- how it looks -------------------------------------------------------------------------------


def _proof(proof: Proof) -> dict[str, Any]:
    run, volume, cost = proof.dry_run, proof.volume, proof.cost
    told: dict[str, Any] = {
        "timeUtc": _stamp(proof.at),
        "schema": proof.schema,
        "weight": proof.weight,
        "findings": [
            _without_nothing(
                {
                    "code": f.code,
                    "level": f.level.value,
                    "weight": f.weight,
                    "reason": f.reason,
                    "help": f.help,
                    "start": f.span.start if f.span else None,
                    "end": f.span.end if f.span else None,
                }
            )
            for f in proof.findings
        ],
        "checks": [
            {"recording": c.recording, "expectation": c.expectation.value, "rows": c.rows, "passed": c.passed}
            for c in proof.checks
        ],
    }
    if cost:
        told["cost"] = {"bytes": cost.bytes, "rows": cost.rows, "tables": list(cost.tables)}
    if volume:
        told["volume"] = {
            "rowsPerDay": volume.a_day,
            "low": volume.low,
            "high": volume.high,
            "sampled": volume.sampled,
        }
    if run:
        told["dryRun"] = _without_nothing(
            {
                "timeUtc": _stamp(run.at),
                "sinceTimeUtc": _stamp(run.since),
                "untilTimeUtc": _stamp(run.until),
                "rows": run.rows,
                "daily": [{"day": day, "rows": rows} for day, rows in run.daily],
                "entities": [{"type": type, "count": count} for type, count in run.entities],
                "sample": [dict(row) for row in run.sample],
                "seconds": run.seconds,
                "readBytes": run.read_bytes,
                "limited": run.limited,
                "failure": run.failure,
            }
        )
    return told


def _draft(draft: Draft) -> dict[str, Any]:
    return _without_nothing(
        {
            "source": draft.source.value,
            "reference": draft.reference,
            "version": draft.version,
            "maker": draft.maker.value,
            "description": draft.description,
            "explanation": [{"text": s.text, "start": s.span.start, "end": s.span.end} for s in draft.explanation],
            "context": [
                {"source": c.source, "id": c.id, "version": c.version, "score": c.score} for c in draft.context
            ],
            "notice": draft.notice,
        }
    )


def _properties(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"properties": _without_nothing(said)}


def _without_nothing(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value not in (None, "", [], {})}


def _person(author: Author) -> dict[str, Any] | None:
    return None if author == Author() else Person(object_id=author.object_id or None, name=author.name or None).wire()


def _stamp(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}" if at else None


def _span(span: timedelta | None) -> str | None:
    if span is None:
        return None
    return str(_SPAN.dump_python(span, mode="json"))


HUNT: Resource[GovernedHunt] = Resource(
    type="huntlake.Hunting/hunts",
    path=_HUNTS,
    form=HuntForm(),
    store=lambda place: Hunts(place.services.hunting.hunts),
    filters=frozenset({"name", "properties/state", "properties/maker", "properties/template", "properties/title"}),
    collection_posts={"": (Action.HUNT, _create)},
    posts={
        "edit": (Action.HUNT, _post(_edit)),
        "describe": (Action.HUNT, _post(_describe)),
        "prove": (Action.HUNT, _post(_prove)),
        "submit": (Action.HUNT, _post(_submit)),
        "comment": (Action.HUNT, _post(_comment)),
        "review": (Action.APPROVE_HUNTS, _post(_review)),
        "schedule": (Action.HUNT, _post(_schedule)),
        "suspend": (Action.HUNT, _post(_suspend)),
        "resume": (Action.HUNT, _post(_resume)),
        "retire": (Action.HUNT, _post(_retire)),
        "rollback": (Action.HUNT, _post(_rollback)),
        "difference": (Action.READ, _difference),
        "repair": (Action.READ, _repair),
    },
)

VERSIONS: Resource[tuple[GovernedHunt, HuntVersion]] = Resource(
    type="huntlake.Hunting/hunts/versions",
    path=f"{_HUNTS}/{{hunt}}/versions",
    form=VersionForm(),
    store=lambda place: Versions(place.services.hunting.hunts),
)

ROLLOUT: Resource[Rollout] = Resource(
    type="huntlake.Hunting/rollouts",
    path=f"{HUNTING}/rollouts",
    form=RolloutForm(),
    store=lambda place: RolloutOnly(place.services.hunting.hunts),
    posts={"set": (Action.LEAD_HUNTS, _set_phase)},
)

RESOURCES = (VERSIONS, HUNT, ROLLOUT)

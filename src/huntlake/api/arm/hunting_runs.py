"""Runs of hunts, what was found, and what people make of it. Azure has nothing of the kind: this contract is ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from huntlake.api.arm.hunting_acting import HUNTING, ReadOnly, acting
from huntlake.api.arm.resource import Place, Resource
from huntlake.api.arm.wire import Moment, Part, Person, properties_of, read
from huntlake.core.errors import NotFound, Refused
from huntlake.detection.severity import Severity
from huntlake.hunting.metrics import FORMULA, Figures
from huntlake.hunting.running.breakers import Opened
from huntlake.hunting.running.run import Cluster, HuntRun, Outcome, Verdict
from huntlake.hunting.service import Hunting
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import Owner

_HUNT = f"{HUNTING}/hunts/{{hunt}}"


class RunForm:
    """A run, with its clusters and verdicts."""

    def shown(self, place: Place, document: Document[HuntRun]) -> dict[str, Any]:
        """The run's properties."""
        run = document.value
        properties: dict[str, Any] = {
            "hunt": run.hunt,
            "version": run.version,
            "windowStartUtc": _stamp(run.since),
            "windowEndUtc": _stamp(run.until),
            "status": run.status.value,
            "startedTimeUtc": _stamp(run.started),
            "endedTimeUtc": _stamp(run.ended) if run.ended else None,
            "rows": run.rows,
            "seconds": round(run.seconds, 3),
            "readBytes": run.read_bytes,
            "failure": run.failure,
            "remarks": list(run.remarks),
            "askedBy": _name(run),
            "watchlists": _lists(run),
            "clusters": [_cluster(cluster, run) for cluster in run.clusters],
        }
        return {"properties": {name: value for name, value in properties.items() if value not in (None, "")}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> HuntRun:
        """Only the scheduler and persons' requests make runs."""
        raise Refused("a run can't be written: POST to the collection asks for one")


@dataclass(frozen=True)
class Runs(ReadOnly):
    """The runs of a hunt."""

    hunting: Hunting

    def list(self, owner: Owner) -> Sequence[Document[HuntRun]]:
        """Those of a hunt, the newest window first."""
        return self.hunting.runs.list(owner[:1], owner[1])

    def get(self, owner: Owner, name: str) -> Document[HuntRun]:
        """One of them."""
        found = self.hunting.runs.get(owner[:1], owner[1], name)
        if found.name != name:
            raise NotFound(f"no run is named `{name}`")
        return found


class BreakerForm:
    """A breaker that has opened."""

    def shown(self, place: Place, document: Document[Opened]) -> dict[str, Any]:
        """The breaker's properties."""
        opened = document.value
        return {
            "properties": {
                "kind": opened.kind.value,
                "reason": opened.reason,
                "evidence": dict(opened.evidence),
                "openedTimeUtc": _stamp(opened.at),
                "closedTimeUtc": _stamp(opened.closed) if opened.closed else None,
            }
        }

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Opened:
        """Nobody makes one."""
        raise Refused("a breaker can't be written")


@dataclass(frozen=True)
class Breakers(ReadOnly):
    """The breakers of a hunt that have opened."""

    hunting: Hunting

    def list(self, owner: Owner) -> Sequence[Document[Opened]]:
        """The newest first."""
        return [Document(f"{o.at:%Y%m%dT%H%M%S%fZ}", o, "") for o in self.hunting.runs.opened(owner[:1], owner[1])]

    def get(self, owner: Owner, name: str) -> Document[Opened]:
        """One of them."""
        return _named(self.list(owner), name, "breaker")


class FigureForm:
    """The figures of hunts of one origin, or of all."""

    def shown(self, place: Place, document: Document[Figures]) -> dict[str, Any]:
        """The figures, by their names."""
        told = {_camel(name): value for name, value in asdict(document.value).items()}
        return {"properties": {**told, "hoursFormula": FORMULA}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Figures:
        """Nobody makes them up."""
        raise Refused("figures can't be written")


@dataclass(frozen=True)
class AllFigures(ReadOnly):
    """The figures of a workspace: `all`, and one for each origin."""

    hunting: Hunting

    def list(self, owner: Owner) -> Sequence[Document[Figures]]:
        """All of them."""
        return [Document(name, figures, "") for name, figures in self.hunting.packaging.figures(owner).items()]

    def get(self, owner: Owner, name: str) -> Document[Figures]:
        """Those of one origin."""
        return _named(self.list(owner), name, "origin")


@dataclass(frozen=True, slots=True)
class Switch:
    """Why no hunt of a workspace runs now, empty where they may, and its phase. `rules` has the rules that were made of
    hunts, and the hunt of each; `held` those of them that wait now, and why.
    """

    stopped: str
    waits: str
    phase: int
    rules: Mapping[str, str]
    held: Mapping[str, str]


class SwitchForm:
    """Whether hunting goes on."""

    def shown(self, place: Place, document: Document[Switch]) -> dict[str, Any]:
        """The switch's properties."""
        return {"properties": asdict(document.value)}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Switch:
        """POSTs change it."""
        raise Refused("it can't be written: `stop` and `goOn` are POSTs")


@dataclass(frozen=True)
class Switches(ReadOnly):
    """The one switch of a workspace, `default`."""

    hunting: Hunting

    def list(self, owner: Owner) -> Sequence[Document[Switch]]:
        """It alone."""
        why, waits = self.hunting.stops.why(owner), self.hunting.watching.waits(owner)
        phase, holding = self.hunting.hunts.rollouts.of(owner).phase, self.hunting.holding
        return [Document("default", Switch(why, waits, phase, holding.rules(owner), holding.held(owner)), "")]

    def get(self, owner: Owner, name: str) -> Document[Switch]:
        """It, by its name."""
        return _named(self.list(owner), name, "switch")


class Window(Part):
    """What is to be looked at; without a start the period of the hunt, without an end now."""

    window_start_utc: datetime | None = None
    window_end_utc: datetime | None = None


class Judgement(Part):
    """What a cluster turned out to be."""

    cluster: str = Field(min_length=4, max_length=64)
    verdict: Verdict
    reason: str = Field("", max_length=2000)
    comment: str = Field("", max_length=10_000)


class Follow(Part):
    """A cluster, and what there is to say about it."""

    cluster: str = Field(min_length=4, max_length=64)
    comment: str = Field("", max_length=10_000)
    severity: Severity = Severity.MEDIUM


class Why(Part):
    """Why something is done."""

    reason: str = Field(min_length=1, max_length=2000)


def _run(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given, hunting = read(Window, properties_of(body)), place.services.hunting
    owner = place.owner
    hunt = hunting.hunts.get(owner[:1], owner[1]).value
    end = _utc(given.window_end_utc) if given.window_end_utc else hunting.clock.now().astimezone(UTC)
    end = end.replace(microsecond=0)
    period = hunt.version(hunt.runnable).content.schedule.period if hunt.runnable else timedelta(days=1)
    start = _utc(given.window_start_utc) if given.window_start_utc else end - period
    document = hunting.runs.run(place.here, owner[1], start, end, acting(place))
    return 200, {"name": document.name, **RunForm().shown(place, document)}


def _judge(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(Judgement, properties_of(body))
    document = place.services.hunting.runs.judge(
        place.owner[:1], place.owner[1], name, given.cluster, given.verdict, given.reason, acting(place), given.comment
    )
    return 200, {"name": document.name, **RunForm().shown(place, document)}


def _bookmark(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(Follow, properties_of(body))
    made = place.services.hunting.following.bookmark(
        place.owner[:1], place.owner[1], name, given.cluster, acting(place), given.comment
    )
    return 200, {"bookmark": made}


def _escalate(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(Follow, properties_of(body))
    made = place.services.hunting.following.escalate(
        place.owner[:1], place.owner[1], name, given.cluster, given.severity, acting(place), given.comment
    )
    return 200, {"incident": made}


def _suppress(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(Follow, properties_of(body))
    hunt = place.services.hunting.runs.suppress(
        place.owner[:1], place.owner[1], name, given.cluster, acting(place)
    ).value
    return 200, {"version": hunt.current, "query": hunt.latest.content.query, "state": hunt.state.value}


def _stop(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    place.services.hunting.stops.stop(place.owner, acting(place), read(Why, properties_of(body)).reason)
    return 200, None


def _go_on(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    place.services.hunting.stops.lift(place.owner, acting(place), read(Why, properties_of(body)).reason)
    return 200, None


def _store(type: Callable[[Hunting], Any]) -> Callable[[Place], Any]:
    return lambda place: type(place.services.hunting)


def _lists(run: HuntRun) -> list[dict[str, str]] | None:
    """The watchlists that it read, and their versions."""
    said = {name.removeprefix("watchlist "): v for name, v in run.details.items() if name.startswith("watchlist ")}
    return [{"alias": alias, "version": version} for alias, version in said.items()] or None


def _cluster(cluster: Cluster, run: HuntRun) -> dict[str, Any]:
    said = next((o for o in run.outcomes if o.signature == cluster.signature), None)
    told: dict[str, Any] = {
        "signature": cluster.signature,
        "title": cluster.title,
        "summary": cluster.summary,
        "rows": cluster.rows,
        "score": cluster.score,
        "parts": dict(cluster.parts),
        "knownGood": cluster.known_good,
        "firstTimeUtc": _stamp(cluster.first) if cluster.first else None,
        "lastTimeUtc": _stamp(cluster.last) if cluster.last else None,
        "entities": [{"type": type, "value": value} for type, value in cluster.entities],
        "sample": [dict(row) for row in cluster.sample],
        "verdict": _outcome(said) if said else None,
    }
    return {name: value for name, value in told.items() if value not in (None, "")}


def _outcome(said: Outcome) -> dict[str, Any]:
    by = Person(object_id=said.by.object_id or None, name=said.by.name or None).wire()
    told = {
        "verdict": said.verdict.value,
        "reason": said.reason,
        "comment": said.comment,
        "made": said.made,
        "by": by,
        "timeUtc": _stamp(said.at),
    }
    return {name: value for name, value in told.items() if value}


def _named(found: Sequence[Document[Any]], name: str, what: str) -> Document[Any]:
    for document in found:
        if document.name.lower() == name.lower():
            return document
    raise NotFound(f"no {what} is named `{name}`")


def _name(run: HuntRun) -> str:
    return run.asked_by.name if run.asked_by else ""


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _stamp(moment: Moment) -> str:
    return f"{_utc(moment):%Y-%m-%dT%H:%M:%S.%fZ}"


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


RUNS: Resource[HuntRun] = Resource(
    type="huntlake.Hunting/hunts/runs",
    path=f"{_HUNT}/runs",
    form=RunForm(),
    store=_store(Runs),
    filters=frozenset({"name", "properties/status", "properties/version"}),
    posts={
        "judge": (Action.HUNT, _judge),
        "bookmark": (Action.HUNT, _bookmark),
        "escalate": (Action.HUNT, _escalate),
        "suppress": (Action.HUNT, _suppress),
    },
    collection_posts={"": (Action.HUNT, _run)},
)

BREAKERS: Resource[Opened] = Resource(
    type="huntlake.Hunting/hunts/breakers", path=f"{_HUNT}/breakers", form=BreakerForm(), store=_store(Breakers)
)

FIGURES: Resource[Figures] = Resource(
    type="huntlake.Hunting/metrics", path=f"{HUNTING}/metrics", form=FigureForm(), store=_store(AllFigures)
)

SWITCHES: Resource[Switch] = Resource(
    type="huntlake.Hunting/switches",
    path=f"{HUNTING}/switches",
    form=SwitchForm(),
    store=_store(Switches),
    posts={"stop": (Action.HUNT, _stop), "goOn": (Action.APPROVE_HUNTS, _go_on)},
)

RESOURCES = (RUNS, BREAKERS, FIGURES, SWITCHES)

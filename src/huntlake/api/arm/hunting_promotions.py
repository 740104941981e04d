"""Hunts as rules: back-tests, promotion, and the second approval. Azure has nothing of the kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from huntlake.api.arm.hunting_acting import HUNTING, ReadOnly, acting
from huntlake.api.arm.progress import progress_to
from huntlake.api.arm.resource import LongWork, Place, Resource, Tell
from huntlake.api.arm.wire import Moment, Part, Person, Span, properties_of, read
from huntlake.core.errors import NotFound, Refused
from huntlake.engines.cancellation import Cancellation
from huntlake.hunting.backtesting import HuntBacktest, Sweep
from huntlake.hunting.promotion import Promotion, Promotions
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import Author, Owner

_HUNT = f"{HUNTING}/hunts/{{hunt}}"


class Wanted(Part):
    """Over how many days, and which values are tried; what isn't said has the usual ones."""

    days: int = Field(default=30, ge=30, le=365)
    frequencies: tuple[Span, ...] = ()
    periods: tuple[Span, ...] = ()
    thresholds: tuple[int, ...] = ()
    suppressions: tuple[Span, ...] = ()


class Why(Part):
    """Why it is done, and which trial is meant, counted from 0; else the recommended one."""

    comment: str = Field(default="", max_length=10_000)
    trial: int | None = Field(default=None, ge=0)


class BacktestForm:
    """What came of each setting."""

    def shown(self, place: Place, document: Document[HuntBacktest]) -> dict[str, Any]:
        """The back-test's properties."""
        tested = document.value
        trials = [
            {
                "frequencyMinutes": t.setting.frequency.total_seconds() / 60,
                "periodMinutes": t.setting.period.total_seconds() / 60,
                "triggerThreshold": t.setting.threshold,
                "alertPerRow": t.setting.per_row,
                "suppressionMinutes": t.setting.suppression.total_seconds() / 60,
                "setting": str(t.setting),
                "alerts": t.alerts,
                "alertsADay": round(t.a_day, 4),
                "entities": t.entities,
                "truePositivesKept": t.kept,
                "falseAlerts": t.false,
                "suppressedRuns": t.suppressed,
                "failedRuns": t.failures,
            }
            for t in tested.trials
        ]
        overlaps = [
            {"rule": o.rule, "title": o.title, "sharedEntities": o.shared, "jaccard": round(o.jaccard, 4)}
            for o in tested.overlaps
        ]
        return {
            "properties": {
                "version": tested.version,
                "contentHash": tested.content_hash,
                "startTimeUtc": _stamp(tested.since),
                "endTimeUtc": _stamp(tested.until),
                "madeTimeUtc": _stamp(tested.made),
                "truePositives": tested.known,
                "recommended": tested.recommended,
                "trials": trials,
                "overlaps": overlaps,
                "remarks": list(tested.remarks),
                "failure": tested.failure,
            }
        }

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> HuntBacktest:
        """Only replays make one."""
        raise Refused("a back-test can't be written: POST to the collection has one made")


class PromotionForm:
    """Which rule a hunt was made, and by whom."""

    def shown(self, place: Place, document: Document[Promotion]) -> dict[str, Any]:
        """The promotion's properties."""
        made = document.value
        said = {
            "hunt": made.hunt,
            "version": made.version,
            "rule": made.rule,
            "setting": made.setting,
            "alertsADay": round(made.alerts_a_day, 4),
            "promotedBy": _person(made.promoted_by),
            "promotedTimeUtc": _stamp(made.promoted),
            "comment": made.comment,
            "enabledBy": _person(made.enabled_by) if made.enabled_by else None,
            "enabledTimeUtc": _stamp(made.enabled) if made.enabled else None,
            "approval": made.approval or None,
        }
        return {"properties": {name: value for name, value in said.items() if value is not None}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Promotion:
        """Only persons' requests promote."""
        raise Refused("a promotion can't be written: POST to the collection promotes a hunt")


@dataclass(frozen=True)
class Backtests(ReadOnly):
    """The last back-test of a hunt, `last`."""

    promotions: Promotions

    def list(self, owner: Owner) -> Sequence[Document[HuntBacktest]]:
        """That one, if there is one."""
        return [self.get(owner, "last")] if self.promotions.has_backtest(owner[:1], owner[1]) else []

    def get(self, owner: Owner, name: str) -> Document[HuntBacktest]:
        """That one."""
        if name.lower() != "last":
            raise NotFound("of back-tests the `last` is kept")
        found = self.promotions.last(owner[:1], owner[1])
        return Document("last", found.value, found.etag)


@dataclass(frozen=True)
class Made(ReadOnly):
    """The promotion of a hunt, `rule`."""

    promotions: Promotions

    def list(self, owner: Owner) -> Sequence[Document[Promotion]]:
        """That one, if there is one."""
        return [self.get(owner, "rule")] if self.promotions.is_promoted(owner[:1], owner[1]) else []

    def get(self, owner: Owner, name: str) -> Document[Promotion]:
        """That one."""
        if name.lower() != "rule":
            raise NotFound("a hunt has one promotion, `rule`")
        found = self.promotions.get(owner[:1], owner[1])
        return Document("rule", found.value, found.etag)


def _backtest(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given, usual = read(Wanted, properties_of(body)), Sweep()
    sweep = Sweep(
        given.frequencies or usual.frequencies,
        given.periods,
        given.thresholds or usual.thresholds,
        usual.per_row,
        given.suppressions or usual.suppressions,
    )
    promotions, hunt = place.services.hunting.promotions, place.names["hunt"]
    promotions.runnable((place.here.name,), hunt)
    by = acting(place)

    def work(cancellation: Cancellation, tell: Tell) -> object:
        told = progress_to(tell, "windows")
        made = promotions.backtest(place.here, hunt, by, given.days, sweep, told, cancellation)
        return BACKTESTS.form.shown(place, made)

    return 200, LongWork(work)


def _promote(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(Why, properties_of(body))
    promotions, hunt = place.services.hunting.promotions, place.names["hunt"]
    made = promotions.promote((place.here.name,), hunt, acting(place), given.comment, given.trial)
    return 200, PROMOTIONS.form.shown(place, made)


def _enable(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(Why, properties_of(body))
    promotions, hunt = place.services.hunting.promotions, place.names["hunt"]
    done = promotions.enable((place.here.name,), hunt, acting(place), given.comment)
    return 200, PROMOTIONS.form.shown(place, done)


def _person(author: Author) -> dict[str, Any]:
    return Person(object_id=author.object_id or None, name=author.name or None).wire()


def _stamp(moment: Moment) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


BACKTESTS: Resource[HuntBacktest] = Resource(
    type="huntlake.Hunting/hunts/backtests",
    path=f"{_HUNT}/backtests",
    form=BacktestForm(),
    store=lambda place: Backtests(place.services.hunting.promotions),
    collection_posts={"": (Action.HUNT, _backtest)},
)

PROMOTIONS: Resource[Promotion] = Resource(
    type="huntlake.Hunting/hunts/promotions",
    path=f"{_HUNT}/promotions",
    form=PromotionForm(),
    store=lambda place: Made(place.services.hunting.promotions),
    posts={"enable": (Action.APPROVE_HUNTS, _enable)},
    collection_posts={"": (Action.HUNT, _promote)},
)

RESOURCES = (BACKTESTS, PROMOTIONS)

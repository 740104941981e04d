"""What hunting is worth: figures by who made the hunts, each with the formula that it follows from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.hunt import Decision, GovernedHunt
from huntlake.hunting.lifecycle.states import HuntState
from huntlake.hunting.running.run import HuntRun, RunStatus, Verdict

MINUTES: Mapping[str, float] = {"hypothesis": 45, "query": 60, "dry run": 20, "triage": 3, "package": 40}
"""Minutes that a person takes for each by hand, as far as nobody here has measured: rates to be put in one's own."""

FORMULA = (
    "hours = (hypothesis + query) per hunt drafted by the core or a model and approved, + dry run per proved version, "
    "+ triage per row that a cluster spares (rows - 1), + package per package, each in minutes / 60"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of hunts of one origin, or of all. Shares are None where nothing was decided yet.

    `true_positives` counts clusters by their signature: the same thing found twice is one. `seconds_to_package` is the
    median time from the first signal of a hunt to its package. `hours` is an estimate, by `FORMULA`.
    """

    hunts: int
    runs: int
    failed_runs: int
    rows: int
    clusters: int
    true_positives: int
    approval_rate: float | None
    false_positive_rate: float | None
    seconds_to_package: float | None
    promoted: int
    suspended: int
    hours: float
    engine_seconds: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """Techniques: those that can be seen here, those that hunts look for, and those that enabled rules detect."""

    seen: int
    hunted: int
    detected: int


@dataclass(frozen=True, slots=True)
class Told:
    """A hunt with its runs, the time of its first signal, and that of its package."""

    hunt: GovernedHunt
    runs: Sequence[HuntRun]
    signalled: datetime | None = None
    packaged: datetime | None = None


def figures(told: Iterable[Told], minutes: Mapping[str, float] = MINUTES) -> Mapping[str, Figures]:
    """The figures of all hunts under `all`, and of each origin under its name."""
    by_maker: dict[str, list[Told]] = defaultdict(list)
    for one in told:
        by_maker["all"].append(one)
        by_maker[one.hunt.maker.value].append(one)
    names = ["all", *(maker.value for maker in Maker if by_maker[maker.value])]
    return {name: _figures(by_maker[name], minutes) for name in names}


def techniques(hunts: Iterable[GovernedHunt]) -> frozenset[str]:
    """The techniques that hunts with an approved version look for."""
    return frozenset(t for hunt in hunts if hunt.runnable for t in hunt.techniques)


def _figures(told: Sequence[Told], minutes: Mapping[str, float]) -> Figures:
    runs = [run for one in told for run in one.runs]
    clusters = [cluster for run in runs for cluster in run.clusters]
    verdicts = [outcome for run in runs for outcome in run.outcomes]
    judged = [v for v in verdicts if v.verdict is not Verdict.INCONCLUSIVE]
    decided = [r for one in told for r in one.hunt.reviews]
    spans = [(one.packaged - one.signalled) / timedelta(seconds=1) for one in told if one.packaged and one.signalled]
    return Figures(
        hunts=len(told),
        runs=len(runs),
        failed_runs=sum(run.status is RunStatus.FAILED for run in runs),
        rows=sum(run.rows for run in runs),
        clusters=len(clusters),
        true_positives=len({v.signature for v in verdicts if v.verdict is Verdict.TRUE_POSITIVE}),
        approval_rate=_share(sum(r.decision is Decision.APPROVED for r in decided), len(decided)),
        false_positive_rate=_share(sum(v.verdict is Verdict.FALSE_POSITIVE for v in judged), len(judged)),
        seconds_to_package=median(spans) if spans else None,
        promoted=sum(one.hunt.state is HuntState.PROMOTED for one in told),
        suspended=sum(one.hunt.state is HuntState.SUSPENDED for one in told),
        hours=_hours(told, minutes),
        engine_seconds=sum(run.seconds for run in runs),
    )


def _hours(told: Sequence[Told], minutes: Mapping[str, float]) -> float:
    drafted = [
        one
        for one in told
        if one.hunt.maker is not Maker.PERSON and any(r.decision is Decision.APPROVED for r in one.hunt.reviews)
    ]
    proved = sum(version.proof is not None for one in told for version in one.hunt.versions)
    spared = sum(cluster.rows - 1 for one in told for run in one.runs for cluster in run.clusters)
    packages = sum(one.packaged is not None for one in told)
    spent = (
        len(drafted) * (minutes["hypothesis"] + minutes["query"])
        + proved * minutes["dry run"]
        + spared * minutes["triage"]
        + packages * minutes["package"]
    )
    return round(spent / 60, 1)


def _share(count: int, of: int) -> float | None:
    return count / of if of else None

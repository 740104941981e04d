"""Which setting of a rule tells the known attacks from what is known to be harmless: replays of it with each.

A label says of some entities, at some time, whether alerts about them are right. What is measured rests on labels
alone: alerts that nobody has labelled are counted, and are neither right nor wrong.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from huntlake.core.diagnostics import Source
from huntlake.core.errors import Invalid
from huntlake.detection.alerts import Alert
from huntlake.detection.durations import short
from huntlake.detection.entities import Entity
from huntlake.detection.incidents import Classification
from huntlake.detection.replaying import MovedClock, Replay, raised
from huntlake.detection.rules import AnalyticRule, check
from huntlake.detection.service import Detection
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.tokens import TokenKind
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Owner

MOST_SETTINGS = 200
_FIELDS = frozenset({"verdict", "entities", "from", "to"})
_VERDICTS = {"true": True, "true-positive": True, "truepositive": True, "tp": True}
_VERDICTS |= {"false": False, "false-positive": False, "falsepositive": False, "fp": False}
_VERDICTS |= {"benign-positive": False, "benignpositive": False, "bp": False}
_LITERALS = frozenset({TokenKind.LONG, TokenKind.REAL, TokenKind.TIMESPAN})


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of an alert: `good` is a true positive.

    It speaks of alerts that have all of the entities, and whose events lie between the times; None is without bound.
    """

    good: bool
    entities: frozenset[str]
    """Names in lower case, as `names` has them."""
    since: datetime | None = None
    until: datetime | None = None

    def speaks_of(self, alert: Alert) -> bool:
        """Whether it is about that alert."""
        if self.since is not None and alert.ended is not None and alert.ended < self.since:
            return False
        if self.until is not None and alert.started is not None and alert.started > self.until:
            return False
        return self.entities <= {n for e in alert.entities for n in names(e)}


@dataclass(frozen=True, slots=True)
class Setting:
    """A rule with some values in place of its own; `said` names them."""

    said: tuple[tuple[str, str], ...]
    rule: AnalyticRule


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a setting. An alert that labels of both kinds speak of is a true positive."""

    setting: Setting
    alerts: int
    true: int
    false: int
    found: int
    """True labels that some alert is about, of `wanted`."""
    wanted: int
    days: float
    failures: int = 0
    reason: str = ""

    @property
    def precision(self) -> float | None:
        """The share of the true ones among the alerts that labels speak of."""
        return self.true / (self.true + self.false) if self.true + self.false else None

    @property
    def recall(self) -> float | None:
        """The share of the true labels that some alert is about."""
        return self.found / self.wanted if self.wanted else None

    @property
    def per_day(self) -> float:
        """Alerts of a day, as a mean."""
        return self.alerts / self.days if self.days else 0.0


def settings(
    rule: AnalyticRule,
    thresholds: Sequence[int] = (),
    frequencies: Sequence[timedelta] = (),
    periods: Sequence[timedelta] = (),
    lets: Mapping[str, Sequence[str]] = {},
) -> tuple[Setting, ...]:
    """The rule with each combination of the values; those that no rule may have are left out.

    `lets` are values in place of the number or timespan that a `let` of the query's text names. Raises `Invalid` for a
    name that there isn't, for too many combinations, and where none is left.
    """
    axes: list[list[tuple[str, str, Any]]] = [
        [("threshold", str(t), t) for t in thresholds],
        [("frequency", short(f), f) for f in frequencies],
        [("period", short(p), p) for p in periods],
        *([(f"let {name}", value, value) for value in values] for name, values in lets.items()),
    ]
    combined = list(product(*(axis for axis in axes if axis)))
    if len(combined) > MOST_SETTINGS:
        raise Invalid(f"{len(combined)} settings are more than {MOST_SETTINGS}")
    found, wrong = [], ""
    for chosen in combined:
        changed = rule
        for what, _, value in chosen:
            match what:
                case "threshold":
                    changed = replace(changed, trigger_threshold=value)
                case "frequency":
                    changed = replace(changed, query_frequency=value)
                case "period":
                    changed = replace(changed, query_period=value)
                case _:
                    changed = replace(changed, query=with_let(changed.query, what.removeprefix("let "), value))
        try:
            check(changed)
        except Invalid as error:
            wrong = str(error)
            continue
        found.append(Setting(tuple((what, said) for what, said, _ in chosen), changed))
    if not found:
        raise Invalid(f"no rule may be set so: {wrong}")
    return tuple(found)


def with_let(query: str, name: str, value: str) -> str:
    """The query with another number or timespan in the place of the one that `let name` has."""
    new = [t for t in tokenize(Source(value)) if t.kind is not TokenKind.END]
    if len(new) != 1 or new[0].kind not in _LITERALS:
        raise Invalid(f"`{value[:60]}` is neither a number nor a timespan")
    tokens = list(tokenize(Source(query)))
    for let, named, equals, literal, end in zip(*(tokens[n:] for n in range(5)), strict=False):
        if (let.text, named.text, equals.text) == ("let", name, "=") and literal.kind in _LITERALS and end.text == ";":
            return query[: literal.start] + value + query[literal.end :]
    raise Invalid(f"no `let {name} = …;` of the query names a number or a timespan")


def measured(replay: Replay, name: str, setting: Setting, labels: Sequence[Label]) -> Measured:
    """Replay a rule with a setting, and hold what it tells against the labels. Nothing is kept."""
    replay = replace(replay, rules=((name, setting.rule),))
    clock = MovedClock(replay.since)
    raising = Detection.over(MemoryShelf(), clock).raising
    alerts: list[Alert] = []
    failures, reason = 0, ""
    for one, stored in raised(replay, raising, replay.workspace, clock):
        if one.run is None:
            failures, reason = failures + 1, one.failure
        else:
            alerts += [r.alert for r in one.run.alerts if r.name in stored.alerts]
    good = [label for label in labels if label.good]
    bad = [label for label in labels if not label.good]
    true = [a for a in alerts if any(label.speaks_of(a) for label in good)]
    false = [a for a in alerts if a not in true and any(label.speaks_of(a) for label in bad)]
    found = sum(any(label.speaks_of(a) for a in alerts) for label in good)
    days = (replay.until - replay.since) / timedelta(days=1)
    return Measured(setting, len(alerts), len(true), len(false), found, len(good), days, failures, reason)


def names(entity: Entity) -> Iterator[str]:
    """The ways to name an entity, in lower case: each of its properties, and full names of accounts and hosts."""
    known = {p: str(v).lower() for p, v in entity.properties.items() if v not in (None, "")}
    yield from known.values()
    if (account := known.get("accountName")) is not None:
        for domain in ("upnSuffix", "dnsDomain"):
            if domain in known:
                yield f"{account}@{known[domain]}"
        if "ntDomain" in known:
            yield f"{known['ntDomain']}\\{account}"
    if (host := known.get("hostName")) is not None and "dnsDomain" in known:
        yield f"{host}.{known['dnsDomain']}"


def read_labels(path: Path) -> tuple[Label, ...]:
    """The labels of a YAML or a CSV file; `Invalid` for what can't be understood.

    Each has a `verdict`, and `entities`, `from` and `to`; in CSV entities are separated by blanks.
    """
    if path.suffix.lower() == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            listed: Any = [{k: v for k, v in row.items() if v not in (None, "")} for row in csv.DictReader(file)]
    else:
        import yaml

        try:
            listed = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise Invalid(f"{path} is no YAML: {error}") from None
        listed = listed.get("labels") if isinstance(listed, dict) else listed
    if not isinstance(listed, list) or not listed:
        raise Invalid(f"{path} has no list of labels")
    return tuple(_label(one, f"{path}, label {number}") for number, one in enumerate(listed, 1))


def from_incidents(detection: Detection, owner: Owner, rule: str) -> Iterator[Label]:
    """What people have said of the rule's alerts by closing the incidents that hold them."""
    for document in detection.incidents.list(owner):
        kind = document.value.classification
        if kind in (None, Classification.UNDETERMINED):
            continue
        for alert in detection.incidents.alerts(owner, document.name):
            if alert.value.rule == rule:
                about = frozenset(next(iter(names(e)), "") for e in alert.value.entities) - {""}
                yield Label(kind is Classification.TRUE_POSITIVE, about, alert.value.started, alert.value.ended)


def _label(one: Any, place: str) -> Label:
    if not isinstance(one, dict):
        raise Invalid(f"{place} is no mapping")
    if unknown := sorted(map(str, one.keys() - _FIELDS)):
        raise Invalid(f"{place}: `{unknown[0]}` is none of {', '.join(sorted(_FIELDS))}")
    verdict = str(one.get("verdict", "")).strip().lower().replace("_", "-")
    if verdict not in _VERDICTS:
        raise Invalid(f"{place}: the verdict `{verdict[:60]}` is neither `true-positive` nor `false-positive`")
    entities = one.get("entities", [])
    listed = entities.split() if isinstance(entities, str) else entities
    if not isinstance(listed, list) or any(isinstance(e, dict | list) for e in listed):
        raise Invalid(f"{place}: `entities` is a list of names")
    label = Label(
        _VERDICTS[verdict],
        frozenset(str(e).strip().lower() for e in listed),
        _moment(one.get("from"), place),
        _moment(one.get("to"), place),
    )
    if not label.entities and label.since is None and label.until is None:
        raise Invalid(f"{place} says neither entities nor times: it would speak of every alert")
    return label


def _moment(value: Any, place: str) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise Invalid(f"{place}: `{value}` is no time in ISO 8601") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)

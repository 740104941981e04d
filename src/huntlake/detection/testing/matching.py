"""What came of a test against what was expected of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from huntlake.detection.alerts import Alert
from huntlake.detection.entities import Entity
from huntlake.detection.incidents import Incident
from huntlake.detection.testing.cases import Expectation, ExpectedAlert, ExpectedIncident

E = TypeVar("E")
F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class IncidentFound:
    """An incident at the end of a test, with the names of what it holds."""

    incident: Incident
    alerts: int
    entities: tuple[Entity, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that isn't as expected, and the line of the file that expects it."""

    line: int
    text: str


def differences(
    expected: Expectation, alerts: Sequence[Alert], incidents: Sequence[IncidentFound]
) -> tuple[Difference, ...]:
    """Everything that isn't as expected."""
    return (
        *_counted("alert", expected.line, expected.alerts, alerts, _alert_differs, lambda a: a.title),
        *_counted("incident", expected.line, expected.incidents, incidents, _incident_differs, _titled),
        *_entities_missing(expected.line, expected.entities, [e for a in alerts for e in a.entities]),
    )


def _counted(
    what: str,
    line: int,
    expected: int | tuple[E, ...] | None,
    found: Sequence[F],
    differs: Callable[[E, F], Iterator[Difference]],
    title: Callable[[F], str],
) -> Iterator[Difference]:
    if expected is None:
        return
    if isinstance(expected, int):
        if len(found) != expected:
            yield Difference(line, f"{_number(what, expected)} expected, {len(found)} found{_listed(found, title)}")
        return
    taken = _pairs(expected, found, differs)
    left = [f for i, f in enumerate(found) if i not in taken.values()]
    for number, one in enumerate(expected):
        if number in taken:
            continue
        if not left:
            yield Difference(_line(one), f"no {what} is there for this one")
            continue
        # The likest of those that nobody else wants says best what is wrong.
        closest = min(left, key=lambda f: len(list(differs(one, f))))
        left.remove(closest)
        yield from differs(one, closest)
    for one_more in left:
        yield Difference(line, f"one more {what} than expected: `{title(one_more)}`")


def _pairs(
    expected: Sequence[E], found: Sequence[F], differs: Callable[[E, F], Iterator[Difference]]
) -> dict[int, int]:
    """As many pairs of an expected and a found one as there can be, by Kuhn's augmenting paths."""
    fits = [[j for j, f in enumerate(found) if next(differs(e, f), None) is None] for e in expected]
    owner: dict[int, int] = {}

    def seek(i: int, seen: set[int]) -> bool:
        for j in fits[i]:
            if j in seen:
                continue
            seen.add(j)
            if j not in owner or seek(owner[j], seen):
                owner[j] = i
                return True
        return False

    for i in range(len(expected)):
        seek(i, set())
    return {i: j for j, i in owner.items()}


def _alert_differs(expected: ExpectedAlert, alert: Alert) -> Iterator[Difference]:
    line = expected.line
    yield from _differs(line, "title", expected.title, alert.title)
    yield from _differs(line, "description", expected.description, alert.description)
    yield from _differs(line, "severity", expected.severity, alert.severity)
    yield from _differs_as_set(line, "tactics", expected.tactics, frozenset(alert.tactics))
    yield from _differs_as_set(line, "techniques", expected.techniques, frozenset(alert.techniques))
    yield from _entities_missing(line, expected.entities, alert.entities)
    if expected.exactly:
        for one in alert.entities:
            if not any(_fits(e, one) for e in expected.entities):
                yield Difference(line, f"an entity more than expected: {_entity(one)}")
    if expected.details is not None:
        found = _details(alert)
        for name, values in expected.details.items():
            held = tuple(found.get(name, ()))
            if sorted(held) != sorted(values):
                yield Difference(line, f"the custom detail `{name}` is {_shown(held)}, not {_shown(values)}")


def _incident_differs(expected: ExpectedIncident, found: IncidentFound) -> Iterator[Difference]:
    line = expected.line
    yield from _differs(line, "title", expected.title, found.incident.title)
    yield from _differs(line, "severity", expected.severity, found.incident.severity)
    yield from _differs(line, "status", expected.status, found.incident.status)
    yield from _differs(line, "number of alerts", expected.alerts, found.alerts)
    yield from _entities_missing(line, expected.entities, found.entities)


def _entities_missing(line: int, expected: Sequence[Entity], found: Sequence[Entity]) -> Iterator[Difference]:
    for one in expected:
        if any(_fits(one, other) for other in found):
            continue
        like = [_entity(other) for other in found if other.kind == one.kind]
        there = f"; of its kind there are {', '.join(like)}" if like else f"; there is no {one.kind}"
        yield Difference(line, f"no entity is {_entity(one)}{there}")


def _fits(expected: Entity, found: Entity) -> bool:
    # Names of accounts, hosts and files have no case.
    known = found.properties
    return expected.kind == found.kind and all(
        name in known and str(known[name]).lower() == str(value).lower() for name, value in expected.properties.items()
    )


def _differs(line: int, what: str, expected: object, found: object) -> Iterator[Difference]:
    if expected is not None and expected != found:
        yield Difference(line, f"the {what} is `{found}`, not `{expected}`")


def _differs_as_set(
    line: int, what: str, expected: frozenset[Any] | None, found: frozenset[Any]
) -> Iterator[Difference]:
    if expected is not None and expected != found:
        yield Difference(line, f"the {what} are {_shown(sorted(found))}, not {_shown(sorted(expected))}")


def _details(alert: Alert) -> Mapping[str, Sequence[str]]:
    text = alert.more.get("Custom Details")
    found = orjson.loads(text) if isinstance(text, str) else {}
    return found if isinstance(found, dict) else {}


def _entity(one: Entity) -> str:
    return f"{one.kind} ({', '.join(f'{n}: {v}' for n, v in one.properties.items())})"


def _titled(found: IncidentFound) -> str:
    return found.incident.title


def _line(expected: object) -> int:
    return int(getattr(expected, "line", 0))


def _number(what: str, number: int) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _listed(found: Sequence[F], title: Callable[[F], str]) -> str:
    titles = list(dict.fromkeys(title(f) for f in found))
    return f": {', '.join(f'`{t}`' for t in titles[:5])}{' …' if len(titles) > 5 else ''}" if titles else ""


def _shown(values: Sequence[object]) -> str:
    return ", ".join(f"`{v}`" for v in values) or "nothing"

"""`huntlake tune`: which threshold, frequency, period or number serves a rule best, by what is known of its alerts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.replay import Since, Until, chosen, moment, progress
from huntlake.cli.screen import note
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from huntlake.detection.tuning import Measured

THRESHOLDS = (0, 1, 2, 3, 5, 10, 20, 50)
"""Those that are tried where nobody names what to try, beside the rule's own."""

T = TypeVar("T")


def tune(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="A file with one rule, or the name of a stored one.")],
    since: Since,
    until: Until,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="FILE", help="What is known: YAML or CSV.", exists=True, dir_okay=False),
    ] = None,
    incidents: Annotated[
        bool, typer.Option("--incidents", help="What is known: the verdicts of closed incidents.")
    ] = False,
    thresholds: Annotated[str, typer.Option("--threshold", metavar="N,N…", help="Values of triggerThreshold.")] = "",
    frequencies: Annotated[str, typer.Option("--frequency", metavar="5m,1h…", help="Values of queryFrequency.")] = "",
    periods: Annotated[str, typer.Option("--period", metavar="1h,1d…", help="Values of queryPeriod.")] = "",
    lets: Annotated[
        list[str] | None,
        typer.Option("--let", metavar="NAME=V,V…", help="Values of a number or a timespan that a `let` names."),
    ] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")] = Listing.TABLE,
) -> None:
    """Run a rule over history with each setting, and count what it would have got right. Nothing is changed."""
    from huntlake.detection.replaying import Replay
    from huntlake.detection.tuning import from_incidents, measured, read_labels, settings

    began, ended = moment(since), moment(until)
    if began >= ended:
        raise Invalid("`--from` lies before `--to`")
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        path = Path(rule)
        found = chosen(lake, place, [path], []) if path.is_file() else chosen(lake, place, [], [rule])
        if len(found) != 1:
            raise Invalid(f"{rule} holds {len(found)} rules; one is tuned at a time")
        ((name, kept),) = found
        known = list(read_labels(labels)) if labels else []
        if incidents:
            known += from_incidents(lake.detection, (place.name,), name)
        if not known:
            raise Invalid("nothing is known of the rule's alerts: say `--labels FILE`, or `--incidents`")
        counts = _values(thresholds, int, "--threshold")
        often, back = _values(frequencies, _span, "--frequency"), _values(periods, _span, "--period")
        named = _lets(lets or ())
        if not (counts or often or back or named):
            own = kept.trigger_threshold
            counts = sorted({*THRESHOLDS, *([own] if own is not None else [])})
        tried = settings(kept, counts, often, back, named)
        replay = Replay(lake.analytics.queries, place, [(name, kept)], began, ended)
        results = []
        with progress("settings") as told:
            for number, setting in enumerate(tried, 1):
                results.append(measured(replay, name, setting, known))
                if told:
                    told(number, len(tried))
    heads = [what for what, _ in tried[0].said]
    rows = [_row(result) for result in results]
    headings = [*heads, "alerts", "per day", "true", "false", "unknown", "precision", "recall"]
    show(headings, rows, output, numbers=set(headings))
    for reason in dict.fromkeys(r.reason for r in results if r.failures):
        note(f"windows failed, and count for nothing: {reason}")
    if best := best_of(results):
        note(f"best of both: {', '.join(f'{what} {said}' for what, said in best.setting.said)}")


def best_of(results: Sequence[Measured]) -> Measured | None:
    """The one with the best balance (F1) of precision and recall; of equals the one with fewer alerts."""

    def score(one: Measured) -> float:
        precision, recall = one.precision or 0.0, one.recall or 0.0
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    good = [r for r in results if score(r) > 0]
    return max(good, key=lambda r: (score(r), -r.alerts)) if good else None


def _row(one: Measured) -> tuple[object, ...]:
    said = (value for _, value in one.setting.said)
    unknown = one.alerts - one.true - one.false
    return (
        *said,
        one.alerts,
        round(one.per_day, 2),
        one.true,
        one.false,
        unknown,
        _share(one.precision),
        _share(one.recall),
    )


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _values(text: str, read: Callable[[str], T], option: str) -> list[T]:
    try:
        return [read(part.strip()) for part in text.split(",")] if text else []
    except ValueError:
        raise Invalid(f"`{option} {text}` is no list of values, separated by commas") from None


def _span(text: str) -> timedelta:
    from huntlake.detection.durations import duration

    found = duration(text)
    if found is None:
        raise ValueError(text)
    return found


def _lets(given: Sequence[str]) -> dict[str, list[str]]:
    found = {}
    for one in given:
        name, equals, values = one.partition("=")
        if not equals or not name.strip() or not values.strip():
            raise Invalid(f"`--let {one}` isn't of the form NAME=VALUE,VALUE")
        found[name.strip()] = [v.strip() for v in values.split(",")]
    return found

"""`huntlake hunt`: try a hunt as a rule over history, make the rule, and have another person enable it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.hunter import acting
from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.replay import progress
from huntlake.cli.screen import note, printable
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from huntlake.hunting.backtesting import HuntBacktest
    from huntlake.hunting.promotion import Promotion

Output = Annotated[Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")]
Name = Annotated[str, typer.Argument(metavar="HUNT", help="The hunt's name, or how it begins.")]
Comment = Annotated[str, typer.Option("--comment", "-m", help="Why.")]


def backtest(
    name: Name,
    days: Annotated[int, typer.Option("--days", min=30, max=365, help="Days of history.")] = 30,
    frequencies: Annotated[str, typer.Option("--frequency", help="How often it runs, such as 1h,6h,1d.")] = "",
    periods: Annotated[str, typer.Option("--period", help="Over how long a time each run looks.")] = "",
    thresholds: Annotated[str, typer.Option("--threshold", help="More rows than these raise an alert: 0,2,5.")] = "",
    suppressions: Annotated[str, typer.Option("--suppression", help="Silence after an alert: 0m,5h,1d.")] = "",
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Try a hunt as a scheduled rule over history, with one setting after the other; nothing is raised.

    Recommended is the setting with the fewest alerts a day that keeps every known true positive.
    """
    from huntlake.hunting.backtesting import Sweep

    usual = Sweep()
    sweep = Sweep(
        tuple(_spans(frequencies, "--frequency")) or usual.frequencies,
        tuple(_spans(periods, "--period")),
        tuple(_numbers(thresholds)) or usual.thresholds,
        usual.per_row,
        tuple(_spans(suppressions, "--suppression")) or usual.suppressions,
    )
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        with progress("windows") as told:
            found = lake.hunting.promotions.backtest(place, name, acting(), days, sweep, told).value
    _tell(found, output)


def promote(
    name: Name,
    comment: Comment = "",
    trial: Annotated[
        int | None, typer.Option("--trial", min=0, help="The number of a trial of the back-test; else the recommended.")
    ] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Make an analytic rule, disabled, of a hunt that has found something. Another person enables it."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        made = lake.hunting.promotions.promote(owner, name, acting(), comment, trial).value
    _listed([made], output)
    note(f"the rule is disabled: another person enables it by `huntlake hunt enable-rule {made.hunt}`")


def enable_rule(
    name: Name,
    comment: Comment = "",
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Enable the rule of a hunt that somebody else has promoted and written."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        made = lake.hunting.promotions.enable(owner, name, acting(), comment).value
    _listed([made], output)


def promotions(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List the rules that hunts were made, and whether they are enabled."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        known = [d.value for d in lake.hunting.promotions.list(owner)]
    _listed(known, output)


def _tell(found: HuntBacktest, output: Listing) -> None:
    heads = ["trial", "setting", "alerts", "per day", "entities", "kept", "false", "suppressed", "failures", "best"]
    rows = [
        (
            number,
            str(trial.setting),
            trial.alerts,
            round(trial.a_day, 2),
            trial.entities,
            f"{trial.kept}/{found.known}",
            trial.false,
            trial.suppressed,
            trial.failures,
            "*" if number == found.recommended else "",
        )
        for number, trial in enumerate(found.trials)
    ]
    show(heads, rows, output, {"trial", "alerts", "per day", "entities", "kept", "false", "suppressed", "failures"})
    if output is Listing.JSON:
        return
    for overlap in found.overlaps[:5]:
        told = f"shares {overlap.shared} entities with the rule `{overlap.title}` (Jaccard {overlap.jaccard:.2f})"
        note(printable(told))
    for remark in (*found.remarks, *([f"windows failed: {found.failure}"] if found.failure else [])):
        note(printable(remark))


def _listed(known: list[Promotion], output: Listing) -> None:
    heads = ["hunt", "version", "rule", "setting", "per day", "promoted by", "enabled by"]
    rows = [
        (
            one.hunt,
            one.version,
            one.rule,
            one.setting,
            round(one.alerts_a_day, 2),
            one.promoted_by.name,
            one.enabled_by.name if one.enabled_by else "",
        )
        for one in known
    ]
    show(heads, rows, output, {"version", "per day"})


def _spans(text: str, option: str) -> list[timedelta]:
    from huntlake.detection.durations import duration

    found = [duration(part) for part in text.split(",")] if text else []
    if any(one is None for one in found):
        raise Invalid(f"`{option} {text}` is no list of times such as `1h,1d`")
    return [one for one in found if one is not None]


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")] if text else []
    except ValueError:
        raise Invalid(f"`--threshold {text}` is no list of numbers") from None

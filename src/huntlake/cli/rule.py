"""`huntlake rule`: analytic rules, and how they run."""

from __future__ import annotations

import getpass
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli import rule_tests
from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from huntlake.detection.rules import AnalyticRule

app = typer.Typer(help="List, run, test, export, enable and disable analytic rules.", no_args_is_help=True)
app.command("test")(rule_tests.prove)
app.command("export")(rule_tests.export)

Rule = Annotated[str, typer.Argument(metavar="RULE", help="Its name: mostly a GUID.")]
Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]


class State(StrEnum):
    """Which rules are listed."""

    ALL = "all"
    ENABLED = "enabled"
    DISABLED = "disabled"


@app.command("list")
def list_(
    state: Annotated[State, typer.Option("--state", help="Which rules.")] = State.ALL,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List the rules of a workspace, and when each runs next."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        rows, held = [], lake.scheduler.held(place.name)
        for document in lake.detection.rules.list((place.name,)):
            rule = document.value
            if state is not State.ALL and rule.enabled is not (state is State.ENABLED):
                continue
            status = lake.scheduler.status(place, document.name, held)
            last = status.clock.recent[0] if status.clock and status.clock.recent else None
            outcome = "" if last is None else "failed" if last.failure else f"{last.alerts} alerts"
            due = "held" if status.held else _shown(status.next_due)
            rows.append((document.name, rule.display_name, str(rule.kind), rule.enabled, outcome, due))
    show(["rule", "name", "kind", "enabled", "last run", "next run"], rows, output)


@app.command("show")
def show_(rule: Rule, home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """Print what a rule is, and how far it is."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        kept = lake.detection.rules.get((place.name,), rule)
        status = lake.scheduler.status(place, rule)
        clock = status.clock
        facts = [
            ("rule", kept.name),
            ("name", kept.value.display_name),
            ("kind", str(kept.value.kind)),
            ("enabled", kept.value.enabled),
            ("severity", str(kept.value.severity)),
            ("frequency", str(kept.value.query_frequency or "")),
            ("period", str(kept.value.query_period or "")),
            ("description", kept.value.description or ""),
            ("last window", _shown(clock.last if clock else None)),
            ("next run", _shown(status.next_due)),
            ("held", status.held),
            ("windows to make up", status.behind),
            ("failures in a row", clock.failures if clock else 0),
            ("skipped", "; ".join(f"{_shown(a)} to {_shown(u)}" for a, u in clock.skipped) if clock else ""),
            ("query", kept.value.query),
        ]
    show(["what", "is"], facts, output)


@app.command()
def history(rule: Rule, home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List the last runs of a rule; the table SentinelHealth has all."""
    with opened(home) as lake:
        clock = lake.scheduler.status(workspace_of(lake, workspace), rule).clock
        rows = [
            (_shown(r.until), _shown(r.at), r.rows, r.alerts, r.milliseconds, r.failure)
            for r in (clock.recent if clock else ())
        ]
    show(["window ends", "ran", "rows", "alerts", "ms", "failure"], rows, output, numbers={"rows", "alerts", "ms"})


@app.command()
def run(
    rule: Rule,
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="End of the window, in ISO 8601; UTC if it names no zone.")
    ] = "",
    dry: Annotated[bool, typer.Option("--dry", help="Keep no alert and no incident.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Run a rule once, over the window that ends now, and raise its alerts."""
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        found, stored = lake.scheduler.run_now(place, rule, _moment(until), raising=not dry)
        rows = [
            (one.name, one.alert.title, str(one.alert.severity), len(one.alert.entities), _shown(one.alert.started))
            for one in found.alerts
        ]
        for said in found.notes:
            note(said)
        window = f"from {_shown(found.window.since)} to {_shown(found.window.until)}"
        kept = "" if dry else f", {len(stored.incidents)} incidents"
        if stored.suppressed_until:
            kept = f", none kept: the rule is suppressed until {_shown(stored.suppressed_until)}"
        note(f"{found.rows:,} rows {window}: {len(found.alerts)} alerts{kept}")
    show(["alert", "title", "severity", "entities", "started"], rows, output)


@app.command()
def enable(rule: Rule, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Have a rule run when it is due. Windows of the time in which it was disabled aren't made up for."""
    _switch(rule, home, workspace, True)


@app.command()
def disable(rule: Rule, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Have a rule run no more."""
    _switch(rule, home, workspace, False)


def _switch(name: str, home: Home, workspace: WorkspaceName, on: bool) -> None:
    from huntlake.state.records import Author

    def switched(rule: AnalyticRule) -> AnalyticRule:
        return replace(rule, enabled=on)

    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        lake.detection.rules.change((place.name,), name, switched, Author(name=f"{getpass.getuser()} (command line)"))
        note(f"{name} is {'enabled' if on else 'disabled'} in {place.name}")


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"`{text}` is no time in ISO 8601, such as 2026-01-31T12:00:00Z") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _shown(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"

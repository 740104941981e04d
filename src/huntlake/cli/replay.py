"""`huntlake replay`: rules over history, in the windows that a schedule would have given them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import console, is_terminal, note, printable, show_table
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.detection.backtesting import Backtest, RuleTold
    from huntlake.detection.replaying import Progress
    from huntlake.detection.rules import AnalyticRule
    from huntlake.workspace.workspaces import Workspace

Since = Annotated[str, typer.Option("--from", metavar="TIME", help="Where history begins; ISO 8601, UTC without zone.")]
Until = Annotated[str, typer.Option("--to", metavar="TIME", help="Where it ends.")]
Paths = Annotated[
    list[Path] | None, typer.Argument(help="Files of rules, or folders of them.", metavar="RULES...", exists=True)
]
Stored = Annotated[
    list[str] | None, typer.Option("--rule", metavar="NAME", help="A rule of the workspace; may be said again.")
]


_MOST_SHOWN, _MOST_PAIRS = 5, 20
"""Entities that are named of a rule, and pairs of rules that share some."""


class Form(StrEnum):
    """How what was found is written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def replay(
    since: Since,
    until: Until,
    paths: Paths = None,
    stored: Stored = None,
    form: Annotated[Form, typer.Option("--format", "-f", help="How what was found is written.")] = Form.TEXT,
    correlate: Annotated[
        bool | None,
        typer.Option(
            "--correlate/--no-correlate", help="Put alerts of all rules about the same things into one incident."
        ),
    ] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Run rules over history as a schedule would have, and say what they would have told. Nothing is kept.

    Without `--correlate` or `--no-correlate` alerts come to incidents as the workspace wants it.
    """
    from huntlake.detection.backtesting import backtest
    from huntlake.detection.correlation import CorrelationSetting
    from huntlake.detection.replaying import Replay

    began, ended = moment(since), moment(until)
    if began >= ended:
        raise Invalid("`--from` lies before `--to`")
    with opened(home) as lake:
        place = workspace_of(lake, workspace)
        setting = lake.detection.correlation.setting(place.name)
        if correlate is not None:
            setting = CorrelationSetting(correlate, setting.lookback)
        rules = chosen(lake, place, paths or (), stored or ())
        with progress("windows") as told:
            found = backtest(Replay(lake.analytics.queries, place, rules, began, ended, progress=told), setting)
    match form:
        case Form.JSON:
            print(json.dumps(document(found), indent=2))
        case Form.TEXT:
            _show(found, _Text())
        case Form.MARKDOWN:
            _show(found, _Markdown())
    failed = [r for r in found.rules if r.failures]
    note(
        f"{sum(r.windows for r in found.rules):,} windows of {len(found.rules)} rules, "
        f"{sum(r.runs for r in found.rules):,} run; {sum(len(r.alerts) for r in found.rules):,} alerts, "
        f"{len(found.incidents):,} incidents; {len(failed)} rules failed"
    )


def chosen(lake: App, place: Workspace, paths: Sequence[Path], stored: Sequence[str]) -> list[tuple[str, AnalyticRule]]:
    """The rules that a person names, in files or kept by the workspace; each name once."""
    from huntlake.detection.content import Refused, contents

    found: dict[str, AnalyticRule] = {}
    for path in paths:
        for one in contents(path):
            if isinstance(one, Refused):
                note(f"left out: {one.reason}")
            elif one.described is not None:
                if one.name in found:
                    raise Invalid(f"two rules have the name `{one.name}`")
                found[one.name] = one.described.rule
    for name in stored:
        document = lake.detection.rules.get((place.name,), name)
        if document.name in found:
            raise Invalid(f"two rules have the name `{document.name}`")
        found[document.name] = document.value
    if not found:
        raise Invalid("no rule is named: say a file, a folder, or `--rule NAME`")
    return list(found.items())


def moment(text: str) -> datetime:
    """A time that a person has typed, in UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"`{text}` is no time in ISO 8601, such as 2026-01-31T12:00:00Z") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@contextmanager
def progress(what: str) -> Iterator[Progress | None]:
    """A bar on a terminal; nothing elsewhere."""
    if not is_terminal(sys.stderr):
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (what, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def document(found: Backtest) -> dict[str, Any]:
    """All of it, for programs."""
    from huntlake.detection.backtesting import named

    return {
        "since": shown(found.since),
        "until": shown(found.until),
        "rules": [
            {
                "rule": r.name,
                "title": r.rule.display_name,
                "severity": r.rule.severity.value,
                "windows": r.windows,
                "runs": r.runs,
                "suppressed": r.suppressed,
                "abandoned": r.abandoned,
                "alerts": len(r.alerts),
                "by_day": {day.isoformat(): r.by_day[day] for day in sorted(r.by_day)},
                "entities": dict(_ordered(r)),
                "failures": [{"reason": reason, "windows": count} for reason, count in sorted(r.failures.items())],
            }
            for r in found.rules
        ],
        "overlaps": [
            {"rules": [o.one, o.other], "entities": o.entities, "incidents": o.incidents} for o in found.overlaps
        ],
        "incidents": [
            {
                "number": i.incident.number,
                "title": i.incident.title,
                "severity": i.incident.severity.value,
                "first": shown(i.incident.first_activity),
                "last": shown(i.incident.last_activity),
                "alerts": [
                    {"started": shown(a.started), "title": a.title, "severity": a.severity.value, "rule": a.rule}
                    for a in i.alerts
                ],
                "entities": [named(e) for e in i.entities],
            }
            for i in found.incidents
        ],
    }


def shown(at: datetime | None) -> str:
    """A time for people and programs."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class _Text:
    def head(self, text: str) -> None:
        print(f"\n{text}")

    def say(self, text: str) -> None:
        print(printable(text))

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[object]], numbers: int) -> None:
        cells = [[f"{v:,}" if isinstance(v, int) else str(v) for v in row] for row in rows]
        show_table(headings, cells, [n < numbers for n in range(len(headings))])


class _Markdown:
    def head(self, text: str) -> None:
        print(f"\n## {text}\n")

    def say(self, text: str) -> None:
        print(f"\n{_escaped(text)}\n")

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[object]], numbers: int) -> None:
        print(f"| {' | '.join(headings)} |")
        print(f"|{'|'.join('--:' if n < numbers else '---' for n in range(len(headings)))}|")
        for row in rows:
            print(f"| {' | '.join(_escaped(str(v)) for v in row)} |")


def _escaped(text: str) -> str:
    """A text out of a log as Markdown shows it, and doesn't obey."""
    kept = printable(text)
    for odd in "\\`*_[]<>|#":
        kept = kept.replace(odd, f"\\{odd}")
    return kept


def _show(found: Backtest, page: _Text | _Markdown) -> None:
    from huntlake.detection.backtesting import named

    page.head(f"Alerts from {shown(found.since)} to {shown(found.until)}")
    rows = []
    for r in found.rules:
        top = ", ".join(f"{name} ({count})" for name, count in _ordered(r)[:_MOST_SHOWN])
        rows.append((len(r.alerts), r.runs, r.windows, r.rule.severity.value, r.rule.display_name, top))
    page.table(["alerts", "runs", "windows", "severity", "rule", "most often about"], rows, 3)
    days = [d for d in found.days if any(r.by_day[d] for r in found.rules)]
    if days:
        page.head("Alerts by day")
        loud = [r for r in found.rules if r.alerts]
        counted = [(*(r.by_day[d] or "" for d in days), r.rule.display_name) for r in loud]
        page.table([*(d.strftime("%m-%d") for d in days), "rule"], counted, len(days))
    if found.overlaps:
        page.head("Rules that tell of the same things")
        titles = {r.name: r.rule.display_name for r in found.rules}
        page.table(
            ["entities", "incidents", "rule", "and"],
            [(o.entities, o.incidents, titles[o.one], titles[o.other]) for o in found.overlaps[:_MOST_PAIRS]],
            2,
        )
        if len(found.overlaps) > _MOST_PAIRS:
            page.say(f"and {len(found.overlaps) - _MOST_PAIRS} pairs more")
    if found.incidents:
        page.head("Incidents")
    for one in found.incidents:
        i = one.incident
        page.say(f"{i.number}. {i.title} ({i.severity.value}), {shown(i.first_activity)} to {shown(i.last_activity)}")
        page.table(
            ["started", "severity", "alert"], [(shown(a.started), a.severity.value, a.title) for a in one.alerts], 0
        )
        page.say(f"about {', '.join(named(e) for e in one.entities) or 'nothing'}")
    failed = [(count, r.abandoned, r.rule.display_name, why) for r in found.rules for why, count in r.failures.items()]
    if failed:
        page.head("Failures")
        page.table(["windows", "given up", "rule", "reason"], failed, 2)


def _ordered(told: RuleTold) -> list[tuple[str, int]]:
    return sorted(told.entities.items(), key=lambda pair: (-pair[1], pair[0]))

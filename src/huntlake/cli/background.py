"""What a server does beside answering: upkeep, jobs, rules, indicators, playbooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

from huntlake.cli.screen import note

if TYPE_CHECKING:
    from huntlake.app import App


@contextmanager
def working(app: App) -> Iterator[None]:
    """Do all of it, as far as the settings want it, as long as the block lasts."""
    with ExitStack() as parts:
        for part in (_upkeep, _jobs, _rules, _hunts, _intel, _signals, _playbooks):
            parts.enter_context(part(app))
        yield


def _upkeep(app: App) -> AbstractContextManager[None]:
    minutes = app.settings.upkeep_minutes
    if not minutes:
        return nullcontext()
    return app.upkeep.running(timedelta(minutes=minutes), lambda: [w.name for w in app.workspaces.list()])


def _jobs(app: App) -> AbstractContextManager[None]:
    at_once = app.settings.jobs_at_once
    return app.jobs.runner.running(at_once) if at_once else nullcontext()


def _rules(app: App) -> AbstractContextManager[None]:
    return app.scheduler.running() if app.settings.scheduler else nullcontext()


def _hunts(app: App) -> AbstractContextManager[None]:
    return app.hunting.scheduler.running() if app.settings.scheduler else nullcontext()


def _intel(app: App) -> AbstractContextManager[None]:
    minutes = app.settings.intel_minutes
    return app.intel.running(app.workspaces.list, timedelta(minutes=minutes) if minutes else None)


def _signals(app: App) -> AbstractContextManager[None]:
    minutes, hunting = app.settings.signal_minutes, app.hunting
    if not minutes:
        return nullcontext()
    return hunting.scanner.running(app.workspaces.list, timedelta(minutes=minutes), hunting.feeds.poll_due)


@contextmanager
def _playbooks(app: App) -> Iterator[None]:
    if not app.settings.playbooks:
        yield
        return
    with app.playbooks.worker.executing() as here:
        if not here:
            note("another process of this home runs its playbooks already; this one doesn't")
        yield

"""What hunting reaches: a model where one is set, signals from outside, playbooks that want to hear of hunts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from huntlake.ai.chat import Adviser
    from huntlake.assembly.analytics import Analytics
    from huntlake.core.settings import Settings
    from huntlake.detection.scheduling.service import Scheduler
    from huntlake.detection.service import Detection
    from huntlake.hunting.service import Hunting
    from huntlake.hunting.signals.intake import SignalPlace
    from huntlake.hunting.signals.scanning import Append
    from huntlake.identity.tenant import Subscription, Tenant
    from huntlake.playbooks.secret_store import SecretStore
    from huntlake.playbooks.service import Playbooks
    from huntlake.state.database import Database
    from huntlake.state.sealing import Seal
    from huntlake.workspace.workspaces import Workspace, Workspaces

_LARGEST_PAGE = 32 << 20


def model(
    settings: Settings,
    state: Database,
    clock: Clock,
    seal: Seal,
    analytics: Analytics,
    workspaces: Workspaces,
    tenant: Tenant,
    subscription: Subscription,
    secrets: SecretStore,
) -> Adviser:
    from huntlake.ai.chat import NoModel

    if not settings.model_url and settings.model_tape != "replay":
        return NoModel()
    from fnmatch import fnmatchcase

    from huntlake.ai.budgets import Budget, Prices
    from huntlake.ai.cassettes import Cassette, Tape
    from huntlake.ai.endpoint import Place
    from huntlake.ai.gateway import Gateway, Limits, Recorder
    from huntlake.ai.health import HealthLimits
    from huntlake.hunting.modelled import own_names
    from huntlake.state.audit import AuditTrail

    def key(workspace: str) -> str:
        kind, _, name = settings.model_key.partition(":")
        match kind:
            case "":
                return ""
            case "env" if name:
                if not (found := os.environ.get(name, "")):
                    raise Invalid(f"the key of the model should be in the environment variable {name}, which is empty")
                return found
            case "secret" if name:
                return secrets.value(workspace, name)
        raise Invalid("the setting `model_key` is neither `env:NAME` nor `secret:NAME`")

    def place(workspace: str) -> Place:
        return Place(
            settings.model_url,
            settings.model_name,
            key(workspace),
            settings.model_seconds,
            settings.model_at_once,
            settings.model_hosts_without_tls,
        )

    def kept(workspace: Workspace) -> list[str]:
        found = [secrets.value(workspace.name, d.name) for d in secrets.list(workspace.name)]
        return [*found, os.environ.get(settings.model_key.removeprefix("env:"), "")]

    if settings.model_tape != "passthrough" and settings.model_cassette is None:
        raise Invalid("the setting `model_tape` needs `model_cassette`")
    return Gateway(
        state,
        clock,
        seal,
        AuditTrail(state, clock),
        own_names.OwnNames(
            analytics.queries,
            analytics.watchlists,
            workspaces.get,
            clock,
            own_names.Tenant(
                settings.own_names,
                lambda workspace: (tenant.id, subscription.id),
                kept,
            ),
        ),
        place,
        settings.model_name,
        Limits(
            Budget(settings.model_calls_a_day, settings.model_tokens_a_day, settings.model_cost_a_day),
            Prices(settings.model_price_in, settings.model_price_out),
            HealthLimits(seconds=settings.model_seconds * 0.75),
        ),
        Recorder(Tape(settings.model_tape), Cassette(settings.model_cassette) if settings.model_cassette else None),
        kept=timedelta(days=settings.model_days) if settings.model_days else None,
        allowed=lambda workspace: any(fnmatchcase(workspace, one) for one in settings.model_workspaces),
    )


def signal_place(home: Path, settings: Settings, append: Append, scheduler: Scheduler, seal: Seal) -> SignalPlace:
    from huntlake.hunting.signals.fetching import Page
    from huntlake.hunting.signals.intake import SignalPlace
    from huntlake.playbooks.web import Request, Web

    web = Web(settings.signal_hosts, most_bytes=_LARGEST_PAGE, who="signals", setting="signal_hosts")

    def fetch(url: str, named: Sequence[str] = (), headers: Mapping[str, str] = {}) -> Page:
        answer = web.allowing(*named).send(Request("GET", url, headers))
        return Page(answer.status, answer.content, answer.url, answer.headers)

    kept = timedelta(days=settings.signal_days) if settings.signal_days else None

    def last_run(workspace: Workspace, rule: str) -> datetime | None:
        known = scheduler.ledger.read((workspace.name, rule.lower()))
        return known.last if known is not None and known.recent else None

    return SignalPlace(home, fetch, settings.signal_trust, kept, append, last_run, seal)


def tell_of_hunts(
    hunting: Callable[[], Hunting], playbooks: Playbooks, detection: Detection, base: Callable[[], str]
) -> None:
    """Let playbooks hear of hunts, of which they know nothing else."""
    from huntlake.hunting.lifecycle.events import HuntAwaitingReview, HuntFindings
    from huntlake.hunting.lifecycle.telling import awaiting, findings
    from huntlake.playbooks.hunt_notices import HuntEvent
    from huntlake.state.events import Occasion

    def waits(occasion: Occasion, event: HuntAwaitingReview) -> None:
        hunt = hunting().hunts.get((occasion.workspace,), event.hunt).value
        playbooks.hunt_notices.tell(occasion, HuntEvent.AWAITING_REVIEW, awaiting(event, hunt, base()))

    def found(occasion: Occasion, event: HuntFindings) -> None:
        hunt = hunting().hunts.get((occasion.workspace,), event.hunt).value
        playbooks.hunt_notices.tell(occasion, HuntEvent.FINDINGS, findings(event, hunt, base()))

    detection.events.listen(HuntAwaitingReview, waits)
    detection.events.listen(HuntFindings, found)

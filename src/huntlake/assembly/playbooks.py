"""What playbooks reach: this house and the world outside."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from huntlake.core.clock import Clock

if TYPE_CHECKING:
    from huntlake.assembly.analytics import Analytics
    from huntlake.core.settings import Settings
    from huntlake.detection.intel.service import Intel
    from huntlake.detection.service import Detection
    from huntlake.identity.principals import Principals
    from huntlake.identity.tenant import Subscription, Tenant
    from huntlake.identity.tokens import Tokens
    from huntlake.identity.users import Users
    from huntlake.playbooks.connectors.questions import Ask, Withdraw
    from huntlake.playbooks.machine_actions import MachineActions
    from huntlake.playbooks.outward import Outward
    from huntlake.playbooks.service import RunPlace
    from huntlake.playbooks.web import Here
    from huntlake.state.database import Database
    from huntlake.state.sealing import Seal
    from huntlake.workspace.commands import Commands
    from huntlake.workspace.workspaces import Workspaces


def run_place(
    home: Path, settings: Settings, tenant: Tenant, subscription: Subscription, workspaces: Workspaces
) -> RunPlace:
    from huntlake.playbooks.service import RunPlace
    from huntlake.playbooks.triggers.payloads import Ground

    def resource_id(workflow: str) -> str:
        group = f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}"
        return f"{group}/providers/Microsoft.Logic/workflows/{workflow}"

    def base() -> str:
        scheme = "https" if settings.tls else "http"
        return settings.external_url.rstrip("/") or f"{scheme}://localhost:{settings.port}"

    def ground(workspace: str) -> Ground:
        id = workspaces.get(workspace).id
        return Ground(workspace, id, subscription.id, subscription.group, settings.external_url.rstrip("/"))

    kept = timedelta(days=settings.playbook_history_days)
    return RunPlace(home, settings.database, base, resource_id, ground, settings.playbook_calls, tenant.id, kept)


def outward_over(
    home: Path,
    settings: Settings,
    state: Database,
    clock: Clock,
    seal: Seal,
    analytics: Analytics,
    commands: Commands,
    detection: Detection,
    intel: Intel,
    machine_actions: MachineActions,
    workspaces: Workspaces,
    principals: Principals,
    users: Users,
    tokens: Tokens,
    tenant: Tenant,
    subscription: Subscription,
    ask: Ask,
    withdraw: Withdraw,
) -> Outward:
    from huntlake.playbooks.connections import connections
    from huntlake.playbooks.connectors.house import House
    from huntlake.playbooks.ledger import Ledger
    from huntlake.playbooks.outward import Outward
    from huntlake.playbooks.secret_store import SecretStore
    from huntlake.playbooks.web import Web
    from huntlake.playbooks.workflows import Workflows

    house = House(
        clock=clock,
        workspaces=workspaces,
        detection=detection,
        machine_actions=machine_actions,
        queries=analytics.queries,
        commands=commands,
        streams=analytics.streams,
        watchlists=analytics.watchlists,
        intel=intel,
        workflows=Workflows(state, clock),
        principals=principals,
        users=users,
        secrets=SecretStore(state, clock, seal),
        web=Web(settings.playbook_hosts, _here(home, settings)),
        tenant=tenant,
        subscription=subscription,
        ask=ask,
        withdraw=withdraw,
        base_url=settings.external_url.rstrip("/"),
        asking=BoundedSemaphore(settings.queries_at_once),
    )
    return Outward.over(house, Ledger(state, clock), connections(state, clock), seal, tokens)


def _here(home: Path, settings: Settings) -> Here | None:
    """This server as its own playbooks reach it; None where it isn't known beforehand on which port it listens."""
    from urllib.parse import urlsplit

    from huntlake.playbooks.outward import STANDS_FOR
    from huntlake.playbooks.web import Here

    if not settings.port:
        return None
    host = settings.host
    with suppress(ValueError):
        if ipaddress.ip_address(host).is_unspecified:
            host = "::1" if ":" in host else "127.0.0.1"
    port, outside = settings.port, urlsplit(settings.external_url).netloc.lower()
    own = {name.lower() for name in ("localhost", "127.0.0.1", "::1", settings.host, *settings.names)}
    names = {*(own if port == (443 if settings.tls else 80) else ()), *(f"{name}:{port}" for name in own)}
    address = f"[{host}]" if ":" in host else host
    made = settings.tls_certificate is None
    return Here(
        f"{'https' if settings.tls else 'http'}://{address}:{port}",
        frozenset(names | ({outside} if outside else set())),
        STANDS_FOR,
        home / "tls" / "ca.pem" if made and settings.tls else settings.tls_certificate,
        "localhost" if made else outside.partition(":")[0] or next(iter(settings.names), "localhost"),
    )

"""What there is of playbooks in one home folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from huntlake.core.clock import Clock
from huntlake.core.errors import DomainError, NotFound
from huntlake.detection.service import Detection
from huntlake.identity.principals import Principals
from huntlake.playbooks.addresses import Addresses
from huntlake.playbooks.approval_rules import KeyAssets, foreseen
from huntlake.playbooks.approvals import ApprovalDecided, ApprovalRequested, Approvals
from huntlake.playbooks.calls import Caller
from huntlake.playbooks.cassettes import Cassettes
from huntlake.playbooks.connections import Connection, connections
from huntlake.playbooks.connectors.connector import Connector
from huntlake.playbooks.custom_apis import CustomApi, custom_apis
from huntlake.playbooks.deployment.service import Deployments
from huntlake.playbooks.deployment.templates.place import NOBODY, Where
from huntlake.playbooks.hunt_notices import HuntNotices
from huntlake.playbooks.identities import Identities
from huntlake.playbooks.ledger import Ledger
from huntlake.playbooks.notices import Notices, approval_notices
from huntlake.playbooks.runs.children import Children
from huntlake.playbooks.runs.service import Runs
from huntlake.playbooks.runs.working import NoCaller, Worker
from huntlake.playbooks.triggers.batches import Batches
from huntlake.playbooks.triggers.house import House
from huntlake.playbooks.triggers.payloads import Ground
from huntlake.playbooks.triggers.requests import Requests
from huntlake.playbooks.triggers.subscriptions import Subscriptions
from huntlake.playbooks.triggers.times import Times
from huntlake.playbooks.workflows import Workflows
from huntlake.state.documents import Shelf
from huntlake.state.events import Occasion
from huntlake.state.records import Author, Records
from huntlake.state.sealing import Seal
from huntlake.wdl.definition.workflow import ActionType
from huntlake.wdl.runner.effects import Answer
from huntlake.workspace.watchlists import Watchlists

_LOG = logging.getLogger("huntlake.playbooks")


@dataclass(frozen=True)
class RunPlace:
    """Where runs are, and what they are called by others."""

    home: Path
    database: str
    """URL of the state database; empty: the file in the home folder."""
    base: Callable[[], str]
    """Of the addresses that reach this server, such as `https://lake.example.org`."""
    resource_id: Callable[[str], str]
    """The id that Azure Resource Manager has for a workflow."""
    ground: Callable[[str], Ground]
    """A workspace, as playbooks are told of it."""
    calls_at_once: int = 32
    tenant: str = ""
    kept: timedelta = timedelta(days=90)
    """How long the history of a run stays after its end."""

    @property
    def journal(self) -> str:
        """URL of the database that keeps what runs have done: beside the state's file, or the state's own server."""
        if not self.database:
            return f"sqlite:///{self.home / 'runs.db'}"
        if self.database.startswith("sqlite"):
            file = Path(self.database.partition("///")[2])
            return f"sqlite:///{file.with_name(file.stem + '-runs.db')}"
        return self.database


@dataclass(frozen=True)
class Playbooks:
    """The playbooks of a server, and what they are connected to."""

    workflows: Workflows
    identities: Identities
    connections: Records[Connection]
    custom_apis: Records[CustomApi]
    seal: Seal
    """What opens the secrets of workflows and connections."""
    addresses: Addresses
    runs: Runs
    worker: Worker
    approvals: Approvals
    notices: Notices
    hunt_notices: HuntNotices
    cassettes: Cassettes
    requests: Requests
    house: House
    times: Times
    subscriptions: Subscriptions
    deployments: Deployments
    effects: Ledger

    @classmethod
    def over(
        cls,
        shelf: Shelf,
        clock: Clock,
        seal: Seal,
        principals: Principals,
        detection: Detection,
        watchlists: Watchlists,
        place: RunPlace,
        caller: Caller | None = None,
        connector: Callable[[str], Connector | None] = lambda name: None,
    ) -> Playbooks:
        """Those that are kept on a shelf. `caller` makes their calls, to what `connector` finds."""
        workflows = Workflows(shelf, clock)
        addresses = Addresses(shelf, clock, seal, workflows, place.base)
        runs = Runs(shelf, clock, workflows, seal, detection.incidents.timelines, place.resource_id)
        batches, effects = Batches(shelf, clock, runs), Ledger(shelf, clock)
        times = Times(shelf, clock, runs, caller or NoCaller(), batches)
        subscriptions = Subscriptions(shelf, clock, runs, caller or NoCaller(), addresses.of_trigger)
        worker = Worker(
            runs,
            caller or NoCaller(),
            {ActionType.WORKFLOW: Children(runs), ActionType.SEND_TO_BATCH: batches},
            clock,
            place.home,
            place.journal,
            addresses.of_callback,
            place.calls_at_once,
            place.kept,
            effects.was_made,
            (times.look, subscriptions.look),
        )
        detection.events.listen(ApprovalDecided, _Telling(runs).heard)

        def taken(workflow: str, by: Author) -> bool:
            gone = runs.delete(workflow, by)
            addresses.forget(workflow)
            return gone

        identities, connected = Identities(principals, workflows, taken), connections(shelf, clock)
        apis = custom_apis(shelf, clock)
        approvals = Approvals(shelf, clock, detection, _key_assets(watchlists), _has_ended(runs))
        runs.gone = approvals.forsaken
        notices = Notices(approval_notices(shelf, clock), approvals, runs, place.base)
        detection.events.listen(ApprovalRequested, notices.heard)

        def where(workspace: str) -> Where:
            ground = place.ground(workspace)
            return Where(subscription=ground.subscription, tenant=place.tenant or NOBODY, group=ground.group)

        return cls(
            workflows,
            identities,
            connected,
            apis,
            seal,
            addresses,
            runs,
            worker,
            approvals,
            notices,
            HuntNotices(shelf, clock, runs),
            Cassettes(place.home / "cassettes"),
            Requests(runs, addresses),
            House(clock, runs, detection, place.ground),
            times,
            subscriptions,
            Deployments(
                shelf,
                clock,
                workflows,
                identities,
                connected,
                apis,
                seal,
                connector,
                held=lambda workspace, connector, operation: foreseen(
                    connector, operation, approvals.rules.list((workspace,))
                ),
                callback=lambda workflow, trigger: addresses.of_trigger(workflow, trigger).url,
                where=where,
            ),
            effects,
        )


@dataclass(frozen=True)
class _Telling:
    """Tells runs what people have decided."""

    runs: Runs

    def heard(self, occasion: Occasion, event: ApprovalDecided) -> None:
        if not event.callback:
            self.runs.decided(event.workflow, event.run, event.approval)
            return
        if event.answer is None:
            return
        # Whatever a playbook wrote there: only its own run is told.
        path = urlsplit(event.callback).path
        _, own, rest = path.partition(f"/runs/{event.run}/actions/")
        key, last, _ = rest.rpartition("/run")
        try:
            if not own or not last:
                raise DomainError(f"{path} is no callback of the run {event.run}")
            answer = Answer(200, {"Content-Type": "application/json"}, event.answer)
            self.runs.answer(event.workflow, event.run, unquote(key), answer, f"approval {event.approval}")
        except DomainError as error:
            _LOG.warning("the answer to the question %s can't be told: %s", event.approval, error)


def _has_ended(runs: Runs) -> Callable[[str, str], bool]:
    """Whether a run is known, and has ended."""

    def ended(workflow: str, run: str) -> bool:
        try:
            return runs.get(workflow, run).value.status.ended
        except NotFound:
            return False

    return ended


def _key_assets(watchlists: Watchlists) -> KeyAssets:
    """The items of a watchlist, as rules about approvals look them up."""

    def items(workspace: str, alias: str) -> Sequence[tuple[str, Mapping[str, str]]] | None:
        found = watchlists.find(workspace, alias)
        if found is None:
            return None
        watchlist, rows = found
        return [(item.fields.get(watchlist.search_key, ""), item.fields) for item in rows.value]

    return items

"""What there is of playbooks in one home folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from huntlake.core.clock import Clock
from huntlake.detection.timeline import Timelines
from huntlake.identity.principals import Principals
from huntlake.playbooks.addresses import Addresses
from huntlake.playbooks.calls import Caller
from huntlake.playbooks.connections import Connection, connections
from huntlake.playbooks.identities import Identities
from huntlake.playbooks.runs.children import Children
from huntlake.playbooks.runs.service import Runs
from huntlake.playbooks.runs.working import NoCaller, Worker
from huntlake.playbooks.workflows import Workflows
from huntlake.state.documents import Shelf
from huntlake.state.records import Records
from huntlake.state.sealing import Seal
from huntlake.wdl.definition.workflow import ActionType


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
    calls_at_once: int = 32

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
    seal: Seal
    """What opens the secrets of both."""
    addresses: Addresses
    runs: Runs
    worker: Worker

    @classmethod
    def over(
        cls,
        shelf: Shelf,
        clock: Clock,
        seal: Seal,
        principals: Principals,
        timelines: Timelines,
        place: RunPlace,
        caller: Caller | None = None,
    ) -> Playbooks:
        """Those that are kept on a shelf. `caller` makes their calls."""
        workflows = Workflows(shelf, clock)
        addresses = Addresses(shelf, clock, seal, workflows, place.base)
        runs = Runs(shelf, clock, workflows, seal, timelines, place.resource_id)
        worker = Worker(
            runs,
            caller or NoCaller(),
            {ActionType.WORKFLOW: Children(runs)},
            clock,
            place.home,
            place.journal,
            addresses.of_callback,
            place.calls_at_once,
        )
        return cls(
            workflows, Identities(principals, workflows), connections(shelf, clock), seal, addresses, runs, worker
        )

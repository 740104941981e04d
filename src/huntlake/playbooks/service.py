"""What there is of playbooks in one home folder."""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.core.clock import Clock
from huntlake.identity.principals import Principals
from huntlake.playbooks.connections import Connection, connections
from huntlake.playbooks.identities import Identities
from huntlake.playbooks.workflows import Workflows
from huntlake.state.documents import Shelf
from huntlake.state.records import Records
from huntlake.state.sealing import Seal


@dataclass(frozen=True)
class Playbooks:
    """The playbooks of a server, and what they are connected to."""

    workflows: Workflows
    identities: Identities
    connections: Records[Connection]
    seal: Seal
    """What opens the secrets of both."""

    @classmethod
    def over(cls, shelf: Shelf, clock: Clock, seal: Seal, principals: Principals) -> Playbooks:
        """Those that are kept on a shelf."""
        workflows = Workflows(shelf, clock)
        return cls(workflows, Identities(principals, workflows), connections(shelf, clock), seal)

"""What playbooks call, built over the services of this house."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from huntlake.identity import audiences
from huntlake.identity.tokens import Tokens
from huntlake.playbooks.calling import ConnectorCaller, Custom
from huntlake.playbooks.calls import Policy, Tapes
from huntlake.playbooks.connections import Connection
from huntlake.playbooks.connectors import connector, names
from huntlake.playbooks.connectors.authentication import Authentication
from huntlake.playbooks.connectors.connector import Connector, Connectors
from huntlake.playbooks.connectors.house import House
from huntlake.playbooks.connectors.http import http
from huntlake.playbooks.connectors.openapi import custom as described
from huntlake.playbooks.connectors.sending import sender
from huntlake.playbooks.ledger import Ledger
from huntlake.playbooks.secret_store import SecretStore
from huntlake.state.records import Records
from huntlake.state.sealing import Seal

_FACES = (
    audiences.MANAGEMENT | audiences.LOG_ANALYTICS | audiences.LOGS_INGESTION | audiences.DEFENDER | audiences.GRAPH
)
STANDS_FOR = frozenset(urlsplit(audience).hostname or "" for audience in _FACES)
"""Hosts of the services whose APIs this server speaks: it is who takes the tokens of its own identities for them."""


@dataclass
class Built:
    """The connectors of this house, each built when it is first asked for."""

    house: House
    _made: dict[str, Connector] = field(default_factory=dict)

    @property
    def names(self) -> Sequence[str]:
        """The name of every connector."""
        return names()

    def __call__(self, name: str) -> Connector | None:
        """The connector of that name; None where there is none."""
        if name not in self._made and (made := connector(name, self.house)) is not None:
            self._made[name] = made
        return self._made.get(name)


@dataclass(frozen=True)
class Outward:
    """Everything that stands between playbooks and what they call."""

    caller: ConnectorCaller
    connectors: Connectors
    ledger: Ledger
    secrets: SecretStore
    house: House

    @classmethod
    def over(
        cls,
        house: House,
        ledger: Ledger,
        connections: Records[Connection],
        seal: Seal,
        tokens: Tokens,
        policy: Policy | None = None,
        tapes: Tapes | None = None,
        custom: Custom | None = None,
    ) -> Outward:
        """The caller over a house. `policy` holds calls back, `tapes` answers replayed ones."""
        custom = custom or (lambda name, connection: described(name, connection.custom_api, sender(house.web)))
        shown = Authentication(house.web, house.clock, house, tokens, house.tenant, connections, seal)

        def identity(workflow: str) -> str:
            found = house.workflows.find(workflow)
            return found.value.identity if found is not None else ""

        built, web = Built(house), http(house.web, shown, connections, seal)
        caller = ConnectorCaller(connections, seal, ledger, built, web, policy, tapes, custom, identity)
        return cls(caller, built, ledger, house.secrets, house)

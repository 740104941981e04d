"""Connections: what a workflow's `$connections` refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from huntlake.core.clock import Clock
from huntlake.state.documents import Shelf
from huntlake.state.records import Author, Records
from huntlake.state.sealing import Seal

NOBODY = Author()
CONNECTIONS = ("playbooks",)
"""Whose records connections are: names are unique in a resource group, and a server has one."""


class Mode(StrEnum):
    """What becomes of calls over a connection."""

    LIVE = "live"
    DRY_RUN = "dry-run"
    """Reads are real; what would change something is written down, and answered as if it had."""
    REPLAY = "replay"
    """Everything is answered from a cassette."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection to a connector (`Microsoft.Web/connections`)."""

    connector: str
    """The connector's name: the last part of `…/managedApis/<name>` or `…/customApis/<name>`, in lower case."""
    display_name: str
    workspace: str
    """Whose people may see and change it."""
    mode: Mode = Mode.DRY_RUN
    """A new connection touches nothing until a person says `live`."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    sealed: Mapping[str, str] = field(default_factory=dict)
    """The secret parameters, each sealed for the purpose `connection <name> <parameter>`."""
    cassette: str = ""
    """Name of the cassette that `replay` answers from."""
    location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    custom_api: Any = None
    """The OpenAPI document of a custom connector."""
    created: datetime | None = None
    changed: datetime | None = None
    created_by: Author = NOBODY


OF_URLS: Mapping[str, frozenset[str]] = {
    "http": frozenset(),
    "identity": frozenset({"audience", "tenant", "clientId", "secret"}),
    "azurefunction": frozenset({"id", "url"}),
    "apimanagement": frozenset({"id", "url"}),
}
"""Connections that no action names, and what they must be given: they say something of actions that call URLs."""


def connections(shelf: Shelf, clock: Clock) -> Records[Connection]:
    """The connections of a server; all are those of the owner `CONNECTIONS`."""
    return Records(shelf, clock, "connections", Connection, _stamped)


def purpose(name: str, parameter: str) -> str:
    """What a secret parameter of a connection, by its name as it is kept, is sealed for."""
    return f"connection {name} {parameter}"


def opened(name: str, connection: Connection, seal: Seal) -> dict[str, str]:
    """The parameters of a connection, the secret ones opened."""
    secret = {p: seal.open(sealed, purpose(name, p)) for p, sealed in connection.sealed.items()}
    return {**connection.parameters, **secret}


def _stamped(connection: Connection, before: Connection | None, by: Author, now: datetime) -> Connection:
    return replace(
        connection,
        created=before.created if before else now,
        created_by=before.created_by if before else by,
        changed=now,
    )

"""What a playbook's actions may call: each connector is declared once, in a file of its own, and listed here.

A connector is a name that connections refer to, the operations that a workflow may ask of it, and the triggers that it
offers. What an operation does is a function of what was asked; everything it needs besides is given when the connector
is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from huntlake.playbooks.connectors.azuremonitorlogs import azuremonitorlogs
from huntlake.playbooks.connectors.azuresentinel import azuresentinel

if TYPE_CHECKING:
    from huntlake.playbooks.connectors.connector import Connector
    from huntlake.playbooks.connectors.house import House

CONNECTORS: Mapping[str, Callable[[House], Connector]] = {
    "azuremonitorlogs": azuremonitorlogs,
    "azuresentinel": azuresentinel,
}
"""By its name, what builds each connector over the services of the house."""

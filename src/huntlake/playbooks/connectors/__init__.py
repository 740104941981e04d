"""What a playbook's actions may call: each connector is declared once, in a file of its own, and listed here.

A connector is a name that connections refer to, the operations that a workflow may ask of it, and the triggers that it
offers. What an operation does is a function of what was asked; everything it needs besides is given when the connector
is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from huntlake.playbooks.connectors.azureloganalyticsdatacollector import azureloganalyticsdatacollector
from huntlake.playbooks.connectors.azuremonitorlogs import azureloganalytics, azuremonitorlogs
from huntlake.playbooks.connectors.azuresentinel import azuresentinel
from huntlake.playbooks.connectors.declared import Declaration, build, declarations
from huntlake.playbooks.connectors.keyvault import keyvault
from huntlake.playbooks.connectors.kusto import kusto
from huntlake.playbooks.connectors.mail import office365, smtp
from huntlake.playbooks.connectors.microsoftgraphsecurity import microsoftgraphsecurity
from huntlake.playbooks.connectors.sending import sender
from huntlake.playbooks.connectors.teams import teams
from huntlake.playbooks.connectors.wdatp import microsoftdefenderadvancedhunting, wdatp

if TYPE_CHECKING:
    from huntlake.playbooks.connectors.connector import Connector
    from huntlake.playbooks.connectors.house import House

CONNECTORS: Mapping[str, Callable[[House], Connector]] = {
    "azureloganalytics": azureloganalytics,
    "azureloganalyticsdatacollector": azureloganalyticsdatacollector,
    "azuremonitorlogs": azuremonitorlogs,
    "azuresentinel": azuresentinel,
    "keyvault": keyvault,
    "kusto": kusto,
    "microsoftdefenderadvancedhunting": microsoftdefenderadvancedhunting,
    "microsoftgraphsecurity": microsoftgraphsecurity,
    "wdatp": wdatp,
    "office365": lambda house: office365(house.ask),
    "smtp": lambda house: smtp(),
    "teams": lambda house: teams(house.ask, sender(house.web), house.clock),
}
"""By its name, what builds each connector over the services of the house; those to plain REST services are data."""


def connector(name: str, house: House) -> Connector | None:
    """The connector of that name; None where there is none."""
    if (made := CONNECTORS.get(name)) is not None:
        return made(house)
    found = declared().get(name)
    return None if found is None else build(found, sender(house.web), house.clock)


@cache
def declared() -> dict[str, Declaration]:
    """The connectors that are data, by their names."""
    return declarations()


def names() -> tuple[str, ...]:
    """The names of all connectors; one may have several."""
    return tuple(sorted({*CONNECTORS, *declared()}))

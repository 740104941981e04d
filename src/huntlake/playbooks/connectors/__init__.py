"""What a playbook's actions may call: each connector is declared once, in a file of its own, and listed here.

A connector is a name that connections refer to, the operations that a workflow may ask of it, and the triggers that it
offers. What an operation does is a function of what was asked; everything it needs besides is given when the connector
is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

# Now and not later: a module that is imported takes the place of a function of its name.
from huntlake.playbooks.connectors.connector import Connector
from huntlake.playbooks.connectors.declared import Declaration, build, declarations

if TYPE_CHECKING:
    from huntlake.playbooks.connectors.house import House


# Each is imported when it is first built: together they take longer to load than all the rest of a server's faces.
def _azureloganalytics(house: House) -> Connector:
    from huntlake.playbooks.connectors.azuremonitorlogs import azureloganalytics

    return azureloganalytics(house)


def _azureloganalyticsdatacollector(house: House) -> Connector:
    from huntlake.playbooks.connectors.azureloganalyticsdatacollector import azureloganalyticsdatacollector

    return azureloganalyticsdatacollector(house)


def _azuremonitorlogs(house: House) -> Connector:
    from huntlake.playbooks.connectors.azuremonitorlogs import azuremonitorlogs

    return azuremonitorlogs(house)


def _azuresentinel(house: House) -> Connector:
    from huntlake.playbooks.connectors.azuresentinel import azuresentinel

    return azuresentinel(house)


def _keyvault(house: House) -> Connector:
    from huntlake.playbooks.connectors.keyvault import keyvault

    return keyvault(house)


def _kusto(house: House) -> Connector:
    from huntlake.playbooks.connectors.kusto import kusto

    return kusto(house)


def _microsoftdefenderadvancedhunting(house: House) -> Connector:
    from huntlake.playbooks.connectors.wdatp import microsoftdefenderadvancedhunting

    return microsoftdefenderadvancedhunting(house)


def _microsoftgraphsecurity(house: House) -> Connector:
    from huntlake.playbooks.connectors.microsoftgraphsecurity import microsoftgraphsecurity

    return microsoftgraphsecurity(house)


def _wdatp(house: House) -> Connector:
    from huntlake.playbooks.connectors.wdatp import wdatp

    return wdatp(house)


def _office365(house: House) -> Connector:
    from huntlake.playbooks.connectors.mail import office365

    return office365(house.ask, house.withdraw)


def _smtp(house: House) -> Connector:
    from huntlake.playbooks.connectors.mail import smtp

    return smtp()


def _teams(house: House) -> Connector:
    from huntlake.playbooks.connectors.sending import sender
    from huntlake.playbooks.connectors.teams import teams

    return teams(house.ask, house.withdraw, sender(house.web), house.clock)


def _sharepointonline(house: House) -> Connector:
    from huntlake.playbooks.connectors.sending import sender
    from huntlake.playbooks.connectors.sharepointonline import sharepointonline

    return sharepointonline(sender(house.web), house.clock)


def _azureblob(house: House) -> Connector:
    from huntlake.playbooks.connectors.azureblob import azureblob
    from huntlake.playbooks.connectors.sending import sender

    return azureblob(sender(house.web), house.clock)


def _visualstudioteamservices(house: House) -> Connector:
    from huntlake.playbooks.connectors.sending import sender
    from huntlake.playbooks.connectors.visualstudioteamservices import visualstudioteamservices

    return visualstudioteamservices(sender(house.web))


CONNECTORS: Mapping[str, Callable[[House], Connector]] = {
    "azureblob": _azureblob,
    "azureloganalytics": _azureloganalytics,
    "azureloganalyticsdatacollector": _azureloganalyticsdatacollector,
    "azuremonitorlogs": _azuremonitorlogs,
    "azuresentinel": _azuresentinel,
    "keyvault": _keyvault,
    "kusto": _kusto,
    "microsoftdefenderadvancedhunting": _microsoftdefenderadvancedhunting,
    "microsoftgraphsecurity": _microsoftgraphsecurity,
    "office365": _office365,
    "sharepointonline": _sharepointonline,
    "smtp": _smtp,
    "teams": _teams,
    "visualstudioteamservices": _visualstudioteamservices,
    "wdatp": _wdatp,
}
"""By its name, what builds each connector over the services of the house; those to plain REST services are data."""


def connector(name: str, house: House) -> Connector | None:
    """The connector of that name; None where there is none."""
    if (made := CONNECTORS.get(name)) is not None:
        return made(house)
    from huntlake.playbooks.connectors.sending import sender

    found = declared().get(name)
    return None if found is None else build(found, sender(house.web), house.clock)


@cache
def described(name: str) -> Connector | None:
    """The connector of that name, to be looked at: what it would do, nobody can have it do."""
    house: Any = SimpleNamespace(ask=None, withdraw=None, web=None, clock=None)
    return connector(name, house)


@cache
def declared() -> dict[str, Declaration]:
    """The connectors that are data, by their names."""
    return declarations()


def names() -> tuple[str, ...]:
    """The names of all connectors; one may have several."""
    return tuple(sorted({*CONNECTORS, *declared()}))

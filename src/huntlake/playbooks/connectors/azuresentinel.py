"""Microsoft Sentinel: the incidents, alerts, entities, bookmarks, watchlists and indicators of this house."""

from __future__ import annotations

from collections.abc import Callable

from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors import sentinel_shapes as shapes
from huntlake.playbooks.connectors.connector import Asked, Connector, Effect, Operation, TriggerOperation
from huntlake.playbooks.connectors.house import House
from huntlake.playbooks.connectors.sentinel_bookmarks import SentinelBookmarks
from huntlake.playbooks.connectors.sentinel_comments import SentinelComments
from huntlake.playbooks.connectors.sentinel_incidents import SentinelIncidents
from huntlake.playbooks.connectors.sentinel_indicators import SentinelIndicators
from huntlake.playbooks.connectors.sentinel_relations import SentinelRelations
from huntlake.playbooks.connectors.sentinel_tasks import SentinelTasks
from huntlake.playbooks.connectors.sentinel_watchlists import watchlist_operations
from huntlake.wdl.runner.effects import Answer


def azuresentinel(house: House) -> Connector:
    """The connector over this house."""
    resources = (
        SentinelIncidents(house),
        SentinelComments(house),
        SentinelTasks(house),
        SentinelRelations(house),
        SentinelBookmarks(house),
        SentinelIndicators(house),
    )
    entities = (
        Operation(id, "POST", f"/entities/{end}", f"The {name} among entities.", Effect.READ, _entities(end))
        for id, end, _, name in shapes.ENTITY_LISTS
    )
    return Connector(
        "azuresentinel",
        "Microsoft Sentinel",
        (*entities, *(o for r in resources for o in r.operations()), *watchlist_operations(house)),
        (
            TriggerOperation("IncidentTrigger", "POST", "/incident-creation", "An incident is made, or a rule asks."),
            TriggerOperation("AlertTrigger", "POST", "/subscribe", "An alert is raised."),
            TriggerOperation("EntityTrigger", "POST", "/entity/{entityType}", "A person asks about an entity."),
        ),
        inside=True,
    )


def _entities(end: str) -> Callable[[Asked], Answer]:
    return lambda asked: answer(shapes.entities_at(end, asked.body) or {})

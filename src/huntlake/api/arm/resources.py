"""Every type of resource that is served. Of two whose paths fit, the first counts."""

from __future__ import annotations

from typing import Any

from huntlake.api.arm import (
    api_connections,
    automation_rules,
    bookmarks,
    collection,
    connectors,
    hunts,
    incidents,
    indicators,
    jobs,
    metadata,
    product_settings,
    rules,
    saved_searches,
    tables,
    watchlists,
    workflows,
    workspaces,
)
from huntlake.api.arm.resource import Resource

RESOURCES: tuple[Resource[Any], ...] = (
    incidents.COMMENTS,
    incidents.TASKS,
    incidents.RELATIONS,
    incidents.TIMELINE,
    incidents.INCIDENTS,
    rules.ACTIONS,
    rules.RULES,
    rules.RUNS,
    automation_rules.AUTOMATION_RULES,
    bookmarks.RELATIONS,
    bookmarks.BOOKMARKS,
    watchlists.ITEMS,
    watchlists.WATCHLISTS,
    hunts.RELATIONS,
    hunts.COMMENTS,
    hunts.HUNTS,
    indicators.INDICATORS,
    indicators.MAIN,
    saved_searches.SAVED_SEARCHES,
    connectors.DATA_CONNECTORS,
    connectors.TEMPLATES,
    connectors.ONBOARDING,
    metadata.METADATA,
    product_settings.SETTINGS,
    connectors.OPERATIONS,
    tables.TABLES,
    jobs.RUNS,
    jobs.JOBS,
    jobs.BINS,
    jobs.SUMMARY_RULES,
    collection.RULES,
    collection.ENDPOINTS,
    *workflows.RESOURCES,
    *api_connections.RESOURCES,
    *workspaces.RESOURCES,
)

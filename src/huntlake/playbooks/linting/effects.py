"""What a call does to the world, told by what it calls alone."""

from __future__ import annotations

import re

from huntlake.playbooks.connectors.connector import Effect

_CONTAINS = re.compile(
    r"wdatp POST /api/machines/[^/]*/(?!tags)\w+"
    r"|azuread (PATCH|POST|DELETE|PUT) /.*users?/.*"
    r"|azureadip POST .*"
    r"|(custom|[\w-]*(firewall|palo|forti|meraki|checkpoint|zscaler|cisco)[\w-]*) (POST|PUT|PATCH|DELETE) .*"
    r"|(POST|PUT|PATCH|DELETE) .*(/isolate|/users/.*|revokeSignInSessions|/disable|/block).*",
    re.IGNORECASE | re.DOTALL,
)
_READS = re.compile(
    r"[\w-]+ (GET|HEAD) .*"
    r"|(GET|HEAD) .*"
    r"|azuresentinel POST /(entities/.*|Incidents)"
    r"|(azuremonitorlogs|azureloganalytics|kusto|azuredataexplorer|azureresourcegraph) POST .*"
    r"|\S* POST .*(advancedqueries|advancedHunting|runHuntingQuery|_search|/search|/query).*"
    r"|POST .*(/rest/query|/query|advancedqueries|advancedHunting|runHuntingQuery|/login|/oauth2?/|/token|search).*"
    r"|\S+ POST .*(/login|/token).*",
    re.IGNORECASE | re.DOTALL,
)


def effect_of(call: str) -> Effect:
    """The effect of a call such as `azuread PATCH /v1.0/users/*` or `POST https://…`, or of an action's type.

    What isn't known to read is taken to write.
    """
    if _CONTAINS.fullmatch(call):
        return Effect.CONTAIN
    return Effect.READ if _READS.fullmatch(call) else Effect.WRITE

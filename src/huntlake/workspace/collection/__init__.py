"""Data collection rules: streams of records in, a transformation in KQL, rows of tables out."""

from huntlake.workspace.collection.definition import RuleDefinition, definition_of, resource_of
from huntlake.workspace.collection.endpoints import Endpoint, Endpoints
from huntlake.workspace.collection.rules import Rule, Rules
from huntlake.workspace.collection.service import Collected, Collection, UnknownStream

__all__ = [
    "Collected",
    "Collection",
    "Endpoint",
    "Endpoints",
    "Rule",
    "RuleDefinition",
    "Rules",
    "UnknownStream",
    "definition_of",
    "resource_of",
]

"""Saved searches, as Azure Resource Manager shows them."""

from __future__ import annotations

from pydantic import Field

from huntlake.api.arm.resource import WORKSPACE, Resource
from huntlake.api.arm.wire import Part, Plain
from huntlake.identity.rights import Action
from huntlake.workspace.saved_searches import SavedSearch


class TagInfo(Part):
    """A tag."""

    name: str
    value: str


class SearchProperties(Part):
    """What can be said of a saved search."""

    category: str = Field(max_length=1000)
    display_name: str = Field(min_length=1, max_length=1000)
    query: str = Field(min_length=1, max_length=1 << 20)
    function_alias: str | None = Field(None, max_length=1024)
    function_parameters: str | None = Field(None, max_length=1 << 16)
    version: int = Field(2, ge=1, le=2)
    tags: tuple[TagInfo, ...] = ()


SAVED_SEARCHES: Resource[SavedSearch] = Resource(
    type="Microsoft.OperationalInsights/savedSearches",
    path=f"{WORKSPACE}/savedSearches",
    form=Plain(SearchProperties, SavedSearch),
    store=lambda place: place.services.saved_searches,
    write=Action.AUTHOR,
    created=200,
    pages=False,
    filters=frozenset({"name", "properties/category", "properties/displayName", "properties/functionAlias"}),
)

"""Watchlists and their items, as Azure Resource Manager shows them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.resource import SENTINEL, Place, Resource
from huntlake.api.arm.wire import Part, Span, properties_of, read
from huntlake.core.errors import Conflict, Invalid, NotFound, PreconditionFailed
from huntlake.identity.rights import Action
from huntlake.state.documents import ANY_ETAG, Document
from huntlake.state.records import ALWAYS, Author, Only, Owner
from huntlake.workspace.watchlists import Item, Watchlist, Watchlists, rows_of
from huntlake.workspace.workspaces import Workspace

TYPE = "Microsoft.SecurityInsights/Watchlists"
_SHOWN = frozenset({"created", "createdBy", "isDeleted", "tenantId", "updated", "updatedBy"})
_DELIMITERS = {"text/csv": ",", "text/tsv": "\t"}


class WatchlistProperties(Part):
    """What can be said of a watchlist."""

    SHOWN: ClassVar[frozenset[str]] = _SHOWN | {"watchlistId", "watchlistType", "uploadStatus", "provisioningState"}
    display_name: str = Field(min_length=1, max_length=1000)
    provider: str = Field(max_length=1000)
    items_search_key: str = Field(min_length=1, max_length=1000)
    source: str | None = Field(None, max_length=1000)
    source_type: str | None = Field(None, pattern="(?i)^Local( file)?$")
    watchlist_alias: str | None = None
    description: str | None = Field(None, max_length=50_000)
    labels: tuple[str, ...] = Field((), max_length=0)
    default_duration: Span | None = None
    number_of_lines_to_skip: int = Field(0, ge=0, le=1_000_000)
    content_type: str = "text/csv"
    raw_content: str | None = None


class ItemProperties(Part):
    """What can be said of an item."""

    SHOWN: ClassVar[frozenset[str]] = _SHOWN | {"watchlistItemId", "watchlistItemType"}
    items_key_value: Mapping[str, Any] = Field(min_length=1)
    entity_mapping: Mapping[str, Any] = Field(default_factory=dict, max_length=0)


@dataclass(frozen=True)
class Given:
    """A watchlist, and its rows where they are given."""

    watchlist: Watchlist
    rows: Sequence[Mapping[str, str]] | None = None


class WatchlistForm:
    """A watchlist. Its text, `rawContent`, is read and never shown."""

    def shown(self, place: Place, document: Document[Given]) -> dict[str, Any]:
        """What is known of the watchlist but its items."""
        watchlist = document.value.watchlist
        lives = watchlist.time_to_live
        properties = {
            "watchlistId": watchlist.id,
            "watchlistAlias": watchlist.alias,
            "displayName": watchlist.display_name or watchlist.alias,
            "description": watchlist.description,
            "provider": watchlist.provider,
            "source": watchlist.source,
            "sourceType": "Local",
            "itemsSearchKey": watchlist.search_key,
            "watchlistType": "watchlist",
            "contentType": "text/csv",
            "numberOfLinesToSkip": 0,
            "isDeleted": False,
            "labels": [],
            "tenantId": place.services.tenant.id,
            "uploadStatus": "Complete",
            "created": watchlist.created,
            "updated": watchlist.modified,
        }
        if lives is not None:
            properties["defaultDuration"] = f"P{lives.days}DT{lives.seconds}S"
        return {"properties": properties}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Given:
        """The watchlist that a body describes, and its rows where it has a text."""
        given = read(WatchlistProperties, properties_of(body))
        if given.watchlist_alias not in (None, "") and str(given.watchlist_alias).lower() != name.lower():
            raise Invalid(f"`watchlistAlias` is `{given.watchlist_alias}`, and the path names `{name}`")
        if (source := given.source or "").lower() == "remote storage":
            raise Invalid("a watchlist from remote storage is not supported: send its text as `rawContent`")
        delimiter = _DELIMITERS.get(given.content_type.lower())
        if delimiter is None:
            raise Invalid(f"the content type `{given.content_type[:60]}` is not supported: use text/csv or text/tsv")
        rows = None
        columns: tuple[str, ...] = (given.items_search_key,)
        if given.raw_content:
            content = given.raw_content.encode()
            columns, rows = rows_of(content, delimiter=delimiter, skip=given.number_of_lines_to_skip)
        watchlist = Watchlist(
            name,
            given.items_search_key,
            columns,
            given.display_name,
            given.description or "",
            given.provider,
            source,
            given.default_duration,
        )
        return Given(watchlist, rows)


class ItemForm:
    """An item: a text for each column of the watchlist."""

    def shown(self, place: Place, document: Document[Item]) -> dict[str, Any]:
        """The item's values."""
        item = document.value
        return {
            "properties": {
                "watchlistItemType": "watchlist-item",
                "watchlistItemId": item.id,
                "tenantId": place.services.tenant.id,
                "isDeleted": False,
                "created": item.created,
                "updated": item.modified,
                "itemsKeyValue": dict(item.fields),
                "entityMapping": {},
            }
        }

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Item:
        """The item that a body describes; its times are not the caller's to say."""
        given = read(ItemProperties, properties_of(body)).items_key_value
        now = place.services.clock.now()
        return Item(name, {column: _text(value) for column, value in given.items()}, now, now)


@dataclass(frozen=True)
class WatchlistStore:
    """The watchlists of one workspace, by alias in any case."""

    watchlists: Watchlists
    workspace: Workspace

    def list(self, owner: Owner) -> Sequence[Document[Given]]:
        """Every watchlist."""
        return [_given(d) for d in self.watchlists.list(self.workspace)]

    def get(self, owner: Owner, name: str) -> Document[Given]:
        """The watchlist of that alias."""
        return _given(self.watchlists.get(self.workspace, self.alias(name)))

    def put(
        self, owner: Owner, name: str, value: Given, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Given], bool]:
        """Keep a watchlist; without rows its items stay as they are."""
        alias = self.alias(name)
        known = next((d for d in self.watchlists.list(self.workspace) if d.name == alias), None)
        if only.create and known is not None:
            raise Conflict(f"a watchlist has the alias `{alias}` already")
        if only.if_match is not None and (known is None or only.if_match not in (ANY_ETAG, known.etag)):
            raise PreconditionFailed(f"the watchlist `{alias}` has changed since it was read")
        watchlist = replace(value.watchlist, alias=alias)
        if value.rows is None and known is not None:
            watchlist = replace(watchlist, columns=known.value.columns)
        kept = self.watchlists.put(self.workspace, watchlist, value.rows, if_match=only.if_match)
        return _given(kept), known is None

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Forget a watchlist and its items."""
        alias = self.alias(name)
        if only.if_match not in (None, ANY_ETAG) and self.get(owner, alias).etag != only.if_match:
            raise PreconditionFailed(f"the watchlist `{alias}` has changed since it was read")
        return self.watchlists.delete(self.workspace, alias)

    def alias(self, name: str) -> str:
        """The alias as it is spelled here; as given where there is no such watchlist."""
        known = self.watchlists.aliases(self.workspace.name)
        return next((a for a in known if a == name), next((a for a in known if a.lower() == name.lower()), name))


@dataclass(frozen=True)
class ItemStore:
    """The items of the watchlists of one workspace."""

    lists: WatchlistStore

    def list(self, owner: Owner) -> Sequence[Document[Item]]:
        """Every item, in the order in which they came."""
        items = self.lists.watchlists.items(self.lists.workspace, self.lists.alias(owner[1]))
        return [Document(i.id, i, _etag(i)) for i in items]

    def get(self, owner: Owner, name: str) -> Document[Item]:
        """The item of that id."""
        found = next((d for d in self.list(owner) if d.name.lower() == name.lower()), None)
        if found is None:
            raise NotFound(f"no item `{name}` is in the watchlist `{owner[1]}`")
        return found

    def put(
        self, owner: Owner, name: str, value: Item, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Item], bool]:
        """Add an item, or change one."""
        known = next((d for d in self.list(owner) if d.name.lower() == name.lower()), None)
        if only.create and known is not None:
            raise Conflict(f"the watchlist has an item `{name}` already")
        if only.if_match is not None and (known is None or only.if_match not in (ANY_ETAG, known.etag)):
            raise PreconditionFailed(f"the item `{name}` has changed since it was read")
        id, alias = known.name if known else name, self.lists.alias(owner[1])
        same = known.value if known and only.if_match not in (None, ANY_ETAG) else None
        kept = self.lists.watchlists.put_item(
            self.lists.workspace, alias, value.fields, id, create=known is None, known=same
        )
        return Document(kept.id, kept, _etag(kept)), known is None

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Take an item away."""
        known = next((d for d in self.list(owner) if d.name.lower() == name.lower()), None)
        if known is None:
            return False
        if only.if_match not in (None, ANY_ETAG, known.etag):
            raise PreconditionFailed(f"the item `{name}` has changed since it was read")
        return self.lists.watchlists.delete_item(self.lists.workspace, self.lists.alias(owner[1]), known.name)


def _given(document: Document[Watchlist]) -> Document[Given]:
    return Document(document.name, Given(document.value), document.etag)


def _etag(item: Item) -> str:
    said = json.dumps([item.id, dict(item.fields), item.modified.isoformat()])
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
    return json.dumps(value, ensure_ascii=False)


WATCHLISTS: Resource[Given] = Resource(
    type=TYPE,
    path=f"{SENTINEL}/Watchlists",
    form=WatchlistForm(),
    store=lambda place: WatchlistStore(place.services.watchlists, place.here),
    write=Action.AUTHOR,
)

ITEMS: Resource[Item] = Resource(
    type=f"{TYPE}/WatchlistItems",
    path=f"{SENTINEL}/Watchlists/{{watchlist}}/watchlistItems",
    form=ItemForm(),
    store=lambda place: ItemStore(WatchlistStore(place.services.watchlists, place.here)),
    write=Action.AUTHOR,
)

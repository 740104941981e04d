"""Watchlists and their items, as Sentinel's connector shows and changes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from huntlake.core.errors import Invalid, NotFound
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation
from huntlake.playbooks.connectors.house import House, fields, name_for, wanted
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer
from huntlake.workspace.watchlists import Item, Watchlist, rows_of
from huntlake.workspace.workspaces import Workspace

_LISTS = "/Watchlists/subscriptions/{subscription}/resourceGroups/{group}/workspaces/{workspace}/watchlists/{alias}"
_DELIMITERS = {"text/csv": ",", "text/tsv": "\t"}
_SAID = (
    "displayName description provider source sourceType itemsSearchKey rawContent contentType numberOfLinesToSkip "
    "watchlistAlias"
).split()


def watchlist_operations(house: House) -> tuple[Operation, ...]:
    """The operations on watchlists."""
    lists = _Watchlists(house)
    made = []
    for version, prefix in (("", ""), ("V2", "/V2")):
        path = f"{prefix}{_LISTS}"
        made += [
            Operation(
                f"WatchlistDelete{version}",
                "DELETE",
                path,
                "Delete a watchlist.",
                Effect.WRITE,
                lists.delete,
                lists.would_delete,
            ),
            Operation(
                f"WatchlistItemsList{version}",
                "GET",
                f"{path}/watchlistItems",
                "The items of a watchlist.",
                Effect.READ,
                lists.items,
            ),
            Operation(
                f"WatchlistItemsDelete{version}",
                "DELETE",
                f"{path}/watchlistItem/{{item}}",
                "Delete an item.",
                Effect.WRITE,
                lists.delete_item,
                lists.would_delete_item,
            ),
        ]
    return (
        Operation("WatchlistGet", "GET", _LISTS, "A watchlist by its alias.", Effect.READ, lists.get),
        Operation(
            "WatchlistCreate",
            "PUT",
            _LISTS,
            "Make a watchlist of a CSV text, or replace one.",
            Effect.WRITE,
            lists.create,
            lists.would_create,
        ),
        Operation("WatchlistItemsGet", "GET", f"{_LISTS}/watchlistItem/{{item}}", "An item.", Effect.READ, lists.item),
        Operation(
            "WatchlistItemsCreate",
            "PUT",
            f"{_LISTS}/watchlistItem",
            "Add an item.",
            Effect.WRITE,
            lists.add,
            lists.would_add,
        ),
        Operation(
            "WatchlistItemsUpdate",
            "PUT",
            f"{_LISTS}/watchlistItem/{{item}}",
            "Change an item.",
            Effect.WRITE,
            lists.change,
            lists.would_change,
        ),
        *made,
    )


@dataclass(frozen=True)
class _Watchlists:
    house: House

    def get(self, asked: Asked) -> Answer:
        workspace, alias = self._place(asked, Action.READ)
        document = self.house.watchlists.get(workspace, alias)
        return answer(self._shown(workspace, document.value, len(self.house.watchlists.items(workspace, alias))))

    def items(self, asked: Asked) -> Answer:
        workspace, alias = self._place(asked, Action.READ)
        found = self.house.watchlists.items(workspace, alias)
        return answer({"value": [self._item_shown(workspace, alias, item) for item in found]})

    def item(self, asked: Asked) -> Answer:
        workspace, alias = self._place(asked, Action.READ)
        return answer(self._item_shown(workspace, alias, self._item(workspace, alias, asked.arguments["item"])))

    def create(self, asked: Asked) -> Answer:
        workspace, watchlist, rows = self._given(asked)
        document = self.house.watchlists.put(workspace, watchlist, rows)
        return answer(self._shown(workspace, document.value, len(rows)))

    def would_create(self, asked: Asked) -> Answer:
        workspace, watchlist, rows = self._given(asked)
        return answer(self._shown(workspace, watchlist, len(rows)))

    def _given(self, asked: Asked) -> tuple[Workspace, Watchlist, list[dict[str, str]]]:
        given = fields(asked, *_SAID)
        workspace, alias = self._place(asked, Action.AUTHOR)
        if text(given.get("source")).lower() == "remote storage":
            raise Invalid("a watchlist from remote storage is not supported: send its text as `rawContent`")
        type = text(given.get("contentType")) or "text/csv"
        if type.lower() not in _DELIMITERS:
            raise Invalid(f"the content type `{type[:60]}` is not supported: use text/csv or text/tsv")
        skip = given.get("numberOfLinesToSkip", 0)
        if not isinstance(skip, int) or skip < 0:
            raise Invalid("`numberOfLinesToSkip` is not a number of lines")
        content = text(wanted(given, "rawContent")).encode()
        columns, rows = rows_of(content, delimiter=_DELIMITERS[type.lower()], skip=skip)
        watchlist = Watchlist(
            alias,
            text(wanted(given, "itemsSearchKey")),
            columns,
            text(given.get("displayName")) or alias,
            text(given.get("description")),
            text(given.get("provider")) or "Microsoft",
            text(given.get("source")),
        )
        return workspace, watchlist, rows

    def delete(self, asked: Asked) -> Answer:
        workspace, alias = self._place(asked, Action.AUTHOR)
        return Answer(200 if self.house.watchlists.delete(workspace, alias) else 204, body="")

    def would_delete(self, asked: Asked) -> Answer:
        workspace, alias = self._place(asked, Action.AUTHOR)
        there = alias in self.house.watchlists.aliases(workspace.name)
        return Answer(200 if there else 204, body="")

    def add(self, asked: Asked) -> Answer:
        workspace, alias = self._place(asked, Action.AUTHOR)
        # A process that died may have added it already: then it becomes what it is.
        item = self.house.watchlists.put_item(workspace, alias, _values(asked), name_for(asked), create=True)
        return answer(self._item_shown(workspace, alias, item))

    def would_add(self, asked: Asked) -> Answer:
        workspace, alias = self._place(asked, Action.AUTHOR)
        return answer(self._item_shown(workspace, alias, self._as_if(workspace, alias, asked, name_for(asked))))

    def change(self, asked: Asked) -> Answer:
        workspace, alias = self._place(asked, Action.AUTHOR)
        known = self._item(workspace, alias, asked.arguments["item"])
        item = self.house.watchlists.put_item(workspace, alias, {**known.fields, **_values(asked)}, known.id)
        return answer(self._item_shown(workspace, alias, item))

    def would_change(self, asked: Asked) -> Answer:
        workspace, alias = self._place(asked, Action.AUTHOR)
        known = self._item(workspace, alias, asked.arguments["item"])
        return answer(self._item_shown(workspace, alias, self._as_if(workspace, alias, asked, known.id)))

    def delete_item(self, asked: Asked) -> Answer:
        workspace, alias = self._place(asked, Action.AUTHOR)
        gone = self.house.watchlists.delete_item(workspace, alias, asked.arguments["item"])
        return Answer(200 if gone else 204, body="")

    def would_delete_item(self, asked: Asked) -> Answer:
        workspace, alias = self._place(asked, Action.AUTHOR)
        there = any(i.id == asked.arguments["item"] for i in self.house.watchlists.items(workspace, alias))
        return Answer(200 if there else 204, body="")

    # -- in general ------------------------------------------------------------------

    def _place(self, asked: Asked, action: Action) -> tuple[Workspace, str]:
        """The workspace, and the alias as it is spelled there."""
        workspace, alias = self.house.workspace(asked, action, asked.arguments["workspace"]), asked.arguments["alias"]
        known = self.house.watchlists.aliases(workspace.name)
        fits = (a for a in known if a.lower() == alias.lower())
        return workspace, alias if alias in known else next(fits, alias)

    def _item(self, workspace: Workspace, alias: str, id: str) -> Item:
        found = next((i for i in self.house.watchlists.items(workspace, alias) if i.id.lower() == id.lower()), None)
        if found is None:
            raise NotFound(f"no item `{id[:100]}` is in the watchlist `{alias}`")
        return found

    def _as_if(self, workspace: Workspace, alias: str, asked: Asked, id: str) -> Item:
        watchlist, given = self.house.watchlists.get(workspace, alias).value, _values(asked)
        if unknown := [name for name in given if name not in watchlist.columns]:
            raise Invalid(f"the watchlist `{alias}` has no column `{unknown[0]}`")
        known = next((i for i in self.house.watchlists.items(workspace, alias) if i.id == id), None)
        values = {**(known.fields if known else {}), **given}
        if not values.get(watchlist.search_key):
            raise Invalid(f"an item of `{alias}` has no value in its search key, `{watchlist.search_key}`")
        return Item(id, values, known.created if known else asked.context.now, asked.context.now)

    def _shown(self, workspace: Workspace, watchlist: Watchlist, count: int) -> dict[str, Any]:
        properties = {
            "watchlistId": watchlist.id,
            "watchlistAlias": watchlist.alias,
            "displayName": watchlist.display_name or watchlist.alias,
            "description": watchlist.description,
            "provider": watchlist.provider,
            "source": watchlist.source,
            "sourceType": "Local file",
            "itemsSearchKey": watchlist.search_key,
            "watchlistType": "watchlist",
            "contentType": "text/csv",
            "numberOfLinesToSkip": 0,
            "isDeleted": False,
            "labels": [],
            "tenantId": self.house.tenant.id,
            "uploadStatus": "Complete",
            "provisioningState": "Succeeded",
            "watchlistItemsCount": count,
            "created": watchlist.created,
            "updated": watchlist.modified,
        }
        id = f"{self.house.sentinel(workspace)}/Watchlists/{watchlist.alias}"
        # Published playbooks read what is known of it in both places.
        inner = {"id": id, "name": watchlist.alias, "properties": properties, **_flat(properties)}
        return {"id": id, "name": watchlist.alias, "properties": {**properties, "watchlist": inner}}

    def _item_shown(self, workspace: Workspace, alias: str, item: Item) -> dict[str, Any]:
        properties = {
            "watchlistItemType": "watchlist-item",
            "watchlistItemId": item.id,
            "tenantId": self.house.tenant.id,
            "isDeleted": False,
            "created": item.created,
            "updated": item.modified,
            "itemsKeyValue": dict(item.fields),
            "entityMapping": {},
        }
        return {
            "id": f"{self.house.sentinel(workspace)}/Watchlists/{alias}/WatchlistItems/{item.id}",
            "name": item.id,
            "type": "Microsoft.SecurityInsights/Watchlists/WatchlistItems",
            "properties": properties,
            **_flat(properties),
        }


def _flat(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The same under names such as `properties.itemsKeyValue`: playbooks read either."""
    return {f"properties.{name}": value for name, value in properties.items()}


def _values(asked: Asked) -> dict[str, str]:
    if not isinstance(asked.body, Mapping) or not asked.body:
        raise Invalid("an item's body is an object with a value for each column")
    return {str(name): text(value) for name, value in asked.body.items()}

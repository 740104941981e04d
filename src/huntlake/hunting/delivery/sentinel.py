"""A hunt as Sentinel has it: a saved hunting query, a hunt with its relation, and a row of a watchlist."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from huntlake.core.errors import NotFound
from huntlake.detection.publishing.client import Arm
from huntlake.hunting.delivery.piece import Piece, Step, Verb
from huntlake.hunting.hunts import Hunt, HuntRelation, Hunts, HuntStatus, HypothesisStatus
from huntlake.state.records import Author
from huntlake.workspace.saved_searches import SavedSearch, SavedSearches, Tag
from huntlake.workspace.watchlists import Watchlist, Watchlists
from huntlake.workspace.workspaces import Workspace

SEARCH, HUNT, RELATION, ITEM = "saved search", "hunt", "hunt relation", "watchlist item"
WATCHLIST = "AIGeneratedHunts"
"""The alias of the watchlist that holds a row for each hunt."""
COLUMNS = ("HuntId", "Title", "Status", "Version", "Techniques", "Tables", "Origin", "Author", "Approver", "Query")


class Place(Protocol):
    """A workspace that has resources of these kinds, as the management API says them."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str:
        """The resource id of the workspace."""
        ...

    def get(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """The properties of a resource; None where there is none."""
        ...

    def put(self, kind: str, name: str, properties: Mapping[str, Any]) -> None:
        """Write a resource."""
        ...


@dataclass(frozen=True)
class Queries:
    """Delivers a hunt as a saved hunting query, a hunt, and a relation between them."""

    place: Place

    @property
    def name(self) -> str:
        """What it is, and where."""
        return f"hunting queries of {self.place.name}"

    def plan(self, piece: Piece) -> Sequence[Step]:
        """What would be written."""
        search = f"{self.place.path}/savedSearches/{piece.id}"
        return (
            _step(self.place, SEARCH, piece.id, search_properties(piece)),
            _step(self.place, HUNT, piece.id, hunt_properties(piece)),
            _step(self.place, RELATION, f"{piece.id}/{piece.id}", {"relatedResourceId": search, "labels": ["query"]}),
        )

    def write(self, piece: Piece, steps: Sequence[Step]) -> None:
        """Write it."""
        _write(self.place, steps)


@dataclass(frozen=True)
class Row:
    """Delivers a hunt as a row of the watchlist `AIGeneratedHunts`."""

    place: Place

    @property
    def name(self) -> str:
        """What it is, and where."""
        return f"watchlist {WATCHLIST} of {self.place.name}"

    def plan(self, piece: Piece) -> Sequence[Step]:
        """What would be written."""
        row = {
            "HuntId": piece.hunt,
            "Title": piece.title,
            "Status": piece.status,
            "Version": str(piece.version),
            "Techniques": " ".join(piece.techniques),
            "Tables": " ".join(piece.tables),
            "Origin": piece.maker,
            "Author": piece.author,
            "Approver": piece.approver,
            "Query": piece.query,
        }
        cells = {name: _cell(text) for name, text in row.items()}
        return (_step(self.place, ITEM, f"{WATCHLIST}/{piece.id}", {"itemsKeyValue": cells}),)

    def write(self, piece: Piece, steps: Sequence[Step]) -> None:
        """Write it."""
        _write(self.place, steps)


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula: watchlists are exported and opened there."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def search_properties(piece: Piece) -> dict[str, Any]:
    """A hunting query, as a saved search is."""
    tags = {
        "description": piece.statement,
        "tactics": ",".join(tactic.value for tactic in piece.tactics),
        "techniques": ",".join(piece.techniques),
    }
    return {
        "category": "Hunting Queries",
        "displayName": piece.title,
        "query": piece.query,
        "version": 2,
        "tags": [{"name": name, "value": value} for name, value in tags.items() if value],
    }


def hunt_properties(piece: Piece) -> dict[str, Any]:
    """A hunt, as Sentinel has it."""
    return {
        "displayName": piece.title,
        "description": f"{piece.statement}\n\n{piece.rationale}".strip(),
        "status": (HuntStatus.APPROVED if piece.status == "approved" else HuntStatus.NEW).value,
        "hypothesisStatus": HypothesisStatus.UNKNOWN.value,
        "attackTactics": [tactic.value for tactic in piece.tactics],
        "attackTechniques": list(piece.techniques),
        "labels": [piece.status, f"version {piece.version}", piece.maker],
    }


@dataclass(frozen=True)
class Here:
    """A workspace of this server."""

    workspace: Workspace
    id: str
    searches: SavedSearches
    hunts: Hunts
    watchlists: Watchlists
    by: Author

    @property
    def name(self) -> str:
        """The workspace's name."""
        return self.workspace.name

    @property
    def path(self) -> str:
        """The resource id of the workspace."""
        return self.id

    def get(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """The properties of a resource that are written here; None where there is none."""
        owner = (self.workspace.name,)
        match kind:
            case "saved search":
                search = self.searches.find(owner, name)
                return _said_of_search(search.value) if search else None
            case "hunt":
                hunt = self.hunts.hunts.find(owner, name)
                return _said_of_hunt(hunt.value) if hunt else None
            case "hunt relation":
                of, _, relation = name.partition("/")
                found = self.hunts.relations.find((*owner, of), relation)
                if found is None:
                    return None
                return {"relatedResourceId": found.value.related_resource_id, "labels": list(found.value.labels)}
        alias, _, id = name.partition("/")
        kept = self.watchlists.find(self.workspace.name, alias)
        items = kept[1].value if kept else ()
        return next(({"itemsKeyValue": dict(i.fields)} for i in items if i.id == id), None)

    def put(self, kind: str, name: str, properties: Mapping[str, Any]) -> None:
        """Write a resource."""
        owner = (self.workspace.name,)
        match kind:
            case "saved search":
                tags = tuple(Tag(tag["name"], tag["value"]) for tag in properties["tags"])
                category, title = properties["category"], properties["displayName"]
                self.searches.put(owner, name, SavedSearch(category, title, properties["query"], tags=tags), self.by)
            case "hunt":
                self.hunts.hunts.put(owner, name, _hunt(properties, self.hunts.hunts.find(owner, name)), self.by)
            case "hunt relation":
                of, _, relation = name.partition("/")
                id = str(properties["relatedResourceId"])
                made = HuntRelation(id, labels=tuple(properties["labels"]))
                self.hunts.relations.put((*owner, of), relation, made, self.by)
            case _:
                alias, _, id = name.partition("/")
                if self.watchlists.find(self.workspace.name, alias) is None:
                    watchlist = Watchlist(alias, "HuntId", COLUMNS, display_name="Hunts that were generated")
                    self.watchlists.put(self.workspace, watchlist, ())
                self.watchlists.put_item(self.workspace, alias, properties["itemsKeyValue"], id, create=True)


@dataclass(frozen=True)
class There:
    """A workspace behind a management API."""

    arm: Arm
    name: str
    path: str
    watchlist: Callable[[], Mapping[str, Any]] = lambda: {
        "displayName": "Hunts that were generated",
        "provider": "huntlake",
        "source": f"{WATCHLIST}.csv",
        "itemsSearchKey": "HuntId",
        "contentType": "text/csv",
        "numberOfLinesToSkip": 0,
        "rawContent": ",".join(COLUMNS) + "\n",
    }

    def get(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """The properties of a resource; None where there is none."""
        found = self.arm.get(kind, name)
        return None if found is None else dict(found.get("properties", {}))

    def put(self, kind: str, name: str, properties: Mapping[str, Any]) -> None:
        """Write a resource over what is there."""
        if kind == ITEM and self.arm.get("watchlist", name.partition("/")[0]) is None:
            self.arm.put("watchlist", name.partition("/")[0], {"properties": dict(self.watchlist())}, "")
        found = self.arm.get(kind, name)
        etag = str(found.get("etag") or "") if found else ""
        if found is not None and not etag:
            raise NotFound(f"{self.name} gives no ETag for the {kind} {name}: it can't be written over safely")
        self.arm.put(kind, name, {"properties": dict(properties)}, etag)


def _step(place: Place, kind: str, name: str, properties: Mapping[str, Any]) -> Step:
    known = place.get(kind, name)
    if known is None:
        return Step(Verb.MAKE, kind, name, properties)
    same = all(_same(known.get(key), value) for key, value in properties.items())
    return Step(Verb.KEEP if same else Verb.CHANGE, kind, name, properties)


def _same(known: Any, wanted: Any) -> bool:
    if isinstance(wanted, list) and isinstance(known, list):
        return sorted(map(repr, known)) == sorted(map(repr, wanted))
    return bool(known == wanted)


def _write(place: Place, steps: Sequence[Step]) -> None:
    for step in steps:
        if step.verb is not Verb.KEEP:
            assert not isinstance(step.body, str)
            place.put(step.kind, step.name, step.body)


def _said_of_search(search: SavedSearch) -> dict[str, Any]:
    return {
        "category": search.category,
        "displayName": search.display_name,
        "query": search.query,
        "version": search.version,
        "tags": [{"name": tag.name, "value": tag.value} for tag in search.tags],
    }


def _said_of_hunt(hunt: Hunt) -> dict[str, Any]:
    return {
        "displayName": hunt.display_name,
        "description": hunt.description,
        "status": hunt.status.value,
        "hypothesisStatus": hunt.hypothesis_status.value,
        "attackTactics": [tactic.value for tactic in hunt.attack_tactics],
        "attackTechniques": list(hunt.attack_techniques),
        "labels": list(hunt.labels),
    }


def _hunt(properties: Mapping[str, Any], before: Any) -> Hunt:
    from huntlake.detection.severity import Tactic

    # What a person has found out about the hypothesis stays.
    verdict = before.value.hypothesis_status if before else HypothesisStatus(properties["hypothesisStatus"])
    return Hunt(
        properties["displayName"],
        properties["description"],
        HuntStatus(properties["status"]),
        verdict,
        tuple(Tactic(tactic) for tactic in properties["attackTactics"]),
        tuple(properties["attackTechniques"]),
        tuple(properties["labels"]),
        before.value.owner if before else None,
    )

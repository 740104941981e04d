"""What a workspace knows that helps with a hunt: each piece with where it is from, which one, and how well it fits."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.detection.service import Detection
from huntlake.hunting.context.relating import AsimMapping, TableJoin, asim_mappings, joins
from huntlake.hunting.drafting.draft import Retrieved
from huntlake.hunting.drafting.drafter import Drafter
from huntlake.hunting.extraction.lexical import Index
from huntlake.hunting.extraction.words import words
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.results import Result
from huntlake.workspace.table_search import Described, TableSearch
from huntlake.workspace.watchlists import Watchlists
from huntlake.workspace.workspaces import Workspace

MOST = 5
"""Pieces of each source."""

NOTES = "EnvironmentNotes"
"""The watchlist of what people of this place know: its columns may have any names."""

_RANGE_COLUMNS = ("IP Subnet", "Subnet", "Range", "Network", "IpRange", "CIDR")
_LONGEST = 600
_BACK = timedelta(days=14)
_TIMEOUT = timedelta(seconds=20)
_ASSETS: Mapping[str, tuple[str, str, str]] = {
    "host": (
        "DeviceInfo",
        "declare query_parameters(Names: dynamic); DeviceInfo"
        " | extend Short = tolower(tostring(split(DeviceName, '.')[0])) | where Short in (Names)"
        " | summarize arg_max(TimeGenerated, *) by Short | take 20",
        "DeviceName OSPlatform DeviceType AssetValue ExposureLevel IsInternetFacing JoinType",
    ),
    "account": (
        "IdentityInfo",
        "declare query_parameters(Names: dynamic); IdentityInfo | where tolower(AccountUPN) in (Names) or"
        " tolower(AccountName) in (Names) | summarize arg_max(TimeGenerated, *) by AccountUPN | take 20",
        "AccountUPN AccountDisplayName Department JobTitle Manager AssignedRoles IsAccountEnabled",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ContextPiece:
    """A piece: what it is (`table`, `query`, `incident`, `asset`, `range`, `note`), which, and what it says."""

    used: Retrieved
    title: str
    text: str


@dataclass(frozen=True)
class HuntContext:
    """What helps with a hunt: pieces by source, the best fitting first, and how the tables go together."""

    pieces: tuple[ContextPiece, ...]
    joins: tuple[TableJoin, ...]
    asim: tuple[AsimMapping, ...]
    remarks: tuple[str, ...] = ()

    @property
    def used(self) -> tuple[Retrieved, ...]:
        """What a draft notes of it."""
        return tuple(piece.used for piece in self.pieces)


@dataclass(frozen=True)
class ContextGathering:
    """Gathers context. What it reads is data of the workspace, and never more than its asker may read."""

    queries: Queries
    catalogue: Catalogue
    drafter: Drafter
    detection: Detection
    watchlists: Watchlists
    clock: Clock

    def gather(
        self, workspace: Workspace, intent: str, tables: Sequence[str] = (), entities: Iterable[tuple[str, str]] = ()
    ) -> HuntContext:
        """Context for what a hunt is to find, in words. `tables` are those that it surely reads; `entities` are the
        types and values that it is about: hosts, accounts, IPs.
        """
        asked, remarks = [*entities], list[str]()
        found = self._tables(workspace, intent, tables)
        chosen = [*dict.fromkeys((*tables, *(piece.used.id for piece in found)))][:MOST]
        filled = self.queries.visible(workspace).tables_with_rows()
        pieces = (
            *found,
            *self._kept(workspace, intent),
            *self._incidents(workspace, intent),
            *self._assets(workspace, asked, remarks),
            *self._ranges(workspace, [value for type, value in asked if type.lower() == "ip"]),
            *self._notes(workspace, intent),
        )
        return HuntContext(pieces, tuple(joins(chosen, filled)), tuple(asim_mappings(chosen)), tuple(remarks))

    def _tables(self, workspace: Workspace, intent: str, named: Sequence[str]) -> list[ContextPiece]:
        visible = self.queries.visible(workspace)
        filled = frozenset(visible.tables_with_rows())
        described = {
            name: Described(
                name, self.catalogue.description(name), tuple(c.name for c in visible.table(name) or ()), True
            )
            for name in sorted(filled)
        }
        ranked = TableSearch(tuple(described.values())).find(intent, MOST)
        best = max((one.score for one in ranked), default=1.0) or 1.0
        scores = {name: 1.0 for name in named if name in described}
        scores |= {one.table.name: one.score / best for one in ranked if one.table.name not in scores}
        return [
            _piece(
                "table", name, "", score, name, f"{described[name].description}\n{', '.join(described[name].columns)}"
            )
            for name, score in sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST]
        ]

    def _kept(self, workspace: Workspace, intent: str) -> list[ContextPiece]:
        known = [c for c in self.drafter.candidates(workspace) if not c.is_sweep and c.has_rows]
        said = [(c.id, c.version, c.hunt.title, f"{c.hunt.description}\n{c.hunt.searched}") for c in known]
        return _alike("query", intent, said)

    def _incidents(self, workspace: Workspace, intent: str) -> list[ContextPiece]:
        said = []
        for document in self.detection.incidents.list((workspace.name,)):
            one = document.value
            judged = one.classification.value if one.classification else "not judged"
            text = f"{one.severity.value}, {one.status.value}, {judged}\n{one.description or ''}"
            said.append((document.name, document.etag, f"{one.number}: {one.title}", text))
        return _alike("incident", intent, said)

    def _assets(self, workspace: Workspace, asked: Sequence[tuple[str, str]], remarks: list[str]) -> list[ContextPiece]:
        found = []
        filled = frozenset(self.queries.visible(workspace).tables_with_rows())
        for type, (table, query, columns) in _ASSETS.items():
            names = [value.lower() for kind, value in asked if kind.lower() == type]
            names += [name.partition(".")[0] for name in names if type == "host"]
            if not names:
                continue
            if table not in filled:
                remarks.append(f"{table} has no rows: nothing is known of {len(names)} of type {type}")
                continue
            now = self.clock.now()
            options = QueryOptions(
                timeout=_TIMEOUT, parameters={"Names": names}, now=now, time_column="TimeGenerated", since=now - _BACK,
                until=now,
            )  # fmt: skip
            try:
                rows = Result.of(self.queries.run(workspace, query, options).tables[0]).to_dicts()
            except (DomainError, SourceError) as error:
                remarks.append(f"{table} can't be asked: {error}")
                continue
            for row in rows:
                told = {c: row[c] for c in columns.split() if row.get(c) not in (None, "", [], "[]")}
                name = str(next(iter(told.values()), ""))
                found.append(_piece("asset", name, "", 1.0, name, "\n".join(f"{c}: {v}" for c, v in told.items())))
        return found

    def _ranges(self, workspace: Workspace, addresses: Sequence[str]) -> list[ContextPiece]:
        """The ranges of watchlists that hold one of the addresses, the narrowest first."""
        wanted = [a for text in addresses if (a := _address(text)) is not None]
        found = []
        for alias in sorted(self.watchlists.aliases(workspace.name)) if wanted else ():
            _, items = self.watchlists.find(workspace.name, alias) or (None, None)
            for item in items.value if items else ():
                for column in _RANGE_COLUMNS:
                    network = _network(item.fields.get(column, ""))
                    if network is not None and any(a in network for a in wanted if a.version == network.version):
                        text = "\n".join(f"{k}: {v}" for k, v in item.fields.items() if v)
                        piece = _piece("range", f"{alias}/{item.id}", "", 1.0, str(network), text)
                        found.append((-network.prefixlen, piece.used.id, piece))
        return [piece for *_, piece in sorted(found, key=lambda f: f[:2])[:MOST]]

    def _notes(self, workspace: Workspace, intent: str) -> list[ContextPiece]:
        known = self.watchlists.find(workspace.name, NOTES)
        said = [(item.id, "", "note", " ".join(item.fields.values())) for item in known[1].value] if known else []
        return _alike("note", intent, said)


def _alike(source: str, intent: str, said: Sequence[tuple[str, str, str, str]]) -> list[ContextPiece]:
    """Of things with id, version, title and text those that are most alike to some words."""
    scores = Index([words(f"{title}\n{text}") for *_, title, text in said]).scores(set(words(intent)))
    best = float(scores.max(initial=0))
    order = sorted(range(len(said)), key=lambda n: (-float(scores[n]), said[n][0]))[:MOST]
    return [
        _piece(source, said[n][0], said[n][1], float(scores[n]) / best, said[n][2], said[n][3])
        for n in order
        if scores[n] > 0
    ]


def _piece(source: str, id: str, version: str, score: float, title: str, text: str) -> ContextPiece:
    return ContextPiece(Retrieved(source, id, version, round(score, 4)), title, text[:_LONGEST].strip())


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip(), strict=False) if text.strip() else None
    except ValueError:
        return None

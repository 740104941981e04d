"""The lake of one home folder, the engine over it, and what else it takes to keep tables and to ask them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huntlake.core.clock import Clock
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.duckdb.database import Database as Engine
from huntlake.engines.geography import Geography, MaxMindFile, NetworkTable
from huntlake.lake import Lake
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.asked_paths import AskedPaths
from huntlake.workspace.builtin_functions import BuiltinFunctions
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.collection import Collection, Endpoints, Rules
from huntlake.workspace.collection.counts import Ledger
from huntlake.workspace.collection.transforming import Transformer
from huntlake.workspace.evidence.custody import Custody, EvidenceTable
from huntlake.workspace.evidence.service import EvidenceImport
from huntlake.workspace.evidence.uploads import Uploads
from huntlake.workspace.external_addresses import Outside
from huntlake.workspace.functions import SavedFunctions
from huntlake.workspace.hot_paths import HotPaths
from huntlake.workspace.ingestion import Ingestion
from huntlake.workspace.ingestion.mappings import IngestionMappings
from huntlake.workspace.ingestion.streaming import Pace, Streams
from huntlake.workspace.query import Queries
from huntlake.workspace.table_definitions import TableDefinitions
from huntlake.workspace.table_sources import LakeTables, MemoryTables
from huntlake.workspace.tables import Nowhere, Tables
from huntlake.workspace.upkeep import Retention
from huntlake.workspace.visible import Borders, WorkspaceNamed
from huntlake.workspace.watchlists import Watchlists, WatchlistTables

if TYPE_CHECKING:
    from huntlake.core.settings import Settings
    from huntlake.detection.tables import DetectionTables
    from huntlake.state.documents import Shelf
    from huntlake.workspace.remote.service import RemoteWorkspaces
    from huntlake.workspace.workspaces import Workspaces

PLACES = Path(__file__).parents[1] / "content" / "geo" / "documentation-ranges.csv"
"""Where the address ranges are that documents and the demo use."""

_MEMORY_SHARE = 0.6


@dataclass(frozen=True)
class Analytics:
    """What it takes to keep tables and to ask them: the lake of one home folder and the engine over it."""

    lake: Lake
    catalogue: Catalogue
    tables: Tables
    engine: Engine
    memory: MemoryTables
    functions: SavedFunctions
    builtin_functions: BuiltinFunctions
    mappings: IngestionMappings
    watchlists: Watchlists
    queries: Queries
    ingestion: Ingestion
    streams: Streams
    evidence: EvidenceImport
    uploads: Uploads
    table_definitions: TableDefinitions
    collection: Collection
    collection_endpoints: Endpoints
    hot_paths: HotPaths
    detected: DetectionTables

    @classmethod
    def over(
        cls,
        home: Path,
        bounds: Bounds,
        geography: Geography,
        clock: Clock,
        state: Shelf | None = None,
        borders: Borders = Borders(),
        pace: Pace = Pace(),
        workspaces: WorkspaceNamed = lambda name: None,
        retention: Retention | None = None,
        remote: RemoteWorkspaces | None = None,
    ) -> Analytics:
        """The services over `home`; nothing is read or opened before it is needed.

        Without a `state` what else a workspace keeps lasts as long as the process. `workspaces` finds those that data
        collection rules name.
        """
        from huntlake.detection.intel.tables import IntelTables
        from huntlake.detection.rows import TABLES as DETECTED
        from huntlake.detection.rows import collection
        from huntlake.detection.tables import DetectionTables
        from huntlake.hunting.running.run import FINDINGS
        from huntlake.identity.sign_in_journal import CHAIN
        from huntlake.identity.sign_in_journal import TABLE as SIGN_INS
        from huntlake.state.audit import TABLE as HUNTLAKE_AUDIT

        lake, catalogue = Lake(home / "lake", home / "tmp"), Catalogue()
        tables = Tables(lake, catalogue, remote or Nowhere())
        engine = Engine([lake.root], bounds, geography)
        memory = MemoryTables(engine)
        state = state or MemoryShelf()
        watchlists, builtin = Watchlists(state, clock), BuiltinFunctions()
        looked_up = WatchlistTables(watchlists, catalogue, engine, clock)
        ingestion = Ingestion(lake, tables, clock, home / "dead-letters")
        streams = Streams(lake, ingestion, engine, clock, pace)
        custody, asked = Custody(state), AskedPaths(state, clock)
        retention, stored = retention or Retention(state), LakeTables(lake, tables, streams, asked)
        kept = (*DETECTED, HUNTLAKE_AUDIT, FINDINGS)
        shared = {SIGN_INS: collection(CHAIN[0], HUNTLAKE_AUDIT)}
        detected = DetectionTables(
            state, stored, catalogue, engine, retention, clock, workspaces, (*kept, *shared), shared
        )
        intel = IntelTables(state, stored, catalogue, engine, clock, workspaces)
        sources = (memory, looked_up, EvidenceTable(custody, engine), detected, intel, stored)
        saved = SavedFunctions(state, sources, (builtin,), (looked_up,), clock, catalogue.is_open)
        definitions = TableDefinitions(lake, tables, streams, retention)
        rules = Rules(state, clock, definitions, workspaces)
        return cls(
            lake=lake,
            catalogue=catalogue,
            tables=tables,
            engine=engine,
            memory=memory,
            functions=saved,
            builtin_functions=builtin,
            mappings=IngestionMappings(state),
            watchlists=watchlists,
            queries=Queries(
                engine,
                sources,
                clock,
                (saved, builtin),
                (looked_up,),
                borders,
                catalogue.is_open,
                remote,
                catalogue.is_closed,
            ),
            ingestion=ingestion,
            streams=streams,
            evidence=(evidence := EvidenceImport(lake, ingestion, custody, clock)),
            uploads=Uploads(evidence, home / "tmp" / "uploads", clock),
            table_definitions=definitions,
            collection=Collection(rules, ingestion, streams, Transformer(lake, engine), Ledger(state), clock),
            collection_endpoints=Endpoints(state, clock),
            hot_paths=HotPaths(lake, tables, asked, state),
            detected=detected,
        )

    def close(self) -> None:
        """Bring what streams have waiting into the tables, and give the engine's memory back."""
        self.uploads.close()
        self.collection.close()
        self.streams.close()
        self.hot_paths.asked.flush()
        self.engine.close()


def appending(
    analytics: Analytics, workspaces: Workspaces
) -> Callable[[str, str, Sequence[Mapping[str, Any]]], object]:
    """Takes rows of the lake's own into a table of the workspace of that name."""

    def append(workspace: str, table: str, rows: Sequence[Mapping[str, Any]]) -> object:
        return analytics.streams.append(workspaces.get(workspace), table, rows, source="huntlake")

    return append


def bounds(home: Path, settings: Settings) -> Bounds:
    memory = settings.memory_limit or f"{int(_memory_of_machine() * _MEMORY_SHARE)}B"
    return Bounds(memory, settings.threads or None, home / "tmp", settings.spill_limit)


def _memory_of_machine() -> int:
    """Bytes of memory, of the container where there is one."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # no container, or one without a limit, which says `max`
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return memory


def borders(settings: Settings) -> Borders:
    outside = Outside(
        settings.external_folders,
        settings.external_hosts,
        settings.external_max_bytes,
        timedelta(seconds=settings.external_timeout),
    )
    return Borders(settings.places, frozenset(settings.strict_lake), outside)


def geography(settings: Settings) -> Geography:
    return MaxMindFile(settings.geo_database) if settings.geo_database else NetworkTable(PLACES)

"""The composition root: settings in, every service out."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from huntlake.core.clock import Clock, SystemClock
from huntlake.core.errors import Invalid, NotFound
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.duckdb.database import Database as Engine
from huntlake.engines.geography import Geography, MaxMindFile, NetworkTable
from huntlake.lake import Lake
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.activity import Activity
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
from huntlake.workspace.saved_searches import SavedSearches
from huntlake.workspace.table_definitions import TableDefinitions
from huntlake.workspace.table_sources import LakeTables, MemoryTables
from huntlake.workspace.tables import Nowhere, Tables
from huntlake.workspace.upkeep import Retention
from huntlake.workspace.visible import Borders, WorkspaceNamed
from huntlake.workspace.watchlists import Watchlists, WatchlistTables

if TYPE_CHECKING:
    from huntlake.ai.chat import Adviser
    from huntlake.core.settings import Settings
    from huntlake.detection.drafts import Drafts
    from huntlake.detection.intel.service import Intel
    from huntlake.detection.library import Library
    from huntlake.detection.scheduling.service import Scheduler
    from huntlake.detection.service import Detection
    from huntlake.detection.tables import DetectionTables
    from huntlake.detection.testing.stored import RuleTests
    from huntlake.hunting.hearing import Later
    from huntlake.hunting.hunts import Hunts
    from huntlake.hunting.service import Hunting
    from huntlake.hunting.signals.intake import SignalPlace
    from huntlake.hunting.signals.scanning import Append
    from huntlake.identity.keys import SigningKeys
    from huntlake.identity.principals import Principals
    from huntlake.identity.rights import Action
    from huntlake.identity.sign_in import SignIn
    from huntlake.identity.tenant import Subscription, Tenant
    from huntlake.identity.tokens import Tokens
    from huntlake.identity.users import Users
    from huntlake.playbooks.automation import Automation
    from huntlake.playbooks.automation_rules import AutomationRule
    from huntlake.playbooks.connectors.connector import Connectors
    from huntlake.playbooks.connectors.questions import Ask, Withdraw
    from huntlake.playbooks.machine_actions import MachineActions
    from huntlake.playbooks.outward import Outward
    from huntlake.playbooks.secret_store import SecretStore
    from huntlake.playbooks.service import Playbooks, RunPlace
    from huntlake.playbooks.web import Here
    from huntlake.state.database import Database
    from huntlake.state.documents import Shelf
    from huntlake.state.records import Owner, Records
    from huntlake.state.sealing import Seal
    from huntlake.workspace.async_queries import AsyncQueries, Readable
    from huntlake.workspace.commands import Commands
    from huntlake.workspace.jobs.landing import Rights
    from huntlake.workspace.jobs.service import Jobs
    from huntlake.workspace.known_questions import KnownQuestions
    from huntlake.workspace.remote.service import RemoteWorkspaces
    from huntlake.workspace.upkeep import Upkeep
    from huntlake.workspace.workspaces import Workspace, Workspaces

PLACES = Path(__file__).parent / "content" / "geo" / "documentation-ranges.csv"
"""Where the address ranges are that documents and the demo use."""

MEMORY_SHARE = 0.6
_LARGEST_PAGE = 32 << 20


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
        from huntlake.detection.tables import DetectionTables
        from huntlake.hunting.running.run import FINDINGS
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
        detected = DetectionTables(
            state, stored, catalogue, engine, retention, clock, workspaces, (*DETECTED, HUNTLAKE_AUDIT, FINDINGS)
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
            queries=Queries(engine, sources, clock, (saved, builtin), (looked_up,), borders, catalogue.is_open, remote),
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


@dataclass(frozen=True)
class App:
    """Every service of one home folder."""

    home: Path
    settings: Settings
    clock: Clock
    state: Database
    workspaces: Workspaces
    remote: RemoteWorkspaces
    tenant: Tenant
    subscription: Subscription
    keys: SigningKeys
    principals: Principals
    tokens: Tokens
    sign_in: SignIn
    analytics: Analytics
    activity: Activity
    commands: Commands
    upkeep: Upkeep
    known_questions: KnownQuestions
    async_queries: AsyncQueries
    jobs: Jobs
    detection: Detection
    scheduler: Scheduler
    hunts: Hunts
    _hunting: Later
    automation_rules: Records[AutomationRule]
    automation: Automation
    machine_actions: MachineActions
    playbooks: Playbooks
    outward: Outward
    saved_searches: SavedSearches
    library: Library
    intel: Intel

    @classmethod
    def open(cls, home: Path, settings: Settings | None = None, clock: Clock | None = None) -> App:
        """Open the lake in `home`, making what isn't there; `settings` None reads those of the folder."""
        # These load databases and cryptography: who only asks for help shouldn't wait for them.
        from huntlake.core.settings import load
        from huntlake.detection.intel.service import Intel
        from huntlake.detection.library import Library
        from huntlake.detection.raising import MARKS_KEPT
        from huntlake.detection.service import Detection
        from huntlake.hunting import hearing
        from huntlake.hunting.hunts import Hunts
        from huntlake.identity.keys import SigningKeys
        from huntlake.identity.principals import Principals
        from huntlake.identity.sign_in import SignIn
        from huntlake.identity.tenant import subscription_of, tenant_of
        from huntlake.identity.tokens import Tokens
        from huntlake.identity.users import Users
        from huntlake.playbooks.automation import Automation, automation_rules
        from huntlake.playbooks.machine_actions import MachineActions
        from huntlake.playbooks.service import Playbooks
        from huntlake.state.database import Database
        from huntlake.state.sealing import Seal
        from huntlake.workspace.async_queries import AsyncQueries
        from huntlake.workspace.commands import Commands
        from huntlake.workspace.jobs.landing import Landing
        from huntlake.workspace.jobs.service import Jobs
        from huntlake.workspace.known_questions import KnownQuestions
        from huntlake.workspace.remote.records import Remotes
        from huntlake.workspace.remote.schemas import Schemas
        from huntlake.workspace.remote.service import RemoteWorkspaces
        from huntlake.workspace.upkeep import Upkeep
        from huntlake.workspace.workspaces import Workspaces

        home = home.absolute()
        settings, clock = settings or load(home), clock or SystemClock()
        try:
            home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Invalid(f"{home} can't be a lake's folder: {error.strerror}") from error
        state = Database.open(settings.database or home / "huntlake.db")
        tenant = tenant_of(state, id=settings.tenant_id, name=settings.tenant_name)
        keys = SigningKeys(home / "keys", clock)
        lifetime = timedelta(seconds=settings.token_lifetime)
        workspaces, activity = Workspaces(state), Activity(clock)
        retention = Retention(state, settings.retention_days)
        principals, users = Principals(state, clock), Users(state, clock, with_password=settings.password_users)
        seal = Seal(home / "keys" / "secrets.key")
        remote = RemoteWorkspaces(Remotes(state, workspaces, seal), Schemas(state, clock), clock)
        analytics = Analytics.over(
            home,
            _bounds(home, settings),
            _geography(settings),
            clock,
            state,
            _borders(settings),
            workspaces=workspaces.find,
            retention=retention,
            remote=remote,
        )
        remembered = timedelta(days=settings.catch_up_days) + MARKS_KEPT
        subscription = subscription_of(tenant, id=settings.subscription_id, group=settings.resource_group)
        detection, automated = Detection.over(state, clock), automation_rules(state, clock)
        # Whoever listens must be there before anything is told: what nobody waits for is forgotten.
        scheduler = _scheduler(
            state,
            clock,
            settings,
            analytics,
            detection,
            workspaces,
            subscription,
            lambda owner: hearing.held(state, hunting, owner),
        )
        automation = Automation(state, clock, automated, detection)
        automation.listen()
        saved_searches = SavedSearches(state, clock, analytics.functions)
        tokens = Tokens(keys, tenant, clock, lifetime=lifetime)
        machine_actions = MachineActions(state, clock)
        intel = Intel(
            state,
            clock,
            detection.indicators,
            detection.raising,
            analytics.queries,
            analytics.detected.lake,
            seal,
        )
        commands = Commands(
            analytics.lake,
            analytics.tables,
            analytics.ingestion,
            analytics.streams,
            analytics.queries,
            analytics.functions,
            analytics.mappings,
            workspaces,
            activity,
            clock,
        )
        playbooks: Playbooks
        outward = _outward(
            home,
            settings,
            state,
            clock,
            seal,
            analytics,
            commands,
            detection,
            intel,
            machine_actions,
            workspaces,
            principals,
            users,
            tokens,
            tenant,
            subscription,
            # What asks people is itself one of the playbooks' services.
            lambda asked, operation, question: playbooks.approvals.ask(asked, operation, question),
            lambda asked, question: playbooks.approvals.withdraw(asked, question),
        )
        place = _run_place(home, settings, tenant, subscription, workspaces)
        playbooks = Playbooks.over(
            state,
            clock,
            seal,
            principals,
            detection,
            analytics.watchlists,
            place,
            outward.caller,
            outward.connectors,
        )
        playbooks.house.listen()
        outward.caller.policy, outward.caller.tapes = playbooks.approvals, playbooks.cassettes
        known_questions = KnownQuestions(state)

        def hunts() -> Hunting:
            from huntlake.hunting.proof.allowed import Reach
            from huntlake.hunting.service import Hunting

            return Hunting.over(
                state,
                clock,
                _signal_place(home, settings, _appending(analytics, workspaces), scheduler, seal),
                analytics.queries,
                detection,
                saved_searches,
                analytics.watchlists,
                workspaces,
                analytics.tables,
                known_questions,
                Reach(settings.hunt_places, settings.hunt_hosts),
                model=_model(
                    settings, state, clock, seal, analytics, workspaces, tenant, subscription, outward.secrets
                ),
            )

        hunting = hearing.Later(hunts)
        hearing.listen(detection.events, state, hunting)
        _tell_of_hunts(hunting, playbooks, detection, place.base)
        # A process that died may have left events that nobody has heard.
        for workspace in workspaces.list():
            detection.events.deliver((workspace.name,))
        return cls(
            home=home,
            settings=settings,
            clock=clock,
            state=state,
            workspaces=workspaces,
            remote=remote,
            tenant=tenant,
            subscription=subscription,
            keys=keys,
            principals=principals,
            tokens=tokens,
            sign_in=SignIn.over(
                state,
                keys,
                clock,
                users,
                public_clients=settings.public_clients,
                lifetime=timedelta(days=settings.sign_in_days),
                oidc=settings.oidc,
                workspaces=lambda: {w.name: w.id for w in workspaces.list()},
            ),
            analytics=analytics,
            activity=activity,
            commands=commands,
            upkeep=Upkeep(
                analytics.lake,
                retention,
                clock,
                timedelta(hours=settings.vacuum_hours),
                analytics.hot_paths,
                (
                    analytics.detected.expire,
                    detection.correlation.expire,
                    lambda workspace: detection.raising.expire(workspace, clock.now() - remembered),
                    automation.expire,
                    lambda workspace: hunting().hunts.expire(workspace),
                    playbooks.approvals.expire,
                    outward.ledger.expire,
                    lambda workspace: hunting().signals.expire(workspace),
                    lambda workspace: hunting().forget_calls(workspace),
                ),
            ),
            known_questions=known_questions,
            async_queries=AsyncQueries(
                state, home / "results", analytics.queries, _readable(principals, users, workspaces), clock
            ),
            jobs=Jobs.over(
                state,
                home / "jobs",
                Landing(
                    analytics.queries,
                    analytics.ingestion,
                    analytics.table_definitions,
                    _rights(principals, users, workspaces),
                    clock,
                ),
                workspaces,
                clock,
                _appending(analytics, workspaces),
            ),
            detection=detection,
            scheduler=scheduler,
            hunts=Hunts.over(state, clock),
            _hunting=hunting,
            automation_rules=automated,
            automation=automation,
            machine_actions=machine_actions,
            playbooks=playbooks,
            outward=outward,
            saved_searches=saved_searches,
            library=Library(
                state,
                clock,
                detection.rules,
                detection.rule_tests,
                detection.test_standings,
                saved_searches,
                analytics.functions,
                analytics.watchlists,
                analytics.queries,
            ),
            intel=intel,
        )

    @property
    def tools(self) -> App:
        """What the tools for AI clients need."""
        return self

    @property
    def connectors(self) -> Connectors:
        """What playbooks can be connected to."""
        return self.outward.connectors

    @property
    def users(self) -> Users:
        return self.sign_in.users

    @property
    def lake(self) -> Lake:
        return self.analytics.lake

    @property
    def catalogue(self) -> Catalogue:
        return self.analytics.catalogue

    @property
    def tables(self) -> Tables:
        return self.analytics.tables

    @property
    def functions(self) -> SavedFunctions:
        return self.analytics.functions

    @property
    def mappings(self) -> IngestionMappings:
        return self.analytics.mappings

    @property
    def watchlists(self) -> Watchlists:
        return self.analytics.watchlists

    @property
    def queries(self) -> Queries:
        return self.analytics.queries

    @property
    def ingestion(self) -> Ingestion:
        return self.analytics.ingestion

    @property
    def hunting(self) -> Hunting:
        return self._hunting()

    @property
    def drafts(self) -> Drafts:
        """Rules that are being written."""
        from huntlake.detection.drafts import Drafts

        timeout = timedelta(seconds=self.settings.rule_timeout)
        return Drafts(self.analytics.queries, self.detection, self.clock, timeout)

    @property
    def rule_tests(self) -> RuleTests:
        """The tests of rules."""
        from huntlake.detection.testing.stored import RuleTests

        timeout = timedelta(seconds=self.settings.rule_timeout)
        return RuleTests(self.analytics.queries, self.detection, self.analytics.catalogue, self.clock, timeout)

    @property
    def uploads(self) -> Uploads:
        return self.analytics.uploads

    @property
    def streams(self) -> Streams:
        return self.analytics.streams

    @property
    def table_definitions(self) -> TableDefinitions:
        return self.analytics.table_definitions

    @property
    def collection(self) -> Collection:
        return self.analytics.collection

    @property
    def collection_endpoints(self) -> Endpoints:
        return self.analytics.collection_endpoints

    def close(self) -> None:
        """Bring what streams have waiting into the tables; give back the engine's memory and the state database."""
        self.async_queries.close()
        self.analytics.close()
        self.state.close()


def _bounds(home: Path, settings: Settings) -> Bounds:
    memory = settings.memory_limit or f"{int(_memory_of_machine() * MEMORY_SHARE)}B"
    return Bounds(memory, settings.threads or None, home / "tmp", settings.spill_limit)


def _scheduler(
    state: Database,
    clock: Clock,
    settings: Settings,
    analytics: Analytics,
    detection: Detection,
    workspaces: Workspaces,
    subscription: Subscription,
    holding: Callable[[Owner], Mapping[str, str]],
) -> Scheduler:
    from huntlake.detection.auditing import Audit, RuleChanged
    from huntlake.detection.scheduling.health import Health
    from huntlake.detection.scheduling.service import Scheduler
    from huntlake.detection.scheduling.working import Pace

    append = _appending(analytics, workspaces)

    def resource_id(workspace: str, rule: str) -> str:
        return (
            f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers/"
            f"Microsoft.OperationalInsights/workspaces/{workspace}/providers/Microsoft.SecurityInsights/"
            f"alertRules/{rule}"
        )

    def workspace_id(workspace: str) -> str:
        return workspaces.get(workspace).id

    detection.events.listen(RuleChanged, Audit(append, resource_id, workspace_id).heard)
    return Scheduler(
        state,
        clock,
        detection.rules,
        detection.raising,
        detection.events,
        analytics.queries,
        workspaces.list,
        Health(append, resource_id, workspace_id),
        Pace(
            settings.rules_at_once,
            timedelta(seconds=settings.rule_timeout),
            timedelta(days=settings.catch_up_days),
        ),
        holding=holding,
    )


def _tell_of_hunts(
    hunting: Callable[[], Hunting], playbooks: Playbooks, detection: Detection, base: Callable[[], str]
) -> None:
    """Let playbooks hear of hunts, of which they know nothing else."""
    from huntlake.hunting.lifecycle.events import HuntAwaitingReview, HuntFindings
    from huntlake.hunting.lifecycle.telling import awaiting, findings
    from huntlake.playbooks.hunt_notices import HuntEvent
    from huntlake.state.events import Occasion

    def waits(occasion: Occasion, event: HuntAwaitingReview) -> None:
        hunt = hunting().hunts.get((occasion.workspace,), event.hunt).value
        playbooks.hunt_notices.tell(occasion, HuntEvent.AWAITING_REVIEW, awaiting(event, hunt, base()))

    def found(occasion: Occasion, event: HuntFindings) -> None:
        hunt = hunting().hunts.get((occasion.workspace,), event.hunt).value
        playbooks.hunt_notices.tell(occasion, HuntEvent.FINDINGS, findings(event, hunt, base()))

    detection.events.listen(HuntAwaitingReview, waits)
    detection.events.listen(HuntFindings, found)


def _run_place(
    home: Path, settings: Settings, tenant: Tenant, subscription: Subscription, workspaces: Workspaces
) -> RunPlace:
    from huntlake.playbooks.service import RunPlace
    from huntlake.playbooks.triggers.payloads import Ground

    def resource_id(workflow: str) -> str:
        group = f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}"
        return f"{group}/providers/Microsoft.Logic/workflows/{workflow}"

    def base() -> str:
        scheme = "https" if settings.tls else "http"
        return settings.external_url.rstrip("/") or f"{scheme}://localhost:{settings.port}"

    def ground(workspace: str) -> Ground:
        id = workspaces.get(workspace).id
        return Ground(workspace, id, subscription.id, subscription.group, settings.external_url.rstrip("/"))

    kept = timedelta(days=settings.playbook_history_days)
    return RunPlace(home, settings.database, base, resource_id, ground, settings.playbook_calls, tenant.id, kept)


def _outward(
    home: Path,
    settings: Settings,
    state: Database,
    clock: Clock,
    seal: Seal,
    analytics: Analytics,
    commands: Commands,
    detection: Detection,
    intel: Intel,
    machine_actions: MachineActions,
    workspaces: Workspaces,
    principals: Principals,
    users: Users,
    tokens: Tokens,
    tenant: Tenant,
    subscription: Subscription,
    ask: Ask,
    withdraw: Withdraw,
) -> Outward:
    from huntlake.playbooks.connections import connections
    from huntlake.playbooks.connectors.house import House
    from huntlake.playbooks.ledger import Ledger
    from huntlake.playbooks.outward import Outward
    from huntlake.playbooks.secret_store import SecretStore
    from huntlake.playbooks.web import Web
    from huntlake.playbooks.workflows import Workflows

    house = House(
        clock=clock,
        workspaces=workspaces,
        detection=detection,
        machine_actions=machine_actions,
        queries=analytics.queries,
        commands=commands,
        streams=analytics.streams,
        watchlists=analytics.watchlists,
        intel=intel,
        workflows=Workflows(state, clock),
        principals=principals,
        users=users,
        secrets=SecretStore(state, clock, seal),
        web=Web(settings.playbook_hosts, _here(home, settings)),
        tenant=tenant,
        subscription=subscription,
        ask=ask,
        withdraw=withdraw,
        base_url=settings.external_url.rstrip("/"),
        asking=BoundedSemaphore(settings.queries_at_once),
    )
    return Outward.over(house, Ledger(state, clock), connections(state, clock), seal, tokens)


def _model(
    settings: Settings,
    state: Database,
    clock: Clock,
    seal: Seal,
    analytics: Analytics,
    workspaces: Workspaces,
    tenant: Tenant,
    subscription: Subscription,
    secrets: SecretStore,
) -> Adviser:
    from huntlake.ai.chat import NoModel

    if not settings.model_url and settings.model_tape != "replay":
        return NoModel()
    from fnmatch import fnmatchcase

    from huntlake.ai.budgets import Budget, Prices
    from huntlake.ai.cassettes import Cassette, Tape
    from huntlake.ai.endpoint import Place
    from huntlake.ai.gateway import Gateway, Limits, Recorder
    from huntlake.ai.health import HealthLimits
    from huntlake.hunting.modelled import own_names
    from huntlake.state.audit import AuditTrail

    def key(workspace: str) -> str:
        kind, _, name = settings.model_key.partition(":")
        match kind:
            case "":
                return ""
            case "env" if name:
                if not (found := os.environ.get(name, "")):
                    raise Invalid(f"the key of the model should be in the environment variable {name}, which is empty")
                return found
            case "secret" if name:
                return secrets.value(workspace, name)
        raise Invalid("the setting `model_key` is neither `env:NAME` nor `secret:NAME`")

    def place(workspace: str) -> Place:
        return Place(
            settings.model_url,
            settings.model_name,
            key(workspace),
            settings.model_seconds,
            settings.model_at_once,
            settings.model_hosts_without_tls,
        )

    def kept(workspace: Workspace) -> list[str]:
        found = [secrets.value(workspace.name, d.name) for d in secrets.list(workspace.name)]
        return [*found, os.environ.get(settings.model_key.removeprefix("env:"), "")]

    if settings.model_tape != "passthrough" and settings.model_cassette is None:
        raise Invalid("the setting `model_tape` needs `model_cassette`")
    return Gateway(
        state,
        clock,
        seal,
        AuditTrail(state, clock),
        own_names.OwnNames(
            analytics.queries,
            analytics.watchlists,
            workspaces.get,
            clock,
            own_names.Tenant(
                settings.own_names,
                lambda workspace: (tenant.id, subscription.id),
                kept,
            ),
        ),
        place,
        settings.model_name,
        Limits(
            Budget(settings.model_calls_a_day, settings.model_tokens_a_day, settings.model_cost_a_day),
            Prices(settings.model_price_in, settings.model_price_out),
            HealthLimits(seconds=settings.model_seconds * 0.75),
        ),
        Recorder(Tape(settings.model_tape), Cassette(settings.model_cassette) if settings.model_cassette else None),
        kept=timedelta(days=settings.model_days) if settings.model_days else None,
        allowed=lambda workspace: any(fnmatchcase(workspace, one) for one in settings.model_workspaces),
    )


def _signal_place(home: Path, settings: Settings, append: Append, scheduler: Scheduler, seal: Seal) -> SignalPlace:
    from huntlake.hunting.signals.fetching import Page
    from huntlake.hunting.signals.intake import SignalPlace
    from huntlake.playbooks.web import Request, Web

    web = Web(settings.signal_hosts, most_bytes=_LARGEST_PAGE, who="signals", setting="signal_hosts")

    def fetch(url: str, named: Sequence[str] = (), headers: Mapping[str, str] = {}) -> Page:
        answer = web.allowing(*named).send(Request("GET", url, headers))
        return Page(answer.status, answer.content, answer.url, answer.headers)

    kept = timedelta(days=settings.signal_days) if settings.signal_days else None

    def last_run(workspace: Workspace, rule: str) -> datetime | None:
        known = scheduler.ledger.read((workspace.name, rule.lower()))
        return known.last if known is not None and known.recent else None

    return SignalPlace(home, fetch, settings.signal_trust, kept, append, last_run, seal)


def _here(home: Path, settings: Settings) -> Here | None:
    """This server as its own playbooks reach it; None where it isn't known beforehand on which port it listens."""
    from urllib.parse import urlsplit

    from huntlake.playbooks.outward import STANDS_FOR
    from huntlake.playbooks.web import Here

    if not settings.port:
        return None
    host = settings.host
    with suppress(ValueError):
        if ipaddress.ip_address(host).is_unspecified:
            host = "::1" if ":" in host else "127.0.0.1"
    port, outside = settings.port, urlsplit(settings.external_url).netloc.lower()
    own = {name.lower() for name in ("localhost", "127.0.0.1", "::1", settings.host, *settings.names)}
    names = {*(own if port == (443 if settings.tls else 80) else ()), *(f"{name}:{port}" for name in own)}
    address = f"[{host}]" if ":" in host else host
    made = settings.tls_certificate is None
    return Here(
        f"{'https' if settings.tls else 'http'}://{address}:{port}",
        frozenset(names | ({outside} if outside else set())),
        STANDS_FOR,
        home / "tls" / "ca.pem" if made and settings.tls else settings.tls_certificate,
        "localhost" if made else outside.partition(":")[0] or next(iter(settings.names), "localhost"),
    )


def _appending(
    analytics: Analytics, workspaces: Workspaces
) -> Callable[[str, str, Sequence[Mapping[str, Any]]], object]:
    """Takes rows of the lake's own into a table of the workspace of that name."""

    def append(workspace: str, table: str, rows: Sequence[Mapping[str, Any]]) -> object:
        return analytics.streams.append(workspaces.get(workspace), table, rows, source="huntlake")

    return append


def _readable(principals: Principals, users: Users, workspaces: Workspaces) -> Readable:
    from huntlake.identity.rights import Action

    return lambda owner, database: _workspace_for(principals, users, workspaces, owner, database, Action.READ)


def _rights(principals: Principals, users: Users, workspaces: Workspaces) -> Rights:
    from huntlake.identity.rights import Action
    from huntlake.workspace.jobs.landing import LOCAL, Rights

    def may(action: Action) -> Readable:
        def found(owner: str, database: str) -> Workspace | None:
            if owner == LOCAL:
                # Who can run commands in the lake's folder can do everything there.
                with suppress(NotFound):
                    return workspaces.by_database(database)
                return None
            return _workspace_for(principals, users, workspaces, owner, database, action)

        return found

    return Rights(may(Action.READ), may(Action.MANAGE))


def _workspace_for(
    principals: Principals, users: Users, workspaces: Workspaces, owner: str, database: str, action: Action
) -> Workspace | None:
    """The workspace of that name, where the owner of that id may do that in it."""
    principal = principals.of_id(owner)
    if principal is None and (user := users.of_id(owner)) is not None:
        principal = user.principal
    with suppress(NotFound):
        workspace = workspaces.by_database(database)
        if principal is not None and principal.may(action, workspace.id):
            return workspace
    return None


def _borders(settings: Settings) -> Borders:
    outside = Outside(
        settings.external_folders,
        settings.external_hosts,
        settings.external_max_bytes,
        timedelta(seconds=settings.external_timeout),
    )
    return Borders(settings.places, frozenset(settings.strict_lake), outside)


def _geography(settings: Settings) -> Geography:
    return MaxMindFile(settings.geo_database) if settings.geo_database else NetworkTable(PLACES)


def _memory_of_machine() -> int:
    """Bytes of memory, of the container where there is one."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # no container, or one without a limit, which says `max`
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return memory

"""The composition root: settings in, every service out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from huntlake.assembly.analytics import Analytics, appending, borders, bounds, geography
from huntlake.assembly.detection import scheduler_over
from huntlake.assembly.hunting import model, signal_place, tell_of_hunts
from huntlake.assembly.playbooks import outward_over, run_place
from huntlake.assembly.rights import readable, rights
from huntlake.core.clock import Clock, SystemClock
from huntlake.core.errors import Invalid
from huntlake.lake import Lake
from huntlake.workspace.activity import Activity
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.collection import Collection, Endpoints
from huntlake.workspace.evidence.uploads import Uploads
from huntlake.workspace.functions import SavedFunctions
from huntlake.workspace.ingestion import Ingestion
from huntlake.workspace.ingestion.mappings import IngestionMappings
from huntlake.workspace.ingestion.streaming import Streams
from huntlake.workspace.query import Queries
from huntlake.workspace.saved_searches import SavedSearches
from huntlake.workspace.table_definitions import TableDefinitions
from huntlake.workspace.tables import Tables
from huntlake.workspace.upkeep import Retention
from huntlake.workspace.watchlists import Watchlists

if TYPE_CHECKING:
    from huntlake.core.settings import Settings
    from huntlake.detection.drafts import Drafts
    from huntlake.detection.intel.service import Intel
    from huntlake.detection.library import Library
    from huntlake.detection.scheduling.service import Scheduler
    from huntlake.detection.service import Detection
    from huntlake.detection.testing.stored import RuleTests
    from huntlake.hunting.hearing import Later
    from huntlake.hunting.hunts import Hunts
    from huntlake.hunting.service import Hunting
    from huntlake.identity.keys import SigningKeys
    from huntlake.identity.principals import Principals
    from huntlake.identity.sign_in import SignIn
    from huntlake.identity.tenant import Subscription, Tenant
    from huntlake.identity.tokens import Tokens
    from huntlake.identity.users import Users
    from huntlake.playbooks.automation import Automation
    from huntlake.playbooks.automation_rules import AutomationRule
    from huntlake.playbooks.connectors.connector import Connectors
    from huntlake.playbooks.machine_actions import MachineActions
    from huntlake.playbooks.outward import Outward
    from huntlake.playbooks.service import Playbooks
    from huntlake.state.database import Database
    from huntlake.state.records import Records
    from huntlake.workspace.async_queries import AsyncQueries
    from huntlake.workspace.commands import Commands
    from huntlake.workspace.jobs.service import Jobs
    from huntlake.workspace.known_questions import KnownQuestions
    from huntlake.workspace.remote.service import RemoteWorkspaces
    from huntlake.workspace.upkeep import Upkeep
    from huntlake.workspace.workspaces import Workspaces


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
            bounds(home, settings),
            geography(settings),
            clock,
            state,
            borders(settings),
            workspaces=workspaces.find,
            retention=retention,
            remote=remote,
        )
        remembered = timedelta(days=settings.catch_up_days) + MARKS_KEPT
        subscription = subscription_of(tenant, id=settings.subscription_id, group=settings.resource_group)
        detection, automated = Detection.over(state, clock), automation_rules(state, clock)
        # Whoever listens must be there before anything is told: what nobody waits for is forgotten.
        scheduler = scheduler_over(
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
        outward = outward_over(
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
        place = run_place(home, settings, tenant, subscription, workspaces)
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
                signal_place(home, settings, appending(analytics, workspaces), scheduler, seal),
                analytics.queries,
                detection,
                saved_searches,
                analytics.watchlists,
                workspaces,
                analytics.tables,
                known_questions,
                Reach(settings.hunt_places, settings.hunt_hosts),
                model=model(settings, state, clock, seal, analytics, workspaces, tenant, subscription, outward.secrets),
            )

        hunting = hearing.Later(hunts)
        hearing.listen(detection.events, state, hunting)
        tell_of_hunts(hunting, playbooks, detection, place.base)
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
                state, home / "results", analytics.queries, readable(principals, users, workspaces), clock
            ),
            jobs=Jobs.over(
                state,
                home / "jobs",
                Landing(
                    analytics.queries,
                    analytics.ingestion,
                    analytics.table_definitions,
                    rights(principals, users, workspaces),
                    clock,
                ),
                workspaces,
                clock,
                appending(analytics, workspaces),
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

"""What the face of Azure Resource Manager needs of the services behind it."""

from __future__ import annotations

from typing import Protocol

from huntlake.api.services import Services
from huntlake.detection.drafts import Drafts
from huntlake.detection.scheduling.service import Scheduler
from huntlake.detection.service import Detection
from huntlake.detection.testing.stored import RuleTests
from huntlake.hunting.hunts import Hunts
from huntlake.hunting.service import Hunting
from huntlake.playbooks.automation_rules import AutomationRule
from huntlake.playbooks.connectors.connector import Connectors
from huntlake.playbooks.service import Playbooks
from huntlake.state.records import Records
from huntlake.workspace.collection import Endpoints
from huntlake.workspace.jobs.service import Jobs
from huntlake.workspace.saved_searches import SavedSearches
from huntlake.workspace.table_definitions import TableDefinitions
from huntlake.workspace.upkeep import Upkeep
from huntlake.workspace.watchlists import Watchlists


class ArmServices(Services, Protocol):
    """The services whose resources the face shows."""

    @property
    def detection(self) -> Detection: ...
    @property
    def drafts(self) -> Drafts: ...
    @property
    def rule_tests(self) -> RuleTests: ...
    @property
    def scheduler(self) -> Scheduler: ...
    @property
    def hunts(self) -> Hunts: ...
    @property
    def hunting(self) -> Hunting: ...
    @property
    def automation_rules(self) -> Records[AutomationRule]: ...
    @property
    def playbooks(self) -> Playbooks: ...
    @property
    def connectors(self) -> Connectors: ...
    @property
    def watchlists(self) -> Watchlists: ...
    @property
    def saved_searches(self) -> SavedSearches: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def table_definitions(self) -> TableDefinitions: ...
    @property
    def collection_endpoints(self) -> Endpoints: ...
    @property
    def upkeep(self) -> Upkeep: ...

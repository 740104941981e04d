"""Playbooks that are set off by what happens here: automation rules ask for them, and people."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, DomainError, Invalid, NotFound
from huntlake.detection.service import Detection
from huntlake.detection.timeline import Entry, EntryKind
from huntlake.playbooks.automation import PlaybookRequested, Updates
from huntlake.playbooks.runs.records import PlaybookRun
from huntlake.playbooks.runs.service import Runs
from huntlake.playbooks.runs.starting import Start, inputs_of, kept
from huntlake.playbooks.triggers.payloads import Ground, of_alert, of_entity, of_incident
from huntlake.playbooks.workflows import Workflow
from huntlake.state.documents import Document
from huntlake.state.events import Occasion
from huntlake.state.records import Author
from huntlake.wdl.definition.workflow import Trigger, TriggerType

_LOG = logging.getLogger("huntlake.playbooks")

_INCIDENT, _ALERT, _ENTITY = "/incident-creation", "/subscribe", "/entity/"


class House:
    """Sets playbooks off on the incidents, alerts and entities of this server."""

    def __init__(self, clock: Clock, runs: Runs, detection: Detection, ground: Callable[[str], Ground]) -> None:
        self._clock, self._runs, self._detection, self._ground = clock, runs, detection, ground

    def listen(self) -> None:
        """Hear of every playbook that is asked for from now on."""
        self._detection.events.listen(PlaybookRequested, self._requested)

    def on_incident(
        self,
        workflow: Document[Workflow],
        workspace: str,
        name: str,
        by: Author,
        key: str = "",
        at: datetime | None = None,
        updates: Updates | None = None,
    ) -> Sequence[Document[PlaybookRun]]:
        """Run a playbook on an incident. `Invalid` for one that isn't set off by incidents."""
        incident = self._detection.incidents.get((workspace,), name)
        trigger = self._fitting(workflow, workspace, "an incident", lambda path: path.startswith(_INCIDENT))
        body = of_incident(self._ground(workspace), self._detection, incident, updates)
        return self._fire(workflow, trigger, body, by, key, at, (incident.name, "", ""))

    def on_alert(
        self,
        workflow: Document[Workflow],
        workspace: str,
        name: str,
        by: Author,
        key: str = "",
        at: datetime | None = None,
    ) -> Sequence[Document[PlaybookRun]]:
        """Run a playbook on an alert. `Invalid` for one that isn't set off by alerts."""
        alert = self._detection.alerts.get((workspace,), name)
        trigger = self._fitting(workflow, workspace, "an alert", lambda path: path.endswith(_ALERT))
        body = of_alert(self._ground(workspace), alert)
        return self._fire(workflow, trigger, body, by, key, at, (alert.value.incident, alert.name, ""))

    def on_entity(
        self, workflow: Document[Workflow], workspace: str, incident: str, entity: str, by: Author
    ) -> Sequence[Document[PlaybookRun]]:
        """Run a playbook on an entity of an incident, named by its id. `Invalid` where that isn't of its kind."""
        found = self._detection.incidents.get((workspace,), incident)
        known = {e.id.lower(): e for e in self._detection.incidents.entities((workspace,), found.name)}
        if (one := known.get(entity.lower())) is None:
            raise NotFound(f"the incident {found.value.number} has no entity `{entity}`")
        kinds = {one.kind.lower(), {"url": "urlentity", "dnsresolution": "dns"}.get(one.kind.lower(), "")}
        trigger = self._fitting(
            workflow,
            workspace,
            f"an entity of the kind {one.kind}",
            lambda path: path.startswith(_ENTITY) and path.removeprefix(_ENTITY) in kinds,
        )
        body = of_entity(self._ground(workspace), one, found.name)
        return self._fire(workflow, trigger, body, by, "", None, (found.name, "", one.id))

    def _fire(
        self,
        workflow: Document[Workflow],
        trigger: Trigger,
        body: dict[str, Any],
        by: Author,
        key: str,
        at: datetime | None,
        about: tuple[str, str, str],
    ) -> Sequence[Document[PlaybookRun]]:
        incident, alert, entity = about
        start = Start(
            {"headers": {}, "body": body},
            by,
            trigger.name,
            key,
            at,
            incident=incident,
            alert=alert,
            entity=entity,
            house=True,
        )
        return self._runs.fire(workflow, start)

    def _fitting(self, workflow: Document[Workflow], workspace: str, what: str, fits: Callable[[str], bool]) -> Trigger:
        if workflow.value.workspace != workspace:
            raise Conflict(f"the workflow `{workflow.name}` is of another workspace")
        known = kept(workflow.name, workflow.value, self._runs.seal)
        for trigger in known.definition.triggers:
            if trigger.type is not TriggerType.API_CONNECTION_WEBHOOK:
                continue
            id = self._runs.resource_id(workflow.name)
            said = inputs_of(trigger, known, workflow.name, workflow.value, id, self._clock.now())["inputs"]
            if fits("/" + str(said.get("path") or "").strip("/").lower() if isinstance(said, dict) else "/"):
                return trigger
        raise Invalid(f"the workflow `{workflow.name}` has no trigger that is set off by {what}")

    # -- what automation rules ask for -------------------------------------------------------

    def _requested(self, occasion: Occasion, wanted: PlaybookRequested) -> None:
        name = wanted.playbook.rstrip("/").rpartition("/")[2]
        workflow = self._runs.workflows.find(name)
        try:
            if workflow is None:
                raise NotFound(f"there is no workflow `{name}`")
            if wanted.alert:
                self.on_alert(workflow, occasion.workspace, wanted.alert, wanted.by, occasion.id, occasion.at)
            else:
                self.on_incident(
                    workflow,
                    occasion.workspace,
                    wanted.incident,
                    wanted.by,
                    occasion.id,
                    occasion.at,
                    wanted.updates,
                )
        except DomainError as error:
            # Told again it would fail again: whoever looks at the incident must see it.
            _LOG.warning("the playbook `%s` couldn't be run: %s", name, error)
            self._failed(occasion, wanted, name, str(error))

    def _failed(self, occasion: Occasion, wanted: PlaybookRequested, name: str, why: str) -> None:
        if not wanted.incident:
            return
        incidents = self._detection.incidents
        details = {"playbook": name, "status": "Failed"}
        entry = Entry(
            EntryKind.PLAYBOOK_ENDED, f"the playbook {name} couldn't be run: {why}", wanted.by, occasion.at, details
        )
        try:
            owner = (occasion.workspace,)
            incidents.note(owner, wanted.incident, [incidents.timelines.append(owner, wanted.incident, entry)])
        except DomainError:
            _LOG.warning("nor could it be said on the incident's timeline")

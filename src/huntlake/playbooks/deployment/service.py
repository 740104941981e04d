"""Deployments: plans are made, looked at, carried out, and taken back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.playbooks.connections import CONNECTIONS, Connection, Mode, opened, purpose
from huntlake.playbooks.connectors.connector import Connector, Operation
from huntlake.playbooks.custom_apis import CUSTOM_APIS, CustomApi
from huntlake.playbooks.deployment.from_template import plan_template
from huntlake.playbooks.deployment.plan import Plan, PlannedConnection, PlannedCustomApi, PlannedWorkflow
from huntlake.playbooks.deployment.preflight import OF_URLS, WEB, Known, Preflight, preflight
from huntlake.playbooks.deployment.reading_definitions import connection_name
from huntlake.playbooks.deployment.sources import Given, name_of, plan
from huntlake.playbooks.deployment.templates.place import NOWHERE, Where
from huntlake.playbooks.workflows import Workflow, Workflows
from huntlake.state.documents import Document, Shelf
from huntlake.state.records import ALWAYS, Author, Only, Records
from huntlake.state.sealing import Seal
from huntlake.wdl.definition.reading import InvalidDefinition, read

NOBODY = Author()
DEPLOYMENTS = ("playbooks",)
"""Whose records deployments are."""


class Change(StrEnum):
    """What became of something that was deployed."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    KEPT = "kept"
    """It was left as it is."""


@dataclass(frozen=True)
class Applied:
    """What became of one thing; `kind` is `workflow`, `connection`, or `connector` for one that a customer made."""

    kind: str
    name: str
    change: Change
    why: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was deployed under one name."""

    source: str
    """What it came from, as a person named it."""
    workspace: str
    workflows: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    """Those that it made: what was there before isn't its own."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The values of its parameters, but for secure ones."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    others: tuple[tuple[str, str], ...] = ()
    """Type and name of the resources that weren't deployed here."""
    at: datetime | None = None
    by: Author = NOBODY


class Putter(Protocol):
    """Keeps workflows, with an identity where one is wanted."""

    def put(
        self, name: str, workflow: Workflow, wanted: bool, by: Author = NOBODY, only: Only = ALWAYS
    ) -> tuple[Document[Workflow], bool]: ...

    def delete(self, name: str, only: Only = ALWAYS, by: Author = NOBODY) -> bool: ...


class Deployments:
    """Imports playbooks: `plan_file` or `plan_template`, then `apply`.

    `connector` finds what is known of a connector, `held` says why a person must approve an operation of it first in a
    workspace, `callback` gives the address that sets a workflow off by one of its triggers, and `where` says what the
    subscription and the group of a workspace are called.
    """

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        workflows: Workflows,
        identities: Putter,
        connections: Records[Connection],
        apis: Records[CustomApi],
        seal: Seal,
        connector: Callable[[str], Connector | None] = lambda name: None,
        held: Callable[[str, str, Operation], str] = lambda workspace, connector, operation: "",
        callback: Callable[[str, str], str | None] = lambda workflow, trigger: None,
        where: Callable[[str], Where] = lambda workspace: NOWHERE,
    ) -> None:
        self._clock, self._workflows, self._identities = clock, workflows, identities
        self._connections, self._apis, self._seal, self._where = connections, apis, seal, where
        self._connector, self._held, self._callback = connector, held, callback
        self.records = Records(shelf, clock, "deployments", Deployment, _stamped)

    # -- plans

    def where(self, name: str, workspace: str) -> Where:
        """Where a deployment of that name is made, now."""

        def callback(workflow: str, trigger: str) -> str | None:
            # Who may only make playbooks in one workspace must not learn an address of another's.
            found = self._workflows.find(workflow)
            return self._callback(found.name, trigger) if found and found.value.workspace == workspace else None

        return replace(self._where(workspace), name=name, now=self._clock.now(), callback=callback)

    def plan_file(self, path: Path, workspace: str, given: Given = Given(), name: str = "") -> Plan:
        """What an import of a file or a folder would make; see `sources.plan` for what it raises."""
        return plan(path, given, self.where(name or name_of(path), workspace))

    def plan_template(self, template: Any, parameters: Mapping[str, Any], name: str, workspace: str) -> Plan:
        """What a template would make, with these values for its parameters. Raises `TemplateError`."""
        return plan_template(template, parameters, self.where(name, workspace))

    def check(self, planned: Plan, workspace: str) -> list[Preflight]:
        """What each workflow of a plan will need in a workspace."""
        names = {c.name.lower(): c for c in planned.connections}
        workflows = {w.name.lower() for w in planned.workflows}

        def connection(name: str) -> Connection | None:
            kept = self._connections.find(CONNECTIONS, name)
            to_be = names.get(name.lower())
            if to_be is None:
                return kept.value if kept else None
            sealed = dict.fromkeys(to_be.secrets, "")
            before = kept.value if kept and kept.value.connector == to_be.connector else None
            made = Connection(to_be.connector, to_be.display_name, "", parameters=to_be.parameters, sealed=sealed)
            return replace(
                before or made,
                parameters={**(before.parameters if before else {}), **to_be.parameters},
                sealed={**(before.sealed if before else {}), **sealed},
                custom_api=to_be.custom_api or (before.custom_api if before else None),
            )

        known = Known(
            self._connector,
            connection,
            lambda name: name.lower() in workflows or self._workflows.find(name) is not None,
            partial(self._held, workspace),
            self._urls(planned, workspace).value,
        )
        return [preflight(w.name, w.definition, w.parameters, frozenset(w.secure), known) for w in planned.workflows]

    def check_kept(self, name: str) -> Preflight:
        """What a workflow that is here will need; `NotFound` where there is none."""
        kept = self._workflows.get(name)

        def connection(name: str) -> Connection | None:
            found = self._connections.find(CONNECTIONS, name)
            return found.value if found else None

        workflow = kept.value
        known = Known(
            self._connector,
            connection,
            lambda n: self._workflows.find(n) is not None,
            partial(self._held, workflow.workspace),
            self._urls(None, workflow.workspace).value,
        )
        return preflight(kept.name, workflow.definition, workflow.parameters, frozenset(workflow.sealed), known)

    # -- carrying out

    def apply(self, planned: Plan, workspace: str, source: str = "", by: Author = NOBODY) -> list[Applied]:
        """Carry a plan out, and say what became of each thing. What is there already and is the same stays as it is.

        Raises `Invalid` where the plan has problems or lacks values, and `Conflict` where something of another
        workspace has a name that it needs; then nothing is written.
        """
        if planned.missing:
            raise Invalid("no value is given for " + ", ".join(f"`{m.name}`" for m in planned.missing))
        if planned.problems:
            raise Invalid("\n".join(str(p) for p in planned.problems))
        if not planned.workflows and not planned.connections:
            why = [o.problem for o in planned.others if o.problem]
            raise Invalid("\n".join(("there is neither a workflow nor a connection in it", *why)))
        self._free(planned, workspace)
        # A workflow finds its connections when it first runs.
        done = [self._put_api(a, workspace, by) for a in planned.custom_apis if a.description is not None]
        done += [self._put_connection(c, workspace, by) for c in planned.connections]
        done += self._govern(planned, workspace, by)
        done += [self._put_workflow(w, workspace, by) for w in planned.workflows]
        before = self.records.find(DEPLOYMENTS, planned.name)
        own = set(before.value.connections if before else ())
        # Whoever takes an import back must not make the calls of others real.
        named = {c.name.lower() for c in planned.connections}
        created = (a.name for a in done if a.kind == "connection" and a.change is Change.CREATED)
        own |= {name for name in created if name.lower() in named}
        record = Deployment(
            source,
            workspace,
            tuple(w.name for w in planned.workflows),
            tuple(sorted(own)),
            planned.parameters,
            planned.outputs,
            tuple((o.type, o.name) for o in planned.others),
            by=by,
        )
        self.records.put(DEPLOYMENTS, planned.name, record, by)
        return done

    def _urls(self, planned: Plan | None, workspace: str) -> Mode:
        """What becomes of calls of URLs in a workspace, once a plan is carried out."""
        for document in self._connections.list(CONNECTIONS):
            if document.value.connector == WEB and document.value.workspace.lower() == workspace.lower():
                return document.value.mode
        return Mode.LIVE if planned is None or self._others_call(planned, workspace) else Mode.DRY_RUN

    def _others_call(self, planned: Plan, workspace: str) -> bool:
        """Whether playbooks of the workspace call URLs that aren't of the plan."""
        own = {w.name.lower() for w in planned.workflows}
        return any(
            document.value.workspace == workspace
            and document.name.lower() not in own
            and _calls_urls(document.value.definition)
            for document in self._workflows.all()
        )

    def _govern(self, planned: Plan, workspace: str, by: Author) -> list[Applied]:
        """The connection that keeps an import's calls of URLs from changing anything, where there is none yet."""
        if not any(_calls_urls(w.definition) for w in planned.workflows):
            return []
        if any(
            d.value.connector == WEB and d.value.workspace.lower() == workspace.lower()
            for d in self._connections.list(CONNECTIONS)
        ):
            return []
        if self._others_call(planned, workspace):
            return [
                Applied("connection", WEB, Change.KEPT, "calls of URLs are real, as other playbooks here make them")
            ]
        free = self._connections.find(CONNECTIONS, WEB) is None
        name = WEB if free else f"{WEB}-{workspace}"
        made = Connection(WEB, "Calls of URLs", workspace)
        self._connections.put(CONNECTIONS, name, made, by, Only(create=True))
        return [Applied("connection", name, Change.CREATED, f"{made.mode.value}, for all calls of URLs")]

    def _put_api(self, planned: PlannedCustomApi, workspace: str, by: Author) -> Applied:
        kept = self._apis.find(CUSTOM_APIS, planned.name)
        made = CustomApi(planned.description, planned.display_name, workspace, service=planned.service)
        if kept is not None:
            made = replace(kept.value, swagger=made.swagger, display_name=made.display_name, service=made.service)
            if made == kept.value:
                return Applied("connector", kept.name, Change.UNCHANGED)
        document, new = self._apis.put(CUSTOM_APIS, planned.name, made, by)
        return Applied("connector", document.name, Change.CREATED if new else Change.CHANGED)

    def _free(self, planned: Plan, workspace: str) -> None:
        for api in planned.custom_apis:
            described = self._apis.find(CUSTOM_APIS, api.name)
            if described is not None and described.value.workspace != workspace:
                raise Conflict(f"a connector named `{api.name}` is already there")
        for workflow in planned.workflows:
            kept = self._workflows.find(workflow.name)
            if kept is not None and kept.value.workspace != workspace:
                raise Conflict(f"a workflow named `{workflow.name}` is already there")
        for connection in planned.connections:
            found = self._connections.find(CONNECTIONS, connection.name)
            if found is not None and found.value.workspace != workspace:
                raise Conflict(f"a connection named `{connection.name}` is already there")

    def _put_connection(self, planned: PlannedConnection, workspace: str, by: Author) -> Applied:
        kept = self._connections.find(CONNECTIONS, planned.name)
        name = kept.name if kept else planned.name
        if kept is None:
            made = Connection(
                planned.connector,
                planned.display_name or planned.name,
                workspace,
                parameters=dict(planned.parameters),
                sealed=self._sealed(name, planned.secrets),
                location=planned.location,
                tags=dict(planned.tags),
                custom_api=planned.custom_api,
            )
            self._connections.put(CONNECTIONS, name, made, by)
            return Applied("connection", name, Change.CREATED, made.mode.value)
        before = kept.value
        if not planned.declared and before.connector == planned.connector:
            return Applied("connection", name, Change.UNCHANGED, before.mode.value)
        made, why = self._changed(name, before, planned)
        if made == before:
            return Applied("connection", name, Change.UNCHANGED, before.mode.value)
        self._connections.put(CONNECTIONS, name, made, by)
        return Applied("connection", name, Change.CHANGED, why or made.mode.value)

    def _changed(self, name: str, before: Connection, planned: PlannedConnection) -> tuple[Connection, str]:
        """A connection as it will be in place of `before`, and what a person must know of that."""
        if before.connector != planned.connector:
            made = replace(
                before,
                connector=planned.connector,
                display_name=planned.display_name or name,
                mode=Mode.DRY_RUN,
                parameters=dict(planned.parameters),
                sealed=self._sealed(name, planned.secrets),
                cassette="",
                custom_api=planned.custom_api,
            )
            return made, f"it was to `{before.connector}`: what it knew is forgotten, and it is in dry-run"
        held = opened(name, before, self._seal)
        # Whoever may only send a template must not send secrets that are kept here to an address of their own.
        moved = {k: v for k, v in planned.parameters.items() if before.parameters.get(k) != v}
        described = planned.custom_api is not None and planned.custom_api != before.custom_api
        new = {k: v for k, v in planned.secrets.items() if held.get(k) != v}
        made = replace(
            before,
            display_name=planned.display_name or before.display_name,
            parameters={**before.parameters, **planned.parameters},
            sealed={**before.sealed, **self._sealed(name, new)},
            custom_api=planned.custom_api if described else before.custom_api,
            location=planned.location or before.location,
            tags={**before.tags, **planned.tags},
        )
        if not moved and not described:
            return made, ""
        secrets = {k: v for k, v in made.sealed.items() if k in planned.secrets}
        return (
            replace(made, mode=Mode.DRY_RUN, sealed=secrets),
            "it leads elsewhere now: the secrets it had are forgotten, and it is in dry-run",
        )

    def _sealed(self, name: str, secrets: Mapping[str, str]) -> dict[str, str]:
        return {k: self._seal.seal(v, purpose(name, k)) for k, v in secrets.items()}

    def _put_workflow(self, planned: PlannedWorkflow, workspace: str, by: Author) -> Applied:
        kept = self._workflows.find(planned.name)
        name = kept.name if kept else planned.name
        before = kept.value if kept else None
        made = Workflow(
            planned.definition,
            workspace,
            dict(planned.parameters),
            self._sealed_values(name, planned, before),
            planned.state,
            planned.location,
            dict(planned.tags),
        )
        if before is not None:
            same = replace(
                made,
                identity=before.identity,
                version=before.version,
                created=before.created,
                changed=before.changed,
                changed_by=before.changed_by,
            )
            if same == before and bool(before.identity) == planned.identity:
                return Applied("workflow", name, Change.UNCHANGED)
        _, new = self._identities.put(name, made, planned.identity, by)
        return Applied("workflow", name, Change.CREATED if new else Change.CHANGED)

    def _sealed_values(self, name: str, planned: PlannedWorkflow, before: Workflow | None) -> dict[str, str]:
        """The values of secure parameters; what is sealed anew looks different, and would make a new version."""
        made = {}
        for parameter, value in planned.secure.items():
            sealed, aim = json.dumps(value), f"workflow {name} {parameter}"
            kept = before.sealed.get(parameter) if before else None
            same = kept is not None and self._seal.open(kept, aim) == sealed
            made[parameter] = kept if same and kept is not None else self._seal.seal(sealed, aim)
        return made

    # -- taking back

    def uninstall(self, name: str, by: Author = NOBODY) -> list[Applied]:
        """Delete what a deployment made, or one workflow; connections go that no other workflow names.

        `NotFound` where neither a deployment nor a workflow has that name.
        """
        record = self.records.find(DEPLOYMENTS, name)
        if record is None and self._workflows.find(name) is None:
            raise NotFound(f"neither an import nor a workflow is named `{name}`")
        workflows = record.value.workflows if record else (name,)
        connections = record.value.connections if record else ()
        done = [Applied("workflow", w, Change.DELETED) for w in workflows if self._identities.delete(w, ALWAYS, by)]
        used = {
            connection_name(entry).lower()
            for document in self._workflows.all()
            for entry in (document.value.parameters.get("$connections") or {}).values()
            if isinstance(entry, Mapping)
        }
        for connection in connections:
            if connection.lower() in used:
                done.append(Applied("connection", connection, Change.KEPT, "another workflow names it"))
            elif self._connections.delete(CONNECTIONS, connection, ALWAYS, by):
                done.append(Applied("connection", connection, Change.DELETED))
        if record is not None:
            self.records.delete(DEPLOYMENTS, name, ALWAYS, by)
        return done


def _calls_urls(definition: Mapping[str, Any]) -> bool:
    try:
        return any(a.type in OF_URLS for a in read(definition).all())
    except InvalidDefinition:
        return False


def _stamped(deployment: Deployment, before: Deployment | None, by: Author, now: datetime) -> Deployment:
    return replace(deployment, at=now, by=by)

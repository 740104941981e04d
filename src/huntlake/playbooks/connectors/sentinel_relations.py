"""What belongs to incidents, as Sentinel's connector says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from huntlake.core.errors import Invalid, NotFound
from huntlake.detection.incidents import (
    IncidentRelation,
    RelatedKind,
)
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors import sentinel_shapes as shapes
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation
from huntlake.playbooks.connectors.house import fields, name_for, wanted
from huntlake.playbooks.connectors.sentinel_house import SentinelHouse
from huntlake.state.documents import Document
from huntlake.state.records import Owner
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer
from huntlake.workspace.workspaces import Workspace


@dataclass(frozen=True)
class SentinelRelations(SentinelHouse):
    """That alerts and bookmarks belong to incidents."""

    def operations(self) -> tuple[Operation, ...]:
        """What can be asked of them."""
        write = Effect.WRITE
        return (
            Operation(
                "CreateIncidentRelation",
                "POST",
                "/Incidents/Relation/Create",
                "Add an alert or a bookmark to an incident.",
                write,
                self.relate,
                self.would_relate,
            ),
            Operation(
                "DeleteIncidentRelation",
                "POST",
                "/Incidents/Relation/Delete",
                "Take an alert or a bookmark away from an incident.",
                write,
                self.unrelate,
                self.would_unrelate,
            ),
        )

    def relate(self, asked: Asked) -> Answer:
        workspace, incident, relation = self._relation(asked)
        owner = (workspace.name,)
        document = self._related((*owner, incident), relation)
        if document is None:
            by = self.house.author(asked)
            document, _ = self.incidents.relate(owner, incident, name_for(asked), relation, by)
        return self._relation_shown(workspace, incident, document)

    def would_relate(self, asked: Asked) -> Answer:
        workspace, incident, relation = self._relation(asked)
        return self._relation_shown(workspace, incident, Document(name_for(asked), relation, ""))

    def unrelate(self, asked: Asked) -> Answer:
        workspace, incident, relation = self._relation(asked)
        document = self._related((workspace.name, incident), relation)
        if document is None:
            raise NotFound("the incident has no such relation")
        self.incidents.relations.delete((workspace.name, incident), document.name, by=self.house.author(asked))
        return Answer(body="")

    def would_unrelate(self, asked: Asked) -> Answer:
        workspace, incident, relation = self._relation(asked)
        if self._related((workspace.name, incident), relation) is None:
            raise NotFound("the incident has no such relation")
        return Answer(body="")

    def _relation(self, asked: Asked) -> tuple[Workspace, str, IncidentRelation]:
        given = fields(asked, "incidentArmId", "relatedResourceId")
        workspace, (name,) = self.house.resource(asked, Action.RESPOND, wanted(given, "incidentArmId"), "Incidents")
        incident = self.incidents.get((workspace.name,), name)
        id = text(wanted(given, "relatedResourceId"))
        collection = id.rstrip("/").split("/")[-2:][0].lower()
        kinds = {"entities": RelatedKind.ALERT, "bookmarks": RelatedKind.BOOKMARK}
        if collection not in kinds:
            raise Invalid(f"`{id[:300]}` is not the id of an alert or a bookmark")
        where, (related,) = self.house.resource(asked, Action.RESPOND, id, collection)
        if where.id != workspace.id:
            raise Invalid("an incident can't be related to what is in another workspace")
        kept: Any = self.alerts if kinds[collection] is RelatedKind.ALERT else self.house.detection.bookmarks
        kept.get((workspace.name,), related)
        return workspace, incident.name, IncidentRelation(kinds[collection], related)

    def _related(self, owner: Owner, relation: IncidentRelation) -> Document[IncidentRelation] | None:
        wanted = (relation.kind, relation.related.lower())
        known = self.incidents.relations.list(owner)
        return next((d for d in known if (d.value.kind, d.value.related.lower()) == wanted), None)

    def _relation_shown(self, workspace: Workspace, incident: str, document: Document[IncidentRelation]) -> Answer:
        sentinel = self.house.sentinel(workspace)
        return answer(shapes.relation_shown(sentinel, self.id_of(workspace, incident), document), 201)

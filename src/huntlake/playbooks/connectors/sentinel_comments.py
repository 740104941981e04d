"""Comments on incidents, as Sentinel's connector makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from huntlake.core.errors import Invalid
from huntlake.detection.incidents import (
    IncidentComment,
    commented,
)
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors import sentinel_shapes as shapes
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation
from huntlake.playbooks.connectors.house import fields, name_for, wanted
from huntlake.playbooks.connectors.sentinel_house import SentinelHouse
from huntlake.state.documents import Document
from huntlake.state.records import Only
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer
from huntlake.workspace.workspaces import Workspace

LONGEST_COMMENT = 30_000


@dataclass(frozen=True)
class SentinelComments(SentinelHouse):
    """Comments on incidents."""

    def operations(self) -> tuple[Operation, ...]:
        """What can be asked of them."""
        write = Effect.WRITE
        return (
            Operation(
                "AddIncidentCommentV3",
                "POST",
                "/Incidents/Comment",
                "Comment on an incident.",
                write,
                self.comment,
                self.would_comment,
                atomic=True,
                known=self.comment_again,
            ),
            Operation(
                "AddCommentToIncidentV2",
                "PUT",
                "/Comment/{subscription}/{workspace}/{group}/{identifier}/{id}",
                "Comment on an incident, or on the one of an alert.",
                write,
                self.old_comment,
                self.would_old_comment,
                atomic=True,
            ),
        )

    def comment(self, asked: Asked) -> Answer:
        workspace, incident, comment = self._comment(asked)
        document, _ = self.incidents.comments.put(
            (workspace.name, incident),
            name_for(asked),
            comment,
            self.house.author(asked),
            Only(create=True),
            asked.done,
        )
        return answer(shapes.comment_shown(self.id_of(workspace, incident), document), 201)

    def would_comment(self, asked: Asked) -> Answer:
        workspace, incident, comment = self._comment(asked)
        made = commented(comment, None, self.house.author(asked), asked.context.now)
        return answer(shapes.comment_shown(self.id_of(workspace, incident), Document(name_for(asked), made, "")), 201)

    def comment_again(self, asked: Asked) -> Answer:
        workspace, incident, _ = self._comment(asked)
        document = self.incidents.comments.get((workspace.name, incident), name_for(asked))
        return answer(shapes.comment_shown(self.id_of(workspace, incident), document), 201)

    def _comment(self, asked: Asked) -> tuple[Workspace, str, IncidentComment]:
        given = fields(asked, "incidentArmId", "message")
        workspace, (name,) = self.house.resource(asked, Action.RESPOND, wanted(given, "incidentArmId"), "Incidents")
        incident = self.incidents.get((workspace.name,), name)
        return workspace, incident.name, _comment_of(given.get("message"))

    def old_comment(self, asked: Asked) -> Answer:
        workspace, incident, comment = self._old_comment(asked)
        by = self.house.author(asked)
        owner = (workspace.name, incident)
        self.incidents.comments.put(owner, name_for(asked), comment, by, Only(create=True), asked.done)
        return Answer(body="")

    def would_old_comment(self, asked: Asked) -> Answer:
        self._old_comment(asked)
        return Answer(body="")

    def _old_comment(self, asked: Asked) -> tuple[Workspace, str, IncidentComment]:
        given = fields(asked, "Value")
        workspace, incident = self.named(asked)
        return workspace, incident.name, _comment_of(given.get("Value"))


def _comment_of(given: Any) -> IncidentComment:
    message = given if isinstance(given, str) else text(given)
    if not message.strip():
        raise Invalid("a comment has a text")
    if len(message) > LONGEST_COMMENT:
        raise Invalid(f"a comment has at most {LONGEST_COMMENT:,} letters, and this one {len(message):,}")
    return IncidentComment(message)

"""The managed identity of a playbook: a principal of this server, which goes when its playbook does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from huntlake.core.errors import PreconditionFailed
from huntlake.identity.principals import Principals
from huntlake.playbooks.workflows import NOBODY, Workflow, Workflows
from huntlake.state.documents import ANY_ETAG, Document
from huntlake.state.records import ALWAYS, Author, Only


@dataclass(frozen=True)
class Identities:
    """Makes and deletes the principals that playbooks act as; they may do nothing until somebody grants them a role."""

    principals: Principals
    workflows: Workflows
    taken: Callable[[str, Author], bool] | None = None
    """Deletes a workflow with what else is kept of it, such as its runs; the workflow alone, where there is none."""

    def put(
        self, name: str, workflow: Workflow, wanted: bool, by: Author = NOBODY, only: Only = ALWAYS
    ) -> tuple[Document[Workflow], bool]:
        """Store a workflow, with an identity where one is wanted: the one it had, or a new one."""
        before = self.workflows.find(name)
        had = before.value.identity if before else ""
        made = self.principals.create(f"playbook {name}") if wanted and not had else None
        identity = made.object_id if made else had if wanted else ""
        try:
            stored = self.workflows.put(name, replace(workflow, identity=identity), by, only)
        except BaseException:
            self.forget(made.object_id if made else "")
            raise
        if had != identity:
            self.forget(had)
        return stored

    def delete(self, name: str, only: Only = ALWAYS, by: Author = NOBODY) -> bool:
        """Delete a workflow with all that belongs to it, its identity too; False where there was none."""
        before = self.workflows.find(name)
        if before is None:
            return False
        if only.if_match not in (None, ANY_ETAG, before.etag):
            raise PreconditionFailed(f"`{name}` among the workflows has changed since it was read")
        gone = self.taken(before.name, by) if self.taken else self.workflows.delete(before.name, only, by)
        self.forget(before.value.identity)
        return gone

    def forget(self, identity: str) -> None:
        """Delete the principal of a workflow that has none any more, or is gone; `identity` is its object id."""
        found = self.principals.of_id(identity) if identity else None
        if found is not None:
            self.principals.delete(found.client_id)

"""The workspaces of this lake, and the names by which clients ask for them."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any, cast

from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.state.documents import Documents, Json, Shelf

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Word processors turn " - " into a dash, and published samples carry it.
_DASH = re.compile(r"\s*[\u2012-\u2015]\s*|\s+-\s+")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A Log Analytics workspace: a name that is unique whatever its case, and an id, a lower-case GUID."""

    name: str
    id: str
    remote: bool = False
    """Whether its tables are elsewhere: nothing can be written to them here."""

    @property
    def database(self) -> str:
        """The name by which lake clients know it, `name-id`."""
        return f"{self.name}-{self.id}"

    def here(self, doing: str) -> None:
        """Refuse what only a workspace whose tables are here can do: `doing` says it, such as `adding rows`."""
        if self.remote:
            raise Invalid(f"{doing} is not supported in `{self.name}`, which is a remote workspace")


class Workspaces:
    """The workspaces, as they are kept in the state database."""

    def __init__(self, database: Shelf) -> None:
        # By lower-case name: two that differ in case only would share a folder on some systems.
        self._documents = Documents(database, "workspaces", _encode, _decode)

    def create(self, name: str, id: str | None = None, *, remote: bool = False) -> Workspace:
        """Make a workspace, with an id of its own unless one is given.

        `Invalid` for a name that Azure wouldn't take, `Conflict` where the name or the id is taken.
        """
        if not _NAME.fullmatch(name):
            raise Invalid(f"`{name}` can't name a workspace: use 1 to 63 letters, digits and hyphens between them")
        if _ID.search(name.lower()):
            raise Invalid(f"`{name}` can't name a workspace: it holds a GUID, which would be read as an id")
        workspace = Workspace(name, str(uuid.uuid4()) if id is None else _guid(id), remote)
        if any(w.id == workspace.id for w in self.list()):
            raise Conflict(f"a workspace with the id {workspace.id} is already there")
        return self._documents.put(name.lower(), workspace, create_only=True).value

    def forget_remote(self, name: str) -> None:
        """Forget a workspace whose tables are elsewhere; `NotFound` where there is none."""
        if not self.get(name).remote:
            raise NotFound(f"no remote workspace is named `{name}`")
        self._documents.delete(name.strip().lower())

    def list(self) -> list[Workspace]:
        """Every workspace, by name."""
        return [d.value for d in self._documents.list()]

    def get(self, name: str) -> Workspace:
        """The workspace of that name, in any case; `NotFound` where there is none."""
        if (found := self.find(name)) is None:
            raise NotFound(f"no workspace is named `{name}`")
        return found

    def find(self, name: str) -> Workspace | None:
        """The workspace of that name, in any case, or None."""
        found = self._documents.find(name.strip().lower()) if _NAME.fullmatch(name.strip()) else None
        return found.value if found else None

    def by_database(self, text: str) -> Workspace:
        """The workspace that a client means by `name-id`, by the id alone or by the name alone.

        Blanks around it are trimmed, and a dash (or a hyphen between blanks) counts as the hyphen.
        `NotFound` where nothing fits, and also where name and id belong to different workspaces.
        """
        wanted = _DASH.sub("-", text.strip()).lower()
        # A name may hold hyphens, a GUID has four: the id is the last five groups.
        name, id = wanted[:-37], wanted[-36:]
        if not _ID.fullmatch(id):
            return self.get(wanted)
        for workspace in self.list():
            if workspace.id == id and wanted in (id, f"{workspace.name.lower()}-{id}"):
                return workspace
        raise NotFound(f"no workspace is named `{name or id}`")


def _guid(text: str) -> str:
    try:
        return str(uuid.UUID(text.strip()))
    except ValueError:
        raise Invalid(f"`{text}` is no GUID; one looks like {uuid.UUID(int=0)}") from None


def _encode(workspace: Workspace) -> Json:
    stored: dict[str, Json] = {"name": workspace.name, "id": workspace.id}
    return {**stored, "remote": True} if workspace.remote else stored


def _decode(stored: Json) -> Workspace:
    return Workspace(**cast("dict[str, Any]", stored))

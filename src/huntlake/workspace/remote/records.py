"""What is kept of the remote workspaces."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from huntlake.core.errors import Invalid, NotFound
from huntlake.state.documents import Documents, Json, Shelf
from huntlake.state.sealing import Seal
from huntlake.workspace.remote.endpoints import Kind, address, authority_of, kind_of, scope_of
from huntlake.workspace.workspaces import Workspace, Workspaces

AT_ONCE = 4
"""Queries that run at the same time on one endpoint, unless something else is said."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a workspace's tables are, and how one signs in there. `secret` is sealed."""

    workspace: str
    kind: Kind
    url: str
    database: str
    tenant: str
    client: str
    authority: str
    scope: str
    secret: str = ""
    certificates: str = ""
    """PEM certificates to trust besides the machine's."""
    at_once: int = AT_ONCE

    def __repr__(self) -> str:
        return f"Remote({self.workspace}, {self.kind}, {self.url}, {self.database})"

    @property
    def purpose(self) -> str:
        """What the secret is sealed for: it opens for no other address, nor for another client."""
        return "\n".join(("remote workspace", self.workspace, self.url, self.authority, self.tenant, self.client))


def remote(
    workspace: str,
    url: str,
    *,
    database: str = "",
    tenant: str = "",
    client: str = "",
    kind: Kind | None = None,
    authority: str = "",
    scope: str = "",
    certificates: str = "",
    at_once: int = AT_ONCE,
) -> Remote:
    """A remote workspace; what isn't given is what its URL suggests. `Invalid` where something can't be right."""
    place = address(url, "the URL of the remote")
    kind = kind or kind_of(place)
    signing_in = address(authority or authority_of(kind, place), "the authority")
    if kind.has_databases and not database.strip():
        raise Invalid(f"a remote of the kind `{kind}` needs a database (of Log Analytics: the workspace's id)")
    if not tenant.strip() or not client.strip():
        raise Invalid("a remote needs a tenant and a client id to sign in with")
    if any(c in tenant.strip() for c in "/?#%\\ "):
        raise Invalid(f"`{tenant}` is no tenant: it is a GUID or a domain name")
    if at_once < 1:
        raise Invalid("at least one query has to be allowed at once")
    return Remote(
        workspace,
        kind,
        place.url,
        database.strip(),
        tenant.strip(),
        client.strip(),
        signing_in.url,
        scope.strip() or scope_of(kind, place),
        certificates=certificates,
        at_once=at_once,
    )


class Remotes:
    """The remote workspaces, as they are kept in the state database."""

    def __init__(self, database: Shelf, workspaces: Workspaces, seal: Seal) -> None:
        self._documents = Documents(database, "remote workspaces", _encode, _decode)
        self._workspaces, self._seal = workspaces, seal
        self._here: set[str] = set()

    def add(self, remote: Remote, secret: str, id: str | None = None) -> Workspace:
        """Make a workspace that is elsewhere; `Conflict` where its name is taken."""
        kept = self._sealed(remote, secret)
        made = self._workspaces.create(remote.workspace, id, remote=True)
        self._documents.put(made.name.lower(), kept)
        return made

    def knows(self, workspace: str) -> bool:
        """Whether the workspace of exactly that name is a remote one."""
        # A workspace whose tables are here never becomes another.
        if workspace in self._here:
            return False
        found = self._workspaces.find(workspace)
        if found is not None and not found.remote:
            self._here.add(workspace)
        return found is not None and found.remote

    def list(self) -> list[Remote]:
        """Every remote workspace, by name."""
        return [d.value for d in self._documents.list()]

    def get(self, workspace: str) -> Remote:
        """The remote workspace of that name, in any case; `NotFound` where there is none."""
        found = self._documents.find(workspace.strip().lower())
        if found is None:
            raise NotFound(f"no remote workspace is named `{workspace}`")
        return found.value

    def secret(self, remote: Remote) -> str:
        """Its secret, as it was given."""
        return self._seal.open(remote.secret, remote.purpose)

    def give_secret(self, workspace: str, secret: str) -> None:
        """Keep a secret in place of the one before."""
        self._documents.change(workspace.strip().lower(), lambda r: self._sealed(r, secret))

    def remove(self, workspace: str) -> None:
        """Forget a remote workspace, and its secret; `NotFound` where there is none."""
        self._workspaces.forget_remote(workspace)
        self._documents.delete(workspace.strip().lower())

    def _sealed(self, remote: Remote, secret: str) -> Remote:
        if not secret:
            raise Invalid("the secret is empty")
        return replace(remote, secret=self._seal.seal(secret, remote.purpose))


def _encode(remote: Remote) -> Json:
    return asdict(remote)


def _decode(stored: Json) -> Remote:
    fields = cast("dict[str, Any]", stored)
    return Remote(**{**fields, "kind": Kind(fields["kind"])})

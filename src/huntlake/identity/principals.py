"""Service principals: the applications that may sign in, their secrets and their roles."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid, LimitExceeded, NotFound, Refused
from huntlake.identity.rights import Action, Grant, Role
from huntlake.identity.secrets import LIFETIME, Hasher, Secret, new_secret
from huntlake.identity.throttle import FailureThrottle, network_of
from huntlake.state.documents import Documents, Json, Shelf

MOST_SECRETS = 5
"""How many secrets one principal may hold: each one that is wrong costs a hash at sign-in."""


class UnknownClient(Refused):
    """No principal has that client id."""


class WrongSecret(Refused):
    """The secret isn't one of the principal's."""


class ExpiredSecret(WrongSecret):
    """The principal has no secret that is still good."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A service principal. Its ids are GUIDs; the object id is new when a client id is made again."""

    client_id: str
    object_id: str
    display_name: str
    secrets: tuple[Secret, ...] = ()
    grants: tuple[Grant, ...] = ()
    sign_in_name: str = ""
    """The name that a person signs in with; an application has none."""

    @property
    def is_person(self) -> bool:
        """Whether a person signed in, and not an application."""
        return self.client_id == self.object_id

    def may(self, action: Action, workspace_id: str) -> bool:
        """Whether one of its roles in that workspace allows the action."""
        return any(g.workspace_id == workspace_id and action in g.role.allows for g in self.grants)


@dataclass(frozen=True, slots=True)
class IssuedSecret:
    """A new secret and its text, which is kept nowhere and can't be had again."""

    secret: Secret
    text: str

    def __repr__(self) -> str:
        return f"IssuedSecret({self.secret!r})"


class Principals:
    """The principals, as they are kept in the state database."""

    def __init__(
        self, database: Shelf, clock: Clock, *, hasher: Hasher | None = None, throttle: FailureThrottle | None = None
    ) -> None:
        self._documents = Documents(database, "principals", _encode, _decode)
        self._clock = clock
        self._hasher = hasher or Hasher()
        self._throttle = throttle or FailureThrottle(clock)

    def create(self, display_name: str, *, client_id: str | None = None) -> Principal:
        """Make a principal without secret and without rights; `Conflict` where the client id is taken."""
        if not (name := display_name.strip()):
            raise Invalid("a principal needs a name to be known by")
        principal = Principal(str(uuid.uuid4()) if client_id is None else _guid(client_id), str(uuid.uuid4()), name)
        return self._documents.put(principal.client_id, principal, create_only=True).value

    def list(self) -> list[Principal]:
        """Every principal, by client id."""
        return [d.value for d in self._documents.list()]

    def get(self, client_id: str) -> Principal:
        """The principal of that client id, or `NotFound`."""
        if (found := self.find(client_id)) is None:
            raise NotFound(f"no principal has the client id `{client_id}`")
        return found

    def find(self, client_id: str) -> Principal | None:
        """The principal of that client id, or None."""
        try:
            found = self._documents.find(_guid(client_id))
        except Invalid:
            return None
        return found.value if found else None

    def of_id(self, object_id: str) -> Principal | None:
        """The principal of that object id, or None."""
        return next((p for p in self.list() if p.object_id == object_id), None)

    def delete(self, client_id: str) -> bool:
        """Delete a principal; its tokens are worth nothing from now on. False where there was none."""
        return self._documents.delete(_guid(client_id))

    def add_secret(self, client_id: str, *, lifetime: timedelta = LIFETIME, text: str | None = None) -> IssuedSecret:
        """Give a principal one more secret, with that text or a random one.

        `LimitExceeded` where `MOST_SECRETS` are still good; those that have expired are dropped.
        """
        self.get(client_id)
        now = self._clock.now()
        secret, text = new_secret(self._hasher, now, lifetime, text)

        def added(principal: Principal) -> Principal:
            good = tuple(s for s in principal.secrets if s.expires > now)
            if len(good) >= MOST_SECRETS:
                raise LimitExceeded(f"a principal holds at most {MOST_SECRETS} secrets; remove one, or rotate")
            return replace(principal, secrets=(secret, *good))

        self._documents.change(_guid(client_id), added)
        return IssuedSecret(secret, text)

    def rotate(
        self, client_id: str, *, lifetime: timedelta = LIFETIME, overlap: timedelta = timedelta(0)
    ) -> IssuedSecret:
        """Replace every secret by a new one; the old ones stay good for `overlap`, at most."""
        self.get(client_id)
        now = self._clock.now()
        secret, text = new_secret(self._hasher, now, lifetime)

        def rotated(principal: Principal) -> Principal:
            old = [replace(s, expires=min(s.expires, now + overlap)) for s in principal.secrets]
            good = [s for s in old if s.expires > now][: MOST_SECRETS - 1]
            return replace(principal, secrets=(secret, *good))

        self._documents.change(_guid(client_id), rotated)
        return IssuedSecret(secret, text)

    def remove_secret(self, client_id: str, secret_id: str) -> bool:
        """Take one secret away; False where the principal doesn't hold it."""
        held = any(s.id == secret_id for s in self.get(client_id).secrets)
        self._documents.change(
            _guid(client_id), lambda p: replace(p, secrets=tuple(s for s in p.secrets if s.id != secret_id))
        )
        return held

    def grant(self, client_id: str, workspace_id: str, role: Role) -> Principal:
        """Give a principal a role in a workspace, in place of the one it had there."""
        grant = Grant(workspace_id, role)

        def granted(principal: Principal) -> Principal:
            others = _without(principal, workspace_id)
            return replace(others, grants=(*others.grants, grant))

        return self._documents.change(_guid(client_id), granted).value

    def revoke(self, client_id: str, workspace_id: str) -> Principal:
        """Take away whatever role a principal has in a workspace."""
        return self._documents.change(_guid(client_id), lambda p: _without(p, workspace_id)).value

    def members(self, workspace_id: str) -> dict[Principal, Role]:
        """Who has a role in a workspace, and which."""
        return {p: g.role for p in self.list() for g in p.grants if g.workspace_id == workspace_id}

    def authenticate(self, client_id: str, secret: str, *, source: str = "") -> Principal:
        """The principal whose secret this is.

        `source` says where the attempt comes from (an address): guessing from there is slowed down
        without locking out the principal itself, which signs in from elsewhere. Raises
        `UnknownClient`, `WrongSecret`, `ExpiredSecret`, or `Throttled`.
        """
        if (principal := self.find(client_id)) is None:
            raise UnknownClient(f"no application has the identifier '{client_id}'")
        key = f"{principal.client_id} {network_of(source)}"
        self._throttle.check(key)
        good = [s for s in principal.secrets if s.expires > self._clock.now()]
        if any(self._hasher.verify(s.hash, secret) for s in good):
            self._throttle.succeeded(key)
            return principal
        self._throttle.failed(key)
        if not good and principal.secrets:
            raise ExpiredSecret(f"every secret of the application '{client_id}' has expired")
        raise WrongSecret(f"the secret isn't one of the application '{client_id}'")


def _guid(text: str) -> str:
    try:
        return str(uuid.UUID(text.strip()))
    except ValueError:
        raise Invalid(f"`{text}` is no GUID, and every client id is one") from None


def _without(principal: Principal, workspace_id: str) -> Principal:
    return replace(principal, grants=tuple(g for g in principal.grants if g.workspace_id != workspace_id))


def _encode(principal: Principal) -> Json:
    return {
        "clientId": principal.client_id,
        "objectId": principal.object_id,
        "displayName": principal.display_name,
        "secrets": [
            {
                "id": s.id,
                "hash": s.hash,
                "hint": s.hint,
                "created": s.created.isoformat(),
                "expires": s.expires.isoformat(),
            }
            for s in principal.secrets
        ],
        "grants": [{"workspaceId": g.workspace_id, "role": g.role.value} for g in principal.grants],
    }


def _decode(stored: Json) -> Principal:
    document = cast("dict[str, Any]", stored)
    return Principal(
        document["clientId"],
        document["objectId"],
        document["displayName"],
        tuple(
            Secret(
                s["id"],
                s["hash"],
                s["hint"],
                datetime.fromisoformat(s["created"]),
                datetime.fromisoformat(s["expires"]),
            )
            for s in document["secrets"]
        ),
        tuple(Grant(g["workspaceId"], Role(g["role"])) for g in document["grants"]),
    )

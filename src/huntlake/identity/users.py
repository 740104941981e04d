"""The people who may sign in: their passwords and their roles."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid, NotFound, Refused
from huntlake.identity.principals import Principal
from huntlake.identity.rights import Grant, Role
from huntlake.identity.secrets import Hasher
from huntlake.identity.throttle import FailureThrottle, network_of
from huntlake.state.documents import Documents, Json, Shelf

SHORTEST, LONGEST = 12, 256
"""Characters of a password."""

EVERYBODY = "*"

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._+-]{0,62}[a-z0-9])?(?:@[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?)?")


class WrongPassword(Refused):
    """No user has that name and that password."""


@dataclass(frozen=True, slots=True)
class User:
    """A person; `name` is lower-case, `changed` when the password was set or everything signed out last.

    Who has no password has no `hash`, and signs in elsewhere.
    """

    name: str
    object_id: str
    display_name: str
    hash: str
    changed: datetime
    grants: tuple[Grant, ...] = ()
    disabled: bool = False

    @property
    def principal(self) -> Principal:
        """The user as whoever asks: the object id stands where an application has its client id."""
        # What runs for them later has no rights either.
        grants = () if self.disabled else self.grants
        return Principal(self.object_id, self.object_id, self.display_name, (), grants, self.name)

    def __repr__(self) -> str:
        return f"User({self.name})"


class Users:
    """The users, as they are kept in the state database."""

    def __init__(
        self,
        database: Shelf,
        clock: Clock,
        *,
        hasher: Hasher | None = None,
        throttle: FailureThrottle | None = None,
        by_source: FailureThrottle | None = None,
        with_password: Sequence[str] = (EVERYBODY,),
    ) -> None:
        self._documents = Documents(database, "users", _encode, _decode)
        self._clock = clock
        self._hasher = hasher or Hasher()
        self._throttle = throttle or FailureThrottle(clock)
        self._by_source = by_source or FailureThrottle(clock, allowed=30)
        self._with_password = frozenset(n.strip().lower() for n in with_password)
        self._decoy = ""

    def create(self, name: str, password: str | None, display_name: str = "") -> User:
        """Make a user without rights; one without a password signs in elsewhere.

        `Conflict` where the name is taken, `Invalid` for a name or a password that won't do.
        """
        key = _named(name)
        hash = "" if password is None else self._hashed(password)
        user = User(key, str(uuid.uuid4()), display_name.strip() or key, hash, self._now())
        try:
            return self._documents.put(key, user, create_only=True).value
        except Conflict:
            raise Conflict(f"a user is named `{key}` already") from None

    def list(self) -> list[User]:
        """Every user, by name."""
        return [d.value for d in self._documents.list()]

    def find(self, name: str) -> User | None:
        """The user of that name in any case, or None."""
        try:
            found = self._documents.find(_named(name))
        except Invalid:
            return None
        return found.value if found else None

    def of_id(self, object_id: str) -> User | None:
        """The user of that object id, or None."""
        return next((u for u in self.list() if u.object_id == object_id), None)

    def get(self, name: str) -> User:
        """The user of that name, or `NotFound`."""
        if (found := self.find(name)) is None:
            raise NotFound(f"no user is named `{name}`")
        return found

    def remove(self, name: str) -> bool:
        """Remove a user; what was issued to them is worth nothing from now on. False where there was none."""
        return self._documents.delete(_named(name))

    def set_password(self, name: str, password: str) -> User:
        """Give a user another password, and sign them out everywhere."""
        hash = self._hashed(password)
        return self._change(name, lambda u: replace(u, hash=hash, changed=self._after(u)))

    def sign_out(self, name: str) -> User:
        """Make everything worthless that was issued to a user so far."""
        return self._change(name, lambda u: replace(u, changed=self._after(u)))

    def disable(self, name: str) -> User:
        """Let a user sign in no more, and take away what they have; nothing else of them is lost."""
        return self._change(name, lambda u: replace(u, disabled=True, changed=self._after(u)))

    def enable(self, name: str) -> User:
        """Let a user sign in again."""
        return self._change(name, lambda u: replace(u, disabled=False))

    def grant_by(self, name: str, provider: str, roles: Mapping[str, Role]) -> User:
        """Give a user the roles, by workspace id, that a provider's groups give now, instead of those they gave before.

        What a person of this server granted stays, and counts.
        """

        def given(user: User) -> User:
            kept = tuple(g for g in user.grants if g.by != provider)
            taken = {g.workspace_id for g in kept}
            more = (Grant(id, role, provider) for id, role in roles.items() if id not in taken)
            return replace(user, grants=(*kept, *more))

        found = self.get(name)
        return found if given(found).grants == found.grants else self._change(name, given)

    def grant(self, name: str, workspace_id: str, role: Role) -> User:
        """Give a user a role in a workspace, in place of the one they had there."""
        grant = Grant(workspace_id, role)
        return self._change(name, lambda u: replace(u, grants=(*_others(u, workspace_id), grant)))

    def revoke(self, name: str, workspace_id: str) -> User:
        """Take away whatever role a user has in a workspace."""
        return self._change(name, lambda u: replace(u, grants=_others(u, workspace_id)))

    def members(self, workspace_id: str) -> dict[User, Role]:
        """Who has a role in a workspace, and which."""
        return {u: g.role for u in self.list() for g in u.grants if g.workspace_id == workspace_id}

    @property
    def take_passwords(self) -> bool:
        """Whether everybody who has a password may sign in with it."""
        return EVERYBODY in self._with_password

    def authenticate(self, name: str, password: str, *, source: str = "") -> User:
        """The user whose password this is.

        Raises `WrongPassword`, the same whether there is such a user or not, or `Throttled`: guessing from one `source`
        (an address) is slowed down, both at one user's password and at those of many. Nobody is locked out by guesses
        from another source.
        """
        source = network_of(source)
        key = f"{name.strip().lower()[:320]} {source}"
        self._throttle.check(key)
        self._by_source.check(source)
        user = self.find(name)
        # What takes as long as a check can't be told from one.
        hash = user.hash if user and self._may_give_password(user) else ""
        right = self._hasher.verify(hash or self._decoy_hash(), password[:LONGEST])
        if user is None or not hash or not right:
            self._throttle.failed(key)
            self._by_source.failed(source)
            raise WrongPassword("the user name or the password is wrong")
        self._throttle.succeeded(key)
        return user

    def _may_give_password(self, user: User) -> bool:
        return not user.disabled and bool({EVERYBODY, user.name} & self._with_password)

    def _change(self, name: str, how: Callable[[User], User]) -> User:
        return self._documents.change(self.get(name).name, how).value

    def _now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)

    def _after(self, user: User) -> datetime:
        # Tokens count whole seconds: one of this very second was issued before.
        return max(self._clock.now(), user.changed).replace(microsecond=0) + timedelta(seconds=1)

    def _hashed(self, password: str) -> str:
        if not SHORTEST <= len(password) <= LONGEST:
            raise Invalid(f"a password has {SHORTEST} to {LONGEST} characters")
        return self._hasher.hash(password)

    def _decoy_hash(self) -> str:
        if not self._decoy:
            self._decoy = self._hasher.hash(uuid.uuid4().hex)
        return self._decoy


def _named(name: str) -> str:
    if not _NAME.fullmatch(lower := name.strip().lower()):
        raise Invalid(f"`{name[:100]}` can't name a user: write `anna`, or `anna@example.org`")
    return lower


def _others(user: User, workspace_id: str) -> tuple[Grant, ...]:
    return tuple(g for g in user.grants if g.workspace_id != workspace_id)


def _encode(user: User) -> Json:
    return {
        "name": user.name,
        "objectId": user.object_id,
        "displayName": user.display_name,
        "hash": user.hash,
        "changed": user.changed.isoformat(),
        "grants": [{"workspaceId": g.workspace_id, "role": g.role.value, "by": g.by} for g in user.grants],
        "disabled": user.disabled,
    }


def _decode(stored: Json) -> User:
    document = cast("dict[str, Any]", stored)
    return User(
        document["name"],
        document["objectId"],
        document["displayName"],
        document["hash"],
        datetime.fromisoformat(document["changed"]),
        tuple(Grant(g["workspaceId"], Role(g["role"]), g.get("by", "")) for g in document["grants"]),
        document.get("disabled", False),
    )

"""Which person here somebody is whom a provider vouches for: bound once, by the provider's own id of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import cast

from huntlake.core.errors import Conflict, Invalid
from huntlake.identity.expiring import digest
from huntlake.identity.oidc.providers import Vouched
from huntlake.identity.oidc.troubles import NotSignedInThere, Trouble
from huntlake.identity.users import User, Users
from huntlake.state.documents import Documents, Json, Shelf


@dataclass(frozen=True, slots=True)
class Link:
    """That a provider's `subject` is a user of this server. It outlives the user: nobody gets in again by it."""

    issuer: str
    subject: str
    user: str
    object_id: str


class OutsidePeople:
    """The links between people here and at providers."""

    def __init__(self, database: Shelf, users: Users, workspaces: Callable[[], Mapping[str, str]]) -> None:
        self._links = Documents(database, "people elsewhere", _encode, _decode)
        self._users, self._workspaces = users, workspaces

    def list(self) -> list[Link]:
        """Every link."""
        return [d.value for d in self._links.list()]

    def link(self, user: str, issuer: str, subject: str) -> User:
        """Let a user sign in as `subject` of a provider. `Conflict` where another user does."""
        found = self._users.get(user)
        if not subject.strip():
            raise Invalid("a link names the provider's own id of the person: its `sub`")
        there = self._links.find(_key(issuer, subject))
        if there is not None and (other := self._alive(there.value)) is not None and other.name != found.name:
            raise Conflict(f"that person of {issuer} is {other.name} here")
        self._links.put(_key(issuer, subject), Link(issuer, subject, found.name, found.object_id))
        return found

    def unlink(self, user: str, issuer: str) -> int:
        """Let a user sign in at a provider no more; how many links that were."""
        found = self._users.get(user)
        mine = [link for link in self.list() if link.object_id == found.object_id and link.issuer == issuer]
        for one in mine:
            self._links.delete(_key(one.issuer, one.subject))
        return len(mine)

    def signed_in(self, vouched: Vouched) -> User:
        """The user whom a provider vouches for, with the roles that their groups give them now.

        `NotSignedInThere` where there is none, or they aren't let in.
        """
        provider = vouched.provider
        _check_allowed(vouched)
        there = self._links.find(_key(provider.issuer, vouched.subject))
        user = self._known(there.value) if there else self._linked_by_email(vouched) or self._made(vouched)
        if user.disabled:
            raise NotSignedInThere(Trouble.CLOSED, f"{user.name} is disabled")
        # Also where the settings name no roles any more: what they gave before is gone then.
        return self._users.grant_by(user.name, provider.name, provider.grants(vouched.groups, self._workspaces()))

    def _known(self, link: Link) -> User:
        user = self._alive(link)
        if user is None:
            raise NotSignedInThere(Trouble.CLOSED, f"{link.user}, whom that person was here, was removed")
        return user

    def _alive(self, link: Link) -> User | None:
        user = self._users.find(link.user)
        return user if user is not None and user.object_id == link.object_id else None

    def _linked_by_email(self, vouched: Vouched) -> User | None:
        provider = vouched.provider
        if _domain(vouched.email) not in provider.link_domains:
            return None
        user = self._users.find(vouched.email)
        # Who came from a provider chose that name there, and may not be whose address it is.
        if user is None or any(link.object_id == user.object_id for link in self.list()):
            return None
        return self._bound(user, vouched)

    def _made(self, vouched: Vouched) -> User:
        provider = vouched.provider
        if not provider.makes_users:
            told = f"{vouched.name or vouched.subject!r} has no account here; the provider's id is {vouched.subject!r}"
            raise NotSignedInThere(Trouble.NO_ACCOUNT, told)
        shown = vouched.display_name or vouched.name
        # The name may be taken by somebody else, or be none that we take: who it is, the link says alone.
        short = f"{provider.name}-{digest(_key(provider.issuer, vouched.subject))[:12]}"
        for name in (*(() if _borrowed(vouched) else (vouched.name,)), short):
            try:
                user = self._users.create(name, None, shown)
            except (Conflict, Invalid):
                continue
            try:
                return self._bound(user, vouched)
            except Conflict:
                # The same person, in another window, was quicker.
                self._users.remove(user.name)
                return self._known(self._links.get(_key(provider.issuer, vouched.subject)).value)
        raise NotSignedInThere(Trouble.NO_ACCOUNT, f"a user is named {short} already, and isn't that person")

    def _bound(self, user: User, vouched: Vouched) -> User:
        issuer, subject = vouched.provider.issuer, vouched.subject
        self._links.put(_key(issuer, subject), Link(issuer, subject, user.name, user.object_id), create_only=True)
        return user


def _check_allowed(vouched: Vouched) -> None:
    provider = vouched.provider
    if provider.domains and _domain(vouched.email) not in provider.domains:
        raise NotSignedInThere(Trouble.NOT_ALLOWED, "they have no verified e-mail address of an allowed domain")
    if provider.groups and not provider.groups & vouched.groups:
        raise NotSignedInThere(Trouble.NOT_ALLOWED, "they are in no allowed group")


def _borrowed(vouched: Vouched) -> bool:
    """Whether a name looks like the address of somebody in a domain that counts here, and isn't proved to be theirs."""
    domain, provider = _domain(vouched.name.lower()), vouched.provider
    return domain in provider.domains | provider.link_domains and vouched.name.lower() != vouched.email


def _domain(email: str) -> str:
    return email.rpartition("@")[2] if "@" in email else ""


def _key(issuer: str, subject: str) -> str:
    return digest(f"{issuer}\n{subject}")


def _encode(link: Link) -> Json:
    return cast("Json", asdict(link))


def _decode(stored: Json) -> Link:
    return Link(**cast("dict[str, str]", stored))

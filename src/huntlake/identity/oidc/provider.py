"""A provider, as the settings name it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from huntlake.core.errors import Invalid, Unavailable
from huntlake.core.settings import OidcProvider, is_loopback
from huntlake.identity.rights import Role

EVERY_WORKSPACE = "*"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class GroupRole:
    """The role that members of a group have in a workspace, or in each."""

    group: str
    role: Role
    workspace: str


@dataclass(frozen=True, slots=True)
class Provider:
    """Where people may sign in, whom of them this server lets in, and what they may do then."""

    name: str
    title: str
    issuer: str
    client_id: str
    secret_at: str
    scopes: tuple[str, ...]
    name_claim: str
    groups_claim: str
    makes_users: bool
    link_domains: frozenset[str]
    domains: frozenset[str]
    groups: frozenset[str]
    roles: tuple[GroupRole, ...]
    session: timedelta
    authorities: Path | None

    @classmethod
    def of(cls, name: str, given: OidcProvider) -> Provider:
        """The provider of that name; `Invalid` names the setting that is wrong."""
        where = f"`oidc.{name}"
        if not _NAME.fullmatch(name):
            raise Invalid(f"{where}`: a provider's name has small letters, digits and hyphens, for it is part of a URL")
        if not may_be_asked(given.issuer) or (set("?#") & set(given.issuer)):
            raise Invalid(f"{where}.issuer`: write its https URL, without `?` and `#`; http on this machine alone")
        if given.client_secret and given.client_secret.partition(":")[0] not in ("env", "file"):
            raise Invalid(f"{where}.client_secret`: write `env:NAME` or `file:PATH`, not the secret itself")
        if not given.client_id:
            raise Invalid(f"{where}.client_id` is missing")
        return cls(
            name,
            given.title or name,
            given.issuer,
            given.client_id,
            given.client_secret,
            tuple(dict.fromkeys(("openid", *given.scopes))),
            given.name_claim,
            given.groups_claim,
            given.make_users,
            _lower(given.link_domains),
            _lower(given.domains),
            frozenset(given.groups),
            tuple(GroupRole(r.group, _role(where, r.role), r.workspace) for r in given.roles),
            timedelta(hours=given.session_hours),
            given.authorities,
        )

    @property
    def asks_groups(self) -> bool:
        """Whether anything depends on the groups of whoever signs in."""
        return bool(self.groups or self.roles)

    def secret(self) -> str:
        """The client's secret, as it is now; empty for a client without one."""
        kind, _, place = self.secret_at.partition(":")
        if kind == "env":
            found = os.environ.get(place, "")
        elif kind == "file":
            try:
                found = Path(place).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise Unavailable(f"the client secret of {self.name} can't be read: {type(error).__name__}") from None
        else:
            return ""
        if not found:
            raise Unavailable(f"the client secret of {self.name} is empty: {self.secret_at}")
        return found

    def grants(self, groups: frozenset[str], workspaces: Mapping[str, str]) -> dict[str, Role]:
        """The roles of a member of these groups by the workspace's id; of several in one the first counts."""
        found: dict[str, Role] = {}
        for one in self.roles:
            if one.group not in groups:
                continue
            for name, id in workspaces.items():
                if one.workspace in (EVERY_WORKSPACE, name):
                    found.setdefault(id, one.role)
        return found


def may_be_asked(url: str) -> bool:
    """Whether a provider may have such a URL: TLS, or this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or not url.isascii() or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def _lower(domains: tuple[str, ...]) -> frozenset[str]:
    return frozenset(d.strip().lower() for d in domains)


def _role(where: str, name: str) -> Role:
    known = {r.name.lower().replace("_", "-"): r for r in Role} | {r.value: r for r in Role}
    if (role := known.get(name)) is None:
        raise Invalid(f"{where}.roles`: no role is named `{name}`")
    return role

"""What is a workspace's own: its people, machines, domains and networks, out of its tables and its settings."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from huntlake.ai.own import OwnThings
from huntlake.core.clock import Clock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError, Unavailable
from huntlake.state.records import Owner
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.watchlists import Watchlists
from huntlake.workspace.workspaces import Workspace

FRESH = timedelta(minutes=15)
"""How long what was found is good for."""
OBSERVED = timedelta(days=14)
"""How far back names are looked for in logs."""
MOST = 100_000
"""Names of one table; where there are more, nothing is sent."""

_PEOPLE = (
    "AccountUPN",
    "AccountName",
    "AccountDisplayName",
    "MailAddress",
    "AccountSID",
    "AccountObjectId",
    "AccountCloudSID",
)
_DIRECTORY: Mapping[str, tuple[str, ...]] = {
    "IdentityInfo": (*_PEOPLE, "AccountDomain", "AccountTenantId"),
    "DeviceInfo": ("DeviceName", "DeviceId", "AadDeviceId"),
}
"""Tables that hold a line for each person or machine, and the columns with its names."""

_SEEN: Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]] = (
    ("SigninLogs", ("UserPrincipalName", "UserDisplayName", "UserId"), ()),
    ("AADNonInteractiveUserSignInLogs", ("UserPrincipalName", "UserDisplayName", "UserId"), ()),
    ("OfficeActivity", ("UserId",), ()),
    ("SecurityEvent", ("TargetUserName",), ("Computer",)),
    ("SecurityEvent", ("SubjectUserName",), ()),
    ("DeviceLogonEvents", ("AccountName",), ("DeviceName",)),
    ("IdentityLogonEvents", ("AccountUpn", "AccountName", "AccountDisplayName"), ("DeviceName",)),
    ("Heartbeat", (), ("Computer",)),
    ("Syslog", (), ("Computer",)),
)
"""Tables of what happened, and the columns that name somebody, and a machine, of this place."""

_WATCHED_PEOPLE = frozenset(
    "useridentifier useraadobjectid useronpremsid userprincipalname upn username account accountname email "
    "emailaddress mail mailbox employeeid displayname serviceaccount".split()
)
_WATCHED_MACHINES = frozenset("assetname assetfqdn hostname host computer computername device devicename".split())
_WATCHED_NETWORKS = frozenset("ipsubnet subnet cidr iprange network networkrange".split())

_FOR_ALL = frozenset(
    "gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com icloud.com me.com aol.com gmx.net "
    "gmx.de web.de proton.me protonmail.com mail.ru yandex.ru qq.com 163.com".split()
)
"""Domains of mail that belong to nobody's own place."""


@dataclass(frozen=True)
class Tenant:
    """What is own by the settings: names, domains and networks, ids, and secrets that are kept here."""

    names: Sequence[str] = ()
    ids: Callable[[Workspace], Sequence[str]] = lambda workspace: ()
    secrets: Callable[[Workspace], Sequence[str]] = lambda workspace: ()


class OwnNames:
    """Knows what is a workspace's own; asked anew after a while."""

    def __init__(
        self,
        queries: Queries,
        watchlists: Watchlists,
        workspace: Callable[[str], Workspace],
        clock: Clock,
        tenant: Tenant = Tenant(),
    ) -> None:
        self._queries, self._watchlists, self._workspace = queries, watchlists, workspace
        self._clock, self._tenant = clock, tenant
        self._found: dict[str, tuple[datetime, OwnThings]] = {}
        self._lock = Lock()

    def of(self, owner: Owner) -> OwnThings:
        """All of it; `Unavailable` where nothing is known of who and what is here, or a table can't be asked."""
        now = self._clock.now()
        with self._lock:
            kept = self._found.get(owner[0])
            if kept is not None and now - kept[0] < FRESH:
                return kept[1]
            found = self._all(self._workspace(owner[0]), now)
            self._found[owner[0]] = (now, found)
        return found

    def _all(self, workspace: Workspace, now: datetime) -> OwnThings:
        people: list[tuple[str, ...]] = []
        machines: list[tuple[str, ...]] = []
        names: set[str] = set()
        ids: set[str] = {workspace.id, *self._tenant.ids(workspace)}
        for row in self._rows(workspace, "IdentityInfo", _DIRECTORY["IdentityInfo"], None):
            *person, domain, tenant = row
            people.append(tuple(person))
            names.add(domain)
            ids.add(tenant)
        machines += self._rows(workspace, "DeviceInfo", _DIRECTORY["DeviceInfo"], None)
        for table, who, what in _SEEN:
            for row in self._rows(workspace, table, (*who, *what), now):
                people.append(row[: len(who)])
                machines.append(row[len(who) :])
        networks = self._of_watchlists(workspace, people, machines)
        domains: set[str] = set()
        for text in self._tenant.names:
            if _is_network(text):
                networks.append(text)
            elif "." in text:
                domains.add(text)
            else:
                names.add(text)
        people, machines = _joined(people), _joined(_with_short_names(machines))
        if not people and not machines and not self._tenant.names:
            raise Unavailable(
                "for no people and no machines of the workspace are known: fill `IdentityInfo` and `DeviceInfo`, or "
                "list what is its own in the setting `own_names`"
            )
        return OwnThings(
            people=people,
            machines=machines,
            domains=sorted(domains | _domains_of(people) | _zones_of(machines)),
            networks=networks,
            ids=sorted(one for one in ids if one),
            names=sorted(n for n in names if n),
            secrets=self._tenant.secrets(workspace),
        )

    def _rows(
        self, workspace: Workspace, table: str, columns: Sequence[str], now: datetime | None
    ) -> list[tuple[str, ...]]:
        """The values of some columns, each line once; those of the last days, where `now` is said."""
        known = self._queries.visible(workspace, fetch=False)
        if table not in known.tables_with_rows():
            return []
        wanted = ", ".join(f'c{n} = tostring(column_ifexists("{name}", ""))' for n, name in enumerate(columns))
        query = f"{table} | project {wanted} | distinct *"
        options = QueryOptions(timedelta(seconds=60), take=MOST + 1)
        if now is not None:
            options = QueryOptions(
                timedelta(seconds=60), take=MOST + 1, time_column="TimeGenerated", since=now - OBSERVED, until=now
            )
        try:
            answer = self._queries.run(workspace, query, options)
            columns_read = answer.tables[0].arrow().read_all().to_pydict().values()
            rows = [tuple(str(value or "") for value in row) for row in zip(*columns_read, strict=True)]
        except (DomainError, SourceError) as error:
            raise Unavailable(f"for `{table}` can't be asked for names: {error}") from None
        if len(rows) > MOST:
            raise Unavailable(f"for `{table}` has more than {MOST:,} names")
        return rows

    def _of_watchlists(
        self, workspace: Workspace, people: list[tuple[str, ...]], machines: list[tuple[str, ...]]
    ) -> list[str]:
        networks = []
        for document in self._watchlists.list(workspace):
            for item in self._watchlists.items(workspace, document.name):
                plain = {"".join(filter(str.isalnum, name.lower())): value for name, value in item.fields.items()}
                people.append(tuple(value for name, value in plain.items() if name in _WATCHED_PEOPLE))
                machines.append(tuple(value for name, value in plain.items() if name in _WATCHED_MACHINES))
                networks += [value for name, value in plain.items() if name in _WATCHED_NETWORKS and _is_network(value)]
        return sorted(set(networks))


def _joined(groups: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    """Groups of names, in order: those that share one that is somebody's alone are one."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while above[name] != name:
            above[name] = above[above[name]]
            name = above[name]
        return name

    spelled: dict[str, str] = {}
    for group in sorted(tuple(n.strip() for n in group) for group in groups):
        names = [name for name in group if name and not name.startswith("S-1-5-18")]
        for name in names:
            spelled.setdefault(name.lower(), name)
            above.setdefault(name.lower(), name.lower())
        for name in names[1:]:
            above[top(name.lower())] = top(names[0].lower())
    found: dict[str, list[str]] = defaultdict(list)
    for name, spelling in spelled.items():
        found[top(name)].append(spelling)
    return sorted(tuple(sorted(group)) for group in found.values())


def _with_short_names(machines: Iterable[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    for group in machines:
        short = [n.partition(".")[0] for n in group if "." in n and not _is_network(n)]
        yield (*group, *short)


def _domains_of(people: Iterable[Sequence[str]]) -> set[str]:
    """The domains of people's mail addresses: those of guests are somebody else's."""
    names = (name.lower() for group in people for name in group if "@" in name and "#ext#" not in name.lower())
    return {domain for name in names if "." in (domain := name.rpartition("@")[2]) and domain not in _FOR_ALL}


def _zones_of(machines: Iterable[Sequence[str]]) -> set[str]:
    names = (name.lower() for group in machines for name in group if not _is_network(name))
    return {zone for name in names if "." in (zone := name.partition(".")[2]) and not zone.endswith(".")}


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return False
    return True

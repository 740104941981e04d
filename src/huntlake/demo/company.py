"""The company: its people, accounts, machines and software, as `content/demo/` describes them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import md5, sha1, sha256
from importlib.resources import files
from ipaddress import ip_address, ip_network
from typing import Any
from uuid import UUID

import yaml

Settings = Mapping[str, Any]


def content(path: str) -> str:
    """The text of a file of `huntlake/content/`."""
    return (files("huntlake") / "content" / path).read_text(encoding="utf-8")


def records(path: str) -> list[dict[str, str]]:
    """The rows of a CSV file of `huntlake/content/`."""
    return list(csv.DictReader(io.StringIO(content(path))))


def settings(path: str) -> Any:
    """A YAML file of `huntlake/content/`."""
    # The loader in C is ten times faster, and isn't in every build of PyYAML.
    return yaml.load(content(path), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def stable_guid(*names: str) -> str:
    """A GUID that depends on nothing but `names`."""
    return str(UUID(bytes=sha256("/".join(names).encode()).digest()[:16], version=4))


@dataclass(frozen=True)
class Person:
    """Someone who works here, with the laptop they work on."""

    alias: str
    sam: str
    given: str
    surname: str
    title: str
    department: str
    office: str
    manager: str
    employee: str
    machine: str
    rid: int

    @property
    def name(self) -> str:
        return f"{self.given} {self.surname}"


@dataclass(frozen=True)
class Account:
    """Something that can log on. `person` is the index of its owner, -1 where it has none."""

    sam: str
    domain: str
    sid: str
    display: str
    upn: str
    object_id: str
    person: int
    kind: str


@dataclass(frozen=True)
class Machine:
    """A computer. `person` is the index of whom it belongs to, -1 for a server."""

    name: str
    fqdn: str
    device_id: str
    office: str
    os: str
    address: str
    person: int
    tags: frozenset[str]

    @property
    def windows(self) -> bool:
        return self.os != "Linux"


@dataclass(frozen=True)
class Program:
    """An executable file, the same on every machine."""

    id: str
    file: str
    folder: str
    company: str
    product: str
    description: str
    original: str
    version: str
    size: int

    @property
    def path(self) -> str:
        return f"{self.folder}\\{self.file}"

    @cached_property
    def sha256(self) -> str:
        return sha256(self._what).hexdigest()

    @cached_property
    def sha1(self) -> str:
        return sha1(self._what, usedforsecurity=False).hexdigest()

    @cached_property
    def md5(self) -> str:
        return md5(self._what, usedforsecurity=False).hexdigest()

    @property
    def _what(self) -> bytes:
        return f"{self.file}/{self.version}/{self.size}".encode()


@dataclass(frozen=True)
class Place:
    """Where an address is."""

    country: str
    code: str
    state: str
    city: str
    latitude: float
    longitude: float


NOWHERE = Place("", "", "", "", 0.0, 0.0)


@dataclass(frozen=True)
class Company:
    """Everything about the company that doesn't change from day to day."""

    facts: Settings
    people: Sequence[Person]
    accounts: Sequence[Account]
    machines: Sequence[Machine]
    programs: Sequence[Program]
    geography: Sequence[tuple[Any, Place]]

    @cached_property
    def account_index(self) -> dict[str, int]:
        """Accounts by SAM name in lower case."""
        return {a.sam.lower(): i for i, a in enumerate(self.accounts)}

    @cached_property
    def machine_index(self) -> dict[str, int]:
        """Machines by short name in lower case."""
        return {m.name.lower(): i for i, m in enumerate(self.machines)}

    @cached_property
    def program_index(self) -> dict[str, int]:
        return {p.id: i for i, p in enumerate(self.programs)}

    @cached_property
    def person_index(self) -> dict[str, int]:
        return {p.alias: i for i, p in enumerate(self.people)}

    @property
    def tenant(self) -> str:
        return str(self.facts["tenant_id"])

    @property
    def domain(self) -> str:
        return str(self.facts["domain"])

    def office(self, name: str) -> Settings:
        office: Settings = self.facts["offices"][name]
        return office

    def place(self, address: str) -> Place:
        """Where a public address is; `NOWHERE` for a private one."""
        ip = ip_address(address)
        return next((place for network, place in self.geography if ip in network), NOWHERE)

    def upn(self, alias: str) -> str:
        return f"{alias}@{self.domain}"


def load_company() -> Company:
    """The company of `content/demo/`."""
    facts = settings("demo/company.yaml")
    people = [Person(**{**r, "rid": int(r["rid"])}) for r in records("demo/people.csv")]  # type: ignore[arg-type]
    codes = facts["country_codes"]
    geography = [
        (
            ip_network(r["network"]),
            Place(
                r["country"],
                codes[r["country"]],
                r["state"],
                r["city"],
                float(r["latitude"]),
                float(r["longitude"]),
            ),
        )
        for r in records("geo/documentation-ranges.csv")
    ]
    programs = [Program(**{**r, "size": int(r["size"])}) for r in records("demo/software.csv")]  # type: ignore[arg-type]
    machines = _machines(facts, people)
    return Company(facts, people, _accounts(facts, people, machines), machines, programs, geography)


def _machines(facts: Settings, people: Sequence[Person]) -> list[Machine]:
    machines = []
    for i, person in enumerate(people):
        tags = {"laptop"}
        if person.department == "Engineering":
            tags.add("developer")
        if person.department in ("IT", "Security"):
            tags.add("technician")
        number = int(person.machine[-3:])
        subnet = facts["offices"][person.office]["subnet"]
        address = f"{subnet}.{10 + number // 100}.{20 + number}"
        machines.append(_machine(facts, person.machine, person.office, "Windows11", address, i, tags))
    for row in records("demo/servers.csv"):
        tags = {"server", *row["services"].split()}
        machines.append(_machine(facts, row["name"], row["office"], row["os"], row["address"], -1, tags))
    return machines


def _machine(facts: Settings, name: str, office: str, os: str, address: str, person: int, tags: set[str]) -> Machine:
    fqdn = f"{name.lower()}.{facts['ad_domain']}"
    device_id = sha1(fqdn.encode(), usedforsecurity=False).hexdigest()
    return Machine(name, fqdn, device_id, office, os, address, person, frozenset(tags))


def _accounts(facts: Settings, people: Sequence[Person], machines: Sequence[Machine]) -> list[Account]:
    netbios, domain, sid = facts["netbios"], facts["domain"], facts["domain_sid"]
    accounts = [
        Account("SYSTEM", "NT AUTHORITY", "S-1-5-18", "SYSTEM", "", "", -1, "system"),
        Account("LOCAL SERVICE", "NT AUTHORITY", "S-1-5-19", "LOCAL SERVICE", "", "", -1, "system"),
        Account("NETWORK SERVICE", "NT AUTHORITY", "S-1-5-20", "NETWORK SERVICE", "", "", -1, "system"),
    ]
    for i, p in enumerate(people):
        upn = f"{p.alias}@{domain}"
        accounts.append(Account(p.sam, netbios, f"{sid}-{p.rid}", p.name, upn, stable_guid(upn), i, "person"))
    by_alias = {p.alias: i for i, p in enumerate(people)}
    for number, alias in enumerate(facts["admins"]):
        owner = people[by_alias[alias]]
        sam = f"adm-{owner.sam}"
        upn = f"{sam}@{domain}"
        display = f"Admin - {owner.name}"
        who = by_alias[alias]
        accounts.append(Account(sam, netbios, f"{sid}-{2101 + number}", display, upn, stable_guid(upn), who, "admin"))
    for s in facts["service_accounts"]:
        upn = f"{s['sam']}@{domain}"
        rid = f"{sid}-{s['rid']}"
        accounts.append(Account(s["sam"], netbios, rid, s["name"], upn, stable_guid(upn), -1, "service"))
    for number, m in enumerate(machines):
        if m.windows:
            sam = f"{m.name.upper()}$"
            accounts.append(Account(sam, netbios, f"{sid}-{5001 + number}", sam, "", "", -1, "machine"))
    return accounts

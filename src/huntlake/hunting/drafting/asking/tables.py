"""A table as questions see it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from huntlake.kql.types import ScalarType

_PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_SAME = {
    word: line.split()[0]
    for line in (
        "device machine machines computer computers host hostname workstation endpoint pc devices hosts",
        "user account alias username aliasname users accounts upn principal person employee",
        "ip ipaddress ips",
        "commandline cmdline cmd commandlines cmdlines",
        "mail email emails mails",
        "id identifier ids",
        "url urls link website site",
        "app application apps applications",
        "initiating initiated initiator initiate launched",
        "remote destination dest",
        "local source src",
        "folder path filepath directory",
        "sender senders",
        "recipient recipients receiver",
        "location country city",
        "type kind types",
        "operation operations",
        "result outcome",
        "risk risky",
        "signin logon login signins logons logins",
        "attachment attachments",
        "vulnerability vulnerabilities",
        "name named called names",
        "os platform",
        "process processes",
        "file files",
        "port ports",
        "level levels severity",
        "domain domains",
        "registry registrykey",
        "manufacturer vendor",
    )
    for word in line.split()
}


@dataclass(frozen=True)
class AskTable:
    """A table: its columns, what it holds, and the values that columns are known to have."""

    name: str
    columns: Mapping[str, ScalarType]
    description: str = ""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    filled: bool = False
    derived: bool = False
    """Whether its rows were made of a few rows of others, which is where a question is answered whole."""

    @cached_property
    def time(self) -> str:
        """The column of its time; `` where it has none."""
        return next((c for c in ("TimeGenerated", "Timestamp") if c in self.columns), "")


@lru_cache(maxsize=65_536)
def name_words(name: str) -> tuple[str, ...]:
    """The words of a name, each in the form that those who mean the same share.

    >>> name_words("InitiatingProcessCommandLine")
    ('initiating', 'process', 'commandline')
    """
    parts = [p.lower() for p in _PARTS.findall(name)]
    joined: list[str] = []
    for part in parts:
        if joined and (joined[-1], part) in {("command", "line"), ("sign", "in"), ("log", "on"), ("host", "name")}:
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(said(p) for p in joined)


def said(word: str) -> str:
    """A word in the form that all who mean the same share."""
    return _SAME.get(word, word)

"""Plausible values: what a field of some name would hold, made up and always the same.

Addresses, names and numbers are those set aside for documents, so nothing made up here belongs to anybody.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

MOMENT = "2026-03-04T05:06:07.0000000Z"
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-stub"
WORKSPACE = f"{SUBSCRIPTION}/providers/Microsoft.OperationalInsights/workspaces/stub"

Maker = Callable[[str, int], Any]


def plausible(name: str, number: int = 1) -> Any:
    """What a field of that name holds in the `number`th of its kind: a JSON value without any structure, or a list.

    >>> plausible("computerDnsName")
    'host1.contoso.example'
    >>> plausible("lastReportedAt")
    '2026-03-04T05:06:07.0000000Z'
    """
    if custom := _CUSTOM.fullmatch(name):
        return _OF_CUSTOM[custom[2]](custom[1], number)
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    words = _words(name)
    for fits, make in RULES:
        if fits(plain, words):
            return make(name, number)
    return f"{name} {number}"


_CUSTOM = re.compile(r"(\w+)_([bdgst])")
"""The columns of custom logs end with their type."""


def _words(name: str) -> tuple[str, ...]:
    """The words of a name in any of the usual spellings: `lastReportedAt`, `last_seen`, `IPAddress`."""
    return tuple(w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name))


def digits_of(name: str, number: int, length: int) -> str:
    """As many hexadecimal digits, other ones for every name and number."""
    return hashlib.sha512(f"{name} {number}".encode()).hexdigest()[:length]


def guid(name: str, number: int) -> str:
    """A GUID, another one for every name and number."""
    d = digits_of(name, number, 32)
    return f"{d[:8]}-{d[8:12]}-4{d[13:16]}-8{d[17:20]}-{d[20:]}"


def _named(*names: str) -> Callable[[str, tuple[str, ...]], bool]:
    wanted = frozenset(names)
    return lambda plain, words: plain in wanted


def _ending(*ends: str) -> Callable[[str, tuple[str, ...]], bool]:
    return lambda plain, words: plain.endswith(ends)


def _with(*any_of: str) -> Callable[[str, tuple[str, ...]], bool]:
    wanted = frozenset(any_of)
    return lambda plain, words: not wanted.isdisjoint(words)


def _last(*any_of: str) -> Callable[[str, tuple[str, ...]], bool]:
    wanted = frozenset(any_of)
    return lambda plain, words: words[-1:] != () and words[-1] in wanted


def _begins(*any_of: str) -> Callable[[str, tuple[str, ...]], bool]:
    wanted = frozenset(any_of)
    return lambda plain, words: len(words) > 1 and words[0] in wanted


def _always(value: Any) -> Maker:
    return lambda name, number: value


def _list(name: str, number: int) -> list[Any]:
    single = re.sub(r"ies$", "y", name) if name.endswith("ies") else name.removesuffix("s")
    made = plausible(single, number) if single != name else f"{name} {number}"
    return made if isinstance(made, list) else [made]


RULES: tuple[tuple[Callable[[str, tuple[str, ...]], bool], Maker], ...] = (
    # What long-running work is asked about: it is done, or whoever waits for it would wait until its limit.
    (_named("status", "provisioningstate", "uploadstatus", "scanstatus"), _always("Succeeded")),
    (_named("progresspercentage"), _always(100)),
    (_named("statuscode", "httpstatuscode"), _always(200)),
    (_named("data", "properties", "object", "additionaldata", "customdetails"), lambda name, number: {}),
    (_named("nextlink", "odatanextlink", "nextpagetoken"), _always(None)),
    (
        _named(
            *("valid", "success", "disposable", "common", "generic", "honeypot", "leaked", "suspect", "active"),
            *("frequentcomplainer", "timedout", "prepaid", "risky", "voip", "donotcall", "malware", "phishing"),
            *("adult", "parking", "spamming", "unsafe", "overridable", "recentabuse", "dnsvalid"),
            *("catchall", "quarantined", "enabled", "deprecated", "detected", "applied", "accountenabled", "noise"),
            *("riot", "deleted", "exploitavailable"),
        ),
        _always(True),
    ),
    (_begins("is", "has", "can"), _always(True)),
    (_named("hasnextpage", "hasmore"), _always(False)),
    (_named("latitude", "lat"), _always(59.91)),
    (_named("longitude", "lon", "lng"), _always(10.75)),
    (_named("asowner"), lambda name, number: f"AS{64495 + number} Example"),
    (_named("asn"), lambda name, number: 64495 + number),
    (
        _named(
            *("suspicious", "malicious", "harmless", "undetected", "timeout", "reputation", "asn", "timestamp"),
            *("total", "count", "limit", "offset", "start", "length", "confidence", "port", "priority", "capacity"),
            *("ipversion", "pagesize", "timessubmitted", "orgprevalence", "globalprevalence", "smtpscore"),
            *("numberoflinestoskip", "numfound", "pwncount", "numdistinctusers", "overallscore"),
        ),
        lambda name, number: number,
    ),
    (_last("count", "number", "score", "total", "size", "percentage", "rank"), lambda name, number: number),
    (_begins("total", "num"), lambda name, number: number),
    (_named("defaultduration"), _always("P30D")),
    (_last("iso", "datetime", "date", "utc", "seen", "expires", "registered"), _always(MOMENT)),
    (_named("timegenerated", "created", "updated", "activated", "lastlogin", "modified", "time"), _always(MOMENT)),
    (_named("statuschanged", "passwordchanged", "lastupdated", "globalfirstobserved"), _always(MOMENT)),
    (_named("globallastobserved"), _always(MOMENT)),
    (lambda plain, words: words[-1:] in (("at",), ("time",)) and len(words) > 1, _always(MOMENT)),
    (_named("entities", "relatedentities", "alerts", "comments", "labels", "results", "rules", "items"), _list),
    (_named("articles", "tactics", "alertproductnames", "hostnames", "nameservers", "nameserver", "tasks"), _list),
    (_named("businessphones", "blacklists", "literals", "objects", "topfilenames", "relatedalertids"), _list),
    (_named("urlentry", "ipaddresses", "ipv4addresses", "updatedfields", "resourceidentifiers", "rdata"), _list),
    (_named("member", "members", "entry", "evidencedetails", "operationids", "techniques"), _list),
    (_named("incidentarmid"), lambda name, number: _incident(name, number)),
    (
        _named("azureid", "azureresourceid", "resourceid", "associatedresource"),
        lambda name, number: f"{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines/host{number}",
    ),
    (_named("subscriptionid", "workspacesubscriptionid", "subid"), _always(SUBSCRIPTION.split("/")[2])),
    (_named("resourcegroup", "resourcegroupname", "workspaceresourcegroup", "rg"), _always("rg-stub")),
    (_named("workspacename"), _always("stub")),
    (_named("mac", "macaddress"), lambda name, number: f"00:00:5E:00:53:{number:02X}"),
    (_with("cidr", "netmask"), _always("203.0.113.0/24")),
    (_named("address", "ip", "srcip", "publicip", "network"), lambda name, number: f"203.0.113.{number}"),
    (_ending("ipaddress", "sourceip", "destinationip", "arecord"), lambda name, number: f"203.0.113.{number}"),
    (_ending("createdip", "creatorip"), lambda name, number: f"203.0.113.{number}"),
    (_ending("ipv4address"), lambda name, number: f"203.0.113.{number}"),
    (_with("email", "mail"), lambda name, number: f"user{number}@contoso.example"),
    (_named("userprincipalname", "login", "assignedto", "upn"), lambda name, number: f"user{number}@contoso.example"),
    (_named("upnsuffix"), _always("contoso.example")),
    (_named("username", "samaccountname"), lambda name, number: f"user{number}"),
    (_named("dnsdomain"), _always("contoso.example")),
    (_named("domain", "domainname", "server"), lambda name, number: f"site{number}.example"),
    (_named("hostname", "devicename"), lambda name, number: f"host{number}"),
    (_with("fqdn", "dns"), lambda name, number: f"host{number}.contoso.example"),
    (_named("host", "rrname"), lambda name, number: f"host{number}.contoso.example"),
    (_last("url", "uri", "link", "href", "website", "reference"), lambda name, number: _url(name, number)),
    (_named("intelcard", "web", "manageurl"), lambda name, number: _url(name, number)),
    (_named("sha1"), lambda name, number: digits_of(name, number, 40)),
    (_named("md5"), lambda name, number: digits_of(name, number, 32)),
    (_named("sha256", "hash", "hashvalue", "filehash"), lambda name, number: digits_of("sha256", number, 64)),
    (_named("algorithm"), _always("SHA256")),
    (_last("phone"), lambda name, number: f"+1555010{number:04d}"),
    (_named("country", "countryname"), _always("Norway")),
    (_named("countrycode"), _always("NO")),
    (_named("continent"), _always("EU")),
    (_named("severity", "risklevel", "risk"), _always("High")),
    (_named("source"), _always("Azure")),
    (_named("tag", "labelname"), lambda name, number: f"tag{number}"),
    (_named("accesstoken"), lambda name, number: "stub-" + digits_of(name, number, 32)),
    (_named("contentbytes", "attachmentcontent", "contentdata"), _always("c3R1Yg==")),
    (_last("id", "guid", "uuid", "oid"), guid),
    (_ending("deviceid", "machineid"), guid),
)
"""The first that fits the name decides: how it is spelled without punctuation, and the words it is made of."""


def _told(name: str, number: int) -> str:
    value = plausible(name, number)
    return value if isinstance(value, str) else f"{name} {number}"


_OF_CUSTOM: dict[str, Maker] = {
    "b": _always(True),
    "d": lambda name, number: number,
    "g": guid,
    "s": _told,
    "t": _always(MOMENT),
}


def _incident(name: str, number: int) -> str:
    id = guid(name, number)
    return f"{WORKSPACE}/providers/Microsoft.SecurityInsights/Incidents/{id}"


def _url(name: str, number: int) -> str:
    return f"https://site{number}.example/{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}"

"""What in alerts answers a question of an investigation: the values of their entities, ranked, without a model.

An alert counts by the words that it shares with the question, by what it is about that the question has named already,
and by the group it is in; a value by whether the question asks for its kind. What the question says itself is seldom
what it asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from huntlake.hunting.alert_entities import AlertFacts
from huntlake.hunting.extraction.lexical import Index
from huntlake.hunting.extraction.words import words
from huntlake.hunting.grouping import grouped

_QUESTION, _NAMED, _GROUP, _TOPIC = 1.0, 0.3, 0.6, 0.5
_SAID_ALREADY, _ELSEWHERE, _UNASKED = 0.2, 0.35, 0.03
_LEAST_NAME = 4
"""Characters of a value that a text names it by: shorter ones are in other words."""
_LONGEST = 20_000

Property = tuple[str, str]

_PROPERTIES: Mapping[str, str] = {
    "account": "Name AadUserId Sid UserPrincipalName DisplayName",
    "azure-resource": "ResourceId",
    "cloud-application": "AppId Name",
    "cloud-logon-session": "SessionId UserAgent",
    "file": "Name",
    "filehash": "Value",
    "host": "HostName FQDN AadDeviceId MdatpDeviceId",
    "ip": "Address",
    "mailbox": "MailboxPrimaryAddress Upn DisplayName",
    "mailmessage": "Recipient Sender P1Sender P2Sender SenderIP Subject NetworkMessageId",
    "malware": "Name",
    "oauth-application": "OAuthAppId Name",
    "process": "CommandLine ProcessId",
    "registry-key": "Key",
    "registry-value": "Name Value",
    "url": "Url",
}
"""What of an entity may be asked for."""

_CUES: tuple[tuple[re.Pattern[str], Mapping[Property, float]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), cue)
    for pattern, cue in (
        (r"\bsids?\b|security identifier", {("account", "Sid"): 1.0}),
        (r"aad ?user ?id|azure ad user id|object ?id|\buser id\b", {("account", "AadUserId"): 1.0}),
        (r"command[- ]?line|\bcommands?\b", {("process", "CommandLine"): 1.0}),
        (r"\burls?\b|\blink\b|\bdomain\b|\bweb ?(?:site|address)\b", {("url", "Url"): 1.0}),
        (r"\bip\b", {("ip", "Address"): 1.0, ("mailmessage", "SenderIP"): 0.5}),
        (r"\bapp ?id|application ?id", {("cloud-application", "AppId"): 1.0, ("oauth-application", "OAuthAppId"): 0.8}),
        (r"subscription", {("azure-resource", "SubscriptionId"): 1.0}),
        (r"resource id", {("azure-resource", "ResourceId"): 1.0}),
        (r"device ?id", {("host", "AadDeviceId"): 1.0}),
        (
            r"recipient|received|delivered",
            {("mailmessage", "Recipient"): 1.0, ("mailbox", "MailboxPrimaryAddress"): 0.6},
        ),
        (
            r"\bsender\b|\bsent\b|\bsending\b",
            {
                ("mailmessage", "Sender"): 0.8,
                ("mailmessage", "P2Sender"): 0.8,
                ("mailbox", "MailboxPrimaryAddress"): 0.5,
            },
        ),
        (
            r"e-?mail|mailbox|user principal|\bupn\b",
            {
                ("mailbox", "MailboxPrimaryAddress"): 0.9,
                ("account", "UserPrincipalName"): 0.8,
                ("mailbox", "Upn"): 0.6,
                ("mailmessage", "Recipient"): 0.3,
            },
        ),
        (r"display name", {("account", "DisplayName"): 1.0, ("mailbox", "DisplayName"): 1.0}),
        (r"\bhash\b|sha-?\d|\bmd5\b", {("filehash", "Value"): 1.0}),
        (r"\bhost(?:name)?\b|\bmachine|\bdevice\b|\bcomputer|\bendpoint\b|\bserver\b", {("host", "HostName"): 0.6}),
        (
            r"\bfile ?names?\b|\bfile\b|\bprocess\b|\btool\b|executable|\bbinary\b|malware|\bprogram\b|payload|script",
            {("file", "Name"): 0.7},
        ),
        (
            r"account name|user ?name|name of the (?:user|account|attacker)|\baccount\b|\buser\b|\bwho\b",
            {("account", "Name"): 0.55},
        ),
    )
)
"""Which words of a question ask for what."""

_SUBSCRIPTION = re.compile(r"subscriptions/([0-9a-fA-F-]{36})")
_SENTENCE = re.compile(r"(?<=[.?!])\s+")


@dataclass(frozen=True, slots=True)
class Answer:
    """A value that may be the answer, as the alert has it, what it is of what type of entity, its score, the alert."""

    value: str
    type: str
    property: str
    score: float
    alert: str


class Investigation:
    """Alerts that questions can be asked of."""

    def __init__(self, alerts: Sequence[AlertFacts]) -> None:
        self._alerts = tuple(alerts)
        self._values = [tuple(dict.fromkeys(_values(alert))) for alert in self._alerts]
        self._named = [{value.lower() for _, value in held if len(value) >= _LEAST_NAME} for held in self._values]
        self._index = Index([words(f"{a.title}\n{a.title}\n{a.description}") for a in self._alerts])
        numbers = {alert.id: n for n, group in enumerate(grouped(self._alerts)) for alert in group}
        self._groups = [numbers[alert.id] for alert in self._alerts]

    def ask(self, question: str, context: str = "", most: int = 10) -> list[Answer]:
        """The likeliest answers to a question, the likeliest first; `context` is what is known of the incident."""
        question, context = question[:_LONGEST], context[:_LONGEST]
        wanted = _wanted(question)
        known = f"{question}\n{context}".lower()
        best: dict[str, Answer] = {}
        for alert, score, held in zip(self._alerts, self._scores(question, context, known), self._values, strict=True):
            for (type, property), value in held:
                key = value.lower()
                weight = wanted.get((type, property), 0.0) + _UNASKED
                total = score * weight * (_SAID_ALREADY if key in known else 1.0)
                if total > (best[key].score if key in best else 0.0):
                    best[key] = Answer(value, type, property, total, alert.id)
        return sorted(best.values(), key=lambda one: (-one.score, one.value))[:most]

    def _scores(self, question: str, context: str, known: str) -> list[float]:
        asked = self._index.scores(set(words(question)))
        told = self._index.scores(set(words(context)))
        asked = asked / (float(asked.max(initial=0)) or 1.0)
        told = told / (float(told.max(initial=0)) or 1.0)
        named = np.array([log(1 + sum(value in known for value in values)) for values in self._named])
        named = named / (float(named.max(initial=0)) or 1.0)
        of_group: dict[int, float] = {}
        for place, group in enumerate(self._groups):
            of_group[group] = max(of_group.get(group, 0.0), float(named[place]) + _TOPIC * float(told[place]))
        return [
            _QUESTION * float(asked[place]) + _NAMED * float(named[place]) + _GROUP * of_group[group]
            for place, group in enumerate(self._groups)
        ]


def _wanted(question: str) -> dict[Property, float]:
    """What a question asks for: its last sentence asks, those before it tell."""
    asking = _SENTENCE.split(question.strip())[-1]
    found: dict[Property, float] = {}
    for pattern, cue in _CUES:
        weight = 1.0 if pattern.search(asking) else _ELSEWHERE if pattern.search(question) else 0.0
        for property, share in cue.items():
            found[property] = max(found.get(property, 0.0), weight * share)
    return found


def _values(alert: AlertFacts) -> Iterator[tuple[Property, str]]:
    for entity in alert.entities:
        for name in _PROPERTIES.get(entity.type, "").split():
            if value := entity.text(name).strip():
                yield (entity.type, name), value
        if entity.type == "account" and entity.text("Name") and entity.text("UPNSuffix"):
            yield ("account", "UserPrincipalName"), f"{entity.text('Name')}@{entity.text('UPNSuffix')}"
        if entity.type == "azure-resource" and (found := _SUBSCRIPTION.search(entity.text("ResourceId"))):
            yield ("azure-resource", "SubscriptionId"), found[1]

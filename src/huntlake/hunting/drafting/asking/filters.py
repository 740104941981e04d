"""Tests for what a question says: of which column, and how."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from huntlake.hunting.drafting.asking.knowledge import NAMED_ACTS, REGIONS, knowledge
from huntlake.hunting.drafting.asking.spoken import Spoken, SpokenValue, ValueKind
from huntlake.hunting.drafting.asking.tables import AskTable, name_words, said
from huntlake.kql.types import ScalarType


@dataclass(frozen=True, slots=True)
class Test:
    """A test of a column; `values` are texts or numbers, `why` what of the question it stands for."""

    __test__ = False  # pytest takes it for a test of its own otherwise

    column: str
    operator: str
    values: tuple[str | int | float, ...]
    why: str
    denied: bool = False


_TEXTS = (ScalarType.STRING, ScalarType.DYNAMIC, ScalarType.GUID)
_NUMBERS = (ScalarType.INT, ScalarType.LONG, ScalarType.REAL, ScalarType.DECIMAL)
_LIKELY: Mapping[ValueKind, Sequence[str]] = {
    ValueKind.ADDRESS: (
        "RemoteIP", "IPAddress", "SourceIP", "ClientIP", "CallerIpAddress", "SourceIpAddress", "IpAddress",
        "SenderIPv4", "IPAddresses", "SourceIPAddress", "NetworkIP", "LocalIP", "DestinationIP", "DestinationIp",
        "PublicIP",
    ),
    ValueKind.MAIL: (
        "AccountUpn", "UserPrincipalName", "SenderFromAddress", "RecipientEmailAddress", "UserId", "AccountDisplayName",
        "Caller", "EmailAddress", "UserName",
    ),
    ValueKind.HASH: ("SHA256", "SHA1", "MD5", "DeviceId", "FileHashValue"),
    ValueKind.KEY: ("DeviceId", "AlertId", "NetworkMessageId", "ReportId"),
    ValueKind.GUID: ("AccountObjectId", "ServicePrincipalId", "UserId", "AppId", "CorrelationId"),
    ValueKind.CVE: ("CveId",),
    ValueKind.URL: ("RemoteUrl", "Url", "FileOriginUrl", "RequestURL"),
    ValueKind.DOMAIN: ("RemoteUrl", "UrlDomain", "Url", "SenderFromDomain", "DomainName", "DestinationHostName"),
    ValueKind.FILE: ("FileName", "InitiatingProcessFileName", "ProcessName", "Process"),
    ValueKind.PATH: ("FolderPath", "RegistryKey", "ProcessCommandLine", "FilePath"),
    ValueKind.WORD: ("EventName", "DeviceName", "AccountName", "Computer", "UserName"),
    ValueKind.QUOTED: ("ProcessCommandLine", "Title", "AlertName", "Subject", "OperationName", "EventName", "RuleName"),
    ValueKind.NUMBER: ("EventID", "RemotePort"),
}  # fmt: skip
"""Columns for a kind of value of which a question says nothing more, the likeliest first."""

_IDLE = frozenset({"type", "sourcesystem", "tenantid", "mg", "managementgroupname", "_resourceid", "_subscriptionid"})
_DULL = frozenset("none unknown other n/a null true false yes no all any new get set azure windows linux".split())
_COMMON = frozenset(
    "high medium low user users device file email event events alert active account system process network machine "
    "name risk domain status login logon group security".split()
)
_COMPARISONS = frozenset((">", ">=", "<", "<="))
_HASHES = {64: "SHA256", 40: "SHA1", 32: "MD5"}
_COUNTRY = r"(?:\b(?:from|in|of|located|the|where|outside)\s)({})[ .]"
_ENOUGH, _ENOUGH_OF_FORM = 1.9, 1.0
_FORMED = {
    ValueKind.ADDRESS, ValueKind.MAIL, ValueKind.HASH, ValueKind.CVE, ValueKind.URL, ValueKind.DOMAIN, ValueKind.FILE,
}  # fmt: skip
"""Kinds of values whose form says much of what they are of."""
_SMALL = frozenset(
    "is by of to in on at for from with and or the a an that this as are was were be it its not has have".split()
)
_DENYING = re.compile(
    r"\b(?:not|never|isn't|aren't|wasn't|weren't|don't|doesn't|didn't|except|excluding|without|other than)"
    r"\s+(?:\w+\s+){0,2}$|\bnon[- ]$",
    re.I,
)
_PLACES = frozenset({"from", "in", "located", "of"})


@dataclass(frozen=True)
class Precedent:
    """A value of a known question, and the column that its query compared it with."""

    table: str
    column: str
    kind: ValueKind
    context: frozenset[str]


class Tests:
    """Finds the tests for a question over one table. `precedents` tell what values of known questions were of."""

    __test__ = False

    def __init__(self, table: AskTable, precedents: Sequence[Precedent] = ()) -> None:
        self._table = table
        self._words = {c: name_words(c) for c in table.columns}
        self._precedents = [p for p in precedents if p.column in table.columns]
        counts: dict[str, int] = {}
        for words in self._words.values():
            for word in set(words):
                counts[word] = counts.get(word, 0) + 1
        self._rarity = {w: 1.0 / math.sqrt(n) for w, n in counts.items()}

    def find(self, asked: Spoken) -> list[Test]:
        """The tests, those of values first."""
        found: list[Test] = []
        places = list(self._places(asked))
        named = {name for place in places for name in place.why.lower().split(", ")}
        for values in _groups(v for v in asked.values if v.text.lower() not in named and not self._is_own_name(v)):
            if (test := self._of_values(values, asked)) is not None:
                found.append(test)
        taken = {t.column for t in found}
        for test in (*places, *self._truths(asked), *self._acts(asked)):
            if test.column not in taken:
                taken.add(test.column)
                found.append(test)
        for test in self._enumerated(asked, [(v.start, v.end) for v in asked.values]):
            if test.column not in taken:
                taken.add(test.column)
                found.append(test)
        for test in self._concepts(asked):
            if test.column not in taken:
                taken.add(test.column)
                found.append(test)
        if (test := self._program(asked)) is not None and test.column not in taken:
            found.append(test)
        return found

    # -- values that the question spells out -------------------------------------

    def _is_own_name(self, value: SpokenValue) -> bool:
        """Whether a word names the table or a column of it, and is no value."""
        if value.kind is not ValueKind.WORD:
            return False
        word = value.text.lower()
        own = {self._table.name.lower(), *map(str.lower, self._table.columns)}
        return word in own or set(name_words(value.text)) <= set(name_words(self._table.name))

    def _of_values(self, values: Sequence[SpokenValue], asked: Spoken) -> Test | None:
        first = values[0]
        best, score = "", 0.0
        for column, type in self._table.columns.items():
            if (found := self._likeness(first, column, type, asked)) > score:
                best, score = column, found
        if not best or score < (_ENOUGH_OF_FORM if first.kind in _FORMED else _ENOUGH):
            return None
        type = self._table.columns[best]
        texts: tuple[str | int | float, ...] = tuple(v.text for v in values)
        if first.operator in _COMPARISONS and type not in _NUMBERS:
            return None
        if type in _NUMBERS:
            numbers = [_number(v.text) for v in values]
            if None in numbers:
                return None
            texts = tuple(n for n in numbers if n is not None)
        why = ", ".join(v.text for v in values)
        return Test(best, _operator(first, type, best), texts, why, first.denied)

    def _likeness(self, value: SpokenValue, column: str, type: ScalarType, asked: Spoken) -> float:
        if column.lower() in _IDLE or type not in (*_TEXTS, *_NUMBERS):
            return 0.0
        if type in _NUMBERS and value.kind not in (ValueKind.NUMBER, ValueKind.KEY):
            return 0.0
        score = _kind_fits(value, column, type)
        if score < 0:
            return 0.0
        if value.kind in (ValueKind.QUOTED, ValueKind.WORD):
            score += 0.3 if column.endswith("Name") else -0.5 if column.endswith("Id") else 0.0
        likely = _LIKELY[value.kind]
        if column in likely:
            score += 1.5 - 0.06 * likely.index(column)
        words = set(self._words[column]) - _SMALL
        spoken = 0.0
        for place, word in enumerate(value.before):
            if word in words:
                spoken += self._rarity[word] * (3.0 if place < 2 else 1.6 if place < 4 else 0.5)
        for place, word in enumerate(value.after):
            if word in words:
                spoken += self._rarity[word] * (1.5 if place < 2 else 0.6)
        if column.lower() in {w.lower() for w in (*value.before, *value.after)}:
            spoken += 4.0
        main = words - {"name", "id", "text", "address"}
        if main and main <= {*value.before[:4], *value.after[:2]}:
            spoken += 1.4
        if value.kind is ValueKind.WORD and value.before[:1] and value.before[0] in _PLACES and "location" in words:
            spoken += 2.5
        if value.kind is ValueKind.WORD and value.before[:1] == ("on",) and {"device", "name"} <= words:
            spoken += 2.0
        score += spoken
        # A longer name says more than the question does.
        heard = {*value.before, *value.after, *asked.words}
        score -= 0.35 * sum(1 for w in words if w not in heard)
        score += self._precedented(value, column)
        return score

    def _precedented(self, value: SpokenValue, column: str) -> float:
        if not self._precedents:
            return 0.0
        context = frozenset((*value.before[:4], *value.after[:2]))
        votes: dict[str, float] = {}
        for one in self._precedents:
            if one.kind is not value.kind:
                continue
            shared = len(context & one.context) / (math.sqrt(len(context) * len(one.context)) or 1.0)
            weight = (0.15 + shared * shared * 4.0) * (1.0 if one.table == self._table.name else 0.5)
            votes[one.column] = votes.get(one.column, 0.0) + weight
        total = sum(votes.values())
        return 3.0 * votes.get(column, 0.0) / total if total > 0.5 else 0.0

    # -- places, truths and acts ------------------------------------------------------

    def _places(self, asked: Spoken) -> Iterator[Test]:
        """Countries and regions of clouds, of a column that has them."""
        of_places = {"location", "region"}
        columns = [c for c, words in self._words.items() if of_places & set(words) and len(words) < 4]
        if not columns:
            return
        if (region := REGIONS.search(asked.text)) is not None:
            column = min(columns, key=lambda c: (len(self._words[c]), c))
            yield Test(column, "==", (re.sub(r"[ -]", "", region[0]).lower(),), region[0])
            return
        text = f" {re.sub(r'[^a-z. ]', ' ', asked.text.lower())} "
        countries = knowledge().countries
        named = [n for n in countries if n != "us" or re.search(r"\bUS\b|\bU\.S", asked.text)]
        among = "|".join(re.escape(n) for n in sorted(named, key=lambda n: (-len(n), n)))
        if (found := re.search(_COUNTRY.format(among), text)) is not None:
            column = min(columns, key=lambda c: ("country" not in c.lower(), len(self._words[c]), c))
            is_spelled = "country" in column.lower() and "iso" not in column.lower()
            denied = bool(re.search(r"\bnot\b|outside|except|other than", text[: found.start(1)][-24:]))
            names, end = [found[1]], found.end(1)
            while more := re.match(rf"\s*(?:and |or |nor )?(?:the |from |in )*({among})(?=[ .])", text[end:]):
                names.append(more[1])
                end += more.end(1)
            values = dict.fromkeys(n.title() if is_spelled else countries[n] for n in names)
            is_other = denied and len(values) == 1
            yield Test(column, "!=" if is_other else "==", tuple(values), ", ".join(names), denied and not is_other)

    def _truths(self, asked: Spoken) -> Iterator[Test]:
        """Columns that are true or false, by their names: `IsDeleted`."""
        text = asked.text.lower()
        for column, type in self._table.columns.items():
            words = [w.lower() for w in re.findall(r"[A-Z][a-z]+", column[2:])] if column.startswith("Is") else []
            if not words or type is not ScalarType.BOOL:
                continue
            if words[-1] == "enabled" and re.search(r"\bdisabled\b", text) and all(w in text for w in words[:-1]):
                yield Test(column, "==", ("false",), "disabled")
                continue
            named = r"[ -]?".join(_stem(w) + r"(?:ed|ing|s)?" for w in words)
            if found := re.search(rf"\b(not (?:\w+ ){{0,2}}|non[- ]?|un)?{named}\b", text):
                yield Test(column, "==", ("false" if found[1] else "true",), found[0])

    def _acts(self, asked: Spoken) -> Iterator[Test]:
        """Names of operations that are made of a verb and what it is done to: `DeleteBucket`."""
        if self._table.name not in NAMED_ACTS or any(re.search(r"[a-z][A-Z]", v.text) for v in asked.values):
            return
        found = []
        for verb, form in knowledge().acts.items():
            spoken = rf"\b(?:(?P<before>[a-z]+) )?{form}(?P<of> of)?(?: an?| the)?(?: (?P<after>[a-z]+))?"
            for match in re.finditer(spoken, asked.text, re.I):
                # `bucket deletion`, but `deletion of a bucket` and `deleted bucket`.
                is_behind = re.search(r"(?:ion|m[e]nt)\b", match[0]) and not match["of"]
                noun = (match["before"] if is_behind else match["after"]) or ""
                if noun and noun.lower() not in _SMALL | _DULL:
                    found.append(verb.capitalize() + _stem(noun.lower()).capitalize())
        if found:
            yield Test("EventName", "has_any" if len(found) > 1 else "contains", tuple(dict.fromkeys(found)), found[0])

    # -- values that a column is known to have ------------------------------------

    def _enumerated(self, asked: Spoken, taken: Sequence[tuple[int, int]]) -> Iterator[Test]:
        text = asked.text
        for start, end in taken:
            text = text[:start] + " " * (end - start) + text[end:]
        words = [_stem(w.lower()) for w in re.findall(r"[A-Za-z]+|\d+", text)]
        places = {w: i for i, w in enumerate(words)}
        spoken = set(words)
        of_table = {said(_stem(w)) for w in name_words(self._table.name)}
        text_words = list(re.finditer(r"[A-Za-z]+|\d+", text))
        found: list[tuple[float, str, str, int]] = []
        for column, values in self._table.values.items():
            if column not in self._table.columns or column.lower() in _IDLE:
                continue
            type = self._table.columns[column]
            for value in values:
                if len(value) > 60 or type not in (*_TEXTS, ScalarType.BOOL):
                    continue
                parts = [_stem(p.lower()) for p in _pieces(value)]
                if not parts or value.lower() in _DULL or not set(parts) <= spoken:
                    continue
                if {said(p) for p in parts} <= of_table or (
                    len(parts) == 1 and (len(parts[0]) < 3 or parts[0].isdigit())
                ):
                    continue
                at = [places[p] for p in parts]
                if max(at) - min(at) > len(parts) + 1:
                    continue
                named = [w for w in self._words[column] if _stem(w) in spoken or w in asked.words]
                share = len(named) / max(len(self._words[column]), 1)
                score = len(parts) + 1.5 * share
                found.append((score, column, value, min(at)))
        found.sort(key=lambda f: (-f[0], len(f[1]), f[1]))
        used: set[str] = set()
        for score, column, value, at_word in found:
            parts_of = {_stem(p.lower()) for p in _pieces(value)}
            # What is said once is asked of one column.
            if parts_of & used:
                continue
            share = score - len(parts_of)
            if len(parts_of) == 1 and share <= 0 and not _is_telling(value):
                continue
            used |= parts_of
            together = [value]
            if re.search(r"\bor\b|\band\b|,", text):
                alike = (v for s, c, v, _ in found if c == column and s == score)
                together += [v for v in alike if not parts_of & {_stem(p.lower()) for p in _pieces(v)}][:4]
            yield Test(column, "==", tuple(together), value, _is_denied(text[: text_words[at_word].start()]))

    # -- what is generally known ---------------------------------------------------

    def _concepts(self, asked: Spoken) -> Iterator[Test]:
        for concept in knowledge().concepts:
            if concept.column not in self._table.columns:
                continue
            if concept.tables and self._table.name not in concept.tables:
                continue
            if (found := concept.said.search(asked.text)) is not None:
                values = concept.values
                if self._table.columns[concept.column] is ScalarType.STRING:
                    values = tuple(str(v) for v in values)
                yield Test(concept.column, concept.operator, values, found[0], _is_denied(asked.text[: found.start()]))

    def _program(self, asked: Spoken) -> Test | None:
        text = asked.text.lower()
        named = [w for w in re.findall(r"[a-z0-9_]+", text) if w in knowledge().programs]
        if not named or any(v.kind is ValueKind.FILE or named[0] in v.text.lower() for v in asked.values):
            return None
        denied = bool(re.search(rf"\b(?:not|except|excluding|without|other than)\b[\w\s]{{0,25}}\b{named[0]}\b", text))
        starts = re.search(r"\b(?:initiat|launched by|started by|opened|using|with|from|by)\w*\b", asked.text, re.I)
        columns = ("InitiatingProcessFileName", "FileName") if starts else ("FileName", "InitiatingProcessFileName")
        column = next((c for c in columns if c in self._table.columns), None)
        if column is None or not re.search(r"Process|File|Network|DeviceEvents|Image|Registry", self._table.name):
            return None
        return Test(column, "in~", tuple(dict.fromkeys(f"{n}.exe" for n in named)), ", ".join(named), denied)


def _groups(values: Iterable[SpokenValue]) -> list[list[SpokenValue]]:
    found: list[list[SpokenValue]] = []
    for value in values:
        if found and found[-1][0].group == value.group and found[-1][0].kind is value.kind:
            found[-1].append(value)
        elif found and found[-1][0].group == value.group and {value.kind, found[-1][0].kind} <= _LOOSE:
            found[-1].append(replace(value, kind=found[-1][0].kind))
        else:
            found.append([value])
    return found


_LOOSE = {ValueKind.QUOTED, ValueKind.WORD, ValueKind.FILE, ValueKind.DOMAIN}


def _kind_fits(value: SpokenValue, column: str, type: ScalarType) -> float:
    """What the form of a value says for a column; less than nothing where it can't be of it."""
    name = column.lower()
    match value.kind:
        case ValueKind.ADDRESS:
            return 1.5 if re.search(r"ip(v4|v6|addr|$|address|es)|address$|_ip", name) else -1
        case ValueKind.HASH:
            if column == _HASHES.get(len(value.text)):
                return 2.0
            return 0.5 if name.endswith("id") or "hash" in name else -1
        case ValueKind.CVE:
            return 1.0 if "cve" in name or name in ("title", "name") else -1
        case ValueKind.NUMBER:
            if type in _NUMBERS:
                return 0.3
            return 0.0 if re.search(r"id$|code|port|type|version|result", name) else -1
        case ValueKind.MAIL:
            return (
                0.6
                if re.search(r"upn|mail|address|principal|user|account|sender|recipient|caller|identity", name)
                else -1
            )
        case ValueKind.URL | ValueKind.DOMAIN:
            return 0.6 if re.search(r"url|domain|host|dns|address|name|uri|link", name) else -1
        case ValueKind.FILE:
            return 0.6 if re.search(r"file|process|commandline|path|application|title|image|parent", name) else -1
        case ValueKind.GUID | ValueKind.KEY:
            return 0.6 if name.endswith(("id", "ids", "guid", "sid")) else -0.2 if type in _NUMBERS else 0.0
        case _:
            return 0.0


def _operator(value: SpokenValue, type: ScalarType, column: str) -> str:
    if type in _NUMBERS:
        return value.operator if value.operator in _COMPARISONS else "=="
    match value.operator:
        case "startswith" | "endswith" | "contains" | "has":
            return value.operator
        case "regex":
            return "matches regex"
    if value.kind in (ValueKind.URL, ValueKind.DOMAIN, ValueKind.PATH) or re.search(
        r"CommandLine|Path|Title|Subject|Url", column
    ):
        return "has"
    if value.kind is ValueKind.WORD and re.search(r"DeviceName|Computer|HostName", column):
        # Names of machines are kept with their domain.
        return "has"
    if value.kind in (ValueKind.MAIL, ValueKind.FILE, ValueKind.WORD):
        return "=~"
    return "=="


def _number(text: str) -> int | float | None:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return None


def _is_denied(before: str) -> bool:
    """Whether what follows these words is said not to be so."""
    return bool(_DENYING.search(before))


def _pieces(value: str) -> list[str]:
    return re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", value)


def _stem(word: str) -> str:
    word = said(word) if word in ("logons", "logins") else word
    for end in ("ing", "ed", "es", "s"):
        if word.endswith(end) and len(word) - len(end) >= 4:
            return word[: -len(end)]
    return word


def _is_telling(value: str) -> bool:
    """Whether a single word says what it is of: `High` may be of anything, `Outbound` hardly."""
    return len(value) >= 5 and value.lower() not in _COMMON

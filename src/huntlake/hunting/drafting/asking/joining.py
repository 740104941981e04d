"""Questions about rows of two tables: who did one thing and also, or then, another; what forms of them are understood.

Each half is a question of its own. They are joined by the thing that both are about, where the question names it and
both tables have a column for it; else it is said that the query is over one table alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from huntlake.hunting.drafting.asking.tables import AskTable
from huntlake.hunting.drafting.quoting import column
from huntlake.kql.types import ScalarType

Keys = Mapping[str, Mapping[str, str]]
"""By thing, the column of each table that names it."""


class How(StrEnum):
    """How the halves go together: the first's rows whose thing the second has, or the second's after the first's."""

    ALSO = "also"
    THEN = "then"


@dataclass(frozen=True, slots=True)
class Halves:
    """A question in two: what happened first, what else, of which thing (`` where it isn't said), and how.

    `within` is how long after the first the second happened at most, as KQL says it. `names` are the tables that it
    says to join, `` for the first where only its facts are told; `on` are the words that say by what.
    """

    first: str
    second: str
    thing: str
    how: How
    within: str = ""
    names: tuple[str, ...] = ()
    on: str = ""


_THINGS = {
    "account": r"users?|accounts?|people|persons?|identit(?:y|ies)|employees?|upns?|mailbox(?:es)?|recipients?|"
    r"callers?",
    "machine": r"devices?|machines?|hosts?|computers?|servers?|endpoints?|workstations?",
    "address": r"ip addresses|ip address|ips?|addresses|address",
    "file": r"files?|hash(?:es)?|attachments?",
    "message": r"e?-?mails?|messages?",
}
_THING = "|".join(_THINGS.values())
_OF = "from|by|of|on|for|to|at|with|in"
_WITHIN = r"within\s+(?:the\s+(?:next|same)\s+)?(?P<n>\d{1,4})\s*(?P<unit>minutes?|mins?|hours?|hrs?|days?)"
_FORMS: tuple[tuple[re.Pattern[str], How], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), how)
    for pattern, how in (
        (
            rf"^(?P<first>.*?\b(?P<thing>{_THING})\b\s+(?:that|which|who)\b.+?),?\s+(?:and|but)\s+(?:(?:have|had)\s+)?"
            r"(?:then|later|afterwards|subsequently)\s+(?P<second>.+)$",
            How.THEN,
        ),
        (rf"^(?P<first>.*?\b(?P<thing>{_THING})\b.+?),?\s+followed\s+by\s+(?P<second>.+)$", How.THEN),
        (
            rf"^(?P<first>.*?\b(?P<thing>{_THING})\b\s+(?:that|which|who)\b.+?),?\s+and\s+(?:(?:have|had|were|was|are)\s+)?"
            r"also\s+(?P<second>.+)$",
            How.ALSO,
        ),
        (
            rf"^(?P<first>.*?\b(?P<thing>{_THING})\b)\s+(?:that|which|who|whose)\s+(?:(?:have|had|has|were|was|are)\s+)?"
            r"also\s+(?P<second>.+)$",
            How.ALSO,
        ),
    )
)
_LEAD = (
    r"(?:(?:show|list|find|get|give|count|how\s+many)\s+(?:me\s+)?)?(?:all\s+|the\s+)*"
    rf"(?:(?:{_THING})\s+(?:that|which|who)\s+)?(?:(?:have|had)\s+)?"
)
_TAIL = re.compile(
    r"\s+(?:(?:in|over|during|within|for)\s+)?(?:the\s+)?(?:last|past)\s+(?:\d+\s+)?\w+$|\s+(?:today|yesterday)$",
    re.IGNORECASE,
)
_ACTS = {
    table: re.compile(rf"{_LEAD}(?:{act})", re.IGNORECASE)
    for table, act in {
        "UrlClickEvents": r"click(?:ed|s)?(?:\s+(?:on\s+)?(?:an?\s+|the\s+|any\s+)?(?:links?|urls?))?",
        "SigninLogs": r"sign(?:ed)?[ -]?ins?",
        "EmailEvents": r"(?:received|got|sent)\s+(?:an?\s+|any\s+)?(?:e?-?mails?|messages?)",
        "DeviceLogonEvents": r"(?:an?\s+)?log(?:ged)?[ -]?on(?:s)?",
    }.items()
}
"""What rows of a table are about, all of them, in words."""
_NAMED_JOIN = re.compile(r"(?<!domain[ -])(?<!domained )\bjoin(?:s|ed|ing)?\b", re.IGNORECASE)
_ON = re.compile(
    r"\b(?:on|by|over|using)\b(?P<on>.*?)(?=[.,;]|\b(?:to|where|with|limit|limited|for|show)\b|$)", re.IGNORECASE
)
_MEANS_TWO = re.compile(
    r"(?<!domain[ -])(?<!domained )\bjoin(?:s|ed|ing)?\b|\bfollowed\s+by\b"
    r"|\b(?:and|but)\s+(?:then|later|afterwards|subsequently)\b"
    r"|\b(?:that|which|who|whose)\s+(?:\w+\s+)?also\b|\band\s+(?:\w+\s+)?also\b",
    re.IGNORECASE,
)
_SHARED = {
    "account": ("AccountObjectId", "AccountUpn", "UserPrincipalName", "AccountSid", "AccountName"),
    "machine": ("DeviceId", "DeviceName", "Computer"),
    "address": ("RemoteIP", "IPAddress", "SourceIP"),
    "file": ("SHA256", "SHA1"),
    "message": ("NetworkMessageId",),
}
"""Columns that mean the same thing wherever they are, the surest first."""
_MEANT = {
    "account": ("UserPrincipalName", "AccountUpn", "Caller", "UserId", "AccountUPN"),
    "machine": ("DeviceName", "Computer", "HostName"),
    "address": ("IPAddress", "CallerIpAddress", "ClientIP", "RemoteIP", "IpAddress", "SourceIP", "IPAddresses"),
}
"""What somebody means by the thing who says to join two tables by it, the likeliest first."""


def halves(question: str, names: Sequence[str]) -> Halves | None:
    """A question in two, by the forms that are known; `names` are the tables that it names, in its order."""
    for form, how in _FORMS:
        if (found := form.match(question)) is not None:
            second, within = _without_window(found["second"])
            # The thing is what both are joined by, and no value of the first.
            first = re.sub(
                rf"\b(?:{_OF})\s+(?:the\s+|those\s+)?(?:{_THING})\s*$", "", found["first"], flags=re.IGNORECASE
            )
            return Halves(first.strip() or found["first"], second, _thing(found["thing"]), how, within)
    joined = _NAMED_JOIN.search(question)
    if joined is None or len(names) not in (1, 2):
        return None
    before, after = question[: joined.start()], question[joined.end() :]
    on = _ON.search(after)
    said = on["on"] if on else ""
    # `Join A and B`: what is said is said of the first.
    first, second = (before, after) if len(before.split()) > 2 else (question, "")
    if len(names) == 1:
        if not second or not re.search(rf"\b{re.escape(names[0])}\b", after, re.IGNORECASE):
            return None
        names = ("", names[0])
    return Halves(first, second, _thing(said), How.ALSO, names=tuple(names), on=said)


def means_two(question: str) -> bool:
    """Whether a question seems to be about rows of two tables."""
    return _MEANS_TWO.search(question) is not None


def keys(first: AskTable, second: AskTable, halves: Halves, known: Keys) -> tuple[str, str] | None:
    """What of each table's rows is the same where both are about the same thing, in KQL; None where nobody knows."""
    if (named := _named(first, second, halves.on)) is not None:
        return named
    for thing in [halves.thing] if halves.thing else list(_SHARED):
        of = known.get(thing, {})
        if first.name in of and second.name in of:
            return _key(thing, of[first.name], first), _key(thing, of[second.name], second)
        for name in _SHARED.get(thing, ()):
            if name in first.columns and name in second.columns:
                return _key("", name, first), _key("", name, second)
        if halves.names and halves.thing:
            mine, theirs = (next((c for c in _MEANT.get(thing, ()) if c in t.columns), "") for t in (first, second))
            if mine and theirs:
                return _key(thing, mine, first), _key(thing, theirs, second)
    return None


def _named(first: AskTable, second: AskTable, on: str) -> tuple[str, str] | None:
    """The columns that the words after `on` name, of each table."""
    words = [w.lower() for w in re.findall(r"\w+", on)]
    mine, theirs = ([w for w in words if w in {c.lower() for c in t.columns}] for t in (first, second))
    if not mine or not theirs:
        return None
    one = next((w for w in mine if w in theirs), "")
    pair = (one, one) if one else (mine[0], theirs[0])
    names = ({c.lower(): c for c in t.columns}[w] for t, w in zip((first, second), pair, strict=True))
    left, right = names
    return _key("", left, first), _key("", right, second)


def joined(
    first: Sequence[str], second: Sequence[str], on: tuple[str, str], halves: Halves, times: tuple[str, str]
) -> list[str]:
    """The steps of two queries as those of one; `times` are the columns of their times."""
    mine, theirs = (
        [*steps, f"extend Same = {key}", "where isnotempty(Same)"] for steps, key in ((first, on[0]), (second, on[1]))
    )
    if halves.how is How.ALSO:
        return [*mine, f"join kind=leftsemi (\n    {_inside(theirs)}\n    ) on Same"]
    if halves.within:
        mine.append(f"project Same, Before = {times[0]}")
        after = f"where {times[1]} between (Before .. Before + {halves.within})"
    else:
        mine.append(f"summarize Before = min({times[0]}) by Same")
        after = f"where {times[1]} > Before"
    return [*mine, f"join kind=inner (\n    {_inside(theirs)}\n    ) on Same", after, "project-away Same1"]


def _inside(steps: Sequence[str]) -> str:
    return "\n    | ".join(steps)


def _key(thing: str, name: str, table: AskTable) -> str:
    text = column(name) if table.columns[name] is ScalarType.STRING else f"tostring({column(name)})"
    return f"tolower(tostring(split({text}, '.')[0]))" if thing == "machine" else f"tolower({text})"


def is_act_of(table: str, half: str) -> bool:
    """Whether a half says that what all rows of a table are about has happened, and nothing more."""
    return table in _ACTS and _ACTS[table].fullmatch(_TAIL.sub("", half.strip(" .?!"))) is not None


def is_thing(text: str) -> bool:
    """Whether a word is only what the halves are joined by."""
    return re.fullmatch(_THING, text, re.IGNORECASE) is not None


def _thing(text: str) -> str:
    for thing, pattern in _THINGS.items():
        if re.search(rf"\b(?:{pattern})\b", text, re.IGNORECASE):
            return thing
    return ""


def _without_window(text: str) -> tuple[str, str]:
    """A half without the words that say how soon it follows, and that as KQL says it."""
    found = re.search(_WITHIN, text, re.IGNORECASE)
    if found is None:
        return text, ""
    return f"{text[: found.start()]} {text[found.end() :]}".strip(), f"{found['n']}{found['unit'][0].lower()}"


def candidates(first: Sequence[str], second: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of tables for the halves, the likeliest first."""
    pairs = [(a + b, x, y) for a, x in enumerate(first) for b, y in enumerate(second)]
    yield from ((x, y) for _, x, y in sorted(pairs, key=lambda pair: pair[0]))

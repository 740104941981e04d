"""Which effects a person must approve first: whatever contains something always, and what rules say beside."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation
from huntlake.playbooks.connectors.judging import judged
from huntlake.state.documents import Document, Shelf
from huntlake.state.records import Author, Owner, Records

NOBODY = Author()
EXPIRES = timedelta(hours=24)
"""How long a person has to decide where no rule says it."""

LONGEST = timedelta(days=30)

CONTAINMENT = "containment"
"""The name under which what always holds is told."""

KeyAssets = Callable[[str, str], Sequence[tuple[str, Mapping[str, str]]] | None]
"""The items of a workspace's watchlist of that alias: what it is searched by, and the whole row; None without one."""

_ADDRESS = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)(?:/\d{1,3})?(?![\w:]|\.\d)")


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """Calls that match everything said here need an approval. Patterns have `*` and `?`, and any case."""

    description: str = ""
    connector: str = "*"
    operation: str = "*"
    """Pattern of the operation's id."""
    path: str = "*"
    """Pattern of the path of the call, decoded; for actions by URL, the URL."""
    effects: tuple[Effect, ...] = (Effect.WRITE, Effect.CONTAIN)
    watchlist: str = ""
    """Alias of a watchlist of critical assets: only calls that name one of its items."""
    tag: str = ""
    """Of that watchlist, only the items whose column `Tags` holds this one."""
    ranges: tuple[str, ...] = ()
    """Networks: only calls that name an address in one of them."""
    minutes: int = int(EXPIRES.total_seconds()) // 60
    """How long a person has to decide."""
    four_eyes: bool = False
    """Whoever set the run off may not decide."""
    approvers: tuple[str, ...] = ()
    """Names or object ids of those who may decide; empty: everyone who may respond in the workspace."""
    enabled: bool = True
    created: datetime | None = None
    changed: datetime | None = None
    changed_by: Author = NOBODY


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of whoever approves a call: the strictest of all that the rules say that match it."""

    reasons: tuple[str, ...]
    expires: timedelta = EXPIRES
    four_eyes: bool = False
    approvers: tuple[frozenset[str], ...] = ()
    """Of each of these, whoever decides must be one."""


def approval_rules(shelf: Shelf, clock: Clock) -> Records[ApprovalRule]:
    """The rules of each workspace, by name."""
    return Records(shelf, clock, "approval rules", ApprovalRule, _stamped)


def wanted(
    owner: Owner, asked: Asked, operation: Operation, rules: Sequence[Document[ApprovalRule]], assets: KeyAssets
) -> Wanted | None:
    """What must be approved before a call is made, and why; None where nothing must."""
    matching = [
        (d.name, d.value) for d in rules if d.value.enabled and _matches(owner[0], d.value, asked, operation, assets)
    ]
    reasons = tuple(name for name, _ in matching)
    if judged(asked, operation) is Effect.CONTAIN:
        reasons = (CONTAINMENT, *reasons)
    if not reasons:
        return None
    return Wanted(
        reasons,
        min((timedelta(minutes=r.minutes) for _, r in matching), default=EXPIRES),
        any(r.four_eyes for _, r in matching),
        tuple(frozenset(a.lower() for a in r.approvers) for _, r in matching if r.approvers),
    )


def foreseen(connector: str, operation: Operation, rules: Sequence[Document[ApprovalRule]]) -> str:
    """Why calls of an operation wait for a person, before it is known what they name; empty where none ever does."""
    told = [CONTAINMENT] if operation.effect is Effect.CONTAIN else []
    for rule in (d for d in rules if d.value.enabled and operation.effect in d.value.effects):
        value = rule.value
        pairs = ((connector, value.connector), (operation.id, value.operation))
        if all(fnmatchcase(name.lower(), pattern.lower()) for name, pattern in pairs):
            bound = value.watchlist or value.ranges or value.path != "*"
            told.append(f"{rule.name} (if it names what the rule is about)" if bound else rule.name)
    return ", ".join(told)


def _matches(workspace: str, rule: ApprovalRule, asked: Asked, operation: Operation, assets: KeyAssets) -> bool:
    if judged(asked, operation) not in rule.effects:
        return False
    patterns = (
        (asked.connector, rule.connector),
        (operation.id, rule.operation),
        (unquote(unquote(asked.path)), rule.path),
    )
    if not all(fnmatchcase(value.lower(), pattern.lower()) for value, pattern in patterns):
        return False
    if not rule.watchlist and not rule.ranges:
        return True
    texts = list(_texts(asked))
    return _names_one(workspace, rule, texts, assets) or _in_ranges(rule.ranges, texts)


def _names_one(workspace: str, rule: ApprovalRule, texts: list[str], assets: KeyAssets) -> bool:
    if not rule.watchlist:
        return False
    items = assets(workspace, rule.watchlist)
    if items is None:
        # A list that is gone protects nothing: better ask once too often.
        return True
    for key, row in items:
        tags = next((v for k, v in row.items() if k.lower() == "tags"), "")
        if rule.tag and rule.tag.lower() not in re.split(r"[\s,;\[\]\"']+", tags.lower()):
            continue
        names = {key.strip().lower()}
        # A host may be called by its first name.
        if "@" not in key and "." in key and not _ADDRESS.fullmatch(key.strip()):
            names.add(key.strip().lower().partition(".")[0])
        for name in names - {""}:
            whole = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
            if any(whole.search(text) for text in texts):
                return True
    return False


def _in_ranges(ranges: Sequence[str], texts: list[str]) -> bool:
    networks = [ipaddress.ip_network(r, strict=False) for r in ranges]
    for text in texts:
        for found in _ADDRESS.findall(text):
            try:
                named = ipaddress.ip_network(found, strict=False)
            except ValueError:
                continue
            if any(n.version == named.version and n.overlaps(named) for n in networks):
                return True
    return False


def _texts(asked: Asked) -> Iterator[str]:
    """Every text of a call, in lower case, as it is and decoded."""
    said: list[Any] = [asked.path, dict(asked.arguments), dict(asked.queries), dict(asked.headers), asked.body]
    while said:
        one = said.pop()
        match one:
            case str():
                for text in {one, unquote(one), unquote(unquote(one))}:
                    yield text.lower()
                if one[:1] in ("{", "["):
                    try:
                        said.append(json.loads(one))
                    except (ValueError, RecursionError):
                        continue
            case Mapping():
                said.extend(one.keys())
                said.extend(one.values())
            case list() | tuple():
                said.extend(one)
            case int() | float():
                yield str(one)


def _stamped(rule: ApprovalRule, before: ApprovalRule | None, by: Author, now: datetime) -> ApprovalRule:
    if not timedelta(minutes=1) <= timedelta(minutes=rule.minutes) <= LONGEST:
        raise Invalid("a person has between a minute and 30 days to decide")
    if Effect.READ in rule.effects:
        raise Invalid("an approval of what only reads is not supported: such calls are never held back")
    if not rule.effects:
        raise Invalid(f"an approval rule names at least one effect: {Effect.WRITE}, {Effect.CONTAIN}")
    if rule.tag and not rule.watchlist:
        raise Invalid("a `tag` is one of a watchlist's items: say its alias, too")
    for network in rule.ranges:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise Invalid(f"`{network[:60]}` is no network such as `10.0.0.0/8`") from None
    return replace(rule, created=before.created if before else now, changed=now, changed_by=by)

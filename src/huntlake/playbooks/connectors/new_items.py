"""What is new since a trigger asked last, of anything that can be listed.

What is known already stands in the address that an answer gives for the next question, as polling triggers have it:
whoever asks there keeps it, and nothing is kept here. The first answer sets the line: nothing that was there before
sets anything off.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from huntlake.core.errors import Invalid
from huntlake.playbooks.connectors.connector import Asked
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer

STATE = "triggerState"
_KNOWN = 2_000
"""How many items are remembered by name; of older ones only how old they are."""
_PAGES = 20


@dataclass(frozen=True)
class Page:
    """Some items, the newest first, and where those before them are, if there are more."""

    items: Sequence[Mapping[str, Any]]
    next: str = ""


Pages = Callable[[Asked, str], Page | Answer]
"""A page of what is listed, the first or the one at a link; an answer where there is none."""


@dataclass(frozen=True)
class NewItems:
    """Answers with the items that are new, the oldest first; 202 where there are none."""

    pages: Pages
    name: Callable[[Mapping[str, Any]], str]
    """What tells an item from others, and from what it was before where a change makes it new."""
    at: Callable[[Mapping[str, Any]], datetime | None]
    """When it was made, or changed."""

    def __call__(self, asked: Asked) -> Answer:
        """What is new. `Invalid` where what is known already can't be read."""
        known = _Known.read(text(asked.queries.get(STATE)))
        bare = replace(asked, queries={k: v for k, v in asked.queries.items() if k != STATE})
        found: dict[str, tuple[datetime | None, Mapping[str, Any]]] = {}
        link = ""
        for _ in range(_PAGES):
            page = self.pages(bare, link)
            if isinstance(page, Answer):
                return page
            fresh = [(_short(self.name(i)), self.at(i), i) for i in page.items]
            fresh = [(n, at, i) for n, at, i in fresh if known is None or known.new(n, at)]
            found |= {n: (at, i) for n, at, i in fresh}
            # Behind a page that holds something known there is nothing new.
            if known is None or not page.next or len(fresh) < len(page.items):
                break
            link = page.next
        else:
            raise Invalid(f"more than {_PAGES} pages of new items at once are not supported: ask more often")
        newest_last = list(reversed(found.items()))
        if known is None:
            line = max((at for at, _ in found.values() if at is not None), default=asked.context.now)
            known, given = _Known(line, ()), []
        else:
            given = [item for _, (_, item) in newest_last]
        known = known.more((n, at) for n, (at, _) in newest_last)
        where = f"{asked.path}?{urlencode({**{k: text(v) for k, v in bare.queries.items()}, STATE: known.written()})}"
        return Answer(200 if given else 202, {"Location": where}, {"value": given} if given else None)


@dataclass(frozen=True)
class _Known:
    line: datetime
    """What is older isn't new."""
    names: tuple[tuple[str, str], ...]
    """Those that are known since, and when they were made, the oldest first."""

    def new(self, name: str, at: datetime | None) -> bool:
        return (at is None or at >= self.line) and all(name != known for known, _ in self.names)

    def more(self, found: Iterable[tuple[str, datetime | None]]) -> _Known:
        names = (*self.names, *((n, at.isoformat() if at else "") for n, at in found))
        gone, left = names[:-_KNOWN], names[-_KNOWN:]
        line = max([self.line, *(datetime.fromisoformat(at) for _, at in gone if at)])
        return _Known(line, left)

    def written(self) -> str:
        said = json.dumps([self.line.isoformat(), *self.names], separators=(",", ":"))
        return base64.urlsafe_b64encode(said.encode()).decode()

    @classmethod
    def read(cls, written: str) -> _Known | None:
        if not written:
            return None
        try:
            line, *names = json.loads(base64.urlsafe_b64decode(written.encode()))
            return cls(datetime.fromisoformat(line), tuple((str(n), str(at)) for n, at in names))
        except (ValueError, TypeError):
            raise Invalid(f"`{STATE}` is none of this connector's") from None


def moment(said: Any) -> datetime | None:
    """A time as services write it, or None for what is none."""
    try:
        at = datetime.fromisoformat(text(said))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _short(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:20]

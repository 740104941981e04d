"""The clocks of rules, as they are kept: a document for each rule, changed by whoever has seen its last version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, cast

from huntlake.core.errors import Conflict, PreconditionFailed
from huntlake.detection.scheduling.timetable import Gap, RuleClock, RunRecord
from huntlake.state.documents import Document, Documents, Json, Shelf

Key = tuple[str, str]
"""A workspace's name, and a rule's in lower case."""

Change = Callable[[RuleClock], RuleClock]


class Ledger(Protocol):
    """Where the clocks of rules are kept. Each method is one atomic step, also among several servers."""

    def read(self, key: Key) -> RuleClock | None: ...
    def begin(self, key: Key, clock: RuleClock) -> RuleClock:
        """Keep the first clock of a rule; the one that is there already, where there is one."""
        ...

    def change(self, key: Key, how: Change) -> RuleClock:
        """Replace a clock by `how` of it, which may be called several times. `NotFound` where there is none."""
        ...

    def forget(self, key: Key) -> None: ...
    def all(self, workspace: str) -> Mapping[Key, RuleClock]: ...


class StateLedger:
    """The clocks of a kind as documents of a shelf."""

    def __init__(self, shelf: Shelf, kind: str = "rule") -> None:
        self._shelf, self._kind = shelf, kind

    def read(self, key: Key) -> RuleClock | None:
        """A rule's clock, or None."""
        found = self._documents(key[0]).find(key[1])
        return None if found is None else found.value

    def begin(self, key: Key, clock: RuleClock) -> RuleClock:
        """Keep the first clock of a rule; the one that is there already, where there is one."""
        documents = self._documents(key[0])
        while True:
            try:
                return documents.put(key[1], clock, create_only=True).value
            except Conflict:
                if (found := documents.find(key[1])) is not None:
                    return found.value

    def change(self, key: Key, how: Change) -> RuleClock:
        """Replace a clock by `how` of it; it is only written where that differs."""
        documents = self._documents(key[0])
        while True:
            before: Document[RuleClock] = documents.get(key[1])
            after = how(before.value)
            if after == before.value:
                return after
            try:
                return documents.put(key[1], after, if_match=before.etag).value
            except PreconditionFailed:
                continue

    def forget(self, key: Key) -> None:
        """Forget a rule's clock."""
        self._documents(key[0]).delete(key[1])

    def all(self, workspace: str) -> Mapping[Key, RuleClock]:
        """The clocks of a workspace."""
        return {(workspace, d.name): d.value for d in self._documents(workspace).list()}

    def _documents(self, workspace: str) -> Documents[RuleClock]:
        return Documents(self._shelf, f"{self._kind} clocks of {workspace}", encoded, decoded)


def encoded(clock: RuleClock) -> Json:
    """A clock as JSON; what it hasn't got is left out."""
    said: dict[str, Json] = {"last": clock.last.isoformat()}
    if clock.gaps:
        said["gaps"] = [[_at(g.after), _at(g.until), g.tries, _at(g.not_before)] for g in clock.gaps]
    if clock.skipped:
        said["skipped"] = [[_at(a), _at(u)] for a, u in clock.skipped]
    if clock.failures:
        said |= {"failures": clock.failures, "failure": clock.failure}
    if clock.stopped:
        said["stopped"] = True
    if clock.modified:
        said["modified"] = _at(clock.modified)
    if clock.found:
        said["found"] = dict(clock.found)
    if clock.recent:
        said["recent"] = [[_at(r.until), _at(r.at), r.rows, r.alerts, r.milliseconds, r.failure] for r in clock.recent]
    return said


def decoded(value: Json) -> RuleClock:
    """The clock that JSON says."""
    said = cast("dict[str, Any]", value)
    return RuleClock(
        last=_moment(said["last"]),
        gaps=tuple(Gap(_moment(a), _moment(u), n, _moment(b) if b else None) for a, u, n, b in said.get("gaps", ())),
        skipped=tuple((_moment(a), _moment(u)) for a, u in said.get("skipped", ())),
        failures=said.get("failures", 0),
        failure=said.get("failure", ""),
        stopped=said.get("stopped", False),
        modified=_moment(said["modified"]) if "modified" in said else None,
        found=said.get("found", {}),
        recent=tuple(RunRecord(_moment(u), _moment(a), *rest) for u, a, *rest in said.get("recent", ())),
    )


def _at(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


_moment = datetime.fromisoformat

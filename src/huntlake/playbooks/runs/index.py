"""Finds runs among very many: by workflow, by when they started, and by what became of them.

Ids of later runs sort before those of earlier ones, so the runs of a workflow lie in the order in which they are asked
for, and times are bounds of ids. Beside them lies, for each way in which runs end, a list of those that did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge

from huntlake.playbooks.runs.records import OpenRun, PlaybookRun, RunStatus
from huntlake.playbooks.runs.starting import first_id
from huntlake.playbooks.workflows import WORKFLOWS
from huntlake.state.documents import Document, Documents, Put, Shelf, Write
from huntlake.state.records import Records

_PAGE = 200
_ALL = "run index of playbooks"
"""The workflows of which every run that has ended is listed."""


@dataclass
class RunIndex:
    """The order of runs."""

    shelf: Shelf
    records: Records[PlaybookRun]
    open: Documents[OpenRun]
    _whole: set[str] = field(default_factory=set)

    def walk(
        self,
        workflow: str,
        statuses: frozenset[RunStatus] = frozenset(),
        since: datetime | None = None,
        until: datetime | None = None,
        after: str = "",
    ) -> Iterator[Document[PlaybookRun]]:
        """The runs of a workflow that have one of these statuses, if any are given, the newest first.

        Those that started at `since` or later, before `until`, and behind the run of id `after`.
        """
        begin = after.lower()
        if until is not None:
            # The first that started earlier: at `until` itself no more, whatever its letters.
            begin = max(begin, f"{first_id(until)}~")
        end = f"{first_id(since)}~" if since is not None else ""
        for run in self._behind(workflow, statuses, begin):
            if end and run.name.lower() > end:
                return
            if not statuses or run.value.status in statuses:
                yield run

    def beginning(self, workflow: str, id: str) -> list[Document[PlaybookRun]]:
        """At most two of the runs of a workflow whose id begins so."""
        begin, owner = id.lower(), (*WORKFLOWS, workflow)
        exact = self.records.find(owner, id)
        found = [*([exact] if exact else []), *self.records.page(owner, begin, 2)]
        return [d for d in found if d.name.lower().startswith(begin)][:2]

    def ended(self, workflow: str, id: str, status: RunStatus) -> Put:
        """What lists a run that has ended; to be written with it."""
        return Put(_list(workflow, status), id.lower(), None, "")

    def forget(self, workflow: str, id: str, status: RunStatus) -> None:
        """Take a run off its list."""
        self.shelf.delete(_list(workflow, status), id.lower(), if_match="*")

    def _behind(self, workflow: str, statuses: frozenset[RunStatus], begin: str) -> Iterator[Document[PlaybookRun]]:
        owner = (*WORKFLOWS, workflow)
        if not statuses:
            while page := self.records.page(owner, begin, _PAGE):
                yield from page
                begin = page[-1].name.lower()
            return
        self._list_all(workflow)
        lists: list[Iterable[str]] = [self._listed(workflow, s, begin) for s in statuses if s.ended]
        if not all(s.ended for s in statuses):
            open = (d.name.lower() for d in self.open.list() if d.value.workflow.lower() == workflow.lower())
            lists.append(sorted(n for n in open if n > begin))
        last = ""
        for id in merge(*lists):
            # One that ended between two looks stands in both lists.
            if id != last and (run := self.records.find(owner, id)) is not None:
                yield run
            last = id

    def _listed(self, workflow: str, status: RunStatus, begin: str) -> Iterator[str]:
        while page := [name for name, _, _ in self.shelf.read_page(_list(workflow, status), begin, _PAGE)]:
            yield from page
            begin = page[-1]

    def _list_all(self, workflow: str) -> None:
        """List the runs that ended before there were such lists; once for each workflow."""
        name = workflow.lower()
        if name in self._whole:
            return
        if self.shelf.read(_ALL, name) is None:
            writes: list[Write] = []
            for run in self._behind(workflow, frozenset(), ""):
                if run.value.status.ended:
                    writes.append(self.ended(workflow, run.name, run.value.status))
                if len(writes) >= 500:
                    self.shelf.write(writes)
                    writes = []
            self.shelf.write([*writes, Put(_ALL, name, None, "")])
        self._whole.add(name)


def _list(workflow: str, status: RunStatus) -> str:
    return f"runs that ended as {status} of playbooks/{workflow.lower()}"

"""KQL jobs and summary rules together: what is kept of them, and what runs them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from huntlake.core.clock import Clock
from huntlake.state.documents import Shelf
from huntlake.state.records import Owner
from huntlake.workspace.jobs.kql_jobs import KqlJobs
from huntlake.workspace.jobs.landing import Landing
from huntlake.workspace.jobs.running import Runner
from huntlake.workspace.jobs.runs import ProgressBook
from huntlake.workspace.jobs.summary_rules import Append, SummaryRules
from huntlake.workspace.workspaces import Workspaces


@dataclass(frozen=True)
class Jobs:
    """The queries of a lake that run by themselves."""

    kql: KqlJobs
    summaries: SummaryRules
    runner: Runner

    @classmethod
    def over(
        cls, shelf: Shelf, folder: Path, landing: Landing, workspaces: Workspaces, clock: Clock, append: Append
    ) -> Jobs:
        """Those that are kept in a state database; `folder` holds the locks of what runs.

        `append` takes what is told of bins into a table.
        """
        book = ProgressBook(shelf)
        kql = KqlJobs.over(shelf, book, landing, workspaces, clock)
        summaries = SummaryRules.over(shelf, book, landing, workspaces, clock, append)
        return cls(kql, summaries, Runner((kql, summaries), landing, book, folder, clock))

    def run(self, owner: Owner, name: str) -> str:
        """Have a KQL job run now; the id of the run."""
        return self.runner.ask(self.kql, self.kql.task((*owner, name)))

    def cancel(self, owner: Owner, name: str, run: str) -> None:
        """End a run of a KQL job; `Conflict` where it has ended, or its rows are about to land."""
        self.runner.cancel(self.kql, self.kql.task((*owner, name)), run)

    def retry_bin(self, owner: Owner, name: str, start: datetime) -> None:
        """Try a bin again that failed; `Conflict` for one that hasn't: no bin lands twice."""
        self.runner.again(self.summaries, self.summaries.task((*owner, name)), self.summaries.bin(owner, name, start))

"""What came of hunts, as people judged it: of those from each template, and of hypotheses by how sure they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from huntlake.hunting.hypotheses.hypothesis import Hypothesis
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.running.run import Verdict
from huntlake.hunting.running.runs import HuntRuns
from huntlake.state.records import Owner


@dataclass(frozen=True)
class OutcomesOfTemplates:
    """By template: how many clusters of its hunts were worth a look, and how many were judged."""

    judged: Mapping[str, tuple[int, int]]

    @classmethod
    def over(cls, owner: Owner, hunts: GovernedHunts, runs: HuntRuns) -> OutcomesOfTemplates:
        """What is known now."""
        used = {d.value.template for d in hunts.list(owner) if d.value.template}
        return cls({template: runs.judged(owner, template) for template in sorted(used)})

    def of(self, candidate: str, techniques: frozenset[str], tables: tuple[str, ...]) -> tuple[int, int]:
        """Those of a candidate; nothing is known of what is no template."""
        return self.judged.get(candidate, (0, 0))


def came_true(owner: Owner, hypotheses: Iterable[Hypothesis], runs: HuntRuns) -> Iterator[tuple[float, bool]]:
    """For each cluster that was judged how sure its hypothesis was by itself, and whether it came true.

    What was benign was there, and still no attack; what was inconclusive says nothing.
    """
    for one in hypotheses:
        for run in runs.list(owner, one.hunt) if one.hunt else ():
            for outcome in run.value.outcomes:
                if outcome.verdict is not Verdict.INCONCLUSIVE:
                    yield one.sure, outcome.verdict is Verdict.TRUE_POSITIVE

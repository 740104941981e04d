"""Plan to plan: the same answer, less work. The rules are applied in order.

| module | what |
|---|---|
| `bounds` | what filters demand is told to the scans: the range of times, and `needles` |
| `absences` | what the tables hold nothing of isn't read |
| `indicators` | the texts that no row holds aren't looked for |
| `pruning` | columns that nobody reads are left out |
| `extraction` | paths into dynamics are told to the scans, and read where the tables keep them beside |
| `constants` | no rule of these, asked afterwards: the columns that are the same in all rows |
"""

from __future__ import annotations

from huntlake.kql import plan
from huntlake.kql.optimizer.absences import Contents, without_absent
from huntlake.kql.optimizer.bounds import bounded
from huntlake.kql.optimizer.extraction import extracted
from huntlake.kql.optimizer.pruning import pruned

__all__ = ("Contents", "optimized")


def optimized(relation: plan.Relation, contents: Contents | None = None) -> plan.Relation:
    """The plan after every rule; without `contents` nobody knows what the tables hold."""
    relation = bounded(relation)
    if contents is not None:
        relation = without_absent(relation, contents)
    return extracted(pruned(relation))

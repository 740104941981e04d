"""`scan` against the documented logic, written out plainly: each row, the last step first."""

import random
from dataclasses import dataclass, field

import pytest
from tests import pages

ROWS = 700
"""More than the engine folds at once."""


@dataclass
class Sequence:
    """The state of a step: the match's number, and the numbers of the rows that its steps hold."""

    match: int
    rows: list[int] = field(default_factory=list)


def matches(kinds: list[int], outputs: list[str], reach: int) -> list[tuple[int, int, int]]:
    """The row, the step and the match of each output: a row is of a step by its kind, and near to the first one."""
    state: list[Sequence | None] = [None] * len(outputs)
    found: list[tuple[int, int, int]] = []
    begun = 0

    def near(row: int, step: int, seen: Sequence | None) -> bool:
        if kinds[row] != step:
            return False
        return step == 0 or (seen is not None and row - seen.rows[0] <= reach)

    def ended(step: int) -> None:
        kept = state[step]
        if kept is not None and outputs[step] == "last":
            found.append((kept.rows[step], step, kept.match))

    for row in range(len(kinds)):
        for step in reversed(range(len(outputs))):
            own, before = state[step], state[step - 1] if step else None
            if before is not None and near(row, step, before):
                ended(step)
                ended(step - 1)
                state[step - 1], state[step] = None, Sequence(before.match, [*before.rows, row])
            elif (step == 0 or own is not None) and near(row, step, own):
                if own is None:
                    own = state[step] = Sequence(begun, [row])
                    begun += 1
                own.rows[step] = row
            else:
                continue
            kept = state[step]
            if outputs[step] == "all" and kept is not None:
                found.append((row, step, kept.match))
    for step in range(len(outputs)):
        ended(step)
    return sorted(found, key=lambda f: (f[0], -f[1]))


@pytest.mark.parametrize(
    "outputs",
    [
        ["all"],
        ["last"],
        ["all", "all", "all"],
        ["last", "all", "last"],
        ["all", "none", "last"],
        ["last", "last", "last", "last"],
    ],
    ids="-".join,
)
def test_the_steps_match_as_documented(outputs: list[str]) -> None:
    dice = random.Random(len(outputs))
    kinds = [dice.randrange(len(outputs) + 1) for _ in range(ROWS)]
    steps = [
        f"step s{i} output={o}: Kind == {i}{' and n - s0.n <= 9' if i else ''} => s = {i};"
        for i, o in enumerate(outputs)
    ]
    rows = f"print Kind = dynamic({kinds}) | mv-expand with_itemindex=n Kind to typeof(long) | sort by n asc"
    answer = pages.answer(
        f"{rows} | scan with_match_id=id declare (s:long) with ({' '.join(steps)}) | project n, s, id", {}
    )
    found = [tuple(int(cell) for cell in line.strip("| ").split("|")) for line in answer.splitlines()[2:]]
    assert found == matches(kinds, outputs, 9)


def test_a_state_outlives_the_rows_that_are_folded_at_once() -> None:
    scan = "scan declare (c:long=0, d:string) with (step s: true => c = x + s.c, d = iff(x % 500 == 1, 'n', s.d);)"
    answer = pages.answer(f"range x from 1 to 2000 step 1 | {scan} | where x == 2000", {})
    assert answer.splitlines()[-1] == "| 2000 | 2001000 | n |"


def test_parts_are_scanned_each_by_itself_and_in_their_order() -> None:
    rows = "range i from 1 to 20000 step 1 | extend Part = i % 7, x = hash(i, 1000000)"
    step = "step s: true => n = s.n + 1, w = s.w + iff(s.x > x, 1, 0);"
    scan = f"sort by x asc, i asc | scan with_match_id=id declare (n:long=0, w:long=0) with ({step})"
    check = "extend Wrong = prev(x) > x | summarize Rows = max(n), Wrong = max(w) + countif(Wrong), Ids = dcount(id)"
    query = f"{rows} | partition by Part ({scan} | {check}) | summarize sum(Rows), sum(Wrong), max(Ids)"
    answer = pages.answer(query, {})
    assert answer.splitlines()[-1] == "| 20000 | 0 | 1 |"

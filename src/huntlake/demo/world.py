"""What the tables are views of: the company, its days, who worked when, and every process that ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from huntlake.demo.company import Company
from huntlake.demo.dice import Dice, Longs
from huntlake.demo.processes import Ledger, Sessions, Template
from huntlake.demo.rhythm import SECOND, Calendar, Shifts


@dataclass(frozen=True)
class World:
    """The state of things during the story; all tables are drawn from it."""

    company: Company
    calendar: Calendar
    shifts: Shifts
    sessions: Sessions
    templates: Sequence[Template]
    ledger: Ledger
    dice: Dice

    @cached_property
    def person_account(self) -> Longs:
        """The account of each person."""
        by_person = {a.person: i for i, a in enumerate(self.company.accounts) if a.kind == "person"}
        return np.array([by_person[i] for i in range(len(self.company.people))])

    @cached_property
    def address(self) -> list[str]:
        """The inner address of each machine."""
        return [m.address for m in self.company.machines]


def report_ids(machine: Longs, at: Longs) -> Longs:
    """An event's number on its machine; with machine and time it tells an event from all others."""
    return 1 + (at // (SECOND // 20) + machine * 65537) % 262139

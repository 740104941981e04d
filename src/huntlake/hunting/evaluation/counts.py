"""Precision, recall and F1."""

from __future__ import annotations


class Count:
    """What was found rightly, what wrongly, and what was missed."""

    def __init__(self) -> None:
        self.right = self.wrong = self.missed = 0

    def add(self, found: frozenset[str], said: frozenset[str]) -> None:
        """Count what was found beside what is said to be there."""
        self.right += len(found & said)
        self.wrong += len(found - said)
        self.missed += len(said - found)

    @property
    def precision(self) -> float:
        """The share of what was found that is right."""
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        """The share of what is there that was found."""
        return self.right / max(self.right + self.missed, 1)

    @property
    def harmonic(self) -> float:
        """F1."""
        return 2 * self.right / max(2 * self.right + self.wrong + self.missed, 1)

    def __str__(self) -> str:
        return f"P {self.precision:.3f} R {self.recall:.3f} F1 {self.harmonic:.3f}"

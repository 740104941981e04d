"""Proofs as hunts ask for them: by the name of a workspace, now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from huntlake.core.clock import Clock
from huntlake.hunting.proof.content import Content
from huntlake.hunting.proof.finding import Proof
from huntlake.hunting.proof.kept_recordings import KeptRecordings
from huntlake.hunting.proof.prover import Prover
from huntlake.workspace.workspaces import Workspace

HISTORY = timedelta(days=14)
"""How long a history a dry run looks at."""


@dataclass(frozen=True)
class ProverNow:
    """A prover with a clock. `workspace` gives the one of a name, `NotFound` where there is none."""

    prover: Prover
    workspace: Callable[[str], Workspace]
    clock: Clock
    recordings: KeptRecordings
    history: timedelta = HISTORY

    def prove(self, workspace: str, content: Content, names: Sequence[str] = ()) -> Proof:
        """Everything found out about it now, over recorded data too: those for what bears one of the names."""
        return self.prover.prove(
            self.workspace(workspace),
            content,
            history=self.history,
            now=self.clock.now(),
            recordings=lambda tables: self.recordings.attached((workspace,), names, tables),
        )

    def fingerprint(self, workspace: str, content: Content) -> str:
        """What `Proof.schema` would be now."""
        return self.prover.fingerprint(self.workspace(workspace), content)

    def drifted(self, workspace: str, rests_on: str) -> Sequence[str]:
        """What of that which a proof has kept isn't so any more."""
        return self.prover.drift(self.workspace(workspace), rests_on)

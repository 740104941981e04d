"""What lifecycle asks of proof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from huntlake.core.errors import Unavailable
from huntlake.hunting.lifecycle.hunt import HuntContent
from huntlake.hunting.proof.finding import Proof


class Prover(Protocol):
    """Finds out about the content of a version, in a workspace."""

    def prove(self, workspace: str, content: HuntContent, names: Sequence[str] = ()) -> Proof:
        """Everything found out about it now. `names` are those of the hunt and of its template, if it has one."""
        ...

    def fingerprint(self, workspace: str, content: HuntContent) -> str:
        """What `Proof.schema` would be now."""
        ...

    def drifted(self, workspace: str, rests_on: str) -> Sequence[str]:
        """What of that which a proof has kept under `RESTS_ON` isn't so any more, in words."""
        ...


class NoProver:
    """Nothing can be proved."""

    def prove(self, workspace: str, content: HuntContent, names: Sequence[str] = ()) -> Proof:
        raise Unavailable("nothing proves queries here")

    def fingerprint(self, workspace: str, content: HuntContent) -> str:
        raise Unavailable("nothing tells here whether tables have changed")

    def drifted(self, workspace: str, rests_on: str) -> Sequence[str]:
        return ()

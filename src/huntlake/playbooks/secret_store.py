"""Secrets of a workspace that its playbooks may read: what a key vault is for them. They are sealed where they are."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.state.documents import Document, Shelf
from huntlake.state.records import Author, Records
from huntlake.state.sealing import Seal

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
NOBODY = Author()
LONGEST = 25_000
"""Letters of a secret, as in a key vault."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, and what may be told of it."""

    sealed: str
    content_type: str = ""
    version: str = ""
    enabled: bool = True
    created: datetime | None = None
    changed: datetime | None = None
    changed_by: Author = NOBODY


class SecretStore:
    """The secrets of every workspace, by name in any case."""

    def __init__(self, shelf: Shelf, clock: Clock, seal: Seal) -> None:
        self._seal = seal
        self._records = Records(shelf, clock, "secrets", Secret, _stamped)

    def list(self, workspace: str) -> list[Document[Secret]]:
        """The secrets of a workspace, by name."""
        return self._records.list((workspace,))

    def get(self, workspace: str, name: str) -> Document[Secret]:
        """What there is to know of a secret; `NotFound` where there is none of that name."""
        return self._records.get((workspace,), name)

    def value(self, workspace: str, name: str) -> str:
        """The text of a secret; `NotFound` where there is none of that name."""
        found = self.get(workspace, name)
        return self._seal.open(found.value.sealed, _purpose(workspace, found.name))

    def put(self, workspace: str, name: str, text: str, by: Author = NOBODY, content_type: str = "") -> None:
        """Keep a text under a name, in place of the one that is there."""
        if not _NAME.fullmatch(name):
            raise Invalid(f"`{name[:200]}` can't name a secret: use 1 to 127 letters, digits and hyphens")
        if not text or len(text) > LONGEST:
            raise Invalid(f"a secret has 1 to {LONGEST:,} letters")
        known = self._records.find((workspace,), name)
        spelled = known.name if known else name
        sealed = self._seal.seal(text, _purpose(workspace, spelled))
        self._records.put((workspace,), spelled, Secret(sealed, content_type), by)

    def delete(self, workspace: str, name: str) -> bool:
        """Forget a secret; False where there was none."""
        return self._records.delete((workspace,), name)


def _purpose(workspace: str, name: str) -> str:
    return f"secret {workspace} {name.lower()}"


def _stamped(secret: Secret, before: Secret | None, by: Author, now: datetime) -> Secret:
    return replace(
        secret,
        version=uuid4().hex,
        created=before.created if before else now,
        changed=now,
        changed_by=by,
    )

"""What a model once answered, kept in a file of lines, so that it can be answered again without a model.

A line holds the words that were sent, which have tokens in place of names, and the words that came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Any

from huntlake.ai.endpoint import Reply
from huntlake.core.errors import Invalid, NotFound


class Tape(StrEnum):
    """What a cassette is for."""

    PASSTHROUGH = "passthrough"
    """Nothing is kept."""
    RECORD = "record"
    REPLAY = "replay"
    """Nothing is asked: what isn't on the cassette is an error."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer, by the key of its request."""

    key: str
    purpose: str
    template: str
    messages: list[dict[str, str]]
    reply: Reply


class Cassette:
    """A file of answers; the last of a key counts."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = Lock()

    def find(self, key: str) -> Reply:
        """The answer to a request; `NotFound` where it isn't there."""
        for one in reversed(list(self.all())):
            if one.key == key:
                return one.reply
        raise NotFound(f"{self.file} has no answer to this request ({key[:12]}…): record it, or ask a model")

    def keep(self, recorded: Recorded) -> None:
        """Add an answer."""
        line = json.dumps(asdict(recorded), ensure_ascii=True, sort_keys=True)
        with self._lock:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    def all(self) -> Iterator[Recorded]:
        """Every answer, in the order they came."""
        if not self.file.exists():
            return
        with self.file.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    fields: dict[str, Any] = json.loads(line)
                    yield Recorded(**{**fields, "reply": Reply(**fields["reply"])})
                except (ValueError, TypeError, KeyError):
                    raise Invalid(f"line {number} of {self.file} is none of a cassette") from None

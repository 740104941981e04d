"""What linters tell: each finding has a code, a place in a file, a reason and a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar


class Level(StrEnum):
    """How bad a finding is: an error is what fails, or never does what it is for."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


Codes = Mapping[str, tuple[Level, str]]
"""By its code, how bad a finding is, and what it means."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What a piece of a file's text, `start` to `end`, is replaced with."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `line` and `column` count from 1. Each linter has a class of its own, with its codes."""

    codes: ClassVar[Codes] = {}
    """Those that aren't among them are errors."""

    code: str
    path: Path
    line: int
    column: int
    reason: str
    help: str = ""
    edit: Edit | None = None
    place: str = ""
    """The JSON path within a definition, where there is one."""

    @property
    def level(self) -> Level:
        """How bad it is."""
        return self.codes[self.code][0] if self.code in self.codes else Level.ERROR

    def __str__(self) -> str:
        hint = f" ({self.help})" if self.help else ""
        return f"{self.path}:{self.line}:{self.column}: {self.code} {self.reason}{hint}"

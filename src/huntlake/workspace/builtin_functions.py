"""The functions that every workspace has: files of KQL below `content/functions`, in the form its README tells."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from huntlake.core.errors import Invalid

CONTENT = Path(__file__).parent.parent / "content" / "functions"

_HEAD = re.compile(r"(?P<comments>(?:[ \t]*(?://[^\n]*)?\n)*)[ \t]*(?P<name>\w+)[ \t]*(?=\()")


@dataclass(frozen=True, slots=True)
class BuiltinFunction:
    """One function. `text` is `(parameters) { body }`, each character at the line and column where the file has it."""

    name: str
    description: str
    text: str

    @property
    def parameters(self) -> str:
        """What stands between its parentheses."""
        head = self.text[: self.text.index("{")].strip()
        return head.removeprefix("(").removesuffix(")").strip()


class BuiltinFunctions:
    """Functions by name. A file is read when its function is first asked for."""

    def __init__(self, folder: Path = CONTENT) -> None:
        self._folder = folder
        self._known: dict[str, BuiltinFunction] = {}

    def names(self) -> tuple[str, ...]:
        """The names of all functions, in alphabetical order."""
        return tuple(sorted(self._files))

    def find(self, name: str) -> BuiltinFunction | None:
        """The function of exactly that name; None where there is none. `Invalid` for a file of another form."""
        known = self._known.get(name)
        if known is None and (file := self._files.get(name)) is not None:
            known = self._known[name] = _read(name, file)
        return known

    def known(self, workspace: str) -> Container[str]:
        """The names of all functions, the same in every workspace."""
        return self._files

    def text(self, workspace: str, name: str) -> str | None:
        """The text of a function, the same in every workspace."""
        found = self.find(name)
        return found.text if found else None

    @cached_property
    def _files(self) -> dict[str, Path]:
        files: dict[str, Path] = {}
        for file in _kql_files(self._folder):
            if files.setdefault(file.stem, file) is not file:
                raise Invalid(f"the function `{file.stem}` is in two files: {files[file.stem]} and {file}")
        return files


def _kql_files(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.rglob("*.kql")))


def _read(name: str, file: Path) -> BuiltinFunction:
    text = file.read_text(encoding="utf-8")
    head = _HEAD.match(text)
    if head is None or head["name"] != name:
        raise Invalid(f"{file} doesn't begin with comments and `{name}(`")
    description = "\n".join(line.strip().removeprefix("//").strip() for line in head["comments"].splitlines())
    # Blanks in place of the head: a caret picture shows the line of the file.
    return BuiltinFunction(name, description.strip(), re.sub(r"[^\n]", " ", head[0]) + text[head.end() :])

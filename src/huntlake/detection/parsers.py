"""The functions of a checkout: rules call them, so they are saved before rules are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.detection.content import Content, ContentKind, read
from huntlake.workspace.functions import SavedFunction, SavedFunctions
from huntlake.workspace.workspaces import Workspace

_COMMENT = re.compile(r"^\s*//.*\balias\b.*$", re.IGNORECASE | re.MULTILINE)
_ALIAS = re.compile(r"""(?:\be\.g\.\s+|\balias (?:of|as|to) )"?(?!the\b)([A-Za-z]\w{2,})""", re.IGNORECASE)
_HEAD = 4000


def functions(paths: Iterable[Path]) -> tuple[SavedFunction, ...]:
    """The functions that files hold, each under the name of its file, or the one that the file says.

    One in a plain text is there again under the alias that a comment at its head asks people to save it by, unless that
    is taken: of several files that ask for the same the first has it. Files that can't be read are passed over.
    """
    return tuple(function for function, _ in functions_of(_contents(paths)))


def functions_of(contents: Iterable[Content]) -> tuple[tuple[SavedFunction, Content], ...]:
    """The functions among what was read, as `functions` names them, each with where it is from."""
    named: dict[str, tuple[SavedFunction, Content]] = {}
    aliases: dict[str, tuple[SavedFunction, Content]] = {}
    for content in contents:
        if content.kind is ContentKind.FUNCTION:
            parameters = ", ".join(p.declared for p in content.parameters)
            function = SavedFunction(content.name, content.query, parameters)
            named.setdefault(content.name, (function, content))
            for alias in _aliases(content):
                aliases.setdefault(alias, (replace(function, name=alias), content))
    return tuple((aliases | named).values())


def _contents(paths: Iterable[Path]) -> Iterator[Content]:
    for path in paths:
        try:
            yield from read(path)
        except (SourceError, OSError):
            continue


def save(saved: SavedFunctions, workspace: Workspace, paths: Iterable[Path]) -> tuple[str, ...]:
    """Save the functions that files hold, and answer with the names of those that could be saved.

    What a function names may be missing: a query that calls it says so. Whoever looks at the file of one that can't be
    saved tells what is wrong with it.
    """
    names = []
    for function in functions(paths):
        try:
            saved.put(workspace, function, skip_validation=True)
        except (SourceError, DomainError):
            continue
        names.append(function.name)
    return tuple(names)


def _aliases(content: Content) -> tuple[str, ...]:
    if content.source.text != content.query:
        return ()
    return tuple(name for line in _COMMENT.findall(content.query[:_HEAD]) for name in _ALIAS.findall(line))

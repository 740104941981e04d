"""The functions of a checkout: rules call them, so they are saved before rules are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.detection.content import Content, ContentKind, read
from huntlake.workspace.functions import SavedFunction, SavedFunctions
from huntlake.workspace.workspaces import Workspace

_COMMENT = re.compile(r"^\s*//.*\balias\b.*$", re.IGNORECASE | re.MULTILINE)
_ALIAS = re.compile(r"""(?:\be\.g\.\s+|\balias (?:of|as|to) )"?(?!the\b)([A-Za-z]\w{2,})""", re.IGNORECASE)
_HEAD = 4000


def saved(functions: SavedFunctions, workspace: Workspace, paths: Iterable[Path]) -> tuple[str, ...]:
    """Save every function that the files hold, and answer with their names.

    What a function names may be missing: a query that calls it says so. A file that holds no function, or one that
    can't be saved, is passed over; whoever looks at the file itself tells what is wrong.
    """
    names = []
    for path in paths:
        for function in _functions(path):
            try:
                functions.put(workspace, function, skip_validation=True)
            except (SourceError, DomainError):
                continue
            names.append(function.name)
    return tuple(names)


def names_of(content: Content) -> tuple[str, ...]:
    """The names by which queries call a function: its file's, and where that is a plain text, the alias that a comment
    at its head asks people to save it under.
    """
    if content.source.text != content.query:
        return (content.name,)
    found = (name for line in _COMMENT.findall(content.query[:_HEAD]) for name in _ALIAS.findall(line))
    return tuple(dict.fromkeys((content.name, *found)))


def _functions(path: Path) -> Iterator[SavedFunction]:
    try:
        contents = read(path)
    except (SourceError, OSError):
        return
    for content in contents:
        if content.kind is ContentKind.FUNCTION:
            parameters = ", ".join(p.declared for p in content.parameters)
            for name in names_of(content):
                yield SavedFunction(name, content.query, parameters)

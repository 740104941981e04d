"""The linter of playbooks: a workflow in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.playbooks.files import PlaybookFile, Templates, playbooks
from huntlake.playbooks.linting.checks import CHECKS, Checked
from huntlake.playbooks.linting.findings import Finding
from huntlake.wdl.definition.reading import InvalidDefinition, read


def lint(path: Path, templates: Templates | None = None) -> list[Finding]:
    """What is wrong with the playbooks of a file, in the order of their places."""
    try:
        files = playbooks(path, templates=templates)
    except SourceError as error:
        return [_unreadable(path, error)]
    except UnicodeDecodeError as error:
        return [Finding("PF001", path, 1, 1, f"the file is not text: {error.reason}", place="$")]
    except DomainError as error:
        return [Finding("PF002", path, 1, 1, f"the template can't be evaluated: {error}", place="$")]
    return [finding for file in files for finding in findings(file)]


def findings(file: PlaybookFile) -> list[Finding]:
    """What is wrong with one playbook, in the order of their places."""
    return sorted(_findings(file), key=lambda f: (f.line, f.column, f.code, f.place))


def _findings(file: PlaybookFile) -> Iterator[Finding]:
    try:
        definition = read(file.definition)
    except InvalidDefinition as error:
        message = str(error).removeprefix(f"{error.path}: ")
        yield _at(file, "LP101", error.path, message)
        return
    checked = Checked(definition, file.connections())
    seen = set()
    for check in CHECKS:
        for one in check(checked):
            key = one.code, one.path, one.reason
            # The same may be found in one text twice.
            if key not in seen:
                seen.add(key)
                yield _at(file, one.code, one.path, one.reason, one.help, one.picture)


def _at(file: PlaybookFile, code: str, place: str, reason: str, help: str = "", picture: str = "") -> Finding:
    line, column = file.source.position(file.span(place).start)
    return Finding(code, file.path, line, column, reason, help, place=place, picture=picture)


def _unreadable(path: Path, error: SourceError) -> Finding:
    diagnostic = error.diagnostics[0]
    line, column = error.source.position(diagnostic.span.start)
    return Finding(diagnostic.code, path, line, column, diagnostic.message, diagnostic.help, place="$")

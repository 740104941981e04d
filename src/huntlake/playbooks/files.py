"""Files that hold playbooks: a workflow as the portal or Logic Apps Standard write it, or a definition alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span
from huntlake.playbooks.lenient_json import Steps, decoded, places, read

UNREADABLE = "PF001"

Templates: TypeAlias = Callable[[Path, Mapping[str, Any], Mapping[str, Any]], "list[PlaybookFile]"]
"""What makes workflows of a deployment template, given its path, its content and the values of its parameters."""


@dataclass(frozen=True)
class PlaybookFile:
    """A workflow that stands in a file."""

    path: Path
    name: str
    definition: Mapping[str, Any]
    parameters: Mapping[str, Any]
    """Values of its parameters, by name: those that stand in the file."""
    source: Source
    root: str = "$"
    """The JSON path of the definition in the file."""

    @cached_property
    def _places(self) -> Mapping[Steps, Span]:
        try:
            return places(self.source)
        except SourceError:
            return {}  # what a template made isn't what stands there

    def span(self, path: str) -> Span:
        """Where in the file something of the definition stands that has this JSON path in it, or what is around it."""
        steps = (*_steps(self.root), *_steps(path))
        found = next((p for n in range(len(steps), -1, -1) if (p := self._places.get(steps[:n])) is not None), None)
        if found is None:
            return Span(0, 0)
        line_end = self.source.text.find("\n", found.start)
        end = min(found.end, line_end if line_end >= 0 else len(self.source.text))
        return Span(found.start, max(found.start, end))

    def used_connections(self) -> tuple[str, ...]:
        """The keys of `$connections` that the definition uses."""
        text = orjson.dumps(self.definition).decode()
        return tuple(dict.fromkeys(_CONNECTION.findall(text)))

    def connections(self) -> dict[str, Any]:
        """`$connections`: as the file has them, and made up of the key where it has none of it.

        A key such as `azuresentinel_1` or `azuresentinel-2` is of the connector `azuresentinel`.
        """
        given = self.parameters.get("$connections")
        made = dict(given) if isinstance(given, Mapping) else {}
        for key in self.used_connections():
            connector = re.sub(r"[-_]\d+$", "", key)
            id = f"/subscriptions/{_NOBODY}/resourceGroups/huntlake/providers/Microsoft.Web/connections/{key}"
            api = f"/subscriptions/{_NOBODY}/providers/Microsoft.Web/locations/local/managedApis/{connector}"
            made.setdefault(key, {"connectionId": id, "connectionName": key, "id": api})
        return made


_NOBODY = "00000000-0000-0000-0000-000000000000"
_CONNECTION = re.compile(r"\('\$connections'\)\??\['([^']+)'\]")


def connector_of(connections: Any, connection: str) -> str:
    """The name of the connector, in lower case, that a connection of that id is of; empty where none has that id."""
    for value in connections.values() if isinstance(connections, Mapping) else ():
        if isinstance(value, Mapping) and str(value.get("connectionId", "")).lower() == connection.lower():
            return str(value.get("id", "")).rstrip("/").rpartition("/")[2].lower()
    return ""


def playbooks(
    path: Path, parameters: Mapping[str, Any] | None = None, templates: Templates | None = None
) -> list[PlaybookFile]:
    """The workflows of a file. `parameters` are values for the workflow, or for the template that makes it.

    Raises `SourceError` with its place where the file isn't JSON, or holds no workflow.
    """
    source = Source(_text(path), str(path))
    body = _json(source)
    if any(name.lower() == "resources" for name in body):
        if templates is None:
            raise _refused(
                source, "a deployment template is not supported here: import it first, and export its workflow"
            )
        return templates(path, body, parameters or {})
    name = path.stem if path.stem.lower() not in ("workflow", "definition") else path.parent.name
    given = dict(parameters or {})
    inner = body.get("properties") if isinstance(body.get("properties"), dict) else body
    assert isinstance(inner, dict)
    if isinstance(inner.get("definition"), dict):
        root = "$.properties.definition" if inner is not body else "$.definition"
        values = inner.get("parameters") if isinstance(inner.get("parameters"), dict) else {}
        own = {n: v["value"] if isinstance(v, dict) and "value" in v else v for n, v in (values or {}).items()}
        return [PlaybookFile(path, name, inner["definition"], own | given, source, root)]
    if "triggers" in body or "actions" in body:
        return [PlaybookFile(path, name, body, given, source)]
    raise _refused(source, "the file holds no workflow: neither `definition`, nor `triggers` and `actions`")


def _text(path: Path) -> str:
    try:
        return decoded(path.read_bytes(), str(path)).removeprefix("\ufeff")
    except SourceError as error:
        raise _named(error) from None


def _json(source: Source) -> dict[str, Any]:
    try:
        body = read(source.text, source.name)
    except SourceError as error:
        raise _named(error) from None
    if not isinstance(body, dict):
        raise _refused(source, "the file is not a JSON object")
    return body


def _named(error: SourceError) -> SourceError:
    found = error.diagnostics[0]
    return SourceError(error.source, Diagnostic(UNREADABLE, f"the file is not JSON: {found.message}", found.span))


def _refused(source: Source, message: str) -> SourceError:
    return SourceError(source, Diagnostic(UNREADABLE, message, Span(0, 1)))


_STEP = re.compile(r"\.([^.\[\]]+)|\['((?:[^']|'(?!\]))*)'\]|\[(\d+)\]")


def _steps(path: str) -> Steps:
    found = _STEP.finditer(path)
    return tuple(int(m[3]) if m[3] is not None else (m[1] if m[1] is not None else m[2]).lower() for m in found)

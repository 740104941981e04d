"""Commands about the functions that a database keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from huntlake.core.diagnostics import Span
from huntlake.core.errors import Conflict, NotFound
from huntlake.kql.syntax.commands import FunctionDefinition, Named
from huntlake.workspace.commands.context import Context
from huntlake.workspace.commands.declaration import Need, Rows, command
from huntlake.workspace.functions import SavedFunction
from huntlake.workspace.workspaces import Workspace

Properties = Mapping[str, tuple[object, Span]]

_FUNCTION = "Name:string, Parameters:string, Body:string, Folder:string, DocString:string"


@command(".show functions", Need.READ, _FUNCTION)
def show_functions(c: Context) -> Rows:
    """The functions of the database."""
    return [_row(d.value) for d in c.functions.list(c.workspace())]


@command(".show function <function>", Need.READ, _FUNCTION)
def show_function(c: Context, function: Named) -> Rows:
    """One function."""
    yield _row(_get(c, c.workspace(), function))


@command(".create function [ifnotexists] <properties> <definition>", Need.MANAGE, _FUNCTION)
def create_function(
    c: Context, definition: FunctionDefinition, properties: Properties, ifnotexists: bool = False
) -> Rows:
    """Save a function; with `ifnotexists` one that is there already stays as it is."""
    workspace = c.workspace()
    name = definition.name.text
    if c.functions.text(workspace.name, name) is not None:
        if not ifnotexists:
            raise Conflict(f"a function is named `{name}` already")
        return [_row(_get(c, workspace, definition.name))]
    return _save(c, workspace, definition, properties, create_only=True)


@command(".create-or-alter function <properties> <definition>", Need.MANAGE, _FUNCTION)
def create_or_alter_function(c: Context, definition: FunctionDefinition, properties: Properties) -> Rows:
    """Save a function, in place of one of the same name."""
    return _save(c, c.workspace(), definition, properties)


@command(".alter function <properties> <definition>", Need.MANAGE, _FUNCTION)
def alter_function(c: Context, definition: FunctionDefinition, properties: Properties) -> Rows:
    """Change a function that is there."""
    workspace = c.workspace()
    _get(c, workspace, definition.name)
    return _save(c, workspace, definition, properties)


@command(".drop function <function> [ifexists]", Need.MANAGE, "Name:string")
def drop_function(c: Context, function: Named, ifexists: bool = False) -> Rows:
    """Forget a function."""
    _drop(c, [function], ifexists)
    yield [function.text]


@command(".drop functions <functions> [ifexists]", Need.MANAGE, _FUNCTION)
def drop_functions(c: Context, functions: Sequence[Named], ifexists: bool = False) -> Rows:
    """Forget several functions; those that are left."""
    _drop(c, functions, ifexists)
    return [_row(d.value) for d in c.functions.list(c.workspace())]


def _get(c: Context, workspace: Workspace, function: Named) -> SavedFunction:
    try:
        return c.functions.get(workspace, function.text).value
    except NotFound:
        c.fail("SEM0260", f"no function is named `{function.text}`", function.span)


def _save(
    c: Context, workspace: Workspace, definition: FunctionDefinition, properties: Properties, create_only: bool = False
) -> Rows:
    said = c.known(properties, "docstring", "folder", "skipvalidation", refused=("view",))
    before = None if create_only else c.functions.text(workspace.name, definition.name.text)
    old = c.functions.get(workspace, definition.name.text).value if before is not None else None
    function = SavedFunction(
        definition.name.text,
        definition.body,
        definition.parameters,
        # What isn't said stays as it was.
        category=str(said.get("folder", old.category if old else "")),
        description=str(said.get("docstring", old.description if old else "")),
        display_name=old.display_name if old else "",
    )
    skip = str(said.get("skipvalidation", "false")).lower()
    if skip not in ("true", "false"):
        c.fail("SYN0002", "`skipvalidation` is either true or false", properties["skipvalidation"][1])
    kept = c.functions.put(workspace, function, skip_validation=skip == "true", create_only=create_only)
    return [_row(kept.value)]


def _drop(c: Context, functions: Sequence[Named], ifexists: bool) -> None:
    workspace = c.workspace()
    for function in functions:
        if not ifexists:
            _get(c, workspace, function)
    for function in functions:
        c.functions.delete(workspace, function.text)


def _row(function: SavedFunction) -> list[Any]:
    body = f"{{{function.body}}}"
    return [function.name, f"({function.parameters})", body, function.category, function.description]

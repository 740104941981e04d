"""`huntlake playbook import`, `check` and `uninstall`: from files to playbooks, and what they need."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note, printable
from huntlake.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.playbooks.deployment.plan import Plan
    from huntlake.playbooks.deployment.preflight import Preflight
    from huntlake.playbooks.deployment.service import Applied, Deployments
    from huntlake.playbooks.deployment.sources import Given
    from huntlake.playbooks.deployment.templates.parameters import Missing

Output = Annotated[Listing, typer.Option("--output", "--format", "-o", help="How to write the answer.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameters", "-p", metavar="FILE|NAME=VALUE", help="A file of parameters, or the value of one."),
]
Name = Annotated[str, typer.Option("--name", help="Name of the import; of the playbook, where the file has just one.")]


def import_(
    path: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="A template, a definition, or a folder of such.")],
    parameters: Parameters = None,
    name: Name = "",
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Import playbooks: ARM templates, definitions, folders of Logic Apps Standard, or a folder with many of these.

    New connections are in dry-run: they read, and write nothing, until a person says `live`. Importing the same again
    changes nothing.
    """
    from huntlake.state.records import Author

    with opened(home) as lake:
        deployments, place = lake.playbooks.deployments, workspace_of(lake, workspace)
        given = _given(parameters or [], name)
        planned = _planned(deployments, path, place.name, given, name)
        if planned.missing and not dry and sys.stdin.isatty():
            planned = _planned(deployments, path, place.name, _asked(planned, given), name)
        checks = deployments.check(planned, place.name)
        if dry or not planned.ready:
            _show_plan(planned, checks, None, output)
            if not planned.ready:
                raise Invalid(_why_not(planned))
            return
        author = Author(name=f"{getpass.getuser()} (command line)")
        done = deployments.apply(planned, place.name, str(path), author)
    _show_plan(planned, checks, done, output)


def check(
    what: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A playbook that is here, or a file or a folder.")],
    parameters: Parameters = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Say what a playbook needs before its first run: connections, permissions, approvals, what isn't supported.

    The exit code is 1 where something is missing or isn't supported.
    """
    with opened(home) as lake:
        deployments, path = lake.playbooks.deployments, Path(what)
        kept = lake.playbooks.workflows.find(what)
        if kept is not None and not path.exists():
            planned, checks = None, [deployments.check_kept(kept.name)]
        elif path.exists():
            place = workspace_of(lake, workspace)
            planned = _planned(deployments, path, place.name, _given(parameters or [], ""), "")
            checks = deployments.check(planned, place.name)
        else:
            raise NotFound(f"neither a playbook nor a file is named `{what}`")
    if planned is not None:
        _show_plan(planned, checks, None, output)
    elif output is Listing.JSON:
        print(json.dumps([_as_json(c) for c in checks], indent=2))
    else:
        for one in checks:
            _show_check(one)
    if (planned is not None and not planned.ready) or any(c.unsupported or c.missing for c in checks):
        raise typer.Exit(1)


def uninstall(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of an import, or of a playbook.")],
    home: Home = None,
    output: Output = Listing.TABLE,
) -> None:
    """Delete what an import made, or one playbook; connections stay that another playbook names."""
    from huntlake.state.records import Author

    with opened(home) as lake:
        done = lake.playbooks.deployments.uninstall(name, Author(name=f"{getpass.getuser()} (command line)"))
    _show_applied(done, output)


# -- what is given ---------------------------------------------------------------------


def _given(parameters: list[str], name: str) -> Given:
    from huntlake.playbooks.deployment.from_template import read_parameters
    from huntlake.playbooks.deployment.sources import Given

    values: dict[str, Any] = {}
    texts: dict[str, str] = {}
    for one in parameters:
        key, mark, text = one.partition("=")
        if mark and not Path(one).is_file():
            texts[key.strip()] = text
            continue
        try:
            values |= read_parameters(Path(one).read_bytes(), one)
        except OSError as error:
            raise Invalid(f"{one} can't be read: {error.strerror}") from None
    return Given({k: v for k, v in values.items() if k not in texts}, texts, name)


def _planned(deployments: Deployments, path: Path, workspace: str, given: Given, name: str) -> Plan:
    from huntlake.core.diagnostics import SourceError

    try:
        return deployments.plan_file(path, workspace, given, name)
    except SourceError as error:
        raise Invalid(str(error)) from None


def _asked(planned: Plan, given: Given) -> Given:
    """What a person at the terminal says for what is missing."""
    texts = dict(given.texts)
    for one in planned.missing:
        if one.told:
            note(one.told)
        texts[one.name] = _answer(one)
    return replace(given, texts=texts)


def _answer(missing: Missing) -> str:
    choices = f" ({', '.join(map(str, missing.allowed))})" if missing.allowed else ""
    shown = printable(f"{missing.name}{choices} [{missing.type}]")
    return str(typer.prompt(shown, hide_input=missing.secure))


def _why_not(planned: Plan) -> str:
    told = [str(p) for p in planned.problems]
    if planned.missing:
        names = ", ".join(f"`{m.name}`" for m in planned.missing)
        told.append(f"say `--parameters NAME=VALUE` for {names}")
    return "\n".join(told)


# -- what is shown ---------------------------------------------------------------------


def _show_plan(planned: Plan, checks: list[Preflight], done: list[Applied] | None, output: Listing) -> None:
    if output is Listing.JSON:
        made: dict[str, Any] = {
            "name": planned.name,
            "workflows": [w.name for w in planned.workflows],
            "connections": [{"name": c.name, "connector": c.connector} for c in planned.connections],
            "custom_connectors": [a.name for a in planned.custom_apis],
            "not_deployed": [{"type": o.type, "name": o.name, "place": str(o.place)} for o in planned.others],
            "missing": [asdict(m) for m in planned.missing],
            "problems": [str(p) for p in planned.problems],
            "notes": [str(n) for n in planned.notes],
            "checks": [_as_json(c) for c in checks],
        }
        if done is not None:
            made["done"] = [asdict(a) for a in done]
        print(json.dumps(made, indent=2, default=str))
        return
    if done is None:
        rows: list[tuple[str, str, str]] = [("workflow", w.name, "would be made") for w in planned.workflows]
        rows += [("connection", c.name, c.connector) for c in planned.connections]
        if rows:
            show(["what", "name", ""], rows, output)
    else:
        _show_applied(done, output)
    if planned.others:
        print("\nnot deployed here:")
        show(["type", "name"], [(o.type, o.name) for o in planned.others], output)
    for one in planned.notes:
        note(f"note: {one}")
    if planned.missing:
        print("\nwithout a value:")
        show(["parameter", "type", "what it is"], [(m.name, m.type, m.told) for m in planned.missing], output)
    for check in checks:
        print()
        _show_check(check)


def _show_applied(done: list[Applied], output: Listing) -> None:
    show(["what", "name", "change", "note"], [(a.kind, a.name, a.change.value, a.why) for a in done], output)


def _show_check(one: Preflight) -> None:
    print(f"{printable(one.workflow)}:")
    for trigger in one.triggers:
        print(printable(f"  set off {trigger.how or 'by nothing'} ({trigger.type})"))
    if one.connections:
        rows = [
            (c.name or c.key, c.connector, c.support, c.mode or "not there yet", ", ".join(c.missing))
            for c in one.connections
        ]
        show(["connection", "connector", "known", "mode", "lacks"], rows, Listing.TABLE)
    if one.operations:
        calls = [
            (o.action, o.connector, o.operation or f"{o.method} {o.route}", o.effect or "unknown", o.held)
            for o in one.operations
        ]
        show(["action", "asks", "for", "effect", "approval"], calls, Listing.TABLE)
    for what, found in (("not supported", one.unsupported), ("warning", one.warnings)):
        for finding in found:
            print(printable(f"  {what}: {finding.path}: {finding.message}"))
    for name in one.missing:
        print(printable(f"  the parameter `{name}` has no value"))


def _as_json(one: Preflight) -> Mapping[str, Any]:
    return {**asdict(one), "permissions": dict(one.permissions), "ready": one.ready}

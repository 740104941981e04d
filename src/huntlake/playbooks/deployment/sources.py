"""What a file or a folder holds, and what an import of it would make."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span, did_you_mean
from huntlake.core.errors import Invalid, NotFound
from huntlake.playbooks.deployment.from_template import parameter_names, plan_template
from huntlake.playbooks.deployment.plan import Place, Plan, Told, joined
from huntlake.playbooks.deployment.reading_definitions import Findings, referred, workflow
from huntlake.playbooks.deployment.standard import is_app, plan_app
from huntlake.playbooks.deployment.templates.parameters import TemplateError
from huntlake.playbooks.deployment.templates.place import Where
from huntlake.playbooks.deployment.templates.spelling import is_template
from huntlake.playbooks.deployment.templates.template import OURS
from huntlake.playbooks.files import UNREADABLE, PlaybookFile
from huntlake.playbooks.lenient_json import decoded, read

MOST_FILES = 50_000
_SKIPPED = frozenset(("node_modules", "__pycache__", "bin", "obj"))
_HINT = re.compile(r"microsoft\.logic/workflows|\"(?:triggers|definition|resources)\"", re.IGNORECASE)
_GENERIC = frozenset(("azuredeploy", "template", "definition", "workflow", "maintemplate", "logicapp"))


@dataclass(frozen=True)
class Given:
    """What a person says for parameters: values, and texts from the command line, whose types the file knows."""

    values: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    """The name of the workflow, where the file has one only, and says none."""

    @property
    def names(self) -> set[str]:
        """The names of all, in lower case."""
        return {n.lower() for n in (*self.values, *self.texts)}


def plan(path: Path, given: Given, where: Where) -> Plan:
    """What an import of a file or a folder would make.

    Raises `NotFound` where nothing is there, and `Invalid` or `SourceError` for a file that can't be read, or for
    values that nothing takes.
    """
    if path.is_file():
        made = _file(path, given, where, alone=True)
        if made is None:
            raise Invalid(f"{path} holds no playbook: neither a template, nor a workflow's definition")
        return made
    if not path.is_dir():
        raise NotFound(f"nothing is at {path}")
    found = list(_within(path, given, where))
    if not found:
        raise Invalid(f"no playbook is in {path}")
    return joined(where.name, found)


def _within(folder: Path, given: Given, where: Where) -> Iterator[Plan]:
    """The plans of a folder. An app of Logic Apps Standard is one; files that hold no playbook are passed over."""
    unused = given.names
    for file in _files(folder):
        if file.is_dir():
            made: Plan | None = plan_app(file, _all(given), where)
            unused.clear()
        else:
            try:
                made = _file(file, given, where, alone=False)
                unused -= _names(file)
            except (SourceError, Invalid) as error:
                made = Plan(where.name, problems=(Told(Place(str(file)), str(error)),))
        if made is not None:
            yield made
    if unused:
        raise Invalid(f"no playbook in {folder} has a parameter `{sorted(unused)[0]}`")


def _files(folder: Path) -> Iterator[Path]:
    """The apps of Logic Apps Standard in a folder, and the JSON files outside of them; links aren't followed."""
    seen = 0
    for at, folders, files in os.walk(folder):
        here = Path(at)
        if is_app(here):
            folders.clear()
            yield here
            continue
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f.lower() not in _SKIPPED)
        for name in sorted(files):
            file = here / name
            seen += 1
            if seen > MOST_FILES:
                raise Invalid(f"more than {MOST_FILES:,} files are in {folder}: name a folder in it")
            if name.lower().endswith(".json") and not file.is_symlink():
                yield file


def _file(file: Path, given: Given, where: Where, *, alone: bool) -> Plan | None:
    """The plan of a file; None where it holds no playbook."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Invalid(f"{file} can't be read: {error.strerror}") from None
    if not alone and not _looks(content):
        return None
    body = read(content, str(file))
    if not isinstance(body, Mapping):
        return None
    if is_template(body):
        if not alone and not _has_workflow(content):
            return None
        return _template(body, file, given, where, alone=alone)
    return _definition(body, file, given, where, alone=alone)


def _looks(content: bytes) -> bool:
    # Every second byte of UTF-16 is nothing for the letters that are looked for.
    return bool(_HINT.search(content.replace(b"\0", b"").decode("utf-8", "replace")))


def _has_workflow(content: bytes) -> bool:
    plain = content.replace(b"\0", b"").decode("utf-8", "replace").lower()
    return any(type in plain for type in OURS)


def _template(body: Mapping[str, Any], file: Path, given: Given, where: Where, *, alone: bool) -> Plan:
    names = parameter_names(body)
    values = {n: v for n, v in given.values.items() if alone or n.lower() in names}
    texts = {n: t for n, t in given.texts.items() if alone or n.lower() in names}
    # What only Azure knows is named by its call.
    asked = {n: v for n, v in {**given.values, **{n: _value(t) for n, t in given.texts.items()}}.items() if "(" in n}
    values, texts = ({n: v for n, v in held.items() if n not in asked} for held in (values, texts))
    if given.name and "playbookname" in names and "playbookname" not in given.names:
        texts["PlaybookName"] = given.name
    at = replace(where, name=file.stem if not alone else where.name, values={**where.values, **asked})
    try:
        made = plan_template(body, values, at, str(file), texts)
    except TemplateError as error:
        raise Invalid(f"{file}: {error}") from None
    return replace(made, name=where.name)


def _value(text: str) -> Any:
    try:
        return read(text, "value")
    except SourceError:
        return text


def _definition(body: Mapping[str, Any], file: Path, given: Given, where: Where, *, alone: bool) -> Plan | None:
    """A workflow as the portal shows its code, as its management API gives it, or its definition alone."""
    inner = body.get("properties") if isinstance(body.get("properties"), Mapping) else body
    assert isinstance(inner, Mapping)
    findings = Findings(str(file))
    if isinstance(inner.get("definition"), Mapping):
        held, path = dict(inner), "$" if inner is body else "$.properties"
    elif isinstance(body.get("triggers"), Mapping) and isinstance(body.get("actions"), Mapping):
        held, path = {"definition": body}, "$"
    else:
        return None
    if alone and is_app(file.resolve().parent.parent):
        findings.note(
            "$", "this is one workflow of an app: its folder, imported, brings its connections and parameters"
        )
    parameters = dict(held.get("parameters") or {}) if isinstance(held.get("parameters"), Mapping) else {}
    declared = held["definition"].get("parameters")
    known = {n.lower(): n for n in declared} if isinstance(declared, Mapping) else {}
    for name, value in _all(given).items():
        if name.lower() not in known:
            if not alone:
                continue
            help = did_you_mean(name, known.values())
            raise Invalid(f"{file}: the definition has no parameter `{name}`" + (f"; {help}" if help else ""))
        own = known[name.lower()]
        type = str((declared.get(own) or {}).get("type", "")).lower() if isinstance(declared, Mapping) else ""
        plain = name not in given.texts or type in ("string", "securestring")
        parameters[own] = {"value": value if plain else _value(given.texts[name])}
    made = workflow(given.name or _name(file, body), {**held, "parameters": parameters}, path, findings, resource=body)
    workflows = [] if made is None else [made]
    connections = {c.name.lower(): c for c in referred(workflows, findings)}
    return Plan(
        where.name,
        tuple(workflows),
        tuple(connections.values()),
        problems=tuple(findings.problems),
        notes=tuple(findings.notes),
    )


def _name(file: Path, body: Mapping[str, Any]) -> str:
    own = body.get("name")
    return own if isinstance(own, str) and own and "/" not in own else name_of(file)


def name_of(path: Path) -> str:
    """What something is called that lies there: by its own name, or by its folder's where that says nothing."""
    generic = path.is_file() and path.stem.lower() in _GENERIC
    return path.resolve().parent.name if generic else path.resolve().stem


def _all(given: Given) -> dict[str, Any]:
    return {**given.values, **given.texts}


def _names(file: Path) -> set[str]:
    """The names, in lower case, of the parameters that a file's playbook takes."""
    content = file.read_bytes()
    body = read(content, str(file)) if _looks(content) else None
    if not isinstance(body, Mapping):
        return set()
    if is_template(body):
        return parameter_names(body)
    inner = body.get("properties") if isinstance(body.get("properties"), Mapping) else body
    definition = inner.get("definition", inner) if isinstance(inner, Mapping) else {}
    held = definition.get("parameters") if isinstance(definition, Mapping) else None
    return {n.lower() for n in held} if isinstance(held, Mapping) else set()


def playbook_files(path: Path, body: Mapping[str, Any], parameters: Mapping[str, Any]) -> list[PlaybookFile]:
    """The workflows of a template, for whoever tests them. Raises `SourceError` where one isn't whole."""
    source, made = _planned(path, body, parameters)
    if made.missing:
        raise _refused(source, f"the parameter `{made.missing[0].name}` has no value")
    return _files_of(path, source, made)


def sketched_files(path: Path, body: Mapping[str, Any], parameters: Mapping[str, Any]) -> list[PlaybookFile]:
    """The workflows of a template, for whoever only looks at them: something stands in for values that are missing."""
    source, made = _planned(path, body, parameters)
    return _files_of(path, source, made)


def _planned(path: Path, body: Mapping[str, Any], parameters: Mapping[str, Any]) -> tuple[Source, Plan]:
    source = Source(decoded(path.read_bytes(), str(path)), str(path))
    try:
        made = plan_template(body, parameters, Where(name_of(path)))
    except TemplateError as error:
        raise _refused(source, str(error)) from None
    if made.problems:
        raise _refused(source, str(made.problems[0]))
    return source, made


def _files_of(path: Path, source: Source, made: Plan) -> list[PlaybookFile]:
    return [
        PlaybookFile(path, w.name, w.definition, {**w.parameters, **w.secure}, source, f"{w.place.path}.definition")
        for w in made.workflows
    ]


def _refused(source: Source, message: str) -> SourceError:
    return SourceError(source, Diagnostic(UNREADABLE, message, Span(0, 1)))

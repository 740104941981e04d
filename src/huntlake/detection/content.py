"""Folders of detection content: every file that holds a query, and what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import yaml

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span
from huntlake.detection.custom_detections import custom_detection
from huntlake.detection.marked import Complaints, Fields, mapping, whole
from huntlake.detection.rule_files import Described, analytic_rule

_YAML, _JSON, _QUERY = frozenset({".yaml", ".yml"}), frozenset({".json"}), frozenset({".kql", ".csl", ".kusto"})
_PARSERS = frozenset({"parsers", "functions"})
"""Folders in which a text file is a function."""
_LARGEST = 1 << 22
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RULE_TYPES = ("microsoft.securityinsights/alertrules", "/providers/alertrules")
_NAME = re.compile(r"[^\W\d]\w*")
_EXPRESSION = re.compile(r"\[(?!\[).*\]", re.DOTALL)


class ContentKind(StrEnum):
    """What a file that holds a query is."""

    ANALYTIC_RULE = "analytic rule"
    HUNTING_QUERY = "hunting query"
    EXPLORATION_QUERY = "exploration query"
    FUNCTION = "function"
    CUSTOM_DETECTION = "custom detection"
    SIGMA_RULE = "Sigma rule"


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function, as its file declares it."""

    name: str
    type: str
    default: str | None = None

    @property
    def declared(self) -> str:
        """The parameter as the language declares it, as in `disabled:bool=false`."""
        if self.default is None:
            return f"{self.name}:{self.type}"
        text = '"' + self.default.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{self.name}:{self.type}={text if self.type == 'string' else self.default}"


@dataclass(frozen=True)
class Content:
    """A query out of a file. `name` is what it is kept by, and `described` a rule's alone, of whatever kind.

    The query of a Sigma rule is what its detection means, and so its place.
    """

    path: Path
    kind: ContentKind
    name: str
    title: str
    query: str
    source: Source
    query_span: Span
    described: Described | None = None
    parameters: tuple[Parameter, ...] = ()
    inputs: tuple[str, ...] = ()
    """What an exploration query is given; its text says where, each in words such as `<Address>`."""
    version: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    """What a hunting query says of itself: its description, tactics and techniques."""


@dataclass(frozen=True)
class Refused:
    """A file that holds a query, and can't be used; `reason` says where and why."""

    path: Path
    reason: str


def files(folder: Path) -> Iterator[Path]:
    """The files below a folder, or the file itself, that may hold content, in the order of their names."""
    if folder.is_file():
        yield folder
        return
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file() and (_is_content(path) or _is_function_text(path)):
            yield path


def contents(folder: Path) -> Iterator[Content | Refused]:
    """What each file below a folder holds; those that hold no query are passed over."""
    for path in files(folder):
        try:
            yield from read(path)
        except SourceError as error:
            yield Refused(path, str(error))


def read(path: Path, text: str | None = None) -> tuple[Content, ...]:
    """The queries of a file, none where it holds none; `SourceError` where it can't be understood.

    `text` takes the place of what the file holds. What isn't UTF-8 is read as Windows wrote it.
    """
    if text is None:
        if path.stat().st_size > _LARGEST:
            raise SourceError(Source("", str(path)), Diagnostic("RF001", "the file is too large", Span(0, 0)))
        text = _decoded(path.read_bytes())
    source = Source(text, str(path))
    if path.suffix.lower() in _QUERY or _is_function_text(path):
        kind = ContentKind.FUNCTION if _is_below_parsers(path) else ContentKind.HUNTING_QUERY
        name = re.sub(r"\W", "_", path.stem)
        return (Content(path, kind, name, path.stem, text, source, Span(0, len(text))),)
    complaints = Complaints(source)
    node = mapping(source)
    if path.suffix.lower() in _JSON:
        found = tuple(_from_json(path, Fields(node, complaints, any_case=True), source))
    else:
        found = tuple(_from_yaml(path, Fields(node, complaints), source))
    complaints.end()
    return found


def _from_yaml(path: Path, fields: Fields, source: Source) -> Iterator[Content]:
    if "ParserQuery" in fields:
        yield _function(path, fields, source)
        return
    if "queryCondition" in fields:
        yield _custom_detection(path, fields, source)
        return
    if "detection" in fields and "logsource" in fields:
        # What reads them is large: only who has such rules waits for it.
        from huntlake.detection.sigma.rules import converted

        described = converted(source)
        name, title = described.metadata.get("id", path.stem), described.rule.display_name
        query, span = described.rule.query, _whole(fields, "detection")
        yield Content(path, ContentKind.SIGMA_RULE, name, title, query, source, span, described)
        return
    if "correlation" in fields and "query" not in fields:
        fields.complain("SG004", "correlations of Sigma's rules are not supported", "correlation")
        return
    if "query" not in fields:
        return
    query = fields.text("query", required=True) or ""
    span = _place(fields, "query")
    if "InputEntityType" in fields:
        inputs = fields.texts("InputFields")
        title = fields.text("DisplayName", required=True) or path.stem
        name = fields.text("Id") or path.stem
        yield Content(path, ContentKind.EXPLORATION_QUERY, name, title, query, source, span, inputs=inputs)
        return
    name, title = fields.text("id") or path.stem, fields.text("name", required=True) or path.stem
    if any(f in fields for f in ("kind", "queryFrequency", "queryPeriod", "triggerOperator")):
        described = analytic_rule(fields, None)
        version = described.rule.template_version or ""
        yield Content(path, ContentKind.ANALYTIC_RULE, name, title, query, source, span, described, version=version)
    else:
        tags = {
            "description": _plain(fields.find("description")),
            "tactics": _plain(fields.find("tactics")),
            "techniques": _plain(fields.find("relevantTechniques")),
        }
        told = {n: t for n, t in tags.items() if t}
        version = _plain(fields.find("version"))
        yield Content(path, ContentKind.HUNTING_QUERY, name, title, query, source, span, version=version, tags=told)


def _custom_detection(path: Path, fields: Fields, source: Source) -> Content:
    condition = fields.inner("queryCondition")
    span = _place(condition, "queryText") if condition else Span(0, 0)
    described = custom_detection(fields)
    name, title = fields.text("id") or path.stem, described.rule.display_name
    return Content(path, ContentKind.CUSTOM_DETECTION, name, title, described.rule.query, source, span, described)


def _function(path: Path, fields: Fields, source: Source) -> Content:
    name = fields.text("ParserName", required=True) or path.stem
    if not _NAME.fullmatch(name):
        fields.complain("RF005", f"`{name[:60]}` can't name a function", "ParserName")
    parameters = []
    for one in fields.list("ParserParams"):
        parameter = Parameter(
            one.text("Name", required=True) or "?", one.text("Type", required=True) or "string", one.text("Default")
        )
        one.close()
        parameters.append(parameter)
    query = fields.text("ParserQuery", required=True) or ""
    span = _place(fields, "ParserQuery")
    return Content(path, ContentKind.FUNCTION, name, name, query, source, span, parameters=tuple(parameters))


def _from_json(path: Path, fields: Fields, source: Source) -> Iterator[Content]:
    if "resources" in fields:
        for resource in fields.list("resources"):
            type = (resource.text("type") or "").lower()
            if type.endswith(_RULE_TYPES):
                yield from _resource(path, resource, source)
        return
    if "queryCondition" in fields:
        yield _custom_detection(path, fields, source)
        return
    if "value" in fields:
        # An answer of Graph: a list of rules.
        for one in fields.list("value"):
            if "queryCondition" in one:
                yield _custom_detection(path, one, source)
        return
    if "properties" in fields and "kind" in fields:
        yield from _resource(path, fields, source)


def _resource(path: Path, fields: Fields, source: Source) -> Iterator[Content]:
    kind = fields.text("kind", required=True) or ""
    properties = fields.inner("properties")
    if properties is None or "query" not in properties:
        return
    query = properties.text("query", required=True) or ""
    if _EXPRESSION.fullmatch(query.strip()):
        properties.complain("RF005", "a template's expression as a query is not supported", "query")
    named = fields.text("name") or path.stem
    guid = _GUID.search(named)
    name = guid[0] if guid else named.rsplit("/", 1)[-1]
    described = analytic_rule(properties, kind)
    title = described.rule.display_name
    yield Content(path, ContentKind.ANALYTIC_RULE, name, title, query, source, _place(properties, "query"), described)


def _place(fields: Fields, name: str) -> Span:
    return _whole(fields, name) if isinstance(fields.find(name), yaml.ScalarNode) else Span(0, 0)


def _plain(node: yaml.Node | None) -> str:
    """A text, or the texts of a list with commas between; nothing of what is neither."""
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return ",".join(whole(n.value.strip()) for n in nodes if isinstance(n, yaml.ScalarNode))


def _whole(fields: Fields, name: str) -> Span:
    node = fields.find(name)
    return Span(node.start_mark.index, node.end_mark.index) if node else Span(0, 0)


def _decoded(data: bytes) -> str:
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode()
    except UnicodeDecodeError:
        # Old files hold dashes and quotes as Windows' editors wrote them.
        return data.decode("cp1252", "replace")


def _is_content(path: Path) -> bool:
    return path.suffix.lower() in _YAML | _JSON | _QUERY


def _is_function_text(path: Path) -> bool:
    return path.suffix.lower() == ".txt" and _is_below_parsers(path)


def _is_below_parsers(path: Path) -> bool:
    return not _PARSERS.isdisjoint(part.lower() for part in path.parts[:-1])

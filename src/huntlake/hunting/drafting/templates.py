"""Templates: queries with parameters, each for what a signal may speak of, over every table that can show it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

import yaml

from huntlake.core.diagnostics import Source, SourceError
from huntlake.detection.attack import is_technique, successor
from huntlake.detection.durations import duration
from huntlake.detection.entity_types import entity_type
from huntlake.detection.marked import Complaints, Fields, mapping
from huntlake.detection.rules import EntityMapping, FieldMapping
from huntlake.hunting.drafting.candidate import QueryParameter
from huntlake.hunting.extraction.indicators import IndicatorKind
from huntlake.kql.compiler import parse
from huntlake.kql.types import ScalarType

TEMPLATES = Path(__file__).parents[2] / "content" / "hunting" / "templates"
"""Where the templates are that huntlake brings along."""

_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,39}")
_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")
_KINDS = frozenset(IndicatorKind)
# A string given from outside may be a literal or its text, and nobody can tell which: lists of texts say it plainly.
_TYPES = {str(t): t for t in ScalarType if t is not ScalarType.STRING}


@dataclass(frozen=True, slots=True)
class TemplatePart:
    """A table's share of a template: statements that go before, and a query. It can run where all `tables` are."""

    tables: tuple[str, ...]
    query: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A template. Where several parts can run their rows are put together; `after` are operators on all of them."""

    name: str
    title: str
    description: str
    version: str
    techniques: tuple[str, ...]
    parts: tuple[TemplatePart, ...]
    parameters: tuple[QueryParameter, ...] = ()
    entities: tuple[EntityMapping, ...] = ()
    anomalies: frozenset[str] = frozenset()
    period: timedelta = timedelta(days=14)
    before: str = ""
    after: str = ""

    @property
    def tables(self) -> tuple[str, ...]:
        """Every table that one of the parts reads."""
        return tuple(dict.fromkeys(t for part in self.parts for t in part.tables))

    def written(self, parts: Sequence[TemplatePart]) -> str:
        """The query over some of its parts, at least one."""
        statements = []
        if self.parameters:
            statements.append(f"declare query_parameters({', '.join(p.declared for p in self.parameters)});")
        statements += [s for s in dict.fromkeys((self.before, *(p.before for p in parts))) if s]
        if len(parts) == 1:
            statements.append(parts[0].query)
        else:
            inner = ",\n".join("(" + _indented(p.query) + ")" for p in parts)
            statements.append(f"union\n{inner}")
        return "\n".join(statements) + (f"\n{self.after}" if self.after else "")


@cache
def shipped() -> tuple[Template, ...]:
    """The templates that huntlake brings along."""
    return templates(TEMPLATES)


def templates(folder: Path) -> tuple[Template, ...]:
    """Every template of a folder by the files' names; `SourceError` at the place of what is wrong."""
    return tuple(template(Source(p.read_text(encoding="utf-8"), p.name)) for p in sorted(folder.glob("*.yaml")))


def template(source: Source) -> Template:
    """The template that a file holds; it is named as the file. `SourceError` at the place of what is wrong."""
    complaints = Complaints(source)
    fields = Fields(mapping(source), complaints)
    triggers = fields.inner("triggers")
    made = Template(
        name=source.name.removesuffix(".yaml"),
        title=fields.text("title", required=True) or "?",
        description=fields.text("description", required=True) or "",
        version=fields.text("version", required=True) or "",
        techniques=tuple(_techniques(fields)),
        parts=tuple(_parts(fields)),
        parameters=tuple(_parameters(fields, complaints)),
        entities=tuple(m for f in fields.list("entityMappings") if (m := _entity(f))),
        anomalies=frozenset(triggers.texts("anomalies")) if triggers else frozenset(),
        period=fields.value("period", duration, "a duration such as `14d`") or timedelta(days=14),
        before=(fields.text("before") or "").strip(),
        after=(fields.text("after") or "").strip(),
    )
    if triggers:
        triggers.close()
    fields.close()
    if not made.parts:
        fields.complain("HT001", "a template has at least one of `parts`")
    complaints.end()
    for node, part in zip(_nodes(fields), made.parts, strict=True):
        try:
            parse(made.written([part]))
        except SourceError as error:
            fields.complain_at("HT002", f"the query can't be read: {error.diagnostics[0].message}", node)
    complaints.end()
    return made


def _nodes(fields: Fields) -> list[yaml.Node]:
    node = fields.find("parts")
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _techniques(fields: Fields) -> Iterator[str]:
    for id, node in fields.marked_texts("techniques"):
        if not _TECHNIQUE.fullmatch(id) or not is_technique(id) or successor(id):
            fields.complain_at("HT003", f"`{id[:60]}` is no technique of ATT&CK, or was revoked", node)
        yield id


def _parts(fields: Fields) -> Iterator[TemplatePart]:
    for one in fields.list("parts"):
        tables, query = one.texts("tables"), one.text("query", required=True)
        if not tables:
            one.complain("RF004", "`tables` is missing")
        yield TemplatePart(tables, (query or "").strip(), (one.text("before") or "").strip())
        one.close()


def _parameters(fields: Fields, complaints: Complaints) -> Iterator[QueryParameter]:
    node = fields.find("parameters")
    if node is None:
        return
    if not isinstance(node, yaml.MappingNode):
        fields.complain("RF005", "`parameters` is not a mapping", "parameters")
        return
    for key, value in node.value:
        name = str(key.value)
        if not _NAME.fullmatch(name):
            fields.complain_at("HT004", f"`{name[:60]}` can't name a parameter: say it as `ThisWay`", key)
        if not isinstance(value, yaml.MappingNode):
            fields.complain_at("RF005", f"`{name[:60]}` is not a mapping", key)
            continue
        one = Fields(value, complaints)
        type = one.text("type", required=True) or ""
        if type not in _TYPES:
            one.complain(
                "HT005", f"a parameter can't be a `{type[:20]}`: a text is given as a `dynamic` of texts", "type"
            )
        indicators, entities = frozenset(one.texts("indicators")), frozenset(one.texts("entities"))
        for unknown in sorted(indicators - _KINDS):
            one.complain("HT006", f"`{unknown[:60]}` is no kind of indicator", "indicators")
        for unknown in sorted(e for e in entities if entity_type(e) is None):
            one.complain("HT006", f"`{unknown[:60]}` is no type of entity", "entities")
        about, default = one.text("about", required=True) or "", one.text("default") or ""
        without = one.value("without", _pattern, "a regular expression") or ""
        yield QueryParameter(name, _TYPES.get(type, ScalarType.DYNAMIC), about, default, indicators, entities, without)
        one.close()


def _pattern(text: str) -> str | None:
    try:
        re.compile(text)
    except re.error:
        return None
    return text


def _entity(fields: Fields) -> EntityMapping | None:
    name = fields.text("entityType", required=True) or ""
    type = entity_type(name)
    columns = []
    for one in fields.list("fieldMappings"):
        identifier, column = one.text("identifier", required=True) or "", one.text("columnName", required=True) or ""
        known = type.identifier(identifier) if type else None
        if type and known is None:
            one.complain("HT007", f"`{name}` has no identifier `{identifier[:60]}`", "identifier")
        columns.append(FieldMapping(known or identifier, column))
        one.close()
    fields.close()
    if type is None:
        fields.complain("HT007", f"`{name[:60]}` is no type of entity", "entityType")
        return None
    return EntityMapping(type.name, tuple(columns))


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")

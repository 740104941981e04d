"""Queries for hypotheses, drafted from what there is: templates, rules, kept queries, and rules of Sigma."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from huntlake.core.diagnostics import Source, SourceError
from huntlake.core.errors import Invalid, NotFound
from huntlake.detection.pack import named_rules
from huntlake.detection.rules import AnalyticRule, EntityMapping
from huntlake.detection.sigma.rules import converted
from huntlake.hunting.drafting.candidate import Candidate
from huntlake.hunting.drafting.draft import Draft, DraftSource, Retrieved
from huntlake.hunting.drafting.explanation import explained
from huntlake.hunting.drafting.quoting import given, literal
from huntlake.hunting.drafting.templates import Template, TemplatePart, shipped
from huntlake.hunting.drafting.windows import widened
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.retrieval import HuntCandidate
from huntlake.hunting.sigma_hunts import sigma_hunt
from huntlake.kql.compiler import compile_kql, parse
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.walking import walked
from huntlake.kql.types import ScalarType
from huntlake.state.records import Records
from huntlake.workspace.query import Queries
from huntlake.workspace.saved_searches import SavedSearch, SavedSearches
from huntlake.workspace.workspaces import Workspace

SigmaRules = Callable[[Workspace], Iterable[tuple[str, str]]]
"""The rules of Sigma that a workspace has: the name of each file, and its text."""

_TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?")
_LONGEST = 3_000
_SIGMA = "Sigma rule {id} by {author}, under the {license}."
_DRL = "Detection Rule License (DRL) 1.1"


def no_sigma(workspace: Workspace) -> Iterable[tuple[str, str]]:
    """No rules of Sigma."""
    return ()


@dataclass(frozen=True)
class Drafter:
    """Drafts queries from what a workspace has and what comes with huntlake."""

    queries: Queries
    rules: Records[AnalyticRule]
    searches: SavedSearches
    sigma: SigmaRules = no_sigma
    templates: Sequence[Template] = field(default_factory=shipped)

    def candidates(self, workspace: Workspace) -> Sequence[Candidate]:
        """Everything that a query may be drafted from, by id; nothing is converted yet."""
        tables = self._tables(workspace)
        found = [self._of_template(one, tables) for one in self.templates if self._parts(one, tables.known)]
        found += [self._of_rule(name, rule, tables) for name, rule in self._rules(workspace)]
        for document in self.searches.list((workspace.name,)):
            if not document.value.function_alias:
                found.append(self._of_search(document.name, document.value, tables))
        for name, text in self.sigma(workspace):
            if (hunt := sigma_hunt(text, name)) is not None:
                id, version = f"sigma/{hunt.id}", hashlib.sha256(text.encode()).hexdigest()[:12]
                found.append(tables.candidate(_renamed(hunt, id), DraftSource.SIGMA, version))
        # A rule that a workspace keeps under the name of one of ours is the workspace's.
        return sorted({one.id: one for one in reversed(found)}.values(), key=lambda one: one.id)

    def draft(self, workspace: Workspace, candidate: str, parameters: Mapping[str, str] | None = None) -> Draft:
        """A query from a candidate, with values for its parameters (`Candidate.filled` makes them).

        `NotFound` where there is no such candidate, `Invalid` for values that don't fit, `SourceError` for a rule that
        can't be converted or a query that can't be read.
        """
        kind, _, name = candidate.partition("/")
        match kind:
            case "template":
                return self._from_template(workspace, name, parameters or {})
            case "rule":
                made = self._from_rule(workspace, name)
            case "query":
                made = self._from_search(workspace, name)
            case "sigma":
                made = self._from_sigma(workspace, name)
            case _:
                raise NotFound(f"nothing to draft from is named `{candidate[:100]}`")
        if parameters:
            raise Invalid(f"`{candidate[:100]}` has no parameters, and `{min(parameters)[:60]}` is given")
        return made

    # -- templates ---------------------------------------------------------------

    def _of_template(self, one: Template, tables: _Tables) -> Candidate:
        searched = " ".join(p.query for p in one.parts)[:_LONGEST]
        hunt = HuntCandidate(
            f"template/{one.name}",
            one.title,
            one.description,
            searched,
            frozenset(one.techniques),
            tuple(t for p in self._parts(one, tables.known) for t in p.tables),
        )
        made = tables.candidate(hunt, DraftSource.TEMPLATE, one.version)
        return Candidate(hunt, made.source, made.version, one.parameters, one.anomalies, one.period, made.has_rows)

    def _from_template(self, workspace: Workspace, name: str, parameters: Mapping[str, str]) -> Draft:
        one = next((t for t in self.templates if t.name == name), None)
        if one is None:
            raise NotFound(f"no template is named `{name[:100]}`")
        tables = self._tables(workspace)
        parts = self._parts(one, tables.filled) or self._parts(one, tables.known)
        if not parts:
            raise Invalid(f"the workspace has none of the tables of `{name}`: {', '.join(one.tables)}")
        known = {p.name for p in one.parameters}
        if unknown := sorted(parameters.keys() - known):
            raise Invalid(f"`{name}` has no parameter `{unknown[0][:60]}`")
        values = []
        for parameter in one.parameters:
            if (text := parameters.get(parameter.name)) is not None:
                values.append((parameter.name, literal(text, parameter.type)))
            elif not parameter.default:
                raise Invalid(f"`{name}` needs a value for `{parameter.name}`: {parameter.about}")
        query = one.written(parts)
        return Draft(
            title=one.title,
            description=one.description,
            query=query,
            source=DraftSource.TEMPLATE,
            reference=f"template/{one.name}",
            version=one.version,
            maker=Maker.CORE,
            techniques=one.techniques,
            tables=tuple(dict.fromkeys(t for p in parts for t in p.tables)),
            parameters=tuple(values),
            entities=self._mapped(workspace, query, values, one.entities),
            explanation=explained(query),
            context=(Retrieved("template", one.name, one.version, 1.0),),
        )

    def _mapped(
        self,
        workspace: Workspace,
        query: str,
        parameters: Iterable[tuple[str, str]],
        entities: tuple[EntityMapping, ...],
    ) -> tuple[EntityMapping, ...]:
        """Those mappings whose columns the query has: not every table knows everybody."""
        columns = columns_of(self.queries, workspace, query, parameters)
        return tuple(m for m in entities if all(f.column_name in columns for f in m.field_mappings))

    def _parts(self, one: Template, tables: frozenset[str]) -> list[TemplatePart]:
        return [p for p in one.parts if all(t in tables for t in p.tables)]

    # -- rules and kept queries ----------------------------------------------------

    def _rules(self, workspace: Workspace) -> Iterator[tuple[str, AnalyticRule]]:
        yield from ((d.name, d.value) for d in self.rules.list((workspace.name,)))
        yield from named_rules()

    def _of_rule(self, name: str, rule: AnalyticRule, tables: _Tables) -> Candidate:
        techniques = frozenset((*rule.techniques, *rule.sub_techniques))
        hunt = tables.hunt(f"rule/{name}", rule.display_name, rule.description or "", rule.query, techniques)
        return tables.candidate(hunt, DraftSource.QUERY, _version(rule.query))

    def _from_rule(self, workspace: Workspace, name: str) -> Draft:
        rule = next((r for n, r in self._rules(workspace) if n.lower() == name.lower()), None)
        if rule is None:
            raise NotFound(f"no analytic rule is named `{name[:100]}`")
        techniques = tuple(dict.fromkeys((*rule.techniques, *rule.sub_techniques)))
        return self._from_query(
            workspace, f"rule/{name}", rule.display_name, rule.description or "", rule.query, techniques,
            rule.entity_mappings,
        )  # fmt: skip

    def _of_search(self, name: str, search: SavedSearch, tables: _Tables) -> Candidate:
        about, techniques = _said(search)
        hunt = tables.hunt(f"query/{name}", search.display_name, about, search.query, frozenset(techniques))
        return tables.candidate(hunt, DraftSource.QUERY, _version(search.query))

    def _from_search(self, workspace: Workspace, name: str) -> Draft:
        search = self.searches.get((workspace.name,), name).value
        if search.function_alias:
            raise Invalid(f"`{search.display_name}` is a function, not a query")
        about, techniques = _said(search)
        return self._from_query(workspace, f"query/{name}", search.display_name, about, search.query, techniques, ())

    def _from_query(
        self,
        workspace: Workspace,
        id: str,
        title: str,
        description: str,
        text: str,
        techniques: tuple[str, ...],
        entities: tuple[EntityMapping, ...],
    ) -> Draft:
        query, is_wider = widened(text)
        if is_wider:
            description += "\n\nIts own bound of time was taken away: it looks over the window that it is given."
        return Draft(
            title=title,
            description=description.strip(),
            query=query,
            source=DraftSource.QUERY,
            reference=id,
            version=_version(text),
            maker=Maker.CORE,
            techniques=techniques,
            tables=self._tables(workspace).named(query),
            entities=entities,
            explanation=explained(query),
            context=(Retrieved("query", id, _version(text), 1.0),),
        )

    # -- Sigma -----------------------------------------------------------------

    def _from_sigma(self, workspace: Workspace, id: str) -> Draft:
        for name, text in self.sigma(workspace):
            if (hunt := sigma_hunt(text, name)) is not None and hunt.id == id:
                break
        else:
            raise NotFound(f"no rule of Sigma has the id `{id[:100]}`: are the rules brought in?")
        described = converted(Source(text, name), period=None)
        rule, about = described.rule, described.metadata
        license = about.get("license") or _DRL
        return Draft(
            title=rule.display_name,
            description=rule.description or "",
            query=rule.query,
            source=DraftSource.SIGMA,
            reference=f"sigma/{id}",
            version=_version(text),
            maker=Maker.CORE,
            techniques=tuple(sorted(hunt.techniques)),
            tables=self._tables(workspace).named(rule.query),
            entities=rule.entity_mappings,
            explanation=explained(rule.query),
            context=(Retrieved("sigma", id, _version(text), 1.0),),
            notice=_SIGMA.format(id=id, author=about.get("author") or "unnamed authors", license=license),
        )

    def _tables(self, workspace: Workspace) -> _Tables:
        visible = self.queries.visible(workspace, fetch=False)
        return _Tables(frozenset(visible.table_names()), frozenset(visible.tables_with_rows()))


@dataclass(frozen=True)
class _Tables:
    """The tables that a workspace knows, and those that have rows."""

    known: frozenset[str]
    filled: frozenset[str]

    def named(self, query: str) -> tuple[str, ...]:
        """The tables that a text names, in its order."""
        try:
            tree = parse(query)
        except SourceError:
            return ()
        return tuple(dict.fromkeys(name for name in _sources(tree) if name in self.known))

    def hunt(self, id: str, title: str, about: str, query: str, techniques: frozenset[str]) -> HuntCandidate:
        return HuntCandidate(id, title, about, query[:_LONGEST], techniques, self.named(query))

    def candidate(self, hunt: HuntCandidate, source: DraftSource, version: str) -> Candidate:
        return Candidate(hunt, source, version, has_rows=not self.filled.isdisjoint(hunt.tables))


def columns_of(
    queries: Queries, workspace: Workspace, query: str, parameters: Iterable[tuple[str, str]] = ()
) -> Mapping[str, ScalarType]:
    """The columns of a query's only table. Raises `SourceError`; a value that is missing is no complaint."""
    values = given(parameters)
    for statement in parse(query).statements:
        if isinstance(statement, nodes.QueryParametersStatement):
            for one in statement.parameters:
                if one.default is None:
                    values.setdefault(one.name, None)
    compiled = compile_kql(query, queries.visible(workspace, fetch=False), parameters=values)
    if len(compiled.results) != 1:
        raise Invalid(f"the query answers with {len(compiled.results)} tables, and a hunt's gives one")
    return {c.name: c.type for c in compiled.results[0].columns}


def _said(search: SavedSearch) -> tuple[str, tuple[str, ...]]:
    """What a kept query says of itself: its description, and its techniques."""
    tags = {t.name.lower(): t.value for t in search.tags}
    return tags.get("description", ""), tuple(dict.fromkeys(_TECHNIQUE.findall(tags.get("techniques", ""))))


def _renamed(hunt: HuntCandidate, id: str) -> HuntCandidate:
    return HuntCandidate(id, hunt.title, hunt.description, hunt.searched, hunt.techniques, hunt.tables)


def _version(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _sources(query: nodes.Query) -> Iterator[str]:
    """The names that stand where rows come from: many a table's name is a column's, too."""
    for node in walked(query):
        places: tuple[object, ...] = ()
        match node:
            case nodes.PipeExpression(head=head):
                places = (head,)
            case nodes.LetStatement(value=value):
                places = (value,)
            case nodes.ExpressionStatement(expression=expression):
                places = (expression,)
            case nodes.QueryOperator():
                places = tuple(part for field in ("tables", "table") for part in _listed(getattr(node, field, ())))
        yield from (place.name for place in places if isinstance(place, nodes.NameReference))


def _listed(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)

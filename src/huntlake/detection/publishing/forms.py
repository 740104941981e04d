"""Rules, saved searches and watchlists: as the management API has them, and as files."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import orjson
import yaml

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Invalid
from huntlake.detection.checkout import GivenSearch, GivenWatchlist, NotTaken, found_in, search_of, watchlist_of
from huntlake.detection.content import Content, ContentKind, Refused, read
from huntlake.detection.durations import iso
from huntlake.detection.parsers import functions_of
from huntlake.detection.rule_tests import RuleTest
from huntlake.detection.rules import AnalyticRule, RuleKind
from huntlake.detection.testing.beside import beside
from huntlake.detection.testing.tables import CatalogueTables
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.saved_searches import SavedSearch, Tag
from huntlake.workspace.watchlists import Watchlist

_ODD = re.compile(r"[<>%&\\?/#\x00-\x1f\x7f]")
_SHORT = {"GreaterThan": "gt", "LessThan": "lt", "Equal": "eq", "NotEqual": "ne"}
_SCHEDULED_ONLY = ("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold", "startTimeUtc")


class Kind(StrEnum):
    """What can be published."""

    RULE = "analytic rule"
    SEARCH = "saved search"
    WATCHLIST = "watchlist"
    TEST = "rule test"


@dataclass(frozen=True)
class Thing:
    """One piece of content: a rule, a test of one, a search, or a watchlist with its rows.

    `path` is its file, where it has one. A test is named by its rule and itself: `rule/test`.
    """

    kind: Kind
    name: str
    value: Any
    path: Path | None = None

    @property
    def key(self) -> str:
        """By what it is told from all others."""
        return f"{self.kind}/{self.name}".lower()

    @property
    def title(self) -> str:
        """Its name for people."""
        if self.kind is Kind.TEST:
            return str(self.value.title)
        value = self.value[0] if self.kind is Kind.WATCHLIST else self.value
        return str(value.display_name) or self.name

    @property
    def is_function(self) -> bool:
        """Whether it is a search that others can call."""
        return self.kind is Kind.SEARCH and bool(self.value.function_alias)

    @property
    def digest(self) -> str:
        """What is the same for the same content, on whichever side it is."""
        if self.kind is Kind.WATCHLIST:
            watchlist, rows = self.value
            said: Any = (_plain_watchlist(watchlist), sorted((dict(r) for r in rows), key=orjson.dumps))
        elif self.kind is Kind.RULE:
            said = _plain_rule(self.value)
        elif self.kind is Kind.TEST:
            said = self.value.text
        else:
            said = replace(self.value, tags=tuple(sorted(self.value.tags, key=lambda t: (t.name, t.value))))
        text = orjson.dumps(said, default=str, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(text).hexdigest()

    @property
    def body(self) -> dict[str, Any]:
        """The resource, as the API takes it."""
        if self.kind is Kind.WATCHLIST:
            watchlist, rows = self.value
            return {"properties": {**_watchlist_properties(watchlist), "rawContent": csv_of(watchlist.columns, rows)}}
        if self.kind is Kind.SEARCH:
            return {"properties": _wire(self.value)}
        if self.kind is Kind.TEST:
            return {"properties": {"text": self.value.text}}
        return rule_body(self.value)


@dataclass(frozen=True)
class Folder:
    """What a folder holds: things by key, and what of it can't be published, with the reason."""

    things: Mapping[str, Thing]
    refused: tuple[tuple[Path, str], ...]
    not_taken: tuple[tuple[Path, str], ...]


def folder_of(folder: Path, paths: Sequence[Path], tests: Sequence[Path] = ()) -> Folder:
    """The content of files of a folder, and of those files of `tests` that are about its rules."""
    things: dict[str, Thing] = {}
    refused: list[tuple[Path, str]] = []
    not_taken: list[tuple[Path, str]] = []

    def add(thing: Thing) -> None:
        known = things.setdefault(thing.key, thing)
        if known is not thing and known.digest != thing.digest:
            refused.append((thing.path or Path(), f"{known.path} has the same id, and says something else"))

    found = [one for path in paths for one in found_in(path, folder)]
    for function, content in functions_of(f for f in found if isinstance(f, Content)):
        search = SavedSearch("Functions", function.name, function.body, function.name, function.parameters)
        add(Thing(Kind.SEARCH, function.name, search, content.path))
    for one in found:
        match one:
            case Refused():
                refused.append((one.path, one.reason.splitlines()[0] if one.reason else ""))
            case NotTaken():
                not_taken.append((one.path, f"{one.kind}s are not supported"))
            case GivenWatchlist():
                add(Thing(Kind.WATCHLIST, one.watchlist.alias, (one.watchlist, tuple(one.rows)), one.path))
            case GivenSearch():
                add(Thing(Kind.SEARCH, one.name, one.search, one.path))
            case Content(kind=ContentKind.FUNCTION):
                pass
            case Content(kind=ContentKind.EXPLORATION_QUERY):
                not_taken.append((one.path, "exploration queries are not supported"))
            case Content(described=None):
                tags = tuple(Tag(n, t) for n, t in one.tags.items())
                add(
                    Thing(
                        Kind.SEARCH,
                        _named(one.name),
                        SavedSearch("Hunting Queries", one.title, one.query, tags=tags),
                        one.path,
                    )
                )
            case Content():
                described = one.described
                assert described is not None
                add(Thing(Kind.RULE, _named(one.name), described.rule, one.path))
    for file in beside(found, tests, folder, CatalogueTables(Catalogue())) if tests else ():
        if file.wrong:
            refused.append((file.path, file.wrong))
        for name, test in file.tests:
            add(Thing(Kind.TEST, f"{_named(file.rule)}/{name}", test, file.path))
    return Folder(things, tuple(refused), tuple(not_taken))


def rule_there(name: str, resource: Mapping[str, Any]) -> Thing:
    """A rule as the API shows it; `Invalid` for one that isn't understood."""
    properties = {k: v for k, v in resource.get("properties", {}).items() if k != "lastModifiedUtc"}
    text = orjson.dumps({"name": name, "kind": resource.get("kind"), "properties": properties}).decode()
    try:
        [content] = read(Path(f"{name}.json"), text)
    except SourceError as error:
        raise Invalid(error.diagnostics[0].message) from None
    except ValueError:
        raise Invalid("it has no query") from None
    assert content.described is not None
    return Thing(Kind.RULE, name, content.described.rule)


def test_there(rule: str, name: str, resource: Mapping[str, Any]) -> Thing:
    """A test of a rule as the API shows it."""
    said = resource.get("properties", {})
    return Thing(Kind.TEST, f"{rule}/{name}", RuleTest(str(said.get("displayName", "")), str(said.get("text", ""))))


def search_there(name: str, resource: Mapping[str, Any]) -> Thing:
    """A saved search as the API shows it."""
    return Thing(Kind.SEARCH, name, search_of(resource))


def watchlist_there(name: str, resource: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Thing:
    """A watchlist as the API shows it, and its items."""
    fields = [i.get("properties", {}).get("itemsKeyValue", {}) for i in items]
    key = str(resource.get("properties", {}).get("itemsSearchKey", ""))
    columns = tuple(dict.fromkeys(c for f in fields for c in f)) or (key,)
    rows = tuple({c: _text(f.get(c)) for c in columns} for f in fields)
    return Thing(Kind.WATCHLIST, name, (watchlist_of(name, resource.get("properties", {}), columns), rows))


def rule_body(rule: AnalyticRule) -> dict[str, Any]:
    """A rule, as the API takes it."""
    said = _wire(replace(_plain_rule(rule)))
    said.pop("kind")
    if rule.kind is RuleKind.NRT:
        for name in _SCHEDULED_ONLY:
            said.pop(name, None)
    return {"kind": rule.kind.value, "properties": said}


def files_of(thing: Thing) -> dict[str, str]:
    """The texts that hold a thing, by the end of the file's name; read again they are the same thing."""
    match thing.kind:
        case Kind.RULE:
            text = _yaml(thing)
            try:
                again = Thing(Kind.RULE, *_read_again(text))
            except SourceError:
                again = None
            if again is not None and (again.key, again.digest) == (thing.key, thing.digest):
                return {".yaml": text}
            # What the public form can't say is kept as the API says it.
            return {".json": _json({"type": "Microsoft.SecurityInsights/alertRules", "name": thing.name, **thing.body})}
        case Kind.SEARCH:
            type = "Microsoft.OperationalInsights/savedSearches"
            return {".json": _json({"type": type, "name": thing.name, **thing.body})}
        case Kind.WATCHLIST:
            watchlist, rows = thing.value
            about = {"watchlistAlias": watchlist.alias, **_watchlist_properties(watchlist)}
            return {".json": _json(about), ".csv": csv_of(watchlist.columns, rows)}
        case Kind.TEST:
            raise AssertionError


def csv_of(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(c, "") for c in columns] for row in rows)
    return text.getvalue()


def _yaml(thing: Thing) -> str:
    body = rule_body(thing.value)
    said = dict(body["properties"])
    techniques = [*said.pop("techniques", []), *said.pop("subTechniques", [])]
    made: dict[str, Any] = {"id": thing.name, "name": said.pop("displayName")}
    for name in ("description", "severity"):
        if name in said:
            made[name] = said.pop(name)
    made["kind"] = body["kind"]
    if said.pop("enabled") is False:
        made["enabled"] = False
    for name in ("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold", "tactics"):
        if name in said:
            made[name] = _SHORT.get(said[name], said[name]) if name == "triggerOperator" else said[name]
            said.pop(name)
    if techniques:
        made["relevantTechniques"] = techniques
    made["query"] = said.pop("query")
    return str(yaml.dump({**made, **said}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


def _read_again(text: str) -> tuple[str, AnalyticRule]:
    [content] = read(Path("rule.yaml"), text)
    assert content.described is not None
    return content.name, content.described.rule


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are."""


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represented)


def _plain_rule(rule: AnalyticRule) -> AnalyticRule:
    """A rule without what only its side knows. A template's version without the template is refused there."""
    version = rule.template_version if rule.alert_rule_template_name else None
    text = rule.description or None
    return replace(rule, last_modified=None, template_version=version, description=text)


def _plain_watchlist(watchlist: Watchlist) -> Watchlist:
    return replace(
        watchlist,
        id="",
        created=None,
        modified=None,
        display_name=watchlist.display_name or watchlist.alias,
        provider=watchlist.provider or "huntlake",
        source=watchlist.source or f"{watchlist.alias}.csv",
    )


def _watchlist_properties(watchlist: Watchlist) -> dict[str, Any]:
    known = _plain_watchlist(watchlist)
    said: dict[str, Any] = {
        "displayName": known.display_name,
        "description": known.description,
        "provider": known.provider,
        "source": known.source,
        "itemsSearchKey": known.search_key,
        "contentType": "text/csv",
        "numberOfLinesToSkip": 0,
    }
    if known.time_to_live is not None:
        said["defaultDuration"] = iso(known.time_to_live)
    return said


def _wire(value: Any) -> Any:
    """A record as JSON has it, by the API's names; what says nothing is left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {_camel(f.name): _wire(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {k: v for k, v in fields.items() if v is not None and v not in ([], {}, "")}
    match value:
        case Enum():
            return value.value
        case timedelta():
            return iso(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Mapping():
            return dict(value)
        case tuple() | list():
            return [_wire(v) for v in value]
    return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _named(name: str) -> str:
    return _ODD.sub("_", name)[:260]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()

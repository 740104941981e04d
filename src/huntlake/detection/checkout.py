"""Folders of content as they are brought in: queries, watchlists, and what is not taken, with where they come from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span
from huntlake.core.errors import DomainError, Invalid
from huntlake.core.paths import is_below
from huntlake.detection.content import Content, Refused, files, read
from huntlake.detection.durations import duration
from huntlake.detection.testing.reading import is_tests
from huntlake.workspace.saved_searches import SavedSearch, Tag
from huntlake.workspace.watchlists import Watchlist, rows_of

_LARGEST = 64 << 20
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_OTHERS: Mapping[str, str] = {
    "microsoft.insights/workbooks": "workbook",
    "microsoft.logic/workflows": "playbook",
    "/dataconnectors": "data connector",
    "/dataconnectordefinitions": "data connector",
    "/contentpackages": "solution package",
    "/contenttemplates": "solution package",
    "/automationrules": "automation rule",
}
"""Resources that are not taken, by the end of their type."""
_RULES = "/alertrules"
_WATCHLISTS, _SEARCHES = "/watchlists", "/savedsearches"
_OF_SEARCHES = frozenset(
    {"category", "displayName", "query", "functionAlias", "functionParameters", "version", "tags", "etag"}
)


@dataclass(frozen=True)
class GivenWatchlist:
    """A watchlist out of a file, and its rows."""

    path: Path
    watchlist: Watchlist
    rows: Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class GivenSearch:
    """A saved search out of a file, in the form of the management API."""

    path: Path
    name: str
    search: SavedSearch


@dataclass(frozen=True)
class NotTaken:
    """A file of content of a kind that is not supported."""

    path: Path
    kind: str


Found = Content | Refused | GivenSearch | GivenWatchlist | NotTaken


def listed(folder: Path) -> tuple[Path, ...]:
    """The files below a folder that may hold content; tests beside rules aren't."""
    return tuple(f for f in files(folder) if not is_tests(f))


def tests_in(folder: Path) -> tuple[Path, ...]:
    """The files of tests below a folder, of whatever they are."""
    return tuple(f for f in files(folder) if is_tests(f))


def found_in(path: Path, folder: Path) -> tuple[Found, ...]:
    """What one file of a folder holds; nothing where that is no content."""
    if not is_below(path, folder):
        # Whoever made the folder would be told what others' files hold.
        return (Refused(path, "the file is a link that leads out of the folder"),)
    try:
        if path.suffix.lower() == ".json" and (known := _from_json(path)) is not None:
            return known
        return read(path)
    except SourceError as error:
        return (Refused(path, str(error)),)
    except DomainError as error:
        refused = Diagnostic("RF005", str(error), Span(0, 0))
        return (Refused(path, str(SourceError(Source("", str(path)), refused))),)
    except OSError as error:
        return (Refused(path, f"the file can't be read: {error.strerror}"),)


def commit_of(folder: Path) -> str:
    """The commit that a checkout stands at, of which the folder is a part; nothing where it is in none."""
    for parent in (folder, *folder.parents):
        git = parent / ".git"
        if git.is_file():
            # A worktree's `.git` says where its own folder is.
            git = (parent / git.read_text(errors="replace").removeprefix("gitdir:").strip()).resolve()
        if git.is_dir():
            return _head(git)
    return ""


def _head(git: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref:"):
            return head if _COMMIT.fullmatch(head) else ""
        name = head.removeprefix("ref:").strip()
        if ".." in name.split("/") or name.startswith("/"):
            return ""
        common = git / "commondir"
        shared = (git / common.read_text().strip()).resolve() if common.is_file() else git
        for place in (git, shared):
            if (place / name).is_file():
                found = (place / name).read_text().strip()
                return found if _COMMIT.fullmatch(found) else ""
        for line in (shared / "packed-refs").read_text().splitlines():
            commit, _, ref = line.partition(" ")
            if ref == name and _COMMIT.fullmatch(commit):
                return commit
    return ""


def _from_json(path: Path) -> tuple[Found, ...] | None:
    """What a JSON file is, where it is no file of rules; None leaves it to whoever reads those."""
    if path.stat().st_size > _LARGEST:
        return (NotTaken(path, "JSON of more than 64 MB"),)
    try:
        body = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict):
        return ()
    if str(body.get("version", "")).startswith("Notebook/"):
        return (NotTaken(path, "workbook"),)
    if _is_watchlist(body):
        return (_watchlist(path, body),)
    resources = body.get("resources")
    listed = [r for r in resources if isinstance(r, dict)] if isinstance(resources, list) else [body]
    types = [str(r.get("type", "")).lower() for r in listed]
    given: list[Found] = []
    for resource, type in zip(listed, types, strict=True):
        if type.endswith(_WATCHLISTS) and _is_watchlist(resource):
            given.append(_watchlist(path, resource))
        elif type.endswith(_SEARCHES):
            name = _text(resource, "name").rsplit("/", 1)[-1] or path.stem
            if "[" in name:
                raise Invalid("a template's expression as a saved search's name is not supported")
            given.append(GivenSearch(path, name, search_of(resource)))
    others = {kind for t in types for end, kind in _OTHERS.items() if t.endswith(end)}
    if any(t.endswith(_RULES) for t in types) or not (given or others):
        return None
    return (*given, *(NotTaken(path, kind) for kind in sorted(others)))


def _is_watchlist(body: Mapping[str, Any]) -> bool:
    return "itemsSearchKey" in _properties(body)


def _properties(body: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = body.get("properties")
    return inner if isinstance(inner, dict) else body


def _watchlist(path: Path, body: Mapping[str, Any]) -> GivenWatchlist:
    given = _properties(body)
    alias = _text(given, "watchlistAlias") or _text(body, "name").rsplit("/", 1)[-1] or path.stem
    if "[" in alias:
        raise Invalid("a template's expression as a watchlist's alias is not supported")
    content = _text(given, "rawContent")
    if content:
        data = content.encode()
    else:
        beside = path.with_suffix(".csv")
        if not beside.is_file():
            raise Invalid(f"the watchlist `{alias}` has no `rawContent`, and no {beside.name} is beside it")
        if not is_below(beside, path.parent):
            raise Invalid(f"{beside.name} is a link that leads out of its folder")
        data = beside.read_bytes()
    kind = (_text(given, "contentType") or "text/csv").lower()
    if kind not in ("text/csv", "text/tsv"):
        raise Invalid(f"a watchlist of the content type `{kind[:60]}` is not supported")
    skip = given.get("numberOfLinesToSkip") or 0
    if not isinstance(skip, int) or skip < 0:
        raise Invalid("`numberOfLinesToSkip` is not a number of lines")
    columns, rows = rows_of(data, delimiter="\t" if kind == "text/tsv" else ",", skip=skip)
    return GivenWatchlist(path, watchlist_of(alias, given, columns), rows)


def watchlist_of(alias: str, properties: Mapping[str, Any], columns: tuple[str, ...]) -> Watchlist:
    """A watchlist of these properties, in the management API's names."""
    return Watchlist(
        alias,
        _text(properties, "itemsSearchKey"),
        columns,
        display_name=_text(properties, "displayName"),
        description=_text(properties, "description"),
        provider=_text(properties, "provider"),
        source=_text(properties, "source"),
        time_to_live=_lives(_text(properties, "defaultDuration")),
    )


def search_of(resource: Mapping[str, Any]) -> SavedSearch:
    """A saved search of the properties of a resource; `Invalid` where they say what isn't known."""
    given = resource.get("properties")
    if not isinstance(given, dict):
        raise Invalid("a saved search has `properties`, and there are none")
    if unknown := next((n for n, v in given.items() if n not in _OF_SEARCHES and v is not None), None):
        raise Invalid(f"`{unknown[:60]}` of a saved search is not supported")
    query, tags = _text(given, "query"), given.get("tags") or []
    if not query:
        raise Invalid("a saved search has no `query`")
    if not isinstance(tags, list) or not all(isinstance(t, dict) for t in tags):
        raise Invalid("`tags` is not a list of names and values")
    version = given.get("version")
    return SavedSearch(
        _text(given, "category"),
        _text(given, "displayName"),
        query,
        _text(given, "functionAlias"),
        _text(given, "functionParameters"),
        version if isinstance(version, int) else 2,
        tuple(Tag(_text(t, "name"), _text(t, "value")) for t in tags),
    )


def _lives(text: str) -> timedelta | None:
    if not text:
        return None
    found = duration(text)
    if found is None:
        raise Invalid(f"`defaultDuration` is a duration such as `P30D`, not `{text[:60]}`")
    return found


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) else ""

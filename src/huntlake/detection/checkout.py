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
from huntlake.detection.content import Content, Refused, files, read
from huntlake.detection.durations import duration
from huntlake.workspace.watchlists import Watchlist, rows_of

_TESTS = (".test.yaml", ".test.yml", ".tests.yaml", ".tests.yml")
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
_WATCHLISTS = ("/watchlists",)


@dataclass(frozen=True)
class GivenWatchlist:
    """A watchlist out of a file, and its rows."""

    path: Path
    watchlist: Watchlist
    rows: Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class NotTaken:
    """A file of content of a kind that is not supported."""

    path: Path
    kind: str


Found = Content | Refused | GivenWatchlist | NotTaken


def listed(folder: Path) -> tuple[Path, ...]:
    """The files below a folder that may hold content; tests beside rules aren't."""
    return tuple(f for f in files(folder) if not f.name.lower().endswith(_TESTS))


def found_in(path: Path) -> tuple[Found, ...]:
    """What one file holds; nothing where that is no content."""
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
    given = [
        _watchlist(path, r) for r, t in zip(listed, types, strict=True) if t.endswith(_WATCHLISTS) and _is_watchlist(r)
    ]
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
        data = beside.read_bytes()
    kind = (_text(given, "contentType") or "text/csv").lower()
    if kind not in ("text/csv", "text/tsv"):
        raise Invalid(f"a watchlist of the content type `{kind[:60]}` is not supported")
    skip = given.get("numberOfLinesToSkip") or 0
    if not isinstance(skip, int) or skip < 0:
        raise Invalid("`numberOfLinesToSkip` is not a number of lines")
    columns, rows = rows_of(data, delimiter="\t" if kind == "text/tsv" else ",", skip=skip)
    made = Watchlist(
        alias,
        _text(given, "itemsSearchKey"),
        columns,
        display_name=_text(given, "displayName"),
        description=_text(given, "description"),
        provider=_text(given, "provider"),
        source=_text(given, "source"),
        time_to_live=_lives(_text(given, "defaultDuration")),
    )
    return GivenWatchlist(path, made, rows)


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

"""Content that was brought in from folders: what each piece became, from which file, and whether it runs."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, cast

import orjson

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Conflict, DomainError, Invalid, LimitExceeded, NotFound
from huntlake.core.paths import is_below
from huntlake.detection.checkout import (
    Found,
    GivenSearch,
    GivenWatchlist,
    NotTaken,
    commit_of,
    found_in,
    listed,
    tests_in,
)
from huntlake.detection.content import Content, ContentKind, Refused
from huntlake.detection.parsers import functions_of
from huntlake.detection.rule_tests import MOST_TESTS, RuleTest, TestStanding
from huntlake.detection.rules import AnalyticRule
from huntlake.detection.testing.beside import beside
from huntlake.detection.testing.stored import WorkspaceTables
from huntlake.state.documents import Shelf, Write
from huntlake.state.records import Author, Owner, Records
from huntlake.workspace.functions import SavedFunction, SavedFunctions
from huntlake.workspace.query import Queries
from huntlake.workspace.saved_searches import SavedSearch, SavedSearches, Tag
from huntlake.workspace.watchlists import Watchlist, Watchlists
from huntlake.workspace.workspaces import Workspace

BUILTIN = "builtin"
"""The name of the pack that huntlake itself brings."""
PACK = Path(__file__).parents[1] / "content" / "rules"

_ODD = re.compile(r"[<>%&\\?/#\x00-\x1f\x7f]")
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_AT_ONCE = 200
_CATEGORY = "Hunting Queries"


class Kind(StrEnum):
    """What a piece of content is here."""

    RULE = "analytic rule"
    TEST = "test of a rule"
    SEARCH = "hunting query"
    FUNCTION = "function"
    WATCHLIST = "watchlist"


class State(StrEnum):
    """Whether a piece is in use; what is not taken is of a kind that is not supported."""

    TAKEN = "taken"
    REFUSED = "refused"
    NOT_TAKEN = "not taken"


class Fate(StrEnum):
    """What happened to a piece when its folder was brought in."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    """It is not as its source has it, because a person wants it so."""
    DOUBLE = "double"
    REFUSED = "refused"
    NOT_TAKEN = "not taken"
    GONE = "gone"
    """The source no longer has it; it stays."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class ContentSource:
    """A folder that was brought in; `commit` is its checkout's, where it is one."""

    place: str
    commit: str = ""
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a source: the file below its folder, the file's hash, and the digest of what was made of it."""

    kind: str
    name: str
    title: str
    path: str
    state: State
    version: str = ""
    hash: str = ""
    digest: str = ""
    commit: str = ""
    code: str = ""
    reason: str = ""

    @property
    def key(self) -> str:
        """By what it is told from all others of its source."""
        return f"{self.kind}/{self.name}".lower()


@dataclass(frozen=True, slots=True)
class Told:
    """What happened to a piece, and why where that isn't plain; `before` is the version that it had."""

    fate: Fate
    piece: Piece
    reason: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A piece as it stands now: what a person has done to it, and whether the rule is enabled."""

    source: str
    piece: Piece
    touched: str = ""
    enabled: bool | None = None


Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class _Given:
    """A piece to be kept: `value` is a rule, a search, a function, or a watchlist with its rows."""

    piece: Piece
    value: Any


@dataclass(frozen=True)
class Library:
    """The content of every workspace that came from folders."""

    shelf: Shelf
    clock: Clock
    rules: Records[AnalyticRule]
    tests: Records[RuleTest]
    standings: Records[TestStanding]
    searches: SavedSearches
    functions: SavedFunctions
    watchlists: Watchlists
    queries: Queries
    _sources: Records[ContentSource] = field(init=False)
    _pieces: Records[Piece] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_sources", Records(self.shelf, self.clock, "content sources", ContentSource))
        object.__setattr__(self, "_pieces", Records(self.shelf, self.clock, "content", Piece))

    def sources(self, workspace: Workspace) -> list[tuple[str, ContentSource, tuple[Piece, ...]]]:
        """Every source of a workspace with its pieces."""
        owner = (workspace.name,)
        return [
            (d.name, d.value, tuple(p.value for p in self._pieces.list((*owner, d.name))))
            for d in self._sources.list(owner)
        ]

    def standing(self, workspace: Workspace) -> Iterator[Standing]:
        """Every piece of every source, as it stands now."""
        now = self._present(workspace)
        enabled = {d.name.lower(): d.value.enabled for d in self.rules.list((workspace.name,))}
        for source, _, pieces in self.sources(workspace):
            for piece in pieces:
                touched = ""
                if piece.state is State.TAKEN:
                    digest = now.get(piece.key)
                    touched = "deleted" if digest is None else "" if digest == piece.digest else "changed by a person"
                is_rule = piece.kind == Kind.RULE
                yield Standing(source, piece, touched, enabled.get(piece.name.lower()) if is_rule else None)

    def add(
        self,
        workspace: Workspace,
        folder: Path,
        source: str,
        *,
        enable: bool = False,
        force: bool = False,
        prune: bool = False,
        progress: Progress = _silent,
    ) -> tuple[Told, ...]:
        """Bring a folder in, or again: what changed there is changed here, and what a person has changed stays.

        Rules are made disabled without `enable`; later it is the person's word that counts. With `force` the folder
        wins over persons; with `prune` what it no longer has is deleted. A query that the workspace doesn't understand
        is refused, and tried again the next time.
        """
        workspace.here("adding content")
        if not _SOURCE.fullmatch(source):
            raise Invalid(f"`{source[:60]}` can't name a source: use letters, digits, dots, hyphens and underscores")
        folder = folder.absolute()
        if not folder.exists():
            raise NotFound(f"nothing is at {folder}")
        owner, commit = (workspace.name,), commit_of(folder)
        paths, tests = listed(folder), tests_in(folder)
        hashes: dict[Path, str] = {}
        found: list[Found] = []
        for done, path in enumerate(paths):
            hashes[path] = _hash(path, folder)
            found += found_in(path, folder)
            progress(done, 2 * len(paths))
        hashes |= {path: _hash(path, folder) for path in tests}
        self._sources.put(owner, source, ContentSource(str(folder), commit, self.clock.now()))
        work = _Work(self, workspace, source, enable=enable, force=force)
        pieces = list(_pieces(found, folder, hashes, commit))
        tables = WorkspaceTables(self.queries.visible(workspace, fetch=False))
        pieces += _tests(found, tests, folder, tables, partial(_piece, folder, hashes, commit))
        for done, one in enumerate(pieces):
            work.take(one)
            progress(len(paths) + done * len(paths) // len(pieces), 2 * len(paths))
        work.end(prune=prune)
        return tuple(work.told)

    def remove(self, workspace: Workspace, source: str, *, force: bool = False) -> tuple[Told, ...]:
        """Take away what came from a source; with `force` also what a person has changed since. `NotFound` where there
        is no such source. What another source has brought, too, stays.
        """
        owner = (workspace.name,)
        if self._sources.find(owner, source) is None:
            raise NotFound(f"no content came from a source named `{source}`")
        elsewhere = {p.key for n, _, ps in self.sources(workspace) if n.lower() != source.lower() for p in ps}
        now = self._present(workspace)
        told = []
        for document in self._pieces.list((*owner, source)):
            piece = document.value
            if piece.state is not State.TAKEN or piece.key not in now:
                pass
            elif piece.key in elsewhere:
                told.append(Told(Fate.KEPT, piece, "another source has it, too"))
            elif now[piece.key] != piece.digest and not force:
                told.append(Told(Fate.KEPT, piece, "a person has changed it"))
            else:
                self.delete(workspace, piece)
                told.append(Told(Fate.REMOVED, piece))
            self._pieces.delete((*owner, source), document.name)
        self._sources.delete(owner, source)
        return tuple(told)

    def delete(self, workspace: Workspace, piece: Piece) -> None:
        """Delete what a piece became."""
        owner = (workspace.name,)
        match Kind(piece.kind):
            case Kind.RULE:
                self.rules.delete(owner, piece.name)
            case Kind.TEST:
                rule, _, test = piece.name.rpartition("/")
                self.tests.delete((*owner, rule), test)
            case Kind.SEARCH:
                self.searches.delete(owner, piece.name)
            case Kind.FUNCTION:
                self.functions.delete(workspace, piece.name)
            case Kind.WATCHLIST:
                self.watchlists.delete(workspace, piece.name)

    def _present(self, workspace: Workspace) -> dict[str, str]:
        """The digest of everything that a piece could have become."""
        owner = (workspace.name,)
        now = {f"{Kind.RULE}/{d.name}".lower(): digest_of(d.value) for d in self.rules.list(owner)}
        for rule in {d.name.rpartition("/")[0] for d in self.standings.list(owner)}:
            for test in self.tests.list((*owner, rule)):
                now[f"{Kind.TEST}/{rule}/{test.name}".lower()] = digest_of(test.value)
        now |= {f"{Kind.SEARCH}/{d.name}".lower(): digest_of(d.value) for d in self.searches.list(owner)}
        now |= {f"{Kind.FUNCTION}/{d.name}".lower(): digest_of(d.value) for d in self.functions.list(workspace)}
        for document in self.watchlists.list(workspace):
            rows = tuple(i.fields for i in self.watchlists.items(workspace, document.name))
            now[f"{Kind.WATCHLIST}/{document.name}".lower()] = digest_of((document.value, rows))
        return now


class _Work:
    """One folder that is being brought in."""

    def __init__(self, library: Library, workspace: Workspace, source: str, *, enable: bool, force: bool) -> None:
        self._library, self._workspace, self._enable, self._force = library, workspace, enable, force
        self._owner: Owner = (workspace.name, source)
        self._kept = library._pieces
        self._known = {d.value.key: d for d in self._kept.list(self._owner)}
        self._now = library._present(workspace)
        # To ask for each of thousands takes longer than to read them all.
        owner = (workspace.name,)
        self._rules = {d.name.lower(): d for d in library.rules.list(owner)}
        self._searches = {d.name.lower(): d for d in library.searches.list(owner)}
        self._tests: Counter[str] = Counter(d.name.rpartition("/")[0].lower() for d in library.standings.list(owner))
        self._made: set[str] = set()
        self._anew: set[str] = set()
        self._seen: dict[str, Piece] = {}
        self._writes: list[Write] = []
        self.told: list[Told] = []

    def take(self, given: _Given) -> None:
        """Bring one piece in."""
        piece = given.piece
        if (first := self._seen.get(piece.key)) is not None:
            if first.digest == piece.digest and first.state is piece.state:
                self.told.append(Told(Fate.DOUBLE, piece, f"{first.path} is the same"))
                return
            reason = f"{first.path} has the same id, and says something else"
            lost = replace(piece, kind=f"double {piece.kind}", name=piece.path, state=State.REFUSED, reason=reason)
            self._remember(Fate.REFUSED, replace(lost, code="same id"))
            return
        self._seen[piece.key] = piece
        if piece.state is State.REFUSED:
            self._remember(Fate.REFUSED, piece)
            return
        if piece.state is State.NOT_TAKEN:
            self._remember(Fate.NOT_TAKEN, piece)
            return
        known = self._known.get(piece.key)
        before = known.value if known and known.value.state is State.TAKEN else None
        digest = self._now.get(piece.key)
        if digest == piece.digest:
            # Also what a crash left behind, or a person made just so.
            self._remember(Fate.UNCHANGED if before else Fate.CREATED, piece)
            return
        anew = piece.kind == Kind.TEST and piece.name.rpartition("/")[0].lower() in self._anew
        if not (self._force or anew) and (why := _hindrance(before, digest)):
            # What the ledger knows stays: the next time it is still the person who has changed it.
            self._seen[piece.key] = before or piece
            self.told.append(Told(Fate.KEPT, piece, why))
            if before is None:
                self._remember(None, replace(piece, state=State.REFUSED, digest="", code="taken", reason=why))
            return
        try:
            self._check(given)
            self._keep(given)
        except SourceError as error:
            first_of = error.diagnostics[0]
            reason = first_of.message + (f" ({first_of.help})" if first_of.help else "")
            self._refuse(piece, before, first_of.code, reason)
        except DomainError as error:
            self._refuse(piece, before, "bounds", str(error))
        else:
            fate = Fate.CREATED if digest is None else Fate.CHANGED
            self._remember(fate, piece, before.version if before else "")

    def end(self, *, prune: bool) -> None:
        """Write what is left, and look after what the source no longer has."""
        self._flush()
        broken = {p.path for p in self._seen.values() if p.state is State.REFUSED}
        for key, document in self._known.items():
            if key in self._seen:
                continue
            piece = document.value
            if piece.state is State.TAKEN and key in self._now:
                if piece.path in broken:
                    self.told.append(Told(Fate.KEPT, piece, "its file can't be used as it is now"))
                    continue
                if not prune:
                    self.told.append(Told(Fate.GONE, piece, "the source no longer has it"))
                    continue
                if self._now[key] != piece.digest and not self._force:
                    self.told.append(Told(Fate.KEPT, piece, "the source no longer has it, and a person has changed it"))
                    continue
                self._library.delete(self._workspace, piece)
                self.told.append(Told(Fate.REMOVED, piece))
            self._kept.delete(self._owner, document.name)

    def _refuse(self, piece: Piece, before: Piece | None, code: str, reason: str) -> None:
        if before is None:
            self._remember(Fate.REFUSED, replace(piece, state=State.REFUSED, digest="", code=code, reason=reason))
            return
        # The version before stays, and is still this source's.
        stays = f"the version before stays: {reason}"
        self._remember(None, replace(before, code=code, reason=stays))
        self.told.append(Told(Fate.REFUSED, replace(piece, code=code, reason=stays), stays))

    def _check(self, given: _Given) -> None:
        if given.piece.kind in (Kind.RULE, Kind.SEARCH) and not getattr(given.value, "function_alias", ""):
            self._library.queries.check(self._workspace, given.value.query)
        if given.piece.kind == Kind.TEST:
            rule = given.piece.name.rpartition("/")[0].lower()
            if rule not in self._rules and rule not in self._made:
                raise NotFound("its rule isn't here")

    def _keep(self, given: _Given) -> None:
        """Keep what a piece is. Rules and searches are many, and written together."""
        library, owner, name = self._library, (self._workspace.name,), given.piece.name
        match Kind(given.piece.kind):
            case Kind.RULE:
                rule = self._rules.get(name.lower())
                enabled = rule.value.enabled if rule else self._enable and given.value.enabled
                if rule is not None and rule.value.kind is not given.value.kind:
                    # A rule can't become one of another kind, and begins anew.
                    library.rules.delete(owner, name)
                    rule, gone = None, f"{Kind.TEST}/{name}/".lower()
                    self._anew.add(name.lower())
                    self._tests[name.lower()] = 0
                    self._now = {key: digest for key, digest in self._now.items() if not key.startswith(gone)}
                made = replace(given.value, enabled=enabled)
                self._writes += library.rules.prepared(owner, name, made, Author(), rule)[1]
                self._made.add(name.lower())
            case Kind.TEST:
                of_rule, _, test = name.rpartition("/")
                before = library.tests.find((*owner, of_rule), test)
                if before is None and self._tests[of_rule.lower()] >= MOST_TESTS:
                    raise LimitExceeded(f"a rule has at most {MOST_TESTS} tests")
                self._tests[of_rule.lower()] += before is None
                self._writes += library.tests.prepared((*owner, of_rule), test, given.value, Author(), before)[1]
            case Kind.SEARCH:
                search = self._searches.get(name.lower())
                if given.value.function_alias or (search and search.value.function_alias):
                    library.searches.put(owner, name, given.value)
                else:
                    self._writes += library.searches.prepared(owner, name, given.value, search)
            case Kind.FUNCTION:
                library.functions.put(self._workspace, given.value, skip_validation=True)
            case Kind.WATCHLIST:
                watchlist, rows = given.value
                library.watchlists.put(self._workspace, watchlist, rows)

    def _remember(self, fate: Fate | None, piece: Piece, before: str = "") -> None:
        if fate is not None:
            self.told.append(Told(fate, piece, piece.reason, before))
        known = self._known.get(piece.key)
        if known is None or known.value != piece:
            self._writes += self._kept.prepared(self._owner, piece.key, piece, Author(), known)[1]
        if len(self._writes) >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        writes, self._writes = self._writes, []
        if writes and not self._library.shelf.write(writes):
            raise Conflict("somebody else changes the content of this workspace: try again")


def _hash(path: Path, folder: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and is_below(path, folder) else ""


def digest_of(value: Any) -> str:
    """What is the same for the same content: neither times nor whether a rule is enabled are part of that."""
    match value:
        case AnalyticRule():
            value = replace(value, enabled=False, last_modified=None)
        case SavedFunction():
            value = replace(value, created=None, modified=None)
        case (Watchlist() as watchlist, rows):
            same = replace(watchlist, id="", created=None, modified=None)
            value = (same, sorted((dict(r) for r in rows), key=orjson.dumps))
    text = orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(text).hexdigest()


def _hindrance(before: Piece | None, digest: str | None) -> str:
    """Why a piece is not to be written over: who has changed it, deleted it, or made it."""
    if before is None:
        return "it is there already, and did not come from this source" if digest is not None else ""
    if digest is None:
        return "a person has deleted it"
    return "a person has changed it" if digest != before.digest else ""


def _pieces(found: Sequence[Found], folder: Path, hashes: Mapping[Path, str], commit: str) -> Iterator[_Given]:
    """What is to be brought in, functions first: queries call them."""

    piece = partial(_piece, folder, hashes, commit)
    for function, content in functions_of(f for f in found if isinstance(f, Content)):
        digest = digest_of(function)
        yield _Given(piece(content.path, Kind.FUNCTION, function.name, function.name, digest=digest), function)
    for one in found:
        match one:
            case Refused():
                head = one.reason.splitlines()[0] if one.reason else ""
                code = re.match(r"error\[(\w+)\]: ", head)
                reason = head[code.end() :] if code else head
                relative = one.path.relative_to(folder).as_posix() if one.path != folder else one.path.name
                made = piece(one.path, "file", relative, one.path.stem, State.REFUSED)
                yield _Given(replace(made, name=relative, code=code[1] if code else "file", reason=reason), None)
            case NotTaken():
                reason = f"{one.kind}s are not supported"
                made = piece(one.path, one.kind, one.path.stem, one.path.stem, State.NOT_TAKEN)
                yield _Given(replace(made, name=made.path, reason=reason), None)
            case GivenWatchlist():
                value = (one.watchlist, tuple(one.rows))
                title = one.watchlist.display_name or one.watchlist.alias
                digest = digest_of(value)
                yield _Given(piece(one.path, Kind.WATCHLIST, one.watchlist.alias, title, digest=digest), value)
            case GivenSearch():
                digest, title = digest_of(one.search), one.search.display_name
                yield _Given(piece(one.path, Kind.SEARCH, one.name, title, digest=digest), one.search)
            case Content(kind=ContentKind.FUNCTION):
                pass
            case Content(kind=ContentKind.EXPLORATION_QUERY):
                reason = "exploration queries about one entity are not supported"
                made = piece(one.path, one.kind, one.name, one.title, State.NOT_TAKEN)
                yield _Given(replace(made, reason=reason), None)
            case Content(described=None):
                tags = tuple(Tag(n, t) for n, t in one.tags.items())
                search = SavedSearch(_CATEGORY, one.title, one.query, tags=tags)
                digest = digest_of(search)
                yield _Given(
                    piece(one.path, Kind.SEARCH, one.name, one.title, digest=digest, version=one.version), search
                )
            case Content():
                rule = cast("Any", one.described).rule
                digest, version = digest_of(rule), one.version or _version(one)
                yield _Given(piece(one.path, Kind.RULE, one.name, one.title, digest=digest, version=version), rule)


def _piece(
    folder: Path,
    hashes: Mapping[Path, str],
    commit: str,
    path: Path,
    kind: str,
    name: str,
    title: str,
    state: State = State.TAKEN,
    *,
    digest: str = "",
    version: str = "",
) -> Piece:
    relative = path.relative_to(folder).as_posix() if path != folder else path.name
    return Piece(kind, _ODD.sub("_", name)[:260], title, relative, state, version, hashes[path], digest, commit)


def _tests(
    found: Sequence[Found],
    files: Sequence[Path],
    folder: Path,
    tables: WorkspaceTables,
    piece: Callable[..., Piece],
) -> Iterator[_Given]:
    """The tests of the rules that were found."""
    for one in beside(found, files, folder, tables):
        if one.wrong:
            made = piece(one.path, "file", one.path.name, one.path.stem, State.REFUSED)
            yield _Given(replace(made, name=made.path, code="file of tests", reason=one.wrong), None)
            continue
        rule = piece(one.path, Kind.TEST, one.rule, "").name
        for name, test in one.tests:
            made = piece(one.path, Kind.TEST, name, test.title, digest=digest_of(test))
            yield _Given(replace(made, name=f"{rule}/{name}"), test)


def _version(content: Content) -> str:
    """The version that a rule's file says, of whatever form it is."""
    described = content.described
    return (described.rule.template_version or described.metadata.get("version", "")) if described else ""

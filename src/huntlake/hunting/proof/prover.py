"""Proves queries: what their text says, what they would read, and what a run over history shows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from threading import BoundedSemaphore

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Busy, DomainError, Invalid
from huntlake.hunting.drafting.quoting import given
from huntlake.hunting.proof import columns, costs, rules, safety, schemas
from huntlake.hunting.proof.allowed import Reach
from huntlake.hunting.proof.content import Asked, Content
from huntlake.hunting.proof.dry_run import DryRunner
from huntlake.hunting.proof.finding import RESTS_ON, Check, Cost, DryRun, Expectation, Proof, ProofFinding, Volume
from huntlake.hunting.proof.recordings import Checker, Recording
from huntlake.hunting.proof.redaction import Redactor, SecretsHidden
from huntlake.hunting.proof.repairing import Repaired, repaired
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column
from huntlake.workspace.builtin_functions import BuiltinFunctions
from huntlake.workspace.functions import SavedFunctions
from huntlake.workspace.query import Explanation, Queries, QueryOptions
from huntlake.workspace.visible import WorkspaceNamed
from huntlake.workspace.watchlists import Watchlists
from huntlake.workspace.workspaces import Workspace

TIME = "TimeGenerated"
_LONGEST_CHECK = timedelta(seconds=30)
_AT_ONCE = 2
"""So many dry runs at once; others wait."""
_LONGEST_WAIT = 60.0
_NOT_SUPPORTED = "not supported"


@dataclass(frozen=True)
class Prover:
    """Proves queries over the tables of a workspace. `reach` is how far hunts may reach, by default no further."""

    queries: Queries
    reach: Reach = field(default_factory=Reach)
    workspaces: WorkspaceNamed | None = field(default=None, repr=False)
    """Finds other workspaces by name, of which those that `reach` has places for may be read."""
    watchlists: Watchlists | None = field(default=None, repr=False)
    """Tells what watchlists hold; without it nothing is known of them."""
    functions: SavedFunctions | None = field(default=None, repr=False)
    """Tells when functions were written."""
    redactor: Redactor = field(default_factory=SecretsHidden)
    # Each has a process, with memory of its own.
    _turns: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(_AT_ONCE), repr=False)
    _builtin: BuiltinFunctions = field(default_factory=BuiltinFunctions, repr=False)

    def validate(self, workspace: Workspace, content: Content, now: datetime) -> Proof:
        """What the text says, and the files' statistics: nothing is run but what columns of `pivot` depend on."""
        found, query = self._read(workspace, content.query)
        details: dict[str, str] = {}
        if query is None:
            return Proof(now, "", _ordered(found))
        found += costs.of_query(query, content.query, content.schedule.period)
        cost, schema = None, ""
        if _is_sound(found):
            explained, complaints = self._explained(workspace, content, now)
            found += complaints
            if explained:
                tables = self._tables(workspace, content, query)
                cost = _cost(explained, tuple(name for name in tables if schemas.is_table(name)))
                found += _of_watchlists(schemas.watchlists(tables))
                found += _of_explained(explained, cost, content)
                details[RESTS_ON] = schemas.written(tables)
                schema = schemas.fingerprint(tables)
        return Proof(now, schema, _ordered(found), cost, details=details)

    def repair(self, workspace: Workspace, content: Content, proof: Proof, now: datetime) -> Repaired | None:
        """What is proposed in place of a query that its `proof` finds not valid; nothing where nobody knows."""

        def judged(text: str) -> Proof:
            asked = Asked(
                text, content.parameters, content.schedule, content.limits, content.entities, content.live_watchlists
            )
            return self.validate(workspace, asked, now)

        return None if proof.is_valid else repaired(content.query, proof, judged)

    def prove(
        self,
        workspace: Workspace,
        content: Content,
        *,
        history: timedelta,
        now: datetime,
        recordings: Callable[[Sequence[str]], Sequence[Recording]] = lambda tables: (),
    ) -> Proof:
        """What `validate` finds; and of a query that is valid what a run over the `history` before `now` shows.

        It runs in a process of its own, over the windows of the history and over recorded data: `recordings` gives
        those for a query that reads these tables. `Busy` where others run, and don't end soon.
        """
        proof = self.validate(workspace, content, now)
        if not proof.is_valid:
            return proof
        if not self._turns.acquire(timeout=min(content.limits.seconds, _LONGEST_WAIT)):
            raise Busy(f"{_AT_ONCE} dry runs are at work already: try again later")
        try:
            return self._ran(workspace, content, history, now, proof, recordings)
        finally:
            self._turns.release()

    def _ran(
        self,
        workspace: Workspace,
        content: Content,
        history: timedelta,
        now: datetime,
        proof: Proof,
        recordings: Callable[[Sequence[str]], Sequence[Recording]],
    ) -> Proof:
        ran, volume = DryRunner(self.queries, self.redactor, self.reached).run(workspace, content, history, now)
        tables = proof.cost.tables if proof.cost else ()
        checks = Checker(self.queries).check(workspace, content, recordings(tables))
        found = (*proof.findings, *_of_runs(ran, volume, content), *_of_checks(checks))
        return replace(proof, findings=_ordered(found), volume=volume, dry_run=ran, checks=checks)

    def drifted(self, workspace: Workspace, proof: Proof) -> tuple[str, ...]:
        """What of that which a query relied on when it was proved isn't so any more, in words."""
        return self.drift(workspace, proof.details.get(RESTS_ON, ""))

    def drift(self, workspace: Workspace, rests_on: str) -> tuple[str, ...]:
        """The same, of what a proof has kept under `RESTS_ON`."""
        before = schemas.read(rests_on)
        known = self.queries.visible(workspace, self.reached, fetch=False)
        return schemas.drifted(before, schemas.now(before, known, self._versions(workspace)))

    def beside(self, workspace: Workspace, content: Content) -> schemas.Beside:
        """The watchlists and functions that a query reads now, and how often they were written."""
        _, query = self._read(workspace, content.query)
        if query is None:
            return schemas.Beside()
        tables = self._tables(workspace, content, query, live=())
        found = schemas.watchlists(tables)
        lists = {alias: f"{what[schemas.ITEMS]} ({what[schemas.COUNT]} items)" for alias, what in found.items()}
        marks = schemas.marks(tables, self._mark_of_list(workspace), self._mark_of(workspace))
        _, texts = safety.reached(query, self.queries.visible(workspace, self.reached, fetch=False))
        return schemas.Beside(lists, marks, texts)

    def fingerprint(self, workspace: Workspace, content: Content) -> str:
        """What `Proof.schema` would be now; `` for a text that can't be understood."""
        _, query = self._read(workspace, content.query)
        return "" if query is None else schemas.fingerprint(self._tables(workspace, content, query))

    def _versions(self, workspace: Workspace) -> schemas.Version:
        def version(alias: str, place: str | None) -> tuple[str, int] | None:
            where = workspace if place is None else self.reached(place)
            if where is None or self.watchlists is None:
                return None
            if alias != schemas.ALL:
                return self.watchlists.version(where.name, alias)
            every = [(a, self.watchlists.version(where.name, a)) for a in self.watchlists.aliases(where.name)]
            items = hashlib.sha256(repr(every).encode()).hexdigest()
            return items, sum(one[1] for _, one in every if one)

        return version

    def _mark_of_list(self, workspace: Workspace) -> schemas.Mark:
        def mark(alias: str, place: str | None) -> str:
            where = workspace if place is None else self.reached(place)
            if where is None or self.watchlists is None:
                return ""
            aliases = self.watchlists.aliases(where.name) if alias == schemas.ALL else (alias,)
            return " ".join(self.watchlists.mark(where.name, one) for one in aliases)

        return mark

    def _mark_of(self, workspace: Workspace) -> Callable[[str], str]:
        functions = self.functions
        return lambda name: "" if functions is None else functions.mark(workspace.name, name)

    def _tables(
        self, workspace: Workspace, content: Content, query: nodes.Query, live: tuple[str, ...] | None = None
    ) -> schemas.Tables:
        known = self.queries.visible(workspace, self.reached, fetch=False)
        named, texts = safety.reached(query, known)
        builtin = {name: one.text for name in texts if (one := self._builtin.find(name)) is not None}
        tables = schemas.asked_by(content.query, given(content.parameters), known, named, workspace.name)
        live = content.live_watchlists if live is None else live
        lists = schemas.of_watchlists(tables, live, self._versions(workspace))
        return {**tables, **schemas.of_functions(texts, builtin), **lists}

    def _read(self, workspace: Workspace, text: str) -> tuple[list[ProofFinding], nodes.Query | None]:
        """What the text itself says; its tree, if it can be understood."""
        from huntlake.kql.compiler import parse

        found = list(safety.of_text(text))
        if not _is_sound(found):
            return found, None
        try:
            query = parse(text)
        except SourceError as error:
            return [*found, *_complaints(error, text)], None
        except (DomainError, RecursionError):
            return [*found, rules.NO_QUERY.found("the query is nested too deeply")], None
        known = self.queries.visible(workspace, self.reached, fetch=False)
        found += safety.of_query(query, known, self.reach, workspace)
        return found, query

    def _explained(
        self, workspace: Workspace, content: Content, now: datetime
    ) -> tuple[tuple[Explanation, ...], list[ProofFinding]]:
        try:
            options = self.options(content, now - content.schedule.period, now)
            options = replace(options, timeout=min(options.timeout, _LONGEST_CHECK))
            return self.queries.explain(workspace, content.query, options, workspaces=self.reached), []
        except SourceError as error:
            return (), list(_complaints(error, content.query))
        except DomainError as error:
            return (), [rules.NOT_COMPILED.found(str(error))]

    def options(self, content: Content, since: datetime, until: datetime) -> QueryOptions:
        """How a content's query is asked about a time; `Invalid` where a parameter's value is no literal."""
        return QueryOptions(
            timeout=timedelta(seconds=content.limits.seconds),
            parameters=given(content.parameters),
            now=until,
            time_column=TIME,
            since=since,
            until=until,
        )

    def reached(self, name: str) -> Workspace | None:
        """Another workspace, if hunts may read it."""
        wanted = [f"{kind}:{name}".lower() for kind in ("workspace", "database")]
        # What Borders have made of a place is a workspace's name, too.
        is_allowed = any(fnmatchcase(w, p.lower()) for w in wanted for p in self.reach.places)
        return self.workspaces(name) if self.workspaces is not None and is_allowed else None


def best(proofs: Sequence[Proof], expected_a_day: float = 0.0) -> int:
    """The place of the best of some proofs: by errors, cost, and how far its rows a day are from what is expected.

    Of two that are alike the first. `Invalid` where there is none.
    """
    if not proofs:
        raise Invalid("there is no proof to choose from")

    def rank(place: int) -> tuple[float, ...]:
        proof = proofs[place]
        errors = sum(f.level == "error" for f in proof.findings)
        rows = abs(proof.volume.a_day - expected_a_day) if proof.volume else float("inf")
        return errors, proof.weight, proof.cost.bytes if proof.cost else float("inf"), rows, place

    return min(range(len(proofs)), key=rank)


def _of_explained(explained: Sequence[Explanation], cost: Cost, content: Content) -> Iterator[ProofFinding]:
    first: Sequence[Column] = explained[0].columns
    if len(explained) > 1:
        yield rules.SEVERAL_TABLES.found(f"the query gives {len(explained)} tables")
    if not cost.tables:
        yield rules.NO_TABLE.found("the query reads no table of the workspace")
    for scan in dict.fromkeys((s.table, s.since) for e in explained for s in e.scans):
        if scan[1] is None:
            yield rules.NO_TIME.found(f"the rows of `{scan[0]}` are read whenever they happened")
    if cost.bytes > content.limits.read_bytes:
        reason = f"one run may read {cost.bytes:,} bytes, and the limit is {content.limits.read_bytes:,}"
        yield rules.TOO_MANY_BYTES.found(reason)
    yield from columns.of_answer(first, content.entities)


def _of_watchlists(lists: schemas.Tables) -> Iterator[ProofFinding]:
    for alias, what in lists.items():
        named = "all watchlists" if alias == schemas.ALL else f"the watchlist `{alias}`"
        if schemas.LIVE in what:
            yield rules.LIVE_WATCHLIST.found(f"{named} may change after it is approved, and with it what is found")
        else:
            yield rules.BOUND_WATCHLIST.found(f"a change of {named}, which has {what[schemas.COUNT]} items, ends it")


def _of_runs(ran: DryRun, volume: Volume | None, content: Content) -> Iterator[ProofFinding]:
    if ran.failure:
        yield rules.RUN_FAILED.found(ran.failure)
    elif ran.limited:
        yield rules.LIMIT_MET.found(f"the dry run was ended by a limit: {ran.limited}")
    elif not ran.rows:
        yield rules.NO_ROWS.found(f"no row from {ran.since:%Y-%m-%d} to {ran.until:%Y-%m-%d}")
    most = content.limits.rows_a_day
    days = (ran.until - ran.since) / timedelta(days=1)
    if volume is not None and volume.a_day > most:
        reason = f"{volume.a_day:.1f} rows a day ({volume.low:.1f} to {volume.high:.1f}), and {most} may be"
        yield rules.TOO_MANY_ROWS.found(reason)
    elif not ran.limited and ran.rows / days > most:
        yield rules.TOO_MANY_ROWS.found(f"{ran.rows / days:.1f} rows a day over all of the time, and {most} may be")


def _of_checks(checks: Iterable[Check]) -> Iterator[ProofFinding]:
    for check in checks:
        if check.passed:
            continue
        failed = "the query failed" if check.rows < 0 else f"it gave {check.rows} rows"
        rule = rules.MISSED if check.expectation is Expectation.MUST_HIT else rules.NOT_QUIET
        yield rule.found(f"over the recorded data `{check.recording[:100]}` {failed}")


def _cost(explained: Iterable[Explanation], tables: tuple[str, ...]) -> Cost:
    files = [f for one in explained for scan in one.scans for f in scan.files]
    return Cost(sum(f.bytes * f.read // max(f.rows, 1) for f in files), sum(f.read for f in files), tables)


def _complaints(error: SourceError, text: str) -> Iterator[ProofFinding]:
    for one in error.diagnostics:
        if _NOT_SUPPORTED in one.message:
            rule = rules.NOT_SUPPORTED
        elif one.code.startswith("SYN"):
            rule = rules.SYNTAX
        else:
            rule = rules.NAMES_AND_TYPES
        # A place in the text of a function is none in this one.
        span = one.span if error.source.text == text else None
        where = "" if span else f", in `{error.source.name}`"
        yield rule.found(f"{one.message}{where} [{one.code}]", span, one.help)


def _is_sound(found: Iterable[ProofFinding]) -> bool:
    return not any(f.level == "error" for f in found)


def _ordered(found: Iterable[ProofFinding]) -> tuple[ProofFinding, ...]:
    """The findings, each once: the worst first, then by place."""
    order = {"error": 0, "warning": 1, "note": 2}
    once = dict.fromkeys(found)
    return tuple(sorted(once, key=lambda f: (order[f.level], f.span.start if f.span else -1, f.code, f.reason)))

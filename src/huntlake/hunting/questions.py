"""Questions in plain words about the logs of a workspace, answered by a query that is explained and proved."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from huntlake.ai.chat import Adviser, NoModel
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError, Invalid, NotFound
from huntlake.detection.durations import duration
from huntlake.hunting.context.relating import same_things
from huntlake.hunting.drafting.asking.query import AskedQuery, Asking, ProposedTable
from huntlake.hunting.drafting.asking.tables import AskTable
from huntlake.hunting.drafting.draft import Retrieved, Step
from huntlake.hunting.drafting.explanation import explained
from huntlake.hunting.drafting.quoting import column
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.modelled import advice
from huntlake.hunting.modelled.advice import Advice
from huntlake.hunting.modelled.query_writing import Example, TableShape, Wanted, Written, written
from huntlake.hunting.proof.content import Question, Window
from huntlake.hunting.proof.finding import Proof
from huntlake.hunting.proof.prover import Prover
from huntlake.hunting.signals.anomalies import TABLE as ANOMALIES
from huntlake.hunting.signals.peers import TABLE as PEERS
from huntlake.kql.types import ScalarType
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.known_questions import AnsweredQuestion, KnownQuestions
from huntlake.workspace.query import Queries, QueryOptions
from huntlake.workspace.table_search import words_of
from huntlake.workspace.workspaces import Workspace

LONGEST = 2_000
"""Characters of a question."""

_HISTORY = timedelta(days=14)
_LOOKED_AT, _LOOKED_BACK = 20_000, timedelta(days=7)
_FEW_VALUES, _MOST_COLUMNS = 40, 25
_EXAMPLES = 4
_TELLING = re.compile(
    r"(Type|Types|Level|Status|Severity|Action|Direction|State|Operation|OperationName|Protocol|Kind|Category|Platform|"
    r"Activity|Requirement|Location|EventName|ActionType|Channel|Facility)$"
)
"""Columns of whose values there are few, and people say them."""

_DERIVED = frozenset({ANOMALIES, PEERS})


@dataclass(frozen=True, slots=True)
class AnsweredByQuery:
    """A question's query: over which table, what it does in words, what was found out about it.

    `tables` are those that may answer, the likeliest first; `unused` what the question says that the query doesn't.
    `remark` says what a model had to do with it. `plain` is the query that was drafted without it.
    """

    question: str
    query: str
    table: str
    tables: tuple[ProposedTable, ...]
    explanation: tuple[Step, ...]
    proof: Proof
    maker: Maker
    plain: str
    unused: tuple[str, ...] = ()
    remark: str = ""
    context: tuple[Retrieved, ...] = ()


@dataclass(frozen=True)
class Questions:
    """Answers questions with queries. It changes nothing, and runs a query only where it is told to."""

    queries: Queries
    prover: Prover
    known: KnownQuestions
    catalogue: Catalogue = field(default_factory=Catalogue)
    model: Adviser = field(default_factory=NoModel)

    def ask(
        self,
        workspace: Workspace,
        question: str,
        now: datetime,
        *,
        table: str = "",
        run: bool = False,
        responsible: str = "",
        history: timedelta = _HISTORY,
    ) -> AnsweredByQuery:
        """A query for a question, over that table or the likeliest; with `run` also what it gives over the history.

        `responsible` answers for what a model is asked: without one none is. `Invalid` for a question that says
        nothing or too much, `NotFound` where no table can answer it, or none has that name.
        """
        workspace.here("asking in plain words")
        question = question.strip()
        if not question or len(question) > LONGEST:
            raise Invalid(f"a question has 1 to {LONGEST} characters")
        asking = self._asking(workspace)
        if table and table not in asking.names:
            raise NotFound(f"no table is named `{table[:100]}`")
        proposed = asking.tables(question)
        asked = asking.ask(question, table)
        if asked is None:
            raise NotFound("no table answers to the words of the question: name one, or ask for what logs tell of")
        for name in dict.fromkeys(n for n in (asked.table, asked.other) if n):
            asking.learn(name, self._values(workspace, asking.shape(name), now))
        asked = asking.ask(question, table or ("" if asked.other or asked.remark else asked.table))
        assert asked is not None
        query, maker, remark = asked.query, Maker.CORE, asked.remark
        context = tuple(Retrieved("table", one.name, "", round(one.score, 3)) for one in proposed)
        if responsible:
            advised = self._advised(workspace, question, asked, asking, now, responsible)
            remark = "; ".join(said for said in (remark, advised.remark) if said)
            if advised.value is not None:
                query, maker, context = advised.value.draft.query, Maker.MODEL, advised.value.draft.context
        content = Question(query, schedule=Window(duration(asked.back) or history))
        if run:
            proof = self.prover.prove(workspace, content, history=history, now=now)
        else:
            proof = self.prover.validate(workspace, content, now)
        return AnsweredByQuery(
            question,
            query,
            asked.table,
            proposed,
            _told(query),
            proof,
            maker,
            asked.query,
            asked.unused,
            remark,
            context,
        )

    def _advised(
        self,
        workspace: Workspace,
        question: str,
        asked: AskedQuery,
        asking: Asking,
        now: datetime,
        responsible: str,
    ) -> Advice[Written]:
        """What a model makes of the question, checked; the query that was drafted without it is among the examples."""
        shapes = []
        for one in asked.tables:
            shape = asking.shape(one.name)
            columns = tuple((name, str(type)) for name, type in shape.columns.items())
            shapes.append(TableShape(one.name, columns, shape.description, one.score))
        examples = [Example("drafted", question, asked.query)]
        examples += [Example(f"known/{id}", one.question, one.query) for id, one in self._alike(workspace, question)]
        wanted = Wanted(question, shapes, examples)
        who = advice.Asking(self.model, (workspace.name,), responsible)
        return written(who, wanted, lambda query: self.prover.validate(workspace, Question(query), now))

    def _alike(self, workspace: Workspace, question: str) -> Sequence[tuple[str, AnsweredQuestion]]:
        """The known questions that share most words with one."""
        asked = set(words_of(question))
        shared = [(len(asked & set(words_of(one.question))), id, one) for id, one in self.known.list(workspace)]
        return [(id, one) for n, id, one in sorted(shared, key=lambda s: (-s[0], s[1]))[:_EXAMPLES] if n]

    def _asking(self, workspace: Workspace) -> Asking:
        visible = self.queries.visible(workspace, fetch=False)
        filled = frozenset(visible.tables_with_rows())
        names = sorted(filled or visible.table_names())
        tables = []
        for name in names:
            columns = visible.table(name)
            if columns:
                shape = {c.name: c.type for c in columns}
                described = self.catalogue.description(name)
                tables.append(AskTable(name, shape, described, {}, name in filled, name in _DERIVED))
        return Asking(tables, [one for _, one in self.known.list(workspace)], same_things())

    def _values(self, workspace: Workspace, table: AskTable, now: datetime) -> Mapping[str, tuple[str, ...]]:
        """The values that columns with few of them had of late; nothing where that can't be told soon."""
        columns = [c for c, t in table.columns.items() if t is ScalarType.STRING and _TELLING.search(c)][:_MOST_COLUMNS]
        if not columns or not table.time or not table.filled:
            return {}
        sets = ", ".join(f"V{i} = make_set({column(name)}, {_FEW_VALUES})" for i, name in enumerate(columns))
        text = f"{column(table.name)} | top {_LOOKED_AT} by {table.time} desc | summarize {sets}"
        options = QueryOptions(
            timeout=timedelta(seconds=10), now=now, time_column=table.time, since=now - _LOOKED_BACK, until=now
        )
        try:
            (answer,) = self.queries.run(workspace, text, options).tables
            rows = orjson.loads(b"[" + b",".join(answer.json_objects()) + b"]")
        except (SourceError, DomainError):
            return {}
        found = {}
        for place, name in enumerate(columns):
            values = rows[0].get(f"V{place}") if rows else None
            # So many that some were left out: whoever says one of them by chance means something else.
            if isinstance(values, list) and 0 < len(values) < _FEW_VALUES:
                found[name] = tuple(sorted(v for v in values if isinstance(v, str) and v))
        return found


def _told(query: str) -> tuple[Step, ...]:
    try:
        return explained(query)
    except SourceError:
        return ()

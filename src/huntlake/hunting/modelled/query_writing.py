"""KQL by a model: it drafts, the checks say what is wrong, it may mend, and the best of three goes on, or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from huntlake.ai.chat import Context, Data, NoAnswer, Proposal, Question
from huntlake.ai.own import TOKEN
from huntlake.ai.restoring import KQL
from huntlake.hunting.drafting.draft import Draft, DraftSource, Retrieved
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.modelled.advice import Advice, Asking, question, thing, words_wrong
from huntlake.hunting.proof.finding import Level, Proof, ProofFinding
from huntlake.hunting.proof.prover import best

ROUNDS = 3
TABLES = 5
"""Tables that a model is shown."""
_COLUMNS = 120
_EXAMPLES = 4
_LONGEST_QUERY = 6_000
_RULES = (
    "Write KQL (Kusto) for Microsoft Sentinel. Use only the tables and columns in the data. Only read: no commands, no "
    "externaldata, no other workspace, cluster or database, no plugin that runs code or calls the network. Leave the "
    "time out: the query is given its window. One query, one table as the answer, with the columns that say who, what "
    "and where. Values that are looked for are string literals."
)
_DRAFT = f"{_RULES} The data hold what is looked for, tables with their columns, and queries that were good before."
_REPAIR = f"{_RULES} The data hold your query, what the checks found wrong with it, and all else as before. Mend it."
WITHOUT = "the query is the one that is drafted without it"


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table that a query may read: its columns with their types, and how well it fits."""

    name: str
    columns: Sequence[tuple[str, str]]
    description: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Example:
    """A question with a query that answers it, and where it is from."""

    id: str
    question: str
    query: str
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a query is wanted for: in words, over which tables, like which queries."""

    intent: str
    tables: Sequence[TableShape]
    examples: Sequence[Example] = ()
    techniques: Sequence[str] = ()
    title: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A query by a model that meets all checks, its proof, and how many rounds it took."""

    draft: Draft
    proof: Proof
    rounds: int
    findings: tuple[str, ...] = ()
    """What was wrong with the ones before it."""
    calls: tuple[str, ...] = field(default=())


def written(asking: Asking, wanted: Wanted, prove: Callable[[str], Proof]) -> Advice[Written]:
    """A query that a model drafted; `prove` says what is wrong with one, and only one that it finds valid goes on."""
    tries: list[tuple[str, Proof, str]] = []
    told: list[str] = []
    calls: list[str] = []
    before: tuple[str, Sequence[str]] | None = None
    for _ in range(ROUNDS):
        answer = _asked(asking, wanted, before)
        if isinstance(answer, NoAnswer):
            if not tries:
                return Advice(None, f"{answer.reason}; {WITHOUT}", answer.call)
            told.append(answer.reason)
            break
        calls.append(answer.call)
        query = answer.value["query"].strip()
        proof, wrong = _judged(query, prove)
        asking.model.checked(asking.owner, answer.call, wrong, asking.responsible)
        tries.append((query, proof, answer.value["title"]))
        if not wrong:
            break
        told += wrong
        before = (query, wrong)
    place = best([proof for _, proof, _ in tries])
    query, proof, title = tries[place]
    if not proof.is_valid:
        said = "; ".join(dict.fromkeys(told[-3:]))
        return Advice(
            None, f"the model wrote {len(tries)} queries, and none meets the checks ({said}); {WITHOUT}", calls[-1]
        )
    draft = Draft(
        title=wanted.title or _line(title),
        description=wanted.intent[:1000],
        query=query,
        source=DraftSource.MODEL,
        reference=f"model/{asking.model.name}",
        version=calls[place],
        maker=Maker.MODEL,
        techniques=tuple(wanted.techniques),
        tables=proof.cost.tables if proof.cost else (),
        context=tuple(Retrieved(one.source, one.id, one.version, one.score) for one in _context(wanted)),
    )
    rounds = f"after {len(tries)} rounds" if len(tries) > 1 else "at once"
    made = Written(draft, proof, len(tries), tuple(told), tuple(calls))
    return Advice(made, f"by the model {asking.model.name}, valid {rounds}", calls[place])


def _asked(asking: Asking, wanted: Wanted, before: tuple[str, Sequence[str]] | None) -> Proposal | NoAnswer:
    data = [Data("what is looked for", wanted.intent)]
    data += [Data(f"table {one.name}", _shape(one)) for one in wanted.tables[:TABLES]]
    data += [Data(f"example {one.id}", f"{one.question}\n{one.query}") for one in wanted.examples[:_EXAMPLES]]
    if before is not None:
        query, wrong = before
        data += [Data("your query", query), Data("what is wrong with it", "\n".join(wrong))]
    return asking.model.answer(asking.owner, _question(wanted, data, mending=before is not None), asking.responsible)


def _question(wanted: Wanted, data: Sequence[Data], *, mending: bool) -> Question:
    schema = thing(
        title={"type": "string", "maxLength": 120},
        query={"type": "string", "format": KQL, "minLength": 1, "maxLength": _LONGEST_QUERY},
    )
    return question(
        "repair" if mending else "draft",
        "query-repair" if mending else "query-draft",
        _REPAIR if mending else _DRAFT,
        data,
        schema,
        context=_context(wanted),
    )


def _context(wanted: Wanted) -> list[Context]:
    tables = [Context("table", one.name, "", one.score) for one in wanted.tables[:TABLES]]
    return tables + [Context("query", one.id, "", one.score) for one in wanted.examples[:_EXAMPLES]]


def _judged(query: str, prove: Callable[[str], Proof]) -> tuple[Proof, list[str]]:
    """What the checks say of a query, and what of it makes it useless, in words."""
    proof = prove(query)
    wrong = [_said(one, query) for one in proof.findings if one.level is Level.ERROR]
    if token := TOKEN.search(query):
        name = f"{token[0]} stands for nothing here: use only names in the data, as whole words of a literal"
        finding = ProofFinding("HP000", Level.ERROR, 10, name)
        proof = Proof(proof.at, proof.schema, (finding, *proof.findings), proof.cost)
        wrong.insert(0, name)
    return proof, wrong


def _said(finding: ProofFinding, query: str) -> str:
    span = finding.span
    where = f" at `{query[span.start : span.end][:80]}`" if span is not None else ""
    return f"{finding.code}: {finding.reason}{where}" + (f" ({finding.help})" if finding.help else "")


def _shape(table: TableShape) -> str:
    columns = ", ".join(f"{name}:{type}" for name, type in table.columns[:_COLUMNS])
    return f"{table.description}\n{columns}".strip()


def _line(text: str) -> str:
    """A title out of a model's words: one line of plain ones, or ours."""
    line = " ".join(text.split())
    return "A query by a model" if words_wrong(line) else line

"""How often the search for tables finds them, over questions whose tables are known.

The questions and the tables of their two databases come from a public set; what is searched are this project's own
descriptions. Leave one out: no question has a vote on itself, nor one with the same query or nearly the same words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import figures
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.table_search import Described, KnownQuestion, TableSearch, words_of

BY = "python -m bench table_search"
SET = Path(__file__).resolve().parents[2] / "shared" / "hunting"
MOST = 5
PARAPHRASE = 0.8
"""Two questions that share so much of their words ask the same."""


@dataclass(frozen=True)
class Question:
    """A question, the database it was asked of, and the tables of the query that an expert wrote."""

    database: str
    text: str
    query: str
    tables: frozenset[str]

    @property
    def shape(self) -> str:
        """The query without its literals."""
        return " ".join(re.findall(r"[A-Za-z_]\w*", re.sub(r"\"[^\"]*\"|'[^']*'", "", self.query))).lower()


def questions() -> tuple[list[Question], dict[str, list[Described]]]:
    """The questions, and the tables of each database."""
    catalogue = Catalogue()
    tables = {}
    for database in ("Defender", "Sentinel"):
        schema = json.loads((SET / f"nl2kql_{database.lower()}_schema.json").read_text(encoding="utf-8"))
        tables[database] = [
            Described(n, catalogue.description(n), tuple(c.name for c in known.columns) if known else tuple(columns))
            for n, columns in schema.items()
            for known in [catalogue.table(n)]
        ]
    found = []
    for line in (SET / "nl2kql.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        named = {t.name for t in tables[one["db"]]} & set(re.findall(r"[A-Za-z_]\w*", one["kql"]))
        if named:
            found.append(Question(one["db"], one["question"], one["kql"], frozenset(named)))
    return found, tables


def alike(one: Question, other: Question) -> bool:
    """Whether two questions are the same or paraphrases of each other."""
    mine, theirs = set(words_of(one.text)), set(words_of(other.text))
    return one.shape == other.shape or len(mine & theirs) >= PARAPHRASE * len(mine | theirs)


def recall(asked: list[Question], search: Callable[[Question], TableSearch]) -> float:
    """The share of a question's tables among the first five found, on average."""
    shares = []
    for one in asked:
        first = {found.table.name for found in search(one).find(one.text, MOST)}
        shares.append(len(one.tables & first) / len(one.tables))
    return sum(shares) / len(shares)


def main() -> None:
    """Measure recall@5 from descriptions alone, and with the votes of known questions."""
    if not SET.exists():
        print(f"{SET} is not here: nothing to measure")
        return
    asked, tables = questions()
    alone = {database: TableSearch(described) for database, described in tables.items()}

    def with_votes(one: Question) -> TableSearch:
        others = [q for q in asked if q.database == one.database and not alike(q, one)]
        return TableSearch(tables[one.database], [KnownQuestion(q.text, q.tables) for q in others])

    found = recall(asked, lambda one: alone[one.database])
    figures.write("clients.5", found, "recall@5", "≥ 0.81", found >= 0.81, by=BY)
    voted = recall(asked, with_votes)
    figures.write("clients.5b", voted, "recall@5 with votes", "≥ 0.94", voted >= 0.94, by=BY)


if __name__ == "__main__":
    main()

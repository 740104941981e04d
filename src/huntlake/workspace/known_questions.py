"""Questions that people have asked of a workspace, with the queries that answered them.

They teach the search for tables which words of this place mean which table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import cast

from huntlake.core.errors import Invalid
from huntlake.state.documents import Documents, Json, Shelf
from huntlake.workspace.table_search import KnownQuestion
from huntlake.workspace.workspaces import Workspace

_LONGEST_QUESTION, _LONGEST_QUERY = 2_000, 100_000
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, slots=True)
class AnsweredQuestion:
    """A question in plain words and the KQL that answers it."""

    question: str
    query: str

    @property
    def id(self) -> str:
        """A name for it, the same for the same question."""
        return sha256(self.question.strip().lower().encode()).hexdigest()[:16]


class KnownQuestions:
    """The questions of every workspace."""

    def __init__(self, database: Shelf) -> None:
        self._database = database

    def add(self, workspace: Workspace, answered: Iterable[AnsweredQuestion]) -> int:
        """Keep questions, each in place of the same one that is kept already; how many they were."""
        documents, count = self._documents(workspace), 0
        for one in answered:
            if not one.question.strip() or not one.query.strip():
                raise Invalid("a known question needs both a question and a query")
            if len(one.question) > _LONGEST_QUESTION or len(one.query) > _LONGEST_QUERY:
                raise Invalid(
                    f"the question `{one.question[:60]}…` is too long: a question may have {_LONGEST_QUESTION} "
                    f"characters, its query {_LONGEST_QUERY}"
                )
            documents.put(one.id, one)
            count += 1
        return count

    def list(self, workspace: Workspace) -> list[tuple[str, AnsweredQuestion]]:
        """Every question of a workspace with its id."""
        return [(d.name, d.value) for d in self._documents(workspace).list()]

    def remove(self, workspace: Workspace, id: str) -> bool:
        """Forget a question; False where there was none of that id."""
        return self._documents(workspace).delete(id)

    def votes(self, workspace: Workspace, tables: frozenset[str]) -> tuple[KnownQuestion, ...]:
        """The questions, each with those of `tables` that its query names."""
        return tuple(
            KnownQuestion(one.question, named)
            for _, one in self.list(workspace)
            if (named := tables.intersection(_NAME.findall(one.query)))
        )

    def _documents(self, workspace: Workspace) -> Documents[AnsweredQuestion]:
        return Documents(self._database, f"known questions of {workspace.name}", _encode, _decode)


def _encode(one: AnsweredQuestion) -> Json:
    return {"question": one.question, "query": one.query}


def _decode(value: Json) -> AnsweredQuestion:
    found = cast("dict[str, str]", value)
    return AnsweredQuestion(found["question"], found["query"])

"""A model's row beside the one without, on small sets of our own."""

from __future__ import annotations

import json
from pathlib import Path

from huntlake.ai.scripted import Heard, Says, ScriptedServer
from huntlake.hunting.drafting.asking.tables import AskTable
from huntlake.hunting.evaluation.questions import AskedQuestion, QuestionDatabase
from huntlake.hunting.evaluation.with_model import adviser_at, questions_with, sampled, techniques_with
from huntlake.kql.types import ScalarType

TABLE = AskTable("SigninLogs", {"ResultType": ScalarType.STRING, "Location": ScalarType.STRING}, "Sign-ins", {})


class Finder:
    """Ranks wrongly."""

    def candidates(self, text: str, most: int = 10) -> list[str]:
        return ["T1059", "T1003"]


def test_a_model_that_chooses_well_is_better_than_the_first_candidate(tmp_path: Path) -> None:
    def says(heard: Heard) -> Says:
        quote = "they dumped the memory of LSASS"
        return Says(json.dumps({"techniques": [{"id": "T1003", "quote": quote, "confidence": 1}]}))

    lines = [{"text": "Then they dumped the memory of LSASS.", "label": "T1003"}]
    (tmp_path / "tram_phrases.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with ScriptedServer(says) as server:
        found = techniques_with(tmp_path, adviser_at(server.url, "m"), Finder(), {"T1003": "Dumping"}, 10)
    assert (found.without, found.with_model, found.asked, found.used) == (0.0, 1.0, 1, 1)


def test_a_model_that_is_of_no_use_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "tram_phrases.jsonl").write_text(json.dumps({"text": "They dumped LSASS.", "label": "T1059"}))
    with ScriptedServer(lambda heard: Says("no")) as server:
        found = techniques_with(tmp_path, adviser_at(server.url, "m"), Finder(), {}, 10)
    assert (found.without, found.with_model, found.used) == (1.0, 1.0, 0)


def test_a_model_that_writes_the_experts_query_is_as_near_as_can_be() -> None:
    query = 'SigninLogs | where ResultType == "50126"'
    asked = [AskedQuestion("Sentinel", "Which sign-ins failed by a wrong password?", query)]
    databases = {"Sentinel": QuestionDatabase([TABLE])}
    with ScriptedServer(lambda heard: Says(json.dumps({"title": "t", "query": query}))) as server:
        (row,) = questions_with(asked, databases, adviser_at(server.url, "m"), 5)
    assert (row.database, row.valid) == ("Sentinel", 1.0)
    assert (row.with_model.tables, row.with_model.columns, row.with_model.literals) == (1.0, 1.0, 1.0)


def test_a_sample_is_spread_over_all() -> None:
    assert sampled(list(range(10)), 5) == [0, 2, 4, 6, 8]
    assert sampled([1, 2], 5) == [1, 2]

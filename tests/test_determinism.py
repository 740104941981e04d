from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.determinism import TEMPTING, Question, answer, large, same

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import SystemClock
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.workspace.workspaces import Workspace

SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")


def test_an_answer_is_the_same_on_one_thread_and_on_eight(tmp_path: Path) -> None:
    with _lake(tmp_path, threads=1) as one, _lake(tmp_path, threads=8) as eight:
        questions = [Question(text, text, ordered=False) for text in TEMPTING]
        answers = [(answer(one.queries, SOC, q), answer(eight.queries, SOC, q)) for q in questions]
    assert [q.name for q, (a, _) in zip(questions, answers, strict=True) if isinstance(a, str) or not a] == []
    assert [q.name for q, (a, b) in zip(questions, answers, strict=True) if not same(a, b)] == []


@contextmanager
def _lake(home: Path, threads: int) -> Iterator[Analytics]:
    lake = Analytics.over(home, Bounds(threads=threads), Nowhere(), SystemClock())
    lake.memory.register("Large", large())
    try:
        yield lake
    finally:
        lake.engine.close()

"""The answer to a question as JSON tells it."""

from __future__ import annotations

from typing import Any

from huntlake.hunting.proof import showing
from huntlake.hunting.questions import AnsweredByQuery


def told(answer: AnsweredByQuery) -> dict[str, Any]:
    """Everything of an answer."""
    return {
        "question": answer.question,
        "query": answer.query,
        "table": answer.table,
        "tables": [{"name": one.name, "score": round(one.score, 3)} for one in answer.tables],
        "explanation": [
            {"text": step.text, "start": step.span.start, "end": step.span.end} for step in answer.explanation
        ],
        "maker": answer.maker.value,
        "withoutModel": answer.plain,
        "notUnderstood": list(answer.unused),
        "remark": answer.remark,
        "context": [{"source": c.source, "id": c.id, "score": c.score} for c in answer.context],
        "proof": showing.told(answer.proof, answer.query),
    }

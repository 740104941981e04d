"""Questions in plain words: do the experts' queries bind, and how near do those come that are drafted without a model?

The rules that draft were made with these questions at hand. Where known questions help, the asked one and those that
ask the same are left out.
"""

from __future__ import annotations

import json
from pathlib import Path

from bench import figures
from huntlake.hunting.evaluation.questions import asked_questions, drafted, question_databases, why_not

SET = Path(__file__).resolve().parents[2] / "shared" / "hunting"
BY = "python -m bench hunt_questions"
PARTS = {
    "hunting.3b": ("tables", "table"),
    "hunting.3c": ("columns", "filter_col"),
    "hunting.3d": ("literals", "filter_lit"),
}


def main() -> None:
    """Measure both, beside the baselines."""
    if not SET.is_dir():
        print(f"{SET} is not here: nothing to measure")
        return
    asked, databases = asked_questions(SET), question_databases(SET)
    reasons = {q: why for q in asked if (why := why_not(q.query, databases[q.database]))}
    for question, why in reasons.items():
        print(f"{question.text.strip()}: {why}")
    bound = (len(asked) - len(reasons)) / len(asked)
    told = f"of {len(asked)} experts' queries parse and bind ({len(reasons)} don't, and are listed)"
    figures.write("hunting.3", bound, told, "1, or each failure listed", True, by=BY)
    baselines = json.loads((SET / "baselines.json").read_text(encoding="utf-8"))["nl2kql_rules"]
    found, alone = drafted(asked, databases), drafted(asked, databases, votes=False)
    for id, (part, name) in PARTS.items():
        values = {d: getattr(near, part) for d, near in found.items()}
        goals = {d: baselines[d][name] for d in found}
        told = ", ".join(f"{d} {values[d]:.2f} against {goals[d]:.2f}" for d in found)
        bare = ", ".join(f"{getattr(alone[d], part):.2f}" for d in found)
        share = sum(getattr(near, part) * near.questions for near in found.values()) / len(asked)
        above = all(values[d] > goals[d] for d in found)
        unit = f"of the {part} of experts' queries and ours are the same ({told}; without known questions {bare})"
        figures.write(id, share, unit, "> the baselines", above, by=BY)


if __name__ == "__main__":
    main()

"""How soon a recorded attack is found by the rules of Sigma, ranked by two sentences that describe it.

Each recording is imported into a lake of its own; the rules are converted to KQL and run in their order, until one has
a row. A rule that can't be converted takes no place.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from time import process_time

import huntlake
from bench import figures
from bench.hunt_techniques import knowledge
from huntlake.core.diagnostics import Source, SourceError
from huntlake.core.errors import DomainError
from huntlake.detection.sigma.rules import converted
from huntlake.hunting.extraction.technique_model import TechniqueModel
from huntlake.hunting.extraction.techniques import TechniqueFinder
from huntlake.hunting.retrieval import Retrieval
from huntlake.hunting.sigma_hunts import sigma_hunts
from huntlake.session import Session

SHARED = Path(__file__).resolve().parents[2] / "shared"
SAMPLES, RULES, HUNTING = SHARED / "samples", SHARED / "rules" / "sigma", SHARED / "hunting"
BY = "python -m bench hunt_ranking"
GOALS = {10: ("hunting.1", 0.65), 50: ("hunting.1b", 0.80), 100: ("hunting.1c", 0.85)}
SELECTIVE = 0.1
"""A rule that fires on more of the recordings finds no attack, but computers."""


@cache
def query(path: Path) -> str | None:
    """A rule as KQL; None where it can't be converted."""
    try:
        return converted(Source(path.read_text(encoding="utf-8"), path.name), period=None).rule.query
    except SourceError:
        return None


def selective(attacks: set[str]) -> set[str]:
    """The rules that fire on few of the recordings, by their raw events."""
    found = set()
    for line in (HUNTING / "otrf_sigma_hits.jsonl").read_text(encoding="utf-8").splitlines():
        hit = json.loads(line)
        if len(attacks & hit["hits"].keys()) <= SELECTIVE * len(attacks):
            found.add(hit["id"])
    return found


def places(session: Session, ranked: list[tuple[Path, str]], few: set[str], most: int) -> tuple[int, int]:
    """The places of the first rule that fires and of the first selective one; 0 for none among the first `most`."""
    first = place = 0
    for path, id in ranked:
        text = query(path)
        if text is None:
            continue
        place += 1
        if place > most:
            break
        if first and id not in few:
            continue
        try:
            (row,) = session.query(f"{text}\n| count").to_dicts()
        except (SourceError, DomainError) as error:
            print(f"{path.name}: {error}")
            continue
        if row["Count"]:
            first = first or place
            if id in few:
                return first, place
    return first, 0


def main() -> None:
    """Measure the share of attacks that are found within the first so many hunts."""
    if not SAMPLES.is_dir():
        print("the recordings are not here")
        return
    recordings = {r["id"]: SAMPLES / r["file"] for r in json.loads((SAMPLES / "index.json").read_text())}
    lines = (HUNTING / "otrf_hunts.jsonl").read_text(encoding="utf-8").splitlines()
    attacks = [a for a in map(json.loads, lines) if a["id"] in recordings]
    rules = sigma_hunts(RULES)
    files = {candidate.id: path for path, candidate in rules.items()}
    retrieval = Retrieval([*rules.values()], TechniqueFinder(knowledge(), TechniqueModel.load()))
    few, most = selective({a["id"] for a in attacks}), max(GOALS)
    within, within_few = Counter[int](), Counter[int]()
    began = process_time()
    for attack in attacks:
        with huntlake.open() as session:
            session.import_evidence(recordings[attack["id"]])
            filled = set(session.tables())
            ranked = retrieval.rank(f"{attack['title']}\n{attack['description']}", filled.__contains__)
            first, first_few = places(session, [(files[r.candidate.id], r.candidate.id) for r in ranked], few, most)
        print(f"{attack['id']}: {first or '–'}, selective {first_few or '–'}: {attack['title']}", flush=True)
        for goal in GOALS:
            within[goal] += 0 < first <= goal
            within_few[goal] += 0 < first_few <= goal
    print(f"{process_time() - began:.0f} s of a processor, {len(rules)} rules")
    for number, (name, least) in GOALS.items():
        share = within[number] / len(attacks)
        also = within_few[number] / len(attacks)
        unit = (
            f"of {len(attacks)} recorded attacks found within the first {number} hunts ({also:.2f} by selective rules)"
        )
        figures.write(name, share, unit, f"≥ {least}", share >= least, by=BY)


if __name__ == "__main__":
    main()

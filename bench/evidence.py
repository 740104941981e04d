"""Recorded attacks, imported: is every event accounted for, and do the rules that fire on them raw still fire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import huntlake
from bench import figures
from huntlake.core.diagnostics import Source, SourceError
from huntlake.core.errors import DomainError
from huntlake.detection.sigma.rules import converted
from huntlake.session import Session

SHARED = Path(__file__).parents[2] / "shared"
SAMPLES = SHARED / "samples"
HITS = SHARED / "hunting" / "otrf_sigma_hits.jsonl"
RULES = SHARED / "rules" / "sigma"
BY = "make evidence"
FIRING = 95.0


def fired(session: Session, recorded: frozenset[str] | None = None) -> Iterator[tuple[str, bool | None]]:
    """Rules that fire on raw recordings, and if they fire on the tables; None where a rule can't be converted.

    `recorded` are the recordings that the session has; None stands for all.
    """
    for line in HITS.read_text(encoding="utf-8").splitlines():
        hit = json.loads(line)
        if recorded is not None and not recorded & hit["hits"].keys():
            continue
        path = RULES / hit["path"]
        try:
            rule = converted(Source(path.read_text(encoding="utf-8"), hit["path"]), period=None).rule
            (row,) = session.query(f"{rule.query}\n| count").to_dicts()
        except (SourceError, DomainError) as error:
            print(error)
            yield hit["path"], None
        else:
            yield hit["path"], row["Count"] > 0


def main() -> None:
    """Import all recordings into a lake in memory, and ask."""
    if not SAMPLES.is_dir():
        print("the recordings are not here")
        return
    with huntlake.open() as session:
        began = time.perf_counter()
        report = session.import_evidence(SAMPLES / "datasets")
        seconds = time.perf_counter() - began
        recordings = [f for f in report.files if not f.container]
        lost = sum(f.unexplained for f in report.files)
        bad = [f for f in report.files if f.status not in ("imported", "unpacked", "unknown")]
        for f in (*bad, *(f for f in report.files if f.status == "unknown")):
            print(f"{f.path}: {f.status}: {f.reason}")
        figures.write("lake.7", len(recordings) - len(bad), "recordings", "64 of 64", len(bad) == 0, by=BY)
        figures.write("lake.7b", lost, "events or rows unexplained", "0", lost == 0, by=BY)
        figures.write("lake.7c", report.read, f"events, {report.dead} of them dead letters", by=BY)
        figures.write("lake.7d", report.read / seconds, "events a second, from archives to tables", by=BY)
        outcome = dict(fired(session, frozenset(r["id"] for r in json.loads((SAMPLES / "index.json").read_text()))))
    yes, no = (sorted(p for p, o in outcome.items() if o is value) for value in (True, False))
    for path in no:
        print(f"does not fire: {path}")
    share = 100 * len(yes) / len(outcome)
    unit = f"% of {len(outcome)} rules of Sigma that fire on a recording fire on what was imported of it"
    figures.write("detection.7b", share, unit, f">= {FIRING:g}", share >= FIRING, by=BY)
    said = f"rules fire on the tables, of {len(yes) + len(no)} that are converted and {len(outcome)} that fire raw"
    figures.write("lake.7e", len(yes), said, ">= 10", len(yes) >= 10, by=BY)


if __name__ == "__main__":
    main()

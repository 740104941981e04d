"""Recorded attacks, imported: is every event accounted for, and do the rules that fire on them raw still fire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import huntlake
from bench import figures
from bench.sigma_rules import Unsupported, query
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.session import Session

SHARED = Path(__file__).parents[2] / "shared"
SAMPLES = SHARED / "samples"
HITS = SHARED / "hunting" / "otrf_sigma_hits.jsonl"
RULES = SHARED / "rules" / "sigma"
BY = "make evidence"


def fired(session: Session, recorded: frozenset[str] | None = None) -> Iterator[tuple[str, bool | None]]:
    """Rules that fire on raw recordings, and if they fire on the tables; None where a rule can't be translated.

    `recorded` are the recordings that the session has; None stands for all.
    """
    columns = frozenset(row["ColumnName"] for row in session.query("SecurityEvent | getschema").to_dicts())
    for line in HITS.read_text(encoding="utf-8").splitlines():
        hit = json.loads(line)
        if recorded is not None and not recorded & hit["hits"].keys():
            continue
        try:
            text = query(RULES / hit["path"], hit["cat"], columns)
            (row,) = session.query(f"{text} | count").to_dicts()
        except Unsupported:
            yield hit["path"], None
        except (SourceError, DomainError) as error:
            print(f"{hit['path']}: {error}")
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
    said = f"rules fire on the tables, of {len(yes) + len(no)} that are translated and {len(outcome)} that fire raw"
    figures.write("lake.7e", len(yes), said, ">= 10", len(yes) >= 10, by=BY)


if __name__ == "__main__":
    main()

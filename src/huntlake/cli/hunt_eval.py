"""`huntlake hunt-eval`: how well hunting does on labelled sets, without a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.screen import note
from huntlake.core.errors import Invalid, NotFound

_PHRASES = (1, 5, 10)


def hunt_eval(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the labelled sets are.")],
    attack: Annotated[
        Path | None,
        typer.Option(
            help="ATT&CK, as a STIX bundle or compact; else `attack_trim.json` of the folder.", metavar="FILE"
        ),
    ] = None,
    reports: Annotated[
        bool, typer.Option("--reports", help="Also techniques in reports: learns five times anew, some minutes.")
    ] = False,
    output: Annotated[
        Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")
    ] = Listing.TABLE,
) -> None:
    """Measure hunting on labelled sets; a set that isn't in the folder is passed over, and named."""
    if not folder.is_dir():
        raise NotFound(f"no folder is at {folder}")
    rows: list[tuple[str, str, float]] = []
    missing: list[str] = []
    if _has(folder, missing, "excytin/extracted_alerts.csv", "excytin/extracted_incidents.csv"):
        from huntlake.hunting.evaluation.incidents import alert_facts, answered, grouping

        alerts = alert_facts(folder)
        rows.append(("alerts", "pair F1 of groups", grouping(folder, alerts).harmonic))
        if _has(folder, missing, "excytin_questions.jsonl"):
            found = answered(folder, alerts)
            rows += [
                ("questions", "first value is the answer", found.first),
                ("questions", "answer within ten", found.within_ten),
            ]
    bundle = attack or folder / "attack_trim.json"
    if attack is not None and not attack.is_file():
        raise NotFound(f"no file is at {attack}")
    if bundle.is_file():
        rows += _techniques(folder, bundle, reports, missing)
    else:
        missing.append("attack_trim.json")
    if not rows:
        raise Invalid(f"no labelled set is in {folder}")
    show(["set", "measure", "no model"], [(s, m, f"{value:.3f}") for s, m, value in rows], output, {"no model"})
    for name in missing:
        note(f"{name} is not there, and was passed over")


def _techniques(folder: Path, bundle: Path, reports: bool, missing: list[str]) -> list[tuple[str, str, float]]:
    from huntlake.hunting.evaluation.techniques import cross_validated, labelled_reports, recalled
    from huntlake.hunting.extraction.knowledge import knowledge_of
    from huntlake.hunting.extraction.lexical import Lexical
    from huntlake.hunting.extraction.technique_model import TechniqueModel
    from huntlake.hunting.extraction.techniques import TechniqueFinder
    from huntlake.hunting.extraction.training import Procedures

    known = knowledge_of(bundle.read_bytes())
    rows: list[tuple[str, str, float]] = []
    if _has(folder, missing, "tram_phrases.jsonl"):
        found = recalled(folder, TechniqueFinder(known, TechniqueModel.load()), _PHRASES)
        rows += [("phrases", f"technique within {number}", share) for number, share in found.items()]
    if reports and _has(folder, missing, "tram_sentences.jsonl", "tram_reports.jsonl"):
        lexical = Lexical(known)
        *_, scores = cross_validated(labelled_reports(folder, lexical), Procedures.of(known), lexical)
        rows += [
            ("reports", "F1 of techniques, five folds", scores.reports.harmonic),
            ("reports", "F1 of parent techniques, five folds", scores.parents.harmonic),
            ("sentences", "F1 of techniques, five folds", scores.sentences.harmonic),
        ]
    return rows


def _has(folder: Path, missing: list[str], *names: str) -> bool:
    absent = [name for name in names if not (folder / name).is_file()]
    missing += absent
    return not absent

"""`huntlake hunt-eval`: how well hunting does on labelled sets, without a language model and with one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.screen import note
from huntlake.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.ai.chat import Adviser

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
    endpoint: Annotated[
        str | None, typer.Option(help="A model's endpoint, such as https://models.example.org/v1.", metavar="URL")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model that is asked there.", metavar="NAME")] = None,
    key_env: Annotated[str | None, typer.Option(help="The environment variable with its key.", metavar="NAME")] = None,
    most: Annotated[int, typer.Option(help="So many questions of each set to the model at most.", min=1)] = 50,
    output: Annotated[
        Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")
    ] = Listing.TABLE,
) -> None:
    """Measure hunting on labelled sets; a set that isn't in the folder is passed over, and named.

    With a model the steps that it may have a say in are measured once more, over some questions of each set.
    """
    if (endpoint is None) != (model is None):
        raise Invalid("a model needs both, `--endpoint` and `--model`")
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
    if _has(folder, missing, "nl2kql.jsonl", "nl2kql_defender_schema.json", "nl2kql_sentinel_schema.json"):
        rows += _questions(folder)
    bundle = attack or folder / "attack_trim.json"
    if attack is not None and not attack.is_file():
        raise NotFound(f"no file is at {attack}")
    if bundle.is_file():
        rows += _techniques(folder, bundle, reports, missing)
    else:
        missing.append("attack_trim.json")
    if not rows:
        raise Invalid(f"no labelled set is in {folder}")
    table = [(s, m, f"{value:.3f}", "") for s, m, value in rows]
    if endpoint is not None and model is not None:
        table += _with_model(folder, bundle, _adviser(endpoint, model, key_env), most)
        show(["set", "measure", "no model", model], table, output, {"no model", model})
    else:
        show(["set", "measure", "no model"], [row[:3] for row in table], output, {"no model"})
    for name in missing:
        note(f"{name} is not there, and was passed over")


def _questions(folder: Path) -> list[tuple[str, str, float]]:
    from huntlake.hunting.evaluation.questions import asked_questions, drafted, question_databases, why_not

    asked, databases = asked_questions(folder), question_databases(folder)
    bound = sum(1 for q in asked if not why_not(q.query, databases[q.database]))
    rows = [("questions in words", "experts' queries that bind", bound / len(asked))]
    for database, near in drafted(asked, databases).items():
        for name, share in (("tables", near.tables), ("columns", near.columns), ("literals", near.literals)):
            rows.append(("questions in words", f"{database}: {name} as the expert's", share))
    return rows


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


def _adviser(endpoint: str, model: str, key_env: str | None) -> Adviser:
    import os

    from huntlake.hunting.evaluation.with_model import adviser_at

    key = os.environ.get(key_env, "") if key_env else ""
    if key_env and not key:
        raise Invalid(f"the environment variable {key_env} is not set")
    return adviser_at(endpoint, model, key)


def _with_model(folder: Path, bundle: Path, adviser: Adviser, most: int) -> list[tuple[str, str, str, str]]:
    from huntlake.hunting.evaluation.questions import asked_questions, question_databases
    from huntlake.hunting.evaluation.with_model import questions_with, techniques_with
    from huntlake.hunting.extraction.knowledge import knowledge_of
    from huntlake.hunting.extraction.technique_model import TechniqueModel
    from huntlake.hunting.extraction.techniques import TechniqueFinder

    rows: list[tuple[str, str, str, str]] = []
    missing: list[str] = []
    if bundle.is_file() and _has(folder, missing, "tram_phrases.jsonl"):
        known = knowledge_of(bundle.read_bytes())
        names = {technique.id: technique.name for technique in known.techniques}
        finder = TechniqueFinder(known, TechniqueModel.load())
        picked = techniques_with(folder, adviser, finder, names, most)
        what = f"technique comes first, of {picked.asked}; the model was used for {picked.used}"
        rows.append(("phrases", what, f"{picked.without:.3f}", f"{picked.with_model:.3f}"))
    if _has(folder, missing, "nl2kql.jsonl", "nl2kql_defender_schema.json", "nl2kql_sentinel_schema.json"):
        for one in questions_with(asked_questions(folder), question_databases(folder), adviser, most):
            of = f"of {one.without.questions}"
            said = "questions in words", f"{one.database}: the model's queries that are valid, {of}"
            rows.append((*said, "", f"{one.valid:.3f}"))
            for name in ("tables", "columns", "literals"):
                plain, better = (f"{getattr(near, name):.3f}" for near in (one.without, one.with_model))
                rows.append(("questions in words", f"{one.database}: {name} as the expert's, {of}", plain, better))
    return rows


def _has(folder: Path, missing: list[str], *names: str) -> bool:
    absent = [name for name in names if not (folder / name).is_file()]
    missing += absent
    return not absent

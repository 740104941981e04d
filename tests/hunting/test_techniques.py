from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from huntlake.core.diagnostics import Span
from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.detection.attack import is_technique
from huntlake.hunting.extraction import techniques as module
from huntlake.hunting.extraction.knowledge import Knowledge, Procedure, Technique, compacted, knowledge_of
from huntlake.hunting.extraction.lexical import Lexical
from huntlake.hunting.extraction.sentences import sentences
from huntlake.hunting.extraction.technique_model import TechniqueModel, prepared
from huntlake.hunting.extraction.techniques import Origin, TechniqueFinder, stated_techniques
from huntlake.hunting.extraction.training import Labelled, Procedures, train

DUMP, TASK, MAIL = "T1003.001", "T1053.005", "T1566.001"
SAID = {
    DUMP: ("memory of the credential process was dumped", "they dumped credentials out of lsass memory"),
    TASK: ("a scheduled task starts the loader each hour", "the loader persists by a scheduled task"),
    MAIL: ("a mail with an attached document was sent", "victims opened the attached document of a mail"),
}
NOTHING = ("the company was founded in the north", "researchers thank their colleagues", "this is described below")
KNOWLEDGE = Knowledge(
    "made for a test",
    tuple(
        Technique(id, id, " ".join(said), procedures=tuple(Procedure("Heron", "intrusion-set", s) for s in said))
        for id, said in SAID.items()
    ),
    {},
    (),
)


@pytest.fixture(scope="module")
def model() -> TechniqueModel:
    lexical = Lexical(KNOWLEDGE)
    labelled = []
    for number in range(24):
        of_report = [id for place, id in enumerate(SAID) if number >> place & 1]
        said = [(SAID[id][number % 2], frozenset({id})) for id in of_report] + [(s, frozenset[str]()) for s in NOTHING]
        report = prepared(lexical, [text for text, _ in said])
        labelled.append(Labelled(report, tuple(labels for _, labels in said), frozenset(of_report)))
    return train(labelled, Procedures.of(KNOWLEDGE), lexical)


def test_a_technique_is_found_with_the_sentence_that_says_so(model: TechniqueModel) -> None:
    text = "The company was founded in the north. They dumped credentials out of lsass memory.\nThanks to colleagues."
    found = TechniqueFinder(KNOWLEDGE, model).find(text)
    assert [(one.id, one.origin) for one in found] == [(DUMP, Origin.MODEL)]
    best = found[0].evidence[0]
    assert best.text == "They dumped credentials out of lsass memory."
    assert text[best.span.start : best.span.end] == best.text


def test_the_techniques_that_a_phrase_is_alike_to_come_in_their_order(model: TechniqueModel) -> None:
    finder = TechniqueFinder(KNOWLEDGE, model)
    assert finder.candidates("scheduled tasks that start loaders")[0] == TASK
    assert finder.candidates("nothing of that") == []


def test_without_attack_words_alone_tell_techniques_and_there_are_no_candidates() -> None:
    finder = TechniqueFinder(None, TechniqueModel.load())
    text = "The actor used Mimikatz to dump credentials from the memory of LSASS. It persists by a scheduled task."
    found = {one.id: one for one in finder.find(text)}
    assert "T1053.005" in found
    span = found["T1053.005"].evidence[0].span
    assert "scheduled task" in text[span.start : span.end]
    assert finder.find("The company was founded in the north, and thanks its colleagues.") == []
    assert finder.candidates("scheduled tasks") == []


def test_a_report_that_says_nothing_has_no_technique(model: TechniqueModel) -> None:
    finder = TechniqueFinder(KNOWLEDGE, model)
    assert finder.find("") == []
    assert finder.find("The company was founded in the north.") == []


def test_a_model_survives_its_file(model: TechniqueModel, tmp_path: Path) -> None:
    model.save(tmp_path / "model.npz")
    kept = TechniqueModel.load(tmp_path / "model.npz")
    text = "A scheduled task starts the loader each hour."
    assert kept.labels == model.labels
    assert [o.id for o in TechniqueFinder(KNOWLEDGE, kept).find(text)] == [TASK]


def test_a_model_of_another_version_says_what_both_know(model: TechniqueModel) -> None:
    fewer = Knowledge("", KNOWLEDGE.techniques[:2], {}, ())
    assert model.among(frozenset(Lexical(fewer).ids)).labels == (DUMP, TASK)
    assert TechniqueFinder(fewer, model).find("a mail with an attached document was sent") == []


def test_the_model_that_is_shipped_knows_techniques_that_there_are() -> None:
    shipped = TechniqueModel.load()
    assert len(shipped.labels) > 50
    assert all(is_technique(label) for label in shipped.labels)


def test_stated_ids_are_found_and_revoked_ones_followed() -> None:
    found = stated_techniques("T1059.001, T1086 and again T1059/001; not T9999x, AT1059 nor T1059001.")
    assert [(one.id, one.revoked, len(one.evidence)) for one in found] == [("T1059.001", ("T1086",), 3)]


def test_what_is_no_id_of_attack_is_left_out() -> None:
    assert stated_techniques("the part T1059.999 and the flight T1000") == []


def test_sentences_keep_their_places() -> None:
    text = "# Heading\n\n* It ran cmd.exe, e.g. Once. Then it slept.\n| a | b |\n"
    assert [text[s.start : s.end] for s in sentences(text)] == [
        "Heading",
        "It ran cmd.exe, e.g. Once.",
        "Then it slept.",
        "a | b",
    ]


def test_a_sentence_without_an_end_is_cut() -> None:
    found = sentences("a" * 2500)
    assert found[0] == Span(0, 1000)
    assert found[-1].end == 2500


def test_a_text_of_too_many_sentences_is_refused(model: TechniqueModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SENTENCES", 2)
    with pytest.raises(LimitExceeded, match="sentences"):
        TechniqueFinder(KNOWLEDGE, model).find("a\nb\nc\n")


def test_a_bundle_says_what_its_compact_form_says() -> None:
    known = knowledge_of(orjson.dumps({"type": "bundle", "objects": BUNDLE}))
    assert knowledge_of(compacted(known)) == known
    [technique] = known.techniques
    assert technique.id == "T1059.001"
    assert technique.description == "Runs PowerShell commands."
    assert technique.procedures == (Procedure("Heron", "intrusion-set", "Heron ran PowerShell."),)
    assert technique.analytics[0].log_sources[0].name == "WinEventLog:Sysmon"
    assert technique.analytics[0].log_sources[0].component == "Process Creation"
    assert known.revoked == {"T1086": "T1059.001"}
    assert [(a.id, a.aliases) for a in known.actors_software] == [("G0999", ("Heron", "Grey Bird"))]


@pytest.mark.parametrize(
    "data", [b"{}", b"[1", b'{"objects": []}', b'{"objects": [{"type": "relationship", "id": "r"}]}']
)
def test_what_is_no_bundle_of_attack_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        knowledge_of(data)


def _external(id: str) -> list[dict[str, str]]:
    return [{"source_name": "mitre-attack", "external_id": id}]


BUNDLE = [
    {
        "type": "attack-pattern",
        "id": "attack-pattern--1",
        "name": "PowerShell",
        "description": "Runs [PowerShell](https://a.example) <code>commands</code>.(Citation: A)",
        "external_references": _external("T1059.001"),
        "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": "execution"}],
        "x_mitre_platforms": ["Windows"],
    },
    {
        "type": "attack-pattern",
        "id": "attack-pattern--2",
        "name": "PowerShell",
        "revoked": True,
        "external_references": _external("T1086"),
    },
    {
        "type": "intrusion-set",
        "id": "intrusion-set--1",
        "name": "Heron",
        "aliases": ["Heron", "Grey Bird"],
        "external_references": _external("G0999"),
    },
    {
        "type": "relationship",
        "id": "relationship--1",
        "relationship_type": "uses",
        "source_ref": "intrusion-set--1",
        "target_ref": "attack-pattern--1",
        "description": "[Heron](https://a.example) ran PowerShell.(Citation: B)",
    },
    {
        "type": "relationship",
        "id": "relationship--2",
        "relationship_type": "revoked-by",
        "source_ref": "attack-pattern--2",
        "target_ref": "attack-pattern--1",
    },
    {
        "type": "relationship",
        "id": "relationship--3",
        "relationship_type": "detects",
        "source_ref": "x-mitre-detection-strategy--1",
        "target_ref": "attack-pattern--1",
    },
    {
        "type": "x-mitre-detection-strategy",
        "id": "x-mitre-detection-strategy--1",
        "name": "Interpreters",
        "x_mitre_analytic_refs": ["x-mitre-analytic--1"],
    },
    {
        "type": "x-mitre-analytic",
        "id": "x-mitre-analytic--1",
        "description": "Interpreters that start.",
        "external_references": _external("AN0001"),
        "x_mitre_platforms": ["Windows"],
        "x_mitre_log_source_references": [
            {
                "name": "WinEventLog:Sysmon",
                "channel": "EventCode=1",
                "x_mitre_data_component_ref": "x-mitre-data-component--1",
            }
        ],
    },
    {"type": "x-mitre-data-component", "id": "x-mitre-data-component--1", "name": "Process Creation"},
]

"""A model's hand in the way from a report to a hunt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from huntlake.ai.scripted import Heard, Says, ScriptedServer
from huntlake.app import App
from huntlake.core.settings import load
from huntlake.hunting.extraction.knowledge import Knowledge, Technique
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.hunt import GovernedHunt
from huntlake.hunting.lifecycle.states import HuntState
from huntlake.hunting.proposing.proposer import Proposed
from huntlake.state.records import Author

ANA = Acting.person(Author("00000000-0000-0000-0000-00000000000a", "Ana"), hunts=True, approves=True)
REPORT = b"""# A report

A rule in the mailbox hides mail about invoices from its owner (T1564.008), as kim@contoso.example saw.
"""


class House:
    """An app with a model that says what `script` says, and a report."""

    def __init__(self, home: Path, **settings: Any) -> None:
        self.script: Any = good
        self.server = ScriptedServer(lambda heard: self.script(heard))
        self.server.__enter__()
        given = {"model_url": self.server.url, "model_name": "m", "own_names": ("contoso.example",), **settings}
        self.app = App.open(home, load(home, memory_limit="500MB", threads=1, model_seconds=2, **given))
        self.workspace = self.app.workspaces.create("w")
        at = (self.app.clock.now() - timedelta(hours=2)).isoformat()
        row = {"TimeGenerated": at, "Operation": "New-InboxRule", "UserId": "a@contoso.example"}
        self.app.streams.append(self.workspace, "OfficeActivity", [{**row, "OfficeWorkload": "Exchange"}])

    def propose(self, *, draft: bool = True) -> Proposed:
        self.app.hunting.intake.report(self.workspace, REPORT, "report.md")
        return self.app.hunting.proposer.propose(self.workspace, ANA, top=1, draft=draft)

    def close(self) -> None:
        self.app.close()
        self.server.__exit__(None, None, None)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def good(heard: Heard) -> Says:
    """Cites the first signal that it was told of."""
    id = heard.words.split(": signal ")[1].split()[0]
    claim = {"text": "The report says that HLT_USER_1 saw a rule that hides mail.", "signals": [id]}
    return Says(json.dumps({"rationale": [claim], "alternatives": ["A rule of the owner."], "disconfirming": "None."}))


def core(hunt: GovernedHunt) -> tuple[Any, ...]:
    return hunt.title, hunt.statement, hunt.latest.content.query, hunt.state, hunt.techniques, hunt.maker


def test_a_hunt_gets_a_models_words_beside_those_of_the_core_and_the_same_query(house: House, tmp_path: Path) -> None:
    made = house.propose()
    plain = House(tmp_path / "plain", model_url="")
    try:
        (without,) = plain.propose().hunts
    finally:
        plain.close()
    (hunt,) = made.hunts
    assert core(hunt.value) == core(without.value)
    assert hunt.value.state is HuntState.DRY_RUN_OK
    assert hunt.value.rationale.startswith(without.value.rationale)
    assert "kim@contoso.example saw a rule that hides mail." in hunt.value.rationale
    assert hunt.value.rationale.endswith("(by a model)")
    assert not hunt.value.reviews
    assert any("by the model m, checked" in remark for remark in made.remarks)
    assert all("kim@" not in heard.body for heard in house.server.heard)
    asked = len(house.server.asked)
    house.propose()
    assert len(house.server.asked) == asked, "what was said once is not asked again"


@pytest.mark.parametrize(
    "says",
    [Says("no"), Says(status=429), Says(close=True), Says(wait=2.5), Says('{"rationale": [', finish="length")],
    ids=["no JSON", "throttled", "hangs up", "slow", "cut off"],
)
def test_what_a_model_that_misbehaves_would_have_added_is_missing_and_that_is_said(house: House, says: Says) -> None:
    house.script = lambda heard: says
    made = house.propose(draft=False)
    assert made.hypotheses
    assert any("the rationale is the one that follows from the signals alone" in remark for remark in made.remarks)
    assert all(claim.maker is Maker.CORE for d in made.hypotheses for claim in d.value.rationale)


def test_a_model_finds_techniques_in_a_report_only_with_their_words(house: House) -> None:
    dumping = Technique("T1003.001", "LSASS Memory", "Adversaries dump the memory of LSASS to a file.")
    scripts = Technique("T1059", "Scripts", "Adversaries run scripts on hosts.")
    made = Knowledge("made for tests", (dumping, scripts), {}, ())
    house.app.hunting.attack.install(made, "here", house.app.clock.now())
    quote = "the memory of LSASS was written to a file"

    def says(heard: Heard) -> Says:
        one = {"id": "T1003.001", "quote": quote, "confidence": 1.0}
        made_up = {"id": "T1059", "quote": "scripts were run on all of the hosts", "confidence": 1.0}
        return Says(json.dumps({"techniques": [one, made_up]}))

    house.script = says
    added = house.app.hunting.intake.report(house.workspace, f"Dumping: {quote}. Scripts on hosts.".encode(), "r.txt")
    (signal,) = added.new
    (found,) = [t for t in signal.techniques if t.origin == "llm"]
    assert (found.id, found.confidence) == ("T1003.001", 0.5)
    assert signal.text[found.quotes[0].start : found.quotes[0].end] == quote
    assert any("put aside" in remark for remark in signal.remarks)

"""The ledger of effects through the management API, over a real lake."""

from __future__ import annotations

from huntlake.playbooks.connections import Mode
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation, RunContext
from huntlake.playbooks.ledger import Outcome
from huntlake.state.records import Author
from huntlake.wdl.runner.effects import Answer

from ..conftest import NOW
from .test_collection import Azure, azure

__all__ = ["azure"]

OPERATION = Operation("Say", "POST", "/say", "Say something.", Effect.WRITE, lambda asked: Answer())


def test_effects_are_listed_filtered_and_never_written(azure: Azure) -> None:
    ledger = azure.app.playbooks.effects
    for run in ("r1", "r2"):
        context = RunContext("contoso", "Tell", run, Author("7", "Ann"), NOW)
        asked = Asked(context, "slack", "Say#1", "POST", "/say", body={"token": "hunter2", "text": "hi"}, action="Say")
        ledger.end(asked, ledger.entry(asked, OPERATION, Mode.LIVE), Answer(body={"secret": "s"}), Outcome.MADE)
    place = f"{azure.workspace()}/providers/huntlake.Playbooks/effects"
    wanted = {"api-version": "2023-03-11", "$filter": "properties/run eq 'r1'"}
    found = azure.http.get(place, params=wanted).json()["value"]
    (one,) = found
    assert one["properties"]["inputs"]["body"] == {"token": "(secret)", "text": "hi"}
    assert (one["properties"]["workflow"], one["properties"]["outcome"]) == ("Tell", "made")
    assert "body" not in one["properties"], "what was answered may be anything"
    assert azure.call("GET", f"{place}/{one['name']}").json()["name"] == one["name"]
    assert azure.call("PUT", f"{place}/x", {"properties": {}}).status_code == 405
    assert azure.call("DELETE", f"{place}/{one['name']}").status_code == 405

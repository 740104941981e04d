"""What runs are told from outside, until they have ended: answers to webhooks, decisions, and that they are to end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast
from uuid import uuid4

from huntlake.playbooks.runs.driving import answer_json
from huntlake.state.documents import Append, Put, Remove, Shelf, Write
from huntlake.state.sealing import Seal
from huntlake.wdl.runner.effects import Answer

CANCEL = "cancel"
_SIGNALS = "signals of playbook runs"
_KEPT = 1000


class Inbox:
    """The messages of all runs, and the signals that make servers look at them."""

    def __init__(self, shelf: Shelf, seal: Seal) -> None:
        self._shelf, self._seal = shelf, seal

    def answer(self, run: str, key: str, answer: Answer | None, id: str = "") -> Write:
        """What tells a run of an answer; without one, that what it waits for under that key is decided.

        What is told twice under the same id is told once. Whether an answer is secret only the run knows: it lies
        sealed until then.
        """
        sealed = (
            None if answer is None else self._seal.seal(json.dumps(answer_json(answer), default=float), _messages(run))
        )
        return Put(_messages(run), id or uuid4().hex, {"key": key, "answer": sealed}, "")

    def cancel(self, run: str) -> Write:
        """What tells a run to end."""
        return Put(_messages(run), CANCEL, {"cancel": True}, "")

    def messages(self, run: str, seen: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
        """The messages of a run that it has not seen, with their ids."""
        found = self._shelf.read_all(_messages(run))
        return [{"id": n, **self._opened(run, cast("dict[str, Any]", v))} for n, v, _ in found if n not in seen]

    def _opened(self, run: str, message: dict[str, Any]) -> dict[str, Any]:
        sealed = message.get("answer")
        if not isinstance(sealed, str):
            return message
        return {**message, "answer": json.loads(self._seal.open(sealed, _messages(run)))}

    def cancelled(self, run: str) -> bool:
        """Whether a run is to end."""
        return self._shelf.read(_messages(run), CANCEL) is not None

    def removals(self, run: str) -> list[Write]:
        """What clears the messages of a run that has ended."""
        return [Remove(_messages(run), name) for name in self._shelf.read_names(_messages(run))]

    def signal(self, run: str) -> Write:
        """What makes servers look at a run: to be written with what is new about it."""
        return Append(_SIGNALS, run)

    def signals(self, after: str) -> Iterator[tuple[str, str]]:
        """Place and run of each signal behind a place."""
        for name, run in self._shelf.read_after(_SIGNALS, after):
            yield name, cast("str", run)

    def last(self) -> str:
        """The place of the last signal, of which old ones are forgotten."""
        names = sorted(self._shelf.read_names(_SIGNALS))
        for name in names[:-_KEPT]:
            self._shelf.delete(_SIGNALS, name, if_match="*")
        return names[-1] if names else ""


def _messages(run: str) -> str:
    return f"messages of playbooks/{run.lower()}"

"""What a call does to the world, told by what stands in a definition: as the connectors of this house declare it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from huntlake.playbooks.connectors import described
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation, RunContext
from huntlake.playbooks.connectors.http import is_query
from huntlake.playbooks.connectors.judging import URLS, effect_of, judged
from huntlake.state.records import Author
from huntlake.wdl.runner.effects import Answer

_CONTEXT = RunContext("", "", "", Author(), datetime(1, 1, 1, tzinfo=UTC), test=True)


def over_connection(connector: str, method: str, path: str) -> Effect:
    """The effect of a call over a connection, in whose path a `*` stands for what is filled in.

    What nobody has declared is judged by its method and its path, as calls of described services are.
    """
    spec = described(connector)
    found = spec.find(method, path.partition("?")[0]) if spec is not None else None
    return found[0].effect if found is not None else effect_of(method, path)


def of_url(method: str, url: str, body: Any) -> Effect:
    """The effect of a call of a URL, with what is to be sent as the definition has it."""
    reads = effect_of(method) is Effect.READ
    operation = Operation("Http", method, "{url*}", "", Effect.READ if reads else Effect.WRITE, _never, asks=is_query)
    return judged(Asked(_CONTEXT, "", "", method, url, body=body, connector=URLS), operation)


def _never(asked: Asked) -> Answer:
    raise NotImplementedError

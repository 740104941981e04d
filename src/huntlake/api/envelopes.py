"""Which face a path belongs to, as far as an error is concerned: each API has its own way of saying no."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from huntlake.api.arm.errors import arm_error
from huntlake.api.defender.errors import defender_error
from huntlake.api.errors import kusto_error
from huntlake.api.graph.errors import graph_error
from huntlake.api.ingestion.errors import ingestion_error
from huntlake.api.loganalytics.errors import loganalytics_error
from huntlake.api.workflows import workflow_error

Envelope = Callable[[Request, Exception], Response]

ENVELOPES: tuple[tuple[str, Envelope], ...] = (
    ("/lake/kql/v2/rest/asyncqueries", arm_error),
    ("/subscriptions", arm_error),
    ("/providers", arm_error),
    ("/tenants", arm_error),
    ("/metadata", arm_error),
    ("/contents", arm_error),
    ("/imports", arm_error),
    ("/workflows", workflow_error),
    ("/v1.0", graph_error),
    ("/beta", graph_error),
    ("/api", defender_error),
    ("/datacollectionrules", ingestion_error),
    ("/v1/workspaces", loganalytics_error),
    ("/v1/subscriptions", loganalytics_error),
    ("/v1//subscriptions", loganalytics_error),
    ("/v1/$batch", loganalytics_error),
)
"""By the beginning of a path, in lower case and up to a slash."""


def envelope_of(path: str) -> Envelope:
    """How an error on that path is told: as Kusto does it, unless the path is another face's."""
    lower = path.lower() + "/"
    return next((envelope for begin, envelope in ENVELOPES if lower.startswith(begin + "/")), kusto_error)

"""The endpoint that takes records.

https://learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview
"""

from __future__ import annotations

import re

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.api.authentication import Authentication
from huntlake.api.bodies import read_packed_body
from huntlake.api.ingestion.errors import UnknownVersion, UnsupportedType
from huntlake.api.limits import IngestionLimits
from huntlake.api.services import Services
from huntlake.core.errors import Refused
from huntlake.identity.audiences import LOGS_INGESTION
from huntlake.identity.principals import Principal
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.workspace.collection import Collected, Rule
from huntlake.workspace.collection.records import records_of_array, records_of_lines

VERSIONS = ("2021-11-01-preview", "2023-01-01")

MOST_BYTES = 1 << 20
"""Bytes of a body, as Azure has it."""

SLACK = 1 << 18
"""What a body may have beyond that when it is unpacked: clients don't count what stands between the records."""

_AT_ONCE = 8
_ARRAYS = ("", "application/json", "text/json", "application/octet-stream", "text/plain")
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")


class IngestionFace:
    """The Logs Ingestion API."""

    def __init__(self, services: Services, authentication: Authentication, limits: IngestionLimits) -> None:
        self._services, self._authentication, self._limits = services, authentication, limits
        # Whoever waits for the disk, or for room, keeps no thread from queries and sign-ins.
        self._threads = CapacityLimiter(_AT_ONCE)

    def routes(self) -> list[Route]:
        """The face's one route."""
        route = Route("/dataCollectionRules/{rule}/streams/{stream}", self.upload, methods=["POST"])
        route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
        return [route]

    async def upload(self, request: Request) -> Response:
        """Records for a stream of a rule: 204 when the disk has what became of them."""
        principal = await self._authentication.principal(request, LOGS_INGESTION)
        version = request.query_params.get("api-version", "")
        if version not in VERSIONS:
            known = " or ".join(VERSIONS)
            raise UnknownVersion(f"the query string has to say `api-version={known}`, and says `{version[:50]}`")
        lines = _are_lines(request.headers.get("content-type", ""))
        rule = await to_thread.run_sync(self._rule, principal, request.path_params["rule"], limiter=self._threads)
        packed = request.headers.get("content-encoding", "").strip().lower() not in ("", "identity")
        body = await read_packed_body(request, MOST_BYTES + (SLACK if packed else 0))
        self._limits.count(rule.value.immutable_id, len(body))
        done = await to_thread.run_sync(
            self._take, rule, request.path_params["stream"], body, lines, limiter=self._threads
        )
        return Response(status_code=204, headers=_counts(done))

    def _rule(self, principal: Principal, id: str) -> Document[Rule]:
        """The rule of that immutable id, if the caller may send to all of the workspaces that it fills."""
        rules = self._services.collection.rules
        rule = rules.by_id(id)
        for destination in rule.value.definition.destinations:
            if not principal.may(Action.PUBLISH, rules.workspace(destination.workspace).id):
                raise Refused(
                    f"The authentication token provided does not have access to ingest data for the data collection "
                    f"rule with immutable Id '{id}': it takes the role Monitoring Metrics Publisher, or Contributor, "
                    f"in each workspace that the rule fills."
                )
        return rule

    def _take(self, rule: Document[Rule], stream: str, body: bytes, lines: bool) -> Collected:
        records = records_of_lines(body) if lines else records_of_array(body)
        return self._services.collection.take(rule, stream, records)


def _are_lines(content_type: str) -> bool:
    """Whether a body has one record a line; `UnsupportedType` where it isn't JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _LINES:
        return True
    if kind not in _ARRAYS and not kind.endswith("+json"):
        raise UnsupportedType(f"the content type '{kind[:100]}' is not supported; send application/json")
    return False


def _counts(done: Collected) -> dict[str, str]:
    """What became of the records: the answer has no body to tell it."""
    counts = done.counts
    return {
        "x-huntlake-received": str(counts.received),
        "x-huntlake-stored": str(counts.stored),
        "x-huntlake-dropped": str(counts.dropped),
        "x-huntlake-rejected": str(counts.rejected),
    }

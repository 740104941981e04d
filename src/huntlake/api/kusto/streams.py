"""Streaming ingestion: what a client says of a body of events, and what it is told when they are taken in.

https://learn.microsoft.com/kusto/api/rest/streaming-ingest
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from huntlake.api.services import ResultTable
from huntlake.core.errors import Invalid
from huntlake.workspace.commands.answer import CommandTable
from huntlake.workspace.commands.declaration import columns_of
from huntlake.workspace.ingestion.bodies import known_format
from huntlake.workspace.ingestion.streaming import Receipt

_COLUMNS = columns_of(
    "ConsumedRecordsCount:long, UpdatePolicyStatus:string, UpdatePolicyFailureCode:string, "
    "UpdatePolicyFailureReason:string"
)


@dataclass(frozen=True)
class StreamRequest:
    """Where a body of events goes, and how it is read; `mapping` is the name of one, or empty."""

    database: str
    table: str
    format: str
    mapping: str


def parse_stream(path: Mapping[str, str], query: Mapping[str, str]) -> StreamRequest:
    """The request in a path and a query string, whose names count in any case; `Invalid` names what is wrong."""
    told = {name.lower(): value for name, value in query.items()}
    if told.get("sourcekind", "stream").lower() != "stream":
        raise Invalid(f"the source kind `{told['sourcekind'][:50]}` is not supported: send the events in the body")
    if not told.get("streamformat"):
        raise Invalid("the query string has no `streamFormat`, such as `streamFormat=json`")
    format = known_format(told["streamformat"])
    return StreamRequest(path["database"], path["table"], format, told.get("mappingname", ""))


def ingested(receipt: Receipt) -> ResultTable:
    """The answer to a client: how many events were read. Those that don't fit are in the dead letters."""
    return CommandTable(_COLUMNS, [[receipt.rows + len(receipt.rejects), "Inactive", "Unknown", None]])

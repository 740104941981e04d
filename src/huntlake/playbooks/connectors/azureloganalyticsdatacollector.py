"""Azure Log Analytics Data Collector: rows for tables of one's own, in the forms of its HTTP API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from huntlake.core.errors import Invalid
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import moment
from huntlake.playbooks.connectors.connector import Asked, Connector, Effect, Operation
from huntlake.playbooks.connectors.house import House
from huntlake.wdl.runner.effects import Answer
from huntlake.workspace.workspaces import Workspace

_TYPE = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?")
_RESERVED = frozenset({"tenant", "timegenerated", "rawdata"})
LARGEST = 30 << 20
"""Bytes of one call."""


def azureloganalyticsdatacollector(house: House) -> Connector:
    """The connector into the tables of this house."""
    sending = _Sending(house)
    return Connector(
        "azureloganalyticsdatacollector",
        "Azure Log Analytics Data Collector",
        (
            Operation(
                "SendData",
                "POST",
                "/api/logs",
                "Add rows to the table that `Log-Type` names.",
                Effect.WRITE,
                sending.send,
                sending.would_send,
            ),
        ),
        inside=True,
    )


@dataclass(frozen=True)
class _Sending:
    house: House

    def send(self, asked: Asked) -> Answer:
        workspace, table, rows = self._given(asked)
        self.house.streams.append(workspace, table, rows, source=f"playbook {asked.context.workflow}")
        return Answer(200, body="")

    def would_send(self, asked: Asked) -> Answer:
        self._given(asked)
        return Answer(200, body="")

    def _given(self, asked: Asked) -> tuple[Workspace, str, list[dict[str, Any]]]:
        workspace = self.house.workspace(asked, Action.WRITE)
        headers = {k.lower(): v for k, v in asked.headers.items()}
        type = headers.get("log-type", "").strip()
        if not _TYPE.fullmatch(type):
            raise Invalid(f"the `Log-Type` `{type[:120]}` is not supported: use 1 to 100 letters, digits and `_`")
        field, now = headers.get("time-generated-field", ""), asked.context.now
        found = [dict(_row(record, field, now)) for record in _records(asked.body)]
        return workspace, f"{type}_CL", found


def _records(body: Any) -> list[Mapping[str, Any]]:
    if isinstance(body, str):
        if len(body) > LARGEST:
            raise Invalid(f"one call sends at most {LARGEST >> 20} MB")
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            raise Invalid("the body is not JSON") from None
    records = body if isinstance(body, list) else [body]
    if not records or not all(isinstance(r, Mapping) for r in records):
        raise Invalid("the body is neither an object nor a list of objects")
    return records


def _row(record: Mapping[str, Any], field: str, now: datetime) -> Iterator[tuple[str, Any]]:
    """The cells of a record: objects within it are told apart by their path, and every name ends with its type."""
    yield "TimeGenerated", _time(record.get(field)) or moment(now)
    for path, value in _flat(record, ()):
        if len(path) == 1 and path[0].lower() in _RESERVED:
            continue
        name = re.sub(r"\W", "_", "_".join(path), flags=re.ASCII)
        cell = _cell(value)
        if cell is not None:
            yield f"{name}_{cell[0]}", cell[1]


def _flat(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, (*path, str(name)))
        else:
            yield (*path, str(name)), inner


def _cell(value: Any) -> tuple[str, Any] | None:
    match value:
        case None:
            return None
        case bool():
            return "b", value
        case int() | float():
            return "d", float(value)
        case str() if _TIME.fullmatch(value):
            return "t", value
        case str() if len(value) == 36 and _is_guid(value):
            return "g", value
        case str():
            return "s", value
    return "s", json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _is_guid(value: str) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


def _time(value: Any) -> str | None:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return None
    try:
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
    except ValueError:
        return None
    return moment(at.replace(tzinfo=UTC) if at.tzinfo is None else at)

"""The query API of Log Analytics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from huntlake.core.errors import Invalid, LimitExceeded, Unavailable
from huntlake.kql.types import Column
from huntlake.workspace.remote.asking import Asked, Given
from huntlake.workspace.remote.saying import at_its_time, refuse_parameters, timespan, whole_seconds
from huntlake.workspace.remote.signed import SignedIn
from huntlake.workspace.remote.transport import Call
from huntlake.workspace.remote.values import Dynamics, column, rows_of

_LONGEST_WAIT = 600
_SLACK = timedelta(seconds=15)
_TRUNCATED = ("-2133196797", "E_QUERY_RESULT_SET_TOO_LARGE", "80DA0", "result set too large")


@dataclass(frozen=True)
class LogAnalyticsEndpoint:
    """A workspace by its id."""

    api: SignedIn
    workspace: str

    def ask(self, asked: Asked) -> tuple[Given, ...]:
        refuse_parameters(asked)
        body: dict[str, Any] = {"query": at_its_time(asked)}
        if (bounds := timespan(asked)) is not None:
            body["timespan"] = bounds
        wait = whole_seconds(asked.timeout, _LONGEST_WAIT)
        call = Call(
            "POST",
            f"{self._place}/query",
            headers={"Prefer": f"wait={wait}, include-render=true"},
            json=body,
            timeout=timedelta(seconds=wait) + _SLACK,
            cancellation=asked.cancellation,
        )
        return answered(self.api.call(call).json())

    def tables(self) -> dict[str, tuple[Column, ...]]:
        body = self.api.call(Call("GET", f"{self._place}/metadata")).json()
        try:
            return {t["name"]: tuple(column(c["name"], c["type"]) for c in t["columns"]) for t in body["tables"]}
        except (KeyError, TypeError):
            raise Unavailable(f"{self.api.url} answers with metadata in a form that nobody knows") from None

    @property
    def _place(self) -> str:
        return f"{self.api.url.removesuffix('/v1')}/v1/workspaces/{quote(self.workspace, safe='')}"


def answered(body: Any) -> tuple[Given, ...]:
    """The tables of an answer."""
    if not isinstance(body, dict) or not isinstance(body.get("tables"), list):
        raise Unavailable("the endpoint answers a query in a form that nobody knows")
    cut = _cut(body.get("error"))
    drawn = body.get("render")
    said = _visualization(drawn) if isinstance(drawn, dict) and drawn.get("visualization") else None
    found: list[Given] = []
    for table in body["tables"]:
        columns = tuple(column(c["name"], c["type"]) for c in table["columns"])
        rows = rows_of(columns, table["rows"], dynamics=Dynamics.TEXT)
        found.append(Given(str(table.get("name") or "PrimaryResult"), columns, rows, said if not found else None, cut))
    return tuple(found)


def _cut(error: object) -> LimitExceeded | None:
    if not isinstance(error, dict):
        return None
    told = [str(error.get("code", "")), str(error.get("message", ""))]
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        inner = detail.get("innererror") or {}
        told += [str(x.get(k, "")) for x in (detail, inner) for k in ("code", "message")]
    text = "; ".join(dict.fromkeys(t for t in told if t))
    if any(mark in text for mark in _TRUNCATED):
        return LimitExceeded(text)
    raise Invalid(f"the remote workspace answers only in part: {text}")


def _visualization(render: Mapping[str, object]) -> dict[str, object]:
    return {name[:1].upper() + name[1:]: value for name, value in render.items()}

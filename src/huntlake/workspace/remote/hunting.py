"""Advanced hunting: Defender's API, and Microsoft Graph's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from huntlake.core.errors import Invalid, Unavailable
from huntlake.workspace.remote.asking import Asked, Given
from huntlake.workspace.remote.saying import at_its_time, refuse_parameters, timespan
from huntlake.workspace.remote.signed import SignedIn
from huntlake.workspace.remote.transport import Call
from huntlake.workspace.remote.values import Dynamics, column, rows_of

_LONGEST = timedelta(minutes=10)


@dataclass(frozen=True)
class HuntingEndpoint:
    """The tables of a tenant. `path` is where queries go; of the two APIs only Graph's takes bounds on time."""

    api: SignedIn
    path: str
    bounded: bool

    def ask(self, asked: Asked) -> tuple[Given, ...]:
        refuse_parameters(asked)
        body: dict[str, Any] = {"Query": at_its_time(asked)}
        bounds = timespan(asked)
        if bounds is not None:
            if not self.bounded:
                raise Invalid("a bound on time beside the query is not supported by a remote of the kind `defender`")
            body["Timespan"] = bounds
        call = Call(
            "POST",
            f"{self.api.url}{self.path}",
            json=body,
            timeout=min(asked.timeout, _LONGEST),
            cancellation=asked.cancellation,
        )
        return (answered(self.api.call(call).json()),)

    def tables(self) -> None:
        return None


def answered(body: Any) -> Given:
    """The table of an answer, whose rows are objects."""
    if isinstance(body, dict):
        # Graph's keys are Defender's with a small letter.
        body = {name.lower(): value for name, value in body.items()}
        schema, results = body.get("schema"), body.get("results")
        if isinstance(schema, list) and isinstance(results, list):
            listed = [{name.lower(): value for name, value in c.items()} for c in schema]
            columns = tuple(column(c.get("name"), c.get("type")) for c in listed)
            names = {c.name for c in columns}
            for row in results:
                if strange := row.keys() - names - {"@odata.type"}:
                    raise Invalid(f"the answer has values for `{min(strange)}`, which is none of its columns")
            rows = rows_of(columns, [[row.get(c.name) for c in columns] for row in results], dynamics=Dynamics.EITHER)
            return Given("PrimaryResult", columns, rows)
    raise Unavailable("the endpoint answers a query in a form that nobody knows")

"""Calls of one remote's API, signed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from huntlake.core.errors import Invalid, LimitExceeded, NotFound, Refused, TimedOut, Unavailable
from huntlake.workspace.remote.tokens import TokenSource
from huntlake.workspace.remote.transport import Call, Response, Transport, message_of

_TOO_MUCH = ("80DA0", "E_QUERY_RESULT_SET_TOO_LARGE", "exceeded the allowed")
"""What is in the message of an endpoint whose limits a query has met."""


@dataclass(frozen=True)
class SignedIn:
    """Sends calls with the token of a remote, and turns what it refuses into errors that name it."""

    name: str
    url: str
    transport: Transport
    tokens: TokenSource

    def call(self, call: Call) -> Response:
        """The answer, whose status is 200. A token that isn't taken any more is fetched anew, once."""
        response = self._sent(call)
        if response.status == 200:
            return response
        told = message_of(response)
        said = f"the remote workspace `{self.name}` answers {response.status}" + (f": {told}" if told else "")
        if any(mark in said for mark in _TOO_MUCH):
            raise LimitExceeded(said)
        match response.status:
            case 401 | 403:
                raise Refused(said)
            case 404:
                raise NotFound(said)
            case 408 | 504:
                raise TimedOut(said)
            case status if 400 <= status < 500:
                raise Invalid(said)
        raise Unavailable(said)

    def _sent(self, call: Call) -> Response:
        token = self.tokens.token(call.cancellation)
        response = self.transport.send(_with(call, token))
        if response.status == 401:
            self.tokens.forget(token)
            response = self.transport.send(_with(call, self.tokens.token(call.cancellation)))
        return response


def _with(call: Call, token: str) -> Call:
    headers: Mapping[str, str] = {**call.headers, "Authorization": f"Bearer {token}"}
    if call.json is not None:
        headers = {"Content-Type": "application/json", **headers}
    return replace(call, headers=headers)

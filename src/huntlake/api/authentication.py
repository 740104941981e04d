"""Who sent a request: the principal that its bearer token speaks for."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from huntlake.api.conversation import host_name
from huntlake.identity.audiences import Audiences
from huntlake.identity.certificates import ALWAYS
from huntlake.identity.principals import Principal, Principals
from huntlake.identity.tokens import Caller, InvalidToken, Tokens
from huntlake.identity.users import Users


@dataclass(frozen=True)
class Authentication:
    """Checks bearer tokens; `names` are the host names that clients may use for this server."""

    principals: Principals
    users: Users
    tokens: Tokens
    names: frozenset[str]

    async def principal(self, request: Request, resources: frozenset[str]) -> Principal:
        """The principal behind a request to the face that stands for `resources`, or `InvalidToken`."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise InvalidToken("the request carries no bearer token")
        accepted = Audiences(resources, self.hosts(request))
        principal, audience = await run_in_threadpool(self._behind, token.strip(), accepted)
        request.state.principal, request.state.audience = principal.client_id, audience
        return principal

    def hosts(self, request: Request) -> frozenset[str]:
        """The host names under which this server is known, that of the request among them."""
        return self.names | {*ALWAYS, host_name(request.state.base_url)}

    def _behind(self, token: str, accepted: Audiences) -> tuple[Principal, str]:
        caller = self.tokens.verify(token, accepted)
        if caller.user:
            return self._user(caller), caller.audience
        principal = self.principals.find(caller.client_id)
        # Rights are looked up now, not when the token was made: what is taken away is gone at once.
        if principal is None or principal.object_id != caller.object_id:
            raise InvalidToken("the application that this access token was issued to isn't there any more")
        return principal, caller.audience

    def _user(self, caller: Caller) -> Principal:
        user = self.users.find(caller.user)
        if user is None or user.disabled or user.object_id != caller.object_id:
            raise InvalidToken("the user that this access token speaks for isn't there any more")
        if caller.issued < user.changed:
            raise InvalidToken("the user was signed out, or has another password, since this access token was issued")
        return user.principal

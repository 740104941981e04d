"""Signing in at an outside provider, as a browser goes through it.

| path | what it is |
|---|---|
| `/app/session/ways` | GET: how people may sign in here |
| `/app/session/oidc/{provider}` | POST: where to go to sign in at that provider |
| `/app/session/oidc/{provider}/callback` | GET: where the provider sends people back to |

Whatever comes of it, the browser goes on to the pages' own beginning: no address is taken from a request, and the
answer of the provider stays in no history. Where the person wanted to go, the browser keeps to itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.core.errors import DomainError
from huntlake.identity.oidc.providers import LIFETIME
from huntlake.identity.oidc.troubles import NotSignedInThere, ProviderTrouble, Trouble
from huntlake.identity.sign_in import SignIn
from huntlake.identity.throttle import Throttled, network_of
from huntlake.identity.tickets import new_browser
from huntlake.identity.users import User
from huntlake.web.answers import answered, as_json, error, give_session, own, secure, session_of, source_of

APPLICATION = "pages"
COOKIE, SECURE_COOKIE = "huntlake-provider", "__Host-huntlake-provider"
_BEGINNING = "/app/"
_BROWSER = re.compile(r"[A-Za-z0-9_-]{32}")
_MOST_ANSWER = 16 << 10
_MOST_WAITING = 32

T = TypeVar("T")


class OutsideSignIn:
    """Sends browsers to providers, and gives those that come back a session."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        # A provider that is slow takes no thread from those who give a password, nor from the queries.
        self._threads = CapacityLimiter(4)

    def routes(self) -> list[Route]:
        """The routes, which stand before those of the pages."""
        return [
            Route("/app/session/ways", self.ways, methods=["GET"]),
            Route("/app/session/oidc/{provider}", self.begin, methods=["POST"]),
            Route("/app/session/oidc/{provider}/callback", self.callback, methods=["GET"]),
        ]

    async def ways(self, request: Request) -> Response:
        """What the sign-in page offers."""
        request.state.error_response = error
        providers = [{"name": p.name, "title": p.title} for p in self._sign_in.providers.list()]
        return answered(as_json({"providers": providers, "password": self._sign_in.users.take_passwords}))

    async def begin(self, request: Request) -> Response:
        """Tell the page where to go."""
        request.state.error_response = error
        own(request)
        self._sign_in.answers.check(network_of(source_of(request)))
        name, browser = request.path_params["provider"], _browser(request) or new_browser()
        redirect = _redirect(request, self._sign_in.providers.get(name).name)
        try:
            place = await self._threaded(lambda: self._sign_in.providers.begin(name, browser, redirect))
        except NotSignedInThere as failed:
            await self._refused(request, name, failed)
            return answered(as_json({"trouble": failed.trouble.value}))
        answer = answered(as_json({"location": place}))
        # Lax: the way back begins at another site. Strict would leave it there.
        answer.set_cookie(
            _cookie(request),
            browser,
            max_age=int(LIFETIME.total_seconds()),
            secure=secure(request),
            httponly=True,
            samesite="lax",
            path="/",
        )
        return answer

    async def callback(self, request: Request) -> Response:
        """Take what the provider has sent the browser back with."""
        request.state.error_response = error
        name, source = request.path_params["provider"], source_of(request)
        throttle = self._sign_in.answers
        try:
            throttle.check(network_of(source))
            text, user = await self._threaded(lambda: self._complete(request, name))
        except Throttled:
            return _on(request, "throttled")
        except DomainError as failed:
            trouble = failed.trouble if isinstance(failed, NotSignedInThere) else Trouble.PROVIDER
            # A provider that is down is nobody's guess.
            if not isinstance(failed, ProviderTrouble):
                throttle.failed(network_of(source))
            await self._refused(request, name, failed)
            return _on(request, trouble.value)
        request.state.principal = user.object_id
        answer = _on(request)
        give_session(request, answer, text)
        answer.delete_cookie(_cookie(request), path="/", secure=secure(request), httponly=True)
        return answer

    def _complete(self, request: Request, name: str) -> tuple[str, User]:
        sign_in = self._sign_in
        provider = sign_in.providers.get(name)
        vouched = sign_in.providers.complete(name, _answer_of(request), _browser(request), _redirect(request, name))
        user = sign_in.outside.signed_in(vouched)
        sign_in.journal.signed_in(user, name, source=source_of(request), application=APPLICATION)
        # A browser that signs in anew has another session from then on.
        sign_in.sessions.end(session_of(request))
        text, _ = sign_in.sessions.begin(user, name, provider.session)
        return text, user

    async def _refused(self, request: Request, name: str, why: DomainError) -> None:
        journal, source = self._sign_in.journal, source_of(request)
        await self._threaded(lambda: journal.refused("", name, str(why), source=source, application=APPLICATION))

    async def _threaded(self, work: Callable[[], T]) -> T:
        # Failures are counted when they are over: what is sent all at once must not pile up before that.
        if self._threads.statistics().tasks_waiting >= _MOST_WAITING:
            raise Throttled("too many people are signing in; try again later", timedelta(seconds=5))
        return await to_thread.run_sync(work, limiter=self._threads)


def _answer_of(request: Request) -> dict[str, str]:
    if len(request.url.query) > _MOST_ANSWER:
        raise NotSignedInThere(Trouble.AGAIN, "the answer is too long")
    pairs = request.query_params.multi_items()
    if len(pairs) != len(dict(pairs)):
        raise NotSignedInThere(Trouble.AGAIN, "the answer says something twice")
    return dict(pairs)


def _on(request: Request, trouble: str = "") -> Response:
    where = f"{_BEGINNING}?trouble={trouble}" if trouble else _BEGINNING
    return answered(Response(status_code=303, headers={"Location": where}))


def _redirect(request: Request, name: str) -> str:
    # Each provider has an address of its own: what one answers is never taken for another's.
    return f"{request.state.base_url}/app/session/oidc/{name}/callback"


def _browser(request: Request) -> str:
    found = request.cookies.get(_cookie(request), "")
    return found if _BROWSER.fullmatch(found) else ""


def _cookie(request: Request) -> str:
    return SECURE_COOKIE if secure(request) else COOKIE

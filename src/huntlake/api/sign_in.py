"""The pages where a person signs in: for a program that opened a browser, and for one that showed a code.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.api import pages
from huntlake.api.authentication import Authentication
from huntlake.api.bodies import read_body
from huntlake.api.errors import problem_of
from huntlake.api.scopes import InvalidScope, audience_of, read_form, root_of
from huntlake.api.services import Services
from huntlake.core.errors import DomainError, Invalid, Refused
from huntlake.identity import audiences
from huntlake.identity.applications import Application
from huntlake.identity.authorization_codes import AuthorizationRequest, checked_challenge
from huntlake.identity.device_codes import DeviceRequest
from huntlake.identity.discovery import issuer
from huntlake.identity.throttle import FailureThrottle, Throttled, network_of
from huntlake.identity.tickets import LIFETIME, new_browser
from huntlake.identity.users import User, WrongPassword

COOKIE = "huntlake-sign-in"
_MOST_BODY = 64 << 10
_MODES = ("query", "form_post")
_BROWSER = re.compile(r"[A-Za-z0-9_-]{32}")
_SAID = 200
_DEVICE, _DECISION = "/device", "/device/decision"

T = TypeVar("T")


class SignInPages:
    """The pages. There is no session: who signs in gives a name and a password, each time."""

    def __init__(self, services: Services, authentication: Authentication) -> None:
        self._services, self._authentication = services, authentication
        self._sign_in = services.sign_in
        # Checking a password is slow on purpose, and takes no thread from the queries.
        self._threads = CapacityLimiter(4)
        self._guesses = FailureThrottle(services.clock)

    def routes(self) -> list[Route]:
        """The face's routes."""
        found = [
            Route(_DEVICE, self.device, methods=["GET"]),
            Route(_DEVICE, self.typed, methods=["POST"]),
            Route(_DECISION, self.decided, methods=["POST"]),
        ]
        for root in ("/adfs", "/adfs/{tenant}", "/{tenant}"):
            found += [
                Route(f"{root}/oauth2/v2.0/authorize", self.authorize, methods=["GET"]),
                Route(f"{root}/oauth2/authorize", self.authorize, methods=["GET"]),
                Route(f"{root}/oauth2/v2.0/login", self.login, methods=["POST"]),
                Route(f"{root}/oauth2/v2.0/logout", self.logout, methods=["GET", "POST"]),
                Route(f"{root}/oauth2/logout", self.logout, methods=["GET", "POST"]),
                Route(f"{root}/oauth2/deviceauth", self.device, methods=["GET"]),
            ]
        return found

    # -- with a browser -----------------------------------------------------------------

    async def authorize(self, request: Request) -> Response:
        """Ask a person to sign in for a program."""
        request.state.error_response = page_error
        root, asked = root_of(request, self._services.tenant), request.query_params
        request.state.error_response = page_error
        application = self._sign_in.applications.get(asked.get("client_id", ""))
        # Until this is known to be the program's own, nobody is sent there, and no error either.
        redirect = application.redirect(asked.get("redirect_uri", ""))
        mode = asked.get("response_mode") or "query"
        back = {"redirect": redirect, "mode": mode if mode in _MODES else "query", "state": asked.get("state", "")}
        try:
            wanted = self._wanted(request, application, redirect)
        except InvalidScope as error:
            return _sent_back(back, {"error": "invalid_scope", "error_description": str(error)})
        except Invalid as error:
            return _sent_back(back, {"error": "invalid_request", "error_description": str(error)})
        if "none" in asked.get("prompt", "").split():
            told = "nobody is signed in here without giving a password"
            return _sent_back(back, {"error": "login_required", "error_description": told})
        browser = _browser(request)
        facts = {**back, "request": _fields(wanted), "root": root}
        ticket = self._sign_in.tickets.issue("authorize", facts, browser)
        answer = pages.sign_in_page(
            f"{root}/oauth2/v2.0/login",
            ticket,
            application=application.name,
            name=asked.get("login_hint", "")[:_SAID],
            sends_to=redirect,
        )
        return _remembered(request, answer, browser)

    async def login(self, request: Request) -> Response:
        """Take the name and the password, and send the person back to the program with a code."""
        request.state.error_response = page_error
        root = root_of(request, self._services.tenant)
        request.state.error_response = page_error
        form = await self._form(request)
        facts = self._sign_in.tickets.read("authorize", form.get("ticket", ""), request.cookies.get(COOKIE, ""))
        wanted = AuthorizationRequest(**facts["request"])
        application = self._sign_in.applications.get(wanted.client_id)
        try:
            user = await self._checked(request, form, application)
        except (WrongPassword, Throttled) as error:
            return pages.sign_in_page(
                f"{root}/oauth2/v2.0/login",
                form["ticket"],
                application=application.name,
                name=form.get("username", "")[:_SAID],
                wrong=_told(error),
                status=problem_of(error).status,
                sends_to=facts["redirect"],
            )
        code = await self._threaded(lambda: self._sign_in.codes.issue(wanted, user))
        answer = _sent_back(facts, {"code": code, "iss": issuer(facts["root"])})
        answer.delete_cookie(COOKIE)
        return answer

    async def logout(self, request: Request) -> Response:
        """Say that there is nothing to sign out of."""
        request.state.error_response = page_error
        root_of(request, self._services.tenant)
        told = (
            "You are not signed in here: every sign-in asks for the password. A program that you signed in with "
            "forgets you when you sign out there."
        )
        return pages.message_page("Signed out", told)

    def _wanted(self, request: Request, application: Application, redirect: str) -> AuthorizationRequest:
        asked = request.query_params
        if (kind := asked.get("response_type", "")) != "code":
            raise Invalid(f"the response type '{kind[:_SAID]}' is not supported; use 'code'")
        if (mode := asked.get("response_mode") or "query") not in _MODES:
            raise Invalid(f"the response mode '{mode[:_SAID]}' is not supported; use {' or '.join(_MODES)}")
        if "request" in asked or "request_uri" in asked or "claims" in asked:
            raise Invalid("request objects and `claims` are not supported")
        challenge = checked_challenge(asked.get("code_challenge", ""), asked.get("code_challenge_method", "plain"))
        scopes = " ".join(asked.get("scope", "").split())
        audience = audience_of(scopes, asked.get("resource", ""))
        if not audiences.is_known(audience, self._authentication.hosts(request)):
            raise InvalidScope(f"the resource '{audience[:_SAID]}' is none of this server's")
        nonce = asked.get("nonce", "")[: 4 * _SAID]
        return AuthorizationRequest(application.client_id, redirect, scopes[:4096], audience, challenge, nonce)

    # -- with a code ----------------------------------------------------------------------

    async def device(self, request: Request) -> Response:
        """Ask for the code."""
        request.state.error_response = page_error
        asked = request.query_params
        return pages.code_page(_DEVICE, code=(asked.get("user_code") or asked.get("otc") or "")[:20])

    async def typed(self, request: Request) -> Response:
        """Show which program it is, and ask for a decision."""
        request.state.error_response = page_error
        form, source = await self._form(request), _source(request)
        self._guesses.check(network_of(source))
        found = await self._threaded(lambda: self._sign_in.devices.typed(form.get("user_code", "")[:50]))
        if found is None:
            self._guesses.failed(network_of(source))
            return pages.code_page(_DEVICE, wrong="No program waits for that code.", status=400)
        browser = _browser(request)
        ticket = self._sign_in.tickets.issue("device", {"code": found.user_code}, browser)
        return _remembered(request, pages.decision_page(_DECISION, ticket, self._shown(found)), browser)

    async def decided(self, request: Request) -> Response:
        """Take the name, the password and the decision."""
        request.state.error_response = page_error
        form = await self._form(request)
        facts = self._sign_in.tickets.read("device", form.get("ticket", ""), request.cookies.get(COOKIE, ""))
        devices, code = self._sign_in.devices, facts["code"]
        found = await self._threaded(lambda: devices.typed(code))
        if found is None:
            raise Invalid("that code was used, or it has expired; begin again")
        if (decision := form.get("decision", "")) not in ("approve", "decline"):
            raise Invalid("the form says no decision")
        try:
            application = self._sign_in.applications.get(found.client_id)
            user = await self._checked(request, form, application)
        except (WrongPassword, Throttled) as error:
            name, status = form.get("username", "")[:_SAID], problem_of(error).status
            return pages.decision_page(
                _DECISION, form["ticket"], self._shown(found), name=name, wrong=_told(error), status=status
            )
        approved = decision == "approve"
        if await self._threaded(lambda: devices.decide(code, user, approved=approved)) is None:
            raise Invalid("that code was used, or it has expired; begin again")
        told = "You can close this page and go back to the program."
        answer = pages.message_page("Signed in" if approved else "Declined", told)
        answer.delete_cookie(COOKIE)
        return answer

    def _shown(self, found: DeviceRequest) -> dict[str, str]:
        left = found.expires - self._services.clock.now()
        return {
            "Program": self._sign_in.applications.get(found.client_id).name,
            "Runs at": found.source or "an unknown address",
            "Wants access to": found.audience,
            "Code": found.user_code,
            "Waits for": f"{max(1, round(left.total_seconds() / 60))} more minutes",
        }

    # -- both -------------------------------------------------------------------------------

    async def _form(self, request: Request) -> dict[str, str]:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Refused("the form was sent by a page of another site")
        return read_form(await read_body(request, _MOST_BODY))

    async def _checked(self, request: Request, form: dict[str, str], application: Application) -> User:
        name, password, source = form.get("username", ""), form.get("password", ""), _source(request)
        user = await self._threaded(
            lambda: self._sign_in.by_password(name, password, source=source, application=application.name)
        )
        request.state.principal = user.object_id
        return user

    async def _threaded(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._threads)


def page_error(request: Request, error: Exception) -> Response:
    """What a person sees of a request that failed."""
    problem = problem_of(error)
    told = str(error) if isinstance(error, DomainError) else problem.message
    answer = pages.message_page("This didn't work", told[:500], status=problem.status)
    answer.headers.update(problem.headers)
    return answer


def _sent_back(back: dict[str, Any], fields: dict[str, str]) -> Response:
    """The person's browser on its way to the program, with what the program is told."""
    if back["state"]:
        fields["state"] = back["state"]
    if back["mode"] == "form_post":
        return pages.posted_page(back["redirect"], fields)
    parts = urlsplit(back["redirect"])
    query = "&".join(filter(None, (parts.query, urlencode(fields))))
    location = urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))
    headers = {"Location": location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(status_code=302, headers=headers)


def _told(error: DomainError) -> str:
    return f"{str(error)[:1].upper()}{str(error)[1:]}."


def _source(request: Request) -> str:
    return request.client.host if request.client else ""


def _browser(request: Request) -> str:
    """The text of this browser's cookie; the one that it has, for a person may have several such pages open."""
    known = request.cookies.get(COOKIE, "")
    return known if _BROWSER.fullmatch(known) else new_browser()


def _remembered(request: Request, answer: Response, browser: str) -> Response:
    answer.set_cookie(
        COOKIE,
        browser,
        max_age=int(LIFETIME.total_seconds()),
        secure=request.state.base_url.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return answer


def _fields(wanted: AuthorizationRequest) -> dict[str, str]:
    return {name: getattr(wanted, name) for name in AuthorizationRequest.__dataclass_fields__}

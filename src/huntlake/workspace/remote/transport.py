"""Polite HTTP: one host, few calls at once, and waiting as long as the other side asks for.

A token goes to the host it is for and nowhere else: no redirect is followed, TLS is checked, and plain http speaks to
this machine only.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import BoundedSemaphore, Event, Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson

from huntlake.core.errors import Busy, Cancelled, Invalid, LimitExceeded, TimedOut, Unavailable
from huntlake.engines.cancellation import Cancellation
from huntlake.workspace.remote.endpoints import address

if TYPE_CHECKING:
    import httpx

MOST_BYTES = 512 << 20
"""An answer is held in memory: larger ones are errors. Counted unpacked."""
TRIES = 4
CONNECTING = timedelta(seconds=15)
_FIRST_WAIT = 1.0
_AGAIN = (429, 503)


@dataclass(frozen=True)
class Response:
    """An answer that came whole."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """What its body says; `Unavailable` where that isn't JSON."""
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            raise Unavailable(f"the endpoint answers {self.status} with what isn't JSON") from None


@dataclass(frozen=True)
class Call:
    """One request, which may be sent twice: it changes nothing."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: object = None
    form: Mapping[str, str] | None = None
    query: Mapping[str, str] | None = None
    """What stands after the `?`."""
    timeout: timedelta = timedelta(minutes=1)
    cancellation: Cancellation | None = None


class Transport:
    """Calls one origin. `certificates` are trusted besides those of the machine; `wait` sleeps, or is woken early."""

    def __init__(
        self,
        origin: str,
        certificates: str = "",
        at_once: int = 4,
        wait: Callable[[float, Event], bool] | None = None,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        place = address(origin)
        self._origin, self._is_tls = place.origin, place.url.startswith("https:")
        self._certificates = certificates
        self._places, self._at_once = BoundedSemaphore(at_once), at_once
        self._wait = wait or (lambda seconds, woken: woken.wait(seconds))
        self._most = most_bytes
        self._lock = Lock()
        self._trust: ssl.SSLContext | None = None

    def send(self, call: Call) -> Response:
        """The answer, whatever its status but for one that says to try again later: that is done, a few times.

        `Busy` where the endpoint stays busy, `TimedOut`, `Cancelled`, `LimitExceeded` for an answer that is too large,
        `Unavailable` where nobody answers.
        """
        deadline = monotonic() + call.timeout.total_seconds()
        with self._place(deadline, call.cancellation):
            for tried in range(1, TRIES + 1):
                response = self._sent(call, deadline)
                if response.status not in _AGAIN:
                    return response
                seconds = _retry_after(response.headers)
                pause = _FIRST_WAIT * 2 ** (tried - 1) if seconds is None else seconds
                if tried == TRIES or monotonic() + pause >= deadline:
                    break
                self._sleep(pause, call.cancellation)
        asked = "" if seconds is None else f", and asks to be left alone for {seconds:.0f} seconds"
        told = message_of(response)
        raise Busy(f"{self._origin} is too busy ({response.status}{asked})" + (f": {told}" if told else ""))

    def _sleep(self, seconds: float, cancellation: Cancellation | None) -> None:
        woken = Event()
        if cancellation is None:
            self._wait(seconds, woken)
            return
        with cancellation.watched(woken.set):
            self._wait(seconds, woken)
        if cancellation.cancelled:
            raise Cancelled("the query was cancelled")

    @contextmanager
    def _place(self, deadline: float, cancellation: Cancellation | None) -> Iterator[None]:
        while not self._places.acquire(timeout=min(1.0, max(0.0, deadline - monotonic()))):
            if cancellation is not None and cancellation.cancelled:
                raise Cancelled("the query was cancelled")
            if monotonic() >= deadline:
                raise Busy(f"{self._at_once} queries run on {self._origin} already, and none ended in time")
        try:
            yield
        finally:
            self._places.release()

    def _sent(self, call: Call, deadline: float) -> Response:
        import httpx

        left = deadline - monotonic()
        if left <= 0:
            raise TimedOut(f"{self._origin} took too long to answer")
        if address(call.url).origin != self._origin:
            raise Invalid(f"a call of {call.url} isn't one of {self._origin}")
        line = _Line()
        watching = call.cancellation.watched(line.cut) if call.cancellation else nullcontext()
        try:
            # A connection of its own: whoever cancels the query closes it, which a shared one would not survive.
            with watching, self._client(left) as client:
                request = client.build_request(
                    call.method,
                    call.url,
                    headers={"User-Agent": "huntlake", "Accept": "application/json", **call.headers},
                    content=None if call.json is None else orjson.dumps(call.json),
                    data=call.form,
                    params=call.query,
                    extensions={"trace": line.trace},
                )
                response = client.send(request, stream=True)
                try:
                    return self._read(response, deadline)
                finally:
                    response.close()
        except httpx.TimeoutException:
            self._check(call.cancellation)
            raise TimedOut(f"{self._origin} took too long to answer") from None
        except (httpx.HTTPError, OSError) as error:
            self._check(call.cancellation)
            raise Unavailable(f"{self._origin} can't be reached: {error or type(error).__name__}") from None

    def _check(self, cancellation: Cancellation | None) -> None:
        if cancellation is not None and cancellation.cancelled:
            raise Cancelled("the query was cancelled")

    def _client(self, seconds: float) -> httpx.Client:
        import httpx

        timeout = httpx.Timeout(seconds, connect=min(seconds, CONNECTING.total_seconds()))
        # A proxy of the environment would read what goes to this machine over plain http.
        return httpx.Client(
            verify=self._trusted(), timeout=timeout, follow_redirects=False, trust_env=self._is_tls, http2=False
        )

    def _read(self, response: httpx.Response, deadline: float) -> Response:
        if response.is_redirect:
            raise Unavailable(f"{self._origin} sends the request elsewhere, which isn't followed: the URL may be wrong")
        pieces, size = [], 0
        for piece in response.iter_bytes():
            size += len(piece)
            if size > self._most:
                raise LimitExceeded(f"the answer of {self._origin} is larger than {self._most} bytes")
            if monotonic() > deadline:
                raise TimedOut(f"{self._origin} took too long to answer")
            pieces.append(piece)
        return Response(response.status_code, response.headers, b"".join(pieces))

    def _trusted(self) -> ssl.SSLContext:
        with self._lock:
            if self._trust is None:
                self._trust = ssl.create_default_context()
                if self._certificates:
                    try:
                        self._trust.load_verify_locations(cadata=self._certificates)
                    except ssl.SSLError:
                        raise Invalid("the certificates to trust can't be read: PEM is expected") from None
            return self._trust


class _Line:
    """The connection of one request, which another thread can cut."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._socket: socket.socket | None = None
        self._is_cut = False

    def trace(self, event: str, facts: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            with self._lock:
                self._socket = facts["return_value"].get_extra_info("socket")
            if self._is_cut:
                self.cut()

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                # Closing it would not wake the thread that reads; nor may TLS's goodbye be waited for.
                with suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def message_of(response: Response) -> str:
    """What an answer says is wrong, the innermost message of it; empty where it says nothing."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return ""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):
        return str(body.get("error_description") or error)[:2000]
    found = ""
    while isinstance(error, dict):
        found = str(error.get("@message") or error.get("message") or found)
        if "@message" in error:
            break
        error = error.get("innererror")
    return found[:2000]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(0.0, (at - datetime.now(UTC)).total_seconds())

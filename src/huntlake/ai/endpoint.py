"""A client for endpoints that speak OpenAI's protocol: one question, one answer, no tools, nothing streamed."""

from __future__ import annotations

import json
import random
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import BoundedSemaphore
from time import monotonic, sleep
from typing import Any
from urllib.parse import SplitResult, urlsplit

from huntlake.ai.dialects import Dialect, value_of
from huntlake.ai.faults import CallFailed, Fault
from huntlake.core.errors import Invalid

MOST_SENT = 512 << 10
"""Bytes of a request."""
MOST_READ = 2 << 20
"""Bytes of an answer."""
_CONNECTING = 10.0
TRIES = 4
"""How often a call is made at most."""
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 20.0
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_MOVED = frozenset({300, 301, 302, 303, 305, 307, 308})
_OTHERWISE = (Fault.SLOW, Fault.THROTTLED, Fault.MOVED)
"""What says nothing of a dialect."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SHOWN = 300


@dataclass(frozen=True)
class Place:
    """Where a model is asked.

    `url` is the base, such as `https://models.example.org/v1`. Without TLS only this machine is asked, and those
    `without_tls`, each with its port. `seconds` is all the time a call has, its repetitions included.
    """

    url: str
    model: str
    key: str = field(default="", repr=False)
    seconds: float = 60.0
    at_once: int = 2
    without_tls: Sequence[str] = ()
    authorities: str = ""
    """PEM of certificates that are trusted besides those of the machine."""

    def __post_init__(self) -> None:
        parts = _parts(self.url)
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise Invalid("the URL of a model has no user, no password and no query in it")
        if parts.scheme == "http" and not self._may_be_plain(parts):
            raise Invalid(
                f"the model at {self.shown} is not asked without TLS, which is not supported unless the setting "
                "`model_hosts_without_tls` lists it"
            )
        if not self.model:
            raise Invalid("say which model is meant: the setting `model_name` is empty")

    @property
    def shown(self) -> str:
        """The URL for people: without anything that could be a secret."""
        parts = _parts(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def id(self) -> str:
        """What tells it from other places."""
        return f"{self.shown.rstrip('/')} {self.model}"

    @property
    def asked(self) -> str:
        """The URL that is called."""
        return f"{self.url.rstrip('/')}/chat/completions"

    def _may_be_plain(self, parts: SplitResult) -> bool:
        return (parts.hostname or "") in _LOOPBACK or parts.netloc.lower() in {h.lower() for h in self.without_tls}


@dataclass(frozen=True)
class Reply:
    """What a model answered: the words, and what the server says of them."""

    text: str
    cut_off: bool = False
    tokens_in: int = 0
    tokens_out: int = 0
    model: str = ""
    fingerprint: str = ""
    raw: str = ""
    seconds: float = 0.0
    tries: int = 1


class Endpoint:
    """Asks one model at one place."""

    def __init__(self, place: Place, wait: Callable[[float], None] = sleep) -> None:
        self.place = place
        self._wait = wait
        self._turns = BoundedSemaphore(place.at_once)

    def complete(
        self,
        messages: Sequence[Mapping[str, str]],
        schema: Mapping[str, Any],
        dialect: Dialect,
        max_tokens: int,
        tries: int = TRIES,
    ) -> Reply:
        """What it answers, whatever that is; `CallFailed` where nothing comes that could be an answer.

        What may be over soon (throttled, busy, unreachable) is tried again as long as there is time.
        """
        body: dict[str, Any] = {
            "model": self.place.model,
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": 0,
            "stream": False,
        }
        if (form := dialect.response_format(schema)) is not None:
            body["response_format"] = form
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        if len(content) > MOST_SENT:
            raise CallFailed(Fault.TOO_LARGE, f"the question is larger than {MOST_SENT} bytes")
        began = monotonic()
        deadline = began + self.place.seconds
        if not self._turns.acquire(timeout=self.place.seconds):
            raise CallFailed(Fault.SLOW, "others ask the model all the time")
        try:
            return self._tried(content, began, deadline, tries)
        finally:
            self._turns.release()

    def _tried(self, content: bytes, began: float, deadline: float, tries: int) -> Reply:
        for attempt in range(1, tries + 1):
            try:
                reply = self._sent(content, deadline)
            except _Later as later:
                wait = later.after if later.after is not None else _wait_before(attempt)
                if attempt == tries or monotonic() + wait >= deadline:
                    raise later.failed from None
                self._wait(wait)
            else:
                return replace(reply, seconds=monotonic() - began, tries=attempt)
        raise AssertionError("unreachable")

    def _sent(self, content: bytes, deadline: float) -> Reply:
        import httpx

        left = deadline - monotonic()
        if left <= 0:
            raise CallFailed(Fault.SLOW, f"{self.place.shown} took too long to answer")
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            # What comes packed could be far larger than what is counted.
            "Accept-Encoding": "identity",
            "User-Agent": "huntlake",
        }
        if self.place.key:
            headers["Authorization"] = f"Bearer {self.place.key}"
        timeout = httpx.Timeout(left, connect=min(left, _CONNECTING))
        try:
            # A proxy of the environment would hear everything.
            with (
                httpx.Client(verify=self._trust, timeout=timeout, follow_redirects=False, trust_env=False) as client,
                client.stream("POST", self.place.asked, content=content, headers=headers) as response,
            ):
                return self._read(response, deadline)
        except httpx.TimeoutException:
            raise CallFailed(Fault.SLOW, f"{self.place.shown} took too long to answer") from None
        except (httpx.InvalidURL, UnicodeError) as error:
            raise CallFailed(Fault.REFUSED, f"the request can't be sent: {error}") from None
        except (httpx.HTTPError, OSError) as error:
            said = f"{self.place.shown} can't be reached: {str(error)[:_SHOWN] or type(error).__name__}"
            raise _Later(CallFailed(Fault.UNREACHABLE, said)) from None

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        trust = ssl.create_default_context()
        if self.place.authorities:
            trust.load_verify_locations(cadata=self.place.authorities)
        return trust

    def _read(self, response: Any, deadline: float) -> Reply:
        status, shown = response.status_code, self.place.shown
        if status in _MOVED:
            raise CallFailed(Fault.MOVED, f"{shown} leads elsewhere, and is not followed", status=status)
        if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise CallFailed(Fault.BROKEN, f"{shown} answers packed, which was not asked for", status=status)
        pieces, size = [], 0
        for piece in response.iter_raw():
            size += len(piece)
            if size > MOST_READ:
                raise CallFailed(Fault.TOO_LARGE, f"the answer of {shown} is larger than {MOST_READ} bytes")
            if monotonic() > deadline:
                raise CallFailed(Fault.SLOW, f"{shown} took too long to answer")
            pieces.append(piece)
        raw = b"".join(pieces).decode("utf-8", "replace")
        if status in _AGAIN:
            fault = Fault.THROTTLED if status == 429 else Fault.UNREACHABLE
            failed = CallFailed(fault, f"{shown} answers with status {status}", raw[:_SHOWN], status)
            raise _Later(failed, _asked_wait(response.headers.get("retry-after")))
        if status != 200:
            raise CallFailed(Fault.REFUSED, f"{shown} answers with status {status}", raw[:_SHOWN], status)
        if not response.headers.get("content-type", "").lower().startswith("application/json"):
            raise CallFailed(Fault.BROKEN, f"{shown} doesn't answer with JSON", raw[:_SHOWN], status)
        return _reply(raw)


class _Later(Exception):
    """It may go better after a while: after so many seconds, where the server says so."""

    def __init__(self, failed: CallFailed, after: float | None = None) -> None:
        super().__init__(failed.reason)
        self.failed, self.after = failed, after


def probed(endpoint: Endpoint) -> Dialect:
    """The strictest dialect that a place understands; `CallFailed` where it answers in none.

    The question can't be met by chance: its answer's words stand in the schema alone, unless the dialect tells it.
    """
    schema = {
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": ["teal-7", "ochre-4"]}},
        "required": ["colour"],
        "additionalProperties": False,
    }
    ours = "Choose one of the colours that the answer may have. Answer with one JSON object and nothing else."
    failed: CallFailed | None = None
    for dialect in Dialect:
        said = f"{ours} Its schema: {json.dumps(schema)}" if dialect.tells_schema else ours
        try:
            reply = endpoint.complete([{"role": "user", "content": said}], schema, dialect, 60, tries=1)
            value_of(reply.text, schema, dialect)
        except CallFailed as error:
            # Servers say in many ways that they don't know a field: 400, 422, 500, or words that don't meet the schema.
            if error.fault in _OTHERWISE or error.status in (401, 403, 404, 502, 503, 504, 529):
                raise
            if error.fault is Fault.UNREACHABLE and not error.status:
                raise
            failed = error
        else:
            return dialect
    assert failed is not None
    raise failed


def _reply(raw: str) -> Reply:
    try:
        told = json.loads(raw)
        choice = told["choices"][0]
        message = choice["message"]
        text = message["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise CallFailed(Fault.BROKEN, "the answer is not one of OpenAI's protocol", raw[:_SHOWN]) from None
    if message.get("tool_calls") or message.get("function_call"):
        raise CallFailed(Fault.INVALID, "the model calls a tool, and has none", raw[:MOST_READ])
    if not isinstance(text, str):
        raise CallFailed(Fault.BROKEN, "the answer has no words", raw[:_SHOWN])
    used = told.get("usage")
    used = used if isinstance(used, dict) else {}
    return Reply(
        text=text,
        cut_off=choice.get("finish_reason") not in ("stop", None),
        tokens_in=_count(used.get("prompt_tokens")),
        tokens_out=_count(used.get("completion_tokens")),
        model=str(told.get("model") or "")[:200],
        fingerprint=str(told.get("system_fingerprint") or "")[:200],
        raw=raw,
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40 else 0


def _wait_before(attempt: int) -> float:
    # Where many wait for the same server they shouldn't come back together.
    return float(min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1)) * random.uniform(0.8, 1.2))


def _asked_wait(header: str | None) -> float | None:
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < 3600 else None


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Invalid("the URL of the model is none") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid("the URL of the model is none")
    return parts

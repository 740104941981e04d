"""A model's server on this machine that answers by a script, and can misbehave in every way that servers do.

What it says means nothing: it proves what becomes of the words, whatever they are.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep
from types import TracebackType
from typing import Any, Self

from huntlake.ai.dialects import Dialect


@dataclass(frozen=True)
class Says:
    """An answer: the model's words, or other bytes in their place, and how they come."""

    text: str = "{}"
    status: int = 200
    finish: str = "stop"
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    body: bytes | None = None
    """Sent instead of an answer of the protocol."""
    wait: float = 0.0
    """Seconds before it answers."""
    drip: float = 0.0
    """Seconds between pieces of 256 bytes."""
    close: bool = False
    """Hang up without a word."""
    message: Mapping[str, Any] = field(default_factory=dict)
    """More fields of the message, such as `tool_calls`."""
    usage: Any = None


@dataclass(frozen=True)
class Heard:
    """A request, as it came."""

    path: str
    headers: Mapping[str, str]
    body: str

    @property
    def value(self) -> Any:
        """The request's JSON."""
        return json.loads(self.body)

    @property
    def words(self) -> str:
        """All that the model is told."""
        return "\n".join(str(m["content"]) for m in self.value["messages"])

    @property
    def is_probe(self) -> bool:
        """Whether it only asks which dialect is understood."""
        return "teal-7" in self.body


Script = Callable[[Heard], Says]

PROBED = Says('{"colour": "ochre-4"}')
"""What answers a probe."""


class ScriptedServer:
    """Answers on a loopback port of its own while the block lasts; `heard` is all that came."""

    def __init__(self, script: Script, dialect: Dialect = Dialect.JSON_SCHEMA) -> None:
        self.heard: list[Heard] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length).decode("utf-8", "replace")
                heard = Heard(self.path, dict(self.headers.items()), body)
                outer.heard.append(heard)
                outer._answer(self, outer._probe(heard, dialect) or script(heard))

            def log_message(self, format: str, *args: Any) -> None:
                return None

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                # Clients hang up: that is what is tested.
                return None

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def asked(self) -> list[Heard]:
        """What was asked, without probes."""
        return [heard for heard in self.heard if not heard.is_probe]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _probe(self, heard: Heard, dialect: Dialect) -> Says | None:
        """How a server of a dialect answers one that is stricter, or a probe; None: the script answers."""
        form = (json.loads(heard.body).get("response_format") or {}).get("type", "plain")
        order = [d.value for d in Dialect]
        if order.index(form) < order.index(dialect.value):
            return Says(status=500, body=b'{"error": "this response_format is not known"}')
        return PROBED if heard.is_probe else None

    def _answer(self, handler: BaseHTTPRequestHandler, says: Says) -> None:
        if says.wait:
            sleep(says.wait)
        if says.close:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
            return
        body = says.body if says.body is not None else _reply(says)
        handler.send_response(says.status)
        for name, value in {
            "Content-Type": says.content_type,
            "Content-Length": str(len(body)),
            **says.headers,
        }.items():
            handler.send_header(name, value)
        handler.end_headers()
        if not says.drip:
            handler.wfile.write(body)
            return
        for start in range(0, len(body), 256):
            handler.wfile.write(body[start : start + 256])
            handler.wfile.flush()
            sleep(says.drip)


def _reply(says: Says) -> bytes:
    message = {"role": "assistant", "content": says.text, **says.message}
    usage = says.usage if says.usage is not None else {"prompt_tokens": 100, "completion_tokens": 20}
    told = {
        "id": "scripted",
        "object": "chat.completion",
        "model": "scripted-1",
        "system_fingerprint": "fp-scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": says.finish}],
        "usage": usage,
    }
    return json.dumps(told).encode()

"""An OpenID provider on this machine, which signs with real keys and makes the mistakes that it is told to."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLIENT_ID, SECRET = "huntlake-kit", "kit secret+/%"


@dataclass
class FakeProvider:
    """What it serves and what it says; a test changes either."""

    url: str
    keys: dict[str, Any]
    now: Callable[[], float] = time.time
    first: Any = None
    kid: str = "first"
    algorithm: str = "RS256"
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "person-1", "preferred_username": "eve"})
    claims: dict[str, Any] = field(default_factory=dict)
    """Put over those of a token as it should be; a None takes one away."""
    header: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    user_info: dict[str, Any] = field(default_factory=dict)
    signed: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
    status: dict[str, int] = field(default_factory=dict)
    delay: float = 0
    takes_codes_twice: bool = False
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """What a server's settings say of it."""
        return {"issuer": self.url, "client_id": CLIENT_ID, "client_secret": "env:KIT_SECRET", "title": "Contoso"}

    def add_key(self, kid: str) -> None:
        self.keys[kid] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.kid = kid

    def answer(self, location: str, **more: str) -> str:
        """Where the browser that came to `location` is sent back to, with a code."""
        asked = {k: v[0] for k, v in parse_qs(urlsplit(location).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(12)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], **more})}"

    def published(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "end_session_endpoint": f"{self.url}/logout",
            "id_token_signing_alg_values_supported": [*jwt.algorithms.get_default_algorithms()],
        } | self.metadata

    def jwks(self) -> dict[str, Any]:
        return {"keys": [public_jwk(key) | {"kid": kid, "use": "sig"} for kid, key in self.keys.items()]}

    def token(self, asked: dict[str, str]) -> str:
        now = int(self.now())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.person,
            **self.claims,
        }
        claims = {k: v for k, v in claims.items() if v is not None}
        header = {"kid": self.kid, **self.header}
        if self.signed:
            return self.signed(claims, header)
        return jwt.encode(claims, self.keys[self.kid], self.algorithm, {k: v for k, v in header.items() if v})

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self.codes.get(form.get("code", ""))
        given = base64.b64decode(authorization.removeprefix("Basic ")).decode() if authorization else ""
        if [unquote_plus(part) for part in given.split(":")] != [CLIENT_ID, SECRET]:
            return 401, {"error": "invalid_client"}
        if asked is None or asked["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        made = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if made.rstrip(b"=").decode() != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if not self.takes_codes_twice:
            del self.codes[form["code"]]
        return 200, {"token_type": "Bearer", "access_token": "kit-access", "id_token": self.token(asked)}


class _Handler(BaseHTTPRequestHandler):
    provider: FakeProvider

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("content-length") or 0)).decode())

    def _answer(self, body: str) -> None:
        provider, parts = self.provider, urlsplit(self.path)
        provider.asked.append(parts.path)
        time.sleep(provider.delay)
        form = {k: v[0] for k, v in parse_qs(body).items()}
        match parts.path:
            case path if path in provider.status:
                self._send(provider.status[path], {"error": "kit"}, {"Location": "http://localhost:9/elsewhere"})
            case "/.well-known/openid-configuration":
                self._send(200, provider.published())
            case "/keys":
                self._send(200, provider.jwks())
            case "/token":
                self._send(*provider.redeem(form, self.headers.get("authorization", "")))
            case "/userinfo":
                right = self.headers.get("authorization") == "Bearer kit-access"
                self._send(200 if right else 401, {"sub": provider.person.get("sub"), **provider.user_info})
            case "/authorize":
                back = html.escape(provider.answer(self.path, iss=provider.url))
                self._page(f"<h1>Contoso</h1><a href='{back}'>Continue as Eve</a>")
            case "/logout":
                self._page("<h1>Signed out of Contoso</h1>")
            case _:
                self._send(404, {})

    def _send(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        self._write(status, "application/json", json.dumps(answer).encode(), headers or {})

    def _page(self, text: str) -> None:
        self._write(200, "text/html", text.encode(), {})

    def _write(self, status: int, media_type: str, body: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in {**headers, "Content-Type": media_type, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            return  # nobody waits any more

    def log_message(self, format: str, *args: object) -> None:
        return


def public_jwk(key: Any) -> dict[str, Any]:
    """The public half of a key, as a JSON Web Key."""
    kind = jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else jwt.algorithms.RSAAlgorithm
    found: dict[str, Any] = json.loads(kind.to_jwk(key.public_key()))
    found.pop("key_ops", None)
    return found


def public_pem(key: Any) -> bytes:
    """The public half of a key, as anybody may have it."""
    found: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return found


@contextmanager
def serving(certificate: tuple[Path, Path] | None = None) -> Iterator[FakeProvider]:
    """A provider on a free port; over TLS with a certificate and its key."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    provider = FakeProvider(f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}", {})
    provider.add_key("first")
    handler.provider = provider  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()

"""HTTP out of this house: only to hosts that a person has listed, over TLS that is checked, and within limits."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from huntlake.core.errors import Invalid, LimitExceeded, Refused, TimedOut, Unavailable
from huntlake.workspace.external_addresses import Hosts

if TYPE_CHECKING:
    import httpx

SECONDS = 120.0
MOST_BYTES = 100 << 20
"""The largest body, in either direction."""
REDIRECTS = 5
CONNECTING = 15.0
_MOVED = {301, 302, 303, 307, 308}
_PRIVATE = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True)
class ClientCertificate:
    """What a client shows of itself in TLS: a chain and a key, both PEM."""

    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Request:
    """One request."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    certificate: ClientCertificate | None = None
    follow: bool = True
    """Whether redirects are followed: credentials never go to another origin."""


@dataclass(frozen=True)
class Response:
    """An answer that came whole."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str
    """Where it came from in the end."""


@dataclass(frozen=True)
class Here:
    """This server itself, as playbooks reach it: not by way of the hosts that are listed."""

    origin: str
    """Where it listens, such as `https://127.0.0.1:8443`."""
    names: frozenset[str] = frozenset()
    """Its host names, with the port where that isn't the usual one."""
    stands_for: frozenset[str] = frozenset()
    """Host names of services whose place it takes for workflows with an identity of this server."""
    authority: Path | None = None
    """The certificate that its own is signed by."""
    server_name: str = "localhost"
    """A name that its certificate holds."""

    def is_own(self, url: str) -> bool:
        """Whether a URL is one of this server."""
        parts = _parts(url)
        usual = 443 if parts.scheme == "https" else 80
        host = (parts.hostname or "").lower()
        return (host if (parts.port or usual) == usual else f"{host}:{parts.port}") in self.names

    def is_stood_for(self, url: str) -> bool:
        """Whether a URL is one of a service whose place this server takes."""
        parts = _parts(url)
        return parts.scheme == "https" and (parts.hostname or "").lower() in self.stands_for

    def moved(self, url: str) -> str:
        """The URL on this server."""
        origin = urlsplit(self.origin)
        return _parts(url)._replace(scheme=origin.scheme, netloc=origin.netloc).geturl()


@dataclass(frozen=True)
class Web:
    """Sends requests to the hosts that are listed, and to no others."""

    hosts: Sequence[str] = ()
    here: Here | None = None
    seconds: float = SECONDS
    most_bytes: int = MOST_BYTES
    authorities: str = ""
    """PEM of certificates that are trusted besides those of the machine."""
    who: str = "playbooks"
    setting: str = "playbook_hosts"
    """Who calls, and the setting that lists the hosts, as refusals name them."""

    def allowing(self, *hosts: str) -> Web:
        """The same, with more hosts: those that a connection names which a person has made."""
        return replace(self, hosts=(*self.hosts, *hosts))

    def send(self, request: Request, *, here: bool = False) -> Response:
        """The answer, whatever its status; `here` sends it to this server itself, whatever its URL's host.

        `Refused` for a host that isn't listed, `TimedOut`, `LimitExceeded` for what is too large, `Unavailable` where
        nobody answers, `Invalid` for what can't be sent.
        """
        if len(request.content) > self.most_bytes:
            raise LimitExceeded(f"the body is larger than {self.most_bytes} bytes")
        deadline = monotonic() + self.seconds
        for _ in range(REDIRECTS + 1):
            response = self._sent(request, deadline, here)
            onward = next((v for k, v in response.headers.items() if k.lower() == "location"), "")
            if response.status not in _MOVED or not onward or not request.follow:
                return response
            request = _onward(request, response.status, urljoin(request.url, onward))
            here = here and self.here is not None and self.here.is_own(request.url)
        raise Unavailable(f"{_server(request.url)} leads on and on")

    def _sent(self, request: Request, deadline: float, here: bool) -> Response:
        import httpx

        parts = _parts(request.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Invalid("what is to be called is not the URL of a server")
        left = deadline - monotonic()
        if left <= 0:
            raise TimedOut(f"{_server(request.url)} took too long to answer")
        try:
            url, extensions = self._own(request.url) if here else self._pinned(parts)
            with self._client(left, request.certificate, own=here) as client:
                headers = {k: v for k, v in request.headers.items() if k.lower() not in ("host", "content-length")}
                made = client.build_request(
                    request.method,
                    url,
                    headers={"User-Agent": "huntlake", "Accept": "*/*", **headers, "Host": _host(parts)},
                    content=request.content or None,
                    extensions=extensions,
                )
                response = client.send(made, stream=True)
                try:
                    return self._read(response, request.url, deadline)
                finally:
                    response.close()
        except httpx.TimeoutException:
            raise TimedOut(f"{_server(request.url)} took too long to answer") from None
        except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError, ValueError) as error:
            # The error may quote the URL, or a header.
            said = f"its URL or a header is none that HTTP can have ({type(error).__name__})"
            raise Invalid(f"the request can't be sent: {said}") from None
        except (httpx.HTTPError, OSError) as error:
            raise Unavailable(f"{_server(request.url)} can't be reached: {error or type(error).__name__}") from None

    def _own(self, url: str) -> tuple[str, dict[str, str]]:
        if self.here is None:
            raise Unavailable("this process has no server of its own to call")
        return self.here.moved(url), {"sni_hostname": self.here.server_name}

    def _pinned(self, parts: SplitResult) -> tuple[str, dict[str, str]]:
        """The URL of the address that was judged: asked again, a name may lead into a private network."""
        host, hosts = parts.hostname or "", Hosts(self.hosts)
        if not hosts.lists(parts):
            said = f"{parts.scheme}://{_host(parts)}"
            raise Refused(
                f"{self.who} may not call {said}, which is not supported unless the setting `{self.setting}` lists it"
            )
        found = hosts.addresses(host, parts.port or (443 if parts.scheme == "https" else 80))
        if not found:
            raise Refused(
                f"{self.who} may not call `{host}`, which is in a private network: that is not supported unless the "
                f"setting `{self.setting}` lists its address, too"
            )
        address = f"[{found[0]}]" if ":" in found[0] else found[0]
        netloc = address if parts.port is None else f"{address}:{parts.port}"
        return parts._replace(netloc=netloc, fragment="").geturl(), {"sni_hostname": host}

    def _client(self, seconds: float, certificate: ClientCertificate | None, *, own: bool) -> httpx.Client:
        import httpx

        trust = ssl.create_default_context()
        if self.authorities:
            trust.load_verify_locations(cadata=self.authorities)
        if own and self.here is not None and self.here.authority is not None:
            trust.load_verify_locations(cafile=str(self.here.authority))
        if certificate is not None:
            _show(trust, certificate)
        timeout = httpx.Timeout(seconds, connect=min(seconds, CONNECTING))
        # A proxy of the environment would reach what this machine may not.
        return httpx.Client(verify=trust, timeout=timeout, follow_redirects=False, trust_env=False)

    def _read(self, response: httpx.Response, url: str, deadline: float) -> Response:
        pieces, size = [], 0
        for piece in response.iter_bytes():
            size += len(piece)
            if size > self.most_bytes:
                raise LimitExceeded(f"the answer of {_server(url)} is larger than {self.most_bytes} bytes")
            if monotonic() > deadline:
                raise TimedOut(f"{_server(url)} took too long to answer")
            pieces.append(piece)
        headers = {_capital(name): value for name, value in response.headers.items()}
        # What came packed is unpacked here.
        for gone in ("Content-Encoding", "Transfer-Encoding", "Content-Length"):
            headers.pop(gone, None)
        if size:
            headers["Content-Length"] = str(size)
        return Response(response.status_code, headers, b"".join(pieces), url)


def _show(trust: ssl.SSLContext, certificate: ClientCertificate) -> None:
    # Python loads a key from files only.
    with TemporaryDirectory() as folder:
        chain, key = Path(folder) / "chain.pem", Path(folder) / "key.pem"
        chain.write_bytes(certificate.chain)
        key.touch(0o600)
        key.write_bytes(certificate.key)
        try:
            trust.load_cert_chain(chain, key)
        except ssl.SSLError:
            raise Invalid(
                "the client certificate can't be used: its key doesn't fit, or it is no certificate"
            ) from None


def _onward(request: Request, status: int, url: str) -> Request:
    before, after = _parts(request.url), _parts(url)
    if before.scheme == "https" and after.scheme != "https":
        said = f"{_server(request.url)} leads to {_server(url)}"
        raise Refused(f"{said}, which has no TLS; following it is not supported")
    headers, method, content, certificate = dict(request.headers), request.method, request.content, request.certificate
    if (before.scheme, before.netloc) != (after.scheme, after.netloc):
        headers = {k: v for k, v in headers.items() if k.lower() not in _PRIVATE}
        certificate = None
    if status == 303 or (status in (301, 302) and method == "POST"):
        method, content = "HEAD" if method == "HEAD" else "GET", b""
        headers = {k: v for k, v in headers.items() if not k.lower().startswith("content-")}
    return replace(request, url=url, headers=headers, method=method, content=content, certificate=certificate)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise Invalid("what is to be called is not a URL") from None
    return parts


def _server(url: str) -> str:
    """The server of a URL, without the path: that of a webhook is a secret."""
    parts = _parts(url)
    return f"{parts.scheme}://{_host(parts)}"


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _capital(name: str) -> str:
    return "-".join(word[:1].upper() + word[1:] for word in name.split("-"))

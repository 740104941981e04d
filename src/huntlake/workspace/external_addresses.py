"""Files that `externaldata` may read: those below listed folders, and those of listed hosts."""

from __future__ import annotations

import http.client
import ipaddress
import os
import socket
import ssl
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from time import monotonic
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from huntlake.core.errors import Invalid, LimitExceeded, NotFound, Refused, TimedOut

REDIRECTS = 3
_PIECE = 1 << 16
_MOVED = {301, 302, 303, 307, 308}


@dataclass(frozen=True)
class Hosts:
    """Hosts that may be called. None, unless it is listed.

    A host is a name (`intel.example.org`, `*.example.org`), with `:port` where it isn't 443, and `http://` before it
    where it has no TLS. An address or a network (`10.1.0.0/16`) among them allows names that lead to that private
    network; without it they are refused, so that nobody reaches what only this machine can.
    """

    listed: Sequence[str] = ()

    def lists(self, parts: SplitResult) -> bool:
        """Whether a URL is of a listed host. A URL with a user or a password in it never is."""
        usual = 443 if parts.scheme == "https" else 80
        port = parts.port or usual
        if not parts.hostname or parts.username is not None or parts.password is not None:
            return False
        name = parts.hostname.lower() + (f":{port}" if port != usual else "")
        wanted = name if parts.scheme == "https" else f"http://{name}"
        return any(fnmatchcase(wanted, pattern.lower()) for pattern in self.listed)

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host that may be called; none where all are of private networks that aren't listed.

        Whoever calls must call one of these: asked again, a name may lead elsewhere. Raises `OSError`.
        """
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        return [address for address in sorted(found) if self._callable(address)]

    def _callable(self, address: str) -> bool:
        ip = _reached(address)
        return (ip.is_global and not ip.is_multicast) or any(ip in network for network in self._networks())

    def _networks(self) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        for host in self.listed:
            text = host.removeprefix("http://")
            text = text.partition(":")[0] if text.count(":") == 1 else text
            try:
                yield ipaddress.ip_network(text)
            except ValueError:
                continue


@dataclass(frozen=True)
class Outside:
    """What queries may read besides tables: files of listed folders, and of listed hosts."""

    folders: Sequence[Path] = ()
    hosts: Sequence[str] = ()
    max_bytes: int = 100 << 20
    timeout: timedelta = timedelta(seconds=30)

    def allows(self, address: str) -> bool:
        """Whether an address is of a listed folder or host; where a file's links lead is seen when it is read."""
        try:
            parts = urlsplit(address)
            if parts.scheme in ("http", "https"):
                return self._listed(parts)
            path = self._path(address)
        except ValueError:
            return False
        return path is not None and any(path.is_relative_to(f) for f in self._folders())

    def read(self, address: str, timeout: timedelta | None = None) -> bytes:
        """The bytes of a file; a shorter `timeout` counts before that of all files.

        Raises `Refused` for what isn't listed, and `NotFound`, `Invalid`, `LimitExceeded`.
        """
        if not self.allows(address):
            raise Refused(f"`externaldata` from {shown(address)}")
        if urlsplit(address).scheme in ("http", "https"):
            return self._fetched(address, self.timeout if timeout is None else min(timeout, self.timeout))
        return self._file(address)

    # -- files ------------------------------------------------------------------

    def _file(self, address: str) -> bytes:
        path = self._path(address)
        assert path is not None
        try:
            # Links are followed first, so that none leads out of the folder.
            real = path.resolve(strict=True)
            if not any(real.is_relative_to(folder) for folder in self._folders()):
                raise Refused(f"`externaldata` from {path}, which leads out of its folder,")
            descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise NotFound(f"there is no file {path}") from None
        except OSError as error:
            raise Invalid(f"{path} can't be read: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise Invalid(f"{path} is no file")
        with open(descriptor, "rb") as file:
            content = file.read(self.max_bytes + 1)
        if len(content) > self.max_bytes:
            raise LimitExceeded(f"{path} is larger than {self.max_bytes} bytes")
        return content

    def _path(self, address: str) -> Path | None:
        parts = urlsplit(address)
        text = unquote(parts.path) if parts.scheme == "file" and parts.netloc in ("", "localhost") else address
        if "\0" in text or not text.startswith("/"):
            return None
        return Path(os.path.normpath(text))

    def _folders(self) -> Iterator[Path]:
        for folder in self.folders:
            yield folder
            yield folder.resolve()

    # -- hosts ------------------------------------------------------------------

    def _listed(self, parts: SplitResult) -> bool:
        return Hosts(self.hosts).lists(parts)

    def _fetched(self, address: str, timeout: timedelta) -> bytes:
        deadline = monotonic() + timeout.total_seconds()
        for _ in range(REDIRECTS + 1):
            with self._response(address, deadline) as response:
                if response.status not in _MOVED:
                    return self._content(response, address, deadline)
                onward = response.getheader("Location") or ""
            target = urljoin(address, onward)
            if urlsplit(target).scheme not in ("http", "https") or not self.allows(target):
                raise Refused(f"`externaldata` from {shown(target)}, where {shown(address)} leads,")
            address = target
        raise Invalid(f"{shown(address)} leads on and on")

    @contextmanager
    def _response(self, address: str, deadline: float) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(address)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        connection = http.client.HTTPConnection(host, port)
        try:
            with closing(connection):
                connection.sock = self._connected(host, port, parts.scheme == "https", deadline)
                target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
                connection.request("GET", target, headers={"User-Agent": "huntlake", "Accept-Encoding": "identity"})
                yield connection.getresponse()
        except TimeoutError:
            raise TimedOut(f"{shown(address)} took too long to answer") from None
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            # A name or a path that can't be written as such is an error of text.
            raise Invalid(f"{shown(address)} can't be read: {error}") from None

    def _connected(self, host: str, port: int, tls: bool, deadline: float) -> socket.socket:
        # The address is looked up once, and the one that was judged is the one that is called.
        allowed = Hosts(self.hosts).addresses(host, port)
        if not allowed:
            raise Refused(f"`externaldata` from `{host}`, which is in a private network,")
        plain = socket.create_connection((allowed[0], port), timeout=_left(deadline))
        if not tls:
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        except Exception:
            plain.close()
            raise

    def _content(self, response: http.client.HTTPResponse, address: str, deadline: float) -> bytes:
        if response.status != 200:
            raise (NotFound if response.status == 404 else Invalid)(f"{shown(address)} answers {response.status}")
        pieces, size = [], 0
        while piece := response.read1(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > self.max_bytes:
                raise LimitExceeded(f"{shown(address)} is larger than {self.max_bytes} bytes")
            _left(deadline)
        return b"".join(pieces)


def _reached(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that a call reaches: some of IPv6 only carry one of IPv4."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1] or ip


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def shown(address: str) -> str:
    """An address without what may be a secret in it: credentials, and what follows the path."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        return f"{parts.scheme}://{host}{parts.path.partition(';')[0]}" if host else parts.path
    except ValueError:
        return "this address"


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return left

"""Functions that take a URI apart."""

from __future__ import annotations

from urllib.parse import SplitResult, quote, urlsplit

from huntlake.wdl.expressions.symbols import Integer, String, function
from huntlake.wdl.expressions.values import Fault

_PORTS = {"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443, "ldap": 389, "net.tcp": 808, "telnet": 23}


_PLAIN = "%/?:@!$&'()*+,;=~"


def _split(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        raise Fault(f"`{uri[:100]}` is not a URI") from None
    if not parts.scheme:
        raise Fault(f"`{uri[:100]}` is not an absolute URI")
    return parts


@function("uriHost")
def uri_host(uri: String) -> String:
    """The host.

    >>> uriHost('https://www.localhost.com:8080')
    "www.localhost.com"
    """
    host = _split(uri).hostname or ""
    return f"[{host}]" if ":" in host else host


@function("uriPath")
def uri_path(uri: String) -> String:
    """The path.

    >>> uriPath('https://www.contoso.com/catalog/shown.htm?date=today')
    "/catalog/shown.htm"
    """
    return _path(_split(uri))


def _path(parts: SplitResult) -> str:
    """The path as .NET shows it: escaped, and without steps that lead nowhere."""
    steps: list[str] = []
    named = quote(parts.path, safe=_PLAIN).split("/")[1:]
    for place, step in enumerate(named):
        if step == ".." and steps:
            steps.pop()
        if step not in (".", ".."):
            steps.append(step)
        elif place == len(named) - 1:
            steps.append("")
    return "/" + "/".join(steps)


def _query(parts: SplitResult) -> str:
    return f"?{quote(parts.query, safe=_PLAIN)}" if parts.query else ""


@function("uriPathAndQuery")
def uri_path_and_query(uri: String) -> String:
    """The path and the query.

    >>> uriPathAndQuery('https://www.contoso.com/catalog/shown.htm?date=today')
    "/catalog/shown.htm?date=today"
    """
    parts = _split(uri)
    return _path(parts) + _query(parts)


@function("uriPort")
def uri_port(uri: String) -> Integer:
    """The port; the scheme's where none is given.

    >>> uriPort('https://www.localhost:8080')
    8080
    """
    parts = _split(uri)
    return parts.port if parts.port is not None else _PORTS.get(parts.scheme.lower(), -1)


@function("uriQuery")
def uri_query(uri: String) -> String:
    """The query, with its question mark.

    >>> uriQuery('https://www.contoso.com/catalog/shown.htm?date=today')
    "?date=today"
    """
    return _query(_split(uri))


@function("uriScheme")
def uri_scheme(uri: String) -> String:
    """The scheme.

    >>> uriScheme('https://www.contoso.com/catalog')
    "https"
    """
    return _split(uri).scheme

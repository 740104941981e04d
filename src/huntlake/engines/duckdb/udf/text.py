"""Texts with a grammar of their own, taken apart into JSON text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree
from xml.parsers import expat

import orjson

from huntlake.engines.duckdb.udf.function import udf


@udf("hl_parse_url", "VARCHAR", returns="VARCHAR")
def parse_url(url: str | None) -> str:
    """The parts of a URL, each a string, and its query parameters as a bag.

    Published queries split `Path` and expect it to begin with a slash.
    """
    try:
        parts = urlsplit(url or "")
        host, port = parts.hostname or "", "" if parts.port is None else str(parts.port)
    except ValueError:
        return orjson.dumps(_url("", "", "", "", "", "", {}, "")).decode()
    # `hostname` is put in lower case, and Kusto keeps what was written.
    start = parts.netloc.lower().rfind(host)
    host = parts.netloc[start : start + len(host)]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    bag = _url(parts.scheme, host, port, parts.path, user, password, _parameters(parts.query), parts.fragment)
    return orjson.dumps(bag).decode()


@udf("hl_parse_urlquery", "VARCHAR", returns="VARCHAR")
def parse_urlquery(query: str | None) -> str:
    """The parameters of a URL's query, `a=1&b=2`, as the bag `{"Query Parameters": {…}}`."""
    return orjson.dumps({"Query Parameters": _parameters((query or "").removeprefix("?"))}).decode()


@udf("hl_parse_path", "VARCHAR", returns="VARCHAR")
def parse_path(path: str | None) -> str | None:
    """The parts of a file's path, of Windows or Unix or a `file:` URL; null where there is none."""
    if not path:
        return None
    scheme, rest = match.groups() if (match := _SCHEME.match(path)) else ("", path)
    root = match[0] if (match := _DRIVE.match(rest)) else ""
    # A colon after the drive's begins the name of an alternate data stream.
    plain, _, stream = rest[len(root) :].partition(":")
    directory, name = match.groups() if (match := _LAST.match(plain)) else ("", plain)
    parent = _SEPARATORS.split(directory)[-1]
    extension = name.rpartition(".")[2] if "." in name else ""
    return orjson.dumps(
        {
            "Scheme": scheme,
            "RootPath": root,
            "DirectoryPath": root + directory,
            "DirectoryName": parent,
            "Filename": name,
            "Extension": extension,
            "AlternateDataStreamName": stream,
        }
    ).decode()


@udf("hl_parse_csv", "VARCHAR", returns="VARCHAR")
def parse_csv(text: str | None) -> str | None:
    """The fields of the first record of comma-separated text, as a JSON array; null where there is none."""
    if not text:
        return None
    try:
        return orjson.dumps(next(csv.reader(io.StringIO(text, newline="")), [])).decode()
    except csv.Error:
        return None


@udf("hl_parse_command_line", "VARCHAR", "VARCHAR", returns="VARCHAR")
def parse_command_line(command: str | None, kind: str | None) -> str | None:
    """The arguments of a Windows command line as a JSON array; null where there are none or `kind` is another."""
    if not command or not command.strip() or (kind or "").lower() != "windows":
        return None
    return orjson.dumps(list(_windows_arguments(command))).decode()


@udf("hl_parse_xml", "VARCHAR", returns="VARCHAR")
def parse_xml(xml: str | None) -> str | None:
    """An XML document as JSON: attributes are `@name`, repeated elements arrays, text beside either `#text`.

    Null where the text isn't well-formed. A document type is refused: its entities can grow without end.
    """
    if not xml or not xml.strip():
        return None
    try:
        _refuse_document_types(xml)
        root = ElementTree.fromstring(xml)
        return orjson.dumps({_local(root.tag): _element(root)}).decode()
    # A document nested thousands deep is data too: it ends as null, not as a crash.
    except (ElementTree.ParseError, expat.ExpatError, ValueError, RecursionError, orjson.JSONEncodeError):
        return None


def _url(
    scheme: str, host: str, port: str, path: str, user: str, password: str, query: dict[str, str], fragment: str
) -> dict[str, object]:
    return {
        "Scheme": scheme,
        "Host": host,
        "Port": port,
        "Path": path,
        "Username": user,
        "Password": password,
        "Query Parameters": query,
        "Fragment": fragment,
    }


def _parameters(query: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return {unquote(name): unquote(value) for name, _, value in pairs}


def _windows_arguments(command: str) -> Iterator[str]:
    """As Windows' own `CommandLineToArgvW` does: backslashes matter only before a quotation mark."""
    argument, inside, started = "", False, False
    for match in re.finditer(r'(\\+)(?=")|"|[ \t]+|[^ \t"\\]+|\\+', command):
        piece = match.group()
        if match.group(1):
            argument, started = argument + "\\" * (len(piece) // 2), True
            escaped = len(piece) % 2 == 1
            if escaped:
                argument += _ESCAPED
        elif piece == '"':
            if argument.endswith(_ESCAPED):
                argument = argument[:-1] + '"'
            else:
                inside, started = not inside, True
        elif piece[0] in " \t" and not inside:
            if started:
                yield argument
            argument, started = "", False
        else:
            argument, started = argument + piece, True
    if started:
        yield argument


_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)
_DRIVE = re.compile("[A-Za-z]:")
_LAST = re.compile(r"(.*)[\\/](.*)", re.DOTALL)
_SEPARATORS = re.compile(r"[\\/]")
_ESCAPED = "\0"


def _refuse_document_types(xml: str) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("a document type is not supported")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(xml, True)


def _element(element: ElementTree.Element) -> object:
    bag: dict[str, object] = {f"@{_local(name)}": value for name, value in element.attrib.items()}
    for child in element:
        name, value = _local(child.tag), _element(child)
        if name not in bag:
            bag[name] = value
        else:
            there = bag[name]
            bag[name] = [*there, value] if isinstance(there, list) else [there, value]
    text = (element.text or "").strip()
    if not bag:
        return text or None
    return {**bag, "#text": text} if text else bag


def _local(name: str) -> str:
    return name.rpartition("}")[2]

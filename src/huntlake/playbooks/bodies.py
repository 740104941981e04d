"""Bodies of requests and answers: JSON values as workflows hold them, and bytes as HTTP does."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from decimal import Decimal
from email import message_from_bytes
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson

from huntlake.core.errors import Invalid
from huntlake.wdl.expressions.values import DEEPEST, deeper, json_text, text, utf8

_FORM, _MULTIPART = "application/x-www-form-urlencoded", "multipart/"


def encoded(body: Any, type: str = "") -> tuple[bytes, str]:
    """The bytes of a body, and its content type: `type` where that was said. `Invalid` for one that can't be sent."""
    match body:
        case None:
            return b"", type
        case str():
            return utf8(body), type or "text/plain; charset=utf-8"
        case Mapping() if "$multipart" in body:
            return _joined(body, type)
        case Mapping() if "$content" in body:
            return _binary(body["$content"]), type or text(body.get("$content-type")) or "application/octet-stream"
        case Mapping() if "$formdata" in body:
            pairs = [(text(p.get("key")), text(p.get("value"))) for p in _parts(body["$formdata"])]
            return urlencode(pairs).encode(), type or _FORM
        case Mapping() if type.lower().startswith(_FORM):
            return urlencode([(k, text(v)) for k, v in body.items()]).encode(), type
    return _json_bytes(body), type or "application/json; charset=utf-8"


def decoded(content: bytes, type: str, strict: bool = False) -> Any:
    """The value of a body of that content type; None for no body at all.

    What says that it is JSON, and isn't, or nests too deep to work with, is a text: so it can still be looked at. With
    `strict` it is refused as `Invalid`.
    """
    if not content:
        return None
    kind = type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json") or kind == "text/json":
        try:
            return _json(content, type)
        except Invalid:
            if strict:
                raise
            return _text(content, type)
    if kind.startswith("text/"):
        return _text(content, type)
    made: dict[str, Any] = {"$content-type": type or "application/octet-stream"}
    made["$content"] = base64.b64encode(content).decode()
    if kind == _FORM:
        pairs = parse_qsl(_text(content, type), keep_blank_values=True, max_num_fields=10_000)
        made["$formdata"] = [{"key": k, "value": v} for k, v in pairs]
    elif kind.startswith(_MULTIPART):
        made["$multipart"] = _parted(content, type)
    return made


def _json_bytes(body: Any) -> bytes:
    try:
        return orjson.dumps(body, default=_plain)
    except TypeError:
        # A text with half a character, or a number beyond 64 bits.
        return utf8(json_text(body))


def _plain(value: Any) -> Any:
    return orjson.Fragment(f"{value:f}") if isinstance(value, Decimal) else str(value)


def _json(content: bytes, type: str) -> Any:
    shown = _text(content, type).removeprefix("\ufeff")
    try:
        value = orjson.loads(shown)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"the body says that it is JSON, and isn't: {error}") from None
    if deeper(value, DEEPEST):
        raise Invalid(f"the body's JSON nests deeper than {DEEPEST}")
    return value


def _joined(body: Mapping[str, Any], type: str) -> tuple[bytes, str]:
    boundary = secrets.token_hex(16)
    pieces = []
    for part in _parts(body["$multipart"]):
        headers = {str(k): text(v) for k, v in (part.get("headers") or {}).items()}
        said = next((v for k, v in headers.items() if k.lower() == "content-type"), "")
        content, inner = encoded(part.get("body"), said)
        if not said and not isinstance(part.get("body"), str) and inner:
            headers["Content-Type"] = inner
        if any("\r" in v or "\n" in v for pair in headers.items() for v in pair):
            raise Invalid("a header of a part has a line break in it")
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        pieces.append(f"--{boundary}\r\n{head}\r\n".encode() + content + b"\r\n")
    wanted = type or text(body.get("$content-type")) or "multipart/form-data"
    kind = wanted.partition(";")[0].strip()
    return b"".join(pieces) + f"--{boundary}--\r\n".encode(), f"{kind}; boundary={boundary}"


def _parted(content: bytes, type: str) -> list[dict[str, Any]]:
    message = message_from_bytes(b"Content-Type: " + type.encode() + b"\r\n\r\n" + content, policy=HTTP)
    found = []
    for part in message.iter_parts() if message.is_multipart() else ():
        kind = str(part.get("Content-Type", "text/plain"))
        payload = part.get_payload(decode=True)
        body = decoded(payload, kind) if isinstance(payload, bytes) else None
        found.append({"headers": {k: str(v) for k, v in part.items()}, "body": body})
    return found


def _binary(given: Any) -> bytes:
    try:
        return base64.b64decode(text(given), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("`$content` of the body is not base64") from None


def _parts(given: Any) -> list[Mapping[str, Any]]:
    if not isinstance(given, list) or not all(isinstance(p, Mapping) for p in given):
        raise Invalid("the parts of the body are not a list of objects")
    return given


def _text(content: bytes, type: str) -> str:
    charset = next(
        (
            p.partition("=")[2].strip().strip('"')
            for p in type.split(";")[1:]
            if p.strip().lower().startswith("charset=")
        ),
        "utf-8",
    )
    try:
        return content.decode(charset, "replace")
    except LookupError:
        return content.decode("utf-8", "replace")

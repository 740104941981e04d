"""Answers in pages: `$top`, and a token that says where the next page begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import orjson

from huntlake.core.errors import Invalid

T = TypeVar("T")


def whole_number(name: str, text: str | None, default: int, *, least: int = 1, most: int) -> int:
    """A number among the query's parameters; `Invalid` where it is none, or out of its bounds."""
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < least:
        raise Invalid(f"`{name}` is a whole number of at least {least}, not `{text[:40]}`")
    return min(int(text), most)


def token(**place: Any) -> str:
    """A token for the place where the next page begins."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def place(name: str, text: str) -> Mapping[str, Any]:
    """What a token says; `Invalid` for a text that is none."""
    try:
        found = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        found = None
    if not isinstance(found, dict):
        raise Invalid(f"`{name}` isn't one that an answer gave")
    return found


def next_url(url: str, parameters: Sequence[tuple[str, str]], name: str, value: str) -> str:
    """The address of the next page: this one's, with the parameter `name` set."""
    kept = [(k, v) for k, v in parameters if k.lower() != name.lower()]
    return f"{url}?{urlencode([*kept, (name, value)], quote_via=quote, safe='$')}"

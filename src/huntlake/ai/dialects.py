"""The forms in which endpoints take a JSON schema for the answer, and how an answer in each is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from huntlake.ai.faults import CallFailed, Fault

_DEEPEST = 40
_FENCE = "```"


class Dialect(StrEnum):
    """How an endpoint is told what shape the answer has; the strictest first."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    PLAIN = "plain"

    def response_format(self, schema: Mapping[str, Any]) -> dict[str, Any] | None:
        """The field of that name; None where the endpoint knows none."""
        match self:
            case Dialect.JSON_SCHEMA:
                return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
            case Dialect.JSON_OBJECT:
                return {"type": "json_object", "schema": schema}
            case Dialect.PLAIN:
                return None

    @property
    def tells_schema(self) -> bool:
        """Whether the schema has to stand in the words of the request."""
        return self is not Dialect.JSON_SCHEMA


def value_of(text: str, schema: Mapping[str, Any], dialect: Dialect) -> Any:
    """The value that an answer holds, which meets the schema; `CallFailed` for any other."""
    said = text.strip()
    if dialect is Dialect.PLAIN:
        said = _repaired(said)
    try:
        value = json.loads(said, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise CallFailed(Fault.INVALID, f"the answer is no JSON: {error}", text) from None
    if _deeper(value, _DEEPEST):
        raise CallFailed(Fault.INVALID, f"the answer is deeper than {_DEEPEST} levels", text)
    if wrong := faults_of(value, schema):
        raise CallFailed(Fault.INVALID, f"the answer doesn't meet its schema: {'; '.join(wrong)}", text)
    return value


def faults_of(value: Any, schema: Mapping[str, Any], most: int = 3) -> list[str]:
    """In what a value doesn't meet a schema: the first few."""
    from jsonschema import Draft202012Validator

    found = []
    for error in sorted(Draft202012Validator(schema).iter_errors(value), key=lambda e: list(map(str, e.absolute_path))):
        place = "/".join(map(str, error.absolute_path)) or "the answer"
        found.append(f"{place}: {error.message[:200]}")
        if len(found) == most:
            break
    return found


def _repaired(text: str) -> str:
    """The one JSON object in a chatty answer: what stands around it, fences and words, is taken off.

    Nothing within it is changed: a mended value would be ours, not the model's.
    """
    if _FENCE in text:
        _, _, after = text.partition(_FENCE)
        inner, closed, _ = after.partition(_FENCE)
        if closed:
            text = inner.removeprefix("json").strip()
    start = text.find("{")
    if start < 0:
        return text
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return text[start:]
    return text[start:end]


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _deeper(value: Any, left: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left < 0 or any(_deeper(one, left - 1) for one in inner)

"""Bodies of requests: JSON, and what Python's `str` makes of a dictionary, which some clients send instead."""

from __future__ import annotations

import ast
import re
from typing import Any

import orjson

from huntlake.core.errors import Invalid

_LONGEST_LITERAL = 1 << 20
_DEEPEST = 50
_WORDS = {"true": True, "false": False, "null": None}
_BRACKETS = re.compile(r"[\[\](){}]")


def parse_object(body: bytes) -> dict[str, Any]:
    """The object in a body; `Invalid` says why it is none."""
    found = _parsed(body.removeprefix(b"\xef\xbb\xbf"))
    if not isinstance(found, dict):
        raise Invalid("the body is not a JSON object")
    if _is_deeper(found, _DEEPEST):
        raise Invalid(f"the body is nested more than {_DEEPEST} levels deep")
    return found


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deeper(v, levels - 1) for v in inner if isinstance(v, dict | list))


def _parsed(body: bytes) -> Any:
    if not body.strip():
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if b"'" not in body:
            raise Invalid(f"the body is not JSON: {error}") from None
    try:
        # msticpy sends `str(dict)`; Microsoft's reader takes single quotes.
        value = _literal(body.decode())
        return orjson.loads(orjson.dumps(value))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise Invalid("the body is not JSON") from None


def _literal(text: str) -> Any:
    """A literal of Python's, with JSON's words among the names. Nothing is ever run."""
    if len(text) > _LONGEST_LITERAL or _depth(text) > _DEEPEST:
        raise ValueError("too large")
    return _value(ast.parse(text.strip(), mode="eval").body)


def _depth(text: str) -> int:
    depth = most = 0
    for bracket in _BRACKETS.findall(text):
        depth += 1 if bracket in "[({" else -1
        most = max(most, depth)
    return most


def _value(node: ast.AST) -> Any:
    match node:
        case ast.Constant(value) if value is None or isinstance(value, str | int | float | bool):
            return value
        case ast.Name(id) if id in _WORDS:
            return _WORDS[id]
        case ast.UnaryOp(ast.USub(), ast.Constant(value)) if isinstance(value, int | float):
            return -value
        case ast.List(elements) | ast.Tuple(elements):
            return [_value(e) for e in elements]
        case ast.Dict(keys, values) if all(isinstance(k, ast.Constant) and isinstance(k.value, str) for k in keys):
            return {_value(k): _value(v) for k, v in zip(keys, values, strict=True) if k is not None}
    raise ValueError("no literal")

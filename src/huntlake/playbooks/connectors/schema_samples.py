"""Values that a JSON schema lets pass, made up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from huntlake.playbooks.connectors.plausible import MOMENT, digits_of, guid, plausible
from huntlake.playbooks.connectors.stubs import ANYTHING
from huntlake.wdl.actions.schemas import SchemaRefused, complaints

_DEEPEST = 40
_MOST_ELEMENTS = 20
_LEAF_KEYWORDS = (
    *("pattern", "format", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    "multipleOf",
)
_TEXTS = (
    *(MOMENT, MOMENT[:19] + "Z", MOMENT[:10], MOMENT[11:19], "user1@contoso.example", "host1.contoso.example"),
    *("203.0.113.1", "2001:db8::1", "203.0.113.0/24", "https://site1.example/", "+15550100001", "00:00:5E:00:53:01"),
    *("1", "1.0", "1.0.0", "P1D", "true", "High", "a", "A", "Aa1", "CVE-2026-0001", "T1059", "AS64496", "NO"),
    *(guid("text", 1), digits_of("text", 1, 32), digits_of("text", 1, 40), digits_of("text", 1, 64)),
)
"""Texts of forms that patterns ask for."""


def made(schema: Any, name: str = "", depth: int = 0, whole: Any = None) -> Any:
    """A value that a JSON schema lets pass, with every property that it names.

    `whole` is the schema that it stands in, where that is another one.
    """
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return {}
    whole = schema if whole is None else whole
    if isinstance(schema.get("$ref"), str):
        return made(_referred(schema["$ref"], whole), name, depth + _DEEPEST // 4, whole)
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf") if "properties" not in schema else ():
        if isinstance(schema.get(choice), list) and schema[choice]:
            return made(schema[choice][0], name, depth + 1, whole)
    types = schema.get("type")
    type = str(next((t for t in types if t != "null"), "null") if isinstance(types, list) else types or "").lower()
    properties, items = schema.get("properties"), schema.get("items")
    if type == "object" or (not type and isinstance(properties, Mapping)):
        known = properties if isinstance(properties, Mapping) else {}
        required = schema.get("required")
        more = [n for n in required if isinstance(n, str) and n not in known] if isinstance(required, list) else []
        named = {**known, **{n: {"type": "string"} for n in more}}
        return {_plain(k): made(v, _plain(k), depth + 1, whole) for k, v in named.items()}
    if type == "array" or (not type and items is not None):
        several = items if isinstance(items, list) and items else [items]
        least = schema.get("minItems")
        wanted = min(least, _MOST_ELEMENTS) if isinstance(least, int) else 0
        several = several + several[-1:] * (wanted - len(several))
        return [made(one, name, depth + 1, whole) if isinstance(one, Mapping) and one else ANYTHING for one in several]
    return _fitting(schema, _leaf(type, name))


def _referred(reference: str, whole: Any) -> Any:
    """What a reference within a schema leads to; a schema of anything where it leads out of it, or nowhere."""
    found = whole
    for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if reference.startswith("#") and found is not None else {}


def _fitting(schema: Mapping[str, Any], value: Any) -> Any:
    """The value, or another one where the schema wants one of another form; the value where nothing is known."""
    wanted = {k: schema[k] for k in _LEAF_KEYWORDS if k in schema}
    if not wanted:
        return value
    try:
        return next((v for v in _instead(wanted, value) if not complaints(v, wanted)), value)
    except SchemaRefused:
        return value


def _instead(schema: Mapping[str, Any], value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, str):
        least, most = schema.get("minLength"), schema.get("maxLength")
        for text in (value, *_TEXTS):
            yield text
            yield text.upper()
            if isinstance(most, int) and len(text) > most:
                yield text[:most]
            if isinstance(least, int) and 0 < len(text) < least <= 10_000:
                yield (text * least)[:least]
        for length in range(1, 41):
            yield from (sign * length for sign in "1aA")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        numbers = [v for v in schema.values() if isinstance(v, int | float) and not isinstance(v, bool)]
        for number in (*numbers, 0, 1, 10, 100):
            yield from (number, number + 1, number - 1, number / 2)


def _leaf(type: str, name: str) -> Any:
    if not type and not name:
        return None
    value = plausible(name) if name else "text"
    if isinstance(value, list):
        value = value[0]
    match type:
        case "integer":
            return value if isinstance(value, int) and not isinstance(value, bool) else 1
        case "number":
            return value if isinstance(value, int | float) and not isinstance(value, bool) else 1.5
        case "boolean":
            return True
        case "null":
            return None
        case "string":
            return value if isinstance(value, str) else str(value) if value not in ({}, None) else f"{name} 1"
    return value


def _plain(name: str) -> str:
    # Schemas are templates: designers write `@@odata.type` for the name `@odata.type`.
    return name[1:] if name.startswith("@@") else name

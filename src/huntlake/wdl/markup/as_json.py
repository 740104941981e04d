"""XML as JSON and back, by the rules of Json.NET: `@name` for attributes, `#text`, arrays for what repeats."""

from __future__ import annotations

import re

from huntlake.wdl.expressions.values import Fault, Value, json_text, kind
from huntlake.wdl.markup.documents import Cdata, Comment, Doctype, Document, Element, Instruction, Node, Text

_ABSENT = object()
"""What a comment is: JSON has none."""


def to_json(document: Document) -> dict[str, Value]:
    """The object that stands for a document."""
    return _grouped(document.children)


def _grouped(children: list[Node]) -> dict[str, Value]:
    groups: dict[str, list[object]] = {}
    for child in children:
        groups.setdefault(_name(child), []).append(_value(child))
    made: dict[str, Value] = {}
    for name, values in groups.items():
        kept = [v for v in values if v is not _ABSENT]
        if len(values) > 1:
            made[name] = kept
        elif kept:
            made[name] = kept[0]
    return made


def _name(node: Node) -> str:
    match node:
        case Element(name):
            return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), name)
        case Text():
            return "#text"
        case Cdata():
            return "#cdata-section"
        case Comment():
            return "#comment"
        case Instruction(target):
            return f"?{target}"
        case Doctype():
            return "!DOCTYPE"


def _value(node: Node) -> Value:
    match node:
        case Element(_, attributes, children, empty):
            if not attributes:
                if not children:
                    return None if empty else ""
                if len(children) == 1 and isinstance(children[0], Text):
                    return children[0].text
            return {f"@{k}": v for k, v in attributes.items()} | _grouped(children)
        case Text(text) | Cdata(text):
            return text
        case Comment():
            return _ABSENT
        case Instruction(_, text, attributes):
            return {f"@{k}": v for k, v in attributes.items()} if attributes else text
        case Doctype(name, public, system, subset):
            parts = {"@name": name, "@public": public, "@system": system, "@internalSubset": subset}
            return {k: v for k, v in parts.items() if v}


def from_json(value: dict[str, Value]) -> Document:
    """The document that an object stands for. Raises `Fault` where it has not just one root."""
    children = _children(value, frozenset())
    if sum(isinstance(c, Element) for c in children) != 1 or any(isinstance(c, Text | Cdata) for c in children):
        raise Fault("the object must have just one root for XML")
    return Document(children)


def _children(value: dict[str, Value], prefixes: frozenset[str]) -> list[Node]:
    made: list[Node] = []
    for name, inner in value.items():
        for one in inner if isinstance(inner, list) else [inner]:
            made.append(_node(name, one, prefixes))
    return made


def _node(name: str, value: Value, prefixes: frozenset[str]) -> Node:
    if name == "#text":
        return Text(_scalar(value))
    if name == "#cdata-section":
        return Cdata(_scalar(value))
    if name == "!DOCTYPE" and isinstance(value, dict):
        return Doctype(*(_scalar(value.get(k)) for k in ("@name", "@public", "@system", "@internalSubset")))
    if name.startswith("?") and len(name) > 1:
        if not isinstance(value, dict):
            return Instruction(_encoded(name[1:]), _scalar(value).replace("?>", "? >"))
        parts = {k.removeprefix("@"): _scalar(v) for k, v in value.items()}
        if not set(parts) <= {"version", "encoding", "standalone"} or any('"' in v or "?" in v for v in parts.values()):
            raise Fault(f"`{name}` is not an XML declaration")
        return Instruction(_encoded(name[1:]), " ".join(f'{k}="{v}"' for k, v in parts.items()), parts)
    if isinstance(value, dict):
        plain = {k[1:]: v for k, v in value.items() if _is_attribute(k, v)}
        prefixes |= {k[6:] for k in plain if k.startswith("xmlns:")}
        attributes = {_qualified(k, prefixes | {"xmlns", "xml"}): _scalar(v) for k, v in plain.items()}
        children = _children({k: v for k, v in value.items() if not _is_attribute(k, v)}, prefixes)
        return Element(_qualified(name, prefixes), attributes, children, empty=not children)
    if isinstance(value, list):
        raise Fault("an array within an array has no form in XML")
    text = _scalar(value)
    return Element(_qualified(name, prefixes), {}, [Text(text)] if text else [], empty=value is None)


def _is_attribute(name: str, value: Value) -> bool:
    return name.startswith("@") and len(name) > 1 and not isinstance(value, dict | list)


def _scalar(value: Value) -> str:
    if isinstance(value, dict | list):
        raise Fault(f"a value of type {kind(value)} has no form in XML here")
    shown = "" if value is None else value if isinstance(value, str) else json_text(value).strip('"')
    if re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", shown):
        raise Fault("the text has a character that XML can't hold")
    return shown


def _qualified(name: str, prefixes: frozenset[str]) -> str:
    prefix, colon, local = name.partition(":")
    if not colon or not local:
        return _encoded(name)
    # A prefix without a namespace is dropped, as Json.NET does.
    return f"{_encoded(prefix)}:{_encoded(local)}" if prefix in prefixes else _encoded(local)


def _encoded(name: str) -> str:
    if not name:
        raise Fault("an empty name has no form in XML")
    first = name[0]
    made = [first if first.isalpha() or first == "_" else _escape(first)]
    made += [c if c.isalnum() or c in "_-." else _escape(c) for c in name[1:]]
    return "".join(made)


def _escape(character: str) -> str:
    return f"_x{ord(character):04X}_" if ord(character) <= 0xFFFF else f"_x{ord(character):08X}_"

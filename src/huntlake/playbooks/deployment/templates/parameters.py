"""The parameters of a template: what they take, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Invalid
from huntlake.playbooks.lenient_json import read
from huntlake.wdl.expressions.values import kind, same

_KINDS = {
    "string": ("string",),
    "securestring": ("string",),
    "int": ("integer",),
    "bool": ("boolean",),
    "array": ("array",),
    "object": ("object",),
    "secureobject": ("object",),
}


class TemplateError(Invalid):
    """A template, or a part of it, that can't be understood or has no value; `path` is the place."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path, self.message = path, message


@dataclass(frozen=True)
class Missing:
    """Something that a person must say before a template has a meaning."""

    name: str
    type: str = "string"
    description: str = ""
    allowed: tuple[Any, ...] = ()
    path: str = "$"
    wanted: tuple[str, ...] = ()
    """What is read of it, as steps such as `.keys[0].value`; empty where that isn't known."""
    least: int | None = None
    """The least number that it may be, or the fewest characters or elements that it may have."""
    most: int | None = None

    @property
    def told(self) -> str:
        """What it is, in words."""
        what = {"int": "", "array": " elements"}.get(self.type.lower(), " characters")
        bounds = [
            f"{word} {n}{what}" for word, n in (("at least", self.least), ("at most", self.most)) if n is not None
        ]
        about = ", ".join((*self.wanted, *bounds))
        return f"{self.description}: {about}".removeprefix(": ") if about else self.description

    def also(self, other: Missing) -> Missing:
        """The same, of which is read what is read of both."""
        return replace(self, wanted=tuple(dict.fromkeys((*self.wanted, *other.wanted))))

    @property
    def secure(self) -> bool:
        """Whether it must not be shown."""
        return self.type.lower().startswith("secure")


@dataclass(frozen=True)
class Parameter:
    """A parameter as a template declares it."""

    name: str
    type: str
    path: str
    default: Any = None
    has_default: bool = False
    allowed: tuple[Any, ...] = ()
    least: int | None = None
    most: int | None = None
    shortest: int | None = None
    longest: int | None = None
    nullable: bool = False
    description: str = ""

    @property
    def secure(self) -> bool:
        """Whether its values must not be shown."""
        return self.type.lower().startswith("secure")

    def missing(self) -> Missing:
        """What a person is asked."""
        whole = self.type.lower() == "int"
        least, most = (self.least, self.most) if whole else (self.shortest, self.longest)
        return Missing(self.name, self.type, self.description, self.allowed, self.path, least=least, most=most)

    def read(self, text: str) -> Any:
        """What a text from the command line means for this parameter. Raises `TemplateError`."""
        kinds = _KINDS.get(self.type.lower(), ())
        if kinds == ("string",):
            return text
        try:
            return read(text, self.name)
        except SourceError as error:
            if not kinds:
                return text
            raise TemplateError(self.path, f"`{self.name}` takes a value of type {self.type}: {error}") from None

    def checked(self, value: Any) -> Any:
        """The value, where the parameter takes it. Raises `TemplateError`."""
        if value is None and self.nullable:
            return value
        kinds = _KINDS.get(self.type.lower())
        if kinds is not None and kind(value) not in kinds:
            self._fail(f"takes a value of type {self.type}, not {kind(value)}")
        if self.allowed and not any(same(value, a) for a in self.allowed):
            shown = ", ".join(f"`{a}`" for a in self.allowed[:20])
            self._fail(f"takes one of {shown}" + ("" if self.secure else f", not `{value}`"))
        if isinstance(value, int) and not isinstance(value, bool):
            if self.least is not None and value < self.least:
                self._fail(f"takes at least {self.least}")
            if self.most is not None and value > self.most:
                self._fail(f"takes at most {self.most}")
        if isinstance(value, str | list):
            if self.shortest is not None and len(value) < self.shortest:
                self._fail(f"takes at least {self.shortest} characters or elements")
            if self.longest is not None and len(value) > self.longest:
                self._fail(f"takes at most {self.longest} characters or elements")
        return value

    def _fail(self, message: str) -> None:
        raise TemplateError(self.path, f"the parameter `{self.name}` {message}")

    def placeholder(self) -> Any:
        """What stands for a value that is missing, so that the rest can be looked at."""
        if self.allowed:
            return self.allowed[0]
        match _KINDS.get(self.type.lower(), ("string",))[0]:
            case "integer":
                return self.least if self.least is not None else 1
            case "boolean":
                return False
            case "array":
                return []
            case "object":
                return {}
        return f"<{self.name}>"


def declared(parameters: Any, path: str, definitions: Mapping[str, Any]) -> dict[str, Parameter]:
    """The parameters of a template, by name in lower case. Raises `TemplateError`."""
    if not isinstance(parameters, dict):
        raise TemplateError(path, "an object was expected")
    made = {}
    for name, body in parameters.items():
        place = f"{path}.{name}" if name.isidentifier() else f"{path}['{name}']"
        if not isinstance(body, dict):
            raise TemplateError(place, "an object was expected")
        body = _resolved(body, definitions, place)
        type = body.get("type", "")
        if not isinstance(type, str) or (type and type.lower() not in _KINDS):
            raise TemplateError(f"{place}.type", f"the parameter type `{type}` is not supported")
        allowed = body.get("allowedValues") or []
        metadata = body.get("metadata")
        described = metadata.get("description") if isinstance(metadata, dict) else None
        made[name.lower()] = Parameter(
            name,
            type,
            place,
            body.get("defaultValue"),
            "defaultValue" in body,
            tuple(allowed) if isinstance(allowed, list) else (),
            _number(body, "minValue", place),
            _number(body, "maxValue", place),
            _number(body, "minLength", place),
            _number(body, "maxLength", place),
            body.get("nullable") is True,
            described if isinstance(described, str) else "",
        )
    return made


def _resolved(body: dict[str, Any], definitions: Mapping[str, Any], place: str) -> dict[str, Any]:
    for _ in range(20):
        if not isinstance(named := body.get("$ref"), str):
            return body
        found = definitions.get(named.removeprefix("#/definitions/"))
        if not isinstance(found, dict):
            raise TemplateError(place, f"the template has no definition `{named}`")
        body = {**found, **{k: v for k, v in body.items() if k != "$ref"}}
    raise TemplateError(place, "the definitions lead round in a circle")


def _number(body: Mapping[str, Any], name: str, place: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TemplateError(f"{place}.{name}", "a whole number was expected")
    return value

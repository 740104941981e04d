"""What the properties of resources look like on the wire: Azure's names, Azure's forms, and nothing unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from huntlake.api.arm.resource import Place
from huntlake.core.errors import Invalid
from huntlake.state.documents import Document

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

_AROUND = frozenset({"id", "name", "type", "etag", "systemdata", "properties"})


def _utc(at: datetime) -> datetime:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years that can be told") from None


def _bounded(span: timedelta) -> timedelta:
    if abs(span) > timedelta(days=366_000):
        raise ValueError("is longer than a thousand years")
    return span


Moment = Annotated[datetime, AfterValidator(_utc)]
"""A time; without a zone it is UTC."""

Span = Annotated[timedelta, AfterValidator(_bounded)]
"""A duration in ISO 8601, such as `PT5M`."""


class Part(BaseModel):
    """A part of a resource. Names are read in any case; one that isn't known is refused.

    `SHOWN` names what only the server says: clients send it back as they got it, and it is passed over.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, from_attributes=True, extra="forbid", frozen=True
    )
    SHOWN: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _names(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        names = {(f.alias or n).lower(): f.alias or n for n, f in cls.model_fields.items()}
        fields = {n.lower(): n for n in cls.model_fields}
        shown = {n.lower() for n in cls.SHOWN}
        read: dict[str, Any] = {}
        for name, value in given.items():
            lower = str(name).lower()
            if lower in shown:
                continue
            # A null means that nothing is said of it.
            if value is not None or lower not in names:
                read[names.get(lower) or fields.get(lower) or name] = value
        return read

    def wire(self) -> dict[str, Any]:
        """As JSON has it."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def read(model: type[M], given: Any, where: str = "properties") -> M:
    """What was given as such a model; `Invalid` names each place that is wrong."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        told = []
        for problem in error.errors(include_input=False, include_url=False)[:5]:
            place = ".".join(str(part) for part in (where, *problem["loc"]))
            if problem["type"] == "extra_forbidden":
                told.append(f"`{place}` is not supported")
            elif problem["type"] == "missing":
                told.append(f"`{place}` is missing")
            else:
                told.append(f"`{place}`: {problem['msg']}")
        raise Invalid("; ".join(told)) from None
    except RecursionError:
        raise Invalid(f"`{where}` is nested too deeply") from None


def properties_of(body: Mapping[str, Any], *beside: str) -> Mapping[str, Any]:
    """The `properties` of a resource; `Invalid` where something is `beside` them that isn't known."""
    allowed = _AROUND | {name.lower() for name in beside}
    for name in body:
        if name.lower() not in allowed:
            raise Invalid(f"`{name[:100]}` is not supported beside `properties`")
    found: object = next((v for k, v in body.items() if k.lower() == "properties"), {})
    if not isinstance(found, Mapping):
        raise Invalid("`properties` is not an object")
    return found


class Plain(Generic[T]):
    """The form of a resource whose properties have the names of a record's fields."""

    def __init__(self, model: type[Part], type: type[T]) -> None:
        self._model, self._type = model, type

    def shown(self, place: Place, document: Document[T]) -> dict[str, Any]:
        """The record's properties."""
        return {"properties": self.properties(place, document)}

    def properties(self, place: Place, document: Document[T]) -> dict[str, Any]:
        """The record's properties, without what they stand in."""
        return self._model.model_validate(document.value, from_attributes=True).wire()

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> T:
        """The record that a body describes."""
        return record(self._type, read(self._model, properties_of(body)))


def record(type: type[T], part: Part, **more: Any) -> T:
    """A record out of the properties that have the names of its fields, and what there is `more` to say."""
    fields = part.model_dump(exclude_none=True, by_alias=False) | more
    return TypeAdapter(type).validate_python(fields)


class Person(Part):
    """A person, or an application."""

    object_id: str | None = None
    email: str | None = None
    name: str | None = None
    user_principal_name: str | None = None

    @classmethod
    def of(cls, author: Any) -> Self | None:
        """The one who wrote something, where that is known."""
        if author is None:
            return None
        return cls(
            object_id=author.object_id or None,
            email=author.email or None,
            name=author.name or None,
            user_principal_name=author.user_principal_name or None,
        )

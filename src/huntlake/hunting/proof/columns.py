"""Whether the columns of an answer are what the entities of a hunt are mapped to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from huntlake.core.diagnostics import did_you_mean
from huntlake.detection.entity_types import ENTITY_TYPES, entity_type
from huntlake.detection.rules import EntityMapping
from huntlake.hunting.proof import rules
from huntlake.hunting.proof.finding import ProofFinding
from huntlake.kql.types import Column, ScalarType

TIMES = ("TimeGenerated", "Timestamp", "StartTime", "FirstSeen", "EndTime", "LastSeen")
"""The columns that tell when a row happened, the best first."""
_USABLE = frozenset({ScalarType.STRING, ScalarType.GUID, ScalarType.INT, ScalarType.LONG})


def of_answer(columns: Sequence[Column], entities: Sequence[EntityMapping]) -> Iterator[ProofFinding]:
    """What is wrong with the mapping, or is missing."""
    known = {c.name: c.type for c in columns}
    if not entities:
        yield rules.NO_ENTITIES.found("nothing says what the rows are about")
    for mapping in entities:
        yield from _mapped(mapping, known)
    if time_of(columns) is None:
        yield rules.NO_MOMENT.found("no column of the answer is a datetime")


def time_of(columns: Sequence[Column]) -> str | None:
    """The column that tells when a row happened; None where there is none."""
    moments = [c.name for c in columns if c.type is ScalarType.DATETIME]
    return next((n for n in TIMES if n in moments), moments[0] if moments else None)


def _mapped(mapping: EntityMapping, known: dict[str, ScalarType]) -> Iterator[ProofFinding]:
    type = entity_type(mapping.entity_type)
    if type is None:
        hint = did_you_mean(mapping.entity_type, ENTITY_TYPES)
        yield rules.UNKNOWN_ENTITY.found(f"no entity type is named `{mapping.entity_type[:60]}`", help=hint)
    given = []
    for field in mapping.field_mappings:
        if type is not None:
            identifier = type.identifier(field.identifier)
            if identifier is None:
                hint = did_you_mean(field.identifier, type.identifiers)
                yield rules.UNKNOWN_ENTITY.found(f"{type.name} has no identifier `{field.identifier[:60]}`", help=hint)
            else:
                given.append(identifier)
        column = known.get(field.column_name)
        if column is None:
            reason = f"the answer has no column `{field.column_name[:100]}`"
            yield rules.NO_COLUMN.found(reason, help=did_you_mean(field.column_name, known))
        elif column not in _USABLE:
            reason = f"`{field.column_name}` is a `{column}`, which identifies no {mapping.entity_type[:60]}"
            yield rules.ENTITY_TYPE.found(reason)
    if type is not None and given and not type.is_strong(given):
        yield rules.WEAK_ENTITY.found(f"{', '.join(given)} may be the same of two of the type {type.name}")

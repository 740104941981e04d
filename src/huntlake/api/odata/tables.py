"""`$filter` and its kin over a table of the lake: they become KQL, whose literals travel as parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from huntlake.api.odata.syntax import (
    Among,
    Call,
    Comparison,
    Condition,
    Junction,
    Lambda,
    Literal,
    Negation,
    Operand,
    Path,
    Truth,
    Value,
)
from huntlake.core.errors import Invalid
from huntlake.kql.types import ScalarType

_OPERATORS = {"eq": "==", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_MIRRORED = {"eq": "eq", "ne": "ne", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_TEXTS = {"startswith": "startswith", "endswith": "endswith", "contains": "contains"}
_NUMBERS = (ScalarType.INT, ScalarType.LONG, ScalarType.REAL)


@dataclass(frozen=True, slots=True)
class Property:
    """A property of an entity: the KQL that computes it, and its type."""

    kql: str
    type: ScalarType = ScalarType.STRING


@dataclass
class TableFilter:
    """Writes a condition as KQL. `parameters` are the literals it names, and `declarations` says their types."""

    properties: Mapping[str, Property]
    parameters: dict[str, object] = field(default_factory=dict)
    declarations: list[str] = field(default_factory=list)

    def statement(self) -> str:
        """The statement that declares the parameters; empty where there are none."""
        return f"declare query_parameters({', '.join(self.declarations)});\n" if self.declarations else ""

    def parameter(self, value: Value) -> str:
        """The name of a parameter with that value."""
        name = f"_p{len(self.declarations)}"
        match value:
            case bool():
                self.declarations.append(f"{name}:bool")
                self.parameters[name] = "true" if value else "false"
            case str():
                self.declarations.append(f"{name}:string")
                self.parameters[name] = value
            case int() if -(1 << 63) <= value < 1 << 63:
                self.declarations.append(f"{name}:long")
                self.parameters[name] = value
            case int() | float():
                self.declarations.append(f"{name}:real")
                self.parameters[name] = f"real({float(value)!r})"
            case datetime():
                self.declarations.append(f"{name}:datetime")
                self.parameters[name] = f"datetime({value.year:04}-{value:%m-%dT%H:%M:%S.%fZ})"
            case None:
                raise Invalid("null is not supported there in a $filter")
        return name

    def write(self, condition: Condition) -> str:
        """The condition as KQL; `Invalid` for what isn't supported, by name."""
        match condition:
            case Junction(operator, parts):
                return "(" + f" {operator} ".join(self.write(p) for p in parts) + ")"
            case Negation(inner):
                return f"not({self.write(inner)})"
            case Comparison(operator, left, right):
                if isinstance(left, Literal) and not isinstance(right, Literal):
                    return self._compared(_MIRRORED[operator], right, left)
                if isinstance(right, Literal):
                    return self._compared(operator, left, right)
                raise Invalid("comparing two properties is not supported in a $filter")
            case Among(left, values):
                return "(" + " or ".join(self._compared("eq", left, v) for v in values) + ")"
            case Truth(Call(name, (subject, Literal(str(text))))) if name in _TEXTS:
                kql, type = self._operand(subject)
                if type is not ScalarType.STRING:
                    raise Invalid(f"`{name}` takes a text")
                return f"({kql} {_TEXTS[name]} {self.parameter(text)})"
            case Truth(Literal(bool(value))):
                return "true" if value else "false"
            case Truth(operand):
                kql, type = self._operand(operand)
                if type is not ScalarType.BOOL:
                    raise Invalid("a $filter has a value where a condition should be")
                return f"({kql} == true)"
            case Lambda(path, quantifier, _, _):
                raise Invalid(f"filtering by `{path}/{quantifier}` is not supported")
        assert_never(condition)

    def _compared(self, operator: str, left: Operand, right: Literal) -> str:
        kql, type = self._operand(left)
        value = right.value
        if value is None:
            if operator not in ("eq", "ne"):
                raise Invalid(f"`{operator} null` is not supported in a $filter")
            test = f"isempty({kql})" if type is ScalarType.STRING else f"isnull({kql})"
            return test if operator == "eq" else f"not({test})"
        if not _fits(type, value):
            raise Invalid(f"`{_shown(left)}` is a {type}, which can't be compared with that value")
        name = self.parameter(value)
        if type is ScalarType.STRING:
            if operator in ("eq", "ne"):
                return f"({kql} {'=~' if operator == 'eq' else '!~'} {name})"
            return f"(strcmp(tolower({kql}), tolower({name})) {_OPERATORS[operator]} 0)"
        return f"({kql} {_OPERATORS[operator]} {name})"

    def _operand(self, operand: Operand) -> tuple[str, ScalarType]:
        match operand:
            case Path():
                found = self._property(operand)
                return found.kql, found.type
            case Call("tolower" | "toupper" as name, (inner,)):
                kql, type = self._operand(inner)
                if type is ScalarType.STRING:
                    return f"{name}({kql})", type
            case Call("length", (inner,)):
                kql, type = self._operand(inner)
                if type is ScalarType.STRING:
                    return f"strlen({kql})", ScalarType.LONG
            case _:
                pass
        raise Invalid(f"`{_shown(operand)}` is not supported there in a $filter")

    def _property(self, path: Path) -> Property:
        wanted = str(path).lower()
        for name, found in self.properties.items():
            if name.lower() == wanted:
                return found
        raise Invalid(f"filtering by `{path}` is not supported")


def _fits(type: ScalarType, value: Value) -> bool:
    match value:
        case bool():
            return type is ScalarType.BOOL
        case int() | float():
            return type in _NUMBERS
        case datetime():
            return type is ScalarType.DATETIME
        case str():
            return type is ScalarType.STRING
    return False


def _shown(operand: Operand) -> str:
    match operand:
        case Path():
            return str(operand)
        case Call(name, _):
            return name
        case Literal(value):
            return str(value)[:60]
    assert_never(operand)

"""What a KQL name can stand for: functions and aggregates, declared as typed Python.

A declaration is a Python function whose parameters are the KQL parameters, whose docstring is
the documentation, and whose body is the SQL. `String`, `Long`, … are `str` to Python: each holds
SQL text whose KQL type is the one it names, as a `Sql`, which also knows whether it is a constant.

    @scalar("strlen", named=Naming.FUNCTION_AND_ARGUMENT)
    def strlen(source: String) -> Long:
        return f"length({source})"

Where the SQL depends on the types, further signatures follow by `@strlen.overload`; the first that
fits the arguments is taken. `*args` is a parameter that repeats.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from types import ModuleType
from typing import Annotated, get_args, get_type_hints

from huntlake.kql.types import ANY, NUMBERS, SIMPLE, Column, ScalarType, accepts, common

# -- SQL text that knows what it is -------------------------------------------


class Missing(Enum):
    """The absence of a constant, where None would be a constant's null."""

    VALUE = auto()


_ATOM = re.compile(r"""\w+|"(?:[^"]|"")*"|'(?:[^']|'')*'|\w+\([^()']*\)|(?:TIMESTAMP|JSON) '[^']*'""")


class Sql(str):
    """SQL text that keeps its own meaning wherever it is written into more SQL.

    `type` is its KQL type, `value` what it is where it is a constant, `nullable` whether it may be null. `printed`
    is the SQL of a dynamic's text where that is had for less than by way of its value: null where the value is, or,
    if that is an `Sql` which isn't nullable, empty there.
    """

    __slots__ = ("nullable", "printed", "type", "value")

    type: ScalarType
    value: object
    nullable: bool
    printed: str

    def __new__(
        cls, text: str, type: ScalarType, value: object = Missing.VALUE, nullable: bool = True, printed: str = ""
    ) -> Sql:
        self = super().__new__(cls, text)
        self.type = type
        self.value = value
        self.nullable = nullable
        self.printed = printed
        return self

    def __format__(self, spec: str) -> str:
        text = str.__str__(self)
        return text if _ATOM.fullmatch(text) else f"({text})"

    @property
    def constant(self) -> bool:
        """Whether the value is known while compiling."""
        return self.value is not Missing.VALUE


IN_ORDER = "\0o"
"""In the SQL of an aggregate, the place for the order in which it takes the rows, where they have one."""


def before(sql: str) -> str:
    """SQL that a step before this one computes: windows don't nest in SQL, and do in KQL."""
    # No SQL that comes from a query holds a zero character.
    return f"\0({sql}\0)"


class Unsupported(Exception):
    """Raised by a body for a call that is Kusto's, but not ours; the compiler adds the place."""


def quoted(text: str) -> str:
    """A SQL string literal."""
    sql = "'" + text.replace("'", "''") + "'"
    if "\0" not in text and "\x01" not in text:
        return sql
    # In the SQL itself both mark places that we fill: text from a query may bring in neither.
    for number in (0, 1):
        sql = sql.replace(chr(number), f"' || chr({number}) || '")
    return f"({sql})"


def text_of(argument: str, what: str) -> str:
    """The constant string that `argument` must be; `what` names it in the refusal."""
    value = argument.value if isinstance(argument, Sql) else Missing.VALUE
    if not isinstance(value, str):
        raise Unsupported(f"{what} that is not a constant string")
    return value


def whole_of(argument: str, what: str) -> int:
    """The constant whole number that `argument` must be; `what` names it in the refusal."""
    value = argument.value if isinstance(argument, Sql) else Missing.VALUE
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unsupported(f"{what} that is not a constant number")
    return value


# -- types of parameters -------------------------------------------------------


@dataclass(frozen=True)
class OneOf:
    """A parameter's types. A letter ties parameters: those with the same letter agree."""

    types: tuple[ScalarType, ...]
    letter: str = ""


Bool = Annotated[str, OneOf((ScalarType.BOOL,))]
Int = Annotated[str, OneOf((ScalarType.INT,))]
Long = Annotated[str, OneOf((ScalarType.LONG,))]
Real = Annotated[str, OneOf((ScalarType.REAL,))]
Decimal = Annotated[str, OneOf((ScalarType.DECIMAL,))]
String = Annotated[str, OneOf((ScalarType.STRING,))]
Datetime = Annotated[str, OneOf((ScalarType.DATETIME,))]
Timespan = Annotated[str, OneOf((ScalarType.TIMESPAN,))]
Guid = Annotated[str, OneOf((ScalarType.GUID,))]
Dynamic = Annotated[str, OneOf((ScalarType.DYNAMIC,))]
Scalar = Annotated[str, OneOf(ANY)]
Simple = Annotated[str, OneOf(SIMPLE)]
Number = Annotated[str, OneOf(NUMBERS)]
Whole = Annotated[str, OneOf((ScalarType.INT, ScalarType.LONG))]
A = Annotated[str, OneOf(ANY, "A")]
B = Annotated[str, OneOf(ANY, "B")]
N = Annotated[str, OneOf(NUMBERS, "N")]
P = Annotated[str, OneOf(NUMBERS[1:], "P")]
"""As N, but an `int` is taken for a `long`: what arithmetic does."""
O = Annotated[str, OneOf(SIMPLE, "O")]


@dataclass(frozen=True)
class Parameter:
    """One parameter; `default` is SQL text, None where the argument must be given."""

    name: str
    accepts: OneOf
    default: str | None = None
    repeats: bool = False


class Naming(Enum):
    """How Kusto names the column of a call that the query gives no name."""

    NONE = auto()
    FIRST_ARGUMENT = auto()
    FUNCTION_AND_ARGUMENT = auto()
    PREFIX_AND_ARGUMENT = auto()
    PREFIX = auto()


Body = Callable[..., str]


@dataclass(frozen=True)
class Signature:
    """One way to call a function."""

    parameters: tuple[Parameter, ...]
    returns: OneOf
    body: Body
    spellings: dict[str, Body] = field(default_factory=dict, compare=False)

    def parameter(self, index: int) -> Parameter:
        """The parameter that takes argument `index`; a last one that repeats takes the rest."""
        return self.parameters[min(index, len(self.parameters) - 1)]

    def takes(self, count: int) -> bool:
        """Whether it can be called with `count` arguments."""
        least = sum(p.default is None and not p.repeats for p in self.parameters)
        most = sys.maxsize if self.parameters and self.parameters[-1].repeats else len(self.parameters)
        return least <= count <= most


@dataclass(frozen=True)
class Resolved:
    """A signature that fits a call: the type to which each argument is brought, and the result's."""

    signature: Signature
    arguments: tuple[ScalarType, ...]
    type: ScalarType


class Kind(Enum):
    """Of how many rows a function speaks."""

    SCALAR = auto()
    AGGREGATE = auto()
    WINDOW = auto()


ColumnsOf = Callable[[str, Sequence[ScalarType], Sequence[str]], tuple[Column, ...]]
"""The columns that a function makes, by its name, and by the types and the implied names of its arguments."""


def columns(**types: object) -> ColumnsOf:
    """Columns of these types, each named `<function>_<argument>_<name>`."""

    def of(function: str, _: Sequence[ScalarType], names: Sequence[str]) -> tuple[Column, ...]:
        stem = f"{function}_{names[0]}"
        return tuple(Column(f"{stem}_{name}", get_args(type_)[1].types[0]) for name, type_ in types.items())

    return of


@dataclass(eq=False)
class Function:
    """A function of KQL: its signatures, its documentation, its SQL."""

    name: str
    kind: Kind
    signatures: list[Signature]
    doc: str
    naming: Naming = Naming.NONE
    prefix: str = ""
    aliases: tuple[str, ...] = ()
    total: bool = False
    """Never null where no argument is."""
    columns: ColumnsOf | None = None
    """The columns of a function that gives several values: its SQL is an array of them, but of one only that value."""
    fold: Callable[..., object] | None = None
    filter_body: Body | None = None
    inner_bodies: dict[int, Body] = field(default_factory=dict)
    """By the signature's number, the SQL of a dynamic of which only something within is asked for."""
    _resolved: dict[tuple[ScalarType, ...], Resolved | None] = field(default_factory=dict, repr=False)

    # -- declaring

    def overload(self, body: Body) -> Body:
        """Declare one more signature."""
        self.signatures.append(_signature(body))
        return body

    def on(self, engine: str, signature: int = 0) -> Callable[[Body], Body]:
        """Declare how `engine` spells this function, where it differs from the others."""

        def keep(body: Body) -> Body:
            self.signatures[signature].spellings[engine] = body
            return body

        return keep

    def folds(self, fold: Callable[..., object]) -> Callable[..., object]:
        """Declare what the function makes of constants, so that it needs no engine for them.

        `fold` takes and gives Python values as `Literal` holds them; `NotImplemented` leaves it to the engine.
        """
        self.fold = fold
        return fold

    def in_filter(self, body: Body) -> Body:
        """Declare a plainer SQL for where null and false mean the same: the top of a `where`."""
        self.filter_body = body
        return body

    def inside(self, signature: int = 0) -> Callable[[Body], Body]:
        """Declare a plainer SQL for where a path leads into the value: it may be null where nothing is within."""

        def keep(body: Body) -> Body:
            self.inner_bodies[signature] = body
            return body

        return keep

    # -- calling

    def resolve(self, given: Sequence[ScalarType]) -> Resolved | None:
        """The signature for arguments of these types; None where there is none."""
        key = tuple(given)
        if key not in self._resolved:
            fits = (_fit(s, key, loose) for loose in (False, True) for s in self.signatures if s.takes(len(key)))
            self._resolved[key] = next((f for f in fits if f), None)
        return self._resolved[key]

    def sql(
        self,
        signature: Signature,
        engine: str,
        arguments: list[Sql],
        *,
        in_filter: bool = False,
        inside: bool = False,
    ) -> str:
        """The SQL of a call; `inside` says that only something within its value is asked for."""
        body = signature.spellings.get(engine, signature.body)
        if inside and self.inner_bodies:
            body = self.inner_bodies.get(self.signatures.index(signature), body)
        if in_filter and self.filter_body and signature is self.signatures[0]:
            body = self.filter_body
        missing = [
            Sql(p.default, p.accepts.types[0], _default_value(p.default))
            for p in signature.parameters[len(arguments) :]
            if p.default is not None
        ]
        return body(*arguments, *missing)

    # -- documenting

    @property
    def examples(self) -> list[tuple[str, str]]:
        """The docstring's `>>>` lines, each with the line below it: a KQL expression and its value."""
        return re.findall(r"^>>> (.+)\n(.+)$", self.doc, re.MULTILINE)

    @property
    def docs(self) -> str:
        """The reference page."""
        page = self.name.replace("_", "-")
        kind = "aggregation-function" if self.kind is Kind.AGGREGATE else "function"
        return f"https://learn.microsoft.com/kusto/query/{page}-{kind}"

    def __str__(self) -> str:
        names = ", ".join(p.name + ("…" if p.repeats else "") for p in self.signatures[0].parameters)
        return f"{self.name}({names})"


def _default_value(default: str) -> object:
    if default.startswith("'"):
        return default[1:-1].replace("''", "'")
    if default in ("true", "false"):
        return default == "true"
    return int(default) if re.fullmatch(r"-?\d+", default) else Missing.VALUE


def _fit(signature: Signature, given: tuple[ScalarType, ...], loose: bool) -> Resolved | None:
    """Whether arguments of these types fit; `loose` lets a dynamic stand for what it may hold."""
    letters: dict[str, list[ScalarType]] = {}
    wanted: list[OneOf] = []
    for index, type_ in enumerate(given):
        one_of = signature.parameter(index).accepts
        if not any(accepts(t, type_) for t in one_of.types) and not (loose and type_ is ScalarType.DYNAMIC):
            return None
        wanted.append(one_of)
        if one_of.letter:
            letters.setdefault(one_of.letter, []).append(type_)
    tied: dict[str, ScalarType] = {}
    for letter, types in letters.items():
        plain = [t for t in types if t is not ScalarType.DYNAMIC] if loose else types
        # Of dynamics alone nothing tells what they hold: numbers are reals then, and nothing else can be ordered.
        widest = next(w.types[-1] for w in wanted if w.letter == letter)
        agreed = common(plain) if plain else widest if widest in (*NUMBERS, ScalarType.DYNAMIC) else None
        if agreed is None:
            return None
        allowed = next(w.types for w in wanted if w.letter == letter)
        tied[letter] = agreed if agreed in allowed else next((t for t in allowed if accepts(t, agreed)), agreed)
    arguments = tuple(
        tied[w.letter]
        if w.letter
        else next((t for t in (g, *w.types) if t in w.types and (accepts(t, g) or g is ScalarType.DYNAMIC)), g)
        for w, g in zip(wanted, given, strict=True)
    )
    returns = signature.returns
    return Resolved(signature, arguments, tied.get(returns.letter) or returns.types[0])


# -- declaring -------------------------------------------------------------------


def scalar(
    name: str,
    *aliases: str,
    named: Naming = Naming.NONE,
    prefix: str = "",
    total: bool = False,
    columns: ColumnsOf | None = None,
) -> Callable[[Body], Function]:
    """Declare a scalar function: its parameters, its types, its documentation and its SQL.

    `total` says that it is never null where no argument is; a function that gives a string need not say so.
    `columns` are those of a function that gives several values, which may stand only in a list of columns.
    """
    return lambda body: Function(
        name, Kind.SCALAR, [_signature(body)], inspect.getdoc(body) or "", named, prefix, aliases, total, columns
    )


def aggregate(
    name: str, *aliases: str, named: Naming = Naming.PREFIX_AND_ARGUMENT, prefix: str | None = None, total: bool = False
) -> Callable[[Body], Function]:
    """Declare an aggregate function, as `scalar` does a scalar one; its column is `<prefix>_<argument>`."""
    return lambda body: Function(
        name,
        Kind.AGGREGATE,
        [_signature(body)],
        inspect.getdoc(body) or "",
        named,
        name if prefix is None else prefix,
        aliases,
        total,
    )


def window(name: str, *aliases: str) -> Callable[[Body], Function]:
    """Declare a window function: one that looks at the rows around, in the order of a serialized table."""
    return lambda body: Function(name, Kind.WINDOW, [_signature(body)], inspect.getdoc(body) or "", aliases=aliases)


def listed(*families: ModuleType) -> dict[str, Function]:
    """Every function that the modules declare, by each of its names."""
    return {
        name: symbol
        for family in families
        for symbol in vars(family).values()
        if isinstance(symbol, Function)
        for name in (symbol.name, *symbol.aliases)
    }


def _signature(body: Body) -> Signature:
    hints = get_type_hints(body, include_extras=True)
    parameters = tuple(
        Parameter(
            p.name.rstrip("_"),
            get_args(hints[p.name])[1],
            None if p.default is p.empty else p.default,
            p.kind is p.VAR_POSITIONAL,
        )
        for p in inspect.signature(body).parameters.values()
    )
    return Signature(parameters, get_args(hints["return"])[1], body)

"""A function that SQL can't say, written in Python and run on columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from inspect import Parameter, Signature
from typing import Any

KEPT = 16_384
"""Answers that a function remembers, of arguments that together are no longer than `SHORT` characters."""
SHORT = 512


@dataclass(frozen=True)
class Function:
    """`of` computes one value; the engine calls it once for each distinct set of arguments in a batch."""

    name: str
    parameters: tuple[str, ...]
    returns: str
    of: Callable[..., object]

    def of_columns(self) -> Callable[..., Any]:
        """The function over whole Arrow columns of one length, as the engine calls it."""

        # A batch has few rows, and the next has much of the same.
        of = lru_cache(maxsize=KEPT)(self.of)

        def over(*columns: Any) -> Any:
            import pyarrow as pa

            answers: dict[tuple[object, ...], object] = {}
            out: list[object] = []
            for arguments in zip(*(column.to_pylist() for column in columns), strict=True):
                if arguments not in answers:
                    short = sum(len(a) for a in arguments if isinstance(a, str)) <= SHORT
                    answers[arguments] = (of if short else self.of)(*arguments)
                out.append(answers[arguments])
            return pa.array(out, ARROW_TYPES[self.returns]())

        return self.counted(over)

    def counted(self, over: Callable[..., Any]) -> Callable[..., Any]:
        """`over` with as many parameters as the function has: DuckDB counts them, and takes `*columns` for one."""

        def called(*columns: Any) -> Any:
            return over(*columns)

        names = (Parameter(f"p{i}", Parameter.POSITIONAL_ONLY) for i in range(len(self.parameters)))
        called.__signature__ = Signature(list(names))  # type: ignore[attr-defined]
        return called


def _arrow(name: str) -> Callable[[], Any]:
    def made() -> Any:
        import pyarrow as pa

        return pa.timestamp("us") if name == "timestamp" else getattr(pa, name)()

    return made


ARROW_TYPES = {
    "VARCHAR": _arrow("string"),
    "BIGINT": _arrow("int64"),
    "INTEGER": _arrow("int32"),
    "DOUBLE": _arrow("float64"),
    "BOOLEAN": _arrow("bool_"),
    "TIMESTAMP": _arrow("timestamp"),
}


def udf(name: str, *parameters: str, returns: str) -> Callable[[Callable[..., object]], Function]:
    """Declare the decorated Python function as the SQL function `name` of these DuckDB types."""
    return lambda of: Function(name, parameters, returns, of)

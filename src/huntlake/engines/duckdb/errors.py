"""DuckDB's complaints, in the house's words."""

from __future__ import annotations

import re

from huntlake.core.errors import DomainError
from huntlake.engines.errors import EngineDefect, LowMemory, QueryFailed

DATA_ERRORS = {"Out of Range", "Conversion", "Invalid Input", "Divide by Zero", "Type Mismatch"}
"""Those that depend on the rows, and so are no mistake of the compiler's."""


_UDF_FAILED = "Python exception occurred while executing the UDF: "
IN_PYTHON = f"{_UDF_FAILED}ValueError: "
"""What DuckDB says before the words of a function in `engines.duckdb.udf`."""


_NO_MEMORY = (f"{_UDF_FAILED}MemoryError", "Out of Memory Error", "bad_alloc", "bad allocation", "failed to allocate")
"""How the engine, and what it calls, say so behind other words."""

_QUOTED = re.compile(r"'.*'|\".*\"")
"""Values of rows, and names: logs tell of other programs that lack memory."""


def translate(error: Exception) -> DomainError:
    """The domain error for one of DuckDB's, without the SQL that DuckDB quotes."""
    # A failure in the middle of an Arrow stream arrives as an OSError: only the text tells the kind.
    kind, _, message = str(error).partition(" Error: ")
    fact = message.partition("\n")[0].strip().removeprefix(IN_PYTHON)
    # Behind the first line stands the SQL.
    own = _QUOTED.sub("", str(error).partition("\n")[0])
    if isinstance(error, MemoryError) or kind == "Out of Memory" or any(words in own for words in _NO_MEMORY):
        return LowMemory()
    if "expression depth" in fact:
        return QueryFailed("a query whose tables and expressions nest this deeply is not supported")
    if kind in DATA_ERRORS:
        return QueryFailed(f"the query failed while it ran: {fact[:500]}")
    if kind in {"IO", "HTTP", "Permission"}:
        return EngineDefect("the engine could not read the lake's files")
    return EngineDefect(f"the engine did not accept the compiled query ({kind.lower() or 'unknown'} error)")

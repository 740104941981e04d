"""A small text never becomes so large a query that compiling it would not end."""

import pytest

from huntlake.core.errors import LimitExceeded
from huntlake.kql.binding import NoTables
from huntlake.kql.compiler import compile_kql


def doubled(first: str, following: str, last: str, times: int = 40) -> str:
    steps = (f"let f{i} = {following.replace('@', f'f{i - 1}')};" for i in range(1, times))
    return "\n".join((f"let f0 = {first};", *steps, last.replace("@", f"f{times - 1}")))


@pytest.mark.parametrize(
    "query",
    [
        doubled("(x:long) { x + x }", "(x:long) { @(x) + @(x) }", "print x = toscalar(print 1) | extend y = @(x)"),
        doubled("() { print x = 1 }", "() { union @(), @() }", "@()"),
        doubled("() { print x = 1 }", "() { @() | join @() on x | project x }", "@()"),
        doubled("toscalar(print rand())", "@ + @", "print @"),
        doubled("'aaaaaaaaaa'", "strcat(@, @)", "print strlen(@)"),
        "print x = 1 " + "| extend x = x + 1 " * 5_000,
    ],
)
def test_what_grows_without_bound_is_refused(query: str) -> None:
    with pytest.raises(LimitExceeded, match="not supported"):
        compile_kql(query, NoTables())


def test_what_is_only_long_is_compiled() -> None:
    compile_kql(f"print x = 1 | where x in ({', '.join(map(str, range(20_000)))})", NoTables())
    compile_kql(f"let f = (x:long) {{ x + 1 }}; print {', '.join('f(1)' for _ in range(2_000))}", NoTables())

"""An argument that a plugin doesn't know is told, and never passed over."""

import pytest

from huntlake.core.diagnostics import SourceError
from huntlake.kql.binding import NoTables
from huntlake.kql.compiler import compile_kql


@pytest.mark.parametrize(
    "call",
    [
        'bag_unpack(d, "p_", "bogus")',
        'bag_unpack(d, Prefix = "p_")',
        'bag_unpack(d, "p_", "error", dynamic([]), 5)',
        'bag_unpack(d, "", "error", "a")',
        'bag_unpack(d, columnsConflict = "replace_source") : (t:datetime, a:long)',
        "activity_metrics(id, t, datetime(2024-01-01), datetime(2024-01-03), 0d)",
        "sliding_window_counts(id, t, datetime(2024-01-01), datetime(2024-01-03), 2d, 0d)",
        "active_users_count(id, t, datetime(2024-01-01), datetime(2024-01-03), 2d, 1d, 1, -1d)",
    ],
)
def test_an_argument_without_a_meaning_is_a_mistake(call: str) -> None:
    with pytest.raises(SourceError):
        compile_kql(f'print t = datetime(2024-01-01), id = 1, d = dynamic({{"a": 1}}) | evaluate {call}', NoTables())

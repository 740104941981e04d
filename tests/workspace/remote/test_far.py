"""Remote workspaces against a second huntlake, over TLS, in each of the protocols that it speaks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from huntlake.app import App
from huntlake.core.errors import Invalid, LimitExceeded, NotFound, Refused, Unavailable
from huntlake.kql.types import ScalarType
from huntlake.workspace.query import QueryOptions

from .conftest import DAY, Ask, Far

EVERYWHERE = ("far", "far-lake", "far-logs", "far-defender", "far-graph")

EVERY_TYPE = """print b = true, i = int(-7), l = 9007199254740993, r = 1.5, nan = real(nan), d = decimal(1.25),
    s = "it's", t = datetime(2024-02-29T12:34:56.789123Z), span = time(-1.02:03:04.5678901), g = toguid(
    "74be27de-1e4e-49d9-b579-fe0b331d3642"), y = dynamic({"a": [1, "x", null]}), yt = dynamic("{not json"),
    n = long(null), ns = "", ng = guid(null), ny = dynamic(null), nt = datetime(null), nspan = timespan(null)"""


@pytest.mark.parametrize("workspace", EVERYWHERE)
def test_rows_of_another_lake_are_read_with_their_types(workspace: str, ask: Ask) -> None:
    assert ask(workspace, "Events_CL | where User != 'ann' | project User, Count, Seen | order by Count asc") == [
        ["bob", 2, {"n": 2, "by": ["bob"]}],
        ["cyd", 3_000_000_000, {"n": 3_000_000_000, "by": ["cyd"]}],
    ]


@pytest.mark.parametrize("workspace", EVERYWHERE)
def test_a_value_of_every_type_comes_as_it_is_there(workspace: str, near: App, far: Far) -> None:
    def answered(app: App, name: str) -> tuple[list[tuple[str, ScalarType]], Any]:
        (table,) = app.queries.run(app.workspaces.get(name), EVERY_TYPE, QueryOptions()).tables
        return [(c.name, c.type) for c in table.columns], json.loads(b"".join(table.json_rows()))

    assert answered(near, workspace) == answered(far.app, "abroad")

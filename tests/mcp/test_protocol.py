"""The tools through the protocol's own client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio

from huntlake.app import App
from huntlake.identity.throttle import Throttled
from huntlake.mcp import protocol
from huntlake.mcp.reading import Reader
from huntlake.mcp.services import Caller
from huntlake.mcp.tools import TOOLS
from mcp import Client


def call(lake: App, name: str, arguments: dict[str, Any]) -> Any:
    made = protocol.server(Reader(lake), lambda _: Caller("c", lambda: [lake.workspaces.by_database("soc")]))

    async def ask() -> Any:
        async with Client(made) as client:
            return await client.call_tool(name, arguments)

    return anyio.run(ask)


def test_every_tool_is_listed_as_one_that_only_reads(lake: App) -> None:
    made = protocol.server(Reader(lake), lambda _: Caller("c", list))

    async def ask() -> Any:
        async with Client(made) as client:
            return (await client.list_tools()).tools

    listed = anyio.run(ask)
    assert [t.name for t in listed] == [t.__name__ for t in TOOLS]
    assert all(t.description and t.annotations.read_only_hint for t in listed)
    assert {t.name: t.input_schema.get("required", []) for t in listed}["query_lake"] == ["query"]
    assert not any({"self", "ctx"} & set(t.input_schema["properties"]) for t in listed)


def test_an_answer_is_text_and_structure(lake: App) -> None:
    found = call(lake, "query_lake", {"query": "SigninLogs | count"})
    assert not found.is_error
    assert found.structured_content["rows"] == [[60]]


def test_a_wrong_query_is_an_error_that_the_model_can_read(lake: App) -> None:
    found = call(lake, "query_lake", {"query": "SigninLogs | whree x"})
    assert found.is_error
    assert "Syntax error" in found.content[0].text
    assert "whree" in found.content[0].text


def test_a_refusal_is_said_and_not_raised(lake: App) -> None:
    found = call(lake, "query_lake", {"query": ".drop table SigninLogs"})
    assert found.is_error
    assert "not supported" in found.content[0].text


def test_a_caller_who_may_not_begin_now_reads_when_to_ask_again(lake: App) -> None:
    asked: list[str] = []

    @asynccontextmanager
    async def admitted(caller: str) -> AsyncIterator[None]:
        asked.append(caller)
        if len(asked) > 1:
            raise Throttled("more than 1 query in a minute is not allowed", timedelta(seconds=12.5))
        yield

    made = protocol.server(Reader(lake), lambda _: Caller("c", lambda: [lake.workspaces.by_database("soc")]), admitted)

    async def ask() -> list[Any]:
        async with Client(made) as client:
            return [await client.call_tool("list_sentinel_workspaces", {}) for _ in range(2)]

    first, second = anyio.run(ask)
    assert (first.is_error, second.is_error, asked) == (False, True, ["c", "c"])
    assert "in 13 seconds" in second.content[0].text


def test_the_engine_is_told_whose_query_it_is(lake: App) -> None:
    call(lake, "query_lake", {"query": "SigninLogs | count"})
    assert "c" in lake.analytics.engine._crowd._asked

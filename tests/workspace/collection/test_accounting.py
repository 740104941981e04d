"""Whatever is sent through whatever rule: each record is a row, was left out, or is a dead letter."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from tests.workspace.collection.conftest import STREAM, House, flow

TYPES = ("string", "int", "long", "real", "boolean", "dynamic", "datetime", "guid")
NAMES = ("TimeGenerated", "a", "B", "Level", "c_1", "c0", "time", "why", "user_name", "C1")
STRANGE = (*NAMES, "x y", "é", "select", "_Day", "a'b", 'q"t', "line of the batch", "Type", "AdditionalFields", "", "A")
VALUES = (
    None,
    True,
    "",
    "text",
    "2026-01-01T00:00:00Z",
    "1.5",
    "nan",
    '{"a":1}',
    "\0\ud7ff\n",
    -1e300,
    2**63,
    -(2**70),
)
MADE = (
    "tostring({0})",
    "toint({0})",
    "todouble({0})",
    "todatetime({0})",
    "totimespan({0})",
    "toguid({0})",
    "tobool({0})",
    "parse_json(tostring({0}))",
    "strcat({0}, '/')",
    "pack('k', {0})",
)


def value(chance: random.Random, depth: int = 0) -> Any:
    if depth < 3 and chance.random() < 0.2:
        return [value(chance, depth + 1) for _ in range(chance.randrange(3))]
    if depth < 3 and chance.random() < 0.2:
        return record(chance, depth + 1)
    return chance.choice(VALUES) if chance.random() < 0.8 else chance.randrange(-1000, 1000)


def record(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    return {chance.choice(STRANGE): value(chance, depth) for _ in range(chance.randrange(5))}


def transformation(chance: random.Random, columns: Mapping[str, str]) -> str:
    one, other = chance.choice(list(columns)), chance.choice(list(columns))
    made = chance.choice(MADE).format(one)
    return chance.choice(
        (
            f"source | where isnotempty(tostring({one})) | extend N = {made}, TimeGenerated = now()",
            f"source | project TimeGenerated = todatetime(tostring({one})), V = {made}, W = {other}",
            f"source | extend Q = {made} | project TimeGenerated = todatetime(tostring(Q)), Q",
        )
    )


@pytest.mark.parametrize("seed", range(20))
def test_every_record_is_accounted_for(house: House, seed: int) -> None:
    chance = random.Random(seed)
    columns = {n: chance.choice(TYPES) for n in chance.sample(NAMES, chance.randrange(1, 6))}
    columns["TimeGenerated"] = columns.get("TimeGenerated") if chance.random() < 0.5 else "datetime"  # type: ignore[assignment]
    columns = {n: t or "datetime" for n, t in columns.items()}
    straight = columns["TimeGenerated"] == "datetime" and seed % 2 == 0
    house.put(flow("source" if straight else transformation(chance, columns)), columns=columns)
    records = [record(chance) if chance.random() < 0.9 else value(chance) for _ in range(12)]
    sent = house.send(*records)
    counts = sent.counts
    assert counts.received == 12 == counts.stored + counts.dropped + counts.rejected
    letters = house.letters()
    ((rows,),) = house.ask("Events_CL | count")
    assert rows + len(letters) == 12 - counts.dropped
    assert {line for line, _, _, _ in letters} <= set(range(1, 13))


def test_a_lines_end_in_json_that_a_record_holds_neither_splits_its_row_nor_makes_another(house: House) -> None:
    house.put(flow("source | extend Extra = parse_json(User)"))
    texts = ['{"a":1,\n"b":2}', '{"a":\r\n{"User":"made up","Level":7}\n}', "[1,\r2]", '1}\n{"User":"made up"}\n{"a":1']
    sent = house.send(*({"User": text, "Level": n} for n, text in enumerate(texts)))
    assert (sent.counts.stored, sent.counts.rejected) == (4, 0)
    assert house.letters() == []
    values: list[Any] = [{"a": 1, "b": 2}, {"a": {"User": "made up", "Level": 7}}, [1, 2], texts[3]]
    rows = [[n, text, value] for n, (text, value) in enumerate(zip(texts, values, strict=True))]
    assert house.ask("Events_CL | project Level, User, Extra | sort by Level asc") == rows


def test_records_that_pass_and_records_that_are_transformed_become_the_same_rows(house: House) -> None:
    chance = random.Random(5)
    columns = {n: t for n, t in zip(NAMES[1:], TYPES, strict=False) if n != "time"} | {"TimeGenerated": "datetime"}
    house.put(flow(), flow("source | extend Same = 1", "Custom-Made_CL"), columns=columns)
    house.send(*[record(chance) for _ in range(60)])
    house.analytics.streams.flush()
    order = ", ".join(f"tostring({n})" for n in sorted(columns))
    shown = f"project {', '.join(sorted(columns))} | order by {order}"
    passed, made = (house.ask(f"{table} | {shown}") for table in ("Events_CL", "Made_CL"))
    assert len(passed) > 20
    assert json.dumps(passed) == json.dumps(made)
    assert [row[:2] + row[3:] for row in house.letters() if row[2] == "Events_CL"]
    assert STREAM in str(house.ask("HuntlakeDeadLetters | take 1"))

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from huntlake.core.diagnostics import SourceError
from huntlake.kql.functions import FUNCTIONS
from huntlake.kql.transformations import FUNCTIONS_ALLOWED, KEY, SYMBOLS_ALLOWED, compile_transformation
from huntlake.kql.types import Column, ScalarType

COLUMNS = (
    Column("TimeGenerated", ScalarType.DATETIME),
    Column("Message", ScalarType.STRING),
    Column("Bag", ScalarType.DYNAMIC),
)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def columns_of(text: str) -> dict[str, str]:
    return {c.name: str(c.type) for c in compile_transformation(text, COLUMNS, NOON).columns}


def complaint(text: str) -> str:
    with pytest.raises(SourceError) as caught:
        compile_transformation(text, COLUMNS, NOON)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "source",
        "source | where Message has 'x' and not(isempty(Message)) | extend n = strlen(Message) - 1",
        "source | project TimeGenerated, a = tostring(Bag.a), b = toint(Bag['b'])",
        "source | project-away Mess* | project-rename Properties = Bag",
        "source | parse Message with user ' ' code:long *",
        "let shout = (t: string) { toupper(t) }; let S = source | project Message; S | extend loud = shout(Message)",
        "source | extend day = startofday(now()), old = ago(1d) > TimeGenerated, s = iff(Message in ('a', 'b'), 1, 2)",
        "source | extend c = columnifexists('Nothing', 'else'), e = base64_encodestring(Message), p = pack('a', 1)",
    ],
)
def test_what_azure_allows_keeps_the_key_of_each_record(text: str) -> None:
    assert columns_of(text)[KEY] == "long"


def test_the_columns_of_the_result_have_their_types() -> None:
    assert columns_of("source | project TimeGenerated, n = tolong(Bag.n)") == {
        "TimeGenerated": "datetime",
        "n": "long",
        KEY: "long",
    }


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("source | summarize count()", "`summarize`"),
        ("source | mv-expand Bag", "`mv-expand`"),
        ("source | join (source) on Message", "`join`"),
        ("source | parse-where Message with a", "`parse-where`"),
        ("source | project-keep Message", "`project-keep`"),
        ("source | take 1", "`take`"),
        ("source | distinct Message", "`distinct`"),
        ("source | evaluate bag_unpack(Bag)", "`evaluate`"),
        ("print x = 1", "`print`"),
        ("datatable (a: long) [1]", "`datatable`"),
        ("union source, source", "`union`"),
        ("source | extend x = coalesce(Message, 'x')", "`coalesce()`"),
        ("source | extend x = toscalar(source)", "`toscalar()`"),
        ("source | extend x = dynamic([1])", "a literal of the type `dynamic`"),
        ("source | where Message in~ ('a')", "`in~`"),
        ("source | where Message has_any ('a')", "`has_any`"),
        ("source | where * has 'a'", "`*`"),
        ("source | project *", "`*`"),
        ("source | project-away *", "`*`"),
        ("source | project-away **", "to take away every column"),
        ("source | project [' '] = 1", "a column whose name is a blank"),
        ("source | extend x = [' ']", "a column whose name is a blank"),
        ("set notruncation; source", "this statement"),
        ("declare query_parameters(a: long = 1); source", "this statement"),
        ("source; source", "a second table"),
        ("let f = (T: (a: long)) { T }; source", "a function that takes a table"),
        ("workspace('other').SigninLogs | where true", "`workspace()`"),
        ("table('SigninLogs') | where true", "`table()`"),
        ("source | parse Message with " + " ',' ".join(f"c{i}" for i in range(11)), "`parse` of more than 10 columns"),
    ],
)
def test_what_azure_does_not_allow_is_refused_by_name(text: str, refused: str) -> None:
    assert f"{refused} is not supported in a transformation" in complaint(text)


def test_the_name_that_azure_has_for_a_function_is_told() -> None:
    assert "`replace()` is" in complaint("source | extend x = replace_string(Message, 'a', 'b')")


def test_every_mistake_is_told_at_once() -> None:
    told = complaint("source | extend x = coalesce(Message, 'x'), y = bag_keys(Bag) | count")
    assert all(word in told for word in ("coalesce", "bag_keys", "count"))


def test_no_table_of_the_workspace_can_be_read() -> None:
    assert "`SigninLogs`" in complaint("SigninLogs | where true")


def test_all_that_is_allowed_is_there() -> None:
    bound_otherwise = {"ago", "case", "columnifexists", "now", "gettype"}
    assert not (FUNCTIONS_ALLOWED | SYMBOLS_ALLOWED) - FUNCTIONS.keys() - bound_otherwise

from __future__ import annotations

import time
from typing import Any

import jsonschema
import pytest
from tests.wdl.world import Ran

from huntlake.wdl.actions.patterns import Unmatched, matching
from huntlake.wdl.actions.schemas import SchemaRefused, complaints

TREE = {"definitions": {"a/b": {"type": "integer"}}, "items": {"$ref": "#/definitions/a~1b"}}


@pytest.mark.parametrize(
    ("schema", "value", "told"),
    [
        ({"pattern": "^[A-Z]{2}[0-9]+$"}, "de12", "$: the text doesn't match the pattern `^[A-Z]{2}[0-9]+$`"),
        ({"patternProperties": {"^x-": {"type": "string"}}}, {"x-a": 1}, "$.x-a: expected string but got integer"),
        (
            {"patternProperties": {"^x-": {}}, "additionalProperties": False},
            {"x-a": 1, "y": 2},
            "$: the property `y` is not allowed",
        ),
        ({"items": [{}], "additionalItems": False}, [1, 2], "$[1]: nothing may stand here"),
        ({"items": [{}], "additionalItems": {"type": "string"}}, [1, 2], "$[1]: expected string but got integer"),
        ({"properties": {"a": False}}, {"a": 1}, "$.a: nothing may stand here"),
        ({"contains": {"type": "string"}}, [1], "$: 0 elements of `contains` is less than 1"),
        ({"propertyNames": {"pattern": "^a"}}, {"b": 1}, "$: `b` doesn't fit the schema of `propertyNames`"),
        ({"dependencies": {"a": ["b"]}}, {"a": 1}, "$: the property `b` is missing, which `a` needs"),
        ({"dependencies": {"a": {"minProperties": 2}}}, {"a": 1}, "$: 1 properties is less than 2"),
        (
            {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
            {"a": 1},
            "$: the required property `b` is missing",
        ),
        ({"if": {"required": ["a"]}, "else": {"required": ["b"]}}, {}, "$: the required property `b` is missing"),
        (TREE, [1, "x"], "$[1]: expected integer but got string"),
    ],
)
def test_keywords_of_schemas_are_held_against_values_as_their_reference_says(
    schema: dict[str, Any], value: Any, told: str
) -> None:
    assert complaints(value, schema) == [told]
    assert list(jsonschema.Draft7Validator(schema).iter_errors(value))


@pytest.mark.parametrize(
    ("format", "good", "bad"),
    [
        ("date-time", "2026-03-04T05:06:07.1234567Z", "2026-03-04 05:06:07"),
        ("date-time", "2026-03-04T05:06:07+01:00", "2026-02-30T05:06:07Z"),
        ("date", "2026-03-04", "4.3.2026"),
        ("email", "a.b+c@d.example", "a.b at d.example"),
        ("ipv4", "10.0.0.255", "10.0.0.256"),
        ("ipv6", "2001:db8::1", "2001:db8"),
        ("uri", "https://a.example/x?y=%20#z", "/x y"),
        ("hostname", "a-b.example", "-a.example"),
        ("time", "14:05:06.5Z", "24:05:06"),
        ("time", "05:06:07", "5 o'clock"),
        ("of our own", "", None),
    ],
)
def test_a_text_that_has_not_the_schemas_format_is_refused(format: str, good: str, bad: str | None) -> None:
    assert complaints(good, {"format": format}) == []
    assert bad is None or complaints(bad, {"format": format}) == [f"$: the text is not of the format `{format}`"]


def test_a_property_that_says_itself_that_it_is_required_is_required() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "required": True}}}
    assert complaints({}, schema) == ["$: the required property `a` is missing"]


@pytest.mark.parametrize(
    ("pattern", "fits", "not_"),
    [
        (r"^\d+$", ["12", "٣", "1\n"], ["a1", "1\n\n"]),
        (r"^\w+$", ["Größe_1"], ["a b"]),
        (r"^[\w.-]+@[^\s@]+$", ["a.b-c@d"], ["a b@c"]),
        (r"^[^\S]$", ["\x0b", "\u3000"], ["x"]),
        (r"\u00e9$", ["café"], ["cafe"]),
        (r"^(?<a>x)(?'b'y)(?i:Z)\/$", ["xyz/"], ["xyz"]),
        (r"^{a}$", ["{a}"], ["a"]),
        (r"^[[]]$", ["[]"], ["]"]),
        (r"\bx\b", ["a x"], ["ax"]),
        (r"^[\b]\Z", ["\x08\n"], ["b"]),
        (r"^\p{Lu}\D$", ["Ä."], ["ä."]),
    ],
)
def test_patterns_mean_what_they_mean_in_dotnet(pattern: str, fits: list[str], not_: list[str]) -> None:
    assert matching(pattern, [*fits, *not_]) == frozenset(fits)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"^(?!a)", "looking ahead, `(?!`, is not supported"),
        (r"(?<=a)b", "looking behind, `(?<=`, is not supported"),
        (r"(a)\1", r"a reference to a group, `\1`, is not supported"),
        (r"(?>a)", "a group that never goes back, `(?>`, is not supported"),
        (r"[a-z-[aeiou]]", "taking a class away from another, `-[`, is not supported"),
        (r"(?m)^a", "`(?m)` is not supported"),
        (r"\Qa", r"`\Q` is not supported"),
        (r"a++", "bad repetition operator: ++: not supported"),
        (r"a{2000}", "invalid repetition size: {2000}: not supported"),
        ("[a", "it ends in the middle"),
        ("(a", "missing ): (a: not supported"),
        (r"\bx", r"`\b` beside letters beyond ASCII, as in 'ä', is not supported"),
    ],
)
def test_patterns_that_cannot_be_told_are_refused_by_name(pattern: str, why: str) -> None:
    with pytest.raises(Unmatched) as refused:
        matching(pattern, ["ä"])
    assert str(refused.value) == why
    parse = {"type": "ParseJson", "inputs": {"content": "@triggerBody()", "schema": {"pattern": pattern}}}
    record = Ran({"P": parse}, body='"ä"').record("P")
    assert (record.code, record.message) == ("NotSupported", f"the pattern `{pattern}` can't be told: {why}")


@pytest.mark.parametrize("pattern", [r"^(a+)+$", r"^(a|a)*$", r"^(\w+\s?)*$", r"(x+x+)+y", r"(.*)*,(.*)*,(.*)*;"])
def test_no_pattern_costs_more_than_time_in_step_with_its_text(pattern: str) -> None:
    began = time.monotonic()
    assert complaints(["a" * 50_000 + "!", "x" * 50_000 + "!"], {"items": {"pattern": pattern}})
    assert time.monotonic() - began < 5


def test_a_pattern_of_many_steps_over_much_text_is_refused() -> None:
    with pytest.raises(SchemaRefused, match="it would take too long over so much text"):
        complaints("a" * 100_000, {"pattern": r"(?i)(\w{20}){40}\d"})


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, "nests, or refers to itself, more than 100 deep"),
        (
            {
                f"d{n}": {"allOf": [{"$ref": f"#/d{n + 1}"}, {"$ref": f"#/d{n + 1}"}]} for n in range(30)
            } | {"d30": {}, "$ref": "#/d0"},
            "takes so long over this value",
        ),
        ({"$ref": "https://a.example/schema"}, "a `$ref` to another schema, `https://a.example/schema`"),
        ({"$ref": "#/definitions/a"}, "the schema has nothing at its `$ref` `#/definitions/a`"),
    ],
)  # fmt: skip
def test_a_schema_that_would_take_for_ever_or_leads_nowhere_is_refused(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(SchemaRefused) as refused:
        complaints({}, schema)
    assert why in str(refused.value)

"""What made-up values must be like, so that a workflow can work with them; what it can already work with stays."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from huntlake.playbooks.connectors.plausible import MOMENT, SUBSCRIPTION, plausible
from huntlake.wdl.dotnet import timestamps
from huntlake.wdl.expressions.values import Fault, found, text

RESOURCE = f"{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines/host1"
"""What stands for a text that is taken apart as the id of a resource."""
Fit = Callable[[Any], Any]
"""Makes of a made-up value one that the workflow can work with; what it can already work with stays."""


def a_list(value: Any) -> Any:
    if (inner := inner_of(value)) is not None:
        return value if isinstance(inner, list) else json.dumps([inner])
    return value if isinstance(value, list) else [value]


def a_text(value: Any) -> Any:
    """A text in place of a number; a list or an object is one that the workflow reads more of."""
    return value if isinstance(value, str | list | dict) else text(value)


def inner_of(value: Any) -> Any:
    """What JSON within a text holds that is an object or a list; None of anything else."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(value)
    except ValueError:
        return None


def objects(value: Any) -> Any:
    return [one if isinstance(one, dict) else {"name": one} for one in a_list(value)]


def an_object(value: Any) -> Any:
    # What is read by way of `json` is a text.
    return value if isinstance(value, dict) or isinstance(inner_of(value), dict) else {"name": value}


def xml(value: Any) -> Any:
    """An object with one root, which has a form in XML; a text that may be XML stays."""
    inner = value if isinstance(value, dict) else inner_of(value)
    if not isinstance(inner, dict):
        return value if isinstance(value, str) and value.lstrip().startswith("<") else {"name": value}
    return inner if len(inner) == 1 else {"root": inner}


def integer(value: Any) -> Any:
    fitting = isinstance(value, int | float) or (isinstance(value, str) and value.strip().lstrip("-").isdecimal())
    return value if fitting else 1


def json_text(value: Any) -> Any:
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return json.dumps({})
        return value
    return json.dumps(value)


def parsable(value: Any) -> Any:
    """A text that isn't JSON is JSON; everything else is it already."""
    return json_text(value) if isinstance(value, str) else {} if value is None else value


def shown(value: Any) -> Any:
    """A text: whatever is read of it is read as JSON."""
    return json.dumps(value) if isinstance(value, dict | list) else value


def base64_text(value: Any) -> Any:
    try:
        base64.b64decode(value, validate=True)
    except (ValueError, TypeError):
        return base64.b64encode(text(value).encode()).decode()
    return value


def parts_by(mark: str, least: int) -> Fit:
    """A text that a mark parts into so many parts."""

    def fit(value: Any) -> Any:
        if isinstance(value, list | dict):
            return value
        shown = text(value)
        if not mark or len(shown.split(mark)) >= least:
            return value
        if mark == "/":
            return RESOURCE if least <= RESOURCE.count("/") + 1 else RESOURCE + "/part" * least
        return mark.join([shown, *(f"part{n}" for n in range(1, least))])

    return fit


def long(least: int) -> Fit:
    """A text of so many characters."""

    def fit(value: Any) -> Any:
        if isinstance(value, list | dict):
            return value
        shown = text(value)
        if len(shown) >= least:
            return value
        return RESOURCE if len(RESOURCE) >= least else shown.ljust(least, "x")

    return fit


def holding(part: str) -> Fit:
    """A text that another stands in."""

    def fit(value: Any) -> Any:
        if isinstance(value, list | dict) or part in text(value):
            return value
        return f"{text(value)}{part}example"

    return fit


def same(wanted: Any) -> Fit:
    """That text in place of another, or of nothing."""
    return lambda value: wanted if value is None or isinstance(value, str) else value


def a_number(value: Any) -> Any:
    return value if isinstance(value, int | float) else 1


def moment(value: Any) -> Any:
    if isinstance(value, list | dict):
        return value
    try:
        timestamps.read(text(value))
    except Fault:
        return MOMENT
    return value


def truth(value: Any) -> Any:
    return value if isinstance(value, bool) else True


def as_it_is(value: Any) -> Any:
    return value


TYPED: Mapping[str, Fit] = {
    "array": a_list,
    "boolean": truth,
    "float": a_number,
    "integer": a_number,
    "object": an_object,
}
"""By the type of a variable in lower case, what it can hold."""


def one_of(cases: list[Any]) -> Fit:
    return lambda value: value if value in cases else cases[0]


def counted(value: Any) -> Any:
    # A workflow that counts the keys of an object can't be helped; nothing that is known is an empty list as well.
    return value if isinstance(value, str | list) or (isinstance(value, dict) and value) else [value] if value else []


def at(value: Any, steps: tuple[str, ...], fit: Fit) -> Any:
    """The value with what the steps lead to made fit; what they don't lead to is as it was."""
    if not steps:
        return fit(value)
    if isinstance(value, list) and steps[0] == "[]":
        return [at(one, steps[1:], fit) for one in value]
    if isinstance(value, dict) and (key := found(value, steps[0])) is not None:
        return {**value, key: at(value[key], steps[1:], fit)}
    if (inner := inner_of(value)) is not None:
        return json.dumps(at(inner, steps, fit))
    return value


def exactly(wanted: Any) -> Fit:
    """That value in place of any other."""
    return lambda value: wanted


def other_than(unwanted: Any) -> Fit:
    """Another value in place of that one."""

    def fit(value: Any) -> Any:
        if value != unwanted or isinstance(unwanted, bool):
            return not unwanted if isinstance(unwanted, bool) else value
        return unwanted + 1 if isinstance(unwanted, int | float) else f"other than {text(unwanted)}"

    return fit


def containing(part: Any) -> Fit:
    """A list with that element, or a text that has it somewhere."""

    def fit(value: Any) -> Any:
        if isinstance(value, list):
            return value if part in value else [*value, part]
        return holding(part)(value) if isinstance(part, str) else value

    return fit


def between(begin: str, end: str) -> Fit:
    """A text that begins and ends so."""

    def fit(value: Any) -> Any:
        shown = "" if isinstance(value, list | dict) else text(value)
        shown = shown if shown.lower().startswith(begin.lower()) else f"{begin}{shown}"
        return shown if shown.lower().endswith(end.lower()) else f"{shown}{end}"

    return fit


def element(number: int, fits: Sequence[tuple[tuple[str, ...], Fit]]) -> Fit:
    """A list whose element of that number, from 0, has at each place what is wanted of it."""

    def fit(value: Any) -> Any:
        if not isinstance(value, list) or not value:
            return value
        made = value + value[-1:] * (number + 1 - len(value))
        for steps, wanted in fits:
            made[number] = at(made[number], steps, wanted)
        return made

    return fit


def address(value: Any) -> Any:
    """An absolute URI."""
    return value if isinstance(value, str) and "://" in value else "https://site1.example/path/item?page=1"


def data_uri(value: Any) -> Any:
    """A data URI."""
    known = isinstance(value, str) and value.startswith("data:")
    return value if known else f"data:text/plain;base64,{base64_text(text(value))}"


def form(key: str) -> Fit:
    """A form that has a value for that key."""

    def fit(value: Any) -> Any:
        held = value.get("$formdata") if isinstance(value, dict) else None
        entries = [*(e for e in held or () if e["key"] != key), {"key": key, "value": text(plausible(key))}]
        return {"$content-type": "application/x-www-form-urlencoded", "$formdata": entries}

    return fit


def in_parts(index: int) -> Fit:
    """A body in several parts, that one among them."""

    def fit(value: Any) -> Any:
        held = value.get("$multipart") if isinstance(value, dict) else None
        parts = list(held or ())
        parts += [{"headers": {"Content-Type": "text/plain"}, "body": "text"} for _ in range(index + 1 - len(parts))]
        return {"$content-type": "multipart/form-data; boundary=x", "$multipart": parts}

    return fit

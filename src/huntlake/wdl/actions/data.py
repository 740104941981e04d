"""Actions on data."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from huntlake.wdl.actions.local import ActionFailed, Given, Means
from huntlake.wdl.actions.schemas import SchemaRefused, complaints
from huntlake.wdl.definition.workflow import Action
from huntlake.wdl.expressions.values import content_type, found, json_text, kind, text


def compose(action: Action, means: Means) -> Given:
    """Its outputs are its inputs."""
    value = means.evaluator.value(action.inputs)
    return Given(value, value)


def parse_json(action: Action, means: Means) -> Given:
    """The value of JSON text, held against a schema; what is no text is taken as it is."""
    inputs = _inputs(action, means)
    value = inputs.get("content")
    if value is None:
        raise ActionFailed("InvalidTemplate", "`content` must have a value, and is null", inputs)
    if isinstance(value, str) or content_type(value) is not None:
        value = means.evaluator.call("json", [value])
    outputs = {"body": value}
    try:
        wrong = complaints(value, inputs.get("schema"))
    except SchemaRefused as error:
        raise ActionFailed("NotSupported", str(error), inputs, outputs) from None
    if wrong:
        raise ActionFailed("BadRequest", f"JSON validation failed: {'; '.join(wrong[:5])}", inputs, outputs)
    return Given(inputs, outputs)


def query(action: Action, means: Means) -> Given:
    """The elements of an array for which `where` is true."""
    source, shown = _source(action, means)
    where = _part(action.inputs, "where")
    kept = []
    for element in source:
        truth = means.over(element).value(where)
        if not isinstance(truth, bool):
            raise ActionFailed("InvalidTemplate", f"`where` must be a boolean, not {kind(truth)}", shown)
        if truth:
            kept.append(element)
    return Given(shown, {"body": kept})


def select(action: Action, means: Means) -> Given:
    """An array of what `select` makes of each element."""
    source, shown = _source(action, means)
    wanted = _part(action.inputs, "select")
    return Given(shown, {"body": [means.over(e).value(wanted) for e in source]})


def join(action: Action, means: Means) -> Given:
    """The elements as one text, with `joinWith` between them."""
    source, _ = _source(action, means)
    delimiter = means.evaluator.value(_part(action.inputs, "joinWith"))
    return Given({"from": source, "joinWith": delimiter}, {"body": means.evaluator.call("join", [source, delimiter])})


def expression(action: Action, means: Means) -> Given:
    """A time: the present one, or one that is moved or shown in another zone."""
    inputs = _inputs(action, means) if action.inputs is not None else {}
    kind = action.kind.lower()
    if kind not in _KINDS:
        raise ActionFailed("BadRequest", f"an Expression of the kind `{action.kind}` is not supported", inputs)
    function, *names = _KINDS[kind]
    if missing := [n for n in names if inputs.get(n) is None]:
        raise ActionFailed("InvalidTemplate", f"`{missing[0]}` is missing", inputs)
    arguments = [_whole(inputs[n]) if n == "interval" else inputs[n] for n in names]
    if inputs.get("formatString"):
        arguments.append(inputs["formatString"])
    return Given(inputs, {"body": means.evaluator.call(function, arguments)})


_KINDS = {
    "currenttime": ("utcNow",),
    "converttimezone": ("convertTimeZone", "baseTime", "sourceTimeZone", "destinationTimeZone"),
    "addtotime": ("addToTime", "baseTime", "interval", "timeUnit"),
    "subtractfromtime": ("subtractFromTime", "baseTime", "interval", "timeUnit"),
    "getpasttime": ("getPastTime", "interval", "timeUnit"),
    "getfuturetime": ("getFutureTime", "interval", "timeUnit"),
}


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", value) else value


def table(action: Action, means: Means) -> Given:
    """A table of the elements, in HTML or CSV."""
    source, _ = _source(action, means)
    format = text(means.evaluator.value(_part(action.inputs, "format"))).upper()
    columns = found(action.inputs, "columns")
    shown = {"from": source, "format": format}
    if format not in ("HTML", "CSV"):
        raise ActionFailed("BadRequest", f"a table in `{format}` is not supported", shown)
    if columns is not None and action.inputs[columns]:
        listed = action.inputs[columns]
        if not isinstance(listed, list) or not all(isinstance(c, Mapping) for c in listed):
            raise ActionFailed("InvalidTemplate", "`columns` must be a list of columns", shown)
        header = [text(means.evaluator.value(c.get("header"))) for c in listed]
        rows = [[_cell(means.over(e).value(c.get("value"))) for c in listed] for e in source]
    else:
        if not all(isinstance(e, dict) for e in source):
            raise ActionFailed("BadRequest", "a table without columns takes objects only", shown)
        header = list(source[0]) if source else []
        rows = [[_cell(e.get(h)) for h in header] for e in source]
    body = _html(header, rows) if format == "HTML" else _csv(header, rows)
    return Given(shown, {"body": body})


def _cell(value: Any) -> str:
    return json_text(value) if isinstance(value, dict | list) else text(value)


def _html(header: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{html.escape(h)}</th>" for h in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in r) + "</tr>" for r in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _csv(header: list[str], rows: list[list[str]]) -> str:
    return "".join(",".join(map(_quoted, r)) + "\r\n" for r in [header, *rows])


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(c in cell for c in '",\r\n') else cell


def _inputs(action: Action, means: Means) -> dict[str, Any]:
    inputs = means.evaluator.value(action.inputs)
    if not isinstance(inputs, dict):
        raise ActionFailed("InvalidTemplate", f"the inputs must be an object, not {kind(inputs)}", inputs)
    return inputs


def _part(inputs: Any, name: str) -> Any:
    key = found(inputs, name) if isinstance(inputs, dict) else None
    if key is None:
        raise ActionFailed("InvalidTemplate", f"`{name}` is missing")
    return inputs[key]


def _source(action: Action, means: Means) -> tuple[list[Any], dict[str, Any]]:
    source = means.evaluator.value(_part(action.inputs, "from"))
    if not isinstance(source, list):
        raise ActionFailed("BadRequest", f"`from` must be an array, not {kind(source)}", {"from": source})
    return source, {"from": source}

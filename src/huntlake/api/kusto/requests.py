"""What a client asks: a text, a database, and properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from huntlake.api.kusto.options import RequestOptions, parse_options
from huntlake.core.errors import Invalid


@dataclass(frozen=True)
class KustoRequest:
    """A query or a command. `parameters` are values, or KQL literals as text; `database` may be empty."""

    text: str
    database: str
    options: RequestOptions
    parameters: Mapping[str, Any]

    @property
    def is_command(self) -> bool:
        """Whether the text is a control command, which begins with a dot."""
        return self.text.startswith(".")


def parse_body(body: bytes) -> KustoRequest:
    """The request in a JSON body, whatever its content type was said to be; `Invalid` names what is wrong."""
    try:
        # Some clients put a byte order mark before the JSON.
        given = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise Invalid(f"the body is not JSON: {error}") from None
    return parse_request(given)


def parse_request(given: object) -> KustoRequest:
    """The request in a JSON object `{"csl": …, "db": …, "properties": …}`."""
    if not isinstance(given, dict):
        raise Invalid('the body is not a JSON object; it looks like {"csl": "T | take 10", "db": "name-id"}')
    text, database = given.get("csl"), given.get("db")
    if not isinstance(text, str) or not text.strip():
        raise Invalid("the body has no `csl`, the text of a query")
    if database is not None and not isinstance(database, str):
        raise Invalid("`db`, the name of a database, is not a text")
    # Names have been seen in both cases, and a limit that is overlooked would be a wrong answer.
    properties = {name.lower(): value for name, value in _object("properties", given.get("properties")).items()}
    parameters = _object("Parameters", properties.get("parameters"))
    options = parse_options(_object("Options", properties.get("options")))
    return KustoRequest(_without_comments(text), database or "", options, parameters)


def _object(name: str, value: object) -> dict[str, Any]:
    """A JSON object, or the text of one: some clients encode it twice."""
    if isinstance(value, str) and value.strip():
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise Invalid(f"`{name}` is a text that is not JSON: {error}") from None
    if value in (None, ""):
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"`{name}` is not a JSON object")
    return value


def _without_comments(text: str) -> str:
    """A command without the comments before it; a query as it is, for errors point into it."""
    lines = text.split("\n")
    while lines and (not lines[0].strip() or lines[0].lstrip().startswith("//")):
        lines.pop(0)
    command = "\n".join(lines).strip()
    return command if command.startswith(".") else text

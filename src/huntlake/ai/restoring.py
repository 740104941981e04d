"""Names put back into KQL: each where it stands becomes a literal or a name of the language, and never more than that.

A name of this place may hold quotes and bars: whoever chose it must not choose what a query does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from huntlake.ai.own import TOKEN
from huntlake.core.diagnostics import Source, SourceError
from huntlake.kql.syntax.commands import quoted_name, quoted_text
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.literals import whole
from huntlake.kql.syntax.tokens import TokenKind

KQL = "kql"
"""The `format` of a text in a schema that is a query."""


def restored(value: Any, schema: Mapping[str, Any], show: Callable[[str], str]) -> Any:
    """A value that meets the schema, with what its tokens stand for."""
    match value:
        case str():
            return restored_query(value, show) if schema.get("format") == KQL else show(value)
        case list():
            return [restored(one, schema.get("items", {}), show) for one in value]
        case dict():
            fields = schema.get("properties", {})
            return {name: restored(one, fields.get(name, {}), show) for name, one in value.items()}
    return value


def restored_query(text: str, show: Callable[[str], str]) -> str:
    """A query with what its tokens stand for. A text that can't be read stays as it is, and so does a comment."""
    if not TOKEN.search(text):
        return text
    try:
        tokens = tokenize(Source(text))
    except SourceError:
        return text
    pieces, at = [], 0
    for token in tokens:
        said = text[token.start : token.end]
        if not TOKEN.search(said):
            continue
        if token.kind is TokenKind.STRING and isinstance(token.value, str):
            meant = show(token.value)
            made = said if meant == token.value else quoted_text(str(whole(meant)))
        elif token.kind is TokenKind.NAME:
            meant = show(said)
            made = said if meant == said else quoted_name(meant)
        else:
            continue
        pieces += [text[at : token.start], made]
        at = token.end
    return "".join([*pieces, text[at:]])

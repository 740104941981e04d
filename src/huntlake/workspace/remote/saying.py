"""What can be said only to some endpoints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from huntlake.core.diagnostics import Source
from huntlake.core.errors import Invalid
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.tokens import TokenKind
from huntlake.workspace.remote.asking import Asked
from huntlake.workspace.remote.kusto import instant

_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
_CLOCK = ("now", "ago")


def timespan(asked: Asked) -> str | None:
    """The bounds on time as Log Analytics and Graph take them, `start/end`; None where there are none."""
    if asked.since is None and asked.until is None:
        return None
    if asked.time_column != "TimeGenerated":
        raise Invalid(f"a bound on the time in `{asked.time_column}` is not supported by this kind of remote workspace")
    return f"{instant(asked.since or _FIRST)}/{instant(asked.until or _LAST)}"


def refuse_parameters(asked: Asked) -> None:
    """Refuse values of `declare query_parameters`."""
    if asked.parameters:
        names = ", ".join(f"`{name}`" for name in asked.parameters)
        raise Invalid(f"query parameters ({names}) are not supported by this kind of remote workspace")


def at_its_time(asked: Asked) -> str:
    """The text, in which `now()` and `ago(…)` say what they said at the moment `asked.now`.

    These endpoints know no such moment, so that it has to stand in the text.
    """
    text, now = asked.text, asked.now
    if now is None:
        return text
    tokens = list(tokenize(Source(text)))
    moment = f"datetime({instant(now)})"
    pieces: list[str] = []
    written = 0
    depth, closing = 0, list[int]()
    for i, token in enumerate(tokens):
        if token.kind is TokenKind.PUNCTUATION and token.text in "([{":
            depth += 1
        elif token.kind is TokenKind.PUNCTUATION and token.text in ")]}":
            if closing and closing[-1] == depth:
                closing.pop()
                pieces += [text[written : token.end], ")"]
                written = token.end
            depth -= 1
        if token.kind is not TokenKind.NAME or token.text not in _CLOCK:
            continue
        if i + 1 >= len(tokens) or tokens[i + 1].text != "(" or (i and tokens[i - 1].text == "."):
            # A column may have such a name. What is neither is nothing that we can put another time into.
            continue
        if i and tokens[i - 1].text == "let":
            raise Invalid(f"a function named `{token.text}` is not supported by this kind of remote workspace")
        if token.text == "now" and i + 2 < len(tokens) and tokens[i + 2].text == ")":
            pieces += [text[written : token.start], moment]
            written = tokens[i + 2].end
            tokens[i + 1] = tokens[i + 1]._replace(kind=TokenKind.END)
            tokens[i + 2] = tokens[i + 2]._replace(kind=TokenKind.END)
            continue
        pieces += [text[written : token.start], f"({moment} {'+' if token.text == 'now' else '-'} "]
        written = token.end
        closing.append(depth + 1)
    pieces.append(text[written:])
    return "".join(pieces)


def whole_seconds(span: timedelta, most: int) -> int:
    """A span in seconds, of which the endpoint takes so many at most."""
    return max(1, min(most, int(span.total_seconds())))

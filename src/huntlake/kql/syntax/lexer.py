"""Source text to tokens."""

from __future__ import annotations

import re
from typing import NoReturn

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span
from huntlake.kql.syntax import literals
from huntlake.kql.syntax.tokens import Token, TokenKind

_BETWEEN = r"(?: [\s\u200b\u200c\u200d\ufeff\u2060] | //[^\n]* )*+"
_TOKEN = re.compile(
    _BETWEEN
    + r"""(?:
      (?P<typed>    (?: datetime|date|timespan|time|guid|uuid|uniqueid|long|int64|int32|int|real|double|decimal
                      |bool|boolean )
                    [ \t]* \( (?= \s* (?: [-+]?[\d.] | null\b | true\b | false\b | ['"][^'"\n]*['"]\s*\)
                                        | [-+]?(?:nan|inf)\b
                                        | [0-9a-fA-F]+- | \{ | [A-Za-z]{3},?[ ]\d | [A-Za-z]{3,9}[ ]\d | \) | \- ) ) )
    | (?P<string>   [hH]? (?: @"(?:[^"]|"")*" | @'(?:[^']|'')*' | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'
                            | ```.*?``` | ~~~.*?~~~ ) )
    | (?P<timespan> \d+(?:\.\d+)? (?: milliseconds?|millisec|millis|microseconds?|microsec|micros?
                                     |nanoseconds?|nanosec|nanos?|ticks?
                                     |days?|hours?|hrs?|minutes?|min|seconds?|sec|ms|d|h|m|s ) \b )
    | (?P<real>     \d+\.\d+(?:[eE][+-]?\d+)? \b | \d+[eE][+-]?\d+ \b | \d+\.(?![.\w]) )
    | (?P<long>     0[xX][0-9a-fA-F]+ \b | \d+ (?![\w]) )
    | (?P<name>     \d*[A-Za-z_$][\w$]* ~? | ![A-Za-z]\w* ~? )
    | (?P<mark>     => | == | != | <> | <= | >= | =~ | !~ | \.\. | [|()\[\]{},;:.=<>+\-*/%?@] )
    | (?P<end>      \Z ) )
    """,
    re.X | re.S,
)
_SKIPPED = re.compile(_BETWEEN, re.X)
_TILDE = {"in~", "!in~"}
_CLOSE = re.compile(r"""(?:"[^"\n]*"|'[^'\n]*'|[^)"'\n])*\)""")


def tokenize(source: Source) -> list[Token]:
    """The tokens of a text, and one END token behind them."""
    text, end, found = source.text, 0, list[Token]()
    while True:
        match = _TOKEN.match(text, end)
        if match is None:
            _fail(source, _behind(text, end))
        group = match.lastgroup
        assert group is not None
        word = match[group]
        at, end = match.span(group)
        match group:
            case "name":
                # `in~` is an operator; behind any other name a tilde is no part of it.
                if word[-1] == "~" and word not in _TILDE:
                    word, end = word[:-1], end - 1
                found.append(Token(TokenKind.NAME, word, at, end))
            case "mark":
                found.append(Token(TokenKind.PUNCTUATION, word, at, end))
            case "string":
                found.append(Token(TokenKind.STRING, word, at, end, _string(word)))
            case "typed":
                close = _CLOSE.match(text, end)
                if close is None:
                    _fail(source, at, "SYN0001", f"`{word}` is not closed by `)`")
                inside = text[end : close.end() - 1]
                end = close.end()
                found.append(Token(TokenKind.TYPED, word[:-1].rstrip(), at, end, inside.strip()))
            case "timespan":
                found.append(Token(TokenKind.TIMESPAN, word, at, end, literals.timespan(word)))
            case "long":
                found.append(Token(TokenKind.LONG, word, at, end, literals.number(word)))
            case "real":
                found.append(Token(TokenKind.REAL, word, at, end, float(word)))
            case _:
                found.append(Token(TokenKind.END, "", at, end))
                return found


def _behind(text: str, at: int) -> int:
    """Where the blanks and comments end that begin at `at`."""
    skipped = _SKIPPED.match(text, at)
    assert skipped is not None
    return skipped.end()


def _string(word: str) -> str:
    if word[0] in "hH":
        word = word[1:]
    if word[0] == "@":
        return word[2:-1].replace(word[1] * 2, word[1])
    if word[:3] in ("```", "~~~"):
        return word[3:-3]
    return literals.unescape(word[1:-1])


def _fail(source: Source, at: int, code: str = "", message: str = "") -> NoReturn:
    found = source.text[at]
    if not message:
        code, message = "SYN0001", f"unexpected `{found}`"
        if found in "\"'" or source.text[at : at + 3] in ("```", "~~~"):
            code, message = "SYN0003", "this string is not closed"
    raise SourceError(source, Diagnostic(code, message, Span(at, at + 1)))

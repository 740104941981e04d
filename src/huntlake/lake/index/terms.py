"""What a term is, and which terms a row must hold for a needle to be in it.

A term is the longest run of ASCII letters and digits, in lower case, of three characters or more. Every other
character parts terms, so that texts which part at fewer places (letters beyond ASCII are letters to a query) hold
these terms too: the index may say "perhaps" where a query says no, never the reverse. A dotted IPv4 address is a
term besides, and so are its first three, two numbers with the dot behind them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SHORTEST = 3

_RUN = re.compile(r"[0-9A-Za-z]+")
_ADDRESS = re.compile(r"(?<![0-9A-Za-z])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z])")
_LOWERED = re.compile("[\u0130\u212a]")
"""Letters beyond ASCII whose lower case is one of ASCII's, or holds one."""


@dataclass(frozen=True, slots=True)
class Clause:
    """What a row must hold: in one of `columns`, one of `needles`, each being terms that must all be there.

    `columns` None is any column of text.
    """

    needles: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...] | None = None


def terms_of(needle: str, *, begins: bool, ends: bool) -> tuple[str, ...]:
    """The terms that a text must hold if it holds `needle`.

    `begins` and `ends` say that a term of the text begins and ends where the needle does: both for `has` and `==`,
    neither for `contains`. None are known of a needle whose lower case may be another text's.
    """
    if _LOWERED.search(needle):
        return ()
    found = []
    for run in _RUN.finditer(needle):
        whole = (begins or run.start() > 0) and (ends or run.end() < len(needle))
        if whole and len(run[0]) >= SHORTEST:
            found.append(run[0].lower())
    for address in _ADDRESS.finditer(needle):
        if (begins or address.start() > 0) and (ends or address.end() < len(needle)):
            found.append(address[0])
    return tuple(dict.fromkeys(found))


def prefix_of(address: str) -> tuple[str, ...]:
    """The term of the beginning of an IPv4 address, such as `10.1.`; none where it is no such beginning."""
    numbers = re.fullmatch(r"([0-9]{1,3}\.){2,3}", address)
    return (address,) if numbers else ()


def clause(needles: Sequence[tuple[str, ...]], columns: Iterable[str] | None = None) -> Clause | None:
    """A clause; None where one of the needles asks for no term, which any row might hold."""
    if not needles or not all(needles):
        return None
    return Clause(tuple(dict.fromkeys(needles)), None if columns is None else tuple(columns))

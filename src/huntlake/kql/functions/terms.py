"""The string operators: whole terms (`has`), substrings (`contains`), beginnings and ends, lists and patterns.

A term is a run of letters and digits; the edge of a needle counts only where the needle itself ends in one:
`has "e.exe"` asks for an edge before its `e` and after, `has ".exe"` only after.
<https://learn.microsoft.com/kusto/query/datatypes-string-operators>
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial

from huntlake.kql.forms import ITEM, as_text, literal
from huntlake.kql.functions.needed_texts import needed_texts
from huntlake.kql.symbols import Bool, Function, Scalar, Sql, String, Unsupported, quoted, scalar
from huntlake.kql.types import NUMBERS, ScalarType

_EDGE = r"[^\p{L}\p{N}]"
_ASCII_EDGE = r"[\x00-\x2F\x3A-\x40\x5B-\x60\x7B-\x7F]"
_MAYBE_EDGE = "[^0-9A-Za-z]"
_PYTHON_EDGE = r"[\W_]"
_FEW = 5
_MANY = 100
"""Up to few needles, one condition each is faster than one pattern of them all; more than many outgrow a pattern."""


# -- patterns ----------------------------------------------------------------------


@lru_cache(maxsize=4096)
def literal_pattern(text: str, *, cased: bool = False) -> str:
    """A pattern that matches `text` itself, in any case unless `cased`."""
    # Not `(?i)`: under it RE2 folds s and k to letters beyond ASCII, and forgets how to look for a literal quickly.
    return "".join(re.escape(c) if cased or c.lower() == c.upper() else _either(c) for c in text)


def _plain(text: str) -> str:
    """The longest piece of `text` that `(?i)` finds in ASCII alone: it folds s and k to letters beyond."""
    return max(re.split("[sSkK]", text), key=len)


def _either(letter: str) -> str:
    lower, upper = letter.lower(), letter.upper()
    # Some letters are several in the other case; those keep to the one that they are.
    return f"[{lower}{upper}]" if len(lower) == len(upper) == 1 else re.escape(letter)


@lru_cache(maxsize=4096)
def term_pattern(term: str, edge: str, *, cased: bool = False, before: bool = True, after: bool = True) -> str:
    """A pattern that matches `term` between the edges of terms; `edge` is a pattern of what parts terms."""
    start = f"(?:^|{edge})" if before and term[:1].isalnum() else ""
    end = f"(?:$|{edge})" if after and term[-1:].isalnum() else ""
    return start + literal_pattern(term, cased=cased) + end


def _edged(source: str, pattern: Callable[[str], str]) -> str:
    """Whether `pattern`, which it gives for a pattern of what parts terms, is found."""
    # A class of all letters takes the engine longer to read than most queries take to run. So two cheap questions come
    # first: does ASCII part the term, and might anything? The dear one is left for a neighbour beyond ASCII.
    surely, maybe = (matches(source, pattern(edge)) for edge in (_ASCII_EDGE, _MAYBE_EDGE))
    if surely == maybe:
        return surely
    last = f"hl_has_term({source}, {quoted(pattern(_PYTHON_EDGE))})"
    return f"case when {surely} then true when {maybe} then {last} else false end"


def matches(source: str, pattern: str) -> str:
    """Whether a constant pattern is found."""
    return f"regexp_matches({source}, {quoted(pattern)})"


def _computed_term(source: str, term: str, *, cased: bool, before: bool, after: bool) -> str:
    flag = "" if cased else "(?i)"
    letter = "[\\p{L}\\p{N}]"
    # A pattern that isn't constant is compiled for each row, and the classes of Unicode take a thousand times longer
    # than those of ASCII: a text of ASCII has no other neighbours.
    edge = f"case when strlen({source}) = length({source}) then '[^0-9A-Za-z]' else '{_EDGE}' end"
    start = (
        f"case when regexp_matches({term}, '^{letter}') then '(?:^|' || {edge} || ')' else '' end || " if before else ""
    )
    end = (
        f" || case when regexp_matches({term}, '{letter}$') then '(?:$|' || {edge} || ')' else '' end" if after else ""
    )
    # It is compiled only where the plain text is there. Outside of ASCII letters of different case are not always each
    # other's `lower`, and the pattern alone knows.
    plain = f"contains({source}, {term})" if cased else f"contains(lower({source}), lower({term}))"
    odd = "" if cased else f" or strlen({source}) <> length({source}) or strlen({term}) <> length({term})"
    found = f"regexp_matches({source}, '{flag}' || {start}regexp_escape({term}){end})"
    return f"({term} = '' or case when {plain}{odd} then {found} else false end)"


def has_term(source: str, term: str, *, cased: bool = False, before: bool = True, after: bool = True) -> str:
    """Whether `source` has `term` as a whole term, or as the beginning or end of one."""
    if not isinstance(term, Sql) or not isinstance(term.value, str):
        return _computed_term(source, term, cased=cased, before=before, after=after)
    if not term.value:
        return "true"
    edged = _edged(source, partial(term_pattern, term.value, cased=cased, before=before, after=after))
    # The plain literal is found many times faster than the one with edges, and is seldom there.
    first = f"contains({source}, {quoted(term.value)})" if cased else matches(source, literal_pattern(term.value))
    return f"case when {first} then {edged} else false end"


def _has_substring(source: str, text: str, *, cased: bool = False) -> str:
    if cased:
        return f"contains({source}, {text})"
    if isinstance(text, Sql) and isinstance(text.value, str):
        return matches(source, literal_pattern(text.value)) if text.value else "true"
    return f"contains(lower({source}), lower({text}))"


def _starts(source: str, text: str, *, cased: bool = False) -> str:
    if cased:
        return f"starts_with({source}, {text})"
    if isinstance(text, Sql) and isinstance(text.value, str) and text.value:
        return f"lower(left({source}, {len(text.value)})) = {quoted(text.value.lower())}"
    return f"starts_with(lower({source}), lower({text}))"


def _ends(source: str, text: str, *, cased: bool = False) -> str:
    if cased:
        return f"ends_with({source}, {text})"
    if isinstance(text, Sql) and isinstance(text.value, str) and text.value:
        return f"lower(right({source}, {len(text.value)})) = {quoted(text.value.lower())}"
    return f"ends_with(lower({source}), lower({text}))"


# -- whole terms -------------------------------------------------------------------


@scalar("has", total=True)
def has(source: String, term: String) -> Bool:
    """Whether `source` has `term` as a whole term, in any case.

    >>> "North America" has "america"
    true
    >>> "North America" has "amer"
    false
    >>> "svc_backup" has "backup"
    true
    >>> "10x0x0x1" has "10.0.0.1"
    false
    """
    return has_term(source, term)


@scalar("!has", total=True)
def not_has(source: String, term: String) -> Bool:
    """The opposite of `has`."""
    return f"not ({has_term(source, term)})"


@scalar("has_cs", total=True)
def has_cs(source: String, term: String) -> Bool:
    """As `has`, but upper and lower case differ.

    >>> "North America" has_cs "america"
    false
    """
    return has_term(source, term, cased=True)


@scalar("!has_cs", total=True)
def not_has_cs(source: String, term: String) -> Bool:
    """The opposite of `has_cs`."""
    return f"not ({has_term(source, term, cased=True)})"


@scalar("hasprefix", total=True)
def hasprefix(source: String, term: String) -> Bool:
    """Whether a term of `source` begins with `term`, in any case.

    >>> "North America" hasprefix "ame"
    true
    """
    return has_term(source, term, after=False)


@scalar("!hasprefix", total=True)
def not_hasprefix(source: String, term: String) -> Bool:
    """The opposite of `hasprefix`."""
    return f"not ({has_term(source, term, after=False)})"


@scalar("hasprefix_cs", total=True)
def hasprefix_cs(source: String, term: String) -> Bool:
    """As `hasprefix`, but upper and lower case differ."""
    return has_term(source, term, cased=True, after=False)


@scalar("!hasprefix_cs", total=True)
def not_hasprefix_cs(source: String, term: String) -> Bool:
    """The opposite of `hasprefix_cs`."""
    return f"not ({has_term(source, term, cased=True, after=False)})"


@scalar("hassuffix", total=True)
def hassuffix(source: String, term: String) -> Bool:
    """Whether a term of `source` ends with `term`, in any case.

    >>> "North America" hassuffix "ica"
    true
    """
    return has_term(source, term, before=False)


@scalar("!hassuffix", total=True)
def not_hassuffix(source: String, term: String) -> Bool:
    """The opposite of `hassuffix`."""
    return f"not ({has_term(source, term, before=False)})"


@scalar("hassuffix_cs", total=True)
def hassuffix_cs(source: String, term: String) -> Bool:
    """As `hassuffix`, but upper and lower case differ."""
    return has_term(source, term, cased=True, before=False)


@scalar("!hassuffix_cs", total=True)
def not_hassuffix_cs(source: String, term: String) -> Bool:
    """The opposite of `hassuffix_cs`."""
    return f"not ({has_term(source, term, cased=True, before=False)})"


# -- substrings --------------------------------------------------------------------


@scalar("contains", total=True)
def contains(source: String, text: String) -> Bool:
    """Whether `text` stands anywhere in `source`, in any case.

    >>> "FabriKam" contains "BRik"
    true
    """
    return _has_substring(source, text)


@scalar("!contains", total=True)
def not_contains(source: String, text: String) -> Bool:
    """The opposite of `contains`."""
    return f"not ({_has_substring(source, text)})"


@scalar("contains_cs", total=True)
def contains_cs(source: String, text: String) -> Bool:
    """As `contains`, but upper and lower case differ.

    >>> "FabriKam" contains_cs "Kam"
    true
    """
    return _has_substring(source, text, cased=True)


@scalar("!contains_cs", total=True)
def not_contains_cs(source: String, text: String) -> Bool:
    """The opposite of `contains_cs`."""
    return f"not {_has_substring(source, text, cased=True)}"


@scalar("startswith", total=True)
def startswith(source: String, text: String) -> Bool:
    """Whether `source` begins with `text`, in any case.

    >>> "Fabrikam" startswith "fab"
    true
    """
    return _starts(source, text)


@scalar("!startswith", total=True)
def not_startswith(source: String, text: String) -> Bool:
    """The opposite of `startswith`."""
    return f"not ({_starts(source, text)})"


@scalar("startswith_cs", total=True)
def startswith_cs(source: String, text: String) -> Bool:
    """As `startswith`, but upper and lower case differ."""
    return _starts(source, text, cased=True)


@scalar("!startswith_cs", total=True)
def not_startswith_cs(source: String, text: String) -> Bool:
    """The opposite of `startswith_cs`."""
    return f"not {_starts(source, text, cased=True)}"


@scalar("endswith", total=True)
def endswith(source: String, text: String) -> Bool:
    """Whether `source` ends with `text`, in any case.

    >>> "Fabrikam" endswith "KAM"
    true
    """
    return _ends(source, text)


@scalar("!endswith", total=True)
def not_endswith(source: String, text: String) -> Bool:
    """The opposite of `endswith`."""
    return f"not ({_ends(source, text)})"


@scalar("endswith_cs", total=True)
def endswith_cs(source: String, text: String) -> Bool:
    """As `endswith`, but upper and lower case differ."""
    return _ends(source, text, cased=True)


@scalar("!endswith_cs", total=True)
def not_endswith_cs(source: String, text: String) -> Bool:
    """The opposite of `endswith_cs`."""
    return f"not {_ends(source, text, cased=True)}"


# -- equality in any case, patterns ----------------------------------------------


@scalar("=~", total=True)
def equals_any_case(left: String, right: String) -> Bool:
    """Whether the two are equal, in any case.

    >>> "abc" =~ "ABC"
    true
    """
    return f"{_lowered(left)} = {_lowered(right)}"


@scalar("!~", total=True)
def not_equals_any_case(left: String, right: String) -> Bool:
    """Whether the two differ by more than case."""
    return f"{_lowered(left)} <> {_lowered(right)}"


def _lowered(text: str) -> str:
    return quoted(text.value.lower()) if isinstance(text, Sql) and isinstance(text.value, str) else f"lower({text})"


def _holds_needed(source: str, pattern: str) -> str | None:
    """Whether `source` holds a text that every match of `pattern` has; None where no such texts are known."""
    if (needed := needed_texts(pattern)) is None:
        return None
    if needed.cased:
        return " or ".join(f"contains({source}, {quoted(t)})" for t in needed.texts)
    plain = [_plain(t) for t in needed.texts]
    return " or ".join(matches(source, literal_pattern(t)) for t in plain) if min(map(len, plain)) > 2 else None


@scalar("matches regex", total=True)
def matches_regex(source: String, pattern: String) -> Bool:
    """Whether the regular expression is found in `source`.

    >>> "Fabrikam" matches regex "^Fab.*m$"
    true
    """
    if isinstance(pattern, Sql) and isinstance(pattern.value, str):
        # A younger RE2 takes `(?<name>…)` as well.
        text = pattern.value.replace("(?<", "(?P<") if "(?P<" not in pattern.value else pattern.value
        found = matches(source, text)
        if (first := _holds_needed(source, text)) is None:
            return found
        return f"case when {first} then {found} else false end"
    return f"regexp_matches({source}, {pattern})"


# -- lists -------------------------------------------------------------------------


@scalar("in", total=True)
def in_(value: Scalar, *items: Scalar) -> Bool:
    """Whether `value` equals one of the items; an array stands for its elements.

    >>> "b" in ("a", "b")
    true
    >>> 3 in (dynamic([1, 2]))
    false
    """
    return _in(value, items)


@scalar("!in", total=True)
def not_in(value: Scalar, *items: Scalar) -> Bool:
    """The opposite of `in`."""
    return f"not ({_in(value, items)})"


@scalar("in~", total=True)
def in_any_case(value: Scalar, *items: Scalar) -> Bool:
    """As `in`, in any case.

    >>> "B" in~ ("a", "b")
    true
    """
    return _in(value, items, any_case=True)


@scalar("!in~", total=True)
def not_in_any_case(value: Scalar, *items: Scalar) -> Bool:
    """The opposite of `in~`."""
    return f"not ({_in(value, items, any_case=True)})"


def _in(value: str, items: tuple[str, ...], *, any_case: bool = False) -> str:
    assert isinstance(value, Sql)
    if any_case and value.type not in (ScalarType.STRING, ScalarType.DYNAMIC):
        raise Unsupported(f"a `{value.type}`")
    compared = f"coalesce(json_extract_string({value}, '$'), '')" if value.type is ScalarType.DYNAMIC else f"{value}"
    if any_case:
        compared = f"lower({compared})"
    plain, conditions, nullable = [], [], value.nullable
    for item in _one_by_one(items) if value.type is ScalarType.STRING else items:
        assert isinstance(item, Sql)
        if item.type is ScalarType.DYNAMIC:
            conditions.append(_among_elements(value, compared, item, any_case=any_case))
        elif item.value is None:
            continue
        elif value.type is ScalarType.DYNAMIC and item.type in NUMBERS:
            # As texts, 9 and 9.0 would be two.
            number = f"try_cast(json_extract_string({value}, '$') as DECIMAL(38,18))"
            conditions.append(f"coalesce({number} = {item}::DECIMAL(38,18), false)")
        elif value.type is ScalarType.DYNAMIC:
            plain.append(_lowered(as_text(item)) if any_case else f"{as_text(item)}")
        elif any_case:
            plain.append(_lowered(item if item.type is ScalarType.STRING else as_text(item)))
        else:
            plain.append(f"{item}")
            nullable = nullable or item.nullable
    if plain:
        listed = f"{compared} in ({', '.join(plain)})"
        conditions.insert(0, f"coalesce({listed}, false)" if nullable else listed)
    return " or ".join(conditions) or "false"


def _among_elements(value: Sql, compared: str, array: str, *, any_case: bool) -> str:
    elements = f"json_extract_string({array}, '$[*]')"
    one = f"[json_extract_string({array}, '$')]"
    elements = f"case when json_type({array}) = 'ARRAY' then {elements} else {one} end"
    match value.type:
        case ScalarType.INT | ScalarType.LONG | ScalarType.DECIMAL:
            each, compared = f"try_cast({ITEM} as DECIMAL(38,18))", f"{value}::DECIMAL(38,18)"
        case ScalarType.REAL:
            each = f"try_cast({ITEM} as DOUBLE)"
        case ScalarType.DATETIME | ScalarType.TIMESPAN | ScalarType.BOOL:
            each, compared = ITEM, f"nullif({as_text(value)}, '')"
        case _:
            each = f"lower({ITEM})" if any_case else ITEM
    if each != ITEM:
        elements = f"list_transform({elements}, lambda {ITEM}: {each})"
    return f"coalesce(list_contains({elements}, {compared}), false)"


@scalar("has_any", total=True)
def has_any(source: String, *terms: Scalar) -> Bool:
    """Whether `source` has one of the terms, in any case.

    >>> "North America" has_any ("south", "north")
    true
    """
    return _any_term(source, terms)


@scalar("!has_any", total=True)
def not_has_any(source: String, *terms: Scalar) -> Bool:
    """The opposite of `has_any`."""
    return f"not ({_any_term(source, terms)})"


@scalar("has_all", total=True)
def has_all(source: String, *terms: Scalar) -> Bool:
    """Whether `source` has every one of the terms, in any case.

    >>> "North America" has_all ("america", "north")
    true
    """
    terms = _one_by_one(terms)
    constant = [t for t in terms if isinstance(t, Sql) and isinstance(t.value, str)]
    conditions = [f"({has_term(source, t)})" for t in constant]
    for term in terms:
        if term in constant:
            continue
        if isinstance(term, Sql) and term.type.value == "dynamic":
            # Every element must be there; a lambda's own names can't be columns.
            inner = _computed_term(source, ITEM, cased=False, before=True, after=True)
            texts = _listed_terms(term)
            conditions.append(f"coalesce(list_bool_and(list_transform({texts}, lambda {ITEM}: {inner})), true)")
        else:
            conditions.append(f"({has_term(source, _term_text(term))})")
    return " and ".join(conditions) or "true"


@scalar("!has_all", total=True)
def not_has_all(source: String, *terms: Scalar) -> Bool:
    """The opposite of `has_all`."""
    return f"not ({has_all.signatures[0].body(source, *terms)})"


def _listed_terms(array: str) -> str:
    """The texts of an array's elements; a dynamic that is no array is a term itself."""
    one = f"case when json_type({array}) <> 'NULL' then [json_extract_string({array}, '$')] end"
    return f"case when json_type({array}) = 'ARRAY' then json_extract_string({array}, '$[*]') else {one} end"


def _term_text(term: str) -> str:
    return term if not isinstance(term, Sql) or term.type.value == "string" else as_text(term)


def _pattern_of_any(terms: tuple[str, ...], edge: str) -> str:
    return "|".join(f"(?:{term_pattern(t, edge)})" for t in terms)


def _one_by_one(terms: tuple[str, ...]) -> tuple[str, ...]:
    """The terms, with those of constant arrays of texts in their place."""
    found: list[str] = []
    for term in terms:
        given = term.value if isinstance(term, Sql) and term.type is ScalarType.DYNAMIC else None
        if isinstance(given, list) and all(isinstance(t, str) for t in given):
            found += (literal(t, ScalarType.STRING) for t in given)
        else:
            found.append(term)
    return tuple(found)


def _any_term(source: str, terms: tuple[str, ...]) -> str:
    terms = _one_by_one(terms)
    constant = [t for t in terms if isinstance(t, Sql) and isinstance(t.value, str)]
    conditions = []
    if len(constant) > _FEW:
        # One pattern for all of them: an engine that reads the text once beats one that is quick to give up.
        texts = [str(t.value) for t in constant if t.value]
        # An engine bounds how large one pattern may be.
        parts = [texts[i : i + _MANY] for i in range(0, len(texts), _MANY)]
        for part in parts:
            # With edges, many terms are more than the engine's automaton holds: the plain ones say first what may be.
            first = matches(source, "|".join(map(literal_pattern, part)))
            edged = _edged(source, partial(_pattern_of_any, tuple(part)))
            conditions.append(f"(case when {first} then {edged} else false end)")
        if len(texts) < len(constant):
            conditions = ["true"]
    else:
        conditions += [f"({has_term(source, t)})" for t in constant]
    for term in [t for t in terms if not (isinstance(t, Sql) and isinstance(t.value, str))]:
        if isinstance(term, Sql) and term.type.value == "dynamic":
            elements = _listed_terms(term)
            inner = _computed_term(source, ITEM, cased=False, before=True, after=True)
            conditions.append(f"coalesce(list_bool_or(list_transform({elements}, lambda {ITEM}: {inner})), false)")
        else:
            conditions.append(f"({has_term(source, _term_text(term))})")
    return " or ".join(conditions) or "false"


_BETWEEN = "\x1e"
"""What stands between the columns of a row that is searched as one text: it parts terms."""


# -- any column --------------------------------------------------------------------


def _of_any_column(word: str, found: Callable[[str, str], str]) -> Function:
    def body(term: String, *columns: Scalar) -> Bool:
        texts = [as_text(c) for c in columns]
        if len(texts) > 1 and isinstance(term, Sql) and isinstance(term.value, str) and _BETWEEN not in term.value:
            # An engine sets each pattern up for itself, and that takes longer than to read most tables: the row is one
            # text, and a lambda's only element, so that it is made and written once.
            row = f"concat_ws(chr({ord(_BETWEEN)}), {', '.join(texts)})"
            return f"list_transform([{row}], lambda {ITEM}: {found(ITEM, term)})[1]"
        return " or ".join(f"({found(t, term)})" for t in texts) or "false"

    body.__doc__ = f"Whether one of the columns `{word}` the term: `* {word} term`, and what `search` asks of a row."
    return scalar(f"* {word}", total=True)(body)


any_has = _of_any_column("has", has_term)
any_has_cs = _of_any_column("has_cs", partial(has_term, cased=True))
any_hasprefix = _of_any_column("hasprefix", partial(has_term, after=False))
any_hasprefix_cs = _of_any_column("hasprefix_cs", partial(has_term, after=False, cased=True))
any_hassuffix = _of_any_column("hassuffix", partial(has_term, before=False))
any_hassuffix_cs = _of_any_column("hassuffix_cs", partial(has_term, before=False, cased=True))
any_contains = _of_any_column("contains", _has_substring)
any_contains_cs = _of_any_column("contains_cs", partial(_has_substring, cased=True))

"""Regular expressions: finding, taking out, replacing."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from huntlake.kql.forms import ITEM, as_text
from huntlake.kql.symbols import Dynamic, Long, Scalar, Sql, String, Unsupported, quoted, scalar, text_of, whole_of

_MOST_GROUPS = 9
"""The highest group that the engine can be asked for."""


@scalar("extract")
def extract(regex: String, group: Long, source: String) -> String:
    """What a group of a regular expression matches in `source`, 0 being all of it; empty where nothing matches.

    With a fourth argument, `typeof(…)`, the text is brought to that type.

    >>> extract("x=([0-9.]+)", 1, "hello x=45.6|wo")
    "45.6"
    >>> extract("x=([0-9.]+)", 1, "hello x=45.6|wo", typeof(real))
    45.6
    """
    number = whole_of(group, "a group")
    if number < 0:
        raise Unsupported("a negative group")
    return _readable(f"regexp_extract({source}, {', '.join(_group(regex, number))})", regex)


@scalar("extract_all", "extractall")
def extract_all(regex: String, source: String) -> Dynamic:
    """What the groups of a regular expression match, everywhere in `source`; null where nothing matches.

    With one group an array of texts, with more an array of arrays. `groups` chooses some, by number or name;
    where the regular expression comes from data, by number, and null is what one without such a group gives.

    >>> extract_all("([0-9]+)", "a 123, 567")
    dynamic(["123","567"])
    >>> extract_all("([a-z])([0-9])", "a1 b2")
    dynamic([["a","1"],["b","2"]])
    >>> extract_all("(?P<l>[a-z])([0-9])", dynamic(["l"]), "a1 b2")
    dynamic(["a","b"])
    """
    groups = group_names(text_of(regex, "a regular expression"))
    return _all(regex, range(1, len(groups) + 1), source)


@extract_all.overload
def _(regex: String, groups: Dynamic, source: String) -> Dynamic:
    chosen = groups.value if isinstance(groups, Sql) else None
    if not isinstance(chosen, list):
        raise Unsupported("groups that are not a constant array")
    if isinstance(regex, Sql) and isinstance(regex.value, str):
        names = group_names(regex.value)
        chosen = [names.index(g) + 1 if isinstance(g, str) and g in names else g for g in chosen]
        if not all(isinstance(n, int) and 1 <= n <= len(names) for n in chosen):
            raise Unsupported("a group that the regular expression doesn't have")
    elif not all(isinstance(n, int) and n >= 1 for n in chosen):
        raise Unsupported("a group's name, and a regular expression that is not a constant string,")
    return _all(regex, chosen, source)


def _all(regex: str, groups: Sequence[int], source: str) -> str:
    if not groups:
        raise Unsupported("a regular expression without groups")
    lists = [f"regexp_extract_all({source}, {', '.join(_group(regex, g))})" for g in groups]
    if _from_data(regex):
        lists = [_tried(l, "null::VARCHAR[]") for l in lists]
    # A group that takes no part in a match is null to the engine.
    if len(lists) == 1:
        texts = f"list_transform({lists[0]}, lambda t: coalesce(t, ''))"
    else:
        parts = ", ".join(f"coalesce(t[{i}], '')" for i in range(1, len(lists) + 1))
        texts = f"list_transform(list_zip({', '.join(lists)}), lambda t: [{parts}])"
        if _from_data(regex):
            # A pattern without the highest group has not all of them.
            texts = f"case when {lists[groups.index(max(groups))]} is not null then {texts} end"
    return f"nullif(to_json({texts}), '[]')"


def _group(regex: str, number: int) -> tuple[str, str]:
    """The pattern and the group in it by which the engine finds a group: it numbers no more than nine."""
    if number <= _MOST_GROUPS:
        return f"{regex}", f"{number}"
    pattern = text_of(regex, f"a group beyond {_MOST_GROUPS}, and a regular expression")
    if number > len(group_names(pattern)):
        raise Unsupported("a group that the regular expression doesn't have")
    return quoted(_with_only(pattern, number)), "1"


def _with_only(pattern: str, number: int) -> str:
    """The pattern with one capturing group: the others keep what they enclose, and capture nothing."""
    counted = itertools.count(1)

    def kept(match: re.Match[str]) -> str:
        return "(?:" if match[0][0] == "(" and next(counted) != number else match[0]

    return _CAPTURING.sub(kept, pattern)


_CAPTURING = re.compile(r"\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]|\((?!\?)|\(\?P?<(\w+)>", re.S)


def group_names(pattern: str) -> list[str | None]:
    """The names of a regular expression's capturing groups, None for one without."""
    return [m.group(1) for m in _CAPTURING.finditer(pattern) if m.group()[0] == "("]


@scalar("replace_regex")
def replace_regex(source: String, regex: String, rewrite: String) -> String:
    r"""`source` with every match of a regular expression replaced; `\1` in `rewrite` is what its first group matched.

    >>> replace_regex("Number is 12", @"is (\d+)", @"was: \1")
    "Number was: 12"
    """
    return _readable(f"regexp_replace({source}, {regex}, {rewrite}, 'g')", regex, rewrite)


@scalar("replace")
def replace(regex: String, rewrite: String, source: String) -> String:
    """The older form of `replace_regex`: its arguments come in another order.

    >>> replace("a+", "b", "xaay")
    "xby"
    """
    return _readable(f"regexp_replace({source}, {regex}, {rewrite}, 'g')", regex, rewrite)


@scalar("trim")
def trim(regex: String, source: String) -> String:
    r"""`source` without what a regular expression matches at its beginning and its end.

    >>> trim("--", "--https://bing.com--")
    "https://bing.com"
    >>> trim(@"[^\w]+", "-  Te st1// $")
    "Te st1"
    """
    return _without_end(regex, _without_start(regex, source))


@scalar("trim_start")
def trim_start(regex: String, source: String) -> String:
    """`source` without what a regular expression matches at its beginning.

    >>> trim_start("https://", "https://bing.com")
    "bing.com"
    """
    return _without_start(regex, source)


@scalar("trim_end")
def trim_end(regex: String, source: String) -> String:
    """`source` without what a regular expression matches at its end.

    >>> trim_end(".com", "bing.com")
    "bing"
    """
    return _without_end(regex, source)


def _without_start(regex: str, source: str) -> str:
    return _readable(f"regexp_replace({source}, {_joined('^(?:', regex, ')')}, '')", regex)


def _without_end(regex: str, source: str) -> str:
    return _readable(f"regexp_replace({source}, {_joined('(?:', regex, ')$')}, '')", regex)


def _readable(text: str, *patterns: str) -> str:
    """`text`; empty where a pattern that comes from data is none. One written in the query fails with it."""
    return _tried(text, "''") if any(_from_data(p) for p in patterns) else text


def _from_data(pattern: str) -> bool:
    # A `toscalar()` is a part of the query too; and the engine can't try one.
    return not (isinstance(pattern, Sql) and (pattern.constant or "(select " in pattern))


def _tried(text: str, otherwise: str) -> str:
    return text if "(select " in text else f"coalesce(try({text}), {otherwise})"


def _joined(before: str, regex: str, after: str) -> str:
    if isinstance(regex, Sql) and isinstance(regex.value, str):
        return quoted(before + regex.value + after)
    return f"{quoted(before)} || {regex} || {quoted(after)}"


@scalar("countof", total=True)
def countof(source: String, search: String, kind: String = "'normal'") -> Long:
    """How often `search` is in `source`. As a text it may overlap itself; as a `regex` its matches don't.

    >>> countof("aaaa", "aa")
    3
    >>> countof("ababa", "aba", "regex")
    1
    """
    if text_of(kind, "a kind of search").lower() == "regex":
        return _counted(f"len(regexp_extract_all({source}, {search}))", search, "0")
    if isinstance(search, Sql) and isinstance(search.value, str):
        text = search.value
        if not text:
            return "0::BIGINT"
        if not any(text.startswith(text[i:]) for i in range(1, len(text))):
            return f"((length({source}) - length(replace({source}, {search}, ''))) // {len(text)})"
    places = f"range(1, length({source}) - length({search}) + 2)"
    found = f"len(list_filter({places}, lambda {ITEM}: substring({source}, {ITEM}, length({search})) = {search}))"
    return f"case when {search} = '' then 0 else {found} end::BIGINT"


@scalar("indexof_regex")
def indexof_regex(
    source: Scalar, regex: String, start: Long = "0", length: Long = "-1", occurrence: Long = "1"
) -> Long:
    """The zero-based place of a regular expression's match, -1 where there is none.

    The search begins at `start` and looks at `length` characters. Null where `start` is negative.

    >>> indexof_regex("abcabc", "b.a")
    1
    >>> indexof_regex("abcabc", "a.c", 1)
    3
    >>> indexof_regex("ababaa", "a.a", 0, -1, 2)
    -1
    """
    if not all(isinstance(a, Sql) and a.constant for a in (start, length, occurrence)):
        raise Unsupported("a start, length or occurrence that is not a constant")
    first, most, nth = (whole_of(a, "a number") for a in (start, length, occurrence))
    if first < 0 or most < -1 or nth < 1:
        return "null::BIGINT"
    text = f"substring({as_text(source)}, {first + 1}{f', {most}' if most >= 0 else ''})"
    # Each match with what stands before it: their lengths add up to the place.
    pattern = _joined("((?s:.)*?)(?:", regex, ")")
    whole, before = (f"regexp_extract_all({text}, {pattern}, {g})" for g in (0, 1))
    skipped = f"coalesce(list_sum(list_transform(({whole})[1:{nth - 1}], lambda t: length(t))), 0)" if nth > 1 else "0"
    found = f"length(({before})[{nth}]) + {skipped} + {first}"
    return _counted(f"coalesce(case when len({whole}) >= {nth} then {found} end, -1)", regex, "-1") + "::BIGINT"


def _counted(number: str, regex: str, otherwise: str) -> str:
    return _tried(number, otherwise) if _from_data(regex) else number


@scalar("regex_quote")
def regex_quote(source: Scalar) -> String:
    r"""A regular expression that matches the text itself.

    >>> regex_quote("(so$me.Te^xt)")
    "\\(so\\$me\\.Te\\^xt\\)"
    """
    return f"regexp_escape({as_text(source)})"

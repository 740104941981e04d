"""Texts with a grammar of their own, taken apart."""

from __future__ import annotations

import re

from huntlake.kql.forms import as_text
from huntlake.kql.symbols import Decimal, Dynamic, Naming, Scalar, Sql, String, Unsupported, quoted, scalar, text_of
from huntlake.kql.types import ScalarType


@scalar("parse_url", "parseurl")
def parse_url(url: String) -> Dynamic:
    """The parts of a URL, each a text, and its query parameters as a bag.

    >>> parse_url("https://example.com:8080/a/b?k=v").Host
    dynamic("example.com")
    >>> parse_url("https://example.com:8080/a/b?k=v")["Query Parameters"]
    dynamic({"k":"v"})
    """
    return f"hl_parse_url({url})::JSON"


@scalar("parse_urlquery", "parseurlquery")
def parse_urlquery(query: String) -> Dynamic:
    """The parameters of a URL's query.

    >>> parse_urlquery("k1=v1&k2=v2")
    dynamic({"Query Parameters":{"k1":"v1","k2":"v2"}})
    """
    return f"hl_parse_urlquery({query})::JSON"


@scalar("parse_path")
def parse_path(path: String) -> Dynamic:
    r"""The parts of a file's path: its scheme, root, folder, name, extension and alternate data stream.

    >>> parse_path(@"C:\\temp\\file.txt").Filename
    dynamic("file.txt")
    >>> parse_path("/usr/lib/temp/file.tar.gz").Extension
    dynamic("gz")
    """
    return f"hl_parse_path({path})::JSON"


@scalar("parse_csv", named=Naming.FIRST_ARGUMENT)
def parse_csv(text: String) -> Dynamic:
    """The values of the first line of comma-separated values.

    >>> parse_csv('a,"b,c",d')
    dynamic(["a","b,c","d"])
    """
    return f"hl_parse_csv({text})::JSON"


@parse_csv.overload
def _(text: Dynamic) -> Dynamic:
    return f"hl_parse_csv({as_text(text)})::JSON"


@scalar("parse_xml", named=Naming.FIRST_ARGUMENT)
def parse_xml(xml: String) -> Dynamic:
    """An XML document as a bag; null where it isn't well-formed.

    >>> parse_xml("<a><b>1</b></a>")
    dynamic({"a":{"b":"1"}})
    """
    return f"hl_parse_xml({xml})::JSON"


@parse_xml.overload
def _(xml: Dynamic) -> Dynamic:
    return f"hl_parse_xml({as_text(xml)})::JSON"


@scalar("parse_command_line")
def parse_command_line(command: Scalar, parser: String) -> Dynamic:
    """The arguments of a command line, as Windows parts them.

    >>> parse_command_line('echo "hello world!"', "windows")
    dynamic(["echo","hello world!"])
    """
    if text_of(parser, "a parser").lower() != "windows":
        raise Unsupported("a parser other than `windows`")
    return f"hl_parse_command_line({as_text(command)}, 'windows')::JSON"


@scalar("parse_version")
def parse_version(version: String) -> Decimal:
    """A number that orders versions of one to four parts; null where it is none.

    >>> parse_version("0.0.7.0")
    decimal(700000000)
    >>> parse_version("1.10") > parse_version("1.9.9")
    true
    """
    parts = " || ".join(f"lpad(split_part({version}, '.', {i}), 8, '0')" for i in range(1, 5))
    # As wide as a decimal can be: four parts of eight digits leave no place for a fraction.
    return (
        rf"case when regexp_full_match({version}, '\d{{1,8}}(?:\.\d{{1,8}}){{0,3}}') then ({parts})::DECIMAL(38,0) end"
    )


@scalar("extract_json", "extractjson")
def extract_json(path: String, source: String) -> String:
    """The text of what a JSON path leads to in a JSON text; empty where it leads to nothing.

    With a third argument, `typeof(…)`, it is brought to that type.

    >>> extract_json("$.hosts[1].name", '{"hosts":[{"name":"a"},{"name":"b"}]}')
    "b"
    """
    steps = _json_path(text_of(path, "a JSON path"))
    return (
        f"case when json_valid({source}) then coalesce(json_extract_string({source}, {quoted(steps)}), '') else '' end"
    )


_STEP = re.compile(r"""\.(\w+)|\[\s*(?:'([^']*)'|"([^"]*)"|(\d+))\s*\]""")


def _json_path(path: str) -> str:
    """A path of Kusto's, `$.a['b'][0]`, as the engine writes it."""
    rest, written = path.strip().removeprefix("$"), "$"
    while rest:
        step = _STEP.match(rest)
        if step is None:
            raise Unsupported(f"the JSON path `{path}`")
        name = step[1] or step[2] or step[3]
        if name in ("", "*"):
            raise Unsupported(f"the JSON path `{path}`")
        if step[4]:
            written += f"[{step[4]}]"
        else:
            escaped = (name or "").replace("\\", "\\\\").replace('"', '\\"')
            written += f'."{escaped}"'
        rest = rest[step.end() :]
    return written


@scalar("dynamic_to_json")
def dynamic_to_json(value: Scalar) -> String:
    """A dynamic as JSON text, the names of each bag in order, so that equal values have equal texts.

    >>> dynamic_to_json(dynamic({"b":1,"a":[2,3]}))
    '{"a":[2,3],"b":1}'
    """
    if isinstance(value, Sql) and value.type is ScalarType.DYNAMIC:
        return f"coalesce(hl_canonical_json({value}::VARCHAR), '')"
    return as_text(value)


@scalar("parse_user_agent")
def parse_user_agent(user_agent_string: String, look_for: Scalar) -> Dynamic:
    """What a user agent says of its `"browser"`, its `"os"` and its `"device"`: one of them, or an array of some.

    It needs the package `ua-parser`, the extra `huntlake[useragent]`.

    >>> parse_user_agent("", "browser").Browser.Family
    dynamic("Other")
    """
    value = look_for.value if isinstance(look_for, Sql) else None
    wanted = value if isinstance(value, list) else [value]
    if not wanted or not all(isinstance(w, str) and w.lower() in _PARTS for w in wanted):
        raise Unsupported("anything to look for but the constants `browser`, `os` and `device`")
    asked = ", ".join("true" if part in {str(w).lower() for w in wanted} else "false" for part in _PARTS)
    return f"hl_parse_user_agent({user_agent_string}, {asked})::JSON"


_PARTS = ("browser", "os", "device")

"""Files of tests as tests that stand alone, which a workspace keeps, and such tests as a file."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from huntlake.core.diagnostics import Source, SourceError
from huntlake.core.errors import Invalid
from huntlake.detection.marked import mapping, mapping_from_outside
from huntlake.detection.rule_tests import RuleTest
from huntlake.detection.testing.cases import Case, Expectation
from huntlake.detection.testing.reading import alone, sibling, suite
from huntlake.detection.testing.recordings import recorded
from huntlake.detection.testing.tables import KnownTables

_STR, _NULL = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"
_ODD = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME = 80


def rule_of(path: Path) -> Path:
    """The rule's file that a file of tests is about; `SourceError` where it can't be read."""
    node = mapping(Source(path.read_text(encoding="utf-8-sig"), str(path)))
    said = next((v for k, v in node.value if k.value == "rule" and isinstance(v, yaml.ScalarNode)), None)
    return path.parent / str(said.value) if said is not None and said.value else sibling(path)


def apart(path: Path, tables: KnownTables, folder: Path) -> tuple[tuple[str, RuleTest], ...]:
    """The tests of a file, each under a name for a workspace, with all that the file says for it.

    The files of data that it names must lie below the `folder`, which somebody else may have made. `SourceError` for a
    file that can't be read, `Invalid` for a test that wouldn't mean the same by itself.
    """
    found = suite(path, tables, folder)
    source = Source(path.read_text(encoding="utf-8-sig"), str(path))
    whole = _fields(mapping(source))
    items = [i for i in whole["tests"].value if isinstance(i, yaml.MappingNode)]
    told: dict[str, RuleTest] = {}
    for case, item in zip(found.cases, items, strict=True):
        text = _text(path, source, whole, item)
        again, alone_source, wrong = alone(text, tables)
        if again is None:
            raise Invalid(f"the test `{case.name[:60]}` can't stand alone: {SourceError(alone_source, *wrong)}")
        if _unmarked(again) != _unmarked(case):
            raise Invalid(f"the test `{case.name[:60]}` would mean something else by itself")
        told[named(case.name, told)] = RuleTest(case.name, text)
    return tuple(told.items())


def together(tests: Iterable[str]) -> str:
    """The file of tests that these are."""
    pieces = []
    for text in tests:
        node = mapping(Source(text))
        lines = text.removeprefix("\ufeff").replace("\r\n", "\n").rstrip().split("\n")
        piece = "\n".join(f"    {line}" if line.strip() else "" for line in lines).replace("    ", "  - ", 1)
        if not _is_same(f"tests:\n{piece}\n", node):
            own = yaml.serialize(node, allow_unicode=True).rstrip().split("\n")
            piece = "\n".join(f"    {line}" for line in own).replace("    ", "  - ", 1)
        pieces.append(f"{piece}\n")
    return "tests:\n" + "".join(pieces)


def _text(path: Path, source: Source, whole: Mapping[str, yaml.Node], item: yaml.MappingNode) -> str:
    """A test of a file as a text of its own: letter for letter, if nothing that the file says must be written in."""
    # A null says nothing, and must not hide what the file says.
    said = [(k, v) for k, v in item.value if v.tag != _NULL]
    item = yaml.MappingNode(item.tag, said, item.start_mark, item.end_mark, item.flow_style)
    own = _fields(item)
    above: list[tuple[yaml.Node, yaml.Node]] = []
    if "clock" in whole and not own.keys() & {"clock", "runs"}:
        above.append((_scalar("clock"), whole["clock"]))
    merged = {name: _merged(whole[name], own.get(name)) for name in ("tables", "watchlists") if name in whole}
    if "data" in own or merged.keys() & own.keys():
        kept = [(k, v) for k, v in item.value if k.value not in ("data", "events", *merged)]
        events = _events(path, own)
        made = [*kept[:1], *above, *((_scalar(n), v) for n, v in merged.items()), *events, *kept[1:]]
        return _serialized(yaml.MappingNode(item.tag, made, flow_style=False))
    above += [(_scalar(name), node) for name, node in merged.items()]
    head = _serialized(yaml.MappingNode(item.tag, above, flow_style=False)) if above else ""
    there = _sliced(source, item)
    if there is None:
        there = _serialized(yaml.MappingNode(item.tag, item.value, flow_style=False))
    name, rest = there.split("\n", 1)
    # A test begins with what it shows, where that is said first and in one line.
    named = name.startswith("name:") and item.value[0][1].end_mark.line == item.start_mark.line
    return f"{name}\n{head}{rest}" if named else head + there


def _events(path: Path, own: Mapping[str, yaml.Node]) -> list[tuple[yaml.Node, yaml.Node]]:
    """The events of a test, those of its files of data among them."""
    rows: dict[str, list[yaml.Node]] = {}
    if "events" in own:
        for table, node in own["events"].value:
            rows.setdefault(str(table.value), []).extend(node.value)
    if "data" in own:
        for table, file in own["data"].value:
            given = recorded(path.parent / str(file.value))
            rows.setdefault(str(table.value), []).extend(map(_row, given))
    if not rows:
        return []
    tables: list[tuple[yaml.Node, yaml.Node]] = [
        (_scalar(t), yaml.SequenceNode("tag:yaml.org,2002:seq", nodes, flow_style=False)) for t, nodes in rows.items()
    ]
    return [(_scalar("events"), yaml.MappingNode("tag:yaml.org,2002:map", tables, flow_style=False))]


def _row(row: Mapping[str, Any]) -> yaml.Node:
    node = yaml.compose(json.dumps(row, ensure_ascii=False, default=_said), yaml.SafeLoader)
    assert node is not None
    return node


def _said(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise Invalid(
        f"a value of the type {type(value).__name__} in a file of data is not supported in a workspace's test"
    )


def _merged(file: yaml.Node, own: yaml.Node | None) -> yaml.Node:
    if own is None:
        return file
    said = {k.value for k, _ in own.value}
    return yaml.MappingNode(
        file.tag, [*((k, v) for k, v in file.value if k.value not in said), *own.value], flow_style=False
    )


def _sliced(source: Source, item: yaml.MappingNode) -> str | None:
    """The lines of an item, moved to the left; None where it has none of its own, or they would mean something else."""
    if item.flow_style:
        return None
    column = item.start_mark.column
    first, *rest = source.text[item.start_mark.index : item.end_mark.index].rstrip().split("\n")
    # A comment that stands further to the left is about what comes next.
    while rest and (not rest[-1].strip() or (rest[-1].lstrip()[0] == "#" and not rest[-1].startswith(" " * column))):
        rest.pop()
    text = "\n".join([first, *(r[column:] if r.startswith(" " * column) else r.lstrip() for r in rest)]) + "\n"
    try:
        mapping_from_outside(Source(text))
    except SourceError:
        # It holds an anchor, or what one stands for.
        return None
    return text if _is_same(f"tests:\n  - {text.replace(chr(10), chr(10) + '    ')}", item) else None


def _is_same(file: str, item: yaml.Node) -> bool:
    """Whether the one test of a file says what a node says."""
    try:
        (found,) = _fields(mapping(Source(file)))["tests"].value
    except (SourceError, KeyError, ValueError):
        return False
    return bool(_tree(found) == _tree(item))


def _tree(node: yaml.Node) -> Any:
    match node:
        case yaml.MappingNode():
            return [(_tree(k), _tree(v)) for k, v in node.value]
        case yaml.SequenceNode():
            return [_tree(v) for v in node.value]
    return node.tag, node.value


def _serialized(node: yaml.Node) -> str:
    # Not `dump`: nodes keep numbers and times as they were written.
    return str(yaml.serialize(_copied(node), allow_unicode=True, width=1 << 20))


def _copied(node: yaml.Node) -> yaml.Node:
    """The same without aliases: nodes that stand in two places are two."""
    match node:
        case yaml.MappingNode():
            items = [(_copied(k), _copied(v)) for k, v in node.value]
            return yaml.MappingNode(node.tag, items, flow_style=node.flow_style)
        case yaml.SequenceNode():
            return yaml.SequenceNode(node.tag, [_copied(v) for v in node.value], flow_style=node.flow_style)
    return yaml.ScalarNode(node.tag, node.value, style=getattr(node, "style", None))


def _scalar(text: str) -> yaml.ScalarNode:
    return yaml.ScalarNode(_STR, text)


def _fields(node: yaml.Node) -> dict[str, yaml.Node]:
    return {str(k.value): v for k, v in node.value if v.tag != _NULL}


def _unmarked(case: Case) -> Case:
    """The test without the lines at which it stands."""
    expected = case.expected
    unmarked = Expectation(
        0,
        _without_lines(expected.alerts),
        _without_lines(expected.incidents),
        expected.entities,
    )
    return replace(case, line=0, expected=unmarked)


def _without_lines(expected: Any) -> Any:
    return tuple(replace(one, line=0) for one in expected) if isinstance(expected, tuple) else expected


def named(title: str, taken: Container[str]) -> str:
    """A name for an address or a file out of a title, which none of those has."""
    plain = _ODD.sub("-", title.lower()).strip("-")[:_LONGEST_NAME].strip("-") or "test"
    number, name = 1, plain
    while name in taken:
        number += 1
        name = f"{plain}-{number}"
    return name

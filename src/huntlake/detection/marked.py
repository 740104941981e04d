"""YAML and JSON files, read so that each complaint has its place in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import TypeVar

import yaml

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span, did_you_mean

E = TypeVar("E", bound=StrEnum)
V = TypeVar("V")

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LONGEST = 1 << 22
LONGEST = 1 << 18
"""Characters that a text from outside may have, such as a rule that somebody writes."""
_DEEPEST = 50
_NULL = "tag:yaml.org,2002:null"
_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map"))
_WORDS = {"true": True, "false": False}


class Complaints:
    """What is wrong with one file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Diagnostic] = []

    def add(self, code: str, message: str, node: yaml.Node, help: str = "") -> None:
        """Something is wrong at `node`."""
        start = node.start_mark.index
        # Of what spans lines the first is marked.
        line_end = self.source.text.find("\n", start)
        end = min(node.end_mark.index, line_end if line_end >= 0 else len(self.source.text))
        self.found.append(Diagnostic(code, message, Span(start, max(start, end)), help=help))

    def end(self) -> None:
        """Raise `SourceError` where something is wrong."""
        if self.found:
            raise SourceError(self.source, *self.found)


class Fields:
    """A mapping of the file. Each field is read by name; `close` complains of those that nobody has read."""

    def __init__(self, node: yaml.MappingNode, complaints: Complaints, *, any_case: bool = False) -> None:
        self.node = node
        self._complaints = complaints
        self._any_case = any_case
        self._read: set[str] = set()
        self._nodes: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            name = self._key(str(key.value))
            if name in self._nodes:
                complaints.add("RF002", f"`{key.value}` is said twice", key)
            self._nodes[name] = key, value

    def __contains__(self, name: str) -> bool:
        return self.find(name) is not None

    def find(self, name: str) -> yaml.Node | None:
        """The value of a field; None where it is missing or null."""
        self._read.add(name)
        found = self._nodes.get(self._key(name))
        return None if found is None or found[1].tag == _NULL else found[1]

    def complain(self, code: str, message: str, name: str = "", help: str = "") -> None:
        """Something is wrong with a field, or with the whole."""
        found = self._nodes.get(self._key(name)) if name else None
        self._complaints.add(code, message, found[1] if found else self.node, help)

    def pass_over(self, *names: str) -> None:
        """These may be there, and change nothing."""
        self._read.update(names)

    def close(self) -> None:
        """Complain of every field that nobody has read."""
        known = {self._key(name) for name in self._read}
        for name, (key, value) in self._nodes.items():
            # A null says nothing.
            if name not in known and value.tag != _NULL:
                hint = did_you_mean(str(key.value), self._read)
                self._complaints.add("RF003", f"the field `{key.value}` is not supported here", key, hint)

    def text(self, name: str, *, required: bool = False) -> str | None:
        """A text; a number is taken as it is written."""
        node = self.find(name)
        if node is None:
            if required:
                self.complain("RF004", f"`{name}` is missing")
            return None
        if not isinstance(node, yaml.ScalarNode):
            self._complaints.add("RF005", f"`{name}` is not a text", node)
            return None
        return whole(node.value)

    def truth(self, name: str) -> bool | None:
        """True or false."""
        return self._parsed(name, lambda t: _WORDS.get(t.strip().lower()), "`true` or `false`")

    def number(self, name: str) -> int | None:
        """A whole number."""
        return self._parsed(name, lambda t: int(t) if t.strip().isdecimal() and len(t) < 10 else None, "a whole number")

    def choice(self, name: str, kinds: type[E], also: Mapping[str, E] | None = None) -> E | None:
        """A member of `kinds`, in any case, or what `also` calls one."""
        known = {k.lower(): k for k in kinds} | {k.lower(): v for k, v in (also or {}).items()}
        text = self.text(name)
        if text is None:
            return None
        if (found := known.get(text.strip().lower())) is None:
            hint = did_you_mean(text, kinds) or f"there are {', '.join(f'`{k}`' for k in kinds)}"
            self.complain("RF005", f"`{name}` can't be `{text[:60]}`", name, hint)
        return found

    def value(self, name: str, read: Callable[[str], V | None], what: str) -> V | None:
        """What `read` makes of a text; None of it means that the text isn't `what` it should be."""
        return self._parsed(name, read, what)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; one alone counts as a list."""
        return tuple(text for text, _ in self.marked_texts(name))

    def marked_texts(self, name: str) -> Iterator[tuple[str, yaml.Node]]:
        """Each text of a list, and where it is."""
        node = self.find(name)
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [] if node is None else [node]
        for item in nodes:
            if not isinstance(item, yaml.ScalarNode):
                self._complaints.add("RF005", f"`{name}` is not a list of texts", item)
            elif item.tag != _NULL and item.value:
                yield whole(item.value), item

    def map(self, name: str) -> dict[str, str]:
        """Texts by name."""
        node = self.find(name)
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode) or not all(isinstance(v, yaml.ScalarNode) for _, v in node.value):
            self._complaints.add("RF005", f"`{name}` is not a mapping of texts", node)
            return {}
        return {str(k.value): whole(v.value) for k, v in node.value}

    def inner(self, name: str) -> Fields | None:
        """The mapping of that name; None where there is none."""
        node = self.find(name)
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            self._complaints.add("RF005", f"`{name}` is not a mapping", node)
            return None
        return Fields(node, self._complaints, any_case=self._any_case)

    def at(self, node: yaml.MappingNode) -> Fields:
        """A mapping somewhere below, as fields of the same file."""
        return Fields(node, self._complaints, any_case=self._any_case)

    def list(self, name: str) -> Iterator[Fields]:
        """The mappings of a list."""
        node = self.find(name)
        if node is not None and not isinstance(node, yaml.SequenceNode):
            self._complaints.add("RF005", f"`{name}` is not a list", node)
            return
        for item in node.value if node is not None else ():
            if isinstance(item, yaml.MappingNode):
                yield Fields(item, self._complaints, any_case=self._any_case)
            elif item.tag != _NULL:
                self._complaints.add("RF005", f"an item of `{name}` is not a mapping", item)

    def complain_at(self, code: str, message: str, node: yaml.Node, help: str = "") -> None:
        """Something is wrong at a node of this mapping."""
        self._complaints.add(code, message, node, help)

    def _parsed(self, name: str, read: Callable[[str], V | None], what: str) -> V | None:
        text = self.text(name)
        if text is None:
            return None
        found = read(text)
        if found is None:
            self.complain("RF005", f"`{name}` is {what}, not `{text[:60]}`", name)
        return found

    def _key(self, name: str) -> str:
        return name.lower() if self._any_case else name


def mapping(source: Source) -> yaml.MappingNode:
    """The one mapping that a YAML or JSON text is; `SourceError` where it is none."""
    text = source.text
    if len(text) > _LONGEST:
        raise SourceError(source, Diagnostic("RF001", f"the file is longer than {_LONGEST} characters", Span(0, 0)))
    try:
        if text.lstrip().startswith("{"):
            text = text.replace("\t", " ")  # in JSON a tab only stands between tokens, and YAML dislikes it there
        documents = [d for d in yaml.compose_all(text, _LOADER) if d is not None and d.tag != _NULL]
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark.index if error.problem_mark else 0
        raise SourceError(source, Diagnostic("RF001", f"the file is not YAML: {error.problem}", Span(at, at))) from None
    except (yaml.YAMLError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        raise SourceError(source, Diagnostic("RF001", f"the file is not YAML: {why}", Span(0, 0))) from None
    if len(documents) != 1 or not isinstance(documents[0], yaml.MappingNode):
        raise SourceError(source, Diagnostic("RF001", "the file is not one mapping of fields", Span(0, 0)))
    if _is_deeper((documents[0],), _DEEPEST):
        raise SourceError(source, Diagnostic("RF001", f"the file is nested deeper than {_DEEPEST}", Span(0, 0)))
    return documents[0]


def mapping_from_outside(source: Source) -> yaml.MappingNode:
    """The mapping of a text that came from outside: no aliases, which can stand for billions of fields, and no tags."""
    if len(source.text) > LONGEST:
        raise SourceError(source, Diagnostic("RF001", f"the text is longer than {LONGEST:,} characters", Span(0, 0)))
    depth = 0
    try:
        # Looked at as a stream first: what is nested too deeply would end the process where it is made into nodes.
        for event in yaml.parse(source.text, _LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            start, end = event.start_mark, event.end_mark
            at = Span(start.index if start else 0, end.index if end else 0)
            if depth > _DEEPEST:
                raise SourceError(source, Diagnostic("RF001", f"the text is nested deeper than {_DEEPEST}", at))
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise SourceError(source, Diagnostic("RF001", "anchors and aliases are not supported", at))
            tag = getattr(event, "tag", None)
            if tag and tag not in _TAGS:
                told = f"the tag `{tag.removeprefix('tag:yaml.org,2002:')[:60]}` is not supported"
                raise SourceError(source, Diagnostic("RF001", told, at))
    except yaml.YAMLError:
        pass  # which `mapping` tells at its place
    node = mapping(source)
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            at = Span(key.start_mark.index, key.end_mark.index)
            raise SourceError(source, Diagnostic("RF001", "a field's name is a text", at))
    return node


def plain(text: str) -> str:
    """The text, without a mark at its beginning, and with the ends of lines that YAML reads."""
    # The reader of YAML doesn't count a mark at the beginning: all places behind it would be one off.
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def whole(text: str) -> str:
    """The text, in which two halves of a character, as JSON may write it, are one."""
    if not any("\ud800" <= c <= "\udfff" for c in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_deeper(nodes: Iterable[yaml.Node], levels: int) -> bool:
    level = list(nodes)
    for _ in range(levels):
        inner: dict[int, yaml.Node] = {}
        for node in level:
            # An anchor's node is met once on a level, however often it is named: else aliases of aliases explode.
            if isinstance(node, yaml.MappingNode):
                inner |= {id(v): v for _, v in node.value}
            elif isinstance(node, yaml.SequenceNode):
                inner |= {id(v): v for v in node.value}
        if not inner:
            return False
        level = list(inner.values())
    return True

"""XML text to a tree and back, as .NET's `XmlDocument` reads and prints it: blanks between elements are dropped."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from huntlake.wdl.expressions.values import DEEPEST, Fault, utf8


@dataclass(eq=False, slots=True)
class Text:
    """Characters."""

    text: str


@dataclass(eq=False, slots=True)
class Cdata:
    """Characters that stand in a CDATA section."""

    text: str


@dataclass(eq=False, slots=True)
class Comment:
    """A comment."""

    text: str


@dataclass(eq=False, slots=True)
class Instruction:
    """A processing instruction; the XML declaration is one named `xml`, and its parts are `attributes`."""

    target: str
    text: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Doctype:
    """A document type: its name, and the rest as it was written."""

    name: str
    public: str
    system: str
    subset: str


@dataclass(eq=False, slots=True)
class Element:
    """An element; `empty` says that it was written `<a />`."""

    name: str
    attributes: dict[str, str]
    children: list[Node]
    empty: bool = False


Node = Element | Text | Cdata | Comment | Instruction | Doctype


@dataclass(eq=False, slots=True)
class Document:
    """What stands in one text: a declaration and comments perhaps, and one root."""

    children: list[Node]


def read(source: str | bytes) -> Document:
    """The document of XML text; the encoding that it declares counts only for bytes. Raises `Fault`."""
    return _Reader(source).document


class _Reader:
    def __init__(self, source: str | bytes) -> None:
        self.data = utf8(source) if isinstance(source, str) else source
        parser = expat.ParserCreate("utf-8" if isinstance(source, str) else None)
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.XmlDeclHandler = self.declaration
        parser.StartDoctypeDeclHandler = self.doctype
        parser.EntityDeclHandler = self.entity
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.text
        parser.StartCdataSectionHandler = self.cdata
        parser.EndCdataSectionHandler = self.cdata_end
        parser.CommentHandler = self.comment
        parser.ProcessingInstructionHandler = self.instruction
        self.parser = parser
        self.document = Document([])
        self.stack: list[tuple[Element, frozenset[str]]] = []
        self.in_cdata = False
        try:
            parser.Parse(self.data, True)
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise Fault(f"the text is not XML: {error}") from None

    def add(self, node: Node) -> None:
        (self.stack[-1][0].children if self.stack else self.document.children).append(node)

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if version != "1.0":
            raise Fault(f"the text is XML of version {version}, and only 1.0 is known")
        parts = {"version": version}
        if encoding is not None:
            parts["encoding"] = encoding
        if standalone >= 0:
            parts["standalone"] = "yes" if standalone else "no"
        self.add(Instruction("xml", " ".join(f'{k}="{v}"' for k, v in parts.items()), parts))

    def doctype(self, name: str, system: str | None, public: str | None, subset: bool) -> None:
        written = ""
        if subset:
            match = re.search(rb"<!DOCTYPE\s[^\[]*\[(.*?)\]\s*>", self.data, re.DOTALL)
            # A lone carriage return ends a line, as everywhere in XML; one before a line feed .NET leaves here.
            written = re.sub("\r(?!\n)", "\n", match[1].decode("utf-8", "replace")) if match else ""
        self.add(Doctype(name, public or "", system or "", written))

    def entity(self, *_: object) -> NoReturn:
        raise Fault("XML that declares entities is not supported")

    def start(self, name: str, attributes: list[str]) -> None:
        if len(self.stack) >= DEEPEST:
            raise Fault(f"the XML nests deeper than {DEEPEST}")
        pairs = dict(zip(attributes[::2], attributes[1::2], strict=True))
        known = self.stack[-1][1] if self.stack else frozenset(("xml", "xmlns"))
        known |= {n[6:] for n in pairs if n.startswith("xmlns:")}
        for used in (name, *pairs):
            if ":" in used and used.partition(":")[0] not in known:
                raise Fault(f"the text is not XML: `{used}` has a prefix that no namespace has")
        element = Element(name, pairs, [])
        self.add(element)
        self.stack.append((element, known))

    def end(self, name: str) -> None:
        element = self.stack.pop()[0]
        # The place is the start of `</a>`, or behind `<a />`.
        place = self.parser.CurrentByteIndex
        element.empty = not element.children and self.data[max(0, place - 2) : place] == b"/>"
        texts = [c for c in element.children if not isinstance(c, Text) or c.text.strip(" \t\r\n")]
        element.children[:] = texts

    def text(self, text: str) -> None:
        if self.in_cdata:
            last = self.stack[-1][0].children[-1]
            assert isinstance(last, Cdata)
            last.text += text
        else:
            self.add(Text(text))

    def cdata(self) -> None:
        self.add(Cdata(""))
        self.in_cdata = True

    def cdata_end(self) -> None:
        self.in_cdata = False

    def comment(self, text: str) -> None:
        self.add(Comment(text))

    def instruction(self, target: str, text: str) -> None:
        self.add(Instruction(target, text))


def printed(node: Node | Document) -> str:
    """The XML text of a node."""
    made: list[str] = []
    _print(node, made)
    return "".join(made)


def _print(node: Node | Document, made: list[str]) -> None:
    match node:
        case Document(children):
            for child in children:
                _print(child, made)
        case Text(text):
            made.append(_escaped(text))
        case Cdata(text):
            if "]]>" in text:
                raise Fault("a CDATA section can't hold `]]>`")
            made.append(f"<![CDATA[{text}]]>")
        case Comment(text):
            made.append(f"<!--{text}-->")
        case Instruction(target, text):
            made.append(f"<?{target} {text}?>" if text else f"<?{target}?>")
        case Doctype(name, public, system, subset):
            made.append(f"<!DOCTYPE {name}")
            if public:
                made.append(f' PUBLIC "{public}" "{system}"')
            elif system:
                made.append(f' SYSTEM "{system}"')
            made.append(f"[{subset}]>" if subset else ">")
        case Element(name, attributes, children, empty):
            made.append(f"<{name}")
            for key, value in attributes.items():
                quoted = _escaped(value).replace('"', "&quot;").replace("\n", "&#xA;").replace("\r", "&#xD;")
                made.append(f' {key}="{quoted}"')
            if empty and not children:
                made.append(" />")
                return
            made.append(">")
            for child in children:
                _print(child, made)
            made.append(f"</{name}>")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

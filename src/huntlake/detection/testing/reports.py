"""What came of tests, in the forms that build servers read: JUnit's XML, SARIF, and annotations of GitHub."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree

import orjson

from huntlake.detection.testing.matching import Difference

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Outcome(Protocol):
    """What came of a test, of whatever."""

    @property
    def path(self) -> Path: ...
    @property
    def name(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def differences(self) -> tuple[Difference, ...]: ...
    @property
    def error(self) -> str: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def passed(self) -> bool: ...


def problems(outcome: Outcome) -> Iterator[tuple[int, str]]:
    """The line and text of each thing that is wrong with a test."""
    if outcome.error:
        yield outcome.line, outcome.error
    for one in outcome.differences:
        yield one.line or outcome.line, one.text


def junit(outcomes: Sequence[Outcome], name: str = "huntlake test") -> str:
    """JUnit's XML: a suite for each file, all under that name."""
    root = ElementTree.Element("testsuites", {"name": name})
    for path in dict.fromkeys(o.path for o in outcomes):
        ours = [o for o in outcomes if o.path == path]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            {
                "name": _xml(str(path)),
                "tests": str(len(ours)),
                "failures": str(sum(bool(o.differences) for o in ours)),
                "errors": str(sum(bool(o.error) for o in ours)),
                "time": f"{sum(o.seconds for o in ours):.3f}",
            },
        )
        for one in ours:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                {
                    "name": _xml(one.name),
                    "classname": _xml(path.name),
                    "file": _xml(str(path)),
                    "line": str(one.line),
                    "time": f"{one.seconds:.3f}",
                },
            )
            if not one.passed:
                texts = [f"{path}:{line}: {text}" for line, text in problems(one)]
                element = ElementTree.SubElement(
                    case, "error" if one.error else "failure", {"message": _xml(texts[0].splitlines()[0])}
                )
                element.text = _xml("\n".join(texts))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def sarif(outcomes: Iterable[Outcome], version: str) -> str:
    """SARIF 2.1.0 of all that is wrong."""
    results = [
        {
            "ruleId": "test-error" if outcome.error else "test-failed",
            "level": "error",
            "message": {"text": f"{outcome.name}: {text}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": _uri(outcome.path)},
                        "region": {"startLine": max(line, 1)},
                    }
                }
            ],
        }
        for outcome in outcomes
        for line, text in problems(outcome)
    ]
    rules = [
        {"id": "test-failed", "shortDescription": {"text": "What is tested doesn't do what its test expects"}},
        {"id": "test-error", "shortDescription": {"text": "A test can't be run"}},
    ]
    driver = {"name": "huntlake", "version": version, "rules": rules}
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"


def github(outcomes: Iterable[Outcome]) -> str:
    """Commands that make annotations in a workflow of GitHub: a line for each thing that is wrong."""
    return "".join(
        f"::error file={_property(str(o.path))},line={max(line, 1)},title={_property(o.name)}::{_message(text)}\n"
        for o in outcomes
        for line, text in problems(o)
    )


def _uri(path: Path) -> str:
    from urllib.parse import quote

    return quote(path.as_posix())


def _xml(text: str) -> str:
    """The text without what XML can't say."""
    return _NOT_XML.sub("\ufffd", text)


def _message(text: str) -> str:
    # What a test's name or a log says must not become a command of its own.
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")

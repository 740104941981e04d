"""Findings in the forms that other tools read: JSON, SARIF, and GitHub's annotations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from huntlake.core.findings import Codes, Finding, Level
from huntlake.detection.linting import CODES

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def as_json(findings: Sequence[Finding]) -> str:
    """The findings as a list of objects."""
    return _json([_plain(f) for f in findings])


def as_sarif(findings: Sequence[Finding], codes: Codes = CODES) -> str:
    """The findings as a document of SARIF 2.1.0, with their remedies; `codes` say what each means."""
    return _json(_sarif(findings, codes))


def as_annotations(findings: Sequence[Finding]) -> str:
    """The findings as commands of GitHub's workflows, one a line."""
    return "\n".join(map(_annotation, findings))


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "level": finding.level,
        "file": str(finding.path),
        "line": finding.line,
        "column": finding.column,
        "reason": finding.reason,
        "help": finding.help,
        "fixable": finding.edit is not None,
    } | ({"place": finding.place} if finding.place else {})


def _annotation(finding: Finding) -> str:
    place = f"file={_property(str(finding.path))},line={finding.line},col={finding.column}"
    told = f"{finding.reason} ({finding.help})" if finding.help else finding.reason
    return f"::{_COMMANDS[finding.level]} {place},title={finding.code}::{_data(told)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _sarif(findings: Sequence[Finding], meaning: Codes) -> dict[str, Any]:
    codes = sorted({f.code for f in findings})
    rules = [
        {"id": code, "shortDescription": {"text": meaning[code][1] if code in meaning else "The file can't be used."}}
        for code in codes
    ]
    driver = {"name": "huntlake", "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_result(f, codes.index(f.code)) for f in findings]}],
    }


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    file = {"uri": _uri(finding.path)}
    region = {"startLine": finding.line, "startColumn": finding.column}
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.level,
        "message": {"text": f"{finding.reason}. {finding.help}" if finding.help else finding.reason},
        "locations": [{"physicalLocation": {"artifactLocation": file, "region": region}}],
    }
    if (edit := finding.edit) is not None:
        deleted = {"charOffset": edit.start, "charLength": edit.end - edit.start}
        change = {"deletedRegion": deleted, "insertedContent": {"text": edit.text}}
        result["fixes"] = [{"artifactChanges": [{"artifactLocation": file, "replacements": [change]}]}]
    return result


def _uri(path: Path) -> str:
    return path.resolve().as_uri() if path.is_absolute() else path.as_posix()


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()

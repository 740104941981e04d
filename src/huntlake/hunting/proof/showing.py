"""A proof as JSON tells it: to programs, and to pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from huntlake.core.diagnostics import Source, Span
from huntlake.hunting.proof.finding import Proof, ProofFinding
from huntlake.hunting.proof.repairing import Repaired
from huntlake.hunting.proof.rules import RULES


def told(proof: Proof, query: str) -> dict[str, Any]:
    """Everything of a proof; each finding with the line and the column in its query, counted from 1."""
    found: dict[str, Any] = {
        "provedTimeUtc": _stamp(proof.at),
        "valid": proof.is_valid,
        "ran": proof.ran,
        "weight": proof.weight,
        "schema": proof.schema,
        "findings": findings(proof.findings, query),
    }
    if proof.cost is not None:
        found["cost"] = {"bytes": proof.cost.bytes, "rows": proof.cost.rows, "tables": list(proof.cost.tables)}
    if (volume := proof.volume) is not None:
        found["volume"] = {
            "rowsADay": round(volume.a_day, 3),
            "low": round(volume.low, 3),
            "high": round(volume.high, 3),
            "sampled": volume.sampled,
        }
    if (run := proof.dry_run) is not None:
        found["dryRun"] = {
            "startTimeUtc": _stamp(run.since),
            "endTimeUtc": _stamp(run.until),
            "rows": run.rows,
            "daily": dict(run.daily),
            "entities": dict(run.entities),
            "sample": [dict(row) for row in run.sample],
            "seconds": run.seconds,
            "readBytes": run.read_bytes,
            "limited": run.limited,
            "failure": run.failure,
        }
    if proof.checks:
        found["checks"] = [
            {"recording": c.recording, "expectation": c.expectation.value, "rows": c.rows, "passed": c.passed}
            for c in proof.checks
        ]
    return found


def proposed(repair: Repaired | None, query: str) -> dict[str, Any] | None:
    """A repair of a query: its edits, each with its place in the query as it is, and what is still wrong then."""
    if repair is None:
        return None
    return {
        "query": repair.query,
        "valid": repair.is_whole,
        "repairs": findings(repair.repairs, query),
        "findings": findings(repair.proof.findings, repair.query),
    }


def findings(found: Iterable[ProofFinding], query: str) -> list[dict[str, Any]]:
    """Findings about a query, each with its line and column."""
    return [_finding(one, Source(query)) for one in found]


def lines(found: Iterable[ProofFinding], query: str, name: str) -> Iterator[str]:
    """Findings as lines of text, each with its place in the file of that name."""
    source = Source(query, name)
    for finding in found:
        line, column = _place(finding.span, source)
        hint = f" ({finding.help})" if finding.help else ""
        yield f"{name}:{line}:{column}: {finding.code} {finding.level}: {finding.reason}{hint}"


def _finding(finding: ProofFinding, source: Source) -> dict[str, Any]:
    line, column = _place(finding.span, source)
    rule = RULES.get(finding.code)
    said: dict[str, Any] = {
        "code": finding.code,
        "level": finding.level.value,
        "weight": finding.weight,
        "title": rule.title if rule else "",
        "reason": finding.reason,
        "help": finding.help,
    }
    if finding.span is not None:
        said |= {"line": line, "column": column, "start": finding.span.start, "end": finding.span.end}
    return said


def _place(span: Span | None, source: Source) -> tuple[int, int]:
    return source.position(span.start) if span is not None else (1, 1)


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

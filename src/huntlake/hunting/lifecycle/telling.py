"""What others are told of hunts, in plain values with the names of the wire."""

from __future__ import annotations

from typing import Any

from huntlake.hunting.lifecycle.events import HuntAwaitingReview, HuntFindings
from huntlake.hunting.lifecycle.hunt import GovernedHunt


def awaiting(event: HuntAwaitingReview, hunt: GovernedHunt, base: str) -> dict[str, Any]:
    """What is said of a hunt that waits for a decision; `base` is where people see this server."""
    version = hunt.version(event.version)
    volume = version.proof.volume if version.proof else None
    return {
        "hunt": event.hunt,
        "title": event.title,
        "statement": hunt.statement,
        "version": event.version,
        "contentHash": event.content_hash,
        "maker": event.maker,
        "needsSenior": event.senior,
        "author": version.author.name or version.author.object_id,
        "responsible": event.responsible,
        "submittedBy": event.submitted_by.name or event.submitted_by.object_id,
        "techniques": list(hunt.techniques),
        "tables": list(hunt.tables),
        "rowsPerDay": volume.a_day if volume else None,
        "url": _url(base, event.hunt),
    }


def findings(event: HuntFindings, hunt: GovernedHunt, base: str) -> dict[str, Any]:
    """What is said of a run that has found something."""
    return {
        "hunt": event.hunt,
        "title": event.title,
        "version": event.version,
        "run": event.run,
        "rows": event.rows,
        "clusters": event.clusters,
        "score": float(event.score),
        "techniques": list(hunt.techniques),
        "tables": list(hunt.tables),
        "url": _url(base, event.hunt),
    }


def _url(base: str, hunt: str) -> str:
    return f"{base}/app/hunts/{hunt}" if base else ""

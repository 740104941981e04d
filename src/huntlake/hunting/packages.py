"""A hunt as one document: what was thought, asked, found and decided, for who comes after.

It is JSON, with a hash of all of it, and Markdown made of that. Values of logs and reports stand in Markdown as code,
which nothing renders.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import orjson

from huntlake.hunting.escaping import code, fence, told, words
from huntlake.hunting.hypotheses.hypothesis import DataGap, Hypothesis
from huntlake.hunting.lifecycle.hunt import GovernedHunt, HuntVersion
from huntlake.hunting.lifecycle.states import HuntState
from huntlake.hunting.running.run import HuntRun
from huntlake.hunting.signals.signal import Signal
from huntlake.state.audit import ChainHead

VERSION = "1"


@dataclass(frozen=True, slots=True)
class PackageParts:
    """What a package is made of. Signals and runs are by their ids."""

    name: str
    hunt: GovernedHunt
    hypothesis: Hypothesis | None
    signals: Mapping[str, Signal]
    runs: Mapping[str, HuntRun]
    gaps: Sequence[DataGap]
    audit: ChainHead
    workspace: str


def package(parts: PackageParts, at: datetime) -> dict[str, Any]:
    """The package as JSON values; `hash` is the SHA-256 of all the rest."""
    hunt = parts.hunt
    said: dict[str, Any] = {
        "format": f"huntlake hunt package {VERSION}",
        "made": _at(at),
        "workspace": parts.workspace,
        "hunt": parts.name,
        "title": hunt.title,
        "state": hunt.state.value,
        "hypothesis": {
            "statement": hunt.statement,
            "rationale": hunt.rationale,
            "claims": [_plain(claim) for claim in parts.hypothesis.rationale] if parts.hypothesis else [],
            "score": _plain(parts.hypothesis.parts) if parts.hypothesis else None,
            "priority": parts.hypothesis.priority if parts.hypothesis else None,
            "confidence": parts.hypothesis.confidence if parts.hypothesis else None,
        },
        "techniques": list(hunt.techniques),
        "tables": list(hunt.tables),
        "signals": [
            {
                "id": id,
                "title": signal.title,
                "source": signal.source,
                "reference": signal.reference,
                "observed": _at(signal.observed),
                "digest": signal.digest,
            }
            for id, signal in sorted(parts.signals.items())
        ],
        "versions": [_version(version, hunt) for version in hunt.versions],
        "reviews": [_plain(review) for review in hunt.reviews],
        "comments": [_plain(comment) for comment in hunt.comments],
        "runs": [
            {
                "id": id,
                "version": run.version,
                "since": _at(run.since),
                "until": _at(run.until),
                "status": run.status.value,
                "rows": run.rows,
                "seconds": round(run.seconds, 3),
                "failure": run.failure,
                "clusters": [_plain(cluster) for cluster in run.clusters],
                "verdicts": [_plain(outcome) for outcome in run.outcomes],
            }
            for id, run in sorted(parts.runs.items())
        ],
        "gaps": [_plain(gap) for gap in parts.gaps],
        "rule": hunt.rule,
        "nextSteps": next_steps(parts),
        "audit": {"entries": parts.audit.length, "head": parts.audit.hash},
    }
    said = cast("dict[str, Any]", orjson.loads(orjson.dumps(said, default=_simple)))
    return {**said, "hash": package_hash(said)}


def package_hash(said: Mapping[str, Any]) -> str:
    """The hash of a package: of everything in it but its hash."""
    rest = {name: value for name, value in said.items() if name != "hash"}
    return hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()


def next_steps(parts: PackageParts) -> list[str]:
    """What follows from where a hunt is; nothing of it is done by itself."""
    hunt, steps = parts.hunt, list[str]()
    waiting = sum(
        1
        for run in parts.runs.values()
        for cluster in run.clusters
        if not cluster.known_good and cluster.signature not in {o.signature for o in run.outcomes}
    )
    if waiting:
        steps.append(f"Say what {waiting} cluster{'' if waiting == 1 else 's'} turned out to be.")
    match hunt.state:
        case HuntState.IN_REVIEW:
            steps.append("Review it: somebody other than its author.")
        case HuntState.CHANGES_REQUESTED | HuntState.INVALID | HuntState.DRY_RUN_FAILED:
            steps.append("Write a new version.")
        case HuntState.DRAFT | HuntState.VALIDATED:
            steps.append("Prove it.")
        case HuntState.APPROVED:
            steps.append("Schedule it, or run it once.")
        case HuntState.SUSPENDED:
            steps.append("Find out why it was suspended, and resume it after a fresh dry run.")
        case HuntState.FINDINGS:
            steps.append("Promote it to an analytic rule, if it is to be looked for all the time.")
        case HuntState.EXPIRED:
            steps.append("Prove and review it anew.")
        case _:
            pass
    if parts.gaps:
        steps.append("Bring in the logs that are missing.")
    return steps


def markdown(said: Mapping[str, Any]) -> str:
    """A package for people to read."""
    hypothesis = said["hypothesis"]
    lines = [
        f"# {words(said['title'])}",
        "",
        f"State: {said['state']}. Made {_when(said['made'])} in {code(said['workspace'])}.",
        "",
        "## Hypothesis",
        "",
        words(hypothesis["statement"]),
        "",
        words(hypothesis["rationale"]),
        "",
        *[
            f"- {words(claim['text'])} ({', '.join(code(id) for id in claim['signals'])})"
            for claim in hypothesis["claims"]
        ],
        "",
        f"Techniques: {_listed(said['techniques'])}. Tables: {_listed(said['tables'])}.",
        "",
        "## Signals",
        "",
        *[
            f"- {code(s['id'])} {words(s['title'])} ({words(s['source'])}, {_when(s['observed'])})"
            for s in said["signals"]
        ],
        "",
        "## Query",
        "",
    ]
    for version in said["versions"]:
        lines += [
            f"### Version {version['number']} ({version['maker']}, {words(version['author'])}, "
            f"{_when(version['made'])})",
            "",
            fence(version["query"], "kql"),
            "",
            *[f"- {told(step)}" for step in version["explanation"]],
            "",
        ]
        if version["proof"]:
            lines += [f"Proof: {words(version['proof'])}", ""]
    lines += ["## Decisions", ""]
    lines += [
        f"- version {review['version']}: {review['decision']} by {words(review['by']['name'])}, {_when(review['at'])}: "
        f"{words(review['comment'])}"
        for review in said["reviews"]
    ] or [_NONE]
    lines += ["", "## Runs", ""]
    for run in said["runs"]:
        lines.append(
            f"- {_when(run['since'])} to {_when(run['until'])}, version {run['version']}: {run['status']}, "
            f"{_rows(run['rows'])}"
        )
        verdicts = {outcome["signature"]: outcome for outcome in run["verdicts"]}
        for cluster in run["clusters"]:
            verdict = verdicts.get(cluster["signature"])
            judged = f"; {verdict['verdict']}" if verdict else ""
            good = f"; known good: {words(cluster['known_good'])}" if cluster["known_good"] else ""
            lines.append(
                f"  - {code(cluster['title'])}: {words(cluster['summary'])}, score {cluster['score']}{good}{judged}"
            )
    if not said["runs"]:
        lines.append(_NONE)
    gaps = [f"- {words(gap['technique'])}: {words(gap['reason'])}" for gap in said["gaps"]]
    lines += ["", "## Gaps", "", *(gaps or [_NONE])]
    lines += ["", "## Next steps", "", *([f"- {step}" for step in said["nextSteps"]] or [_NONE]), ""]
    lines += [f"Audit: {said['audit']['entries']} entries, head {code(said['audit']['head'])}.", ""]
    lines += [f"Hash of the package: {code(said['hash'])}.", ""]
    return "\n".join(lines)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(words, names)) or "none"


def _version(version: HuntVersion, hunt: GovernedHunt) -> dict[str, Any]:
    draft, proof = version.draft, version.proof
    return {
        "number": version.number,
        "maker": version.maker.value,
        "model": version.model,
        "author": version.author.name or version.author.user_principal_name,
        "responsible": version.responsible,
        "made": _at(version.made),
        "note": version.note,
        "hash": version.content.hash,
        "runs": version.number == hunt.runnable,
        "query": version.content.query,
        "parameters": dict(version.content.parameters),
        "schedule": _plain(version.content.schedule),
        "limits": _plain(version.content.limits),
        "entities": [_plain(entity) for entity in version.content.entities],
        "liveWatchlists": list(version.content.live_watchlists),
        "source": f"{draft.source.value}/{draft.reference}" if draft else "",
        "notice": draft.notice if draft else "",
        "explanation": [step.text for step in draft.explanation] if draft else [],
        "context": [_plain(one) for one in draft.context] if draft else [],
        "findings": [_plain(finding) for finding in proof.findings] if proof else [],
        "proof": _proved(version),
        "dryRun": _plain(proof.dry_run) if proof and proof.dry_run else None,
    }


def _proved(version: HuntVersion) -> str:
    proof = version.proof
    if proof is None:
        return ""
    said = ["valid" if proof.is_valid else "not valid", f"findings weigh {proof.weight}"]
    if proof.volume:
        said.append(f"{proof.volume.a_day:.1f} rows a day ({proof.volume.low:.1f} to {proof.volume.high:.1f})")
    if proof.dry_run:
        dry = proof.dry_run
        gave = dry.failure or dry.limited or _rows(dry.rows)
        said.append(f"dry run from {_minute(dry.since)} to {_minute(dry.until)}: {gave}")
    return "; ".join(said)


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value, default=_simple))


def _simple(value: Any) -> Any:
    if hasattr(value, "total_seconds"):
        return value.total_seconds()
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(type(value).__name__)


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _when(text: str) -> str:
    """A moment of the package, as people read it."""
    return _minute(datetime.fromisoformat(text))


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


_NONE = "None."

"""Which queries that were written to do harm are stopped before they run, and which published ones aren't.

The hostile ones are in tests/hunting/proof/hostile.jsonl, each with the rule that must stop it. The published ones are
the hunting queries of the outside suites. Many of those read lists from the web: they count twice, once as they are
judged where nobody has allowed any, and once where the hosts that they name are `hunt_hosts`, and `arg("")` is a place
of hunts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from bench import figures
from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import SystemClock
from huntlake.core.diagnostics import SourceError
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.hunting.proof import safety
from huntlake.hunting.proof.allowed import Reach
from huntlake.hunting.proof.content import Question
from huntlake.hunting.proof.finding import Level, Proof, ProofFinding
from huntlake.hunting.proof.prover import Prover
from huntlake.kql.compiler import parse
from huntlake.kql.operators.sources import ExternalDataOperator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.walking import walked
from huntlake.workspace.functions import SavedFunction
from huntlake.workspace.workspaces import Workspace

BY = "python -m bench hunt_safety"
LINES = Path(__file__).resolve().parents[1] / "tests" / "hunting" / "proof" / "hostile.jsonl"
SHARED = Path(__file__).resolve().parents[2] / "shared"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOME = Workspace("soc", "00000000-0000-4000-8000-000000000001")
GOAL = 98.0
FEEDS = Reach(hosts=("feeds.example",))
"""A workspace in which somebody has allowed something: the hostile queries must be stopped there, too."""

_FEED = 'externaldata(x:string)["https://evil.example/x.csv"]'
KEPT = {
    "Feed": _FEED,
    "Deep": "let once = Feed | take 10; once | distinct *",
    "Elsewhere": 'workspace("other").SigninLogs',
    "Everything": "union *",
    "Plugged": "SigninLogs | evaluate python(typeof(*), 'result = df')",
}
"""Functions that a workspace keeps, and that are hostile themselves."""


def prover(home: Path, reach: Reach = FEEDS) -> tuple[Analytics, Prover]:
    """A prover over a workspace without rows that keeps hostile functions."""
    analytics = Analytics.over(home, Bounds(threads=1), Nowhere(), SystemClock())
    for name, body in KEPT.items():
        analytics.functions.put(HOME, SavedFunction(name, body), skip_validation=True)
    analytics.functions.put(HOME, SavedFunction("Parameterised", _FEED, "n:long"), skip_validation=True)
    analytics.functions.put(HOME, SavedFunction("Fed", f"union T, ({_FEED})", "T:(*)"), skip_validation=True)
    return analytics, Prover(analytics.queries, reach)


def hostile() -> list[dict[str, str]]:
    """The hostile queries: what is wrong with each, and the `code` of the rule that must stop it."""
    return [json.loads(line) for line in LINES.read_text(encoding="utf-8").splitlines()]


def judged(prover: Prover, query: str) -> Proof:
    """What is found about a query, in that workspace."""
    return prover.validate(HOME, Question(query), NOW)


@dataclass(frozen=True)
class Published:
    """The functions that published queries call, as their suite has them."""

    texts: dict[str, str]

    def function(self, name: str, workspace: str | None = None) -> str | None:
        """The text of a function."""
        return self.texts.get(name)

    def table_call(self, name: str, workspace: str | None = None) -> object | None:
        """Whether it reads a watchlist."""
        return name if name == "_GetWatchlist" else None


@cache
def benign() -> tuple[tuple[str, str], ...]:
    """Published hunting queries, each once, with a name."""
    found: dict[str, str] = {}
    for line in (SHARED / "community" / "queries.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        if one["kind"] == "hunting":
            found.setdefault(one["query"], one["id"])
    for query, name in _hunting_files():
        found.setdefault(query, name)
    return tuple((name, query) for query, name in found.items())


def _hunting_files() -> Iterator[tuple[str, str]]:
    import yaml

    for path in sorted((SHARED / "rules").glob("*/Hunting Queries/**/*.yaml")):
        try:
            read: Any = yaml.safe_load(path.read_text(encoding="utf-8", errors="replace"))
        except yaml.YAMLError:
            continue
        if isinstance(read, dict) and isinstance(read.get("query"), str):
            yield read["query"], path.name


def published() -> Published:
    """What the suite says of functions."""
    known = json.loads((SHARED / "community" / "schemas.json").read_text(encoding="utf-8"))["functions"]
    texts = {}
    for one in known.values() if isinstance(known, dict) else known:
        body = one.get("body") or "{ print 1 }"
        text = body if body.lstrip().startswith("{") else "{" + body + "\n}"
        texts[one["name"]] = f"{one.get('params') or '()'} {text}"
    return Published(texts)


def unsafe(query: str, functions: Published, reach: Reach) -> list[ProofFinding]:
    """What safety has against a query; that it can't be understood is not told here."""
    found = list(safety.of_text(query))
    with suppress(SourceError):
        found += safety.of_query(parse(query), functions, reach, HOME)
    return [f for f in found if f.level is Level.ERROR]


def hosts(queries: Iterator[str]) -> tuple[str, ...]:
    """The hosts from which queries read lists."""
    found = set()
    for query in queries:
        try:
            tree = parse(query)
        except SourceError:
            continue
        for node in walked(tree):
            if isinstance(node, ExternalDataOperator):
                uris = [n.value for n in walked(tree) if isinstance(n, nodes.Literal) and isinstance(n.value, str)]
                found |= {h for u in uris if u.startswith("https://") and (h := urlsplit(u.split(";")[0]).hostname)}
    return tuple(sorted(found))


def main() -> None:
    """Measure both shares."""
    listed = hostile()
    with TemporaryDirectory() as home:
        analytics, tried = prover(Path(home))
        blocked = 0
        for one in listed:
            proof = judged(tried, one["query"])
            blocked += not proof.is_valid
            if one["code"] not in {f.code for f in proof.findings}:
                print(f"{one['why']}: {one['query'][:100]!r}: {[f.code for f in proof.findings]}")
        analytics.close()
    share = 100 * blocked / len(listed)
    figures.write(
        "hunting.7b", share, f"% of {len(listed)} hostile queries are stopped", "100", blocked == len(listed), by=BY
    )
    if not (SHARED / "community").is_dir():
        print("the published queries aren't here")
        return
    queries, functions = benign(), published()
    feeds = Reach(places=("arg:*",), hosts=hosts(q for _, q in queries))
    for name, reach, said, goal in (
        ("hunting.7c", feeds, "pass where Azure Resource Graph and the hosts of their lists are allowed", GOAL),
        ("hunting.7c-closed", Reach(), "pass where nothing outside of the workspace is allowed", None),
    ):
        why = Counter[str]()
        passed = 0
        for _, query in queries:
            found = unsafe(query, functions, reach)
            passed += not found
            why.update({f.code for f in found})
        share = 100 * passed / len(queries)
        unit = f"% of {len(queries)} published hunting queries {said}"
        figures.write(name, share, unit, f"≥ {goal:g}" if goal else "", share >= goal if goal else None, by=BY)
        print(f"  stopped by {dict(why.most_common())}; {len(feeds.hosts)} hosts")


if __name__ == "__main__":
    main()

"""The rule files of ../shared/rules: how many load, are supported, and run; and how many rules a second.

Tables and functions that the files name are those of the community's schema file, and empty; so a file is supported
where its query can be compiled and run over them. `python -m bench.rules support` and `… speed` measure one of both.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time

from bench import figures
from bench.hunting import END, Demo
from huntlake.core.diagnostics import Source, SourceError
from huntlake.core.errors import DomainError
from huntlake.detection.content import Content, ContentKind, Refused, contents, files
from huntlake.detection.parsers import functions
from huntlake.detection.rules import AnalyticRule, RuleKind, TriggerOperator
from huntlake.detection.running import Run, Window, run
from huntlake.detection.severity import Severity
from huntlake.detection.sigma.rules import converted
from huntlake.kql.syntax.lexer import tokenize
from huntlake.workspace.functions import SavedFunction

RULES = Path(__file__).resolve().parents[2] / "shared" / "rules"
OUTSIDE = Path(__file__).resolve().parents[1] / "tests" / "outside"
SUPPORTED, RATE, DISTINCT = 98.0, 40.0, 1000
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Runnable:
    """A rule of the sweep."""

    name: str
    rule: AnalyticRule


def main(what: str = "") -> None:
    if not RULES.is_dir():
        print("no rule files are in ../shared/rules")
        return
    found = [x for x in contents(RULES) if "sigma" not in x.path.relative_to(RULES).parts]
    if what in ("", "support"):
        support(found)
    if what in ("", "speed"):
        speed([x for x in found if isinstance(x, Content)])


def support(found: Sequence[Content | Refused]) -> None:
    """What share of the files that hold a query load, are supported, and run over empty tables."""
    sys.path.insert(0, str(OUTSIDE))
    from adaptor import run_on_catalogue  # type: ignore[import-not-found]

    wrong, refused, broken = list[str](), list[str](), list[str]()
    beside = {f.name: f for f in functions(files(RULES / "Azure+Azure-Sentinel"))}
    elsewhere = refused_by_kusto()
    for one in found:
        name = one.path.relative_to(RULES).as_posix()
        if isinstance(one, Refused):
            refused.append(f"{name}: {one.reason}")
            continue
        try:
            run_on_catalogue(with_functions(asked(one), beside))
        except ValueError as error:  # the query was refused
            (wrong if name in elsewhere else refused).append(f"{name}: {error}")
        except Exception as error:
            broken.append(f"{name}: {type(error).__name__}: {error}")
    kinds = Counter(x.kind for x in found if isinstance(x, Content))
    print(", ".join(f"{n} of the kind {kind}" for kind, n in sorted(kinds.items())))
    for what, named in (("refused by Kusto's own binder, too", wrong), ("refused", refused), ("BROKEN", broken)):
        for file in named:
            print(f"{what}: {file.splitlines()[0]}")
    good = len(found) - len(wrong) - len(refused) - len(broken)
    share = 100 * good / (len(found) - len(wrong))
    unit = (
        f"% of the {len(found)} files with a query, without {len(wrong)} that Kusto's own binder refuses over the same "
        "tables, load, are supported and run over empty tables"
    )
    met = share >= SUPPORTED and not broken
    figures.write("detection.2", share, unit, f">= {SUPPORTED:g}", met, by="python -m bench rules")
    unit = f"% of all {len(found)} files with a query load, are supported and run over empty tables"
    figures.write("detection.2b", 100 * good / len(found), unit, by="python -m bench rules")


def with_functions(query: str, known: Mapping[str, SavedFunction]) -> str:
    """The query with those functions of its checkout that it calls, and those that they call."""
    needed: dict[str, SavedFunction] = {}
    texts = [query]
    while texts:
        try:
            called = {t.text for t in tokenize(Source(texts.pop()))} & known.keys() - needed.keys()
        except SourceError:
            # Whoever compiles it tells what is wrong.
            continue
        needed |= {name: known[name] for name in called}
        texts += [known[name].body for name in called]
    # Whoever calls another comes after it.
    return "".join(f"let {name} = {function.text};\n" for name, function in reversed(needed.items())) + query


def refused_by_kusto() -> frozenset[str]:
    """The files whose query Kusto's own binder refuses over the suite's schema: they name what isn't there."""
    names = set()
    with (RULES.parent / "community" / "queries.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if not row["runnable"]:
                names.add(f"{row['source'].replace('/', '+')}/{row['path']}")
    return frozenset(names)


def asked(content: Content) -> str:
    """The query of a file, with the parameters that its file declares."""
    if not content.parameters:
        return content.query
    return f"declare query_parameters({', '.join(p.declared for p in content.parameters)}); {content.query}"


def speed(found: Sequence[Content]) -> None:
    """How many distinct rules a second are executed over the demo's rows, on two cores."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(os.environ.get("HUNTLAKE_BENCH_DEMO") or scratch) / "lake"
        demo = Demo(home)
        sweep = distinct(demo, [*published(found), *translated()])
        by_cpu = "HUNTLAKE_BENCH_CPU" in os.environ
        clock = process_time if by_cpu else perf_counter
        started = clock()
        with ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(lambda r: len(ran(demo, r).alerts), sweep))
        seconds = (clock() - started) / (2 if by_cpu else 1)
        demo.lake.close()
    rate = len(runs) / seconds
    unit = f"rules a second: {len(runs)} distinct rules over the demo's rows on two cores; {sum(runs)} alerts"
    met = rate >= RATE and len(runs) >= DISTINCT
    figures.write("detection.5", rate, unit, f">= {RATE:g} of {DISTINCT} rules", met, by="python -m bench rules")


def ran(demo: Demo, one: Runnable) -> Run:
    """A run of a rule that ends with the demo."""
    return run(demo.lake.queries, demo.workspace, one.name, one.rule, Window.ending(one.rule, END))


def published(found: Sequence[Content]) -> list[Runnable]:
    """The files' rules, and their hunting queries as rules of a day."""
    rules = []
    for one in found:
        if one.described is not None:
            rules.append(Runnable(one.name, one.described.rule))
        elif one.kind in (ContentKind.HUNTING_QUERY, ContentKind.EXPLORATION_QUERY, ContentKind.CUSTOM_DETECTION):
            rules.append(Runnable(one.name, daily(one.title, one.query)))
    return rules


def translated() -> list[Runnable]:
    """Rules of Sigma, over a day."""
    found = (x for x in contents(RULES / "sigma") if isinstance(x, Content))
    return [Runnable(x.name, daily(x.title, converted(x.source, period=_DAY).rule.query)) for x in found]


def distinct(demo: Demo, rules: Sequence[Runnable]) -> list[Runnable]:
    """Those that the demo's workspace understands, each text once, as many as the goal asks."""
    seen: set[str] = set()
    kept: list[Runnable] = []
    for one in rules:
        if one.rule.query in seen or len(kept) == DISTINCT:
            continue
        seen.add(one.rule.query)
        try:
            demo.lake.queries.check(demo.workspace, one.rule.query)
        except (SourceError, DomainError):
            continue
        kept.append(one)
    return kept


def daily(title: str, query: str) -> AnalyticRule:
    """A query as a rule that runs once a day."""
    return AnalyticRule(
        kind=RuleKind.SCHEDULED,
        display_name=title,
        enabled=True,
        severity=Severity.MEDIUM,
        query=query,
        suppression_duration=timedelta(hours=5),
        suppression_enabled=False,
        query_frequency=_DAY,
        query_period=_DAY,
        trigger_operator=TriggerOperator.GREATER_THAN,
        trigger_threshold=0,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

"""How long queries take to compile: a few of every kind, large ones, and one through saved functions.

Each text is seen for the first time. Warm is what a server has had at hand since it started: the tables'
columns, and the saved functions.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import mean
from time import process_time

from bench import figures
from huntlake.core.diagnostics import SourceError
from huntlake.demo.generator import TABLES
from huntlake.kql.binding import NoTables
from huntlake.kql.compiler import compile_kql
from huntlake.kql.types import Column
from huntlake.workspace.catalogue import Catalogue

COMMUNITY = Path(__file__).resolve().parents[2] / "shared" / "community" / "queries.jsonl"
GOAL_MS, MEAN_GOAL_MS, P99_GOAL_MS = 5, 3, 15
PARSERS = 12


class Schema(NoTables):
    """The catalogue's tables, those of the demo with rows, and saved functions by name."""

    def __init__(self, functions: Mapping[str, str] = {}) -> None:
        self._catalogue = Catalogue()
        self._functions = functions

    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        found = self._catalogue.table(name)
        return found.columns if found else None

    def table_names(self, workspace: str | None = None) -> Iterable[str]:
        return self._catalogue.names()

    def tables_with_rows(self, workspace: str | None = None) -> Iterable[str]:
        return TABLES

    def function(self, name: str, workspace: str | None = None) -> str | None:
        return self._functions.get(name)


def milliseconds(text: str, schema: Schema) -> float | None:
    """How much of a processor's time it takes `text` to become SQL; None where it is refused."""
    started = process_time()
    try:
        for table in compile_kql(text, schema).results:
            table.sql({scan.relation: "select 1" for scan in table.scans})
    except SourceError:
        return None
    return (process_time() - started) * 1000


def parser(number: int) -> str:
    """A saved function as Sentinel's parsers are: a table brought to columns that all of them have."""
    return f"""(starttime:datetime=datetime(null), endtime:datetime=datetime(null), user_has_any:dynamic=dynamic([]),
    disabled:bool=false) {{
    let Outcomes = datatable(ResultType:string, Outcome:string)["0", "Success", "{50126 + number}", "Failure"];
    let shorten = (path:string) {{ tostring(split(path, "\\\\")[-1]) }};
    SigninLogs
    | where not(disabled)
    | where (isnull(starttime) or TimeGenerated >= starttime) and (isnull(endtime) or TimeGenerated <= endtime)
    | where array_length(user_has_any) == 0 or UserPrincipalName has_any (user_has_any)
    | where AppDisplayName != "App {number}"
    | lookup Outcomes on ResultType
    | parse UserPrincipalName with Name "@" Domain
    | extend EventVendor = "Vendor {number}", EventProduct = "Product {number}", EventCount = int(1),
        EventStartTime = TimeGenerated, EventEndTime = TimeGenerated, EventResult = coalesce(Outcome, "NA"),
        TargetUsername = tolower(UserPrincipalName), TargetAppName = shorten(AppDisplayName),
        SrcIpAddr = iff(IPAddress startswith "::ffff:", substring(IPAddress, 7), IPAddress),
        SrcGeoCountry = tostring(LocationDetails.countryOrRegion), SrcGeoCity = tostring(LocationDetails.city),
        LogonMethod = case(AuthenticationRequirement has "multi", "MFA", ClientAppUsed has "legacy", "Basic", "Other")
    | extend User = TargetUsername, IpAddr = SrcIpAddr, Dvc = EventVendor
    | project-away Outcome, Name, Domain
}}"""


def saved_functions() -> dict[str, str]:
    """A parser for each of a dozen sources, and the one function that unites them."""
    parsers = {f"vimAuthentication{i}": parser(i) for i in range(PARSERS)}
    calls = ", ".join(f"{name}(starttime, endtime, user_has_any)" for name in parsers)
    declared = "starttime:datetime, endtime:datetime, user_has_any:dynamic=dynamic([])"
    unites = f"({declared}) {{ union isfuzzy=true {calls} }}"
    return {**parsers, "imAuthentication": unites}


def large_query() -> str:
    """100 kB: forty tables of `let`, thirty unions of them, conditions of a hundred words."""
    words = ", ".join(f'"indicator-{i:03}.example"' for i in range(100))
    lets = [
        f"let T{i} = SigninLogs | where TimeGenerated > ago({i + 1}h) and UserPrincipalName in~ ({words})"
        f" | extend Level = {i}, Who = tolower(UserPrincipalName) | summarize Count = count() by Who, Level;"
        for i in range(40)
    ]
    unions = [f"let U{i} = union T{i}, T{i + 1}, T{(i + 7) % 40} | where Count > {i};" for i in range(30)]
    return "\n".join([*lets, *unions, "union " + ", ".join(f"U{i}" for i in range(30)) + " | summarize sum(Count)"])


def compiled(name: str, what: str, text: str, schema: Schema, goal: float | None = None) -> None:
    """Write down how long a text takes that must compile; without a goal it is enough that it does."""
    took = milliseconds(text, schema)
    if took is None:
        raise SystemExit(f"{what} doesn't compile")
    said = "it compiles" if goal is None else f"<= {goal:g}"
    figures.write(name, took, f"ms to compile {what}", said, goal is None or took <= goal, by="make bench")


def main() -> None:
    schema = Schema(saved_functions())
    for name in schema.table_names():
        schema.table(name)
    # What a server keeps is not looked through again for garbage: neither here.
    gc.collect()
    gc.freeze()
    ors = "SigninLogs | where " + " or ".join(f'UserPrincipalName == "user{i}"' for i in range(5000))
    deep = "SigninLogs | where " + "(" * 200 + "true" + ")" * 200
    compiled("main-job.5b", "an `or` of 5,000 terms", ors, schema)
    compiled("main-job.5c", "200 nested parentheses", deep, schema)
    through = "imAuthentication(ago({}d), now()) | where EventResult == 'Failure' | summarize count() by User"
    milliseconds(through.format(2), schema)
    large = large_query()
    compiled("kql.6c", f"a query of {len(large) // 1000} kB, 40 `let` and 30 unions", large, schema, 100)
    compiled("kql.6d", f"a query through {PARSERS} saved parsers", through.format(1), schema, 50)
    if not COMMUNITY.exists():
        print("the community queries are not here: their mean is not measured")
        return
    texts = [json.loads(line)["query"] for line in COMMUNITY.read_text(encoding="utf-8").splitlines()]
    for text in texts[:50]:  # what is loaded once shouldn't count
        milliseconds(text, schema)
    times = sorted(t for t in (milliseconds(text, schema) for text in texts) if t is not None)
    average, slow = mean(times), times[len(times) * 99 // 100]
    unit = "ms to compile a community query, on average"
    figures.write("main-job.5", average, unit, f"<= {GOAL_MS}", average <= GOAL_MS, by="make bench")
    figures.write("main-job.5d", max(times), "ms to compile the slowest community query", by="make bench")
    figures.write("kql.6", average, unit, f"<= {MEAN_GOAL_MS}", average <= MEAN_GOAL_MS, by="make bench")
    unit = "ms within which 99 % of the community queries compile"
    figures.write("kql.6b", slow, unit, f"<= {P99_GOAL_MS}", slow <= P99_GOAL_MS, by="make bench")


if __name__ == "__main__":
    main()

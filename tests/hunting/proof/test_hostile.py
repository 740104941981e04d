"""Queries that were written to do harm, and published ones that weren't."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bench import hunt_safety

from huntlake.hunting.proof import safety
from huntlake.hunting.proof.allowed import Reach
from huntlake.hunting.proof.finding import Level
from huntlake.hunting.proof.prover import Prover
from huntlake.kql.compiler import parse
from huntlake.workspace.builtin_functions import BuiltinFunctions

HOSTILE = hunt_safety.hostile()


@pytest.fixture(scope="module")
def prover(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prover]:
    analytics, made = hunt_safety.prover(tmp_path_factory.mktemp("lake"))
    yield made
    analytics.close()


@pytest.mark.parametrize("one", HOSTILE, ids=lambda one: f"{one['code']} {one['query'][:60]!r}")
def test_a_hostile_query_is_stopped_by_the_rule_that_is_about_it(prover: Prover, one: dict[str, str]) -> None:
    proof = hunt_safety.judged(prover, one["query"])
    assert not proof.is_valid
    assert one["code"] in {f.code for f in proof.findings}
    assert proof.cost is None


def test_the_list_is_long_and_no_query_is_in_it_twice() -> None:
    assert len({one["query"] for one in HOSTILE}) == len(HOSTILE) >= 120


@pytest.mark.skipif(not (hunt_safety.SHARED / "community").is_dir(), reason="the published queries aren't here")
def test_published_hunting_queries_are_not_taken_for_hostile_ones() -> None:
    # Every twentieth here; the bench asks all of them.
    functions = hunt_safety.published()
    queries = hunt_safety.benign()[::20]
    hosts = hunt_safety.hosts(q for _, q in queries)
    stopped = [n for n, q in queries if hunt_safety.unsafe(q, functions, Reach(places=("arg:*",), hosts=hosts))]
    assert len(stopped) <= 0.02 * len(queries), stopped


def test_what_every_workspace_has_is_allowed(prover: Prover) -> None:
    # One of each ten functions; most call several of the others.
    names = BuiltinFunctions().names()[::10]
    known = prover.queries.visible(hunt_safety.HOME, fetch=False)
    for name in names:
        found = safety.of_query(parse(f"{name}()"), known, Reach(), hunt_safety.HOME)
        assert not [f for f in found if f.level is Level.ERROR], name


@pytest.mark.parametrize(
    "query",
    [
        'let Own = SigninLogs | where UserAgent has "x"; Own | take 1',
        'let getData = (name:string) { table(name) | take 1 }; union getData("SigninLogs"), getData("AuditLogs")',
        'workspace("soc").SigninLogs | take 1',
        "SigninLogs | search 'x'",
        "search in (SigninLogs, Audit*) 'x'",
        "SigninLogs | extend d = parse_json(UserAgent) | where d.Account == 'x'",
        "set query_take_max_records = 10; SigninLogs",
        "print x = .5",
        "SigninLogs | where UserAgent has @'..\\\\.drop table'",
    ],
)
def test_what_only_looks_hostile_is_not_stopped(prover: Prover, query: str) -> None:
    found = hunt_safety.judged(prover, query).findings
    assert not [f for f in found if f.code.startswith("HP1") and f.level is Level.ERROR]


CORES = {
    "HP105": ('externaldata(x:string)["https://evil.example/x.csv"]', "Feed", "Deep()"),
    "HP106": ('workspace("other").SigninLogs', 'cluster("c").database("d").T', "Elsewhere"),
    "HP107": ("(SigninLogs | evaluate python(typeof(*), 'x'))", "Plugged"),
    "HP108": ('(search "a")',),
    "HP109": ("(union *)", "Everything"),
}
PLACES = (
    "{0}",
    "{0} | take 1",
    "({0})",
    "let x = {0}; x",
    "let x = ({0} | take 1); SigninLogs | join x on TenantId",
    "let f = () {{ {0} }}; f()",
    "let f = (a:long) {{ let g = () {{ {0} }}; g() | take a }}; f(1)",
    "let f = (T:(*)) {{ T | take 1 }}; f({0})",
    "let x = materialize({0}); x | count",
    "let n = toscalar({0} | count); print n",
    "union SigninLogs, {0}",
    "union isfuzzy=true SigninLogs, ({0} | take 1)",
    "SigninLogs | union {0}",
    "SigninLogs | join kind=leftanti ({0}) on TenantId",
    "SigninLogs | lookup ({0}) on TenantId",
    "SigninLogs | where UserPrincipalName in (({0} | project UserPrincipalName))",
    "SigninLogs | where UserPrincipalName !in~ ({0})",
    "SigninLogs | extend n = toscalar({0} | count)",
    "SigninLogs | summarize countif(UserPrincipalName in ({0}))",
    "SigninLogs | partition by UserPrincipalName {{ {0} | take 1 }}",
    "SigninLogs | mv-apply x = dynamic([1]) on (where x < toscalar({0} | count))",
    "SigninLogs | fork (where UserPrincipalName in ({0})) (count)",
    "SigninLogs | facet by UserPrincipalName with (where UserPrincipalName in ({0}))",
    "SigninLogs | scan with (step s: UserPrincipalName in ({0});)",
    "SigninLogs | top-nested 3 of UserPrincipalName by countif(UserPrincipalName in ({0}))",
    "SigninLogs | project x = iff(UserPrincipalName in ({0}), 1, 2)",
    "SigninLogs | take toscalar({0} | count)",
    "SigninLogs | sort by toscalar({0} | count)",
    "find in (SigninLogs, ({0})) where TenantId == 'a'",
    "search in (SigninLogs, ({0})) 'a'",
    "range n from 1 to toscalar({0} | count) step 1",
    "datatable(n:long)[1] | where n in ({0})",
    "declare pattern p = (a:string) {{ ('x') = {{ {0} }}; }}; p('x')",
    "declare query_parameters(n:long = 1); SigninLogs | where TenantId in ({0})",
    "SigninLogs | as Kept | union ({0})",
    "SigninLogs | evaluate ipv4_lookup(({0}), IPAddress, x)",
    "SigninLogs | take 1; {0}",
    "{0} | as Kept; SigninLogs | take 1",
)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_hostile_is_stopped_wherever_it_stands(prover: Prover, place: str) -> None:
    for code, cores in CORES.items():
        for core in cores:
            query = place.format(core)
            proof = hunt_safety.judged(prover, query)
            assert not proof.is_valid, query
            # Some texts are no KQL in that place, or the call of a function that nobody has.
            assert {f.code for f in proof.findings} & {code, "HP010", "HP012", "HP111"}, query

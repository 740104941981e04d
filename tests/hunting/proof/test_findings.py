from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import SystemClock
from huntlake.detection.rules import EntityMapping, FieldMapping
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.hunting.proof import rules
from huntlake.hunting.proof.allowed import OPERATORS, OUTSIDE, PLUGINS, Reach
from huntlake.hunting.proof.content import Caps, Question
from huntlake.hunting.proof.finding import Proof
from huntlake.hunting.proof.prover import Prover, best
from huntlake.kql.operators import OPERATORS as KEYWORDS
from huntlake.kql.operators import SOURCES
from huntlake.kql.plugins import PLUGINS as KNOWN_PLUGINS
from huntlake.workspace.functions import SavedFunction
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOME = Workspace("soc", "00000000-0000-4000-8000-000000000001")


@pytest.fixture(scope="module")
def analytics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analytics]:
    made = Analytics.over(tmp_path_factory.mktemp("lake"), Bounds(threads=1), Nowhere(), SystemClock())
    times = [(NOW - timedelta(hours=n)).replace(tzinfo=None) for n in range(1, 72)]
    users = [f"user{n % 3}@corp.example" for n in range(1, 72)]
    rows = pa.table({"TimeGenerated": pa.array(times, pa.timestamp("us")), "UserPrincipalName": users})
    made.ingestion.append_arrow(HOME, "SigninLogs", rows)
    yield made
    made.close()


@pytest.fixture(scope="module")
def prover(analytics: Analytics) -> Prover:
    return Prover(analytics.queries)


def codes(proof: Proof) -> list[str]:
    return [f.code for f in proof.findings]


def validated(prover: Prover, query: str, **more: object) -> Proof:
    return prover.validate(HOME, Question(query, **more), NOW)  # type: ignore[arg-type]


def test_a_misspelled_column_has_its_place_and_a_suggestion(prover: Prover) -> None:
    query = "SigninLogs | where UserPrincipalNam == 'x'"
    (found, *_) = validated(prover, query).findings
    assert found.code == rules.NAMES_AND_TYPES.code
    assert found.span is not None
    assert query[found.span.start : found.span.end] == "UserPrincipalNam"
    assert "`UserPrincipalName`" in found.help


def test_a_saved_function_is_looked_through_however_deep(analytics: Analytics, prover: Prover) -> None:
    inner = 'externaldata(x:string)["https://feeds.example/x.csv"]'
    analytics.functions.put(HOME, SavedFunction("Feed", inner), skip_validation=True)
    analytics.functions.put(HOME, SavedFunction("Wrapped", "Feed | take 1"), skip_validation=True)
    for query in (
        "Wrapped",
        "Wrapped()",
        'table("Wrapped")',
        "union SigninLogs, Wrapped",
        "SigninLogs | join Wrapped on x",
    ):
        found = validated(prover, query)
        assert rules.OUTSIDE_DATA.code in codes(found), query
        assert not found.is_valid


def test_a_function_that_calls_itself_ends_the_look_through(analytics: Analytics, prover: Prover) -> None:
    analytics.functions.put(HOME, SavedFunction("Ping", "Pong()"), skip_validation=True)
    analytics.functions.put(HOME, SavedFunction("Pong", "Ping()"), skip_validation=True)
    assert not validated(prover, "Ping()").is_valid


def test_places_are_refused_unless_they_are_allowed(analytics: Analytics) -> None:
    query = 'workspace("soc-eu").SigninLogs | take 1'
    assert rules.OTHER_PLACE.code in codes(validated(Prover(analytics.queries), query))
    allowed = Prover(analytics.queries, Reach(places=("workspace:soc-*",)))
    assert rules.OTHER_PLACE.code not in codes(validated(allowed, query))
    assert rules.CROSS_PLACE.code in codes(validated(allowed, query))
    assert rules.OTHER_PLACE.code not in codes(validated(Prover(analytics.queries), 'workspace("soc").SigninLogs'))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://feeds.example/a.csv", True),
        ("https://FEEDS.example:443/a.csv", True),
        ("http://feeds.example/a.csv", False),
        ("https://feeds.example.evil/a.csv", False),
        ("https://feeds.example@evil.example/a.csv", False),
        ("https://feeds.example:8443/a.csv", False),
        ("file:///etc/passwd", False),
        ("/etc/passwd", False),
        ("https://[", False),
    ],
)
def test_an_address_is_only_that_of_an_allowed_host(address: str, allowed: bool) -> None:
    assert Reach(hosts=("feeds.example",)).has_address(address) is allowed


def test_what_kql_gets_later_is_refused_until_somebody_has_looked_at_it() -> None:
    known = {*KEYWORDS.values(), *SOURCES.values()}
    assert known == OPERATORS | OUTSIDE
    assert KNOWN_PLUGINS.keys() == PLUGINS


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ('search in (SigninLogs) "x"', rules.WIDE_SEARCH),
        ("union Signin*, AuditLogs | where x == 1", rules.WILDCARD_UNION),
        ("SigninLogs | join kind=inner AuditLogs on CorrelationId", rules.TIMELESS_JOIN),
        ("AuditLogs | mv-expand TargetResources", rules.WIDE_EXPANSION),
        ("SigninLogs | where UserAgent matches regex 'a.b'", rules.REGEX),
        ("SigninLogs | sort by TimeGenerated", rules.WIDE_SORT),
        ("SigninLogs | where tolower(UserPrincipalName) == 'x'", rules.FOLDED_CASE),
        ("SigninLogs | where UserAgent contains 'curl'", rules.CONTAINS),
        ("SigninLogs", rules.NO_REDUCTION),
        ("SigninLogs | take 5", rules.UNSORTED_TAKE),
        ("SigninLogs | where UserAgent matches regex '(a+)+'", rules.NESTED_REPETITION),
        ("SigninLogs | where TimeGenerated > ago(30d)", rules.LOOKS_BACK),
        ("SigninLogs | where UserAgent has '*curl*'", rules.LETTER_STAR),
        ("SigninLogs | where rand() < 0.1", rules.NOT_REPEATABLE),
        ("print x = 1", rules.NO_TABLE),
        ("SigninLogs | where UserAgent == '\u200bcurl'", rules.INVISIBLE),
        ("range n from 1 to toint(rand()) step 1", rules.UNKNOWN_ROWS),
    ],
)
def test_what_is_dear_or_odd_is_told_at_its_place_and_is_no_error(
    prover: Prover, query: str, rule: rules.ProofRule
) -> None:
    found = validated(prover, query)
    assert rule.code in codes(found)
    assert rule.level != "error"


@pytest.mark.parametrize(
    "query",
    [
        "SigninLogs | where TimeGenerated > ago(1d) | where UserAgent has 'x' | summarize count() by IPAddress",
        "SigninLogs | where UserAgent has 'curl' | top 5 by TimeGenerated",
        "SigninLogs | summarize n = count() by IPAddress | sort by n",
        "let names = dynamic(['a']); AuditLogs | where Identity in (names) | mv-expand TargetResources limit 10",
        "range at from ago(7d) to now() step 1h | join kind=inner (SigninLogs | summarize by at = TimeGenerated) on at",
    ],
)
def test_a_good_query_costs_nothing(prover: Prover, query: str) -> None:
    found = validated(prover, query, schedule=Question("").schedule)
    assert not [f for f in found.findings if f.code.startswith("HP2") and f.code != rules.LOOKS_BACK.code]


def test_entities_need_columns_of_a_type_that_identifies(prover: Prover) -> None:
    def mapped(kind: str, identifier: str, column: str) -> list[str]:
        entity = EntityMapping(kind, (FieldMapping(identifier, column),))
        return codes(validated(prover, "SigninLogs | where UserAgent has 'x'", entities=(entity,)))

    assert rules.NO_COLUMN.code in mapped("Account", "FullName", "User")
    assert rules.ENTITY_TYPE.code in mapped("Account", "FullName", "TimeGenerated")
    assert rules.UNKNOWN_ENTITY.code in mapped("Person", "FullName", "UserPrincipalName")
    assert rules.UNKNOWN_ENTITY.code in mapped("Account", "Fullname2", "UserPrincipalName")
    assert rules.WEAK_ENTITY.code in mapped("Account", "FullName", "UserPrincipalName")
    assert not {c for c in mapped("IP", "Address", "IPAddress") if c.startswith("HP3")}


def test_bytes_are_those_of_the_files_of_the_window(prover: Prover) -> None:
    query = "SigninLogs | where UserPrincipalName has 'user1'"
    day = validated(prover, query)
    assert day.cost is not None
    assert 0 < day.cost.rows < 60
    assert day.cost.tables == ("SigninLogs",)
    small = validated(prover, query, limits=Caps(read_bytes=1))
    assert rules.TOO_MANY_BYTES.code in codes(small)
    assert not small.is_valid


def test_parameters_are_literals_and_bind(prover: Prover) -> None:
    query = "declare query_parameters(who:string); SigninLogs | where UserPrincipalName == who"
    assert validated(prover, query, parameters=(("who", "'ann'"),)).is_valid
    assert not validated(prover, query).is_valid


def test_the_fingerprint_is_the_same_for_columns_that_nobody_names(analytics: Analytics, prover: Prover) -> None:
    query = "SigninLogs | where UserPrincipalName has 'user1' | project TimeGenerated"
    proof = validated(prover, query)
    assert len(proof.schema) == 64
    assert proof.schema == validated(prover, query).schema == prover.fingerprint(HOME, Question(query))
    assert proof.schema != validated(prover, query + ", IPAddress").schema
    assert prover.drifted(HOME, proof) == ()


def test_a_query_of_several_tables_is_no_hunt(prover: Prover) -> None:
    for query in ("SigninLogs | fork (count) (take 1)", "SigninLogs | take 1; AuditLogs | take 1"):
        found = validated(prover, query)
        assert rules.SEVERAL_TABLES.code in codes(found)
        assert not found.is_valid


def test_a_saved_function_that_is_changed_after_approval_is_drift(analytics: Analytics, prover: Prover) -> None:
    analytics.functions.put(HOME, SavedFunction("Risky", "SigninLogs | where UserPrincipalName has 'user1'"))
    analytics.functions.put(HOME, SavedFunction("Outer", "Risky | take 100"))
    proof = validated(prover, "Outer | where UserAgent == ''")
    assert prover.drifted(HOME, proof) == ()
    analytics.functions.put(HOME, SavedFunction("Risky", "SigninLogs | where UserPrincipalName has 'user2'"))
    assert prover.fingerprint(HOME, Question("Outer | where UserAgent == ''")) != proof.schema
    assert prover.drifted(HOME, proof) == ("the function `Risky()` was changed",)
    analytics.functions.delete(HOME, "Risky")
    assert prover.drifted(HOME, proof) == ("the function `Risky()` is gone",)


def test_functions_that_every_workspace_has_are_no_part_of_the_fingerprint(prover: Prover) -> None:
    proof = validated(prover, "_Im_Authentication() | where TargetUsername == 'x'")
    assert proof.schema
    assert "_Im_Authentication" not in proof.details["tables"]


def test_drift_names_what_is_gone(prover: Prover) -> None:
    proof = validated(prover, "SigninLogs | where UserPrincipalName has 'user1'")
    before = '{"Gone":{"x":"string"},"SigninLogs":{"Account":"string","UserPrincipalName":"long"}}'
    changed = Proof(NOW, proof.schema, details={"tables": before})
    assert prover.drifted(HOME, changed) == (
        "the table `Gone` is gone",
        "`SigninLogs` has no column `Account` any more",
        "`UserPrincipalName` of `SigninLogs` was `long`, and is `string`",
    )


def test_the_best_of_several_has_no_errors_and_costs_least(prover: Prover) -> None:
    tries = ("SigninLogs | where Usr == 1", "SigninLogs", "SigninLogs | where UserPrincipalName has 'user1'")
    assert best([validated(prover, t) for t in tries]) == 2


def test_every_rule_is_listed_once_and_says_what_it_is_about() -> None:
    declared = [v for v in vars(rules).values() if isinstance(v, rules.ProofRule)]
    assert sorted(r.code for r in declared) == sorted(rules.RULES)
    assert all(r.title.endswith(".") for r in declared)


def test_nothing_is_run_or_bound_for_a_query_that_is_not_safe(prover: Prover) -> None:
    proof = validated(prover, 'externaldata(x:string)["https://feeds.example/x"] | evaluate bag_unpack(x)')
    assert proof.cost is None
    assert proof.schema == ""
    assert all(f.code != rules.NAMES_AND_TYPES.code for f in proof.findings)


def test_a_file_named_as_the_lake_is_no_place(tmp_path: Path, prover: Prover) -> None:
    assert not validated(prover, f'externaldata(x:string)["{tmp_path}/x.csv"]').is_valid

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock, SystemClock
from huntlake.core.errors import Busy, Invalid, NotFound
from huntlake.detection.rules import EntityMapping, FieldMapping
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.hunting.proof import rules
from huntlake.hunting.proof.content import Caps, Question, Window
from huntlake.hunting.proof.finding import Expectation, Proof
from huntlake.hunting.proof.kept_recordings import KeptRecordings
from huntlake.hunting.proof.now import ProverNow
from huntlake.hunting.proof.prover import Prover
from huntlake.hunting.proof.recordings import of_rows, recording
from huntlake.hunting.proof.redaction import SecretsHidden
from huntlake.hunting.proof.volume import estimated, interval, sampled, windows
from huntlake.state.audit import AuditTrail
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOME = Workspace("soc", "00000000-0000-4000-8000-000000000001")
WEEK = timedelta(days=7)
ACCOUNT = EntityMapping("Account", (FieldMapping("FullName", "UserPrincipalName"),))
CROSS = " | join kind=inner (SigninLogs | extend k = 1) on k" * 3
HEAVY = f"SigninLogs | extend k = 1{CROSS} | summarize dcount(strcat(UserAgent, UserAgent1, UserAgent2))"


@pytest.fixture(scope="module")
def analytics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analytics]:
    made = Analytics.over(tmp_path_factory.mktemp("lake"), Bounds(threads=1), Nowhere(), SystemClock())
    minutes = range(5, 7 * 1440, 10)
    rows = {
        "TimeGenerated": pa.array(
            [(NOW - timedelta(minutes=m)).replace(tzinfo=None) for m in minutes], pa.timestamp("us")
        ),
        "UserPrincipalName": [f"user{m % 7}@corp.example" for m in minutes],
        "UserAgent": [f"tool --password hunter{m}" for m in minutes],
    }
    made.ingestion.append_arrow(HOME, "SigninLogs", pa.table(rows))
    yield made
    made.close()


@pytest.fixture(scope="module")
def prover(analytics: Analytics) -> Prover:
    return Prover(analytics.queries)


def proved(prover: Prover, query: str, **more: object) -> Proof:
    return prover.prove(HOME, Question(query, **more), history=WEEK, now=NOW)  # type: ignore[arg-type]


def codes(proof: Proof) -> set[str]:
    return {f.code for f in proof.findings}


def test_a_dry_run_counts_rows_by_day_and_entity_and_is_the_same_each_time(
    analytics: Analytics, prover: Prover
) -> None:
    before = sorted(analytics.lake.root.rglob("*"))
    query = "SigninLogs | where UserPrincipalName startswith 'user1'"
    first, again = (proved(prover, query, entities=(ACCOUNT,)) for _ in range(2))
    assert first.ran
    assert first.dry_run is not None
    assert first.dry_run.rows == 144
    assert sum(n for _, n in first.dry_run.daily) == 144
    assert first.dry_run.entities == (("Account", 1),)
    assert first.dry_run.read_bytes > 0
    assert len(first.dry_run.sample) == 20
    assert again.dry_run is not None
    assert first.dry_run.sample == again.dry_run.sample
    assert first.volume == again.volume
    assert first.volume is not None
    assert first.volume.low < 144 / 7 < first.volume.high
    assert sorted(analytics.lake.root.rglob("*")) == before


def test_secrets_of_the_sample_are_hidden(prover: Prover) -> None:
    proof = proved(prover, "SigninLogs | where UserPrincipalName has 'user1' | project UserAgent")
    assert proof.dry_run is not None
    assert {row["UserAgent"] for row in proof.dry_run.sample} == {"tool --password «hidden»"}


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("curl -H 'Authorization: Bearer abcdefghijkl'", "abcdefghijkl"),
        ("net use x: /user:bob /password:Winter26!", "Winter26!"),
        ("https://x.blob.example/c?sv=1&sig=AbC%2F12345", "AbC%2F12345"),
        ("Server=db;Pwd=s3cret;", "s3cret"),
        ("AKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP"),
        ("eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "eyJzdWIiOiIx"),
    ],
)
def test_what_looks_as_a_secret_is_hidden(text: str, secret: str) -> None:
    (row,) = SecretsHidden().redacted(HOME, [{"CommandLine": text, "nested": {"api_key": secret}}])
    assert secret not in str(row)
    assert "«hidden»" in row["CommandLine"]


def test_rows_beyond_the_limit_are_an_error_and_none_are_not(prover: Prover) -> None:
    noisy = proved(prover, "SigninLogs | where UserAgent has 'tool'", limits=Caps(rows_a_day=50))
    assert rules.TOO_MANY_ROWS.code in codes(noisy)
    assert noisy.is_valid
    assert not noisy.ran
    quiet = proved(prover, "SigninLogs | where UserAgent == 'x'")
    assert rules.NO_ROWS.code in codes(quiet)
    assert quiet.ran
    assert quiet.volume is not None
    assert quiet.volume.low == 0 < quiet.volume.high


def test_too_many_rows_in_all_end_the_dry_run(prover: Prover) -> None:
    proof = proved(prover, "SigninLogs | project UserAgent", limits=Caps(rows_a_day=1))
    assert rules.LIMIT_MET.code in codes(proof)
    assert proof.dry_run is not None
    assert "1,000 rows" in proof.dry_run.limited
    assert rules.TOO_MANY_ROWS.code in codes(proof)
    crowd = "SigninLogs | mv-expand n = range(1, 50, 1) | project TimeGenerated"
    cut = proved(prover, crowd, limits=Caps(rows_a_day=1)).volume
    assert cut is not None
    assert "cut short" in cut.sampled
    assert cut.a_day == 1000


def test_a_third_dry_run_is_told_to_come_again(prover: Prover) -> None:
    for _ in range(2):
        assert prover._turns.acquire(blocking=False)
    try:
        with pytest.raises(Busy):
            proved(prover, "SigninLogs | where UserAgent == 'x'", limits=Caps(seconds=0.1))
    finally:
        prover._turns.release(2)


def test_a_run_that_takes_too_long_is_ended(prover: Prover) -> None:
    begun = time.monotonic()
    proof = proved(prover, HEAVY, limits=Caps(seconds=1), schedule=Window(WEEK))
    assert proof.dry_run is not None
    assert proof.dry_run.limited == "1 s, which a run may take"
    assert time.monotonic() - begun < 15


def test_a_run_that_takes_too_much_memory_is_ended(prover: Prover) -> None:
    rows = "range a from 1 to 900000 step 1"
    query = f"{rows} | extend t = strcat_array(repeat(tostring(a), 200), '') | summarize make_list(t)"
    proof = proved(prover, query, limits=Caps(memory_mib=64))
    assert proof.dry_run is not None
    assert proof.dry_run.limited == "64 MiB of memory, which a run may take"


def test_a_dry_run_whose_process_is_killed_says_so_and_the_next_runs(
    prover: Prover, analytics: Analytics, monkeypatch: pytest.MonkeyPatch
) -> None:
    confined = analytics.queries.confined

    def watched(memory: int, cpu: int) -> object:
        made = confined(memory, cpu)

        def kill() -> None:
            while made.process._process is None:
                time.sleep(0.01)
            time.sleep(0.5)
            os.kill(made.process._process.pid, signal.SIGKILL)

        threading.Thread(target=kill, daemon=True).start()
        return made

    with monkeypatch.context() as patched:
        patched.setattr(type(analytics.queries), "confined", lambda _, memory, cpu: watched(memory, cpu))
        proof = proved(prover, HEAVY, limits=Caps(seconds=20), schedule=Window(WEEK))
    assert proof.dry_run is not None
    assert "SIGKILL" in proof.dry_run.failure
    assert rules.RUN_FAILED.code in codes(proof)
    assert proved(prover, "SigninLogs | where UserAgent == 'x'").ran


def test_a_proof_is_fresh_for_seven_days(prover: Prover) -> None:
    proof = proved(prover, "SigninLogs | where UserAgent == 'x'")
    assert proof.is_fresh(NOW + timedelta(days=7))
    assert not proof.is_fresh(NOW + timedelta(days=7, seconds=1))


def test_recorded_data_must_hit_or_stay_quiet(prover: Prover) -> None:
    bad = [{"TimeGenerated": "2025-03-01T10:00:00Z", "EventID": 4688, "CommandLine": "vssadmin delete shadows"}]
    good = [{"TimeGenerated": "2025-03-01T10:00:00Z", "EventID": 4688, "CommandLine": "vssadmin list shadows"}]
    recordings = (
        of_rows("ransom", Expectation.MUST_HIT, {"SecurityEvent": bad}),
        of_rows("backup", Expectation.MUST_STAY_QUIET, {"SecurityEvent": good}),
    )

    def checked(query: str) -> Proof:
        return prover.prove(HOME, Question(query), history=WEEK, now=NOW, recordings=lambda _: recordings)

    exact = checked("SecurityEvent | where TimeGenerated > ago(1d) | where CommandLine has_all ('vssadmin', 'delete')")
    assert [c.passed for c in exact.checks] == [True, True]
    assert exact.ran
    wrong = checked("SecurityEvent | where CommandLine has 'list' | project CommandLine")
    assert [c.passed for c in wrong.checks] == [False, False]
    assert {rules.MISSED.code, rules.NOT_QUIET.code} <= codes(wrong)
    assert not wrong.ran


def test_a_folder_of_files_is_a_recording(tmp_path: Path) -> None:
    (tmp_path / "SigninLogs.csv").write_text("TimeGenerated,ResultType\n2025-03-01T10:00:00Z,50126\n")
    (tmp_path / "Own_CL.jsonl").write_text('{"TimeGenerated": "2025-03-02T10:00:00Z", "n": 5}\n')
    found = recording(tmp_path, Expectation.MUST_HIT)
    assert set(found.tables) == {"SigninLogs", "Own_CL"}
    assert found.until.date().isoformat() == "2025-03-02"
    with pytest.raises(NotFound):
        recording(tmp_path / "nothing", Expectation.MUST_HIT)
    (tmp_path / "SigninLogs.csv").write_text("TimeGenerated\nyesterday\n")
    with pytest.raises(Invalid, match="row 1 recorded of `SigninLogs`"):
        recording(tmp_path, Expectation.MUST_HIT)


def test_windows_cover_the_history_without_overlap() -> None:
    for history, period in ((WEEK, timedelta(days=1)), (timedelta(days=30), timedelta(hours=1)), (WEEK, 2 * WEEK)):
        found = windows(NOW, history, period)
        assert found[0][1] == NOW
        assert all(later[0] == earlier[1] for later, earlier in pairwise(found))
        assert len(found) <= 31
    assert sampled(1, 5) == (0,)
    assert sampled(14, 5) == sampled(14, 5)
    assert len(sampled(14, 5)) == 3
    assert len({sampled(14, seed) for seed in range(20)}) > 5


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39), (100, 81.36, 121.6)]
)
def test_the_interval_is_that_of_a_poisson_count(count: float, low: float, high: float) -> None:
    found = interval(count)
    assert found[0] == pytest.approx(low, rel=0.02, abs=0.02)
    assert found[1] == pytest.approx(high, rel=0.02)


def test_windows_that_differ_much_make_the_interval_wide() -> None:
    day = timedelta(days=1)
    even, crowded = estimated([20, 20, 20], day, ""), estimated([0, 0, 60], day, "")
    assert even.a_day == crowded.a_day == 20
    assert crowded.high - crowded.low > 3 * (even.high - even.low)


def test_recordings_are_for_hunts_templates_or_whoever_reads_their_tables(tmp_path: Path, prover: Prover) -> None:
    clock, shelf = FixedClock(NOW), MemoryShelf()
    kept = KeptRecordings(shelf, clock, AuditTrail(shelf, clock))
    file = tmp_path / "SigninLogs.jsonl"
    file.write_text('{"TimeGenerated": "2025-01-01T00:00:00Z", "UserPrincipalName": "bob@corp.example"}\n')
    owner = ("soc",)
    kept.add(owner, "one", file, Expectation.MUST_HIT, hunts=["H1"])
    kept.add(owner, "two", file, Expectation.MUST_HIT, templates=["t1"])
    kept.add(owner, "all", file, Expectation.MUST_STAY_QUIET, hunts=["*"])

    def attached(names: tuple[str, ...], *tables: str) -> list[str]:
        return [r.name for r in kept.attached(owner, names, tables)]

    assert attached(("h1", "")) == ["one"]
    assert attached(("h2", "t1"), "SigninLogs") == ["all", "two"]
    assert attached((), "AuditLogs") == []
    now = ProverNow(prover, lambda name: HOME, clock, kept, WEEK)
    proof = now.prove("soc", Question("SigninLogs | where UserPrincipalName startswith 'bob'"), ("h1",))
    assert {c.recording: c.passed for c in proof.checks} == {"one": True, "all": False}
    file.write_text('{"TimeGenerated": "no time"}\n')
    with pytest.raises(Invalid):
        kept.add(owner, "bad", file, Expectation.MUST_HIT, hunts=["H1"])

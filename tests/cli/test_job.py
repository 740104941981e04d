import json
from pathlib import Path

import pytest

from .conftest import Run

QUERY = "SigninLogs | summarize Rows = count()"


def test_a_job_is_made_run_looked_at_and_deleted(run: Run, lake: Path) -> None:
    made = run("job", "create", "All sign ins", QUERY, "--every", "2h", "--lookback", "1d")
    assert (made.code, "All_sign_ins_KQL_CL" in made.err, "it runs at" in made.err) == (0, True, True)
    listed = json.loads(run("job", "list", "-o", "json").out)
    assert [(j["job"], j["schedule"][:13], j["enabled"]) for j in listed] == [("All sign ins", "every 2 hours", "yes")]
    assert QUERY in run("job", "show", "all sign ins").out
    assert run("job", "disable", "All sign ins").code == 0
    assert json.loads(run("job", "list", "-o", "json").out)[0]["next_run"] == ""
    ran = run("job", "run", "All sign ins")
    assert (ran.code, "1 rows in All_sign_ins_KQL_CL" in ran.err) == (0, True)
    (one,) = json.loads(run("job", "history", "All sign ins", "-o", "json").out)
    assert (one["status"], one["rows"], one["error"]) == ("Succeeded", 1, "")
    assert run("job", "cancel", "All sign ins", one["run"]).code == 1
    assert "0" in run("query", "All_sign_ins_KQL_CL | project Rows").out
    assert run("job", "enable", "All sign ins").code == 0
    assert run("job", "delete", "All sign ins").code == 0
    assert run("job", "delete", "All sign ins").code == 1
    assert run("job", "history", "All sign ins").code == 1


@pytest.mark.parametrize(
    "more",
    [
        ("--every", "1y"),
        ("--every", "0h"),
        ("--every", "1h", "--start", "soon"),
        ("--end", "2030-01-01"),
        ("--lookback", "long"),
        ("--table", "SigninLogs"),
        ("--table", "Other"),
    ],
)
def test_what_no_job_can_be_is_refused(run: Run, lake: Path, more: tuple[str, ...]) -> None:
    refused = run("job", "create", "signins", QUERY, *more)
    assert (refused.code, refused.err.startswith("error")) == (1, True), refused
    assert json.loads(run("job", "list", "-o", "json").out) == []


def test_a_run_that_fails_is_an_error(run: Run, lake: Path) -> None:
    run("job", "create", "signins", "set truncationmaxrecords=1; SigninLogs | project ResultType", "--disabled")
    failed = run("job", "run", "signins")
    assert (failed.code, "LimitExceeded" in failed.err) == (1, True)

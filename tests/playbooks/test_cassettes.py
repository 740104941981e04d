"""Cassettes: recording, replaying, and what is never written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.playbooks.cassettes import Cassettes
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation, RunContext
from huntlake.playbooks.masking import MASK, masked
from huntlake.state.records import Author
from huntlake.wdl.runner.effects import Answer

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def asked(path: str, key: str = "", body: Any = None, run: str = "r1", **parts: Any) -> Asked:
    context = RunContext("soc", "flow", run, Author(), NOW)
    given = {"connector": "virustotal", **parts}
    return Asked(context, "c", key or path, "GET", path, body=body, **given)


OPERATION = Operation("Get", "GET", "/{rest*}", "Gets", Effect.READ, lambda asked: Answer())


def recorded(folder: Path, *calls: tuple[Asked, Answer]) -> Cassettes:
    cassettes = Cassettes(folder)
    for call, answer in calls:
        cassettes.record("case", call, OPERATION, answer)
    return Cassettes(folder)


def test_a_call_is_answered_as_it_was_recorded(tmp_path: Path) -> None:
    made = recorded(tmp_path, (asked("/ip/1", queries={"a": 1}), Answer(201, {"ETag": "x"}, {"æ": [1, None]})))
    answer = made.answer("case", asked("/ip/1", queries={"a": 1}), None)
    assert answer == Answer(201, {"ETag": "x"}, {"æ": [1, None]})


def test_another_connectors_calls_are_not_answered(tmp_path: Path) -> None:
    made = recorded(tmp_path, (asked("/ip/1"), Answer(body=1)))
    assert made.answer("case", asked("/ip/2"), None) is None
    assert made.answer("case", asked("/ip/1", connector="jira"), None) is None


def test_equal_calls_are_answered_in_their_order_and_the_last_one_ever_after(tmp_path: Path) -> None:
    made = recorded(tmp_path, *((asked("/job"), Answer(body=n)) for n in (1, 2, 3)))
    tape = made.reel("case")
    assert [_body(tape.answer(asked("/job", key=f"k{n}"))) for n in range(5)] == [1, 2, 3, 3, 3]


def test_a_call_that_is_made_again_after_a_crash_has_the_same_answer(tmp_path: Path) -> None:
    tape = recorded(tmp_path, *((asked("/job"), Answer(body=n)) for n in (1, 2))).reel("case")
    again = [_body(tape.answer(asked("/job", key="k"))) for _ in range(3)]
    assert again == [1, 1, 1]


def test_runs_do_not_take_each_others_answers(tmp_path: Path) -> None:
    tape = recorded(tmp_path, *((asked("/job"), Answer(body=n)) for n in (1, 2))).reel("case")
    assert [_body(tape.answer(asked("/job", run=r))) for r in ("a", "b", "c")] == [1, 1, 1]


def test_the_same_call_comes_before_one_of_the_same_path(tmp_path: Path) -> None:
    made = recorded(tmp_path, (asked("/q", body="one"), Answer(body=1)), (asked("/q", body="two"), Answer(body=2)))
    tape = made.reel("case")
    assert _body(tape.answer(asked("/q", key="a", body="two"))) == 2
    assert _body(tape.answer(asked("/q", key="b", body="three"))) == 1
    assert tape.answer(asked("/q", key="c", body="three")) is None


def test_what_was_refused_or_lost_is_not_recorded(tmp_path: Path) -> None:
    made = recorded(tmp_path, (asked("/a"), Answer(refused="no")), (asked("/b"), Answer(lost="no route")))
    assert made.names() == []


def test_no_secret_is_ever_written(tmp_path: Path) -> None:
    secrets = {"api_key": "s3cr3t-of-connection"}
    headers = {"x-apikey": "s3cr3t-of-connection", "Authorization": "Bearer s3cr3t-header"}
    body = {
        "password": "s3cr3t-body",
        "note": "key is s3cr3t-of-connection",
        "deep": [{"Client_Secret": "s3cr3t-deep"}],
    }
    queries = {"sig": "s3cr3t-sig", "q": "x"}
    given = {"Set-Cookie": "s3cr3t-cookie", "X-Auth-Token": "s3cr3t-token", "ETag": "1"}
    answer = {"access_token": "s3cr3t-access", "url": "https://x/?a=1&sig=s3cr3t-inner", "text": "Bearer s3cr3t-bearer"}
    call = asked(
        "/a/s3cr3t-of-connection?code=s3cr3t-code", body=body, queries=queries, headers=headers, secrets=secrets
    )
    made = recorded(tmp_path, (call, Answer(200, given, answer)))
    written = (tmp_path / "case.jsonl").read_text()
    assert "s3cr3t" not in written
    assert MASK in written
    assert made.answer("case", call, None) == made.recorded("case")[0].answer


def test_what_a_key_vault_answers_is_not_written(tmp_path: Path) -> None:
    recorded(tmp_path, (asked("/secrets/x/value", connector="keyvault"), Answer(body={"value": "hunter2"})))
    assert "hunter2" not in (tmp_path / "case.jsonl").read_text()


def test_what_a_playbook_hides_is_not_written(tmp_path: Path) -> None:
    hidden = frozenset({"inputs", "outputs"})
    made = recorded(tmp_path, (asked("/a", body={"q": "hunter2"}, hidden=hidden), Answer(body=["hunter3", 4])))
    assert "hunter" not in (tmp_path / "case.jsonl").read_text()
    assert _body(made.answer("case", asked("/a", body={"q": "hunter2"}, hidden=hidden), None)) == [MASK, 4]


def test_where_secure_inputs_lead_is_not_written_and_is_found_again(tmp_path: Path) -> None:
    hidden = frozenset({"inputs", "outputs"})
    calls = [asked(f"/hunter{n}", queries={"q": "hunter"}, hidden=hidden) for n in (2, 3)]
    given = {"Location": "https://x.example/hunter4", "Retry-After": "5"}
    made = recorded(tmp_path, *((c, Answer(202, given, n)) for n, c in enumerate(calls)))
    assert "hunter" not in (tmp_path / "case.jsonl").read_text()
    answers = [made.answer("case", replace(c, key=f"Ask#{n}"), None) for n, c in enumerate(calls)]
    assert [(a.body, a.headers) for a in answers if a] == [
        (n, {"Location": MASK, "Retry-After": "5"}) for n in range(2)
    ]


@given(st.text(min_size=4, max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_a_known_secret_is_in_nothing_that_is_masked(secret: str, before: str, after: str) -> None:
    if secret in MASK or "\0" in secret:
        return
    said = masked({"a": [before + secret + after], "b": secret}, [secret])
    assert all(secret not in text.replace(MASK, "\0") for text in (said["a"][0], said["b"]))


def test_a_windows_account_is_no_secret() -> None:
    assert masked({"sid": "S-1-5-18"}) == {"sid": "S-1-5-18"}
    assert masked({"sid": "97BVpRfN4j81ogN"}) == {"sid": MASK}


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a\n", "x" * 101])
def test_a_name_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match="can't name a cassette"):
        Cassettes(tmp_path).reel(name)


def test_a_broken_line_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "case.jsonl").write_text('{"connector": "a", "method": "GET", "path": "/", "answer": {}}\n{"x": 1}\n')
    with pytest.raises(Invalid, match=r"case\.jsonl:2"):
        Cassettes(tmp_path).recorded("case")
    with pytest.raises(NotFound):
        Cassettes(tmp_path).recorded("other")


def test_a_cassette_of_contracts_answers_what_they_know(tmp_path: Path) -> None:
    cassettes = Cassettes(tmp_path)
    cassettes.stub("made", b'{"jira GET /issue": {"reads": {".id": 1}}}')
    answer = cassettes.answer("made", asked("/issue", connector="jira"), None)
    assert answer is not None
    assert list(answer.body) == ["id"]
    unknown = cassettes.answer("made", asked("/nothing", connector="jira"), None)
    assert unknown is not None
    assert "not supported" in unknown.refused
    assert cassettes.names() == ["made"]
    assert cassettes.delete("made")
    assert not cassettes.delete("made")
    with pytest.raises(Invalid, match="isn't JSON"):
        cassettes.stub("made", b"{")


def test_recorded_calls_are_not_covered_by_contracts(tmp_path: Path) -> None:
    made = recorded(tmp_path, (asked("/a"), Answer()))
    with pytest.raises(Conflict):
        made.stub("case", b"{}")


def _body(answer: Answer | None) -> Any:
    return None if answer is None else answer.body

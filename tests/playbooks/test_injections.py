"""Payloads into queries: as parameters they change nothing, put into the text they are told of."""

from __future__ import annotations

from bench import playbook_injections as injections

import huntlake


def test_payloads_sent_as_parameters_change_no_query() -> None:
    made, wrong = injections.changed(12)
    assert wrong == []
    assert made > 50


def test_every_query_that_is_put_together_is_told_of() -> None:
    count, missed = injections.flagged()
    assert missed == []
    assert count == 60


def test_the_payloads_are_all_different_and_bite() -> None:
    assert len(set(injections.injections())) == injections.COUNT
    assert injections.biting(40) > 0.9


def test_half_a_character_in_a_value_or_a_text_breaks_no_query() -> None:
    with huntlake.open() as session:
        told = session.query(
            "declare query_parameters(a:string, b:dynamic); print a, b[0].c", a="x\ud800", b=[{"c": "\udc00"}]
        )
        assert list(told.rows) == [("x\ufffd", "\ufffd")]
        assert list(session.query("print 'x\ud800y'").rows) == [("x\ufffdy",)]

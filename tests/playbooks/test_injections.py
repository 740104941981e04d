"""Payloads into queries: as parameters they change nothing, put into the text they are told of."""

from __future__ import annotations

from bench import playbook_injections as injections


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

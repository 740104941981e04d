"""Which tables a query reads, told from its text."""

from __future__ import annotations

import pytest

from huntlake.hunting.drafting.drafter import _Tables

KNOWN = frozenset({"OfficeActivity", "Operation", "SigninLogs", "AuditLogs", "Usage"})


@pytest.mark.parametrize(
    ("query", "tables"),
    [
        ("OfficeActivity | where Operation == 'New-InboxRule' | project Usage, Operation", ("OfficeActivity",)),
        ("OfficeActivity | summarize count() by Operation", ("OfficeActivity",)),
        ("union SigninLogs, AuditLogs | take 1", ("SigninLogs", "AuditLogs")),
        ("let S = SigninLogs; S | join (AuditLogs | take 5) on CorrelationId", ("SigninLogs", "AuditLogs")),
        ("SigninLogs | join kind=inner AuditLogs on CorrelationId", ("SigninLogs", "AuditLogs")),
        ("SigninLogs | where UserId in ((AuditLogs | project Identity))", ("SigninLogs", "AuditLogs")),
        ("SigninLogs | where", ()),
    ],
)
def test_a_column_that_is_called_like_a_table_is_none(query: str, tables: tuple[str, ...]) -> None:
    assert _Tables(KNOWN, KNOWN).named(query) == tables

"""What is known of one thing, as a person reads it."""

from __future__ import annotations

import pytest

from huntlake.cli.listing import outline


def test_facts_are_lines_and_not_json(capsys: pytest.CaptureFixture[str]) -> None:
    outline(
        {
            "title": "A \x1b[31mred\x1b[0m one",
            "made_by": "core",
            "tags": ["T1", "T2"],
            "query": "T\n| take 1",
            "steps": ["Reads `T`.", 'Keeps "a".'],
            "limits": {"rows": 5000, "of": {"Host": "Name"}},
            "parts": [{"a": 1}],
            "is_live": True,
            "empty": [],
            "nothing": None,
        }
    )
    assert capsys.readouterr().out == (
        "title: A \\x1b[31mred\\x1b[0m one\nmade by: core\ntags: T1, T2\nquery:\n  T\n  | take 1\n"
        'steps:\n  - Reads `T`.\n  - Keeps "a".\nlimits:\n  rows: 5,000\n  of:\n    Host: Name\nparts:\n  -\n    a: 1\n'
        "is live: yes\n"
    )

"""User agents, where the package that has the rules for them is installed."""

import json

import pytest
from tests import pages

from huntlake.engines.duckdb.udf.user_agents import parse_user_agent

PHONE = (
    "Mozilla/5.0 (SymbianOS/9.2; U; Series60/3.1 NokiaN81-3/10.0.032 Profile/MIDP-2.0 Configuration/CLDC-1.1 ) "
    "AppleWebKit/413 (KHTML, like Gecko) Safari/4"
)


def test_each_part_has_the_fields_that_kusto_gives_it() -> None:
    pytest.importorskip("ua_parser")
    assert json.loads(str(parse_user_agent.of(PHONE, True, True, True))) == {
        "Browser": {"Family": "Nokia OSS Browser", "MajorVersion": "3", "MinorVersion": "1", "Patch": ""},
        "OperatingSystem": {
            "Family": "Symbian OS",
            "MajorVersion": "9",
            "MinorVersion": "2",
            "Patch": "",
            "PatchMinor": "",
        },
        "Device": {"Family": "Nokia N81", "Brand": "Nokia", "Model": "N81-3"},
    }


def test_only_what_is_asked_for_is_looked_for() -> None:
    pytest.importorskip("ua_parser")
    assert list(json.loads(str(parse_user_agent.of(PHONE, False, True, False)))) == ["OperatingSystem"]


def test_what_the_rules_do_not_know_is_other() -> None:
    assert json.loads(str(parse_user_agent.of("", True, False, False)))["Browser"]["Family"] == "Other"


def test_another_part_is_refused_by_name() -> None:
    assert "`parse_user_agent` with anything to look for but" in pages.answer('print parse_user_agent("x", "cpu")', {})

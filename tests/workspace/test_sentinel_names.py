"""What Sentinel and Defender add: open tables, their functions, both spellings of a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.workspace.conftest import NOW, SOC, Ask

from huntlake.assembly.analytics import Analytics
from huntlake.core.diagnostics import SourceError
from huntlake.workspace.functions import SavedFunction


def ingest(made: Analytics, folder: Path, table: str, *rows: dict[str, object]) -> None:
    file = folder / f"{table}.json"
    file.write_text("\n".join(json.dumps({"TimeGenerated": NOW.isoformat()} | row) for row in rows))
    made.ingestion.ingest(SOC, table, file)


def test_an_open_table_has_the_columns_that_a_query_names(hunting: Analytics, ask: Ask, tmp_path: Path) -> None:
    text = "AzureDiagnostics | where isempty(never_s) and isnull(seen_d) | project never_s, seen_d, ok_b, at_t, id_g"
    assert ask(f"{text} | getschema | summarize make_list(ColumnType)") == [
        [["string", "real", "bool", "datetime", "string"]]
    ]
    ingest(hunting, tmp_path, "AzureDiagnostics", {"Category": "x", "custom_d": 1.5, "other_s": "y"})
    assert ask("AzureDiagnostics | project Category, custom_d, other_s, never_s, none_t") == [["x", 1.5, "y", "", None]]


def test_an_open_table_takes_no_name_that_tells_no_type(ask: Ask) -> None:
    for text in (
        "AzureDiagnostics | project Categry",
        "AzureDiagnostics | project some_thing",
        "AuditLogs | project a_s",
    ):
        with pytest.raises(SourceError, match="no column is named"):
            ask(text)


def test_a_column_that_the_query_makes_is_not_the_tables(ask: Ask) -> None:
    columns = "getschema | where ColumnName endswith '_s' or ColumnName == 'a' | project ColumnName"
    made = ask(f"AzureDiagnostics | extend a = 1, made_s = strcat(read_s, 'x') | {columns}")
    names = [name for (name,) in made]
    assert names[-3:] == ["read_s", "a", "made_s"]
    assert "made_s" not in names[:-1]


def test_each_function_of_an_open_table_names_its_own(hunting: Analytics, ask: Ask) -> None:
    hunting.functions.put(SOC, SavedFunction("Waf", "AzureDiagnostics | project rule_s"))
    assert ask("Waf | union (AzureDiagnostics | project mine_s) | count") == [[0]]


def test_a_file_profile_says_who_signed_and_that_the_rest_is_missing(
    hunting: Analytics, ask: Ask, tmp_path: Path
) -> None:
    signed = {"Signer": "Contoso", "IsSigned": True, "IsTrusted": True}
    ingest(hunting, tmp_path, "DeviceFileCertificateInfo", {"SHA1": "AA", **signed}, {"SHA1": "bb", "IsSigned": False})
    ingest(hunting, tmp_path, "DeviceFileEvents", {"SHA1": "aa"}, {"SHA1": "bb"}, {"SHA1": "cc"}, {"SHA1": ""})
    wanted = "project SHA1, Signer, IsCertificateValid, SignatureState, GlobalPrevalence, ProfileAvailability"
    for call in ("FileProfile(SHA1, 1000)", "FileProfile('SHA1')", "FileProfile()", "FileProfile"):
        assert ask(f"DeviceFileEvents | invoke {call} | {wanted} | sort by SHA1 asc") == [
            ["", "", None, "", None, "Missing"],
            ["aa", "Contoso", True, "SignedValid", None, "Missing"],
            ["bb", "", None, "Unsigned", None, "Missing"],
            ["cc", "", None, "", None, "Missing"],
        ]
    renamed = "DeviceFileEvents | project Hash = SHA1 | invoke FileProfile(Hash) | where Signer == 'Contoso'"
    assert ask(f"{renamed} | getschema | project ColumnName | take 2") == [["Hash"], ["GlobalPrevalence"]]
    assert ask(f"{renamed} | project Hash") == [["aa"]]


@pytest.mark.parametrize(
    "text", ["SeenBy('x')", "print IP = '' | invoke DeviceFromIP()", "AssignedIPAddresses('x', now())"]
)
def test_functions_that_are_not_here_are_refused_by_name(ask: Ask, text: str) -> None:
    with pytest.raises(SourceError, match="is not supported"):
        ask(text)


def test_a_workspace_may_save_its_own_of_what_is_not_here(hunting: Analytics, ask: Ask) -> None:
    hunting.functions.put(SOC, SavedFunction("SeenBy", "datatable(DeviceId:string)['d']", "x:string"))
    assert ask("SeenBy('x')") == [["d"]]


def test_identities_go_by_both_spellings(hunting: Analytics, ask: Ask, tmp_path: Path) -> None:
    ingest(hunting, tmp_path, "IdentityInfo", {"AccountUPN": "ann@example.org"}, {"AccountUpn": "bob@example.org"})
    found = ask("IdentityInfo | project AccountUPN, AccountUpn | sort by AccountUPN asc")
    assert found == [["ann@example.org"] * 2, ["bob@example.org"] * 2]


def test_the_time_of_ingestion_is_kept(ask: Ask) -> None:
    assert ask("SigninLogs | where ingestion_time() == _TimeReceived and isnotnull(ingestion_time()) | count") == [[3]]

"""The document that says what people want, tried: its own program and its queries, against the demo."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from bench import figures

MISSION = Path(__file__).resolve().parents[2] / "shared" / "mission"
QUERIES = (
    "SigninLogs | take 10",
    'SigninLogs\n| where UserDisplayName contains "admin"\n'
    "| project TimeGenerated, UserPrincipalName, IPAddress, ResultType",
    "SecurityEvent\n| where EventID == 4625\n| summarize FailedAttempts = count() by Account",
    'AlertInfo\n| where Severity == "High"\n| join AlertEvidence on AlertId',
)
"""The queries that the documents print, but for the long one, which is read from its document."""


def main() -> None:
    documents = [p.read_text(encoding="utf-8") for p in sorted(MISSION.glob("*.txt"))]
    printed = next((d for d in documents if "ConfidentialClientApplication" in d), None)
    if printed is None:
        print("the documents are not here: their program is not run")
        return
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder) / "home") as facts:
        ran = _program(printed, facts, Path(folder))
        _keep("2", int(ran), "of 1 programs of the document answered with rows", "1", ran)
        long_one = json.loads(_first(r'"csl": ("DeviceNetworkEvents(?:[^"\\]|\\.)*")', printed))
        answered = sum(bool(_rows(facts, q)) for q in QUERIES)
        abroad = _rows(facts, long_one)
        country = [row["Country"] for row in abroad]
        filled = bool(abroad) and all(c and c != "United States" for c in country)
        total = answered + filled
        _keep("2b", total, f"of {len(QUERIES) + 1} printed queries answered with rows", "5", total == len(QUERIES) + 1)


@contextmanager
def demo(home: Path) -> Iterator[dict[str, str]]:
    """A demo that serves on a free port of loopback, and what a client must know of it."""
    command = [
        sys.executable,
        "-c",
        "from huntlake.cli import main; main()",
        "demo",
        "--home",
        str(home),
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        try:
            for line in server.stdout:
                if line.startswith("serving "):
                    break
            else:
                raise SystemExit("the demo ended before it served")
            yield json.loads((home / "demo.json").read_text(encoding="utf-8"))
        finally:
            server.terminate()


def _program(printed: str, facts: dict[str, str], folder: Path) -> bool:
    """Whether the document's program, with only its blanks filled in, prints rows."""
    text = printed[printed.index("import requests\nimport msal") : printed.index("In summary, you need")]
    filled = {
        'TENANT_ID = ""': f'TENANT_ID = "{facts["tenant"]}"',
        'CLIENT_ID = ""': f'CLIENT_ID = "{facts["client_id"]}"',
        'CLIENT_SECRET = ""': f'CLIENT_SECRET = "{facts["client_secret"]}"',
        "https://login.microsoftonline.com/{TENANT_ID}": f"{facts['url']}/adfs/{{TENANT_ID}}",
        "https://api.securityplatform.microsoft.com": facts["url"],
        " workspace1-12345678-abcd-abcd-1234-1234567890ab ": f" {facts['db']} ",
    }
    for old, new in filled.items():
        text = text.replace(old, new)
    program = folder / "sample.py"
    program.write_text(text, encoding="utf-8")
    trusting = {**os.environ, "REQUESTS_CA_BUNDLE": facts["ca"]}
    done = subprocess.run(
        [sys.executable, str(program)], env=trusting, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode == 0 and "Query Results" in done.stdout and "UserPrincipalName" in done.stdout


def _rows(facts: dict[str, str], text: str) -> list[dict[str, object]]:
    form = {"grant_type": "client_credentials", "client_id": facts["client_id"], "scope": facts["scope"]}
    form["client_secret"] = facts["client_secret"]
    token = requests.post(f"{facts['authority']}/oauth2/v2.0/token", data=form, verify=facts["ca"], timeout=30).json()
    # The document writes the database with blanks and a dash around.
    database = f"{facts['db'][:-37]} – {facts['db'][-36:]}"
    response = requests.post(
        f"{facts['url']}/lake/kql/v2/rest/query",
        headers={"Authorization": f"Bearer {token['access_token']}"},
        json={"csl": text, "db": database},
        verify=facts["ca"],
        timeout=60,
    )
    response.raise_for_status()
    table = next(f for f in response.json() if f.get("TableKind") == "PrimaryResult")
    names = [c["ColumnName"] for c in table["Columns"]]
    return [dict(zip(names, row, strict=True)) for row in table["Rows"]]


def _first(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"the document has nothing like {pattern}")
    return match[1]


def _keep(name: str, value: float, unit: str, goal: str, met: bool) -> None:
    figures.write(f"main-job.{name}", value, unit, goal, met, by="make bench")


if __name__ == "__main__":
    main()

"""Broken queries and random bytes to a real server: each gets an answer or a well-formed error, and none hangs it."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from threading import Thread

import httpx

from bench import figures
from huntlake.app import App
from huntlake.core.settings import load
from huntlake.identity.rights import Role
from huntlake.server import Server

TIMES = 1000
SEEDS = (
    "SigninLogs | where TimeGenerated > ago(1d) and ResultType != '0' | summarize count() by bin(TimeGenerated, 1h)",
    "let f = (a: long, b: string = 'x') { print a, b }; f(1)",
    "AlertInfo | where Severity == 'High' | join kind=inner AlertEvidence on AlertId | project Title, EntityType",
    'DeviceEvents | extend p = parse_json(\'{"a": [1, 2]}\') | mv-expand p.a | where FileName has_any ("a", "b")',
    "SecurityEvent | parse Account with Domain '\\\\' User | top 5 by TimeGenerated desc | project-away Type",
    "range i from 1 to 10 step 1 | extend x = case(i % 2 == 0, 'even', 'odd'), t = datetime(2026-01-01) + i * 1d",
    "union withsource=T isfuzzy=true Sign*, Audit* | take 3 | evaluate bag_unpack(AdditionalDetails)",
)
PIECES = (
    "|",
    "(",
    ")",
    "[",
    "]",
    "'",
    '"',
    "```",
    "dynamic(",
    "\\",
    "\x00",
    "//",
    "..",
    "==",
    "datetime(",
    "9" * 30,
    "-",
    ";",
    "let ",
    "é",
    "\ud7ff",
    "*",
)


def mutated(text: str, dice: random.Random) -> str:
    """`text` with a few characters gone, doubled, swapped, or something strange between them."""
    for _ in range(dice.randint(1, 4)):
        a, b = sorted(dice.randrange(len(text) + 1) for _ in range(2))
        text = dice.choice(
            (
                text[:a] + text[min(b, a + 6) :],
                text[:a] + text[a:b] * 2 + text[b:],
                text[:a] + dice.choice(PIECES) + text[a:],
                text[:a] + dice.choice(text or "x") + text[a + 1 :],
            )
        )
    return text


def main() -> None:
    dice = random.Random(20)
    with tempfile.TemporaryDirectory() as folder:
        app = App.open(Path(folder), load(Path(folder), tls=False, queries_per_principal=0))
        workspace = app.workspaces.create("soc")
        principal = app.principals.create("bench")
        secret = app.principals.add_secret(principal.client_id)
        app.principals.grant(principal.client_id, workspace.id, Role.READER)
        server = Server(app, host="127.0.0.1", port=0)
        thread = Thread(target=server.run)
        thread.start()
        try:
            with httpx.Client(base_url=server.serving.url, timeout=60, trust_env=False) as client:
                form = {
                    "grant_type": "client_credentials",
                    "client_id": principal.client_id,
                    "client_secret": secret.text,
                    "scope": "4500ebfb-89b6-4b14-a480-7f749797bfcd/.default",
                }
                token = client.post(f"/{app.tenant.id}/oauth2/v2.0/token", data=form).json()["access_token"]
                client.headers.update({"Authorization": f"Bearer {token}", "Content-Type": "application/json"})

                def is_well_formed(**request: object) -> bool:
                    answer = client.post("/lake/kql/v2/rest/query", **request)  # type: ignore[arg-type]
                    if answer.status_code == 200:
                        return isinstance(answer.json(), list)
                    return answer.status_code < 500 and bool(answer.json()["error"]["code"])

                queries = [mutated(dice.choice(SEEDS), dice) for _ in range(TIMES)]
                odd = [q for q in queries if not is_well_formed(json={"csl": q, "db": workspace.database})]
                noise = [dice.randbytes(dice.randint(0, 300)) for _ in range(TIMES)]
                odd_noise = [n for n in noise if not is_well_formed(content=n)]
        finally:
            server.stop()
            thread.join()
            app.close()
    for text in odd[:10]:
        print(f"not well answered: {text!r}")
    for name, what, failed in (("6", "mutated queries", odd), ("6b", "random bodies", odd_noise)):
        unit = f"of {TIMES:,} {what} without a proper answer"
        figures.write(f"main-job.{name}", len(failed), unit, "0", not failed, by="make bench")


if __name__ == "__main__":
    main()

"""The first question to a demo, asked over the network as any client asks it; and samples that ask the next."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from huntlake.cli.demo_lake import Card
from huntlake.core.errors import Invalid

FIRST = "SigninLogs | summarize SignIns = count() by ResultType | top 3 by SignIns"

TO_TRY = (
    "SigninLogs | take 10",
    "SecurityEvent | where EventID == 4625 | summarize FailedAttempts = count() by Account | top 10 by FailedAttempts",
    'AlertInfo | where Severity == "High" | join AlertEvidence on AlertId | project TimeGenerated, Title, EntityType',
    "DeviceNetworkEvents | extend Country = tostring(geo_info_from_ip_address(RemoteIP).country) "
    "| where isnotempty(Country) and Country != 'United States' | summarize count() by Country",
)

SAMPLE = """\
import msal
import requests

app = msal.ConfidentialClientApplication(
    client_id="{client_id}",
    authority="{authority}",
    client_credential="{client_secret}",
)
result = app.acquire_token_for_client(scopes=["{scope}"])
response = requests.post(
    "{url}/lake/kql/v2/rest/query",
    headers={{"Authorization": f"Bearer {{result['access_token']}}"}},
    json={{"csl": "SigninLogs | take 10", "db": "{db}"}},
)
print(response.json())
"""

CURL = """\
TOKEN=$(curl -s --cacert {ca} {authority}/oauth2/v2.0/token \\
    -d grant_type=client_credentials -d client_id={client_id} -d scope={scope} \\
    --data-urlencode client_secret={client_secret} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
curl -s --cacert {ca} {url}/lake/kql/v2/rest/query -H "Authorization: Bearer $TOKEN" \\
    -H 'Content-Type: application/json' -d '{{"csl": "SigninLogs | take 10", "db": "{db}"}}'
"""


def rows(card: Card, kql: str) -> tuple[list[str], list[list[Any]]]:
    """The names of the columns and the rows of the answer to `kql`."""
    tls = ssl.create_default_context(cafile=card.ca) if card.ca else None
    form = {
        "grant_type": "client_credentials",
        "client_id": card.client_id,
        "client_secret": card.client_secret,
        "scope": card.scope,
    }
    token = _post(f"{card.authority}/oauth2/v2.0/token", urllib.parse.urlencode(form).encode(), {}, tls)
    headers = {"Authorization": f"Bearer {token['access_token']}", "Content-Type": "application/json"}
    body = json.dumps({"csl": kql, "db": card.db}).encode()
    frames = _post(f"{card.url}/lake/kql/v2/rest/query", body, headers, tls)
    answer = next(f for f in frames if f.get("TableKind") == "PrimaryResult")
    return [c["ColumnName"] for c in answer["Columns"]], answer["Rows"]


def _post(url: str, body: bytes, headers: dict[str, str], tls: ssl.SSLContext | None) -> Any:
    request = urllib.request.Request(url, body, headers)
    # A proxy of the environment has no business between this process and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))
    try:
        with opener.open(request, timeout=60) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        told = error.read(2000).decode("utf-8", "replace")
        raise Invalid(f"the server did not answer its first question: {error.code} {told}") from error
    except OSError as error:
        raise Invalid(f"the server did not answer its first question: {error}") from error

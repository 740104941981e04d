"""What a hot path saves: the same questions over two tables of the same rows, one of which keeps the paths beside.

The rows are sign-ins with three bags each, as Entra writes them. `HUNTLAKE_BENCH_ROWS` says how many.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from bench import figures
from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.lake.forms import Form, StoredColumn
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

ROWS = int(os.environ.get("HUNTLAKE_BENCH_ROWS", "2000000"))
DAYS = 5
ROUNDS = 7
GOAL = 30
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TABLE = "SigninLogs"
BY = "python -m bench hot_paths"

TEXT = Workspace("text", "11111111-2222-3333-4444-555555555555")
HOT = Workspace("hot", "99999999-2222-3333-4444-555555555555")

PATHS = (
    "DeviceDetail.operatingSystem",
    "Status.errorCode",
    "LocationDetails.geoCoordinates.latitude",
    "LocationDetails.city",
)

ASKED = {
    "group by a text": f"{TABLE} | summarize count() by System = tostring(DeviceDetail.operatingSystem)",
    "filter on a text": f'{TABLE} | where DeviceDetail.operatingSystem == "Ios 17.4" | count',
    "filter, found later": f'{TABLE} | extend System = DeviceDetail.operatingSystem | where System has "linux" | count',
    "filter on a number": f"{TABLE} | where toint(Status.errorCode) == 50126 | count",
    "mean of a number": f"{TABLE} | summarize avg(todouble(LocationDetails.geoCoordinates.latitude))",
    "two paths": f"{TABLE} | summarize count() by tostring(LocationDetails.city), tostring(Status.errorCode)",
}
HEADLINES = ("group by a text", "filter on a text")
"""Those that the goal is about."""

_COLUMNS = (
    StoredColumn("TimeGenerated", Form.INSTANT),
    StoredColumn("UserPrincipalName", Form.TEXT),
    StoredColumn("IPAddress", Form.TEXT),
    StoredColumn("ResultType", Form.TEXT),
    StoredColumn("DeviceDetail", Form.JSON),
    StoredColumn("Status", Form.JSON),
    StoredColumn("LocationDetails", Form.JSON),
)

_SIGNINS = """
select '{start}+00'::TIMESTAMPTZ + to_microseconds((i - {first}) * {step}) as "TimeGenerated",
    'user' || h % 4000 || '@contoso.example' as "UserPrincipalName",
    '10.' || h % 200 || '.' || h // 7 % 250 || '.' || h // 11 % 250 as "IPAddress",
    code as "ResultType",
    '{{"deviceId":"' || md5((h % 200000)::VARCHAR) || '","displayName":"PC-' || h % 200000 || '","operatingSystem":"'
        || ['Windows 10', 'Windows 11', 'MacOs', 'Ios 17.4', 'Android 14', 'Linux'][h % 6 + 1]
        || '","browser":"' || ['Edge 120.0', 'Chrome 121.0', 'Safari 17', 'Firefox 122.0'][h % 4 + 1]
        || '","isCompliant":' || (h % 3 = 0)::VARCHAR || ',"isManaged":' || (h % 5 = 0)::VARCHAR
        || ',"trustType":"' || ['Azure AD joined', 'Hybrid Azure AD joined', ''][h % 3 + 1] || '"}}' as "DeviceDetail",
    '{{"errorCode":' || code || ',"failureReason":"' || if(code = '0', 'Other.', 'Invalid username or password.')
        || '","additionalDetails":"MFA requirement satisfied by claim in the token ' || h % 100000 || '"}}' as "Status",
    '{{"city":"' || ['Oslo', 'Berlin', 'Madrid', 'Wien', 'Paris', 'Porto'][h % 6 + 1] || '","state":"State '
        || h % 40 || '","countryOrRegion":"' || ['NO', 'DE', 'ES', 'AT', 'FR', 'PT'][h % 6 + 1]
        || '","geoCoordinates":{{"latitude":' || (40 + h % 2000000 / 100000)::DECIMAL(8,5)::VARCHAR || ',"longitude":'
        || (h % 3000000 / 100000)::DECIMAL(8,5)::VARCHAR || '}}}}' as "LocationDetails"
from (select i, (hash(i) // 1000)::BIGINT as h, case when hash(i) % 20 = 0 then '50126' else '0' end as code
    from range({first}, {last}) r(i))
"""


@contextmanager
def lake(rows: int) -> Iterator[Analytics]:
    """Two workspaces with the same sign-ins; in one of them the paths are hot."""
    with tempfile.TemporaryDirectory() as folder:
        analytics = Analytics.over(Path(folder), Bounds(threads=1), Nowhere(), FixedClock(NOW))
        try:
            for workspace in (TEXT, HOT):
                analytics.lake.table(workspace.name, TABLE).declare(_COLUMNS)
            paths = [analytics.hot_paths.path(HOT.name, TABLE, text) for text in PATHS]
            analytics.hot_paths.say(HOT.name, TABLE, paths)
            analytics.hot_paths.update(HOT.name, TABLE)
            for workspace in (TEXT, HOT):
                _fill(analytics, workspace, rows)
            yield analytics
        finally:
            analytics.close()


def main() -> None:
    with lake(ROWS) as analytics:
        ratios = {}
        for name, text in ASKED.items():
            slow, fast = _times(analytics, text)
            ratios[name] = slow / fast
            print(f"{name}: {slow * 1000:,.0f} ms of CPU from JSON, {fast * 1000:,.1f} from what is beside")
            print(f"{name}: {ratios[name]:.1f} times faster")
        least = min(ratios[n] for n in HEADLINES)
        unit = f"times faster on a hot key than from JSON text (CPU, {ROWS:,} rows)"
        figures.write("lake.4c", least, unit, f">= {GOAL}", least >= GOAL, by=BY)


def _times(analytics: Analytics, text: str) -> tuple[float, float]:
    """Seconds of CPU, from JSON and from what is beside: medians of rounds in which both take turns."""
    taken: dict[str, list[float]] = {TEXT.name: [], HOT.name: []}
    answers = set()
    for _ in range(ROUNDS):
        for workspace in (TEXT, HOT):
            began = time.process_time()
            (table,) = analytics.queries.run(workspace, text, QueryOptions()).tables
            rows = json.loads(b"[" + b",".join(table.json_rows()) + b"]")
            taken[workspace.name].append(time.process_time() - began)
            answers.add(json.dumps(sorted(rows, key=str)))
    if len(answers) != 1:
        raise AssertionError(f"what is beside answers otherwise than JSON: {text}")
    return statistics.median(taken[TEXT.name]), statistics.median(taken[HOT.name])


def _fill(analytics: Analytics, workspace: Workspace, rows: int) -> None:
    table, day = analytics.lake.table(workspace.name, TABLE), rows // DAYS
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for i in range(DAYS):
            start = (NOW - timedelta(days=DAYS - i)).strftime("%Y-%m-%d 00:00:00")
            select = _SIGNINS.format(start=start, step=86_400_000_000 // day, first=i * day, last=(i + 1) * day)
            connection.execute(f"create or replace temp table rows as {select}")
            table.append(connection, "rows", _COLUMNS)

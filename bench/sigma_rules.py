"""Rules of Sigma as KQL over the tables that an import fills: as much of the language as recorded attacks need.

For measuring only: a rule that uses anything else is `Unsupported`, and not counted as one that fires.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml


class Unsupported(Exception):
    """The rule says something that isn't translated."""


@dataclass(frozen=True)
class Source:
    """Where events of a category are: the rows, and the expression for each field of Sigma."""

    rows: str
    fields: Mapping[str, str]
    column: str = ""
    """An expression for any other field, `{0}` being its name; without one such a field is unsupported."""


_ACTOR = {
    "Image": "InitiatingProcessFolderPath",
    "CommandLine": "InitiatingProcessCommandLine",
    "ParentImage": "InitiatingProcessParentFileName",
    "User": 'strcat(InitiatingProcessAccountDomain, "\\\\", InitiatingProcessAccountName)',
}
_INTO = {"TargetImage": "FolderPath", "SourceImage": "InitiatingProcessFolderPath"}
_XML = 'extract(@"<Data Name=""{0}"">([^<]*)</Data>", 1, EventData)'


def _file(action: str) -> Source:
    return Source(f'DeviceFileEvents | where ActionType == "{action}"', {**_ACTOR, "TargetFilename": "FolderPath"})


_REGISTRY = Source(
    "DeviceRegistryEvents",
    {
        **_ACTOR,
        "TargetObject": "replace_regex(strcat(replace_string(replace_string("
        'RegistryKey, "HKEY_LOCAL_MACHINE", "HKLM"), '
        '"HKEY_USERS", "HKU"), "\\\\", RegistryValueName), @"\\\\$", "")',
        "Details": "RegistryValueData",
        "EventType": 'case(ActionType == "RegistryValueSet", "SetValue", ActionType == "RegistryValueDeleted", '
        '"DeleteValue", ActionType == "RegistryKeyDeleted", "DeleteKey", "CreateKey")',
    },
)
SOURCES = {
    "process_creation": Source(
        "DeviceProcessEvents",
        {
            "Image": "FolderPath",
            "CommandLine": "ProcessCommandLine",
            "OriginalFileName": "ProcessVersionInfoOriginalFileName",
            "Description": "ProcessVersionInfoFileDescription",
            "Product": "ProcessVersionInfoProductName",
            "Company": "ProcessVersionInfoCompanyName",
            "ParentImage": "InitiatingProcessFolderPath",
            "ParentCommandLine": "InitiatingProcessCommandLine",
            "IntegrityLevel": "ProcessIntegrityLevel",
            "CurrentDirectory": "tostring(AdditionalFields.CurrentDirectory)",
            "User": 'strcat(AccountDomain, "\\\\", AccountName)',
            "ParentUser": 'strcat(InitiatingProcessAccountDomain, "\\\\", InitiatingProcessAccountName)',
            "Hashes": 'strcat("SHA1=", SHA1, ",MD5=", MD5, ",SHA256=", SHA256, ",IMPHASH=", AdditionalFields.IMPHASH)',
        },
    ),
    "image_load": Source("DeviceImageLoadEvents", {**_ACTOR, "ImageLoaded": "FolderPath"}),
    "file_event": _file("FileCreated"),
    "file_delete": _file("FileDeleted"),
    "registry": _REGISTRY,
    "network_connection": Source(
        "DeviceNetworkEvents",
        {
            **_ACTOR,
            "DestinationPort": "RemotePort",
            "DestinationIp": "RemoteIP",
            "DestinationHostname": "RemoteUrl",
            "SourceIp": "LocalIP",
            "SourcePort": "LocalPort",
            "Initiated": 'tostring(ActionType == "ConnectionSuccess")',
        },
    ),
    "create_remote_thread": Source(
        'DeviceEvents | where ActionType == "CreateRemoteThreadApiCall"',
        {
            **_INTO,
            "StartFunction": "tostring(AdditionalFields.StartFunction)",
            "StartModule": "tostring(AdditionalFields.StartModule)",
        },
    ),
    "process_access": Source(
        'DeviceEvents | where ActionType == "OpenProcessApiCall"',
        {
            **_INTO,
            "CallTrace": "tostring(AdditionalFields.CallTrace)",
            "GrantedAccess": 'strcat("0x", tohex(tolong(AdditionalFields.DesiredAccess)))',
        },
    ),
    "pipe_created": Source(
        'DeviceEvents | where ActionType == "NamedPipeEvent"',
        {**_ACTOR, "PipeName": 'replace_string(tostring(AdditionalFields.PipeName), @"\\Device\\NamedPipe", "")'},
    ),
    "ps_script": Source('Event | where Source == "Microsoft-Windows-PowerShell" and EventID == 4104', {}, _XML),
    "ps_module": Source('Event | where Source == "Microsoft-Windows-PowerShell" and EventID == 4103', {}, _XML),
}


def query(rule: Path, category: str, columns: frozenset[str]) -> str:
    """The rule as a query; `columns` are those of `SecurityEvent`.

    :raises Unsupported: it says something that isn't translated
    """
    told = yaml.safe_load(rule.read_text(encoding="utf-8"))
    if category == "security":
        source = Source("SecurityEvent", {c: c for c in columns}, _XML)
    elif (known := SOURCES.get(category)) is not None:
        source = known
    else:
        raise Unsupported(f"the category {category}")
    detection = dict(told["detection"])
    condition = detection.pop("condition")
    if isinstance(condition, list) or "|" in condition:
        raise Unsupported("the condition")
    parts = {name: _search(search, source) for name, search in detection.items() if name != "timeframe"}
    return f"{source.rows} | where {_condition(condition, parts)}"


def _condition(text: str, parts: Mapping[str, str]) -> str:
    words = re.findall(r"\(|\)|[^\s()]+", text)
    out = []
    at = 0
    while at < len(words):
        word = words[at]
        if word in ("1", "all", "any") and words[at + 1 : at + 2] == ["of"]:
            pattern = "*" if words[at + 2] == "them" else words[at + 2]
            found = [p for n, p in parts.items() if fnmatchcase(n, pattern)]
            if not found:
                raise Unsupported(f"`{pattern}` of the condition")
            out.append("(" + (" and " if word == "all" else " or ").join(found) + ")")
            at += 3
            continue
        if word == "not":
            # What follows is one thing, or a group of them.
            out.append("not")
        elif word in ("and", "or", "(", ")"):
            out.append(word)
        elif word in parts:
            out.append(parts[word])
        else:
            raise Unsupported(f"`{word}` of the condition")
        at += 1
    # `not` is a function in KQL, and all that it negates here stands in parentheses.
    return " ".join(out)


def _search(search: Any, source: Source) -> str:
    if isinstance(search, list):
        return "(" + " or ".join(_search(one, source) for one in search) + ")"
    if not isinstance(search, dict):
        raise Unsupported("keywords")
    return "(" + " and ".join(_item(key, value, source) for key, value in search.items()) + ")"


def _item(key: str, value: Any, source: Source) -> str:
    name, *how = key.split("|")
    field = source.fields.get(name) or (source.column.format(name) if source.column else "")
    if not field:
        raise Unsupported(f"the field {name}")
    values = value if isinstance(value, list) else [value]
    every = "all" in how
    how = [h for h in how if h != "all"]
    tests = [_test(f"tostring({field})", one, how) for one in values]
    return "(" + (" and " if every else " or ").join(tests) + ")"


def _test(field: str, value: Any, how: list[str]) -> str:
    if value is None:
        return f"isempty({field})"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    match how:
        case ["re"]:
            return f"{field} matches regex {_quoted(text)}"
        case ["cidr"]:
            return f"ipv4_is_in_range({field}, {_quoted(text)})" if ":" not in text else "false"
        case [] | ["contains"] | ["startswith"] | ["endswith"]:
            kind = how[0] if how else "=~"
        case _:
            raise Unsupported(f"the modifier {'|'.join(how)}")
    if not re.search(r"(?<!\\)[*?]", text):
        plain = re.sub(r"\\([*?\\])", r"\1", text) if re.search(r"\\[*?]", text) else text
        return f"{field} {kind} {_quoted(plain)}"
    form = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in text)
    before = "" if kind in ("contains", "endswith") else "^"
    after = "" if kind in ("contains", "startswith") else "$"
    return f"{field} matches regex {_quoted(f'(?is){before}{form}{after}')}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

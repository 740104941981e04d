"""What sensors in a network say: Zeek and Suricata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from huntlake.workspace.evidence.records import Context, Fields, Record, Row, moment, said, stamp, written

_LOG = re.compile(r"[a-z][a-z0-9_]{0,60}")


def is_zeek(fields: Fields, file: str) -> bool:
    if "ts" not in fields:
        return False
    return "_path" in fields or "id.orig_h" in fields or ("uid" in fields and _log(file) is not None)


def zeek(record: Record, context: Context) -> Iterator[Row]:
    """Each log has a table of its own, `Zeek_conn_CL` and so on, whose columns are its fields with `_` for `.`."""
    log = str(record.fields.get("_path") or _log(context.file) or "")
    if not _LOG.fullmatch(log):
        raise ValueError(f"`{log[:40]}` is no name of a log")
    at = _time(record.fields.get("ts"), context)
    fields = {_column(n): v for n, v in said(record.fields).items() if n not in ("ts", "_path")}
    yield Row(f"Zeek_{log}_CL", said({"TimeGenerated": at, "ts": at, **fields}))


def is_eve(fields: Fields, file: str) -> bool:
    return (
        "event_type" in fields
        and "timestamp" in fields
        and ("flow_id" in fields or "src_ip" in fields or "stats" in fields)
    )


def eve(record: Record, context: Context) -> Iterator[Row]:
    """One table for all of Suricata's events; what is particular to an `event_type` is in the bag of that name."""
    at = _time(record.fields.get("timestamp"), context)
    fields = {_column(n): v for n, v in said(record.fields).items() if n != "timestamp"}
    yield Row("Suricata_CL", said({"TimeGenerated": at, **fields}))


def _time(value: Any, context: Context) -> str | None:
    # Zeek and Suricata write microseconds since 1970 as a fraction, and `+0000` for UTC.
    if isinstance(value, str) and stamp(value) is None and re.search(r"[+-]\d{4}$", value):
        value = f"{value[:-2]}:{value[-2:]}"
    time = moment(value, context)
    if time is None:
        context.notes.undated += 1
    return written(time)


def _log(file: str) -> str | None:
    """The log that a file of Zeek's is, by its name: `conn.log`, `dns.00:00-01:00.log`, `http.json`."""
    stem = file.split(".", 1)[0].lower()
    return stem if stem in _LOGS else None


def _column(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


_LOGS = frozenset(
    "capture_loss conn dce_rpc dhcp dnp3 dns dpd files ftp http intel irc kerberos known_certs known_hosts"
    " known_services modbus mqtt_connect mqtt_publish mqtt_subscribe mysql notice ntlm ntp ocsp pe radius rdp rfb"
    " signatures sip smb_files smb_mapping smtp snmp socks software ssh ssl stats syslog traceroute tunnel weird"
    " x509 telemetry analyzer".split()
)

"""The kinds of evidence: every one that is known, in the order in which they are asked."""

from __future__ import annotations

from huntlake.workspace.evidence import cloud, network, plain, syslog, windows
from huntlake.workspace.evidence.records import Fields, SourceKind

KINDS = (
    SourceKind("entra-audit", "Entra audit log", cloud.is_directory_audit, cloud.directory_audit),
    SourceKind("workspace-export", "Rows exported from a workspace", cloud.is_workspace_export, cloud.workspace_export),
    SourceKind("windows-event", "Windows events", windows.claims, windows.rows),
    SourceKind("defender-hunting", "Defender's advanced hunting", cloud.is_hunting_export, cloud.hunting_export),
    SourceKind("defender-timeline", "Defender's device timeline", cloud.is_device_timeline, cloud.device_timeline),
    SourceKind("entra-sign-in", "Entra sign-ins", cloud.is_sign_in, cloud.sign_in),
    SourceKind("unified-audit", "Unified Audit Log", cloud.is_unified_audit, cloud.unified_audit),
    SourceKind("cloudtrail", "AWS CloudTrail", cloud.is_cloud_trail, cloud.cloud_trail),
    SourceKind("zeek", "Zeek", network.is_zeek, network.zeek),
    SourceKind("suricata", "Suricata EVE", network.is_eve, network.eve),
    SourceKind("linux-audit", "Linux audit log", syslog.is_audit, syslog.audit),
    SourceKind("syslog", "Syslog and CEF", syslog.is_line, syslog.line),
    SourceKind("velociraptor", "Velociraptor", plain.is_velociraptor, plain.velociraptor),
    SourceKind("kape", "KAPE", plain.is_kape, plain.kape),
    SourceKind("plain", "Plain records", plain.is_anything, plain.anything),
)


def kind_of(fields: Fields, file: str) -> SourceKind | None:
    """The kind of a record in a file of that name."""
    return next((kind for kind in KINDS if kind.claims(fields, file)), None)

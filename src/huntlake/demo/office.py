"""OfficeActivity: what people do in mailboxes, document libraries and meetings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from huntlake.demo.columns import Columns, distinct, guids, ints, pick, table, texts, times
from huntlake.demo.company import settings, stable_guid
from huntlake.demo.dice import Dice, Longs
from huntlake.demo.mail import subject_text
from huntlake.demo.processes import fill
from huntlake.demo.signins import AGENTS
from huntlake.demo.world import World


def office_activity(world: World) -> Iterator[Any]:
    """OfficeActivity: what people do in mailboxes, document libraries and meetings."""
    for operation, workload, record, rate in _OPERATIONS:
        yield _office(world, world.dice.named("OfficeActivity", operation), operation, workload, record, rate)


_OPERATIONS = [
    ("MailItemsAccessed", "Exchange", "ExchangeItemAggregated", 6.0),
    ("Send", "Exchange", "ExchangeItem", 2.4),
    ("Create", "Exchange", "ExchangeItem", 1.0),
    ("MoveToDeletedItems", "Exchange", "ExchangeItemGroup", 1.2),
    ("SoftDelete", "Exchange", "ExchangeItemGroup", 0.6),
    ("HardDelete", "Exchange", "ExchangeItemGroup", 0.2),
    ("New-InboxRule", "Exchange", "ExchangeAdmin", 0.012),
    ("Set-Mailbox", "Exchange", "ExchangeAdmin", 0.008),
    ("FileAccessed", "SharePoint", "SharePointFileOperation", 5.0),
    ("FileModified", "SharePoint", "SharePointFileOperation", 1.6),
    ("FileDownloaded", "SharePoint", "SharePointFileOperation", 0.7),
    ("FileUploaded", "SharePoint", "SharePointFileOperation", 0.6),
    ("FileSyncDownloadedFull", "OneDrive", "SharePointFileOperation", 1.1),
    ("PageViewed", "SharePoint", "SharePoint", 1.4),
    ("SharingSet", "SharePoint", "SharePointSharingOperation", 0.12),
    ("AnonymousLinkCreated", "SharePoint", "SharePointSharingOperation", 0.01),
    ("MessageSent", "MicrosoftTeams", "MicrosoftTeams", 3.2),
    ("TeamsSessionStarted", "MicrosoftTeams", "MicrosoftTeams", 1.1),
    ("MeetingParticipantDetail", "MicrosoftTeams", "MicrosoftTeams", 0.9),
]


def _office(world: World, dice: Dice, operation: str, workload: str, record: str, rate: float) -> Any:
    company, shifts = world.company, world.shifts
    shift, at = shifts.moments(dice, rate)
    count, person = len(at), shifts.person[shift]
    upns = [company.upn(p.alias) for p in company.people]
    addresses = pick(shifts.addresses, shifts.address[shift])
    columns: Columns = {
        "TimeGenerated": times(at),
        "Start_Time": times(at),
        "Operation": operation,
        "OfficeWorkload": workload,
        "RecordType": record,
        "OfficeId": guids(dice, count),
        "OrganizationId": company.tenant,
        "OrganizationName": str(company.facts["onmicrosoft"]),
        "UserId": pick(upns, person),
        "UserKey": pick([stable_guid("key", u)[:18].replace("-", "") for u in upns], person),
        "UserType": "Regular",
        "ResultStatus": "Succeeded",
        "ClientIP": addresses,
        "Client_IPAddress": addresses,
    }
    if workload == "Exchange":
        columns |= _exchange(world, dice, operation, person, count)
    elif workload in ("SharePoint", "OneDrive"):
        columns |= _sharepoint(world, dice, workload, person, count)
    else:
        columns |= {
            "TeamName": pick(("Planning", "Customs desk", "Finance", "All hands"), dice.below(count, 4)),
            "CommunicationType": pick(("OneOnOne", "GroupChat", "Team"), dice.below(count, 3)),
            "ExtraProperties": "[]",
        }
    return table(columns, count)


def _exchange(world: World, dice: Dice, operation: str, person: Longs, count: int) -> Columns:
    company = world.company
    upns = [company.upn(p.alias) for p in company.people]
    mine = world.person_account
    content = settings("demo/mail.yaml")
    columns: Columns = {
        "MailboxOwnerUPN": pick(upns, person),
        "MailboxOwnerSid": pick([company.accounts[a].sid for a in mine], person),
        "MailboxGuid": pick([stable_guid("mailbox", u) for u in upns], person),
        "LogonUserSid": pick([company.accounts[a].sid for a in mine], person),
        "Logon_Type": "Owner",
        "InternalLogonType": ints(np.zeros(count)),
        "ClientInfoString": pick(
            (
                "Client=OutlookService;Outlook-Desktop/16.0",
                "Client=OWA;Action=ViaProxy",
                "Client=REST;Client=RESTSystem;;",
            ),
            dice.pick(count, [6, 3, 1]),
        ),
        "ClientProcessName": "OUTLOOK.EXE",
        "ClientVersion": "16.0.17928.20216",
        "OriginatingServer": pick(("AM0PR07MB1234", "DU2PR07MB5678", "CH0PR07MB9012"), dice.below(count, 3)),
        "ExternalAccess": "false",
        "CrossMailboxOperations": False,
    }
    if operation == "MailItemsAccessed":
        columns["OperationProperties"] = (
            '[{"Name":"MailAccessType","Value":"Bind"},{"Name":"IsThrottled","Value":"False"}]'
        )
    if operation in ("Send", "Create"):
        subject = dice.below(count, len(content["subjects"]))
        columns["Item"] = distinct(
            (subject, dice.below(count, 40)), lambda s, n: json.dumps({"Subject": subject_text(content, 0, s, n)})
        )
    if operation == "New-InboxRule":
        rules = (
            _parameters(Name="Newsletters", From="news@tradelane-news.example", MoveToFolder="Newsletters"),
            _parameters(Name="Berth schedules", SubjectContainsWords="Berth schedule", MoveToFolder="Schedules"),
        )
        columns |= {"Parameters": pick(rules, dice.below(count, 2)), "OfficeObjectId": pick(upns, person)}
    if operation == "Set-Mailbox":
        columns |= {
            "Parameters": '[{"Name":"AutoReplyState","Value":"Scheduled"}]',
            "OfficeObjectId": pick(upns, person),
        }
    return columns


def _parameters(**named: str) -> str:
    """The parameters of a cmdlet as the audit log has them."""
    return json.dumps([{"Name": n, "Value": v} for n, v in named.items()], separators=(",", ":"))


def _sharepoint(world: World, dice: Dice, workload: str, person: Longs, count: int) -> Columns:
    content, people = settings("demo/mail.yaml"), world.company.people
    documents, sites = content["documents"], content["sites"]
    document, number, site = dice.below(count, len(documents)), dice.below(count, 300), dice.below(count, len(sites))
    root = "https://korenwolf.sharepoint.example/sites"
    mine = "https://korenwolf-my.sharepoint.example/personal"
    own = np.full(count, workload == "OneDrive")
    where = np.where(own, person, -1)

    def name(d: int, n: int) -> str:
        return fill(documents[d], "", n * 7919)

    def url(s: int, p: int) -> str:
        return f"{mine}/{people[p].sam}/" if p >= 0 else f"{root}/{sites[s]}/"

    return {
        "Site_Url": distinct((site, where), url),
        "SourceFileName": distinct((document, number), name),
        "SourceFileExtension": pick([d.rsplit(".", 1)[1] for d in documents], document),
        "SourceRelativeUrl": "Shared Documents",
        "OfficeObjectId": distinct(
            (site, where, document, number), lambda s, p, d, n: f"{url(s, p)}Shared Documents/{name(d, n)}"
        ),
        "ItemType": "File",
        "EventSource": "SharePoint",
        "UserAgent": pick(
            (AGENTS[0], AGENTS[0], "Microsoft SkyDriveSync 24.206.1013.0004 ship; Windows NT 10.0 (22631)"),
            np.where(own, 2, dice.below(count, 2)),
        ),
        "IsManagedDevice": True,
        "MachineId": texts(100000 + person),
    }

"""Mail: EmailEvents with its links and attachments, and UrlClickEvents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from huntlake.demo.columns import distinct, guids, hexes, ints, join, longs, pick, table, times
from huntlake.demo.company import settings
from huntlake.demo.dice import Bools, Longs
from huntlake.demo.processes import fill
from huntlake.demo.rhythm import MINUTE, SECOND
from huntlake.demo.world import World

_INBOUND, _INSIDE, _OUTBOUND, _NEWS, _UNWANTED = range(5)
_DIRECTIONS = ("Inbound", "Intra-org", "Outbound", "Inbound", "Inbound")


@dataclass(frozen=True)
class Mails:
    """Every mail of the story, as arrays of one length."""

    at: Longs
    kind: Longs
    recipient: Longs
    """A person; the sender's partner where the mail leaves the company."""
    sender: Longs
    """A person, a partner or an entry of `unwanted`, by kind."""
    subject: Longs
    number: Longs
    links: Bools
    attached: Bools
    ids: Any
    report_ids: Any


def make_mails(world: World) -> Mails:
    """Who wrote to whom in two weeks."""
    dice = world.dice.named("mail")
    shifts, content = world.shifts, settings("demo/mail.yaml")
    partners, people = world.company.facts["partners"], world.company.people
    at, kind, recipient, sender, subject = [], [], [], [], []
    for k, rate in ((_INBOUND, 3.6), (_INSIDE, 3.4), (_OUTBOUND, 1.8), (_NEWS, 0.5)):
        own = dice.named("kind", k)
        shift, moment = shifts.moments(own, rate)
        count, person = len(moment), shifts.person[shift]
        at.append(moment)
        kind.append(np.full(count, k))
        recipient.append(person if k != _OUTBOUND else own.below(count, len(partners)))
        own_sender = {_INSIDE: own.below(count, len(people)), _OUTBOUND: person, _NEWS: 8 + own.below(count, 2)}
        sender.append(own_sender.get(k, own.below(count, len(partners))))
        subject.append(own.below(count, len(content["newsletters"] if k == _NEWS else content["subjects"])))
    own = dice.named("unwanted")
    moment = world.calendar.spread(own, 45.0)
    count = len(moment)
    which = own.pick(count, [2, 2, 5, 2, 4])
    at.append(moment)
    kind.append(np.full(count, _UNWANTED))
    recipient.append(own.below(count, len(people)))
    sender.append(which)
    subject.append(which)
    time, kinds = np.concatenate(at), np.concatenate(kind)
    total = len(time)
    fate = dice.named("fate")
    return Mails(
        time,
        kinds,
        np.concatenate(recipient),
        np.concatenate(sender),
        np.concatenate(subject),
        fate.below(total, 4000),
        (kinds >= _NEWS) | fate.chance(total, 0.3),
        (kinds <= _OUTBOUND) & fate.chance(total, 0.22),
        guids(fate.named("id"), total),
        guids(fate.named("report"), total),
    )


def _sender_address(world: World, kind: int, sender: int) -> str:
    company = world.company
    if kind in (_INSIDE, _OUTBOUND):
        return company.upn(company.people[sender].alias)
    if kind == _UNWANTED:
        return f"notice@{settings('demo/mail.yaml')['unwanted'][sender][2]}"
    box = "news" if kind == _NEWS else ("planning", "accounts", "desk")[sender % 3]
    return f"{box}@{company.facts['partners'][sender]}"


def _recipient_address(world: World, kind: int, recipient: int) -> str:
    company = world.company
    if kind == _OUTBOUND:
        return f"desk@{company.facts['partners'][recipient]}"
    return company.upn(company.people[recipient].alias)


def subject_text(content: Any, kind: int, subject: int, number: int) -> str:
    if kind == _UNWANTED:
        return str(content["unwanted"][subject][0])
    return fill(content["newsletters" if kind == _NEWS else "subjects"][subject], "", number * 7919)


def email_events(world: World, mails: Mails) -> Iterator[Any]:
    """EmailEvents: each mail that came, went or stayed inside."""
    content, company = settings("demo/mail.yaml"), world.company
    people = company.people
    object_ids = [a.object_id for a in company.accounts]
    mine = world.person_account
    m, inside = mails, mails.kind != _OUTBOUND
    senders = distinct((m.kind, m.sender), lambda k, s: _sender_address(world, k, s))
    domains = distinct((m.kind, m.sender), lambda k, s: _sender_address(world, k, s).split("@")[1])
    own_sender = np.isin(m.kind, (_INSIDE, _OUTBOUND))
    threats = ["", *(u[1] for u in content["unwanted"])]
    threat = np.where(m.kind == _UNWANTED, m.sender + 1, 0)
    addresses = [*(f"203.0.113.{196 + i}" for i in range(len(company.facts["partners"]))), "192.0.2.10"]
    addresses += [u[3] for u in content["unwanted"]]
    partners = len(company.facts["partners"])
    ip = np.where(own_sender, partners, np.where(m.kind == _UNWANTED, partners + 1 + m.sender, m.sender))
    count = len(m.at)
    dice = world.dice.named("EmailEvents")
    yield table(
        {
            "TimeGenerated": times(m.at),
            "Timestamp": times(m.at),
            "NetworkMessageId": m.ids,
            "InternetMessageId": join("<", m.ids, "@", domains, ">"),
            "ReportId": m.report_ids,
            "SenderFromAddress": senders,
            "SenderFromDomain": domains,
            "SenderMailFromAddress": senders,
            "SenderMailFromDomain": domains,
            "SenderDisplayName": distinct((m.kind, m.sender), lambda k, s: _display(world, k, s)),
            "SenderObjectId": pick(["", *object_ids], np.where(own_sender, mine[m.sender % len(people)] + 1, 0)),
            "SenderIPv4": pick(addresses, ip),
            "RecipientEmailAddress": distinct((m.kind, m.recipient), lambda k, r: _recipient_address(world, k, r)),
            "RecipientDomain": distinct(
                (m.kind, m.recipient), lambda k, r: _recipient_address(world, k, r).split("@")[1]
            ),
            "RecipientObjectId": pick(["", *object_ids], np.where(inside, mine[m.recipient % len(people)] + 1, 0)),
            "Subject": distinct((m.kind, m.subject, m.number % 40), lambda k, s, n: subject_text(content, k, s, n)),
            "EmailDirection": pick(_DIRECTIONS, m.kind),
            "DeliveryAction": pick(("Delivered", "Junked", "Blocked"), _fate(threats, threat)),
            "DeliveryLocation": pick(("Inbox/folder", "Junk folder", "Quarantine"), _fate(threats, threat)),
            "LatestDeliveryAction": pick(("Delivered", "Junked", "Blocked"), _fate(threats, threat)),
            "LatestDeliveryLocation": pick(("Inbox/folder", "Junk folder", "Quarantine"), _fate(threats, threat)),
            "ThreatTypes": pick(threats, threat),
            "DetectionMethods": pick(
                ("", '{"Phish":["URL detonation reputation"]}', '{"Spam":["Bulk"]}'),
                np.array([{"": 0, "Phish": 1, "Spam": 2}[t] for t in threats])[threat],
            ),
            "ConfidenceLevel": pick(
                ("", '{"Phish":"High"}', '{"Spam":"Normal"}'),
                np.array([{"": 0, "Phish": 1, "Spam": 2}[t] for t in threats])[threat],
            ),
            "AuthenticationDetails": pick(
                (
                    '{"SPF":"pass","DKIM":"pass","DMARC":"pass","CompAuth":"pass"}',
                    '{"SPF":"fail","DKIM":"none","DMARC":"none","CompAuth":"none"}',
                ),
                (threat > 0).astype(np.int64),
            ),
            "AttachmentCount": ints(m.attached),
            "UrlCount": ints(m.links),
            "EmailLanguage": "en",
            "EmailSize": ints(9000 + dice.below(count, 70_000) + m.attached * 160_000),
            "EmailClusterId": longs(2_000_000_000 + m.subject * 977 + m.kind),
            "BulkComplaintLevel": ints(np.where(m.kind == _NEWS, 5, 0)),
            "OrgLevelAction": pick(
                ("", "Block", "Move to junk"), np.array([{"": 0, "Phish": 1, "Spam": 2}[t] for t in threats])[threat]
            ),
            "IsFirstContact": False,
        },
        count,
    )


def _display(world: World, kind: int, sender: int) -> str:
    if kind in (_INSIDE, _OUTBOUND):
        return world.company.people[sender].name
    if kind == _UNWANTED:
        return "Notification"
    name = str(world.company.facts["partners"][sender]).split(".")[0]
    return name.replace("-", " ").title()


def _fate(threats: list[str], threat: Longs) -> Longs:
    return np.array([{"": 0, "Spam": 1, "Phish": 2}[t] for t in threats])[threat]


def _url(world: World, content: Any, kind: int, sender: int, number: int) -> str:
    company = world.company
    if kind == _UNWANTED:
        return f"https://{content['unwanted'][sender][2]}/track?id={number:05d}"
    if kind in (_INSIDE, _OUTBOUND):
        return f"https://{company.domain.split('.')[0]}.sharepoint.example/sites/Planning/week-{number % 53}"
    return f"https://www.{company.facts['partners'][sender]}/shipments/{number}"


def email_urls(world: World, mails: Mails) -> Iterator[Any]:
    """EmailUrlInfo: the links of mails."""
    content, keep = settings("demo/mail.yaml"), mails.links
    keys = (mails.kind[keep], mails.sender[keep], mails.number[keep] % 200)
    yield table(
        {
            "TimeGenerated": times(mails.at[keep] + 700_000),
            "Timestamp": times(mails.at[keep] + 700_000),
            "NetworkMessageId": mails.ids.filter(pa.array(keep)),
            "ReportId": mails.report_ids.filter(pa.array(keep)),
            "Url": distinct(keys, lambda k, s, n: _url(world, content, k, s, n)),
            "UrlDomain": distinct(keys, lambda k, s, n: _url(world, content, k, s, n).split("/")[2]),
            "UrlLocation": "Body",
        },
        int(keep.sum()),
    )


def email_attachments(world: World, mails: Mails) -> Iterator[Any]:
    """EmailAttachmentInfo: the files of mails."""
    content, keep = settings("demo/mail.yaml"), mails.attached
    count = int(keep.sum())
    dice = world.dice.named("EmailAttachmentInfo")
    kinds = content["attachments"]
    which = dice.below(count, len(kinds))
    number = mails.number[keep]
    yield table(
        {
            "TimeGenerated": times(mails.at[keep] + 500_000),
            "Timestamp": times(mails.at[keep] + 500_000),
            "NetworkMessageId": mails.ids.filter(pa.array(keep)),
            "ReportId": mails.report_ids.filter(pa.array(keep)),
            "FileName": distinct((which, number), lambda w, n: fill(kinds[w][0], "", n)),
            "FileExtension": pick([k[1] for k in kinds], which),
            "FileType": pick([k[2] for k in kinds], which),
            "FileSize": longs(20_000 + dice.below(count, 300_000)),
            "SHA256": hexes(dice, count, 64),
            "SenderFromAddress": distinct(
                (mails.kind[keep], mails.sender[keep]), lambda k, s: _sender_address(world, k, s)
            ),
            "SenderDisplayName": distinct((mails.kind[keep], mails.sender[keep]), lambda k, s: _display(world, k, s)),
            "RecipientEmailAddress": distinct(
                (mails.kind[keep], mails.recipient[keep]), lambda k, r: _recipient_address(world, k, r)
            ),
        },
        count,
    )


def url_clicks(world: World, mails: Mails) -> Iterator[Any]:
    """UrlClickEvents: links that people followed, some of them a while after the mail came."""
    content, company = settings("demo/mail.yaml"), world.company
    dice = world.dice.named("UrlClickEvents")
    q = np.flatnonzero(mails.links & (mails.kind != _OUTBOUND) & (mails.kind != _UNWANTED))
    q = q[dice.chance(len(q), 0.4)]
    count = len(q)
    at = mails.at[q] + 30 * SECOND + dice.below(count, 50 * MINUTE)
    keys = (mails.kind[q], mails.sender[q], mails.number[q] % 200)
    egress = [str(company.office(p.office)["egress"]) for p in company.people]
    yield table(
        {
            "TimeGenerated": times(at),
            "Timestamp": times(at),
            "ActionType": "ClickAllowed",
            "AccountUpn": pick([company.upn(p.alias) for p in company.people], mails.recipient[q]),
            "IPAddress": pick(egress, mails.recipient[q]),
            "IsClickedThrough": False,
            "NetworkMessageId": mails.ids.take(pa.array(q)),
            "ReportId": guids(dice, count),
            "Url": distinct(keys, lambda k, s, n: _url(world, content, k, s, n)),
            "UrlChain": distinct(keys, lambda k, s, n: json.dumps([_url(world, content, k, s, n)])),
            "Workload": "Email",
            "AppName": "Outlook",
        },
        count,
    )

"""Microsoft Graph Security: indicators of threats, kept among those of this house."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from huntlake.core.errors import Invalid
from huntlake.detection.alerts import Alert, AlertStatus
from huntlake.detection.indicators import Indicator
from huntlake.detection.intel.stix import Gathered
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import answer, plain
from huntlake.playbooks.connectors.connector import Asked, Connector, Effect, Operation
from huntlake.playbooks.connectors.house import House, fields, name_for
from huntlake.playbooks.connectors.new_items import NewItems, Page, moment
from huntlake.state.documents import Document
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer
from huntlake.workspace.workspaces import Workspace

MOST = 100
_STATUSES = {
    AlertStatus.NEW: "newAlert",
    AlertStatus.IN_PROGRESS: "inProgress",
    AlertStatus.RESOLVED: "resolved",
    AlertStatus.DISMISSED: "resolved",
}
_COMPARED = {
    "networkipv4": "ipv4-addr:value",
    "networkdestinationipv4": "ipv4-addr:value",
    "networksourceipv4": "ipv4-addr:value",
    "networkipv6": "ipv6-addr:value",
    "networkdestinationipv6": "ipv6-addr:value",
    "networksourceipv6": "ipv6-addr:value",
    "domainname": "domain-name:value",
    "url": "url:value",
    "emailsenderaddress": "email-addr:value",
    "filename": "file:name",
}
_HASHES = {"md5": "MD5", "sha1": "'SHA-1'", "sha256": "'SHA-256'"}
_SAID = (
    "action activityGroupNames additionalInformation confidence description diamondModel domainName "
    "emailSenderAddress expirationDateTime externalId fileHashType fileHashValue fileName isActive killChain "
    "knownFalsePositives lastReportedDateTime malwareFamilyNames networkDestinationIPv4 networkDestinationIPv6 "
    "networkIPv4 networkIPv6 networkSourceIPv4 networkSourceIPv6 passiveOnly severity tags targetProduct "
    "threatType tlpLevel url @odata.type"
).split()


def microsoftgraphsecurity(house: House) -> Connector:
    """The connector to the indicators of this house."""
    kept, indicators = _Indicators(house), "/beta/security/tiIndicators"
    return Connector(
        "microsoftgraphsecurity",
        "Microsoft Graph Security",
        (
            Operation(
                "CreateTiIndicator",
                "POST",
                indicators,
                "Keep an indicator.",
                Effect.WRITE,
                kept.create,
                kept.would_create,
                atomic=True,
            ),
            Operation(
                "SubmitTiIndicators",
                "POST",
                f"{indicators}/submitTiIndicators",
                "Keep several indicators.",
                Effect.WRITE,
                kept.submit,
                kept.would_submit,
                atomic=True,
            ),
            Operation("GetTiIndicators", "GET", indicators, "The indicators.", Effect.READ, kept.all),
            Operation("GetTiIndicator", "GET", f"{indicators}/{{id}}", "An indicator.", Effect.READ, kept.get),
            Operation("DeleteTiIndicator", "DELETE", f"{indicators}/{{id}}", "Delete one.", Effect.WRITE, kept.delete),
        ),
        polls=(
            Operation(
                "OnNewAlerts",
                "GET",
                "/trigger/beta/security/alerts",
                "An alert is raised.",
                Effect.READ,
                NewItems(kept.alerts, lambda alert: str(alert["id"]), lambda alert: moment(alert["createdDateTime"])),
            ),
        ),
        inside=True,
    )


_Given = tuple[str, Indicator, Mapping[str, Any]]
"""An indicator's name, what it is here, and how it was given."""


@dataclass(frozen=True)
class _Indicators:
    house: House

    def create(self, asked: Asked) -> Answer:
        workspace, (one,) = self._given(asked, [asked.body])
        self._keep(workspace, asked, [one])
        return answer(_shown(*one), 201)

    def would_create(self, asked: Asked) -> Answer:
        _, (one,) = self._given(asked, [asked.body])
        return answer(_shown(*one), 201)

    def submit(self, asked: Asked) -> Answer:
        workspace, found = self._given(asked, self._listed(asked))
        self._keep(workspace, asked, found)
        return answer({"value": [_shown(*one) for one in found]})

    def would_submit(self, asked: Asked) -> Answer:
        _, found = self._given(asked, self._listed(asked))
        return answer({"value": [_shown(*one) for one in found]})

    def all(self, asked: Asked) -> Answer:
        if asked.queries:
            raise Invalid(f"`{min(asked.queries)[:60]}` is not supported in the URL")
        owner = (self.house.workspace(asked, Action.READ).name,)
        return answer({"value": [_kept_shown(d) for d in self.house.detection.indicators.list(owner)]})

    def get(self, asked: Asked) -> Answer:
        owner = (self.house.workspace(asked, Action.READ).name,)
        return answer(_kept_shown(self.house.detection.indicators.get(owner, asked.arguments["id"])))

    def delete(self, asked: Asked) -> Answer:
        owner = (self.house.workspace(asked, Action.AUTHOR).name,)
        gone = self.house.detection.indicators.delete(owner, asked.arguments["id"], by=self.house.author(asked))
        return Answer(204 if gone else 404, body="")

    def alerts(self, asked: Asked, link: str) -> Page:
        """All alerts, the newest first."""
        if asked.queries:
            raise Invalid(f"`{min(asked.queries)[:60]}` of a trigger on alerts is not supported")
        owner = (self.house.workspace(asked, Action.READ).name,)
        found = [_alert_shown(d) for d in self.house.detection.alerts.list(owner)]
        return Page(sorted(found, key=lambda alert: str(alert["createdDateTime"]), reverse=True))

    def _listed(self, asked: Asked) -> list[Any]:
        given = fields(asked, "value").get("value")
        listed = given if isinstance(given, list) else [given] if isinstance(given, Mapping) else None
        if not listed or len(listed) > MOST:
            raise Invalid(f"`value` is not a list of 1 to {MOST} indicators")
        return listed

    def _given(self, asked: Asked, listed: list[Any]) -> tuple[Workspace, list[_Given]]:
        workspace = self.house.workspace(asked, Action.AUTHOR)
        made = []
        for number, one in enumerate(listed):
            if not isinstance(one, Mapping):
                raise Invalid("an indicator is not an object")
            made.append((f"indicator--{name_for(asked, str(number))}", _indicator(one, asked.context.now), one))
        return workspace, made

    def _keep(self, workspace: Workspace, asked: Asked, found: list[_Given]) -> None:
        self.house.intel.take(workspace, Gathered(tuple((name, one) for name, one, _ in found)), asked.done)


def _indicator(given: Mapping[str, Any], now: datetime) -> Indicator:
    known = {name.lower() for name in _SAID}
    named = {}
    for name, value in given.items():
        if name.lower() not in known:
            raise Invalid(f"`{name[:60]}` of an indicator is not supported")
        if value not in (None, "", []):
            named[name.lower()] = value
    parts = [f"{path} = '{_quoted(named[name])}'" for name, path in _COMPARED.items() if name in named]
    if "filehashvalue" in named:
        type = text(named.get("filehashtype")).lower()
        if type not in _HASHES:
            raise Invalid(f"the hash type `{type[:40]}` is not supported; there are {', '.join(_HASHES)}")
        parts.append(f"file:hashes.{_HASHES[type]} = '{_quoted(named['filehashvalue'])}'")
    if not parts:
        raise Invalid("an indicator says neither an address, a domain, a URL, a sender nor a file")
    tags = named.get("tags") or ()
    confidence = named.get("confidence")
    if confidence is not None and not (isinstance(confidence, int) and 0 <= confidence <= 100):
        raise Invalid("an indicator's `confidence` lies between 0 and 100")
    return Indicator(
        pattern=" OR ".join(f"[{part}]" for part in parts),
        pattern_type="stix",
        display_name=text(named.get("description"))[:200] or "indicator",
        source="Microsoft Graph Security",
        description=text(named.get("description")) or None,
        threat_types=tuple(filter(None, [text(named.get("threattype"))])),
        labels=tuple(text(t) for t in tags) if isinstance(tags, list) else (),
        confidence=confidence,
        valid_from=now,
        valid_until=_moment(named.get("expirationdatetime")),
        external_id=text(named.get("externalid")) or None,
        external_last_updated=now,
    )


def _quoted(value: Any) -> str:
    return text(value).replace("\\", "\\\\").replace("'", "\\'")


def _moment(given: Any) -> datetime | None:
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text(given)))
    except ValueError:
        raise Invalid(f"`expirationDateTime` is not a time: `{text(given)[:40]}`") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _shown(name: str, indicator: Indicator, given: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": name, **plain(dict(given)), "ingestedDateTime": plain(indicator.valid_from)}


def _alert_shown(document: Document[Alert]) -> dict[str, Any]:
    """An alert in the older form of Microsoft Graph."""
    alert = document.value
    of: dict[str, list[Mapping[str, Any]]] = {}
    for entity in alert.entities:
        of.setdefault(entity.kind.lower(), []).append(entity.properties)
    shown = {
        "id": document.name,
        "title": alert.title,
        "description": alert.description,
        "severity": alert.severity.value.lower(),
        "status": _STATUSES[alert.status],
        "category": alert.tactics[0].value if alert.tactics else alert.alert_type,
        "createdDateTime": alert.created,
        "eventDateTime": alert.started or alert.created,
        "lastModifiedDateTime": alert.modified,
        "closedDateTime": alert.resolved,
        "assignedTo": alert.assigned_to or None,
        "vendorInformation": {"provider": alert.provider, "vendor": alert.vendor},
        "hostStates": [_host_state(p) for p in of.get("host", ())],
        "userStates": [_user_state(p) for p in of.get("account", ())],
        "fileStates": [{"name": p.get("fileName"), "path": p.get("directory")} for p in of.get("file", ())],
        "networkConnections": [{"destinationAddress": p.get("address")} for p in of.get("ip", ())],
    }
    made: dict[str, Any] = plain(shown)
    return made


def _host_state(host: Mapping[str, Any]) -> dict[str, Any]:
    name, domain = text(host.get("hostName")), text(host.get("dnsDomain"))
    return {"fqdn": ".".join(filter(None, (name, domain))), "netBiosName": host.get("netBiosName") or name}


def _user_state(account: Mapping[str, Any]) -> dict[str, Any]:
    name, suffix = text(account.get("accountName")), text(account.get("upnSuffix"))
    principal = f"{name}@{suffix}" if name and suffix else None
    return {"accountName": name, "domainName": account.get("ntDomain"), "userPrincipalName": principal}


def _kept_shown(document: Document[Indicator]) -> dict[str, Any]:
    indicator = document.value
    return {
        "id": document.name,
        "description": indicator.description,
        "confidence": indicator.confidence,
        "expirationDateTime": indicator.valid_until,
        "externalId": indicator.external_id,
        "tags": list(indicator.labels),
        "threatType": indicator.threat_types[0] if indicator.threat_types else None,
        "isActive": not indicator.revoked,
        "pattern": indicator.pattern,
    }

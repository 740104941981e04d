"""The directory's other tables: what was changed in it, and who everybody is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from huntlake.demo.columns import distinct, guids, longs, pick, table, times
from huntlake.demo.dice import Dice, Longs
from huntlake.demo.endpoint import device_guid
from huntlake.demo.rhythm import DAY, HOUR
from huntlake.demo.world import World


def audit(world: World) -> Iterator[Any]:
    """AuditLogs: changes in the directory, by the service desk, by people themselves and by programs."""
    company, shifts = world.company, world.shifts
    people = world.person_account
    desk = [i for i, a in enumerate(company.accounts) if a.kind == "admin"]
    for name, category, service, by, rate, changed in _CHANGES:
        dice = world.dice.named("AuditLogs", name)
        if by == "program":
            at = world.calendar.spread(dice, rate, weekend=0.2)
            count = len(at)
            target, actor = people[dice.below(count, len(people))], np.full(count, -1)
            address = np.zeros(count, dtype=np.int64)
        elif by == "self":
            shift, at = shifts.moments(dice, rate)
            count = len(at)
            target = actor = people[shifts.person[shift]]
            address = shifts.address[shift]
        else:
            owners = [company.accounts[d].person for d in desk]
            shift, at = shifts.moments(dice, np.where(np.isin(shifts.person, owners), rate, 0.0))
            count = len(at)
            admin_of = {company.accounts[d].person: d for d in desk}
            actor = np.array([admin_of[int(p)] for p in shifts.person[shift]], dtype=np.int64)
            target, address = people[dice.below(count, len(people))], shifts.address[shift]
        yield _changes(world, dice, at, actor, target, address, (name, category, service, changed))


_CHANGES = [
    ("Update user", "UserManagement", "Core Directory", "program", 60.0, "Department"),
    ("Update user", "UserManagement", "Core Directory", "desk", 3.0, "TelephoneNumber"),
    ("Reset user password", "UserManagement", "Core Directory", "desk", 1.5, ""),
    ("Reset password (self-service)", "UserManagement", "Self-service Password Management", "self", 0.01, ""),
    ("Change user password", "UserManagement", "Core Directory", "self", 0.03, ""),
    (
        "User registered security info",
        "UserManagement",
        "Authentication Methods",
        "self",
        0.012,
        "Microsoft Authenticator App with notification",
    ),
    ("Add member to group", "GroupManagement", "Core Directory", "desk", 1.8, "Group.DisplayName"),
    ("Remove member from group", "GroupManagement", "Core Directory", "desk", 0.6, "Group.DisplayName"),
    ("Update device", "Device", "Core Directory", "program", 45.0, "DeviceOSVersion"),
    ("Add app role assignment grant to user", "ApplicationManagement", "Core Directory", "desk", 0.5, "AppRole.Value"),
    (
        "Consent to application",
        "ApplicationManagement",
        "Core Directory",
        "self",
        0.004,
        "ConsentContext.IsAdminConsent",
    ),
    ("Add member to role completed (PIM activation)", "RoleManagement", "PIM", "desk", 0.9, "Role.DisplayName"),
    ("Add user", "UserManagement", "Core Directory", "program", 0.4, "AccountEnabled"),
    ("Disable account", "UserManagement", "Core Directory", "program", 0.2, "AccountEnabled"),
    ("Update conditional access policy", "Policy", "Conditional Access", "desk", 0.03, "State"),
]


def initiated_by_user(upn: str, object_id: str, address: str) -> str:
    """`InitiatedBy` of a change that a person made."""
    user: dict[str, Any] = {
        "id": object_id,
        "displayName": None,
        "userPrincipalName": upn,
        "ipAddress": address,
        "roles": [],
    }
    return json.dumps({"user": user}, separators=(",", ":"))


def _changes(
    world: World,
    dice: Dice,
    at: Longs,
    actor: Longs,
    target: Longs,
    address: Longs,
    change: tuple[str, str, str, str],
) -> Any:
    company, accounts, addresses = world.company, world.company.accounts, world.shifts.addresses
    name, category, service, changed = change
    program = company.facts["service_principals"][4]
    by_program = json.dumps(
        {"app": {"appId": program["id"], "displayName": program["name"], "servicePrincipalId": program["object"]}},
        separators=(",", ":"),
    )

    def initiated(a: int, ip: int) -> str:
        return by_program if a < 0 else initiated_by_user(accounts[a].upn, accounts[a].object_id, addresses[ip])

    def targets(t: int) -> str:
        modified = [{"displayName": changed, "oldValue": '[""]', "newValue": '["updated"]'}] if changed else []
        found: dict[str, Any] = {"id": accounts[t].object_id, "displayName": accounts[t].display, "type": "User"}
        if category == "Device":
            machine = company.machines[accounts[t].person]
            found = {"id": device_guid(machine.device_id), "displayName": machine.name, "type": "Device"}
        else:
            found["userPrincipalName"] = accounts[t].upn
        return json.dumps([{**found, "modifiedProperties": modified}], separators=(",", ":"))

    count = len(at)
    identities = [*(a.display for a in accounts), program["name"]]
    return table(
        {
            "TimeGenerated": times(at),
            "ActivityDateTime": times(at),
            "ActivityDisplayName": name,
            "OperationName": name,
            "OperationVersion": "1.0",
            "AADOperationType": name.split()[0] if name.split()[0] in ("Add", "Update", "Assign") else "Action",
            "Category": category,
            "LoggedByService": service,
            "AADTenantId": company.tenant,
            "CorrelationId": guids(dice, count),
            "Id": guids(dice, count),
            "Identity": pick(identities, np.where(actor < 0, len(accounts), actor)),
            "InitiatedBy": distinct((actor, address), initiated),
            "TargetResources": distinct((target,), targets),
            "AdditionalDetails": '[{"key":"User-Agent","value":"EvoSTS"}]',
            "Level": "4",
            "Resource": "Microsoft.aadiam",
            "ResourceGroup": "Microsoft.aadiam",
            "ResourceId": f"/tenants/{company.tenant}/providers/Microsoft.aadiam",
            "Result": "success",
            "ResultDescription": "",
            "ResultReason": "",
            "ResultSignature": "None",
            "DurationMs": longs(np.zeros(count)),
        },
        count,
    )


def identities(world: World) -> Iterator[Any]:
    """IdentityInfo: everyone in the directory, as often as the service sends it: at first, and each week."""
    company = world.company
    known = [a for a in company.accounts if a.upn]
    people = company.people
    first = world.calendar.start + 2 * HOUR
    moments = np.arange(first, world.calendar.end, 7 * DAY, dtype=np.int64)
    which = np.tile(np.arange(len(known)), len(moments))
    at = np.repeat(moments, len(known)) + which * 31_000
    owners = [people[a.person] if a.person >= 0 else None for a in known]
    offices = [company.office(o.office if o else "rotterdam") for o in owners]
    roles = {
        "adm-lbrouwer": ["Global Administrator"],
        "adm-jvandam": ["Privileged Role Administrator"],
        "adm-mvos": ["Global Administrator"],
    }
    staff = [a.kind == "person" for a in known]

    def of_owner(field: str) -> list[str]:
        return [str(getattr(o, field)) if o else "" for o in owners]

    yield table(
        {
            "TimeGenerated": times(at),
            "Timestamp": times(at),
            "AccountDisplayName": pick([a.display for a in known], which),
            "AccountName": pick([a.sam for a in known], which),
            "AccountDomain": str(company.facts["ad_domain"]),
            "AccountUPN": pick([a.upn for a in known], which),
            "AccountUpn": pick([a.upn for a in known], which),
            "AccountObjectId": pick([a.object_id for a in known], which),
            "AccountSID": pick([a.sid for a in known], which),
            "OnPremSid": pick([a.sid for a in known], which),
            "AccountTenantId": company.tenant,
            "SAMAccountName": pick([a.sam for a in known], which),
            "MailAddress": pick([a.upn if s else "" for a, s in zip(known, staff, strict=True)], which),
            "EmailAddress": pick([a.upn if s else "" for a, s in zip(known, staff, strict=True)], which),
            "GivenName": pick(of_owner("given"), which),
            "Surname": pick(of_owner("surname"), which),
            "JobTitle": pick(of_owner("title"), which),
            "Department": pick(of_owner("department"), which),
            "EmployeeId": pick(of_owner("employee"), which),
            "Manager": pick([company.upn(o.manager) if o and o.manager else "" for o in owners], which),
            "City": pick([o["city"] for o in offices], which),
            "State": pick([o["state"] for o in offices], which),
            "Country": pick([o["country"] for o in offices], which),
            "CompanyName": str(company.facts["name"]),
            "AssignedRoles": pick([json.dumps(roles.get(a.sam, [])) for a in known], which),
            "GroupMembership": pick(['["All Staff"]' if s else "[]" for s in staff], which),
            "IsAccountEnabled": True,
            "IsMFARegistered": pa.array(np.array([a.kind != "service" for a in known])[which]),
            "IsServiceAccount": pa.array(np.array([a.kind == "service" for a in known])[which]),
            "UserType": "Member",
            "BlastRadius": pick(["High" if a.sam in roles else "Low" for a in known], which),
            "RiskLevel": "None",
            "RiskState": "None",
            "SourceProvider": "AzureActiveDirectory",
        },
        len(at),
    )

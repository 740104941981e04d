"""AzureActivity: what people and pipelines do to the company's subscription."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from huntlake.demo.columns import distinct, guids, pick, table, times
from huntlake.demo.rhythm import SECOND
from huntlake.demo.world import World


def azure_activity(world: World) -> Iterator[Any]:
    """AzureActivity: what people and pipelines do to the company's subscription."""
    dice = world.dice.named("AzureActivity")
    company, shifts = world.company, world.shifts
    subscription = str(company.facts["subscription_id"])
    groups = company.facts["subscriptions_resource_groups"]
    engineer = company.accounts[company.account_index["adm-lbrouwer"]]
    pipeline = company.facts["service_principals"][3]
    _, by_day = shifts.moments(dice, np.where(shifts.person == engineer.person, 22.0, 0.0))
    by_pipeline = world.calendar.spread(dice.named("pipeline"), 60.0, weekend=0.15)
    at = np.concatenate([by_day, by_pipeline])
    person = np.arange(len(at)) < len(by_day)
    count = len(at)
    operation = dice.pick(count, [o[1] for o in _CLOUD])
    group = dice.below(count, len(groups))
    outcome = dice.pick(count, [90, 4, 6])
    addresses = (str(company.office("rotterdam")["egress"]), str(pipeline["address"]))

    def resource(o: int, g: int) -> str:
        provider, kind = _CLOUD[o][0].split("/")[:2]
        name = f"kw{kind[:6].lower()}{g}"
        return f"/subscriptions/{subscription}/resourceGroups/{groups[g]}/providers/{provider}/{kind}/{name}"

    claims = [
        f'{{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn":"{engineer.upn}","ipaddr":"{addresses[0]}"}}',
        f'{{"appid":"{pipeline["id"]}","idtyp":"app"}}',
    ]
    who = (~person).astype(np.int64)
    levels = ("Informational", "Informational", "Error")
    yield table(
        {
            "TimeGenerated": times(at),
            "EventSubmissionTimestamp": times(at + 40 * SECOND),
            "OperationNameValue": pick([o[0].upper() for o in _CLOUD], operation),
            "OperationName": pick([o[2] for o in _CLOUD], operation),
            "ActivityStatusValue": pick(("Success", "Start", "Failure"), outcome),
            "ActivityStatus": pick(("Succeeded", "Started", "Failed"), outcome),
            "ActivitySubstatusValue": pick(("OK", "", "Forbidden"), outcome),
            "Level": pick(levels, outcome),
            "Category": "Administrative",
            "CategoryValue": "Administrative",
            "Caller": pick((engineer.upn, str(pipeline["object"])), who),
            "CallerIpAddress": pick(addresses, who),
            "Claims": pick(claims, who),
            "Claims_d": pick(claims, who),
            "Authorization": distinct(
                (operation, group), lambda o, g: f'{{"action":"{_CLOUD[o][0]}","scope":"{resource(o, g)}"}}'
            ),
            "CorrelationId": guids(dice.named("correlation"), count),
            "OperationId": guids(dice.named("operation"), count),
            "EventDataId": guids(dice.named("event"), count),
            "ResourceGroup": pick([g.upper() for g in groups], group),
            "ResourceProviderValue": pick([o[0].split("/")[0].upper() for o in _CLOUD], operation),
            "ResourceId": distinct((operation, group), resource),
            "_ResourceId": distinct((operation, group), lambda o, g: resource(o, g).lower()),
            "SubscriptionId": subscription,
            "Hierarchy": f"{company.tenant}/{subscription}",
        },
        count,
    )


_CLOUD = [
    ("Microsoft.Resources/deployments/write", 8.0, "Create Deployment"),
    ("Microsoft.Compute/virtualMachines/start/action", 2.0, "Start Virtual Machine"),
    ("Microsoft.Compute/virtualMachines/deallocate/action", 2.0, "Deallocate Virtual Machine"),
    ("Microsoft.Storage/storageAccounts/listKeys/action", 4.0, "List Storage Account Keys"),
    ("Microsoft.Storage/storageAccounts/write", 2.0, "Create/Update Storage Account"),
    ("Microsoft.Network/networkSecurityGroups/securityRules/write", 1.0, "Create or Update Security Rule"),
    ("Microsoft.KeyVault/vaults/write", 0.6, "Update Key Vault"),
    ("Microsoft.Web/sites/write", 3.0, "Update website"),
    ("Microsoft.Insights/diagnosticSettings/write", 1.0, "Create or update resource diagnostic setting"),
    ("Microsoft.Authorization/roleAssignments/write", 0.15, "Create role assignment"),
]

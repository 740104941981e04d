"""Sign-ins of people and of programs, as the directory reports them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from huntlake.demo.columns import Columns, distinct, guids, pick, table, texts, times
from huntlake.demo.company import Person, Place, stable_guid
from huntlake.demo.dice import Dice, Longs
from huntlake.demo.endpoint import device_guid
from huntlake.demo.rhythm import DAY, HOUR, SECOND
from huntlake.demo.world import World

RESULTS: Mapping[int, tuple[str, str]] = {
    0: ("", "MFA requirement satisfied by claim in the token"),
    50126: ("Invalid username or password or Invalid on-premise username or password.", ""),
    50053: (
        "Account is locked because user tried to sign in too many times with an incorrect user ID or password.",
        "",
    ),
    50034: ("The user account does not exist in the directory.", ""),
    50055: ("Invalid password, entered expired password.", ""),
    50074: ("User did not pass the MFA challenge.", ""),
    50076: (
        "Due to a configuration change made by your administrator, or because you moved to a new location, "
        "you must use multi-factor authentication to access the resource.",
        "",
    ),
    50140: ("This occurred due to 'Keep me signed in' interrupt when the user was signing-in.", ""),
    53003: ("Access has been blocked due to conditional access policies.", ""),
    70043: ("The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.", ""),
    500121: ("Authentication failed during strong authentication request.", ""),
    700082: ("The refresh token has expired due to inactivity.", ""),
}
"""Result codes: what went wrong, and more where nothing did."""

_CODES = tuple(RESULTS)

_ENGINE = "AppleWebKit/537.36 (KHTML, like Gecko)"

AGENTS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_ENGINE} Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_ENGINE} Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {_ENGINE} Chrome/130.0.0.0 Mobile Safari/537.36",
    "Windows-AzureAD-Authentication-Provider/1.0",
    "BAV2ROPC",
    "python-requests/2.32.3",
)


@dataclass(frozen=True)
class Addresses:
    """Public addresses and what the service says of each one's place."""

    texts: tuple[str, ...]
    places: tuple[Place, ...]

    @cached_property
    def details(self) -> list[str]:
        """`LocationDetails` of each."""
        return [location_details(p) for p in self.places]


def location_details(place: Place) -> str:
    """A place as the dynamic column has it."""
    return json.dumps(
        {
            "city": place.city,
            "state": place.state,
            "countryOrRegion": place.code,
            "geoCoordinates": {"latitude": place.latitude, "longitude": place.longitude},
        },
        separators=(",", ":"),
    )


def device_detail(world: World, person: Person) -> str:
    """A person's laptop as `DeviceDetail` has it."""
    machine = world.company.machines[world.company.machine_index[person.machine.lower()]]
    return json.dumps(
        {
            "deviceId": device_guid(machine.device_id),
            "displayName": machine.name,
            "operatingSystem": "Windows11",
            "browser": "Edge 130.0.0",
            "isCompliant": True,
            "isManaged": True,
            "trustType": "Hybrid Azure AD joined",
        },
        separators=(",", ":"),
    )


@dataclass(frozen=True)
class Signins:
    """Sign-ins of accounts, as arrays of one length."""

    at: Longs
    account: Longs
    application: Longs
    address: Longs
    result: Longs
    """An index into `RESULTS`."""
    agent: Longs
    device: Longs
    """0 for an unknown device, 1 + person for their laptop, after them a phone with and without a name."""
    client: Longs


CLIENTS = ("Browser", "Mobile Apps and Desktop clients", "IMAP4", "Authenticated SMTP")


def signins(world: World) -> Iterator[Any]:
    """SigninLogs: people signing in themselves, and strangers who try."""
    dice = world.dice.named("SigninLogs")
    shifts, company = world.shifts, world.company
    apps = company.facts["applications"]
    everyone = [*shifts.addresses]
    shift, at = shifts.moments(dice, 8.0)
    count = len(at)
    person = shifts.person[shift]
    app = dice.pick(count, [a["interactive"] for a in apps])
    mistakes = dice.pick(count, [930, 22, 0, 0, 2, 0, 16, 18, 4, 8, 3, 0])
    phone = dice.chance(count, 0.12)
    parts = [
        Signins(
            at,
            world.person_account[person],
            app,
            shifts.address[shift],
            mistakes,
            np.where(phone, 2 + person % 2, person % 5 // 4),
            np.where(phone, len(company.people) + 1, person + 1),
            np.where(phone | (app == 8), 1, 0),
        )
    ]
    parts.append(_administrators(world, dice.named("admins"), apps))
    strangers = ("203.0.113.9", "203.0.113.21", "203.0.113.44", "203.0.113.57")
    parts.append(_strangers(world, dice.named("strangers"), len(everyone)))
    merged = _merged(parts)
    addresses = _addresses(world, (*everyone, *strangers))
    yield table(
        {**signin_columns(world, merged, addresses, dice.named("columns")), **_interactive_only(merged)}, len(merged.at)
    )


def _merged(parts: Sequence[Signins]) -> Signins:
    return Signins(*(np.concatenate([getattr(p, f) for p in parts]) for f in Signins.__dataclass_fields__))


def _addresses(world: World, texts: tuple[str, ...]) -> Addresses:
    return Addresses(texts, tuple(world.company.place(t) for t in texts))


def _administrators(world: World, dice: Dice, apps: Any) -> Signins:
    """Administrators sign in to the portal with their separate accounts, from wherever they work."""
    shifts, accounts = world.shifts, world.company.accounts
    found = []
    for i, account in enumerate(accounts):
        if account.kind != "admin":
            continue
        own = dice.named(account.sam)
        shift, at = shifts.moments(own, np.where(shifts.person == account.person, 4.0, 0.0))
        count = len(at)
        person = np.full(count, account.person)
        found.append(
            Signins(
                at,
                np.full(count, i),
                own.pick(count, [a.get("admin", 0) for a in apps]),
                shifts.address[shift],
                own.pick(count, [900, 30, 0, 0, 0, 10, 40, 0, 0, 10, 5, 0]),
                np.zeros(count, dtype=np.int64),
                person + 1,
                np.zeros(count, dtype=np.int64),
            )
        )
    return _merged(found)


def _strangers(world: World, dice: Dice, first_address: int) -> Signins:
    """Password guessing from abroad over old protocols: every day a little, against everyone, and in vain."""
    at = world.calendar.spread(dice, 70.0)
    count = len(at)
    people = world.person_account
    zero = np.zeros(count, dtype=np.int64)
    return Signins(
        at,
        people[dice.below(count, len(people))],
        zero,
        first_address + dice.below(count, 4),
        dice.pick(count, [0, 80, 12, 0, 3, 0, 0, 0, 5]),
        np.where(dice.chance(count, 0.7), 5, 6),
        zero,
        2 + dice.below(count, 2),
    )


def signin_columns(world: World, s: Signins, addresses: Addresses, dice: Dice) -> Columns:
    """The columns that interactive and other sign-ins share."""
    company, accounts = world.company, world.company.accounts
    apps = company.facts["applications"]
    count = len(s.at)
    ok = s.result == 0
    blocked = s.result == _CODES.index(53003)
    details = ["", *(device_detail(world, p) for p in company.people)]
    details[0] = '{"deviceId":"","operatingSystem":"","browser":""}'
    details.append('{"deviceId":"","displayName":"","operatingSystem":"Ios 18.1","browser":"Mobile Safari"}')
    statuses = [
        json.dumps({"errorCode": c, "failureReason": f or "Other.", "additionalDetails": d}, separators=(",", ":"))
        for c, (f, d) in RESULTS.items()
    ]
    users = [a.upn.lower() for a in accounts]
    methods = [_authentication(code not in _WRONG_PASSWORD) for code in RESULTS]
    return {
        "TimeGenerated": times(s.at),
        "CreatedDateTime": times(s.at - 4 * SECOND),
        "OperationName": "Sign-in activity",
        "OperationVersion": "1.0",
        "ResultType": pick([str(c) for c in _CODES], s.result),
        "ResultDescription": pick([f for f, _ in RESULTS.values()], s.result),
        "ResultSignature": pick(("FAILURE", "SUCCESS"), ok.astype(np.int64)),
        "Level": "4",
        "AADTenantId": company.tenant,
        "ResourceTenantId": company.tenant,
        "HomeTenantId": company.tenant,
        "AppOwnerTenantId": company.tenant,
        "ResourceOwnerTenantId": company.tenant,
        "AppId": pick([a["id"] for a in apps], s.application),
        "AppDisplayName": pick([a["name"] for a in apps], s.application),
        "ResourceDisplayName": pick([a["resource"] for a in apps], s.application),
        "ResourceIdentity": pick([a["resource_id"] for a in apps], s.application),
        "ResourceGroup": "Microsoft.aadiam",
        "ResourceServicePrincipalId": pick([stable_guid("resource", a["resource_id"]) for a in apps], s.application),
        "AuthenticationDetails": pick(methods, s.result),
        "AuthenticationProtocol": pick(("none", "ropc"), (s.client >= 2).astype(np.int64)),
        "AuthenticationRequirement": pick(
            ("multiFactorAuthentication", "singleFactorAuthentication"), (s.client >= 2).astype(np.int64)
        ),
        "AutonomousSystemNumber": texts(64496 + s.address % 15),
        "ClientAppUsed": pick(CLIENTS, s.client),
        "ConditionalAccessStatus": pick(("success", "failure", "notApplied"), np.where(ok, 0, np.where(blocked, 1, 2))),
        "CorrelationId": guids(dice, count),
        "Id": guids(dice, count),
        "OriginalRequestId": guids(dice, count),
        "SessionId": distinct((s.account, s.at // DAY), lambda a, d: stable_guid("session", str(a), str(d))),
        "UniqueTokenIdentifier": guids(dice, count),
        "CrossTenantAccessType": "none",
        "DeviceDetail": pick(details, s.device),
        "Identity": pick([a.display for a in accounts], s.account),
        "UserDisplayName": pick([a.display for a in accounts], s.account),
        "UserPrincipalName": pick(users, s.account),
        "UserId": pick([a.object_id for a in accounts], s.account),
        "UserType": "Member",
        "IPAddress": pick(addresses.texts, s.address),
        "Location": pick([p.code for p in addresses.places], s.address),
        "LocationDetails": pick(addresses.details, s.address),
        "NetworkLocationDetails": "[]",
        "MfaDetail": "{}",
        "RiskDetail": "none",
        "RiskEventTypes": "[]",
        "RiskEventTypes_V2": "[]",
        "RiskLevelAggregated": "none",
        "RiskLevelDuringSignIn": "none",
        "RiskState": "none",
        "IncomingTokenType": "none",
        "TokenIssuerType": "AzureAD",
        "Status": pick(statuses, s.result),
        "UserAgent": pick(AGENTS, s.agent),
    }


_WRONG_PASSWORD = (50126, 50053, 50034, 50055)


def _authentication(succeeded: bool) -> str:
    step = {
        "authenticationMethod": "Password",
        "authenticationMethodDetail": "Password Hash Sync",
        "succeeded": succeeded,
        "authenticationStepResultDetail": "Correct password" if succeeded else "Incorrect password",
        "authenticationStepRequirement": "Primary authentication",
    }
    return json.dumps([step], separators=(",", ":"))


def _interactive_only(s: Signins) -> Columns:
    return {
        "Category": "SignInLogs",
        "IsInteractive": True,
        "IsRisky": False,
        "AlternateSignInName": "",
        "ConditionalAccessPolicies": pick(
            (
                '[{"id":"9f3a61c7-5d20-4be8-a174-0c6e2b8d95f3","displayName":"Require MFA for everyone",'
                '"enforcedGrantControls":["Mfa"],"result":"success"}]',
                "[]",
            ),
            (s.client >= 2).astype(np.int64),
        ),
        "ProcessingTimeInMilliseconds": texts(90 + s.at % 400),
    }


def quiet_signins(world: World) -> Iterator[Any]:
    """AADNonInteractiveUserSignInLogs: what programs do in people's names, all day long."""
    dice = world.dice.named("AADNonInteractiveUserSignInLogs")
    shifts, company = world.shifts, world.company
    apps = company.facts["applications"]
    shift, at = shifts.moments(dice, 23.0)
    # Phones fetch mail in the evening and on a weekend too.
    late = np.flatnonzero(dice.chance(len(at), 0.15))
    at[late] += 3 * HOUR + dice.below(len(late), 4 * HOUR)
    count, person = len(at), shifts.person[shift]
    phone = np.zeros(count, dtype=bool)
    phone[late] = True
    s = Signins(
        at,
        world.person_account[person],
        np.where(phone, 0, dice.pick(count, [a["quiet"] for a in apps])),
        shifts.address[shift],
        dice.pick(count, [970, 0, 0, 0, 0, 0, 4, 0, 2, 12, 0, 12]),
        np.where(phone, 2 + person % 2, 4),
        np.where(phone, len(company.people) + 1, person + 1),
        np.ones(count, dtype=np.int64),
    )
    columns = signin_columns(world, s, _addresses(world, shifts.addresses), dice.named("columns"))
    yield table(
        {
            **columns,
            "Category": "NonInteractiveUserSignInLogs",
            "IsInteractive": False,
            "IncomingTokenType": "primaryRefreshToken",
            "ConditionalAccessPolicies": "[]",
            "ProcessingTimeInMs": texts(30 + s.at % 200),
        },
        count,
    )


def program_signins(world: World) -> Iterator[Any]:
    """AADServicePrincipalSignInLogs: applications that sign in as themselves."""
    dice = world.dice.named("AADServicePrincipalSignInLogs")
    programs = world.company.facts["service_principals"]
    moments = [world.calendar.spread(dice.named(p["name"]), p["perday"]) for p in programs]
    at = np.concatenate(moments)
    which = np.repeat(np.arange(len(programs)), [len(m) for m in moments])
    count = len(at)
    failed = (programs_that_deploy(programs)[which]) & dice.chance(count, 0.02)
    places = [world.company.place(p["address"]) for p in programs]
    tenant = world.company.tenant
    yield table(
        {
            "TimeGenerated": times(at),
            "CreatedDateTime": times(at - 4 * SECOND),
            "OperationName": "Sign-in activity",
            "OperationVersion": "1.0",
            "Category": "ServicePrincipalSignInLogs",
            "ResultType": pick(("0", "7000222"), failed.astype(np.int64)),
            "ResultDescription": pick(("", "The provided client secret keys are expired."), failed.astype(np.int64)),
            "ResultSignature": pick(("SUCCESS", "FAILURE"), failed.astype(np.int64)),
            "Level": "4",
            "AADTenantId": tenant,
            "AppOwnerTenantId": tenant,
            "ResourceOwnerTenantId": tenant,
            "AppId": pick([p["id"] for p in programs], which),
            "ServicePrincipalId": pick([p["object"] for p in programs], which),
            "ServicePrincipalName": pick([p["name"] for p in programs], which),
            "ServicePrincipalCredentialKeyId": pick([stable_guid("key", p["name"]) for p in programs], which),
            "ClientCredentialType": "clientSecret",
            "ResourceDisplayName": pick([p["resource"] for p in programs], which),
            "ResourceIdentity": pick([p["resource_id"] for p in programs], which),
            "ResourceGroup": "Microsoft.aadiam",
            "IPAddress": pick([p["address"] for p in programs], which),
            "Location": pick([p.code for p in places], which),
            "LocationDetails": pick([location_details(p) for p in places], which),
            "AutonomousSystemNumber": texts(64500 + which),
            "ConditionalAccessStatus": "notApplied",
            "ConditionalAccessPolicies": "[]",
            "CorrelationId": guids(dice, count),
            "Id": guids(dice, count),
            "UniqueTokenIdentifier": guids(dice, count),
        },
        count,
    )


def programs_that_deploy(programs: Any) -> Any:
    """Whether each one is run by people who forget to renew its secret."""
    return np.array([p["name"] == "terraform-deploy" for p in programs])

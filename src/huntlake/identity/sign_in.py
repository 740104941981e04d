"""Everything by which people sign in, built once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from huntlake.core.clock import Clock
from huntlake.identity.applications import Applications
from huntlake.identity.authorization_codes import AuthorizationCodes
from huntlake.identity.browser_sessions import BrowserSessions
from huntlake.identity.device_codes import DeviceCodes
from huntlake.identity.keys import SigningKeys
from huntlake.identity.refresh_tokens import RefreshTokens
from huntlake.identity.tickets import Tickets
from huntlake.identity.users import Users
from huntlake.state.documents import Shelf


@dataclass(frozen=True)
class SignIn:
    """The people, the programs they sign in with, and what was issued to them."""

    users: Users
    applications: Applications
    codes: AuthorizationCodes
    devices: DeviceCodes
    refresh_tokens: RefreshTokens
    tickets: Tickets
    sessions: BrowserSessions

    @classmethod
    def over(
        cls,
        database: Shelf,
        keys: SigningKeys,
        clock: Clock,
        users: Users,
        *,
        public_clients: Mapping[str, tuple[str, ...]],
        lifetime: timedelta,
    ) -> SignIn:
        """The services over one database; a person signs in anew after `lifetime`."""
        return cls(
            users,
            Applications(public_clients),
            AuthorizationCodes(database, clock),
            DeviceCodes(database, clock),
            RefreshTokens(database, clock, lifetime=lifetime),
            Tickets(keys, clock),
            BrowserSessions(database, clock, users),
        )

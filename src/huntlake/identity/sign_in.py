"""Everything by which people sign in, built once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from huntlake.core.clock import Clock
from huntlake.core.settings import OidcProvider
from huntlake.identity.applications import Applications
from huntlake.identity.authorization_codes import AuthorizationCodes
from huntlake.identity.browser_sessions import BrowserSessions
from huntlake.identity.device_codes import DeviceCodes
from huntlake.identity.keys import SigningKeys
from huntlake.identity.oidc.people import OutsidePeople
from huntlake.identity.oidc.provider import Provider
from huntlake.identity.oidc.providers import Providers
from huntlake.identity.refresh_tokens import RefreshTokens
from huntlake.identity.sign_in_journal import PASSWORD, SignInJournal
from huntlake.identity.throttle import FailureThrottle
from huntlake.identity.tickets import Tickets
from huntlake.identity.users import User, Users, WrongPassword
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
    providers: Providers
    outside: OutsidePeople
    journal: SignInJournal
    answers: FailureThrottle
    """Of answers that no provider gave, from one source."""

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
        oidc: Mapping[str, OidcProvider] | None = None,
        workspaces: Callable[[], Mapping[str, str]] = dict,
    ) -> SignIn:
        """The services over one database; a person signs in anew after `lifetime`. `workspaces` tells ids by names."""
        return cls(
            users,
            Applications(public_clients),
            AuthorizationCodes(database, clock),
            DeviceCodes(database, clock),
            RefreshTokens(database, clock, lifetime=lifetime),
            Tickets(keys, clock),
            BrowserSessions(database, clock, users),
            Providers((Provider.of(name, given) for name, given in (oidc or {}).items()), database, clock),
            OutsidePeople(database, users, workspaces),
            SignInJournal(database, clock),
            FailureThrottle(clock, allowed=30),
        )

    def by_password(self, name: str, password: str, *, source: str, application: str) -> User:
        """The user whose password this is, as `Users.authenticate` finds them; what becomes of it is written down."""
        try:
            user = self.users.authenticate(name, password, source=source)
        except WrongPassword:
            # Of names only those that are there: a password may have been typed in its place.
            known = self.users.find(name)
            shown = known.name if known else ""
            reason = "wrong password" if known else "no user has that name"
            self.journal.refused(shown, PASSWORD, reason, source=source, application=application)
            raise
        self.journal.signed_in(user, PASSWORD, source=source, application=application)
        return user

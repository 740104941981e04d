"""Which workspace elsewhere a command speaks to, and who signs in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.secret import secret_of
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from huntlake.detection.publishing.client import Arm, Target

Url = Annotated[str, typer.Option("--url", metavar="URL", help="The management API: Azure's, or a huntlake's.")]
Subscription = Annotated[str, typer.Option("--subscription", metavar="GUID", help="The workspace's subscription.")]
Group = Annotated[str, typer.Option("--resource-group", metavar="NAME", help="The workspace's resource group.")]
There = Annotated[str, typer.Option("--to", "--from", metavar="NAME", help="The workspace there.")]
Tenant = Annotated[str, typer.Option("--tenant", help="The tenant to sign in to, by its GUID or domain.")]
Client = Annotated[str, typer.Option("--client", metavar="GUID", help="The client id to sign in with.")]
Authority = Annotated[str, typer.Option("--authority", metavar="URL", help="Who gives tokens.")]
Scope = Annotated[str, typer.Option("--scope", help="What the tokens are for.")]
Ca = Annotated[
    Path | None, typer.Option("--ca", metavar="FILE", help="Certificates to trust besides the machine's, PEM.")
]
StateFile = Annotated[
    Path | None, typer.Option("--state", metavar="FILE", help="What was published; else a file in the folder.")
]


def signed_in(
    url: str,
    subscription: str,
    group: str,
    workspace: str,
    tenant: str,
    client: str,
    authority: str,
    scope: str,
    ca: Path | None,
    secret_file: Path | None,
    secret_environment: str | None,
) -> tuple[Target, Arm]:
    """The workspace that the options name, and its API."""
    from huntlake.core.clock import SystemClock
    from huntlake.detection.publishing.client import Arm, Target

    certificates = ""
    if ca is not None:
        try:
            certificates = ca.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"{ca} can't be read: {error}") from None
    target = Target(url, subscription, group, workspace, tenant, client, authority, scope, certificates)
    secret = secret_of(f"Secret of the client {client}", secret_file, secret_environment)
    given: Callable[[], str] = lambda: secret  # noqa: E731
    return target, Arm(target, given, SystemClock())

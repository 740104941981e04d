"""The lake of the demo: a folder with the fictional company's logs and a principal that may read them."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from huntlake.core.errors import Conflict, Invalid, LimitExceeded, Refused

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.demo.detections import Detected
    from huntlake.detection.replaying import Progress as DetectionProgress
    from huntlake.workspace.workspaces import Workspace

WORKSPACE = "korenwolf"
ANALYST = "analyst"
CARD = "demo.json"
TRUTH = "ground-truth.json"
STALE = timedelta(days=1)

Progress = Callable[[str, int, int, int], None]
"""Told after each table: its name, its rows, how many tables are done, how many there are."""


@dataclass(frozen=True)
class Card:
    """What a client needs in order to ask the demo."""

    url: str
    authority: str
    tenant: str
    client_id: str
    client_secret: str
    scope: str
    db: str
    ca: str
    """The file of the certificate authority to trust, empty where there is none."""
    end: str
    """When the story ends, in UTC; empty while the logs are being made."""
    detected: str = ""
    """The end of the story that the rules have been over; another, or none, where they have yet to."""
    user: str = ""
    password: str = ""
    """Of the person who may sign in at the pages."""


def lay_out(home: Path) -> None:
    """Make the folder, whose server is the company's own tenant: ids in logs and tokens agree.

    A folder that holds something else is refused, for the demo replaces what it finds.
    """
    from huntlake.demo.company import load_company
    from huntlake.identity import files

    if (home / CARD).exists():
        return
    if home.is_dir() and any(home.iterdir()):
        raise Invalid(f"{home} is not empty and holds no demo: name another folder with `--home`")
    company = load_company()
    try:
        files.folder(home)
        (home / "huntlake.toml").write_text(
            f'tenant_id = "{company.tenant}"\ntenant_name = "{company.domain}"\n', encoding="utf-8"
        )
        # An empty card marks the folder as the demo's, should the making of its logs be interrupted.
        files.write(home / CARD, b"{}\n")
    except OSError as error:
        raise Invalid(f"{home} can't be the demo's folder: {error.strerror}") from error


def prepare(app: App, url: str, ca: Path | None, progress: Progress, *, anew: bool = False) -> Card:
    """Make what isn't there: the workspace, the principal, and the logs if they are older than a day."""
    workspace = _workspace(app)
    kept = read_card(app.home)
    client_id, secret = _principal(app, workspace, kept)
    user, password = _person(app, workspace, kept)
    now = app.clock.now()
    fresh = kept is not None and kept.end != "" and now - datetime.fromisoformat(kept.end) < STALE and not anew
    card = Card(
        url=url,
        authority=f"{url}/adfs/{app.tenant.id}",
        tenant=app.tenant.id,
        client_id=client_id,
        client_secret=secret,
        scope="4500ebfb-89b6-4b14-a480-7f749797bfcd/.default",
        db=workspace.database,
        ca=str(ca) if ca else "",
        end=kept.end if fresh and kept else "",
        detected=kept.detected if fresh and kept else "",
        user=user,
        password=password,
    )
    _write_private(app.home / CARD, card)
    if not fresh:
        # Without an end the card says that these logs aren't whole, should this be interrupted.
        shutil.rmtree(app.lake.root / workspace.name, ignore_errors=True)
        app.state.forget(workspace.name)
        _fill(app, workspace, now, progress)
        card = replace(card, end=now.astimezone(UTC).isoformat())
        _write_private(app.home / CARD, card)
    _playbooks(app, workspace, card, moved=kept is not None and kept.url != url)
    return card


def _playbooks(app: App, workspace: Workspace, card: Card, *, moved: bool) -> None:
    """Deploy the playbooks that come with this house, where they aren't there or speak to an address that was left.

    Their connections are in dry-run.
    """
    from huntlake.playbooks.samples import install, samples
    from huntlake.state.records import Author

    values = {
        "Subscription": app.subscription.id,
        "ResourceGroup": app.subscription.group,
        "Workspace": workspace.name,
        "LakeUrl": card.url,
        "Authority": card.url,
        "Tenant": card.tenant,
        "ClientId": card.client_id,
        "ClientSecret": card.client_secret,
        "Database": card.db,
    }
    for one in samples():
        if moved or app.playbooks.workflows.find(one.name) is None:
            install(app.playbooks.deployments, one, workspace.name, values, Author(name="demo"))


def detect(app: App, card: Card, progress: DetectionProgress | None = None) -> Detected | None:
    """Run the pack of rules over the fortnight; None where that was done at an earlier start."""
    from huntlake.demo.detections import detect as over
    from huntlake.demo.detections import prove
    from huntlake.demo.generator import DAYS

    if card.detected == card.end:
        return None
    end = datetime.fromisoformat(card.end)
    workspace = app.workspaces.get(WORKSPACE)
    found = over(app.detection, app.queries, workspace, end, DAYS, progress)
    prove(app.rule_tests, workspace)
    _write_private(app.home / CARD, replace(card, detected=card.end))
    return found


def read_card(home: Path) -> Card | None:
    """The card of an earlier start, if there is one that can be read."""
    try:
        return Card(**json.loads((home / CARD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _fill(app: App, workspace: Workspace, end: datetime, progress: Progress) -> None:
    from huntlake.demo.install import install

    truth = install(app.ingestion, workspace, end, progress)
    (app.home / TRUTH).write_text(truth.to_json(), encoding="utf-8")


def _workspace(app: App) -> Workspace:
    from huntlake.demo.company import load_company

    try:
        return app.workspaces.create(WORKSPACE, str(load_company().facts["workspace_id"]))
    except Conflict:
        return app.workspaces.get(WORKSPACE)


def _person(app: App, workspace: Workspace, kept: Card | None) -> tuple[str, str]:
    """The name and the password of the demo's analyst: those of the card as long as they are good."""
    from huntlake.identity.rights import Role

    if kept is not None and kept.user:
        try:
            app.users.authenticate(kept.user, kept.password)
        except (Refused, LimitExceeded):
            pass
        else:
            return kept.user, kept.password
    password = secrets.token_urlsafe(12)
    if app.users.find(ANALYST) is None:
        app.users.create(ANALYST, password, "Demo analyst")
    else:
        app.users.set_password(ANALYST, password)
    app.users.grant(ANALYST, workspace.id, Role.CONTRIBUTOR)
    return ANALYST, password


def _principal(app: App, workspace: Workspace, kept: Card | None) -> tuple[str, str]:
    """The client id and secret of the demo's reader: those of the card as long as they are good."""
    from huntlake.identity.rights import Role

    if kept is not None:
        try:
            found = app.principals.authenticate(kept.client_id, kept.client_secret)
        except (Refused, LimitExceeded):
            found = None
        if found is not None and any(g.workspace_id == workspace.id for g in found.grants):
            return kept.client_id, kept.client_secret
    made = app.principals.create("demo reader")
    issued = app.principals.add_secret(made.client_id)
    app.principals.grant(made.client_id, workspace.id, Role.READER)
    return made.client_id, issued.text


def _write_private(path: Path, card: Card) -> None:
    from huntlake.identity import files

    files.write(path, (json.dumps(asdict(card), indent=2) + "\n").encode())

"""`huntlake approval`: what playbooks may only do when a person says so, and what they ask."""

from __future__ import annotations

import getpass
import json
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huntlake.cli.listing import Listing, outline, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note
from huntlake.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.playbooks.approvals import Approval, Decider
    from huntlake.state.documents import Document

app = typer.Typer(help="Approve or refuse what playbooks want to do, and answer what they ask.", no_args_is_help=True)
rules = typer.Typer(help="Say what else needs an approval than containment, which always does.", no_args_is_help=True)
app.add_typer(rules, name="rule")
notices = typer.Typer(help="Say which playbooks tell people of what waits for them.", no_args_is_help=True)
app.add_typer(notices, name="notice")

Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]
Which = Annotated[str, typer.Argument(metavar="APPROVAL", help="Its name, or how it begins.")]
Comment = Annotated[str, typer.Option("--comment", "-m", help="What there is to say about it.")]


class KindName(StrEnum):
    """What waits."""

    APPROVAL = "Approval"
    QUESTION = "Question"


class EffectName(StrEnum):
    """What an operation does to the world."""

    WRITE = "write"
    CONTAIN = "contain"


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that are decided, too.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List what waits for a decision."""
    from huntlake.playbooks.approvals import Status

    with opened(home) as lake:
        known = lake.playbooks.approvals.list((workspace_of(lake, workspace).name,))
    rows = [
        (d.name, a.kind.value, a.workflow, a.operation, _told(a), a.status.value, _moment(a.expires))
        for d, a in ((d, d.value) for d in known)
        if every or a.status is Status.PENDING
    ]
    show(["approval", "kind", "playbook", "operation", "what", "status", "expires"], rows, output)


@app.command("show")
def show_(which: Which, home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """Print everything about an approval, the exact inputs among it."""
    with opened(home) as lake:
        document = lake.playbooks.approvals.get((workspace_of(lake, workspace).name,), which)
    told = _story(document)
    if output is Listing.JSON:
        print(json.dumps(told, indent=2))
        return
    outline(told)


@app.command()
def approve(which: Which, comment: Comment = "", home: Home = None, workspace: WorkspaceName = None) -> None:
    """Let a playbook do what it asks, exactly as `approval show` says it."""
    _decide(which, True, comment, home, workspace)


@app.command()
def refuse(which: Which, comment: Comment = "", home: Home = None, workspace: WorkspaceName = None) -> None:
    """Don't let a playbook do what it asks; its action fails."""
    _decide(which, False, comment, home, workspace)


@app.command()
def answer(
    which: Which,
    option: Annotated[str, typer.Argument(metavar="OPTION", help="What is chosen of what the question offers.")],
    entered: Annotated[
        list[str] | None, typer.Option("--field", "-f", metavar="NAME=VALUE", help="What is entered beside it.")
    ] = None,
    comment: Comment = "",
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Answer what a playbook asks, in place of the mail or the card that it would send."""
    fields = {}
    for one in entered or []:
        name, parted, value = one.partition("=")
        if not parted:
            raise Invalid(f"`{one[:60]}` isn't `NAME=VALUE`")
        fields[name] = value
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        made = lake.playbooks.approvals.answer(owner, which, option, fields, _decider(), comment)
    note(f"{made.value.workflow} is told `{option}`")


@rules.command("list")
def list_rules(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List the rules beside the one that always holds."""
    with opened(home) as lake:
        known = lake.playbooks.approvals.rules.list((workspace_of(lake, workspace).name,))
    rows = [
        (
            d.name,
            r.connector,
            r.operation,
            r.path,
            [e.value for e in r.effects],
            ", ".join([*([f"{r.watchlist} {r.tag}".strip()] if r.watchlist else []), *r.ranges]),
            r.minutes,
            "yes" if r.four_eyes else "no",
            list(r.approvers),
            "yes" if r.enabled else "no",
        )
        for d, r in ((d, d.value) for d in known)
    ]
    headings = ["rule", "connector", "operation", "path", "effects", "assets", "minutes", "four eyes", "approvers"]
    show([*headings, "enabled"], rows, output, numbers={"minutes"})


@rules.command("set")
def set_rule(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The rule's name.")],
    connector: Annotated[str, typer.Option("--connector", help="Pattern of the connector's name.")] = "*",
    operation: Annotated[str, typer.Option("--operation", help="Pattern of the operation's id.")] = "*",
    path: Annotated[str, typer.Option("--path", help="Pattern of the call's path, or URL.")] = "*",
    effect: Annotated[list[EffectName] | None, typer.Option("--effect", help="Without it: write and contain.")] = None,
    watchlist: Annotated[str, typer.Option("--watchlist", help="Alias of a watchlist of critical assets.")] = "",
    tag: Annotated[str, typer.Option("--tag", help="Only its items with that tag in the column `Tags`.")] = "",
    ranges: Annotated[list[str] | None, typer.Option("--range", help="A network of critical addresses.")] = None,
    minutes: Annotated[int, typer.Option("--minutes", min=1, help="How long a person has to decide.")] = 24 * 60,
    four_eyes: Annotated[bool, typer.Option("--four-eyes", help="Not whoever started the run decides.")] = False,
    approver: Annotated[list[str] | None, typer.Option("--approver", help="Who may decide; several times.")] = None,
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    disabled: Annotated[bool, typer.Option("--disabled", help="Keep it, but don't apply it.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Make a rule, in place of one of that name."""
    from huntlake.playbooks.approval_rules import ApprovalRule
    from huntlake.playbooks.connectors.connector import Effect

    rule = ApprovalRule(
        description,
        connector,
        operation,
        path,
        tuple(Effect(e.value) for e in effect) if effect else ApprovalRule().effects,
        watchlist,
        tag,
        tuple(ranges or ()),
        minutes,
        four_eyes,
        tuple(approver or ()),
        not disabled,
    )
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        lake.playbooks.approvals.rules.put(owner, name, rule, _decider().author)
    note(f"the rule {name} holds from now on" if rule.enabled else f"the rule {name} is kept, and not applied")


@rules.command("delete")
def delete_rule(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The rule's name.")],
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Forget a rule. Containment needs an approval all the same."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        if not lake.playbooks.approvals.rules.delete(owner, name):
            raise NotFound(f"no rule about approvals is named `{name}`")
    note(f"the rule {name} is gone")


@notices.command("list")
def list_notices(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """List who tells of what waits."""
    with opened(home) as lake:
        known = lake.playbooks.notices.records.list((workspace_of(lake, workspace).name,))
    rows = [
        (d.name, n.playbook, [k.value for k in n.kinds], n.workflow, n.connector, "yes" if n.enabled else "no")
        for d, n in ((d, d.value) for d in known)
    ]
    show(["notice", "playbook", "kinds", "of", "connector", "enabled"], rows, output)


@notices.command("set")
def set_notice(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The notice's name.")],
    playbook: Annotated[str, typer.Option("--playbook", help="The playbook that is run; a request sets it off.")],
    kind: Annotated[list[KindName] | None, typer.Option("--kind", help="Without it: both.")] = None,
    of: Annotated[str, typer.Option("--of", help="Pattern of the name of the playbook that asks.")] = "*",
    connector: Annotated[str, typer.Option("--connector", help="Pattern of the connector that waits.")] = "*",
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    disabled: Annotated[bool, typer.Option("--disabled", help="Keep it, but tell nobody.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Have a playbook run whenever something waits, in place of a notice of that name."""
    from huntlake.playbooks.approvals import Kind
    from huntlake.playbooks.notices import ApprovalNotice

    kinds = tuple(Kind(k.value) for k in kind) if kind else tuple(Kind)
    notice = ApprovalNotice(playbook, kinds, of, connector, description, not disabled)
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        lake.playbooks.workflows.get(playbook)
        lake.playbooks.notices.records.put(owner, name, notice, _decider().author)
    note(f"{playbook} tells of what waits" if notice.enabled else f"the notice {name} is kept, and tells nobody")


@notices.command("delete")
def delete_notice(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The notice's name.")],
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Forget a notice."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        if not lake.playbooks.notices.records.delete(owner, name):
            raise NotFound(f"no notice is named `{name}`")
    note(f"the notice {name} is gone")


def _decide(which: str, approved: bool, comment: str, home: Home, workspace: WorkspaceName) -> None:
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        made = lake.playbooks.approvals.decide(owner, which, approved, _decider(), comment).value
    note(f"{made.summary} ({made.workflow}): {made.status.value.lower()}")


def _decider() -> Decider:
    from huntlake.playbooks.approvals import Decider
    from huntlake.state.records import Author

    # Whoever can write to the folder is its owner.
    return Decider(Author(name=getpass.getuser()), is_person=True)


def _told(approval: Approval) -> str:
    if approval.options:
        return f"{approval.summary} [{' | '.join(o.name for o in approval.options)}]"
    body = approval.inputs.get("path") or ""
    return f"{approval.summary}: {body}"


def _story(document: Document[Approval]) -> dict[str, Any]:
    a = document.value
    return {
        "approval": document.name,
        "kind": a.kind.value,
        "status": a.status.value,
        "what": a.summary,
        "text": a.text,
        "playbook": a.workflow,
        "run": a.run,
        "action": a.action,
        "incident": a.incident,
        "connector": a.connector,
        "connection": a.connection,
        "operation": a.operation,
        "effect": a.effect,
        "inputs": dict(a.inputs),
        "hash": a.hash,
        "reasons": list(a.reasons),
        "recipients": a.recipients,
        "options": [o.name for o in a.options],
        "fields": [
            {"name": f.name, "title": f.title, "choices": [c.title or c.name for c in f.choices]} for f in a.fields
        ],
        "asked_by": a.asked_by.name or a.asked_by.object_id,
        "asked": _moment(a.asked),
        "expires": _moment(a.expires),
        "four_eyes": a.four_eyes,
        "decided_by": a.decided_by.name or a.decided_by.object_id,
        "decided": _moment(a.decided),
        "comment": a.comment,
    }


def _moment(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""

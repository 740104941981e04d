"""`huntlake model`: the language model that hunting may ask, what it was asked, and what it costs."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import note
from huntlake.core.errors import Invalid, NotFound, Unavailable

if TYPE_CHECKING:
    from huntlake.ai.gateway import Gateway
    from huntlake.app import App

app = typer.Typer(
    help="The language model that hunting may ask: how it is, what left for it, what it costs.", no_args_is_help=True
)

Output = Annotated[Listing, typer.Option("--output", "-o", help="How to write the answer.")]
Call = Annotated[str, typer.Argument(metavar="CALL", help="The call's id.")]

NO_MODEL = (
    "no model is configured: set `model_url` and `model_name`, and `model_key` where it needs one; everything works "
    "without"
)


@app.command()
def status(home: Home = None, workspace: WorkspaceName = None, output: Output = Listing.TABLE) -> None:
    """Say which model there is, how it is, and what this day has used."""
    from huntlake.core.errors import DomainError

    with opened(home) as lake:
        model, owner = _gateway(lake), (workspace_of(lake, workspace).name,)
        place, health, spent = model.where(owner), model.breaker.of(owner, model.name), model.spending.today(owner)
        budget, dialect = model.spending.budget, model.dialect(owner)
        try:
            own = model.own(owner)
            known = f"{len(own.people)} people, {len(own.machines)} machines, {len(own.domains)} domains"
        except DomainError as error:
            known = f"nothing is sent: {error}"
        rows = [
            ("model", f"{model.name} at {place.shown}"),
            ("dialect", dialect.value if dialect else "not known yet: the first question finds out"),
            ("asked", "no: " + health.reason if health.is_open else "yes"),
            ("last answers", f"{health.useful.count(True)} of {len(health.useful)} were of use"),
            ("calls today", f"{spent.calls:,}{_most(budget.calls)}"),
            ("tokens today", f"{spent.tokens:,}{_most(budget.tokens)}"),
            ("cost today", f"{spent.cost:,.4f}{_most(budget.cost)}"),
            ("hidden from it", known),
        ]
    show(["what", "is"], rows, output)


@app.command()
def probe(home: Home = None, workspace: WorkspaceName = None) -> None:
    """Find out anew which form of questions the endpoint understands. Nothing of the workspace is sent."""
    from huntlake.ai.faults import CallFailed

    with opened(home) as lake:
        model, owner = _gateway(lake), (workspace_of(lake, workspace).name,)
        try:
            dialect = model.probe(owner)
        except CallFailed as failed:
            shown = model.where(owner).shown
            raise Unavailable(failed.reason if shown in failed.reason else f"{shown}: {failed.reason}") from None
    note(f"{model.name} understands `{dialect.value}`")


@app.command()
def audit(
    home: Home = None,
    workspace: WorkspaceName = None,
    last: Annotated[int, typer.Option(help="So many, the latest.", min=1)] = 20,
    output: Output = Listing.TABLE,
) -> None:
    """List what the model was asked, by whom, and what came of it."""
    with opened(home) as lake:
        owner = (workspace_of(lake, workspace).name,)
        calls = sorted(lake.hunting.model_calls.list(owner), key=lambda d: (d.value.at, d.name))[-last:]
    rows = [
        (
            d.value.at.isoformat(timespec="seconds"),
            d.name,
            d.value.purpose,
            d.value.outcome,
            d.value.responsible,
            d.value.tokens_in + d.value.tokens_out,
            round(d.value.seconds, 1),
            f"{d.value.cost:.4f}",
            "; ".join(d.value.findings) or d.value.reason,
        )
        for d in calls
    ]
    heads = ["time", "call", "for", "outcome", "responsible", "tokens", "seconds", "cost", "remark"]
    show(heads, rows, output, numbers={"tokens", "seconds", "cost"})


@app.command("show")
def show_(call: Call, home: Home = None, workspace: WorkspaceName = None) -> None:
    """Print a call as it was sent and answered: with tokens in place of names."""
    import json
    from dataclasses import asdict

    with opened(home) as lake:
        found = lake.hunting.model_calls.get((workspace_of(lake, workspace).name,), call).value
    print(json.dumps(asdict(found), indent=1, default=str, ensure_ascii=True))


@app.command()
def tokens(
    call: Call,
    reason: Annotated[str, typer.Option(help="Why: it is written down, with your name.")],
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Print what the tokens of a call stand for, and write down that you did."""
    from huntlake.state.audit import Actor, AuditEntry
    from huntlake.state.records import Author

    if not reason.strip():
        raise Invalid("say why with `--reason`")
    with opened(home) as lake:
        model, owner = _gateway(lake), (workspace_of(lake, workspace).name,)
        found = model.tokens(owner, call)
        actor = Actor.person(Author(name=getpass.getuser()))
        lake.hunting.audit.append(owner, AuditEntry(actor, "model.tokensShown", "modelCall", call, reason=reason))
    show(["token", "stands for"], sorted(found.items()), output)


@app.command()
def reset(home: Home = None, workspace: WorkspaceName = None) -> None:
    """Ask the model again at once, after it was found to be of no use."""
    with opened(home) as lake:
        model, owner = _gateway(lake), (workspace_of(lake, workspace).name,)
        model.breaker.reset(owner, model.name)
    note(f"{model.name} is asked again")


@app.command("cassette")
def cassette_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The cassette.")], output: Output = Listing.TABLE
) -> None:
    """List what is on a cassette."""
    from huntlake.ai.cassettes import Cassette

    if not file.is_file():
        raise NotFound(f"no file is at {file}")
    rows = [
        (one.key[:12], one.purpose, one.template, one.reply.model, one.reply.text[:60]) for one in Cassette(file).all()
    ]
    show(["key", "for", "template", "model", "answer"], rows, output)


def _gateway(lake: App) -> Gateway:
    from huntlake.ai.gateway import Gateway

    if not isinstance(lake.hunting.model, Gateway):
        raise Invalid(NO_MODEL)
    return lake.hunting.model


def _most(limit: float) -> str:
    return f" of {limit:,}" if limit else ", without a limit"

"""`huntlake publish`: a folder's content into a workspace elsewhere."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli import elsewhere
from huntlake.cli.elsewhere import signed_in
from huntlake.cli.listing import Listing
from huntlake.cli.screen import note, printable
from huntlake.cli.secret import SecretEnvironment, SecretFile

if TYPE_CHECKING:
    from huntlake.detection.publishing.planning import Step


def publish(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Rules, queries, functions, watchlists.", exists=True)
    ],
    to: elsewhere.There,
    subscription: elsewhere.Subscription,
    group: elsewhere.Group,
    tenant: elsewhere.Tenant,
    client: elsewhere.Client,
    url: elsewhere.Url = "https://management.azure.com",
    authority: elsewhere.Authority = "",
    scope: elsewhere.Scope = "",
    ca: elsewhere.Ca = None,
    secret_file: SecretFile = None,
    secret_environment: SecretEnvironment = None,
    state: elsewhere.StateFile = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; else only the plan is shown.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete there what was published, and is here no more.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over what was changed there.")] = False,
    output: Annotated[
        Listing, typer.Option("--format", "--output", "-o", help="How to write the plan.")
    ] = Listing.TABLE,
) -> None:
    """Push rules, searches, functions and watchlists to a workspace; without `--apply` only show the plan.

    Tests beside rules go along to another huntlake; elsewhere they are told as not carried.

    What was changed there since it was published is left alone. The exit code is 1 where something has drifted, was
    refused, or failed.
    """
    from huntlake.detection.checkout import listed, tests_in
    from huntlake.detection.publishing.forms import Kind, folder_of
    from huntlake.detection.publishing.planning import STATE, Move, State, plan, there
    from huntlake.detection.publishing.planning import apply as done

    target, arm = signed_in(
        url, subscription, group, to, tenant, client, authority, scope, ca, secret_file, secret_environment
    )
    known = State.read(state or (folder if folder.is_dir() else folder.parent) / STATE)
    mine, before = folder_of(folder, listed(folder), tests_in(folder)), known.of(target)
    tests = any(thing.kind is Kind.TEST for thing in mine.things.values())
    other = there(arm, tests=tests or any(key.startswith(Kind.TEST) for key in before))
    steps = plan(mine, other, before, prune=prune, force=force)
    if apply:
        steps = done(arm, target, steps, known, prune=prune)
    if output is Listing.JSON:
        print(json.dumps([_plain(s) for s in steps], indent=2))
    else:
        _show([s for s in steps if s.move is not Move.UNCHANGED])
        for path, reason in mine.not_taken:
            print(printable(f"not taken  {path}: {reason}"))
    counts = Counter(s.move for s in steps)
    said = ", ".join(f"{counts[m]:,} {m}" for m in Move if counts[m]) or "nothing is there to publish"
    note(f"{to}: {said}" + ("" if apply else "; `--apply` does it"))
    if any(counts[m] for m in (Move.DRIFTED, Move.REFUSED, Move.FAILED)):
        raise typer.Exit(1)


def _show(steps: Sequence[Step]) -> None:
    for step in steps:
        why = f": {step.reason}" if step.reason else ""
        print(printable(f"{step.move:11}  {step.kind} {step.title} ({step.name}){why}"))


def _plain(step: Step) -> dict[str, str]:
    return {"move": step.move.value, "kind": step.kind, "name": step.name, "title": step.title, "reason": step.reason}

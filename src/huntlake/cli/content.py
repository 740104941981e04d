"""`huntlake content`: rules, hunting queries, functions and watchlists out of folders."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huntlake.cli.listing import Listing, show
from huntlake.cli.place import Home, WorkspaceName, opened, workspace_of
from huntlake.cli.screen import console, is_terminal, note, printable
from huntlake.core.errors import Invalid

if TYPE_CHECKING:
    from huntlake.detection.library import Piece, Told

app = typer.Typer(
    help="Bring in folders of content: Azure-Sentinel's, Sigma's, your own; and see what of it runs.",
    no_args_is_help=True,
)

Output = Annotated[Listing, typer.Option("--format", "--output", "-o", help="How to write the answer.")]
Source = Annotated[str, typer.Argument(metavar="SOURCE", help="The name that the source was given.")]
_FEW = 20


@app.command()
def add(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="A folder, a git checkout, a file, or `builtin`: huntlake's own.")
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="What the source is called; without it as the folder is.")
    ] = None,
    enable: Annotated[bool, typer.Option("--enable", help="Let new rules run; else they are made disabled.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over what persons have changed.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Delete what the folder no longer has.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Name every piece that was not taken.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """Bring a folder in, or bring up to date what came from it before.

    What a person has changed or deleted since is left alone. The exit code is 0 also where some pieces are refused.
    """
    from huntlake.detection.library import BUILTIN, PACK, Fate

    if "://" in folder or folder.startswith("git@"):
        raise Invalid("an address instead of a folder is not supported: `git clone` it, and add the checkout")
    place = Path(folder)
    if folder == BUILTIN and not place.exists():
        if not PACK.is_dir():
            raise Invalid("this huntlake brings no rules of its own")
        place = PACK
    source = name or (BUILTIN if place == PACK else place.absolute().name)
    with opened(home, make=True) as lake:
        there = workspace_of(lake, workspace, make=True)
        with _progress() as progress:
            told = lake.library.add(there, place, source, enable=enable, force=force, prune=prune, progress=progress)
    if output is Listing.JSON:
        print(json.dumps([_plain(t) for t in told], indent=2))
        return
    shown = [t for t in told if t.fate in (Fate.CHANGED, Fate.KEPT, Fate.GONE, Fate.REMOVED)]
    _lines(shown, _FEW if not every else len(shown))
    counted = Counter(t.piece.kind for t in told if t.fate is Fate.CREATED)
    if counted:
        note("created: " + ", ".join(f"{n:,} × {kind}" for kind, n in counted.most_common()))
    fates = Counter(t.fate for t in told)
    note(f"{source}: " + (", ".join(f"{fates[f]:,} {f}" for f in Fate if fates[f]) or "no content is there"))
    _reasons([t.piece for t in told if t.fate in (Fate.REFUSED, Fate.NOT_TAKEN)], every)


@app.command()
def status(
    home: Home = None,
    workspace: WorkspaceName = None,
    every: Annotated[bool, typer.Option("--all", help="Name every piece that doesn't run.")] = False,
    output: Output = Listing.TABLE,
) -> None:
    """Say of each source what runs, what was changed here, and what is refused and why."""
    from huntlake.detection.library import State

    with opened(home) as lake:
        there = workspace_of(lake, workspace)
        sources = [(n, s) for n, s, _ in lake.library.sources(there)]
        standing = list(lake.library.standing(there))
    if output is Listing.JSON:
        answer = [
            {
                "source": name,
                "place": source.place,
                "commit": source.commit,
                "updated": source.updated.isoformat() if source.updated else None,
                "pieces": [
                    {**_piece(s.piece), "touched": s.touched, "enabled": s.enabled}
                    for s in standing
                    if s.source == name
                ],
                "reasons": [
                    {"code": code, "reason": reason, "pieces": count}
                    for (code, reason), count in _grouped([s.piece for s in standing if s.source == name]).items()
                ],
            }
            for name, source in sources
        ]
        print(json.dumps(answer, indent=2))
        return
    rows = []
    for name, source in sources:
        of = [s for s in standing if s.source == name]
        for kind in sorted({s.piece.kind for s in of}):
            alike = [s for s in of if s.piece.kind == kind]
            states = Counter(s.piece.state for s in alike)
            enabled = sum(bool(s.enabled) for s in alike) if any(s.enabled is not None for s in alike) else None
            changed = sum(bool(s.touched) for s in alike)
            counts = (states[State.TAKEN], enabled, changed, states[State.REFUSED], states[State.NOT_TAKEN])
            rows.append((name, source.commit[:12], kind, *counts))
    numbers = ["runs", "enabled", "changed here", "refused", "not taken"]
    show(["source", "commit", "kind", *numbers], rows, output, numbers=numbers)
    touched = [s for s in standing if s.touched]
    for one in touched[: None if every else _FEW]:
        print(printable(f"{one.touched}: {one.piece.kind} {one.piece.title} ({one.source}: {one.piece.path})"))
    _reasons([s.piece for s in standing if s.piece.state is not State.TAKEN], every)


@app.command("list")
def list_(
    source: Annotated[str | None, typer.Option("--source", help="Only of this source.")] = None,
    home: Home = None,
    workspace: WorkspaceName = None,
    output: Output = Listing.TABLE,
) -> None:
    """List every piece with the file and the commit it is from."""
    with opened(home) as lake:
        standing = list(lake.library.standing(workspace_of(lake, workspace)))
    rows = [
        (s.source, s.piece.kind, s.piece.name, s.piece.title, s.piece.version, s.touched or s.piece.state.value,
         s.piece.path, s.piece.commit[:12], s.piece.hash[:12])
        for s in standing
        if source is None or s.source.lower() == source.lower()
    ]  # fmt: skip
    show(["source", "kind", "name", "title", "version", "state", "path", "commit", "hash"], rows, output)


@app.command()
def remove(
    source: Source,
    force: Annotated[bool, typer.Option("--force", help="Also what persons have changed.")] = False,
    home: Home = None,
    workspace: WorkspaceName = None,
) -> None:
    """Take away what came from a source, but for what persons have changed, or another source has, too."""
    from huntlake.detection.library import Fate

    with opened(home) as lake:
        told = lake.library.remove(workspace_of(lake, workspace), source, force=force)
    _lines([t for t in told if t.fate is Fate.KEPT], len(told))
    fates = Counter(t.fate for t in told)
    note(f"{source}: {fates[Fate.REMOVED]:,} removed, {fates[Fate.KEPT]:,} kept")


def _lines(told: Sequence[Told], most: int) -> None:
    for one in told[:most]:
        piece = one.piece
        version = f" {one.before} → {piece.version}" if one.before and one.before != piece.version else ""
        why = f": {one.reason}" if one.reason else ""
        print(printable(f"{one.fate} {piece.kind} {piece.title}{version} ({piece.path}){why}"))
    if len(told) > most:
        print(f"… and {len(told) - most:,} more: `--all` names them")


def _reasons(pieces: Sequence[Piece], every: bool) -> None:
    groups = _grouped(pieces)
    for (code, reason), count in list(groups.items())[: None if every else _FEW]:
        print(printable(f"{count:6,}  {code:8}  {reason}"))
        if every:
            for piece in pieces:
                if (piece.code, piece.reason) == (code, reason):
                    print(printable(f"          {piece.path}"))
    if not every and len(groups) > _FEW:
        print(f"… and {len(groups) - _FEW:,} more reasons: `--all` names them")


def _grouped(pieces: Sequence[Piece]) -> dict[tuple[str, str], int]:
    return dict(Counter((p.code, p.reason) for p in pieces if p.reason).most_common())


def _plain(told: Told) -> dict[str, object]:
    return {"fate": told.fate.value, "before": told.before, **_piece(told.piece), "reason": told.reason}


def _piece(piece: Piece) -> dict[str, object]:
    return {
        "kind": piece.kind,
        "name": piece.name,
        "title": piece.title,
        "version": piece.version,
        "state": piece.state.value,
        "code": piece.code,
        "reason": piece.reason,
        "path": piece.path,
        "commit": piece.commit,
        "hash": piece.hash,
    }


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    if not is_terminal(sys.stderr):
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, Progress, TimeElapsedColumn

    with Progress(BarColumn(), TimeElapsedColumn(), console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

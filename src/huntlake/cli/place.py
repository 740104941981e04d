"""Which lake and which workspace a command is about."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huntlake.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from huntlake.app import App
    from huntlake.workspace.workspaces import Workspace

Home = Annotated[
    Path | None,
    typer.Option(
        "--home", metavar="FOLDER", help="Folder of the lake; without it $HUNTLAKE_HOME, else ~/.huntlake.",
        show_default=False,
    ),
]  # fmt: skip
WorkspaceName = Annotated[
    str | None,
    typer.Option("--workspace", "-w", metavar="NAME", help="The workspace; may be left out where there is only one."),
]


def home_folder(given: Path | None) -> Path:
    """The folder that a command works on."""
    return (given or Path(os.environ.get("HUNTLAKE_HOME") or Path.home() / ".huntlake")).absolute()


@contextmanager
def opened(home: Path | None, *, make: bool = False, **settings: Any) -> Iterator[App]:
    """The lake in that folder, open as long as the block lasts; `make` makes it where there is none."""
    from huntlake.app import App
    from huntlake.core.settings import load

    folder = home_folder(home)
    if not make and not (folder / "huntlake.db").exists():
        raise NotFound(
            f"no lake is in {folder}: `huntlake ingest` makes one, `huntlake demo` one with a company's logs, "
            "and `--home FOLDER` names another"
        )
    app = App.open(folder, load(folder, **settings))
    try:
        yield app
    finally:
        app.close()


def workspace_of(app: App, name: str | None, *, make: bool = False) -> Workspace:
    """The workspace that a person means. In an empty lake `make` makes one, named `default` if no name is given."""
    known = app.workspaces.list()
    if make and not known:
        return app.workspaces.create(name or "default")
    if name is not None:
        try:
            return app.workspaces.by_database(name)
        except NotFound as error:
            raise NotFound(f"{error}: {_names(known)}; `huntlake workspace create` makes one") from None
    if not known:
        raise NotFound("the lake has no workspace yet: `huntlake workspace create NAME` makes one")
    if len(known) > 1:
        raise Invalid(f"say which workspace with `--workspace`: {_names(known)}")
    return known[0]


def _names(known: list[Workspace]) -> str:
    return "the lake has " + (", ".join(f"`{w.name}`" for w in known) or "none")

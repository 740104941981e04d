"""Secrets from people: asked for, or read from where no list of processes shows them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from huntlake.core.errors import Invalid

SecretFile = Annotated[
    Path | None, typer.Option("--secret-file", metavar="PATH", help="Read the secret from a file; `-`: standard input.")
]
SecretEnvironment = Annotated[
    str | None, typer.Option("--secret-env", metavar="NAME", help="Read the secret from this environment variable.")
]


def secret_of(what: str, file: Path | None, variable: str | None) -> str:
    """The secret from the file or the variable, else from the person at the terminal."""
    if file is not None and variable is not None:
        raise typer.BadParameter("give the secret in a file or in a variable, not both")
    if variable is not None:
        if not (found := os.environ.get(variable, "")):
            raise Invalid(f"the environment variable {variable} is not set")
        return found
    if file is not None:
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"{file} can't be read: {error}") from None
        if not (found := text.strip()):
            raise Invalid(f"{file} is empty")
        return found
    if not sys.stdin.isatty():
        raise typer.BadParameter("no secret: give it by --secret-file or --secret-env")
    return str(typer.prompt(what, hide_input=True))

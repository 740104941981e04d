"""A hunt as a Jupyter notebook: what is thought, the query, and what shows its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from huntlake.core.errors import Conflict, Invalid
from huntlake.hunting.delivery.piece import Piece, Step, Verb
from huntlake.hunting.escaping import fence


@dataclass(frozen=True)
class Notebook:
    """Delivers to a file. One that somebody has changed since is only written over with `force`."""

    path: Path
    force: bool = False

    @property
    def name(self) -> str:
        """What it is, and where."""
        return f"notebook {self.path}"

    def plan(self, piece: Piece) -> Sequence[Step]:
        """What would be written."""
        if self.path.suffix != ".ipynb":
            raise Invalid(f"{self.path.name} doesn't end in `.ipynb`")
        text = notebook_of(piece)
        if not self.path.exists():
            return (Step(Verb.MAKE, "notebook", str(self.path), text),)
        before = self.path.read_text(encoding="utf-8", errors="replace")
        if before != text and not self.force:
            raise Conflict(f"{self.path} is there already, and says something else; `--force` writes over it")
        return (Step(Verb.KEEP if before == text else Verb.CHANGE, "notebook", str(self.path), text),)

    def write(self, piece: Piece, steps: Sequence[Step]) -> None:
        """Write it."""
        for step in steps:
            if step.verb is not Verb.KEEP:
                try:
                    self.path.write_text(str(step.body), encoding="utf-8")
                except OSError as error:
                    raise Invalid(f"{self.path} can't be written: {error.strerror}") from None


def notebook_of(piece: Piece) -> str:
    """The notebook as JSON. Words of reports stand in it as a block of text that nothing renders or runs.

    A raw cell is no place for them: what makes HTML of notebooks takes its text for HTML.
    """
    about = [
        f"hunt {piece.hunt}, version {piece.version}, {piece.status}",
        f"origin {piece.maker}, author {piece.author}, approver {piece.approver or 'nobody'}",
        f"techniques {', '.join(piece.techniques) or 'none'}",
        f"signals {', '.join(piece.signals) or 'none'}",
        f"sha256 {piece.content_hash}",
        piece.notice,
    ]
    words = [piece.title, "", piece.statement, "", piece.rationale, "", *piece.explanation, "", *filter(None, about)]
    cells = [
        _cell("markdown", fence("\n".join(words), "text"), "words"),
        # A string of Python as JSON writes one: each character that could end it is escaped.
        _cell("code", f"KQL = {_python(piece.query)}", "query"),
        _cell(
            "code",
            "import huntlake\n\n# The folder of the lake.\nlake = huntlake.open('.')\n"
            "result = lake.query(KQL)\nresult.to_pandas()",
            "rows",
        ),
    ]
    notebook = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return orjson.dumps(notebook, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _cell(kind: str, text: str, id: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": id, "metadata": {}, "source": text.splitlines(keepends=True)}
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell


def _python(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "(\n" + "".join(f"    {line!r}\n" for line in lines) + ")" if len(lines) > 1 else repr(text)

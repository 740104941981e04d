"""What a linter of playbooks tells: each finding has a code, a place in the file and in the workflow, and a remedy."""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.core import findings
from huntlake.core.findings import Codes, Level

__all__ = ["CODES", "Finding", "Level"]

CODES: Codes = {
    "LP101": (Level.ERROR, "The definition can't be read."),
    "LP102": (Level.ERROR, "A template can't be read."),
    "LP103": (Level.ERROR, "There is no such function, or it takes other arguments."),
    "LP104": (Level.ERROR, "Something is named that isn't there."),
    "LP105": (Level.WARNING, "An action is asked for what may not have ended yet."),
    "LP106": (Level.WARNING, "An action can't be reached."),
    "LP107": (Level.ERROR, "A query is put together from text that others write: KQL injection."),
    "LP108": (Level.ERROR, "A secret gets to where others can read it."),
    "LP109": (Level.WARNING, "A secret stands in the history of runs."),
    "LP110": (Level.ERROR, "A secret stands in the definition."),
    "LP111": (Level.WARNING, "Rounds that run side by side write the same variable."),
    "LP112": (Level.NOTE, "The order in which rounds add to a variable isn't defined."),
    "LP113": (Level.WARNING, "Nothing happens where something grave fails."),
    "LP114": (Level.NOTE, "Nothing happens where a change outside fails."),
    "LP115": (Level.ERROR, "The action is of a kind that is not supported, such as one that runs JavaScript."),
    "LP116": (Level.WARNING, "A loop has no sensible end."),
    "LP117": (Level.NOTE, "A loop fails where there is nothing to loop over."),
    "LP118": (Level.WARNING, "A schema refuses null where others may send it."),
    "LP119": (Level.WARNING, "Something is sent without TLS, or to whoever answers."),
    "LP120": (Level.ERROR, "A variable is set from its own value."),
}


@dataclass(frozen=True, slots=True)
class Finding(findings.Finding):
    """One thing that is wrong with a playbook; `place` is the JSON path within the definition."""

    codes = CODES

    picture: str = ""
    """The template with marks under what is wrong in it; empty where it isn't a part of one."""

    def __str__(self) -> str:
        told = f"{self.path}:{self.line}:{self.column}: {self.level} {self.code}: {self.reason}\n  at {self.place}"
        if self.picture:
            told += "\n" + "\n".join(f"  {line}" for line in self.picture.splitlines())
        return told + (f"\n  = help: {self.help}" if self.help else "")

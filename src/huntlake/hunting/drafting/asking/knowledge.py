"""What is generally known of tables of security logs: what words mean which table, and which test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).parents[3] / "content" / "hunting" / "questions.yaml"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

NAMED_ACTS = ("AWSCloudTrail",)
"""Tables whose operations are named by a verb and what it is done to: `DeleteBucket`."""

REGIONS = re.compile(
    r"\b(?P<side>(?:north|south|east|west|central)(?:[ -]?(?:central|east|west))?)[ -]?"
    r"(?P<land>us|europe|asia|uk|india|japan|australia|canada|brazil|france|germany|norway|switzerland)"
    r"[ -]?(?P<n>[23])?\b",
    re.I,
)
"""Regions of Azure as people say them."""


@dataclass(frozen=True)
class Cue:
    """Words that speak for tables: a pattern over the question, and what each table gains where it is met."""

    said: re.Pattern[str]
    tables: tuple[str, ...]
    gain: float


@dataclass(frozen=True)
class Concept:
    """Words that mean a test of a column: the operator and the values.

    `tables` are those that it holds for; none are all that have the column.
    """

    said: re.Pattern[str]
    column: str
    operator: str
    values: tuple[str | int, ...]
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Knowledge:
    """All of it: `countries` are codes by name, `acts` how people say the verbs of operations, and
    `subjects` the columns that people name things by."""

    cues: tuple[Cue, ...]
    concepts: tuple[Concept, ...]
    countries: Mapping[str, str]
    acts: Mapping[str, str]
    programs: frozenset[str]
    subjects: Mapping[str, tuple[str, ...]]


@cache
def knowledge() -> Knowledge:
    """What comes with huntlake."""
    known = yaml.load(_FILE.read_bytes(), _LOADER)
    return Knowledge(
        tuple(Cue(_words(c["said"]), tuple(c["tables"]), c["gain"]) for c in known["cues"]),
        tuple(
            Concept(_words(c["said"]), c["column"], c["operator"], tuple(c["values"]), tuple(c.get("tables", ())))
            for c in known["concepts"]
        ),
        {name: code for code, names in known["countries"].items() for name in names},
        known["acts"],
        frozenset(known["programs"]),
        {word: tuple(columns) for word, columns in known["subjects"].items()},
    )


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b", re.I)

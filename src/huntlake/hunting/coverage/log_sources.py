"""Which tables hold what ATT&CK's log sources show: `content/hunting/log_sources.yaml`, read once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from huntlake.core.errors import Invalid
from huntlake.hunting.extraction.knowledge import AnalyticSource

FILE = Path(__file__).parents[2] / "content" / "hunting" / "log_sources.yaml"

_NUMBER = re.compile(r"(?<![\w.])\d{1,5}(?![\w.])")
_WORD = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class SourceChannel:
    """What of a log source goes elsewhere: channels with one of those event ids, or one of those words."""

    events: frozenset[int]
    words: frozenset[str]
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogSource:
    """A log source by its names, and the tables that its events are in; none where no log of one's own has them."""

    names: tuple[str, ...]
    tables: tuple[str, ...]
    channels: tuple[SourceChannel, ...] = ()

    def of(self, channel: str) -> tuple[str, ...]:
        """The tables of a channel such as `EventCode=4688`: of each part that it names, else those of all the rest."""
        numbers = {int(n) for n in _NUMBER.findall(channel)}
        words = frozenset(_WORD.findall(channel.lower()))
        named = [c for c in self.channels if c.events & numbers or c.words & words]
        return tuple(dict.fromkeys(t for c in named for t in c.tables)) or self.tables


class LogSources:
    """The log sources that are known, by their names."""

    def __init__(self, sources: Iterable[LogSource]) -> None:
        self._exact: dict[str, LogSource] = {}
        self._beginnings: list[tuple[str, LogSource]] = []
        for source in sources:
            for name in source.names:
                if name.endswith("*"):
                    self._beginnings.append((name[:-1].lower(), source))
                else:
                    self._exact[name.lower()] = source
        # The longest first, whichever order the file has.
        self._beginnings.sort(key=lambda pair: (-len(pair[0]), pair[0]))

    def find(self, name: str) -> LogSource | None:
        """The log source of that name; None for one that nobody has said anything of."""
        key = name.strip().lower()
        if (found := self._exact.get(key)) is not None:
            return found
        return next((source for beginning, source in self._beginnings if key.startswith(beginning)), None)

    def tables(self, source: AnalyticSource) -> tuple[str, ...]:
        """The tables that show what an analytic looks at; none for what no log shows, or what isn't known."""
        found = self.find(source.name)
        return found.of(source.channel) if found else ()

    def is_outside(self, source: AnalyticSource) -> bool:
        """Whether it is known that logs of one's own can't show it."""
        found = self.find(source.name)
        return found is not None and not found.tables and not found.channels


@cache
def shipped() -> LogSources:
    """Those that come with huntlake."""
    return read(FILE.read_text(encoding="utf-8"))


def read(text: str) -> LogSources:
    """The log sources of a file's text; `Invalid` where it isn't as the file's head says."""
    listed = yaml.safe_load(text)
    if not isinstance(listed, list):
        raise Invalid("log sources are a list")
    return LogSources([_source(one) for one in listed])


def _source(one: Any) -> LogSource:
    if not isinstance(one, Mapping) or (unknown := one.keys() - {"name", "aliases", "channels", "tables", "outside"}):
        raise Invalid(f"a log source has a name, aliases, channels and tables: {one if unknown else ''}")
    names, tables = [one.get("name"), *one.get("aliases", [])], _texts(one.get("tables", []))
    if not all(isinstance(name, str) and name for name in names):
        raise Invalid(f"a name of the log source {one.get('name')} is no text")
    if bool(tables) == bool(one.get("outside")):
        raise Invalid(f"the log source {one['name']} has tables, or lies outside")
    return LogSource(tuple(names), tables, tuple(_channel(c) for c in one.get("channels", [])))


def _channel(one: Mapping[str, Any]) -> SourceChannel:
    return SourceChannel(
        frozenset(int(n) for n in one.get("events", [])),
        frozenset(_texts(one.get("words", []))),
        _texts(one["tables"]),
    )


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)

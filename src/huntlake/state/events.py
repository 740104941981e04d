"""What has happened, told to whoever listens: at least once, in order, also after a crash.

An event is written with the change that it is about, in one transaction, and deleted when every listener has heard it.
Listeners are called by the thread that made the change, once it is kept; what was left behind by a process that died
is told by the next one. An event may be told twice: its id is the same then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock, get_ident
from typing import Any, TypeVar, cast

from huntlake.core.clock import Clock
from huntlake.state.documents import Append, Json, Shelf
from huntlake.state.records import Owner

E = TypeVar("E")

_LOG = logging.getLogger("huntlake.events")


@dataclass(frozen=True, slots=True)
class Occasion:
    """When and where an event happened; `id` tells it from all others, and stays the same when it is told again."""

    id: str
    workspace: str
    at: datetime


Listener = Callable[[Occasion, E], None]


@dataclass
class Events:
    """The events of every workspace that nobody has heard yet, and who wants to hear them."""

    shelf: Shelf
    clock: Clock
    _listeners: dict[str, tuple[type[Any], list[Listener[Any]]]] = field(default_factory=dict)
    _codecs: dict[type[Any], Any] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _telling: int | None = None

    def listen(self, type: type[E], listener: Listener[E]) -> None:
        """Call `listener` for each event of that type; what it raises is logged, and the event told again later."""
        self._listeners.setdefault(type.__name__, (type, []))[1].append(listener)

    def append(self, owner: Owner, event: object) -> Append:
        """What keeps an event, a frozen dataclass: to be written with the change that it is about."""
        kind = type(event)
        stored = {
            "type": kind.__name__,
            "at": self.clock.now().isoformat(),
            "event": self._codec(kind).dump_python(event, mode="json"),
        }
        return Append(_collection(owner), cast("Json", stored))

    def pending(self, owner: Owner) -> frozenset[str]:
        """The ids of the events that not every listener has heard."""
        return frozenset(f"{owner[0]}/{name}" for name in self.shelf.read_names(_collection(owner)))

    def deliver(self, owner: Owner) -> None:
        """Tell what hasn't been told; what listeners themselves do is told after it, by the same call."""
        # A listener's own change: the call that called the listener goes on with it.
        if not self._listeners or self._telling == get_ident():
            return
        with self._lock:
            self._telling = get_ident()
            try:
                self._deliver(owner)
            finally:
                self._telling = None

    def _deliver(self, owner: Owner) -> None:
        collection, last = _collection(owner), ""
        while found := list(self.shelf.read_after(collection, last)):
            for name, stored in found:
                last = name
                # Another process may have told it since: what has changed in between must not make it another event.
                if self.shelf.read(collection, name) is None:
                    continue
                if self._told(owner[0], name, cast("dict[str, Any]", stored)):
                    self.shelf.delete(collection, name, if_match="*")

    def _codec(self, type: type[Any]) -> Any:
        from pydantic import TypeAdapter

        if type not in self._codecs:
            self._codecs[type] = TypeAdapter(type)
        return self._codecs[type]

    def _told(self, workspace: str, name: str, stored: dict[str, Any]) -> bool:
        type, listeners = self._listeners.get(stored["type"], (None, []))
        if type is None:
            return True
        occasion = Occasion(f"{workspace}/{name}", workspace, datetime.fromisoformat(stored["at"]))
        try:
            event, heard = self._codec(type).validate_python(stored["event"]), True
        except ValueError:
            # Another version has written it. Those behind it are told all the same.
            _LOG.exception("event %s (%s) can't be read", occasion.id, stored["type"])
            return False
        for listener in listeners:
            try:
                listener(occasion, event)
            except Exception:
                _LOG.exception("event %s (%s) will be told again", occasion.id, stored["type"])
                heard = False
        return heard


def _collection(owner: Owner) -> str:
    return f"events of {owner[0]}"

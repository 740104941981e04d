"""Slowing down whoever keeps guessing."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict, deque
from datetime import datetime, timedelta

from huntlake.core.clock import Clock
from huntlake.core.errors import LimitExceeded


class Throttled(LimitExceeded):
    """Too much was asked in too short a time; asking again makes sense after `retry_after`."""

    def __init__(self, message: str, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class FailureThrottle:
    """Refuses a key for as long as it has failed `allowed` times within the last `window`."""

    def __init__(self, clock: Clock, *, allowed: int = 10, window: timedelta = timedelta(minutes=1)) -> None:
        self._clock = clock
        self._allowed, self._window = allowed, window
        self._failures: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, key: str) -> None:
        """Raise `Throttled` while `key` has too many failures behind it."""
        now = self._clock.now()
        with self._lock:
            times = self._failures.get(key, deque())
            while times and times[0] <= now - self._window:
                times.popleft()
            if len(times) >= self._allowed:
                raise Throttled("too many failed attempts; try again later", times[0] + self._window - now)

    def failed(self, key: str) -> None:
        """Count one more failure of `key`."""
        with self._lock:
            self._failures.setdefault(key, deque(maxlen=self._allowed)).append(self._clock.now())
            self._failures.move_to_end(key)
            # A flood of keys must not take the memory: the one that was quiet longest is forgotten.
            if len(self._failures) > _MOST_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of `key`."""
        with self._lock:
            self._failures.pop(key, None)


def network_of(address: str) -> str:
    """What counts as one source of requests: an IPv4 address, or the /64 of IPv6, within which one machine has any."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((int(found), 64), strict=False))
    return str(found)


_MOST_KEYS = 10_000

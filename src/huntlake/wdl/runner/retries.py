"""How often a call that failed is made again, and after how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from huntlake.wdl.actions.local import ActionFailed
from huntlake.wdl.dotnet.durations import duration
from huntlake.wdl.expressions.values import Fault, whole_number
from huntlake.wdl.runner.effects import Answer

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Retries:
    """A policy: so many times, in a fixed interval or in one that doubles."""

    count: int = 4
    interval: timedelta = timedelta(seconds=7)
    least: timedelta = timedelta(seconds=5)
    most: timedelta = timedelta(hours=1)
    doubling: bool = True

    def again(self, answer: Answer) -> bool:
        """Whether what came back is worth another try."""
        return not answer.refused and (bool(answer.lost) or answer.status in (408, 429) or answer.status >= 500)

    def after(self, attempt: int, answer: Answer, random: Callable[[], float]) -> timedelta:
        """How long to wait before the next try; what the answer itself asks for wins."""
        asked = next((v for k, v in answer.headers.items() if k.lower() == "retry-after"), "")
        if asked.strip().isdecimal():
            return min(timedelta(seconds=int(asked.strip()[:9])), _DAY)
        if not self.doubling:
            return self.interval
        low: timedelta = min(max(self.interval * float(2 ** (attempt - 1)) / 2, self.least), self.most)
        high: timedelta = max(low, min(self.interval * float(2 ** (attempt - 1)), self.most))
        return low + (high - low) * random()


def retries(policy: Any) -> Retries:
    """The policy that evaluated inputs hold. Raises `ActionFailed` for one that can't be understood."""
    if policy is None:
        return Retries()
    if not isinstance(policy, Mapping):
        raise ActionFailed("InvalidTemplate", "`retryPolicy` must be an object")
    type = str(policy.get("type", "")).lower()
    try:
        if type == "none":
            return Retries(count=0)
        if type in ("", "default"):
            return Retries()
        if type not in ("fixed", "exponential"):
            raise Fault(f"the retry policy `{policy.get('type')}` is not supported")
        count = whole_number(policy.get("count", 4))
        if count is None or not 1 <= count <= 90:
            raise Fault(f"a retry policy tries 1 to 90 times: its `count` can't be `{policy.get('count')}`")
        return Retries(
            count,
            duration(policy.get("interval", "PT7S")),
            duration(policy.get("minimumInterval", "PT5S")),
            duration(policy.get("maximumInterval", "PT1H" if type == "exponential" else "P1D")),
            type == "exponential",
        )
    except Fault as error:
        raise ActionFailed("InvalidTemplate", str(error)) from None

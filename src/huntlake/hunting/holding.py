"""Rules that were made of hunts, published or promoted: what stops hunting holds them, too.

They stay enabled, and nothing is written in them: a stop holds as long as it is there, through restarts, and their
windows wait until it is lifted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from huntlake.core.errors import NotFound
from huntlake.detection.service import Detection
from huntlake.hunting import promotion, publishing
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.running.stopping import Stops
from huntlake.state.records import Owner


@dataclass(frozen=True)
class Holding:
    """Which rules wait for now, and why."""

    hunts: GovernedHunts
    detection: Detection
    stops: Stops

    def rules(self, owner: Owner) -> Mapping[str, str]:
        """The rules of a workspace that were made of hunts, by their names in lower case, and the hunt of each."""
        made, known = dict[str, str](), self.detection.rules.names(owner)
        for hunt in self.hunts.names(owner):
            for name in (publishing.rule_name(owner, hunt), promotion.rule_name(owner, hunt)):
                if name in known:
                    made[name] = hunt
        return made

    def held(self, owner: Owner) -> Mapping[str, str]:
        """The rules whose windows wait, by their names in lower case, and why: all of them while hunting is stopped,
        else those whose hunt has left duty, until they are disabled.
        """
        made = self.rules(owner)
        if not made:
            return {}
        if why := self.stops.why(owner):
            return dict.fromkeys(made, why)
        held, phase = dict[str, str](), self.hunts.rollouts.of(owner).phase
        for name, hunt in made.items():
            if name != publishing.rule_name(owner, hunt):
                continue
            try:
                why = publishing.off_duty(self.hunts.get(owner, hunt).value, phase)
            except NotFound:
                continue
            if why:
                held[name] = f"the hunt `{hunt}` that it was made of isn't on duty: {why}"
        return held

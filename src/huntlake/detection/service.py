"""Everything that detection keeps, built once."""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.core.clock import Clock
from huntlake.detection.alerts import Alert, alerts
from huntlake.detection.bookmarks import Bookmark, BookmarkRelation, bookmark_relations, bookmarks
from huntlake.detection.incidents import Incidents
from huntlake.detection.indicators import Indicator, indicators
from huntlake.detection.rules import AnalyticRule, RuleAction, analytic_rules, rule_actions
from huntlake.state.documents import Shelf
from huntlake.state.records import Records


@dataclass(frozen=True)
class Detection:
    """The rules, alerts, incidents, bookmarks and indicators of every workspace."""

    alerts: Records[Alert]
    bookmarks: Records[Bookmark]
    bookmark_relations: Records[BookmarkRelation]
    incidents: Incidents
    indicators: Records[Indicator]
    rules: Records[AnalyticRule]
    rule_actions: Records[RuleAction]

    @classmethod
    def over(cls, shelf: Shelf, clock: Clock) -> Detection:
        """What is kept on that shelf."""
        raised, related, actions = alerts(shelf, clock), bookmark_relations(shelf, clock), rule_actions(shelf, clock)
        marked = bookmarks(shelf, clock, related)
        return cls(
            alerts=raised,
            bookmarks=marked,
            bookmark_relations=related,
            incidents=Incidents(shelf, clock, raised, marked),
            indicators=indicators(shelf, clock),
            rules=analytic_rules(shelf, clock, actions),
            rule_actions=actions,
        )

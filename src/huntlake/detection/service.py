"""Everything that detection keeps, built once."""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.core.clock import Clock
from huntlake.detection.alerts import Alert, alerts
from huntlake.detection.auditing import with_rule
from huntlake.detection.bookmarks import Bookmark, BookmarkRelation, bookmark_relations, bookmarks
from huntlake.detection.casebook import Incidents
from huntlake.detection.content_metadata import ContentMetadata, content_metadata
from huntlake.detection.correlation import Correlation
from huntlake.detection.events import AlertCreated
from huntlake.detection.indicators import Indicator, indicators
from huntlake.detection.product_settings import ProductSetting, product_settings
from huntlake.detection.raising import Raising
from huntlake.detection.rows import ALERTS, alert_cells, row
from huntlake.detection.rule_tests import RuleTest, TestStanding, rule_tests, standings
from huntlake.detection.rules import AnalyticRule, RuleAction, RuleFile, analytic_rules, rule_actions, rule_files
from huntlake.state.documents import Shelf, Write
from huntlake.state.events import Events
from huntlake.state.records import Change, Records


@dataclass(frozen=True)
class Detection:
    """The rules, alerts, incidents, bookmarks and indicators of every workspace, and what is said of content."""

    alerts: Records[Alert]
    bookmarks: Records[Bookmark]
    bookmark_relations: Records[BookmarkRelation]
    correlation: Correlation
    events: Events
    incidents: Incidents
    indicators: Records[Indicator]
    metadata: Records[ContentMetadata]
    raising: Raising
    rules: Records[AnalyticRule]
    rule_actions: Records[RuleAction]
    rule_files: Records[RuleFile]
    rule_tests: Records[RuleTest]
    settings: Records[ProductSetting]
    test_standings: Records[TestStanding]

    @classmethod
    def over(cls, shelf: Shelf, clock: Clock) -> Detection:
        """What is kept on that shelf."""
        events = Events(shelf, clock)
        raised = alerts(shelf, clock, lambda change: _with_alert(events, change), events.deliver)
        related, actions, files = bookmark_relations(shelf, clock), rule_actions(shelf, clock), rule_files(shelf, clock)
        marked, stand = bookmarks(shelf, clock, related), standings(shelf, clock)
        tests = rule_tests(shelf, clock, stand)
        incidents, correlation = Incidents(shelf, clock, raised, marked, events), Correlation(shelf, clock)
        return cls(
            alerts=raised,
            bookmarks=marked,
            bookmark_relations=related,
            correlation=correlation,
            events=events,
            incidents=incidents,
            indicators=indicators(shelf, clock),
            metadata=content_metadata(shelf, clock),
            raising=Raising(shelf, clock, raised, incidents, events, correlation),
            rules=analytic_rules(
                shelf, clock, (actions, files, tests), lambda change: with_rule(events, change), events.deliver
            ),
            rule_actions=actions,
            rule_files=files,
            rule_tests=tests,
            settings=product_settings(shelf, clock),
            test_standings=stand,
        )


def _with_alert(events: Events, change: Change[Alert]) -> list[Write]:
    """What is written with an alert: a row of `SecurityAlert` that says something new, and the event."""
    before, after = change.before, change.after
    if after is None:
        return []
    cells = alert_cells(change.name, after, change.at)
    if before is None:
        return [row(change.owner, ALERTS, cells), events.append(change.owner, AlertCreated(change.name, change.by))]
    if alert_cells(change.name, before, change.at) == cells:
        return []
    return [row(change.owner, ALERTS, cells)]

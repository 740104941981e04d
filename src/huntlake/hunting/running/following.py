"""What a person makes of what was found: a bookmark, or an incident. Made again they are the same ones.

What is made, what is said of the cluster, and the entry of the audit are one write: none of them is there without the
others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import orjson

from huntlake.core.errors import Refused
from huntlake.detection.alerts import Alert
from huntlake.detection.bookmarks import Bookmark, BookmarkEntity, FieldMapping
from huntlake.detection.entities import Entity
from huntlake.detection.extraction import mapped, merged, text_of
from huntlake.detection.incidents import Incident, IncidentStatus, Label
from huntlake.detection.service import Detection
from huntlake.detection.severity import Severity, Tactic
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.lifecycle.hunt import GovernedHunt
from huntlake.hunting.lifecycle.states import By
from huntlake.hunting.running.run import Cluster, HuntRun
from huntlake.hunting.running.runs import HuntRuns, cluster_of, finding_id
from huntlake.state.documents import Document, Write
from huntlake.state.records import Owner

QUEUE = "hunting"
"""The label of incidents that came from hunts: a queue of their own."""


@dataclass(frozen=True)
class Following:
    """Turns findings into bookmarks and incidents."""

    hunts: GovernedHunts
    runs: HuntRuns
    detection: Detection
    tactics: Callable[[Iterable[str]], tuple[Tactic, ...]] = lambda techniques: ()
    """The tactics of techniques, where ATT&CK is here."""

    def bookmark(self, owner: Owner, hunt: str, run: str, signature: str, by: Acting, notes: str = "") -> str:
        """Keep a cluster as a bookmark, and give its name."""
        _person(by)
        document, cluster, known = self._found(owner, hunt, run, signature)
        name, bookmarks = finding_id(known.name, document.name, cluster.signature), self.detection.bookmarks
        made = self._bookmark(document.value, cluster, known.value, notes)

        def is_noted(before: str) -> bool:
            return bool(before) and bookmarks.find(owner, name) is not None

        def beside() -> Sequence[Write]:
            # What somebody has written in it since stays.
            return () if bookmarks.find(owner, name) else bookmarks.prepared(owner, name, made, by.author, None)[1]

        self.runs.made(owner, document, cluster.signature, f"bookmark {name}", by, notes, is_noted, beside)
        return name

    def escalate(
        self, owner: Owner, hunt: str, run: str, signature: str, severity: Severity, by: Acting, comment: str = ""
    ) -> str:
        """Make an incident of a cluster, with its bookmark and an alert about its entities; gives its name."""
        _person(by)
        document, cluster, known = self._found(owner, hunt, run, signature)
        name, incidents = finding_id(known.name, document.name, cluster.signature), self.detection.incidents
        value, governed = document.value, known.value
        title, what = f"Hunt: {governed.title}"[:256], f"incident {name}"
        incident = Incident(
            title,
            severity,
            IncidentStatus.NEW,
            f"{cluster.summary}. {comment}".strip()[:5000],
            (Label(QUEUE),),
            first_activity=cluster.first,
            last_activity=cluster.last,
        )
        alert = Alert(
            title,
            severity,
            cluster.summary,
            product="huntlake hunting",
            provider="huntlake",
            vendor="huntlake",
            alert_type=known.name,
            tactics=self.tactics(governed.techniques),
            techniques=governed.techniques,
            entities=self._entities(value, cluster, governed),
            started=cluster.first,
            ended=cluster.last,
            more={"Hunt": known.name, "Run": document.name, "Rows": cluster.rows},
        )
        bookmark = self._bookmark(value, cluster, governed, comment)

        def is_noted(before: str) -> bool:
            return before == what and incidents.find(owner, name) is not None

        def beside() -> Sequence[Write]:
            if incidents.find(owner, name) is not None:
                return ()
            return incidents.opening(owner, name, incident, by.author, (name, alert), (name, bookmark))

        self.runs.made(owner, document, cluster.signature, what, by, comment, is_noted, beside)
        return name

    def _found(
        self, owner: Owner, hunt: str, run: str, signature: str
    ) -> tuple[Document[HuntRun], Cluster, Document[GovernedHunt]]:
        document = self.runs.get(owner, hunt, run)
        return document, cluster_of(document.value, signature), self.hunts.get(owner, hunt)

    def _bookmark(self, run: HuntRun, cluster: Cluster, hunt: GovernedHunt, notes: str) -> Bookmark:
        content = hunt.version(run.version).content
        first = cluster.sample[0] if cluster.sample else {}
        entities = []
        for mapping in content.entities:
            fields = tuple(
                FieldMapping(field.identifier, value)
                for field in mapping.field_mappings
                if (value := text_of(first.get(field.column_name)).strip())
            )
            if fields:
                entities.append(BookmarkEntity(mapping.entity_type, fields))
        return Bookmark(
            hunt.title[:256],
            content.query,
            orjson.dumps(first, default=str).decode(),
            notes or cluster.summary,
            (QUEUE,),
            cluster.first,
            run.since,
            run.until,
            entity_mappings=tuple(entities),
            tactics=self.tactics(hunt.techniques),
            techniques=hunt.techniques,
        )

    def _entities(self, run: HuntRun, cluster: Cluster, hunt: GovernedHunt) -> tuple[Entity, ...]:
        mappings = hunt.version(run.version).content.entities
        return merged(e for row in cluster.sample for mapping in mappings if (e := mapped(mapping, row)) is not None)


def _person(by: Acting) -> None:
    if not by.is_person or By.PERSON not in by.parts:
        raise Refused("only a person who may hunt makes something of what was found")

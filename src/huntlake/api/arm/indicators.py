"""Threat-intelligence indicators, as Azure Resource Manager shows them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.resource import SENTINEL, Place, Resource
from huntlake.api.arm.wire import Moment, Part, Plain, properties_of, read, record
from huntlake.api.odata.paging import next_url, place, token
from huntlake.api.odata.syntax import Ordering, Path
from huntlake.api.odata.values import sorted_by
from huntlake.core.errors import Invalid
from huntlake.detection.indicators import Indicator, Wanted, comparisons, metrics
from huntlake.identity.rights import Action
from huntlake.state.documents import Document

TYPE = "Microsoft.SecurityInsights/ThreatIntelligence"
_MAIN = f"{SENTINEL}/threatIntelligence/main"


class Phase(Part):
    """A phase of an attack."""

    kill_chain_name: str
    phase_name: str


class Reference(Part):
    """Where more is said of an indicator."""

    source_name: str | None = None
    description: str | None = None
    external_id: str | None = None
    url: str | None = None
    hashes: Mapping[str, str] = Field(default_factory=dict)


class IndicatorProperties(Part):
    """What can be said of an indicator."""

    SHOWN: ClassVar[frozenset[str]] = frozenset(
        {"additionalData", "created", "friendlyName", "lastUpdatedTimeUtc", "modified", "parsedPattern"}
    )
    pattern: str = Field(min_length=1, max_length=1 << 16)
    pattern_type: str = Field(min_length=1, max_length=100)
    display_name: str = Field("", max_length=1000)
    source: str = Field("", max_length=1000)
    description: str | None = Field(None, max_length=50_000)
    threat_types: tuple[str, ...] = ()
    indicator_types: tuple[str, ...] = ()
    tags: tuple[str, ...] = Field((), alias="threatIntelligenceTags")
    labels: tuple[str, ...] = ()
    confidence: int | None = None
    valid_from: Moment | None = None
    valid_until: Moment | None = None
    revoked: bool = False
    pattern_version: str | None = None
    kill_chain_phases: tuple[Phase, ...] = ()
    external_id: str | None = None
    external_references: tuple[Reference, ...] = ()
    external_last_updated: Moment | None = Field(None, alias="externalLastUpdatedTimeUtc")
    created_by_ref: str | None = None
    defanged: bool | None = None
    object_marking_refs: tuple[str, ...] = ()
    language: str | None = None
    extensions: Mapping[str, Any] = Field(default_factory=dict)


class IndicatorForm(Plain[Indicator]):
    """An indicator, with what its pattern compares."""

    def shown(self, place: Place, document: Document[Indicator]) -> dict[str, Any]:
        return {"kind": "indicator", **super().shown(place, document)}

    def properties(self, place: Place, document: Document[Indicator]) -> dict[str, Any]:
        indicator = document.value
        parsed: dict[str, list[dict[str, str]]] = {}
        for found in comparisons(indicator.pattern):
            parsed.setdefault(found.key, []).append({"valueType": found.value_type, "value": found.value})
        return {
            **super().properties(place, document),
            "friendlyName": indicator.display_name,
            "created": indicator.created,
            "modified": indicator.modified,
            "lastUpdatedTimeUtc": indicator.modified,
            "parsedPattern": [{"patternTypeKey": k, "patternTypeValues": v} for k, v in parsed.items()],
        }

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Indicator:
        kind = next((v for k, v in body.items() if k.lower() == "kind"), "indicator")
        if kind != "indicator":
            raise Invalid(f"threat intelligence of the kind `{str(kind)[:60]}` is not supported: only `indicator` is")
        return record(Indicator, read(IndicatorProperties, properties_of(body, "kind")))


class SortBy(Part):
    """A property to sort by."""

    item_key: str
    sort_order: str = Field("ascending", pattern="^(unsorted|ascending|descending)$")


class Criteria(Part):
    """Which indicators are asked for."""

    page_size: int = Field(100, ge=1, le=1000)
    skip_token: str | None = None
    sort_by: tuple[SortBy, ...] = ()
    sources: tuple[str, ...] = ()
    pattern_types: tuple[str, ...] = ()
    threat_types: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    min_confidence: int | None = None
    max_confidence: int | None = None
    min_valid_until: Moment | None = None
    max_valid_until: Moment | None = None
    include_disabled: bool = False


class Tags(Part):
    """Tags to add."""

    tags: tuple[str, ...] = Field(alias="threatIntelligenceTags")


def _resource(where: Place, document: Document[Indicator]) -> dict[str, Any]:
    collection = where.path if where.path.endswith("/indicators") else f"{where.path}/indicators"
    return {
        "id": f"{collection}/{document.name}",
        "name": document.name,
        "type": TYPE,
        "etag": f'"{document.etag}"',
        **INDICATORS.form.shown(where, document),
    }


def _create(where: Place, _: str, body: dict[str, Any]) -> tuple[int, object]:
    name = str(uuid.uuid4())
    indicator = INDICATORS.form.meant(where, name, body)
    document, _new = where.services.detection.indicators.put(where.owner, name, indicator, where.author)
    return 201, _resource(where, document)


_SORTED = {"lastUpdatedTimeUtc", "created", "confidence", "displayName", "validFrom", "validUntil", "source"}


def _query(where: Place, _: str, body: dict[str, Any]) -> tuple[int, object]:
    criteria = read(Criteria, body, "body")
    wanted = record(Wanted, criteria)
    found = [d for d in where.services.detection.indicators.list(where.owner) if wanted.holds(d.name, d.value)]
    shown = [_resource(where, d) for d in found]
    orderings = [Ordering(Path((s.item_key,)), s.sort_order == "descending") for s in criteria.sort_by]
    for ordering in orderings:
        if str(ordering.path) not in _SORTED:
            raise Invalid(f"sorting by `{str(ordering.path)[:60]}` is not supported")
    shown = sorted_by(orderings, ((s["properties"], s) for s in shown))
    first = place("skipToken", criteria.skip_token).get("offset", 0) if criteria.skip_token else 0
    if not isinstance(first, int) or first < 0:
        raise Invalid("`skipToken` isn't one that an answer gave")
    answer: dict[str, object] = {"value": shown[first : first + criteria.page_size]}
    if first + criteria.page_size < len(shown):
        url = f"{where.base_url}{where.path}/queryIndicators"
        rest = token(offset=first + criteria.page_size)
        answer["nextLink"] = next_url(url, (), "$skipToken", rest)
    return 200, answer


def _metrics(where: Place, _: str, __: dict[str, Any]) -> tuple[int, object]:
    found = metrics(where.services.detection.indicators, where.owner)

    def entities(counts: Mapping[str, int]) -> list[dict[str, object]]:
        return [{"metricName": name, "metricValue": count} for name, count in sorted(counts.items())]

    counted = {
        "lastUpdatedTimeUtc": found.last_updated,
        "threatTypeMetrics": entities(found.threat_types),
        "patternTypeMetrics": entities(found.pattern_types),
        "sourceMetrics": entities(found.sources),
    }
    return 200, {"value": [{"properties": counted}]}


def _append_tags(where: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(Tags, body, "body").tags
    where.services.detection.indicators.change(
        where.owner, name, lambda i: replace(i, tags=tuple(dict.fromkeys((*i.tags, *given)))), where.author
    )
    return 200, None


def _replace_tags(where: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = properties_of(body, "kind")
    tags = read(Tags, {k: v for k, v in given.items() if k.lower() == "threatintelligencetags"}).tags
    document = where.services.detection.indicators.change(
        where.owner, name, lambda i: replace(i, tags=tags), where.author
    )
    return 200, _resource(where, document)


INDICATORS: Resource[Indicator] = Resource(
    type=TYPE,
    path=f"{_MAIN}/indicators",
    form=IndicatorForm(IndicatorProperties, Indicator),
    store=lambda where: where.services.detection.indicators,
    write=Action.AUTHOR,
    posts={"appendTags": (Action.AUTHOR, _append_tags), "replaceTags": (Action.AUTHOR, _replace_tags)},
    filters=frozenset({"name", "properties/displayName", "properties/source", "properties/confidence"}),
)

MAIN: Resource[Indicator] = Resource(
    type=TYPE,
    path=_MAIN,
    form=INDICATORS.form,
    store=lambda where: where.services.detection.indicators,
    can_list=False,
    collection_posts={
        "createIndicator": (Action.AUTHOR, _create),
        "queryIndicators": (Action.READ, _query),
        "metrics": (Action.READ, _metrics),
    },
)

"""Rules that are being written: as YAML and as properties, and tried before they are stored. This contract is ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import Field

from huntlake.api.arm.hunting_acting import ReadOnly
from huntlake.api.arm.progress import progress_to
from huntlake.api.arm.resource import WORKSPACE, LongWork, Place, Resource, Tell
from huntlake.api.arm.rule_tests import tested
from huntlake.api.arm.rules import DraftProperties, RuleForm, kind_of
from huntlake.api.arm.wire import Part, properties_of, read, record
from huntlake.core.errors import Invalid, NotFound, Refused
from huntlake.core.findings import Level
from huntlake.detection.alerts import Alert
from huntlake.detection.backtesting import RuleTold, named
from huntlake.detection.drafts import MOST_FINDINGS, Draft, Drafts, Trial
from huntlake.detection.entity_types import ENTITY_TYPES, EntityType, entity_type
from huntlake.detection.marked import LONGEST
from huntlake.detection.rule_tests import MOST_TESTS
from huntlake.detection.rule_yaml import read_rule
from huntlake.detection.rules import FILE, AnalyticRule, RuleFile, RuleKind, check
from huntlake.detection.service import Detection
from huntlake.detection.testing.portable import together
from huntlake.engines.cancellation import Cancellation
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner

_DETECTION = f"{WORKSPACE}/providers/huntlake.Detection"
_SCHEDULED = ("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold", "startTimeUtc")
_MOST_ENTITIES, _MOST_SAMPLES, _MOST_FAILURES, _MOST_OVERLAPS = 20, 20, 10, 20


class Text(Part):
    """A rule as YAML."""

    text: str = Field("", max_length=LONGEST)


class Writing(Text):
    """Properties of a rule, to be written into a text; `name` is the `id` of a text that has none."""

    kind: str
    rule: DraftProperties
    name: str = Field("", max_length=260)


class Wanted(Part):
    """A rule to be tried over the last `days`, in place of the one that is stored by that name."""

    kind: str
    rule: dict[str, Any]
    days: int = Field(14, ge=1, le=30)
    name: str = Field("draft", min_length=1, max_length=260)


class Trying(Part):
    """A rule to go through tests: those of `texts`, or of the rule that is stored by that name."""

    kind: str
    rule: dict[str, Any]
    name: str = Field("draft", min_length=1, max_length=260)
    texts: tuple[Annotated[str, Field(max_length=LONGEST)], ...] | None = Field(None, max_length=MOST_TESTS)


class NotKept(ReadOnly):
    """Drafts are told, and not kept."""

    def list(self, owner: Owner) -> Sequence[Document[Draft]]:
        """None."""
        return []

    def get(self, owner: Owner, name: str) -> Document[Draft]:
        """None."""
        raise NotFound("drafts are not kept: a rule is stored by PUT to `alertRules`")


class DraftForm:
    """A text, what it says and what is wrong with it."""

    def shown(self, place: Place, document: Document[Draft]) -> dict[str, Any]:
        """The draft's properties."""
        return {"properties": _told(document.value)}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Draft:
        """The text, for the store to keep beside the rule."""
        text = read(Text, properties_of(body)).text
        if (found := read_rule(text)).described is None:
            wrong = found.wrong[0]
            line, column = found.source.position(wrong.span.start)
            raise Invalid(f"{wrong.message} [line {line}, column {column}]")
        return Draft(text, name, None, ())


class FileForm(DraftForm):
    """A stored rule as YAML, and the file of its tests."""

    def shown(self, place: Place, document: Document[Draft]) -> dict[str, Any]:
        """The draft's properties, and the tests' file; None where there are none."""
        tests = place.services.rule_tests.list(place.here, document.name)
        file = together(one.value.text for one in tests) if tests else None
        return {"properties": {**_told(document.value), "tests": file}}


@dataclass(frozen=True)
class Files:
    """Each rule as YAML. What is put is kept for what the rule itself can't hold, such as comments."""

    drafts: Drafts
    detection: Detection
    place: Place

    def list(self, owner: Owner) -> Sequence[Document[Draft]]:
        """Not listed: each is made when it is asked for."""
        return []

    def get(self, owner: Owner, name: str) -> Document[Draft]:
        """The rule of that name, as it is now."""
        draft = self.drafts.of(self.place.here, name)
        kept = self.detection.rule_files.find((*owner, name), FILE)
        return Document(name, draft, kept.etag if kept else "")

    def put(
        self, owner: Owner, name: str, value: Draft, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Draft], bool]:
        """Keep a text beside a rule, which stays as it is."""
        rule = self.detection.rules.get(owner, name)
        _, new = self.detection.rule_files.put((*owner, rule.name), FILE, RuleFile(value.text), by, only)
        return self.get(owner, rule.name), new

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Forget the text; the rule stays."""
        return self.detection.rule_files.delete((*owner, name), FILE, only)


class EntityTypeForm:
    """A type of entity, and by what a rule may identify one."""

    def shown(self, place: Place, document: Document[EntityType]) -> dict[str, Any]:
        """The type's properties."""
        return {"properties": {"identifiers": list(document.value.identifiers)}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> EntityType:
        """Nobody makes one."""
        raise Refused("types of entities can't be written")


class EntityTypes(ReadOnly):
    """The types of entities that rules map."""

    def list(self, owner: Owner) -> Sequence[Document[EntityType]]:
        """All of them."""
        return [Document(type.name, type, "") for type in ENTITY_TYPES.values()]

    def get(self, owner: Owner, name: str) -> Document[EntityType]:
        """One of them."""
        if (found := entity_type(name)) is None:
            raise NotFound(f"no entity type is named `{name[:60]}`")
        return Document(found.name, found, "")


def _read(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    asked = read(Text, properties_of(body))
    return 200, {"properties": _told(place.services.drafts.read(place.here, asked.text))}


def _write(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    asked = read(Writing, properties_of(body))
    rule = record(AnalyticRule, asked.rule, kind=kind_of(asked.kind))
    return 200, {"properties": _told(place.services.drafts.write(place.here, asked.text, rule, asked.name))}


def _backtest(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    asked = read(Wanted, properties_of(body))
    rule = RuleForm().meant(place, asked.name, {"kind": asked.kind, "properties": asked.rule})
    check(rule)
    drafts, workspace = place.services.drafts, place.here

    def work(cancellation: Cancellation, tell: Tell) -> object:
        told = progress_to(tell, "windows")
        trial = drafts.backtest(workspace, asked.name, rule, asked.days, cancellation, told)
        return {"properties": _trial(trial)}

    return 200, LongWork(work)


def _read_test(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    asked = read(Text, properties_of(body))
    title, wrong = place.services.rule_tests.read(place.here, asked.text)
    findings = [asdict(one) for one in wrong[:MOST_FINDINGS]]
    for one in findings:
        one |= {"level": Level.ERROR.value, "message": one.pop("reason")}
    found = [{k: v for k, v in one.items() if v != ""} for one in findings]
    return 200, {"properties": {"displayName": title, "findings": found}}


def _test(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    asked = read(Trying, properties_of(body))
    rule = RuleForm().meant(place, asked.name, {"kind": asked.kind, "properties": asked.rule})
    check(rule)
    tests, workspace = place.services.rule_tests, place.here

    def work(cancellation: Cancellation, tell: Tell) -> object:
        return tested(tests.attempt(workspace, asked.name, rule, cancellation, progress_to(tell, "tests"), asked.texts))

    return 200, LongWork(work)


def _told(draft: Draft) -> dict[str, Any]:
    told: dict[str, Any] = {"text": draft.text, "name": draft.name, "kind": None, "rule": None}
    told["columns"] = list(draft.columns)
    if draft.rule is not None:
        rule = DraftProperties.model_validate(draft.rule, from_attributes=True).wire()
        is_scheduled = draft.rule.kind is RuleKind.SCHEDULED
        told["kind"] = draft.rule.kind.value
        told["rule"] = {k: v for k, v in rule.items() if is_scheduled or k not in _SCHEDULED}
    findings = [asdict(f) for f in draft.findings]
    for one in findings:
        line, column = one.pop("in_query") or (None, None)
        one |= {"level": one["level"].value, "message": one.pop("reason"), "queryLine": line, "queryColumn": column}
    told["findings"] = [{k: v for k, v in one.items() if v not in (None, "")} for one in findings]
    return told


def _trial(trial: Trial) -> dict[str, Any]:
    (rule,) = trial.told.rules
    overlaps = trial.overlaps
    return {
        "startTimeUtc": trial.told.since,
        "endTimeUtc": trial.told.until,
        "windows": rule.windows,
        "runs": rule.runs,
        "abandoned": rule.abandoned,
        "suppressed": rule.suppressed,
        "alerts": len(rule.alerts),
        "incidents": len(trial.told.incidents),
        "byDay": [{"day": day.isoformat(), "alerts": rule.by_day[day]} for day in trial.told.days],
        "entities": [{"entity": name, "alerts": count} for name, count in _loudest(rule)],
        "failures": [{"reason": why, "windows": n} for why, n in rule.failures.most_common(_MOST_FAILURES)],
        "samples": [_sample(alert) for alert in rule.alerts[: -_MOST_SAMPLES - 1 : -1]],
        "overlaps": None
        if overlaps is None
        else [{"rule": o.rule, "title": o.title, "sharedEntities": o.shared} for o in overlaps[:_MOST_OVERLAPS]],
        "seconds": round(trial.seconds, 3),
    }


def _loudest(rule: RuleTold) -> list[tuple[str, int]]:
    return sorted(rule.entities.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_ENTITIES]


def _sample(alert: Alert) -> dict[str, Any]:
    return {
        "title": alert.title,
        "severity": alert.severity.value,
        "startTimeUtc": alert.started,
        "endTimeUtc": alert.ended,
        "entities": [named(e) for e in alert.entities[:_MOST_ENTITIES]],
    }


DRAFTS: Resource[Draft] = Resource(
    type="huntlake.Detection/drafts",
    path=f"{_DETECTION}/drafts",
    form=DraftForm(),
    store=lambda place: NotKept(),
    can_list=False,
    collection_posts={
        "read": (Action.READ, _read),
        "write": (Action.READ, _write),
        "backtest": (Action.AUTHOR, _backtest),
        "readTest": (Action.READ, _read_test),
        "test": (Action.AUTHOR, _test),
    },
    asks_data=True,
)

FILES: Resource[Draft] = Resource(
    type="huntlake.Detection/ruleFiles",
    path=f"{_DETECTION}/ruleFiles",
    form=FileForm(),
    store=lambda place: Files(place.services.drafts, place.services.detection, place),
    write=Action.AUTHOR,
    can_list=False,
    can_patch=False,
    asks_data=True,
)

TYPES: Resource[EntityType] = Resource(
    type="huntlake.Detection/entityTypes",
    path=f"{_DETECTION}/entityTypes",
    form=EntityTypeForm(),
    store=lambda place: EntityTypes(),
)

RESOURCES = (DRAFTS, FILES, TYPES)

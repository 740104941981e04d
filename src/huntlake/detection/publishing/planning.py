"""What publishing would do, and doing it: files on this side, a workspace on the other, and what was published last."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from huntlake.core.errors import DomainError, Invalid, NotFound, PreconditionFailed, Refused
from huntlake.detection.publishing.client import Arm, Target
from huntlake.detection.publishing.forms import (
    Folder,
    Kind,
    Thing,
    files_of,
    folder_of,
    rule_there,
    search_there,
    test_there,
    watchlist_there,
)

STATE = ".huntlake-publish.json"
"""The file in a folder that says what was published from it, and where to."""
_FOLDERS = {Kind.RULE: "rules", Kind.SEARCH: "searches", Kind.WATCHLIST: "watchlists"}
_BUILT_IN = re.compile(r"^LogManagement\(", re.IGNORECASE)


class Move(StrEnum):
    """What a plan does with a thing."""

    CREATE = "created"
    CHANGE = "changed"
    UNCHANGED = "unchanged"
    REMOVE = "removed"
    DRIFTED = "drifted"
    REFUSED = "refused"
    FAILED = "failed"
    NOT_CARRIED = "not carried"


@dataclass(frozen=True)
class There:
    """What the other side has: things with their ETags by key, and what of it isn't understood.

    `no_tests` says why it keeps no tests of rules; empty where it does, or wasn't asked.
    """

    things: Mapping[str, tuple[Thing, str]]
    passed_over: tuple[tuple[str, str], ...] = ()
    no_tests: str = ""


@dataclass(frozen=True)
class Step:
    """What is to happen to one thing, and why where that isn't plain."""

    move: Move
    kind: str
    name: str
    title: str
    reason: str = ""
    thing: Thing | None = None
    etag: str = ""


@dataclass
class State:
    """What was published from a folder: by target and key the digest."""

    file: Path
    targets: dict[str, dict[str, str]]

    @classmethod
    def read(cls, file: Path) -> State:
        """The state that is kept in a file; none where there is no file."""
        try:
            found = orjson.loads(file.read_bytes())
        except FileNotFoundError:
            return cls(file, {})
        except (orjson.JSONDecodeError, OSError) as error:
            raise Invalid(f"{file} can't be read: {error}") from None
        targets = found.get("targets") if isinstance(found, dict) else None
        if not isinstance(targets, dict) or not all(isinstance(t, dict) for t in targets.values()):
            raise Invalid(f"{file} is no file that `huntlake publish` has written")
        return cls(file, targets)

    def of(self, target: Target) -> dict[str, str]:
        """What was published to a target."""
        return self.targets.setdefault(target.key, {})

    def write(self) -> None:
        """Keep it."""
        text = orjson.dumps({"targets": self.targets}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        draft = self.file.with_name(f"{self.file.name}.new")
        draft.write_bytes(text + b"\n")
        draft.replace(self.file)


def there(arm: Arm, *, tests: bool = False) -> There:
    """What the workspace has; with `tests` also those of its rules."""
    things: dict[str, tuple[Thing, str]] = {}
    passed: list[tuple[str, str]] = []

    def add(name: str, resource: Mapping[str, Any], make: Callable[[], Thing]) -> None:
        try:
            thing = make()
        except DomainError as error:
            passed.append((name, str(error)))
            return
        things[thing.key] = (thing, str(resource.get("etag") or ""))

    for resource in arm.rules():
        name, kind = _name(resource), str(resource.get("kind"))
        if kind not in ("Scheduled", "NRT"):
            passed.append((name, f"rules of the kind `{kind}` are not supported"))
            continue
        add(name, resource, lambda n=name, r=resource: rule_there(n, r))  # type: ignore[misc]
    for resource in arm.searches():
        name = _name(resource)
        if _BUILT_IN.match(name):
            continue
        add(name, resource, lambda n=name, r=resource: search_there(n, r))  # type: ignore[misc]
    for resource in arm.watchlists():
        name = str(resource.get("properties", {}).get("watchlistAlias") or _name(resource))
        items = list(arm.items(name))
        add(name, resource, lambda n=name, r=resource, i=items: watchlist_there(n, r, i))  # type: ignore[misc]
    no_tests = ""
    try:
        for rule, resource in arm.tests() if tests else ():
            name = _name(resource)
            add(f"{rule}/{name}", resource, lambda u=rule, n=name, r=resource: test_there(u, n, r))  # type: ignore[misc]
    except (Invalid, NotFound, Refused) as error:
        no_tests = f"tests of rules are not supported there ({error})"
    return There(things, tuple(passed), no_tests)


def plan(
    folder: Folder, other: There, published: Mapping[str, str], *, prune: bool = False, force: bool = False
) -> list[Step]:
    """What publishing does: what was changed there since is drifted, and left alone unless `force`."""
    steps = []
    for key, thing in folder.things.items():
        known, last = other.things.get(key), published.get(key)
        about = (thing.kind.value, thing.name, thing.title)
        if thing.kind is Kind.TEST and other.no_tests:
            steps.append(Step(Move.NOT_CARRIED, *about, other.no_tests))
            continue
        if known is None:
            if last is None or force:
                steps.append(Step(Move.CREATE, *about, thing=thing))
            else:
                steps.append(Step(Move.DRIFTED, *about, "it was deleted there", thing))
            continue
        there_now, etag = known
        if there_now.digest == thing.digest:
            steps.append(Step(Move.UNCHANGED, *about, thing=thing, etag=etag))
        elif force or last == there_now.digest:
            steps.append(Step(Move.CHANGE, *about, thing=thing, etag=etag))
        else:
            why = "it was changed there" if last else "it is there already, and was not published from here"
            steps.append(Step(Move.DRIFTED, *about, why, thing, etag))
    for path, reason in folder.refused:
        steps.append(Step(Move.REFUSED, "file", str(path), path.name, reason))
    for key, last in published.items():
        if key in folder.things or key not in other.things:
            continue
        thing, etag = other.things[key]
        about = (thing.kind.value, thing.name, thing.title)
        if folder.refused:
            why = "it isn't in the folder, but not all of that can be read"
            steps.append(Step(Move.DRIFTED, *about, why, thing, etag))
        elif thing.digest != last and not force:
            steps.append(Step(Move.DRIFTED, *about, "it isn't in the folder, and was changed there", thing, etag))
        else:
            why = "" if prune else "`--prune` does so"
            steps.append(Step(Move.REMOVE, *about, why, thing, etag))
    return steps


def apply(
    arm: Arm,
    target: Target,
    steps: Iterable[Step],
    state: State,
    *,
    prune: bool,
    progress: Callable[[], None] = lambda: None,
) -> list[Step]:
    """Do what a plan says. What has changed there since the plan was made is drifted, too; what fails is told."""
    published, done = state.of(target), []
    try:
        for step in sorted(steps, key=_turn):
            done.append(_done(arm, step, published, prune=prune))
            progress()
    finally:
        state.write()
    return done


def _turn(step: Step) -> int:
    """Functions come first, for rules and other searches may call them; a test lives no longer than its rule."""
    if step.thing is None or step.thing.is_function:
        return 0
    is_test = step.thing.kind is Kind.TEST
    return 0 if is_test and step.move is Move.REMOVE else 2 if is_test else 1


def _done(arm: Arm, step: Step, published: dict[str, str], *, prune: bool) -> Step:
    thing = step.thing
    if thing is None:
        return step
    try:
        match step.move:
            case Move.UNCHANGED:
                published[thing.key] = thing.digest
            case Move.CREATE | Move.CHANGE:
                arm.put(thing.kind.value, thing.name, thing.body, step.etag)
                published[thing.key] = thing.digest
            case Move.REMOVE if prune:
                arm.delete(thing.kind.value, thing.name, step.etag)
                published.pop(thing.key, None)
            case _:
                pass
    except PreconditionFailed as error:
        return replace(step, move=Move.DRIFTED, reason=str(error))
    except DomainError as error:
        return replace(step, move=Move.FAILED, reason=str(error))
    return step


@dataclass(frozen=True)
class Pulled:
    """What became of one thing that was brought back."""

    fate: str
    kind: str
    name: str
    title: str
    path: str = ""
    reason: str = ""


def pull(
    folder: Path, paths: Iterable[Path], other: There, state: State, target: Target, *, force: bool = False
) -> list[Pulled]:
    """Write what the other side has as files: new ones, and over those that haven't been changed here since."""
    mine, published = folder_of(folder, tuple(paths)), state.of(target)
    told = []
    taken = {p.resolve() for p in folder.rglob("*") if p.is_file()} if folder.is_dir() else set()
    for key, (thing, _) in sorted(other.things.items()):
        about = (thing.kind.value, thing.name, thing.title)
        if thing.kind is Kind.TEST:
            told.append(Pulled("passed over", *about, reason="bringing tests of rules back is not supported"))
            continue
        known = mine.things.get(key)
        if known is not None and known.digest == thing.digest:
            published[key] = thing.digest
            told.append(Pulled("unchanged", *about, str(known.path)))
            continue
        if known is not None and not force and published.get(key) != known.digest:
            told.append(Pulled("kept", *about, str(known.path), "it was changed here"))
            continue
        if known is not None and sum(t.path == known.path for t in mine.things.values()) > 1:
            told.append(Pulled("kept", *about, str(known.path), "its file holds other content, too"))
            continue
        texts = files_of(thing)
        stem = _stem(folder, thing, known, texts, taken)
        stem.parent.mkdir(parents=True, exist_ok=True)
        for end, text in texts.items():
            file = stem.with_name(stem.name + end)
            file.write_text(text, encoding="utf-8", newline="")
            taken.add(file.resolve())
        main = stem.with_name(stem.name + next(iter(texts)))
        if known is not None and known.path is not None and known.path.resolve() != main.resolve():
            known.path.unlink()
        published[key] = thing.digest
        told.append(Pulled("changed" if known else "created", *about, str(main)))
    for name, reason in other.passed_over:
        told.append(Pulled("passed over", "resource", name, name, reason=reason))
    state.write()
    return told


def _stem(folder: Path, thing: Thing, known: Thing | None, texts: Mapping[str, str], taken: set[Path]) -> Path:
    if known is not None and known.path is not None and known.path.suffix in texts:
        return known.path.with_suffix("")
    word = re.sub(r"[^a-z0-9]+", "-", thing.title.lower()).strip("-")[:80] or "unnamed"
    stem = folder / _FOLDERS[thing.kind] / word
    number = 1
    while any(stem.with_name(stem.name + end).resolve() in taken for end in texts):
        number += 1
        stem = stem.with_name(f"{word}-{number}")
    return stem


def _name(resource: Mapping[str, Any]) -> str:
    # Some services say the workspace before the name.
    return str(resource.get("name", "")).rsplit("/", 1)[-1]

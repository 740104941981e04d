"""ATT&CK as a person has brought it: read from where it lies, kept in the home folder, and asked from there.

MITRE's data are under MITRE's terms and not part of huntlake. Whoever imports them has them from MITRE, or from a
package that carries them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import orjson

from huntlake.core.errors import Invalid, LimitExceeded, NotFound
from huntlake.detection.severity import Tactic
from huntlake.hunting.extraction.knowledge import LARGEST, Knowledge, Technique, compacted, knowledge_of
from huntlake.hunting.extraction.names import PEOPLE

if TYPE_CHECKING:
    from huntlake.hunting.extraction.names import NameFinder
    from huntlake.hunting.extraction.techniques import TechniqueFinder

MISSING = (
    "ATT&CK isn't here: `huntlake hunt attack import FILE` brings it, from the STIX bundle of the enterprise matrix "
    "that MITRE publishes"
)
"""What is said where it would be of use."""

NOTICE = (
    "MITRE ATT&CK is © The MITRE Corporation, and used by its terms: https://attack.mitre.org/resources/terms-of-use"
)

_FILE, _ABOUT = "enterprise.json", "about.json"
_MATRIX = re.compile(r"enterprise-attack(?:-(?P<version>\d+(?:\.\d+)*))?\.json")
_LOOKUP = re.compile(r"(?P<what>[a-z-]+)-lookup-v(?P<version>[\d.]+)\.json")
_PACKAGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,100}[A-Za-z0-9])?")
_MOST_OBJECTS = 100_000
_SAME = ("name", "description", "aliases", "relationship_type", "source_ref", "target_ref", "revoked")
_TACTICS = {tactic.value: tactic for tactic in Tactic}
_OBJECT_FOLDERS = (
    "attack-pattern",
    "campaign",
    "intrusion-set",
    "malware",
    "relationship",
    "tool",
    "x-mitre-analytic",
    "x-mitre-collection",
    "x-mitre-data-component",
    "x-mitre-detection-strategy",
)


@dataclass(frozen=True, slots=True)
class AttackStatus:
    """What is kept: which version, by what it says of itself; where it came from, when, and what is in it."""

    version: str
    source: str
    imported: datetime
    digest: str
    techniques: int
    procedures: int
    analytics: int
    actors: int
    software: int
    notice: str = NOTICE


class Attack:
    """ATT&CK in a folder. What was read is kept in memory until the file is another."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, Lock()
        self._stamp: tuple[int, int] | None = None
        self._knowledge: Knowledge | None = None
        self._finder: TechniqueFinder | None = None
        self._names: NameFinder | None = None
        self._near: Mapping[str, tuple[tuple[str, float], ...]] | None = None
        self._tactics: Mapping[str, tuple[Tactic, ...]] | None = None

    def install(self, knowledge: Knowledge, source: str, at: datetime) -> AttackStatus:
        """Keep it in place of what was here."""
        data = compacted(knowledge)
        techniques, actors = knowledge.techniques, knowledge.actors_software
        status = AttackStatus(
            knowledge.source,
            source,
            at,
            hashlib.sha256(data).hexdigest(),
            len(techniques),
            sum(len(t.procedures) for t in techniques),
            sum(len(t.analytics) for t in techniques),
            sum(a.kind in PEOPLE for a in actors),
            sum(a.kind not in PEOPLE for a in actors),
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        _write(self._folder / _FILE, data)
        _write(self._folder / _ABOUT, orjson.dumps(asdict(status), option=orjson.OPT_INDENT_2))
        return status

    def status(self) -> AttackStatus | None:
        """What is kept; None where nothing is."""
        try:
            told: dict[str, Any] = orjson.loads((self._folder / _ABOUT).read_bytes())
        except FileNotFoundError:
            return None
        return AttackStatus(**told | {"imported": datetime.fromisoformat(told["imported"])})

    def knowledge(self) -> Knowledge | None:
        """What ATT&CK says; None where nobody has brought it."""
        with self._lock:
            return self._read()

    def finder(self) -> TechniqueFinder:
        """Finds techniques in texts; without ATT&CK only those that are stated and those that were learned."""
        from huntlake.hunting.extraction.technique_model import TechniqueModel
        from huntlake.hunting.extraction.techniques import TechniqueFinder

        with self._lock:
            known = self._read()
            if self._finder is None:
                self._finder = TechniqueFinder(known, TechniqueModel.load())
            return self._finder

    def names(self) -> NameFinder | None:
        """Finds groups, campaigns and software in texts; None without ATT&CK."""
        from huntlake.hunting.extraction.names import NameFinder

        with self._lock:
            known = self._read()
            if self._names is None and known is not None:
                self._names = NameFinder(known)
            return self._names

    def neighbours(self, technique: str, most: int = 5) -> Sequence[tuple[str, float]]:
        """The techniques that go with one most often: of those groups and campaigns that use it, the share that use
        them too, beyond the share of all that do. Nothing without ATT&CK.
        """
        with self._lock:
            known = self._read()
            if known is None:
                return ()
            if self._near is None:
                self._near = _near(known)
            return self._near.get(technique, ())[:most]

    def tactics(self, techniques: Iterable[str]) -> tuple[Tactic, ...]:
        """The tactics of some techniques, each once; nothing without ATT&CK."""
        with self._lock:
            known = self._read()
            if known is None:
                return ()
            if self._tactics is None:
                told = {technique.id: tuple(_tactics(technique)) for technique in known.techniques}
                self._tactics = told | {old: told[new] for old, new in known.revoked.items() if new in told}
            return tuple(dict.fromkeys(tactic for id in techniques for tactic in self._tactics.get(id, ())))

    def _read(self) -> Knowledge | None:
        file = self._folder / _FILE
        try:
            found = file.stat()
        except FileNotFoundError:
            stamp = None
        else:
            stamp = (found.st_mtime_ns, found.st_size)
        if stamp != self._stamp or stamp is None:
            self._stamp, self._near, self._tactics = stamp, None, None
            if self._knowledge is not None or stamp is not None:
                self._finder = self._names = None
            self._knowledge = None if stamp is None else knowledge_of(file.read_bytes())
        return self._knowledge


def _tactics(technique: Technique) -> Iterator[Tactic]:
    for said in technique.tactics:
        # ATT&CK says `credential-access` where Sentinel has `CredentialAccess`.
        if (tactic := _TACTICS.get("".join(word.capitalize() for word in said.split("-")))) is not None:
            yield tactic


def brought(given: str) -> Knowledge:
    """ATT&CK from a file (a STIX bundle, the compact form), a folder (a checkout of MITRE's data), or the name of an
    installed package that carries it; its code isn't run.

    :raises NotFound: no such file, folder or package
    :raises Invalid: nothing of ATT&CK is there
    """
    path = Path(given)
    if path.is_file():
        return knowledge_of(_bytes(path))
    if path.is_dir():
        return _of_folder(path)
    if _PACKAGE.fullmatch(given):
        try:
            found = importlib.util.find_spec(given.replace("-", "_"))
        except (ImportError, ValueError):
            found = None
        for place in (found.submodule_search_locations or ()) if found else ():
            return _of_folder(Path(place))
    raise NotFound(f"no file, no folder and no installed package is `{given}`")


def _of_folder(folder: Path) -> Knowledge:
    bundles = []
    for file in (*folder.glob("*.json"), *folder.glob("*/*.json"), *folder.glob("*/*/*.json")):
        if (named := _MATRIX.fullmatch(file.name)) is not None:
            number = tuple(int(n) for n in named["version"].split(".")) if named["version"] else (1 << 30,)
            bundles.append((number, file))
    if bundles:
        # Without a number it is the newest, as MITRE's checkouts have it.
        return knowledge_of(_bytes(max(bundles)[1]))
    for place in (folder, folder / "enterprise-attack"):
        if (place / "attack-pattern").is_dir():
            return _of_objects(place)
    lookups: dict[str, Path] = {}
    version = ""
    for file in sorted((*folder.glob("*.json"), *folder.glob("*/*.json"))):
        if (named := _LOOKUP.fullmatch(file.name)) is not None:
            lookups[named["what"]], version = file, named["version"]
    if {"attack-patterns", "relationships"} <= lookups.keys():
        return _of_lookups({what: _bytes(file) for what, file in lookups.items()}, version)
    raise Invalid(f"nothing of ATT&CK is in {folder}: a file `enterprise-attack.json` is looked for")


def _of_objects(folder: Path) -> Knowledge:
    """A checkout that has a file for each object."""
    objects: list[Any] = []
    size = 0
    for kind in _OBJECT_FOLDERS:
        for file in sorted((folder / kind).glob("*.json")):
            data = _bytes(file)
            size += len(data)
            if size > LARGEST or len(objects) >= _MOST_OBJECTS:
                raise LimitExceeded(f"{folder} has more than {LARGEST:,} bytes or {_MOST_OBJECTS:,} objects")
            body = orjson.loads(data)
            objects += body.get("objects", []) if isinstance(body, dict) else []
    return knowledge_of(orjson.dumps({"objects": objects}))


def _of_lookups(files: Mapping[str, bytes], version: str) -> Knowledge:
    """Tables of objects with the fields that count, as a package carries them, as objects of a bundle."""
    objects: list[dict[str, Any]] = [
        {"id": "x-mitre-collection--0", "type": "x-mitre-collection", "x_mitre_version": version}
    ]
    try:
        for what, types in {
            "attack-patterns": ("attack_patterns",),
            "groups-campaigns": ("groups_campaigns",),
            "software": ("software",),
            "detection-objects": ("detection_strategies", "analytics", "data_components"),
            "relationships": ("relationships",),
        }.items():
            body = orjson.loads(files[what]) if what in files else {}
            objects += [_object(one) for name in types for one in body.get(name, ())]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"the tables of ATT&CK can't be read: {error}") from None
    return knowledge_of(orjson.dumps({"objects": objects}))


def _object(one: Mapping[str, Any]) -> dict[str, Any]:
    id = str(one["stix_id"])
    return {
        **{name: one[name] for name in _SAME if one.get(name) is not None},
        "id": id,
        "type": id.partition("--")[0],
        "x_mitre_deprecated": bool(one.get("deprecated")),
        "x_mitre_platforms": one.get("platforms") or [],
        "kill_chain_phases": [{"phase_name": tactic} for tactic in one.get("tactics") or ()],
        "external_references": [{"source_name": "mitre-attack", "external_id": one.get("external_id", "")}],
        "x_mitre_analytic_refs": one.get("analytic_refs") or [],
        "x_mitre_log_source_references": one.get("log_source_references") or [],
    }


def _near(knowledge: Knowledge) -> Mapping[str, tuple[tuple[str, float], ...]]:
    users = {
        t.id: frozenset(p.by for p in t.procedures if p.kind in PEOPLE) for t in knowledge.techniques if t.procedures
    }
    everybody = len(frozenset().union(*users.values())) or 1
    uses: dict[str, list[str]] = {}
    for id, by in users.items():
        for actor in by:
            uses.setdefault(actor, []).append(id)
    found = {}
    for id, by in users.items():
        together = Counter(other for actor in by for other in uses[actor] if other != id)
        lifted = [
            (other, round(count / len(by) - len(users[other]) / everybody, 4))
            for other, count in together.items()
            if count > 1 and other[:5] != id[:5]
        ]
        found[id] = tuple(sorted((o for o in lifted if o[1] > 0), key=lambda one: (-one[1], one[0])))
    return found


def _bytes(file: Path) -> bytes:
    try:
        if file.stat().st_size > LARGEST:
            raise LimitExceeded(f"{file} has more than {LARGEST:,} bytes, which are read at most")
        return file.read_bytes()
    except OSError as error:
        raise Invalid(f"{file} can't be read: {error.strerror}") from None


def _write(file: Path, data: bytes) -> None:
    beside = file.with_name(file.name + ".new")
    beside.write_bytes(data)
    os.replace(beside, file)

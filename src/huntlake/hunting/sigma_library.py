"""Rules of Sigma as a person has brought them: copied into the home folder, with where they come from and their terms.

They are of their authors, mostly under the Detection Rule License, which asks for the author to be named; none come
with huntlake.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

import orjson

from huntlake.core.errors import Invalid, LimitExceeded, NotFound
from huntlake.hunting.retrieval import HuntCandidate
from huntlake.hunting.sigma_hunts import sigma_hunt

MISSING = (
    "no rules of Sigma are here: `huntlake hunt sigma import FOLDER` brings them, from a checkout such as SigmaHQ's"
)
"""What is said where they would be of use."""

MOST_RULES, LARGEST_RULE = 50_000, 1 << 20
"""Files that are read of a folder, and bytes of each."""

_FILE, _ABOUT, _NOTICE = "rules.jsonl.gz", "about.json", "NOTICE"
_PASSED_OVER = frozenset({"deprecated", "unsupported", "tests", "rules-placeholder"})
_GONE = re.compile(r"^status:\s*[\"']?(?:deprecated|unsupported)\b", re.MULTILINE)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LARGEST_NOTICE = 64 << 10
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class SigmaStatus:
    """What is kept: from which folder and commit, when, how many rules, and what was left out of it, and why."""

    source: str
    commit: str
    imported: datetime
    digest: str
    rules: int
    techniques: int
    tables: int
    left_out: dict[str, int]
    notice: str


@dataclass(frozen=True, slots=True)
class SigmaRule:
    """A rule: its place in the folder it came from, and its text."""

    name: str
    text: str


class SigmaLibrary:
    """The rules in a folder. What was read is kept in memory until the file is another."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, Lock()
        self._stamp: tuple[int, int] | None = None
        self._rules: tuple[SigmaRule, ...] = ()
        self._candidates: tuple[HuntCandidate, ...] | None = None

    def install(self, folder: Path, at: datetime) -> SigmaStatus:
        """Keep the rules below a folder whose log source has a table, in place of what was here.

        :raises NotFound: no such folder
        :raises Invalid: no rule is in it
        """
        if not folder.is_dir():
            raise NotFound(f"no folder is at {folder}")
        kept: list[SigmaRule] = []
        left_out: Counter[str] = Counter()
        techniques: set[str] = set()
        tables: set[str] = set()
        for name, text in _files(folder, left_out):
            try:
                hunt = sigma_hunt(text, name)
            except Invalid:
                left_out["no YAML that can be read"] += 1
                continue
            if hunt is None:
                left_out["no rule, or of a log source without a table"] += 1
                continue
            techniques |= hunt.techniques
            tables |= {*hunt.tables}
            kept.append(SigmaRule(name, text))
        if not kept:
            raise Invalid(f"no rule of Sigma whose log source has a table is in {folder}")
        data = b"\n".join(orjson.dumps(asdict(one)) for one in kept)
        status = SigmaStatus(
            str(folder.absolute()),
            _commit(folder),
            at,
            hashlib.sha256(data).hexdigest(),
            len(kept),
            len(techniques),
            len(tables),
            dict(left_out),
            _notice(folder),
        )
        self._folder.mkdir(parents=True, exist_ok=True)
        _write(self._folder / _NOTICE, status.notice.encode())
        _write(self._folder / _FILE, gzip.compress(data, _LEVEL, mtime=0))
        _write(self._folder / _ABOUT, orjson.dumps(asdict(status), option=orjson.OPT_INDENT_2))
        return status

    def status(self) -> SigmaStatus | None:
        """What is kept; None where nothing is."""
        try:
            told: dict[str, Any] = orjson.loads((self._folder / _ABOUT).read_bytes())
        except FileNotFoundError:
            return None
        return SigmaStatus(**told | {"imported": datetime.fromisoformat(told["imported"])})

    def rules(self) -> Sequence[SigmaRule]:
        """Every rule, by its place; none where nobody has brought any."""
        with self._lock:
            return self._read()

    def candidates(self) -> Sequence[HuntCandidate]:
        """Every rule as a hunt that could be run, in the order of `rules`; made once."""
        with self._lock:
            rules = self._read()
            if self._candidates is None:
                made = (sigma_hunt(one.text, one.name) for one in rules)
                self._candidates = tuple(one for one in made if one is not None)
            return self._candidates

    def _read(self) -> tuple[SigmaRule, ...]:
        file = self._folder / _FILE
        try:
            found = file.stat()
        except FileNotFoundError:
            self._stamp, self._rules, self._candidates = None, (), None
            return ()
        stamp = (found.st_mtime_ns, found.st_size)
        if stamp != self._stamp:
            lines = gzip.decompress(file.read_bytes()).splitlines()
            self._stamp, self._rules = stamp, tuple(SigmaRule(**orjson.loads(line)) for line in lines)
            self._candidates = None
        return self._rules


def _files(folder: Path, left_out: Counter[str]) -> Iterator[tuple[str, str]]:
    count = 0
    for path in sorted((*folder.rglob("*.yml"), *folder.rglob("*.yaml"))):
        place = path.relative_to(folder)
        if any(part.startswith(".") for part in place.parts) or not path.is_file() or path.is_symlink():
            continue
        count += 1
        if count > MOST_RULES:
            raise LimitExceeded(f"{folder} has more than {MOST_RULES:,} files, which are read at most")
        if _PASSED_OVER & {*place.parts[:-1]}:
            left_out["deprecated, not supported by Sigma, or a placeholder"] += 1
            continue
        try:
            data = path.read_bytes() if path.stat().st_size <= LARGEST_RULE else None
            text = data.decode() if data is not None else None
        except (OSError, UnicodeDecodeError):
            text = None
        if text is None:
            left_out["a file that can't be read, or is too large"] += 1
        elif _GONE.search(text):
            left_out["deprecated, not supported by Sigma, or a placeholder"] += 1
        else:
            yield place.as_posix(), text


def _commit(folder: Path) -> str:
    """The commit that a checkout is at; nothing where it is none. Git isn't asked: it may run what a folder says."""
    for place in (folder.absolute(), *folder.absolute().parents):
        git = place / ".git"
        if not git.is_dir():
            continue
        try:
            head = (git / "HEAD").read_text()[:1000].strip()
            if head.startswith("ref: "):
                ref = head.removeprefix("ref: ")
                if re.fullmatch(r"refs/[\w./-]+", ref) and ".." not in ref:
                    head = _resolved(git, ref)
        except (OSError, UnicodeDecodeError):
            return ""
        return head if _COMMIT.fullmatch(head) else ""
    return ""


def _resolved(git: Path, ref: str) -> str:
    if (git / ref).is_file():
        return (git / ref).read_text()[:100].strip()
    packed = (git / "packed-refs").read_text().splitlines()
    return next((line.split()[0] for line in packed if line.endswith(" " + ref)), "")


def _notice(folder: Path) -> str:
    """The terms that lie beside the rules; else those that most are under."""
    for place in (folder, folder.absolute().parent):
        for file in sorted(place.glob("LICENSE*")):
            if file.is_file() and file.stat().st_size <= _LARGEST_NOTICE:
                return file.read_text(encoding="utf-8", errors="replace")
    return "No terms lie beside these rules. SigmaHQ's are under the Detection Rule License (DRL) 1.1."


def _write(file: Path, data: bytes) -> None:
    beside = file.with_name(file.name + ".new")
    beside.write_bytes(data)
    os.replace(beside, file)

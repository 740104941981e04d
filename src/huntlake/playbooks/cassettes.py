"""Cassettes: what services once answered, kept to be answered again without them.

A cassette is a file of JSON Lines, a call with its answer each; secrets and headers of requests aren't written. Made of
contracts instead (see `connectors/stubs.py`), it answers what they know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.playbooks.connectors.connector import Asked, Operation
from huntlake.playbooks.connectors.stubs import Contracts, Stubs
from huntlake.playbooks.masking import MASK, masked, masked_headers, masked_queries
from huntlake.wdl.runner.effects import Answer

RECORDED, STUBBED = ".jsonl", ".contracts.json"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VOLATILE = re.compile(r"date|age|expires|server|via|x-ms-.*request-id|request-id|set-cookie", re.I)
_PLAIN = frozenset({"content-type", "retry-after"})
"""Headers that tell no secret even where an answer is one."""
_CONFIDENTIAL = frozenset({"keyvault"})
"""Connectors whose answers are secrets."""


@dataclass(frozen=True)
class Recorded:
    """A call, without its secrets, and what came back."""

    connector: str
    method: str
    path: str
    answer: Answer
    queries: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None

    @property
    def exact(self) -> str:
        """The same for calls that are the same in everything."""
        return _key(self.connector, self.method, self.path, self.queries, self.body)

    @property
    def place(self) -> str:
        """The same for calls of the same path."""
        return _key(self.connector, self.method, self.path)


@dataclass
class _Heard:
    """How far a run has heard a cassette: the answers it has had, by the key of its calls."""

    used: set[int] = field(default_factory=set)
    given: dict[str, Answer] = field(default_factory=dict)


class Reel:
    """The recorded calls of a cassette. A call that is made again under its key has the same answer.

    The first recorded call that is the same in everything and hasn't been answered yet is taken, else the first of the
    same method and path, else, where all have been, the last that is the same in everything.
    """

    def __init__(self, file: Path, recorded: Sequence[Recorded]) -> None:
        self._file, self._recorded = file, list(recorded)
        self._heard: dict[str, _Heard] = {}
        self._lock = Lock()

    def answer(self, asked: Asked) -> Answer | None:
        """What was answered to such a call; None where none was recorded."""
        # Paths of secure inputs were written once: such cassettes stay of use.
        wanted = [_recorded(asked, Answer()), _recorded(asked, Answer(), place=True)]
        with self._lock:
            heard = self._heard.setdefault(asked.context.run, _Heard())
            if (known := heard.given.get(asked.key)) is not None:
                return known
            at = next((at for w in wanted if (at := self._found(w, heard.used)) is not None), None)
            if at is None:
                return None
            heard.used.add(at)
            heard.given[asked.key] = self._recorded[at].answer
            return self._recorded[at].answer

    def keep(self, asked: Asked, answer: Answer) -> None:
        """Write down what was answered to a call. What never reached the other side is no answer."""
        if answer.refused or answer.lost:
            return
        made = _recorded(asked, answer)
        line = json.dumps(_written(made), ensure_ascii=False) + "\n"
        with self._lock:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("ab") as out:
                out.write(line.encode())
            self._recorded.append(made)

    def _found(self, wanted: Recorded, used: set[int]) -> int | None:
        same = [at for at, r in enumerate(self._recorded) if r.exact == wanted.exact]
        left = [at for at in same if at not in used]
        if not left:
            left = [at for at, r in enumerate(self._recorded) if r.place == wanted.place and at not in used]
        return left[0] if left else same[-1] if same else None


@dataclass(frozen=True)
class CassetteTape:
    """A cassette as one connection uses it."""

    cassettes: Cassettes
    name: str
    custom: bool

    def answer(self, asked: Asked, operation: Operation | None) -> Answer | None:
        """What the cassette has for such a call; None where it has nothing."""
        return self.cassettes.answer(self.name, asked, operation, self.custom or None)

    def keep(self, asked: Asked, answer: Answer) -> None:
        """Keep what a real call gave."""
        self.cassettes.record(self.name, asked, None, answer)


class Cassettes:
    """The cassettes of a home folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reels: dict[str, Reel] = {}
        self._stubs: dict[str, Stubs] = {}
        self._lock = Lock()

    def names(self) -> list[str]:
        """The names of all cassettes."""
        names = (f.name for f in self._folder.glob("*") if f.name.endswith((RECORDED, STUBBED)))
        return sorted({n.removesuffix(RECORDED).removesuffix(STUBBED) for n in names})

    def is_stub(self, name: str) -> bool:
        """Whether a cassette is made of contracts."""
        return self._file(name, STUBBED).exists()

    def recorded(self, name: str) -> list[Recorded]:
        """The calls of a cassette, in order; `NotFound` where there is none, `Invalid` where a line can't be read."""
        file = self._file(name, RECORDED)
        if not file.exists():
            raise NotFound(f"no cassette is named `{name}`")
        return [_read(line, f"{file.name}:{at}") for at, line in enumerate(file.read_text().splitlines(), 1) if line]

    def contracts(self, name: str) -> Contracts:
        """The contracts that a cassette is made of; `NotFound` where it isn't."""
        file = self._file(name, STUBBED)
        if not file.exists():
            raise NotFound(f"no cassette `{name}` is made of contracts")
        return _contracts(file.read_bytes(), file.name)

    def stub(self, name: str, document: bytes) -> Contracts:
        """Make a cassette of contracts; `Invalid` where they can't be read, `Conflict` where calls were recorded."""
        if self._file(name, RECORDED).exists():
            raise Conflict(f"the cassette `{name}` holds recorded calls already")
        made = _contracts(document, name)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file(name, STUBBED).write_bytes(document)
        return made

    def tape(self, name: str, connector: str, custom: bool = False) -> CassetteTape:
        """The cassette as a connection to that connector uses it, which a customer may have described."""
        return CassetteTape(self, name, custom)

    def answer(
        self, cassette: str, asked: Asked, operation: Operation | None, custom: bool | None = None
    ) -> Answer | None:
        """What was recorded for such a call, or what contracts say of it; None where nothing was recorded."""
        if self.is_stub(cassette):
            with self._lock:
                if cassette not in self._stubs:
                    self._stubs[cassette] = Stubs(self.contracts(cassette))
            return self._stubs[cassette].answer(asked.connector, asked.method, asked.path, asked.body, custom)
        return self.reel(cassette).answer(asked)

    def record(self, cassette: str, asked: Asked, operation: Operation | None, answer: Answer) -> None:
        """Keep what a real call gave; a cassette of contracts stays as it is."""
        if not self.is_stub(cassette):
            self.reel(cassette).keep(asked, answer)

    def reel(self, name: str) -> Reel:
        """The recorded calls of a cassette, none where it isn't there yet."""
        with self._lock:
            if name not in self._reels:
                file = self._file(name, RECORDED)
                self._reels[name] = Reel(file, self.recorded(name) if file.exists() else ())
            return self._reels[name]

    def delete(self, name: str) -> bool:
        """Delete a cassette; False where there was none."""
        with self._lock:
            gone = False
            for file in (self._file(name, RECORDED), self._file(name, STUBBED)):
                gone = gone or file.exists()
                file.unlink(missing_ok=True)
            self._reels.pop(name, None)
            self._stubs.pop(name, None)
            return gone

    def _file(self, name: str, ending: str) -> Path:
        if not _NAME.fullmatch(name):
            raise Invalid(f"`{name[:60]}` can't name a cassette: letters, digits, `.`, `_` and `-` can")
        return self._folder / (name + ending)


def _recorded(asked: Asked, answer: Answer, *, place: bool = False) -> Recorded:
    """A call without what is secret; with `place`, where secure inputs have led it is left as it is."""
    secrets = [v for v in asked.secrets.values() if isinstance(v, str)]
    connector, sent, came = asked.connector.lower(), asked.body, answer.body
    path, queries = asked.path, dict(asked.queries)
    headers = {n: v for n, v in masked_headers(answer.headers, secrets).items() if not _VOLATILE.fullmatch(n)}
    if "inputs" in asked.hidden:
        sent = _covered(sent)
        if not place:
            path, queries = MASK, _covered(queries)
    if "outputs" in asked.hidden or connector in _CONFIDENTIAL:
        came = _covered(came)
    if "outputs" in asked.hidden:
        headers = {n: v if n.lower() in _PLAIN else MASK for n, v in headers.items()}
    return Recorded(
        connector,
        asked.method.upper(),
        str(masked(path, secrets)),
        Answer(answer.status, headers, masked(came, secrets)),
        masked_queries(queries, secrets),
        masked(sent, secrets),
    )


def _covered(value: Any) -> Any:
    """A JSON value none of whose texts can be read."""
    match value:
        case str():
            return MASK
        case list():
            return [_covered(v) for v in value]
        case dict():
            return {k: _covered(v) for k, v in value.items()}
        case _:
            return value


def _key(*parts: Any) -> str:
    return json.dumps(parts, sort_keys=True, default=str)


def _written(made: Recorded) -> dict[str, Any]:
    answer = {"status": made.answer.status, "headers": dict(made.answer.headers), "body": made.answer.body}
    call: dict[str, Any] = {"connector": made.connector, "method": made.method, "path": made.path}
    if made.queries:
        call["queries"] = dict(made.queries)
    if made.body is not None:
        call["body"] = made.body
    return call | {"answer": answer}


def _read(line: str, place: str) -> Recorded:
    try:
        said = json.loads(line)
        answer = said["answer"]
        came = Answer(int(answer.get("status", 200)), dict(answer.get("headers") or {}), answer.get("body"))
        call = (str(said["connector"]).lower(), str(said["method"]).upper(), str(said["path"]))
        return Recorded(*call, came, dict(said.get("queries") or {}), said.get("body"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"{place} isn't a recorded call: {error}") from None


def _contracts(document: bytes, name: str) -> Contracts:
    try:
        said = json.loads(document)
    except ValueError as error:
        raise Invalid(f"{name} isn't JSON: {error}") from None
    if not isinstance(said, dict):
        raise Invalid(f"{name} holds no contracts: an object with a contract for each operation is expected")
    return Contracts.of(said)

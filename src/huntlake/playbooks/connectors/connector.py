"""What a connector is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import unquote

from huntlake.state.documents import Write
from huntlake.state.records import Author
from huntlake.wdl.runner.effects import Answer

NOBODY = Author()


class Effect(StrEnum):
    """What an operation does to the world; it decides what `dry-run` makes, and what a policy may hold back."""

    READ = "read"
    WRITE = "write"
    CONTAIN = "contain"
    """It takes something from people or machines: isolation, a disabled account, a blocked address."""


@dataclass(frozen=True)
class RunContext:
    """On whose behalf, and within which run, something is asked."""

    workspace: str
    """The workspace whose incidents, tables and rights count."""
    workflow: str
    """The workflow's name."""
    run: str
    """The run's id."""
    started_by: Author
    """Who or what set the run off; `via` names the automations through which it came."""
    now: datetime
    incident: str = ""
    """The incident that the run is about, if any."""
    alert: str = ""
    test: bool = False
    """Nothing may leave this process."""
    polls: bool = False
    """Whether it is a trigger that asks, again and again."""


@dataclass(frozen=True)
class Asked:
    """One call of an operation, its templates evaluated."""

    context: RunContext
    connection: str
    """The connection's name; empty for actions that have none, such as Http."""
    key: str
    """The same whenever the run makes this very call again, in any process: what was done for it isn't done twice."""
    method: str
    """In upper case."""
    path: str
    """As the workflow wrote it: still encoded for a URL, and beginning with `/`."""
    queries: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """A JSON value; binary content as `{"$content-type", "$content"}`."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """What stands at the `{names}` of the operation's path, decoded."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """The connection's parameters, the secret ones opened."""
    connector: str = ""
    """The connector's name."""
    action: str = ""
    """The name of the workflow's action."""
    done: Sequence[Write] = ()
    """What keeps that it is done: an `atomic` operation writes it together with its effect, or neither."""
    hidden: frozenset[str] = frozenset()
    """Of `inputs` and `outputs`, those that no history may show."""
    made_by: Author = NOBODY
    """Who made the connection."""
    leads: str = ""
    """Names where the connection leads and as whom it is used there: another one where any of that changes."""


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked of a connector."""

    id: str
    """The operation's id as the connector's own description spells it, such as `AddCommentToIncident`."""
    method: str
    path: str
    """Such as `/Incidents/Comment` or `/entities/{kind}`, of any case; `{rest*}` takes what remains."""
    summary: str
    effect: Effect
    work: Callable[[Asked], Answer]
    """Does it. What the other side answers raises nothing; whoever calls makes answers of the house's own errors."""
    plausible: Callable[[Asked], Answer] | None = None
    """What a dry run answers in place of an effect; a plain success where there is none."""
    atomic: bool = False
    """Whether `work` writes `Asked.done` together with its effect."""
    known: Callable[[Asked], Answer] | None = None
    """What is answered where an atomic effect is made and its answer was lost; a plain success where there is none."""
    twice: frozenset[str] = frozenset()
    """Names of the path whose values come encoded twice."""
    asks: Callable[[Asked], bool] | None = None
    """Whether a call reads and no more although the operation might do otherwise."""

    def reads(self, asked: Asked) -> bool:
        """Whether a call changes nothing."""
        return self.effect is Effect.READ or (self.asks is not None and self.asks(asked))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)(\*?)\}", self.path.rstrip("/") or "/")
        made = re.escape(parts[0])
        for name, rest, after in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            made += f"(?P<{name}>{'.*' if rest else '[^/]*'})" + re.escape(after)
        return re.compile(made, re.IGNORECASE)

    def arguments(self, method: str, path: str) -> dict[str, str] | None:
        """What stands at the names of the path, decoded; None where method or path are another operation's."""
        if method.upper() != self.method:
            return None
        return self.at(path)

    def at(self, path: str) -> dict[str, str] | None:
        """What stands at the names of the path, whatever the method."""
        found = self._pattern.fullmatch(path.rstrip("/") or "/")
        if found is None:
            return None
        decoded = {k: unquote(v) for k, v in found.groupdict().items()}
        return decoded | {k: unquote(decoded[k]) for k in self.twice}


@dataclass(frozen=True)
class TriggerOperation:
    """A trigger that a connector offers by a subscription (`ApiConnectionWebhook`)."""

    id: str
    method: str
    path: str
    summary: str


@dataclass(frozen=True)
class ConnectionParameter:
    """Something that a connection must know, such as an API key."""

    name: str
    summary: str
    secret: bool = False
    required: bool = True


@dataclass(frozen=True)
class Connector:
    """A connector: its name as in `…/managedApis/<name>`, and what can be asked of it."""

    name: str
    title: str
    operations: tuple[Operation, ...]
    triggers: tuple[TriggerOperation, ...] = ()
    polls: tuple[Operation, ...] = ()
    """What triggers ask again and again (`ApiConnection`): 202 where nothing is new. The header `Location` says where
    to ask next time; what is known already stands in its queries."""
    parameters: tuple[ConnectionParameter, ...] = ()
    inside: bool = False
    """Whether its operations never leave this process."""

    def find(self, method: str, path: str, polls: bool = False) -> tuple[Operation, dict[str, str]] | None:
        """The operation that a call means, and what stands at the names of its path; None where there is none.

        An empty method means whichever there is: subscriptions are written without one. `polls` is whether a trigger
        asks: it may ask for what actions ask for, too.
        """
        for operation in (*(self.polls if polls else ()), *self.operations):
            arguments = operation.arguments(method, path) if method else operation.at(path)
            if arguments is not None:
                return operation, arguments
        return None


class Connectors(Protocol):
    """The connectors that there are, by their names in lower case."""

    @property
    def names(self) -> Sequence[str]: ...

    def __call__(self, name: str) -> Connector | None:
        """The connector of that name; None where there is none."""

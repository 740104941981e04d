"""Data collection endpoints: names under which clients of Azure look for the address that takes their records."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from huntlake.core.clock import Clock
from huntlake.core.errors import NotFound
from huntlake.state.documents import Document, Documents, Json, Shelf
from huntlake.workspace.collection.definition import check_name


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint; the address behind it is always that of the server that is asked."""

    name: str
    immutable_id: str = ""
    """`dce-` and 32 hexadecimal digits."""
    description: str = ""
    location: str = ""
    kind: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None
    modified: datetime | None = None


class Endpoints:
    """The endpoints, by name in any case."""

    def __init__(self, database: Shelf, clock: Clock) -> None:
        self._documents = Documents(database, "collection endpoints", _encode, _decode)
        self._clock = clock

    def list(self) -> list[Document[Endpoint]]:
        """Every endpoint, by name."""
        return self._documents.list()

    def get(self, name: str) -> Document[Endpoint]:
        """The endpoint of that name; `NotFound` where there is none."""
        if (found := self._documents.find(name.lower())) is None:
            raise NotFound(f"no data collection endpoint is named `{name}`")
        return found

    def put(self, endpoint: Endpoint, *, if_match: str | None = None, create_only: bool = False) -> Document[Endpoint]:
        """Keep an endpoint, in place of one of that name. Its ids and times are given here."""
        key = check_name(endpoint.name).lower()
        before, now = self._documents.find(key), self._clock.now()
        kept = replace(
            endpoint,
            name=before.value.name if before else endpoint.name,
            immutable_id=before.value.immutable_id if before else f"dce-{uuid.uuid4().hex}",
            created=before.value.created if before else now,
            modified=now,
        )
        return self._documents.put(key, kept, if_match=if_match, create_only=create_only)

    def delete(self, name: str, *, if_match: str | None = None) -> bool:
        """Forget an endpoint; False where there was none."""
        return self._documents.delete(name.lower(), if_match=if_match)


def _encode(endpoint: Endpoint) -> Json:
    stored = asdict(endpoint)
    for name in ("created", "modified"):
        stored[name] = stored[name].isoformat() if stored[name] else None
    return cast("Json", stored)


def _decode(stored: Json) -> Endpoint:
    document = cast("dict[str, Any]", stored)
    times = {n: datetime.fromisoformat(document[n]) if document[n] else None for n in ("created", "modified")}
    return Endpoint(**{**document, **times})

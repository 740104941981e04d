"""Addresses that set workflows off, or answer what they wait for: whoever has one may use it, so each is signed."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, urlencode
from uuid import UUID, uuid5

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid
from huntlake.playbooks.workflows import WORKFLOWS, Workflow, Workflows
from huntlake.state.documents import Document, Shelf
from huntlake.state.records import Author, Only, Records
from huntlake.state.sealing import Seal

_IDS = UUID("9d0c1a55-0b8f-45c7-8a39-3a9f4c0f1e6a")
_VERSION, _API = "1.0", "2016-10-01"
KEYS = ("Primary", "Secondary")


@dataclass(frozen=True, slots=True)
class AccessKeys:
    """What the addresses of a workflow are signed with; each sealed for the purpose `workflow keys <name>`."""

    primary: str
    secondary: str


@dataclass(frozen=True, slots=True)
class Address:
    """An address, and the parts of which it is made."""

    url: str
    method: str
    path: str
    queries: Mapping[str, str]


class Addresses:
    """The signed addresses of workflows."""

    def __init__(self, shelf: Shelf, clock: Clock, seal: Seal, workflows: Workflows, base: Callable[[], str]) -> None:
        self._keys = Records(shelf, clock, "workflow keys", AccessKeys)
        self._seal, self._workflows, self._base, self._clock = seal, workflows, base, clock

    def id_of(self, workflow: str) -> str:
        """The id that a workflow has in its addresses."""
        return uuid5(_IDS, workflow.lower()).hex

    def workflow(self, id: str) -> Document[Workflow] | None:
        """The workflow of such an id, or None."""
        return next((w for w in self._workflows.all() if self.id_of(w.name) == id.lower()), None)

    def of_trigger(
        self,
        workflow: str,
        trigger: str,
        relative: str = "",
        method: str = "POST",
        key: str = "Primary",
        until: datetime | None = None,
    ) -> Address:
        """The address that sets a workflow off; `relative` is the trigger's `relativePath`, if it has one.

        It is signed with the `key` of that name, and good for nothing after `until`.
        """
        permission = f"/triggers/{trigger}/run"
        path = f"/workflows/{self.id_of(workflow)}/triggers/{quote(trigger, safe='')}/paths/invoke"
        if relative:
            path += "/" + quote(relative.strip("/"), safe="/{}")
        expires = f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if until else ""
        return self._address(workflow, path, permission, method, KEYS.index(key), expires)

    def of_callback(self, workflow: str, run: str, key: str) -> str:
        """The address at which the webhook of that key of a run is answered."""
        path = f"/workflows/{self.id_of(workflow)}/runs/{run}/actions/{quote(key, safe='')}/run"
        return self._address(workflow, path, f"/runs/{run}/actions/{key}/run", "POST").url

    def allows(self, workflow: str, permission: str, queries: Mapping[str, str]) -> bool:
        """Whether the queries of a request bear the signature that this needs."""
        given = queries.get("sig", "").encode()
        if queries.get("sp", "") != permission or queries.get("sv", "") != _VERSION:
            return False
        keys = self._of(workflow)
        expires = queries.get("se", "")
        # Both are compared, whatever the first says: how long it takes tells nothing.
        fits = [hmac.compare_digest(self._signature(workflow, k, permission, expires).encode(), given) for k in keys]
        return any(fits) and not (expires and self._clock.now() > datetime.fromisoformat(expires))

    def regenerate(self, workflow: str, which: str, by: Author) -> None:
        """Make one of the two keys anew: addresses that are signed with the old one are worth nothing from then on."""
        if which not in KEYS:
            raise Invalid(f"a workflow has the keys {' and '.join(KEYS)}, and no `{which[:40]}`")
        name = self._workflows.get(workflow).name
        self._of(name)
        new = self._new(name)
        changed: Callable[[AccessKeys], AccessKeys] = lambda k: (  # noqa: E731
            replace(k, primary=new) if which == "Primary" else replace(k, secondary=new)
        )
        self._keys.change(WORKFLOWS, name, changed, by)

    def forget(self, workflow: str) -> None:
        """Forget the keys of a workflow that is gone."""
        self._keys.delete(WORKFLOWS, workflow)

    def _address(
        self, workflow: str, path: str, permission: str, method: str, key: int = 0, expires: str = ""
    ) -> Address:
        signature = self._signature(workflow, self._of(workflow)[key], permission, expires)
        queries = {"api-version": _API, **({"se": expires} if expires else {}), "sp": permission, "sv": _VERSION}
        queries["sig"] = signature
        return Address(f"{self._base()}{path}?{urlencode(queries)}", method, path, queries)

    def _signature(self, workflow: str, key: bytes, permission: str, expires: str) -> str:
        said = json.dumps([self.id_of(workflow), permission, _VERSION, *([expires] if expires else [])]).encode()
        return base64.urlsafe_b64encode(hmac.new(key, said, sha256).digest()).decode().rstrip("=")

    def _of(self, workflow: str) -> tuple[bytes, bytes]:
        name = workflow.lower()
        found = self._keys.find(WORKFLOWS, name)
        if found is None:
            made = AccessKeys(self._new(name), self._new(name))
            try:
                found, _ = self._keys.put(WORKFLOWS, name, made, only=Only(create=True))
            except Conflict:
                found = self._keys.get(WORKFLOWS, name)
        kept = found.value
        return self._opened(name, kept.primary), self._opened(name, kept.secondary)

    def _new(self, workflow: str) -> str:
        return self._seal.seal(secrets.token_hex(32), f"workflow keys {workflow.lower()}")

    def _opened(self, workflow: str, sealed: str) -> bytes:
        return bytes.fromhex(self._seal.open(sealed, f"workflow keys {workflow.lower()}"))

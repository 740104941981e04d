"""Azure Data Explorer: queries and commands over the workspaces of this house, which are its databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from huntlake.core.errors import Invalid, NotFound, Refused
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors.asking import rows
from huntlake.playbooks.connectors.connector import Asked, ConnectionParameter, Connector, Effect, Operation
from huntlake.playbooks.connectors.house import House, fields, wanted
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer
from huntlake.workspace.commands import Member, Need
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

_ACTIONS = {Need.READ: Action.READ, Need.WRITE: Action.WRITE, Need.MANAGE: Action.MANAGE}


def kusto(house: House) -> Connector:
    """The connector over the workspaces of this house."""
    work = _Kusto(house).ask
    return Connector(
        "kusto",
        "Azure Data Explorer",
        (
            Operation(
                "ListKustoResults",
                "POST",
                "/ListKustoResults/{schema}",
                "The rows of a query, or of a command that only shows something.",
                Effect.READ,
                work,
            ),
        ),
        parameters=(
            ConnectionParameter(
                "clusters",
                "URLs of the clusters whose databases are workspaces of this house, parted by blanks.",
                required=False,
            ),
        ),
        inside=True,
    )


@dataclass(frozen=True)
class _Kusto:
    house: House

    def ask(self, asked: Asked) -> Answer:
        given = fields(asked, "cluster", "db", "csl", "parameters")
        self._check(asked, text(wanted(given, "cluster")))
        workspace = self.house.workspace(asked, Action.READ, text(wanted(given, "db")))
        query = text(wanted(given, "csl"))
        if query.lstrip().startswith("."):
            return answer({"value": self._shown(asked, workspace, query)})
        found = rows(self.house, asked, workspace, query, parameters=given.get("parameters"), objects=True)
        return answer({"value": found.rows})

    def _check(self, asked: Asked, cluster: str) -> None:
        """`Refused` for a cluster that nobody has said is this house: its tables would be other ones."""
        known = {_host(one) for one in asked.secrets.get("clusters", "").replace(",", " ").split()}
        here = self.house.web.here
        own = {name.partition(":")[0] for name in here.names} if here is not None else set()
        if _host(cluster) not in known | own:
            raise Refused(
                f"the cluster `{cluster[:200]}` is not supported: the connection's parameter `clusters` says which "
                "ones stand for this server"
            )

    def _shown(self, asked: Asked, workspace: Workspace, command: str) -> list[dict[str, Any]]:
        limits = self.house.limits
        options = QueryOptions(timeout=limits.timeout, max_rows=limits.rows, max_bytes=limits.bytes)
        found = self.house.commands.run(command, _Caller(self.house, asked), workspace.name, options, read_only=True)
        names = [c.name for c in found.columns]
        return [dict(zip(names, row, strict=True)) for row in orjson.loads(orjson.dumps(found.rows, default=str))]


@dataclass(frozen=True)
class _Caller:
    """A workflow as the one who runs a command."""

    house: House
    asked: Asked

    @property
    def id(self) -> str:
        principal = self.house.principal(self.asked)
        return principal.client_id if principal else f"playbook {self.asked.context.workflow}"

    def may(self, need: Need, workspace: Workspace) -> bool:
        if need is Need.NOTHING:
            return True
        try:
            self.house.workspace(self.asked, _ACTIONS[need], workspace.name)
        except (NotFound, Refused):
            return False
        return True

    def members(self, workspace: Workspace) -> Sequence[Member]:
        raise Invalid("who has a role is not for playbooks to know; this command is not supported for them")


def _host(cluster: str) -> str:
    url = cluster if "://" in cluster else f"https://{cluster}"
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""

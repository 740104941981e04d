"""Commands about the server, its callers, and what it does for them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from huntlake.core.diagnostics import Span
from huntlake.kql.syntax.commands import Named
from huntlake.workspace.activity import Asked
from huntlake.workspace.commands.context import Context
from huntlake.workspace.commands.declaration import Need, Rows, command
from huntlake.workspace.workspaces import Workspace

_PRINCIPALS = (
    "Role:string, PrincipalType:string, PrincipalDisplayName:string, PrincipalObjectId:string, PrincipalFQN:string, "
    "Notes:string, RoleAssignmentIdentifier:string"
)
_ROLES = "Scope:string, DisplayName:string, AADObjectID:string, Role:string"
_QUERIES = (
    "ClientActivityId:string, Text:string, Database:string, StartedOn:datetime, LastUpdatedOn:datetime, "
    "Duration:timespan, State:string, RootActivityId:guid, User:string, FailureReason:string, TotalCpu:timespan, "
    "CacheStatistics:dynamic, Application:string, MemoryPeak:long, ScannedExtentsStatistics:dynamic, Principal:string, "
    "ClientRequestProperties:dynamic, ResultSetStatistics:dynamic, WorkloadGroup:string, OverallQueryStats:string, "
    "VirtualCluster:string"
)
_COMMANDS = (
    "ClientActivityId:string, CommandType:string, Text:string, Database:string, StartedOn:datetime, "
    "LastUpdatedOn:datetime, Duration:timespan, State:string, RootActivityId:guid, User:string, FailureReason:string, "
    "Application:string, Principal:string, TotalCpu:timespan, ResourcesUtilization:dynamic, "
    "ClientRequestProperties:dynamic, WorkloadGroup:string, VirtualCluster:string"
)


@command(
    ".show version", Need.NOTHING, "BuildVersion:string, BuildTime:datetime, ServiceType:string, ProductVersion:string"
)
def show_version(c: Context) -> Rows:
    """The version of the server."""
    number = version("huntlake")
    # Ingestion clients look whether the service type is that of an engine.
    yield [number, "2026-01-01T00:00:00Z", "Engine", f"huntlake {number}"]


@command(
    ".show cluster",
    Need.NOTHING,
    "NodeId:string, Address:string, Name:string, StartTime:datetime, IsAdmin:bool, MachineTotalMemory:long, "
    "MachineAvailableMemory:long, ProcessorCount:int, EnvironmentDescription:string",
)
def show_cluster(c: Context) -> Rows:
    """The one machine that the server runs on."""
    page = os.sysconf("SC_PAGE_SIZE")
    total, free = page * os.sysconf("SC_PHYS_PAGES"), page * os.sysconf("SC_AVPHYS_PAGES")
    described = json.dumps({"System": platform.system(), "Machine": platform.machine()})
    yield ["0", "", "huntlake", None, True, total, free, os.cpu_count() or 1, described]


@command(".show capacity", Need.NOTHING, "Resource:string, Total:long, Consumed:long, Remaining:long, Origin:string")
def show_capacity(c: Context) -> Rows:
    """How many queries run. Nothing else is counted."""
    running = len(c.activity.now_running())
    yield ["Queries", None, running, None, ""]


# -- queries ----------------------------------------------------------------------


@command(".show queries", Need.READ, _QUERIES)
def show_queries(c: Context) -> Rows:
    """Queries that ran since the server started, and run: the caller's own, or all for who may change tables."""
    return [_query(c, w, q) for w, q in _visible(c, c.activity.all()) if not q.command]


@command(".show running queries", Need.READ, _QUERIES)
def show_running_queries(c: Context) -> Rows:
    """Queries that run: the caller's own, or all for who may change tables."""
    return [_query(c, w, q) for w, q in _visible(c, c.activity.now_running()) if not q.command]


@command(".show commands", Need.READ, _COMMANDS)
def show_commands(c: Context) -> Rows:
    """Commands that ran since the server started: the caller's own, or all for who may change tables."""
    now = c.clock.now()
    for workspace, asked in _visible(c, c.activity.all()):
        if asked.command:
            took = asked.duration(now)
            yield [
                *(asked.id, _type(asked.text), asked.text, workspace.database, asked.began, asked.ended or now, took),
                *(asked.state.value, asked.activity, asked.caller, asked.failure, asked.application, asked.caller),
                *(None, None, None, "default", ""),
            ]


@command(".cancel query <text> <properties>", Need.READ, "ClientRequestId:string, State:string, Reason:string")
def cancel_query(c: Context, text: str, properties: Mapping[str, tuple[object, Span]]) -> Rows:
    """Stop a query that runs, by its ClientActivityId: one's own, or any for who may change tables."""
    reason = str(c.known(properties, "reason").get("reason", ""))
    found = [q for _, q in _visible(c, c.activity.now_running()) if q.id == text]
    if not found:
        c.fail("SEM0100", f"no query that runs has the ClientActivityId `{text}`", Span(0, len(c.source.text)))
    for asked in found:
        if asked.cancellation is not None:
            asked.cancellation.cancel()
        yield [asked.id, "Cancelling", reason]


@command(
    ".show operations",
    Need.READ,
    "OperationId:guid, Operation:string, NodeId:string, StartedOn:datetime, LastUpdatedOn:datetime, "
    "Duration:timespan, State:string, Status:string, RootActivityId:guid, ShouldRetry:bool, Database:string, "
    "Principal:string, User:string, AdminEpochStartTime:datetime, VirtualCluster:string",
)
def show_operations(c: Context) -> Rows:
    """Nothing: no command goes on after it has answered."""
    c.workspace()
    return []


def _visible(c: Context, asked: list[Asked]) -> list[tuple[Workspace, Asked]]:
    workspace = c.workspace()
    everyone = c.caller.may(Need.MANAGE, workspace)
    return [(workspace, q) for q in asked if q.workspace == workspace.name and (everyone or q.caller == c.caller.id)]


def _query(c: Context, workspace: Workspace, q: Asked) -> list[Any]:
    now = c.clock.now()
    results = {"table_count": 1, "tables_size": q.progress.bytes, "row_count": q.progress.rows}
    return [
        *(q.id, q.text, workspace.database, q.began, q.ended or now, q.duration(now), q.state.value, q.activity),
        *(q.caller, q.failure, None, None, q.application, None, None, q.caller, None),
        *(results if q.ended else None, "default", "", ""),
    ]


def _type(text: str) -> str:
    """`ShowTables` of `.show tables`: the words that the command begins with."""
    words = text[1:].split()[:2]
    return "".join(part[:1].upper() + part[1:] for word in words for part in word.split("-") if part.isalpha())


# -- principals -------------------------------------------------------------------


@command(".show database [<database>] principals", Need.READ, _PRINCIPALS)
def show_database_principals(c: Context, database: Named | None = None) -> Rows:
    """Who has a role in the database."""
    return _members(c, c.workspace(database))


@command(".show table <table> principals", Need.READ, _PRINCIPALS)
def show_table_principals(c: Context, table: Named) -> Rows:
    """Who has a role in the table's database: there is no other role in a table."""
    workspace = c.workspace()
    c.columns(workspace, table)
    return _members(c, workspace)


@command(".show principal roles", Need.NOTHING, _ROLES)
def show_principal_roles(c: Context) -> Rows:
    """The caller's own roles."""
    for workspace in c.granted():
        for member in c.caller.members(workspace):
            if member.application == c.caller.id:
                yield [f"Database {workspace.database}", member.name, member.id, member.role]


@command(".show database [<database>] principal roles", Need.READ, _ROLES)
def show_database_principal_roles(c: Context, database: Named | None = None) -> Rows:
    """The caller's own roles in the database."""
    workspace = c.workspace(database)
    for member in c.caller.members(workspace):
        if member.application == c.caller.id:
            yield [f"Database {workspace.database}", member.name, member.id, member.role]


def _members(c: Context, workspace: Workspace) -> Rows:
    for member in c.caller.members(workspace):
        kind, fqn = "AAD Application", f"aadapp={member.application}"
        if member.user:
            kind, fqn = "AAD User", f"aaduser={member.user}"
        yield [f"Database {workspace.database} {member.role}", kind, member.name, member.id, fqn, "", ""]

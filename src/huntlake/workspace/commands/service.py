"""Which command a text is, and running it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import Source, SourceError, Span, did_you_mean
from huntlake.core.errors import Refused
from huntlake.engines.cancellation import Cancellation
from huntlake.kql.syntax.commands import CommandReader
from huntlake.kql.syntax.tokens import TokenKind
from huntlake.lake import Lake
from huntlake.workspace.activity import Activity
from huntlake.workspace.commands import functions, plans, rows, schemas, server, streaming, tables
from huntlake.workspace.commands.answer import CommandTable
from huntlake.workspace.commands.context import Caller, Context, KnownTables
from huntlake.workspace.commands.declaration import Command, Need, Unfit
from huntlake.workspace.commands.refused import REFUSED
from huntlake.workspace.functions import SavedFunctions
from huntlake.workspace.ingestion import Ingestion
from huntlake.workspace.ingestion.mappings import IngestionMappings
from huntlake.workspace.ingestion.streaming import Streams
from huntlake.workspace.query import DEFAULT, Queries, QueryOptions
from huntlake.workspace.table_sources import GIVEN
from huntlake.workspace.workspaces import Workspace, Workspaces

COMMANDS: tuple[Command, ...] = (
    server.show_version,
    server.show_cluster,
    server.show_capacity,
    server.show_queries,
    server.show_running_queries,
    server.show_commands,
    server.show_operations,
    server.cancel_query,
    plans.show_queryplan,
    server.show_principal_roles,
    server.show_database_principals,
    server.show_database_principal_roles,
    server.show_table_principals,
    schemas.show_databases,
    schemas.show_database,
    schemas.show_databases_entities,
    schemas.show_database_schema,
    schemas.show_database_schema_as_json,
    schemas.show_database_schema_as_csl_script,
    schemas.show_database_cslschema,
    schemas.show_databases_schema,
    schemas.show_databases_schema_as_json,
    schemas.show_schema,
    schemas.show_schema_as_json,
    schemas.show_tables,
    schemas.show_tables_details,
    schemas.show_table,
    schemas.show_table_details,
    schemas.show_table_cslschema,
    schemas.show_table_kqlschema,
    schemas.show_table_schema_as_json,
    tables.create_table,
    tables.create_tables,
    tables.create_table_based_on,
    tables.create_merge_table,
    tables.create_merge_tables,
    tables.alter_table,
    tables.alter_merge_table,
    tables.alter_table_docstring,
    tables.alter_table_folder,
    tables.drop_table,
    tables.drop_tables,
    tables.clear_table_data,
    streaming.create_mapping,
    streaming.create_or_alter_mapping,
    streaming.alter_mapping,
    streaming.drop_mapping,
    streaming.show_mappings,
    streaming.show_mappings_of_kind,
    streaming.show_mapping,
    streaming.enable_streaming,
    streaming.show_streaming,
    rows.ingest_inline,
    rows.set_table,
    rows.append,
    rows.set_or_append,
    rows.set_or_replace,
    functions.show_functions,
    functions.show_function,
    functions.create_function,
    functions.create_or_alter_function,
    functions.alter_function,
    functions.drop_function,
    functions.drop_functions,
)
"""Every command there is."""


@dataclass(frozen=True)
class Commands:
    """Runs commands."""

    lake: Lake
    tables: KnownTables
    ingestion: Ingestion
    streams: Streams
    queries: Queries
    functions: SavedFunctions
    mappings: IngestionMappings
    workspaces: Workspaces
    activity: Activity
    clock: Clock

    def run(
        self,
        text: str,
        caller: Caller,
        database: str = "",
        options: QueryOptions = DEFAULT,
        cancellation: Cancellation | None = None,
        *,
        read_only: bool = False,
    ) -> CommandTable:
        """What a command answers; `database` is the one of the request. With `read_only` it may change nothing.

        Raises `SourceError` for a text that can't be understood or isn't supported, `Refused` where the caller may
        not do it, and what the services behind it raise.
        """
        source = Source(text, "command")
        command, arguments, operators = _read(source)
        if read_only and command.needs in (Need.WRITE, Need.MANAGE):
            raise Refused(f"`{command.words}` changes something, and the request says that it may not")
        context = Context(
            self.lake,
            self.tables,
            self.ingestion,
            self.streams,
            self.queries,
            self.functions,
            self.mappings,
            self.workspaces,
            self.activity,
            self.clock,
            caller,
            source,
            command.needs,
            database,
            options,
            cancellation,
        )
        answer = CommandTable(command.columns, [*command.run(context, **arguments)])
        return answer if operators is None else self._piped(answer, source, operators, options)

    def _piped(self, answer: CommandTable, source: Source, operators: int, options: QueryOptions) -> CommandTable:
        """What the operators behind a command, which begin at the place `operators`, make of its answer."""
        # The command gives way to the name of its rows, and every place of the text stays what it is.
        query = GIVEN.ljust(operators) + source.text[operators:]
        with self.queries.over(_NOWHERE, answer.arrow(), query, answer.columns, options) as given:
            *_, table = given.tables
            rows = orjson.loads(b"[" + b",".join(table.json_rows()) + b"]")
            if table.truncated_by is not None:
                raise table.truncated_by
            return CommandTable(table.columns, rows, visualization=table.visualization)


_NOWHERE = Workspace("nowhere", "00000000-0000-0000-0000-000000000000")
"""Rows that are of no workspace."""


def _read(source: Source) -> tuple[Command, Mapping[str, Any], int | None]:
    """The command that a text is, what it gives at its places, and where operators begin that follow it."""
    reader = CommandReader(source)
    # Of several commands that begin alike, those that fit the text longest say what is wrong.
    furthest, wanted, complaints = -1, dict[str, None](), list[SourceError]()
    for command in COMMANDS:
        if not _begins(reader, command.words):
            continue
        for form in command.forms():
            try:
                arguments = command.read(form, reader)
                return command, arguments, reader.current.start if reader.at("|") else None
            except (Unfit, SourceError) as error:
                if reader.place < furthest:
                    continue
                if reader.place > furthest:
                    furthest, wanted, complaints = reader.place, {}, []
                if isinstance(error, Unfit):
                    wanted[error.word] = None
                else:
                    complaints.append(error)
    refused = max((r for r in REFUSED if _begins(reader, r)), key=len, default="")
    ours = max((len(c.words) for c in COMMANDS if _begins(reader, c.words)), default=0)
    # `.set async T <| …` begins as `.set` does, and isn't about a table named `async`.
    if len(refused) > ours:
        _begins(reader, refused)
        reader.refuse(f"the command `{refused}`", Span(0, reader.previous.end))
    if furthest < 0:
        _unknown(reader)
    reader.back(furthest)
    if complaints and (not wanted or reader.current.kind is not TokenKind.NAME):
        raise complaints[0]
    _unfit(reader, [word for word in wanted if word])


def _begins(reader: CommandReader, words: str) -> bool:
    reader.back(0)
    return all(reader.word(word) for word in words.split())


def _unknown(reader: CommandReader) -> NoReturn:
    """Complain of a text that begins as none of our commands does."""
    said = " ".join(reader.source.text[reader.words.start : reader.words.end].split())
    known = {" ".join(c.words.split()[:count]): None for c in COMMANDS for count in (1, 2, 3)}
    help = did_you_mean(said, known) or did_you_mean(" ".join(said.split()[:2]), known)
    reader.fail("SYN0002", f"no command begins with `{said}`", reader.words, help=help)


def _unfit(reader: CommandReader, wanted: Sequence[str]) -> NoReturn:
    """Complain of a text that begins as a command of ours does, and goes on as none."""
    token = reader.current
    listed = ", ".join(f"`{word}`" for word in wanted)
    if token.kind is TokenKind.NAME:
        # A word: most likely a command that Kusto has.
        said = " ".join(reader.source.text[: token.end].split())
        help = did_you_mean(token.text.lower(), wanted) or (f"here may stand {listed}" if listed else "")
        reader.refuse(f"the command `{said}`", Span(0, token.end), help)
    reader.unexpected(listed or "the end of the command")

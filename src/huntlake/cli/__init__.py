"""The commands a person types: one module each, listed here.

Exit codes, for scripts: 0 it worked; 1 it was refused or failed (a query that can't be understood, a table that
isn't there, a file that can't be read); 2 the command line is wrong; 3 a limit of time or size was met, and what
was printed is not all; 130 interrupted.

Everything heavy is imported inside the commands, so that `huntlake --help` answers at once.
"""

from __future__ import annotations

import typer

from huntlake.cli import (
    action,
    alert,
    approval,
    ask,
    audit,
    cassette,
    clients,
    collect,
    connection,
    content,
    demo,
    effect,
    explain,
    function,
    hunt,
    hunt_eval,
    import_evidence,
    incident,
    ingest,
    intel,
    job,
    lake,
    lint,
    mcp,
    model,
    playbook,
    principal,
    publish,
    pull,
    query,
    question,
    replay,
    report,
    rule,
    schema,
    secret_store,
    serve,
    table,
    tables,
    test,
    tune,
    user,
    version,
    watchlist,
    workspace,
)
from huntlake.cli.failure import reported

__all__ = ["main"]

app = typer.Typer(
    name="huntlake",
    help="A security data lake of your own: logs in, KQL out, over the APIs security clients already use.",
    epilog=(
        "Exit codes: 0 it worked, 1 refused or failed, 2 wrong command line, 3 a limit of time or size was met, "
        "130 interrupted."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Plain help takes half the time, and says the same.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("serve")(serve.serve)
app.command("query")(query.query)
app.command("ingest")(ingest.ingest)
app.command("import")(import_evidence.import_evidence)
app.command("tables")(tables.tables)
app.command("schema")(schema.schema)
app.command("ask")(ask.ask)
app.command("explain")(explain.explain)
app.command("lint")(lint.lint)
app.command("test")(test.prove)
app.command("replay")(replay.replay)
app.command("tune")(tune.tune)
app.command("publish")(publish.publish)
app.command("pull")(pull.pull)
app.command("clients")(clients.clients)
app.command("hunt-eval")(hunt_eval.hunt_eval)
app.add_typer(lake.app, name="lake")
app.add_typer(principal.app, name="principal")
app.add_typer(user.app, name="user")
app.add_typer(workspace.app, name="workspace")
app.add_typer(function.app, name="function")
app.add_typer(watchlist.app, name="watchlist")
app.add_typer(table.app, name="table")
app.add_typer(collect.app, name="collect")
app.add_typer(incident.app, name="incident")
app.add_typer(alert.app, name="alert")
app.add_typer(action.app, name="action")
app.add_typer(approval.app, name="approval")
app.add_typer(audit.app, name="audit")
app.add_typer(cassette.app, name="cassette")
app.add_typer(connection.app, name="connection")
app.add_typer(content.app, name="content")
app.add_typer(effect.app, name="effect")
app.add_typer(intel.app, name="intel")
app.add_typer(hunt.app, name="hunt")
app.add_typer(job.app, name="job")
app.add_typer(question.app, name="question")
app.add_typer(rule.app, name="rule")
app.add_typer(report.app, name="report")
app.add_typer(model.app, name="model")
app.add_typer(playbook.app, name="playbook")
app.add_typer(secret_store.app, name="secret")
app.command("mcp")(mcp.mcp)
app.command("version")(version.version)


def main() -> None:
    """Run the command that `sys.argv` names, and leave with its exit code."""
    with reported():
        app()

"""`huntlake hunt`: from signals to hunts that were approved."""

from __future__ import annotations

import typer

from huntlake.cli import (
    hunt_attack,
    hunt_check,
    hunt_deliver,
    hunt_model,
    hunt_notices,
    hunt_promote,
    hunt_propose,
    hunt_recordings,
    hunt_review,
    hunt_runs,
    hunt_sigma,
    hunt_signals,
)

app = typer.Typer(help="Signals, hypotheses, hunts and their review.", no_args_is_help=True)
app.add_typer(hunt_signals.app, name="signal")
app.add_typer(hunt_attack.app, name="attack")
app.add_typer(hunt_sigma.app, name="sigma")
app.command("check")(hunt_check.check)
app.add_typer(hunt_recordings.app, name="recording")
app.command("propose")(hunt_propose.propose)
app.command("coverage")(hunt_propose.coverage)
app.command("context")(hunt_propose.context)
app.command("gaps")(hunt_propose.gaps)
app.add_typer(hunt_propose.hypotheses, name="hypothesis")
app.command("run")(hunt_runs.run)
app.command("runs")(hunt_runs.runs)
app.command("findings")(hunt_runs.findings)
app.command("judge")(hunt_runs.judge)
app.command("bookmark")(hunt_runs.bookmark)
app.command("escalate")(hunt_runs.escalate)
app.command("suggest")(hunt_model.suggest)
app.command("retell")(hunt_model.retell)
app.command("suppress")(hunt_runs.suppress)
app.command("breakers")(hunt_runs.breakers)
app.command("stop")(hunt_runs.stop)
app.command("go-on")(hunt_runs.go_on)
app.command("metrics")(hunt_runs.metrics)
app.command("package")(hunt_deliver.package)
app.add_typer(hunt_deliver.app, name="deliver")
app.command("list")(hunt_review.list_)
app.command("queue")(hunt_review.queue)
app.command("show")(hunt_review.show_)
app.command("versions")(hunt_review.versions)
app.command("diff")(hunt_review.diff)
app.command("new")(hunt_review.new)
app.command("edit")(hunt_review.edit)
app.command("repair")(hunt_review.repair)
app.command("prove")(hunt_review.prove)
app.command("submit")(hunt_review.submit)
app.command("comment")(hunt_review.comment)
app.command("review")(hunt_review.review)
app.command("schedule")(hunt_review.schedule)
app.command("suspend")(hunt_review.suspend)
app.command("resume")(hunt_review.resume)
app.command("retire")(hunt_review.retire)
app.command("rollback")(hunt_review.rollback)
app.command("phase")(hunt_review.phase)
app.add_typer(hunt_notices.app, name="notice")
app.command("backtest")(hunt_promote.backtest)
app.command("promote")(hunt_promote.promote)
app.command("enable-rule")(hunt_promote.enable_rule)
app.command("promotions")(hunt_promote.promotions)

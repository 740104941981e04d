from pathlib import Path

from huntlake.app import App
from huntlake.playbooks.machine_actions import ActionType, MachineAction

from .conftest import Run


def test_a_person_says_what_became_of_an_action(run: Run, tmp_path: Path) -> None:
    run("workspace", "create", "soc")
    app = App.open(tmp_path / "lake")
    asked = MachineAction(ActionType.ISOLATE, "m1", "srv1", "hunter", "it beacons")
    id = app.machine_actions.ask(("soc",), asked).name
    app.close()
    listed = run("action", "list")
    assert "it beacons" in listed.out
    assert "Pending" in listed.out
    assert "InProgress" in run("action", "decide", id, "taken").err
    assert "Succeeded" in run("action", "decide", id, "succeeded", "-m", "done").err
    assert "srv1" not in run("action", "list").out
    assert "Succeeded" in run("action", "list", "--all").out
    refused = run("action", "decide", id, "failed")
    assert (refused.code, "can't become" in refused.err) == (1, True)
    assert run("action", "decide", "nothing", "failed").code == 1

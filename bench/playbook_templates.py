"""The published templates of playbooks: how many are imported, and how their workflows run over stubs.

Each workflow runs once in a simulated world, where waits take no time. It is set off by an incident of the demo;
connectors answer what contracts say that is read of them, and whatever has no connector what the workflow itself reads.

    python -m bench.playbook_templates [--only TEXT] [--stride N] [--report FILE]
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import figures
from bench.playbook_incidents import NOW, SUBSCRIPTION, Occasions, occasions
from bench.wdl import SHARED
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.playbooks.connectors.connector import RunContext
from huntlake.playbooks.connectors.reads import TRIGGER, Read, reads
from huntlake.playbooks.connectors.stubs import Contract, Contracts, Stubs
from huntlake.playbooks.deployment.from_template import plan_template
from huntlake.playbooks.deployment.lenient_json import read as read_json
from huntlake.playbooks.deployment.plan import Plan, PlannedWorkflow
from huntlake.playbooks.deployment.templates.parameters import Missing
from huntlake.playbooks.deployment.templates.place import Where
from huntlake.playbooks.testing.world import Coming, Played, SimulatedWorld, play
from huntlake.state.records import Author
from huntlake.wdl.definition.reading import read as read_definition
from huntlake.wdl.definition.workflow import ActionType, Definition, Status
from huntlake.wdl.runner.effects import Answer, Call

TEMPLATES = SHARED / "playbooks" / "templates"
LIMIT = 20
"""Seconds of real time that one run may take."""
BY = "make playbooks"


@dataclass(frozen=True)
class Outcome:
    """What became of one workflow of a template."""

    file: str
    workflow: str
    status: str
    """`Succeeded`, `Failed`, …; `refused` where it wasn't imported, `hung` and `crashed` where that happened."""
    reasons: tuple[str, ...] = ()


class OverTime(Exception):
    """A run took longer than its limit."""


def main(arguments: Sequence[str] = ()) -> int:
    """Import and run all, print a line for each that didn't succeed, and keep the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="", help="of the templates those whose path contains this")
    options.add_argument("--stride", type=int, default=1, help="of the templates every n-th only")
    options.add_argument("--quick", action="store_true", help="take the demo's incident as it was made last")
    options.add_argument("--report", type=Path, help="write every outcome to this file, as JSON lines")
    given = options.parse_args(list(arguments))
    if not TEMPLATES.is_dir():
        print("no templates are in ../shared/playbooks")
        return 0
    began, outcomes = time.monotonic(), list(all_outcomes(occasions(not given.quick), given.only, given.stride))
    for one in outcomes:
        if one.status != "Succeeded":
            print(f"{one.status}: {one.file} [{one.workflow}]\n    " + "\n    ".join(one.reasons))
    if given.report:
        given.report.parent.mkdir(parents=True, exist_ok=True)
        given.report.write_text("".join(json.dumps(vars(o)) + "\n" for o in outcomes), encoding="utf-8")
    print(Counter(o.status for o in outcomes), f"{time.monotonic() - began:.0f} s")
    if not given.only and given.stride == 1:
        keep(outcomes)
    return 0


def keep(outcomes: list[Outcome]) -> None:
    """Keep the figures."""
    files = {o.file for o in outcomes}
    imported = len(files - {o.file for o in outcomes if o.status == "refused"})
    runs = [o for o in outcomes if o.status != "refused"]
    ended = sum(o.status in ("Succeeded", "Failed", "Cancelled", "TimedOut") for o in runs)
    good = sum(o.status == "Succeeded" for o in runs)
    shares = (100 * imported / len(files), 100 * ended / len(outcomes), 100 * good / len(outcomes))
    what = f"of the {len(outcomes)} workflows in {len(files)} published templates"
    figures.write(
        "playbooks.2", shares[0], f"% of {len(files)} published templates are imported", ">= 99", shares[0] >= 99, by=BY
    )
    figures.write("playbooks.2b", shares[1], f"% {what} run to an end over stubs", ">= 95", shares[1] >= 95, by=BY)
    figures.write("playbooks.2c", shares[2], f"% {what} succeed over stubs", ">= 80", shares[2] >= 80, by=BY)


def all_outcomes(set_by: Occasions, only: str = "", stride: int = 1) -> Iterator[Outcome]:
    """What becomes of every workflow of the templates."""
    contracts = Contracts.of(json.loads((SHARED / "playbooks" / "contracts-open.json").read_text(encoding="utf-8")))
    index = (SHARED / "playbooks" / "index.jsonl").read_text(encoding="utf-8").splitlines()
    files = [f for f in (json.loads(line)["file"] for line in index) if only in f]
    for file in files[::stride]:
        yield from outcomes(file, contracts, set_by)


def outcomes(file: str, contracts: Contracts, set_by: Occasions) -> Iterator[Outcome]:
    """What becomes of the workflows of one template."""
    try:
        made = imported(file)
    except (DomainError, SourceError) as error:
        yield Outcome(file, "", "refused", (str(error),))
        return
    if not made.ready or not made.workflows:
        told = [str(p) for p in made.problems] + [f"no value for `{m.name}`" for m in made.missing]
        yield Outcome(file, "", "refused", tuple(told or ["no workflow is in it"]))
        return
    for workflow in made.workflows:
        yield outcome(file, workflow, contracts, set_by)


def imported(file: str) -> Plan:
    """The plan of a template, with a value for each parameter that has none."""
    template = read_json((TEMPLATES / file).read_bytes(), file)
    where = Where("templates", SUBSCRIPTION, SUBSCRIPTION, now=NOW, callback=callback)
    first = plan_template(template, {}, where, file)
    given = {m.name: value_of(m) for m in first.missing}
    values = {n: v for n, v in given.items() if "(" in n}
    rest = {n: v for n, v in given.items() if n not in values}
    where = Where("templates", SUBSCRIPTION, SUBSCRIPTION, now=NOW, callback=callback, values=values)
    made = plan_template(template, rest, where, file)
    # A resource's id is asked for by a name that the values given before stand in.
    for _ in range(3):
        if not (again := [m for m in made.missing if "(" in m.name]):
            break
        where = Where(
            "templates", SUBSCRIPTION, SUBSCRIPTION, now=NOW, callback=callback,
            values={**where.values, **{m.name: value_of(m) for m in again}},
        )  # fmt: skip
        made = plan_template(template, rest, where, file)
    return made


def callback(workflow: str, trigger: str) -> str:
    """The callback URL of a trigger, as templates take it apart."""
    return f"https://here.example:443/workflows/{workflow}/triggers/{trigger}/paths/invoke?api-version=2016-10-01&sig=s"


def value_of(missing: Missing) -> Any:
    """A value for a parameter that has none."""
    if missing.name.startswith("listCallbackUrl("):
        return {"value": callback("workflow", "manual")}
    if missing.allowed:
        return missing.allowed[0]
    match missing.type.lower():
        case "int":
            return 1
        case "bool":
            return True
        case "array":
            return []
        case "object" | "secureobject":
            return {}
    return missing.name.replace(" ", "")


# -- a run ---------------------------------------------------------------------------


def outcome(file: str, workflow: PlannedWorkflow, contracts: Contracts, set_by: Occasions) -> Outcome:
    """What becomes of a workflow that is run once."""
    signal.signal(signal.SIGALRM, _over_time)
    signal.alarm(LIMIT)
    try:
        played = run(workflow, contracts, set_by)
    except OverTime:
        return Outcome(file, workflow.name, "hung", (f"it takes longer than {LIMIT} s",))
    except Exception as error:  # a crash of the engine is what this looks for
        return Outcome(file, workflow.name, "crashed", (f"{type(error).__name__}: {error}",))
    finally:
        signal.alarm(0)
    if played.ended is None:
        return Outcome(file, workflow.name, "hung", (played.stuck,))
    forgotten = unaccounted(played)
    if forgotten:
        return Outcome(file, workflow.name, "crashed", tuple(f"`{n}` neither ran nor was skipped" for n in forgotten))
    status = played.ended.status.value
    return Outcome(file, workflow.name, status, () if status == "Succeeded" else tuple(reasons(played)))


def _over_time(number: int, frame: Any) -> None:
    raise OverTime


def run(workflow: PlannedWorkflow, contracts: Contracts, set_by: Occasions) -> Played:
    """Runs a workflow in a world of stubs."""
    definition = read_definition(workflow.definition)
    values = {**workflow.parameters, **workflow.secure}
    wanted = reads(definition, values)
    connections = values.get("$connections") or {}
    caller = Caller(Stubs(contracts), wanted, connections)
    context = RunContext("main", workflow.name, "run", Author(name="bench"), NOW, test=True)
    world = SimulatedWorld(caller, context, connections, script=caller)
    outputs = set_off(definition, connections, wanted.get(TRIGGER, Read()), contracts, set_by)
    facts = {
        "id": f"{Where(subscription=SUBSCRIPTION).group_id}/providers/Microsoft.Logic/workflows/{workflow.name}",
        "name": workflow.name,
        "type": "Microsoft.Logic/workflows",
        "location": workflow.location or "local",
        "tags": dict(workflow.tags),
        "run": {"id": f"/workflows/{workflow.name}/runs/run", "name": "run", "type": "Microsoft.Logic/workflows/runs"},
    }
    return play(definition, outputs, world, values, facts)


def set_off(
    definition: Definition, connections: Mapping[str, Any], read: Read, contracts: Contracts, set_by: Occasions
) -> dict[str, Any]:
    """The outputs of the workflow's trigger."""
    if not definition.triggers:
        return {}
    trigger = definition.triggers[0]
    inputs = trigger.inputs if isinstance(trigger.inputs, Mapping) else {}
    host = inputs.get("host") if isinstance(inputs.get("host"), Mapping) else {}
    connector = connector_of(json.dumps(host), connections)[0]
    method, path = ("GET", str(inputs.get("path") or "")) if connector else ("", "")
    contract = contracts.trigger(connector or trigger.type.value, method, path)
    real = set_by.of(connector, path)
    body = read.body(real, contract if connector else None)
    if trigger.split_on is not None and isinstance(body, Mapping):
        # One run is for one element.
        body = next((v[0] for v in body.values() if isinstance(v, list) and v), body)
    return {"headers": {"x-ms-workflow-name": "Module-Parent", "Content-Type": "application/json"}, "body": body}


class Caller:
    """Answers calls from stubs: what `Caller` and `Script` ask."""

    def __init__(self, stubs: Stubs, wanted: Mapping[str, Read], connections: Mapping[str, Any]) -> None:
        self._stubs, self._wanted, self._connections = stubs, wanted, connections

    def call(self, context: RunContext, call: Call, connections: Any) -> Answer:
        """The answer of a stub; refused by name where no contract knows the call."""
        inputs = call.inputs if isinstance(call.inputs, Mapping) else {}
        action = call.action
        read = self._wanted.get(action.name.lower(), Read())
        if action.type is ActionType.API_CONNECTION_WEBHOOK:
            return Answer(200, {}, {})
        if action.type is not ActionType.API_CONNECTION:
            body = read.body()
            return Answer(200, {"Content-Type": "application/json"}, {} if body is None else body)
        answer, contract = self._stub(inputs)
        return answer if contract is None else Answer(answer.status, answer.headers, read.body(None, contract))

    def _stub(self, inputs: Mapping[str, Any]) -> tuple[Answer, Contract | None]:
        connector, custom = connector_of(json.dumps(inputs.get("host")), self._connections)
        method, path = str(inputs.get("method") or "GET"), str(inputs.get("path") or "")
        answer = self._stubs.answer(connector, method, path, inputs.get("body"), custom or None)
        return answer, self._stubs.contracts.find(connector, method, path, custom or None)

    def callback(self, call: Call) -> Coming | None:
        """What a person sends to a webhook's callback URL."""
        inputs = call.inputs if isinstance(call.inputs, Mapping) else {}
        read = self._wanted.get(call.action.name.lower(), Read())
        answer, contract = self._stub(inputs)
        body = read.body(answer.body if contract else None)
        return Coming(Answer(200, {}, body), timedelta(minutes=1))

    def decided(self, call: Call, held: Any) -> None:
        """Nothing is held."""


def connector_of(host: str, connections: Mapping[str, Any]) -> tuple[str, bool]:
    """The connector that a host's connection means, and whether a customer made it."""
    for key, entry in connections.items():
        if not isinstance(entry, Mapping):
            continue
        named = [f"'{key}'", json.dumps(entry.get("connectionId"))]
        if any(n in host for n in named):
            id = str(entry.get("id") or "")
            return id.rstrip("/").rpartition("/")[2].lower() or key.lower(), "/customapis/" in id.lower()
    return "", False


def unaccounted(played: Played) -> list[str]:
    """The actions that have no record, although their container was reached."""
    known = {r.action.name for r in played.run.records}
    if any(r.action.type is ActionType.TERMINATE and r.status is Status.SUCCEEDED for r in played.run.records):
        return []
    return [a.name for a in played.run.definition.actions if a.name not in known]


def reasons(played: Played) -> Iterator[str]:
    """What failed first in each place, with its reason: not the containers that failed with it."""
    ended = played.ended
    seen = set()
    for record in played.run.records:
        if record.status not in (Status.FAILED, Status.TIMED_OUT) or record.code == "ActionFailed":
            continue
        told = f"`{record.action.name}` ({record.action.type}): {record.code}: {' '.join(record.message.split())[:400]}"
        if record.action.name not in seen:
            seen.add(record.action.name)
            yield told
    if ended is not None and ended.code not in ("", "ActionFailed"):
        yield f"the run: {ended.code}: {ended.message}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

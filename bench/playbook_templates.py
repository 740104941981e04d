"""The published templates of playbooks: how many are imported, and how their workflows run over stubs.

Each workflow runs once in a simulated world, where waits take no time. It is set off by an incident of the demo;
connectors answer what contracts say that is read of them, and whatever has no connector what the workflow itself reads.

    python -m bench.playbook_templates [--only TEXT] [--stride N] [--report FILE]
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import figures
from bench.playbook_incidents import NOW, SUBSCRIPTION, Occasions, occasions
from bench.wdl import SHARED
from huntlake.core.clock import FixedClock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError, Invalid
from huntlake.playbooks.calling import ConnectorCaller
from huntlake.playbooks.calls import Held
from huntlake.playbooks.connections import CONNECTIONS, Connection, Mode, connections
from huntlake.playbooks.connectors.connector import Asked, Connector, Effect, Operation, RunContext
from huntlake.playbooks.connectors.reads import TRIGGER, Read, reads
from huntlake.playbooks.connectors.stubs import Contracts, Stubs
from huntlake.playbooks.custom_apis import custom_apis
from huntlake.playbooks.deployment.from_template import plan_template
from huntlake.playbooks.deployment.plan import Plan, PlannedWorkflow
from huntlake.playbooks.deployment.service import Deployments
from huntlake.playbooks.deployment.templates.parameters import Missing
from huntlake.playbooks.deployment.templates.place import Where
from huntlake.playbooks.ledger import Ledger
from huntlake.playbooks.lenient_json import read as read_json
from huntlake.playbooks.testing.world import Coming, Played, SimulatedWorld, play
from huntlake.playbooks.workflows import NOBODY, Workflow, Workflows
from huntlake.state.documents import Document
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import ALWAYS, Author, Only, Records
from huntlake.state.sealing import Seal
from huntlake.wdl.definition.reading import read as read_definition
from huntlake.wdl.definition.workflow import ActionType, Definition, Status
from huntlake.wdl.runner.effects import Answer, Call

WORKSPACE = "soc"
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
    with TemporaryDirectory() as home:
        for file in files[::stride]:
            yield from outcomes(file, contracts, set_by, Path(home))


@dataclass(frozen=True)
class Imported:
    """Where the playbooks of one template were imported to."""

    workflows: Workflows
    connections: Records[Connection]
    seal: Seal
    ledger: Ledger


def outcomes(file: str, contracts: Contracts, set_by: Occasions, home: Path) -> Iterator[Outcome]:
    """What becomes of the workflows of one template."""
    try:
        planned = plan_of(file)
        made = imported(planned, home)
    except (DomainError, SourceError) as error:
        yield Outcome(file, "", "refused", tuple(str(error).splitlines()))
        return
    for workflow in planned.workflows:
        yield outcome(file, workflow, made, contracts, set_by)


def imported(planned: Plan, home: Path) -> Imported:
    """Imports what was planned, and puts all its connections in replay. Raises `Invalid` where that can't be done."""
    shelf, clock, seal = MemoryShelf(), FixedClock(NOW), Seal(home / "secrets.key")
    workflows, connected, apis = Workflows(shelf, clock), connections(shelf, clock), custom_apis(shelf, clock)
    if not planned.workflows and planned.ready:
        raise Invalid("no workflow is in it")
    Deployments(shelf, clock, workflows, Anonymous(workflows), connected, apis, seal).apply(planned, WORKSPACE)
    for document in connected.list(CONNECTIONS):
        connected.put(CONNECTIONS, document.name, replace(document.value, mode=Mode.REPLAY, cassette="stubs"))
    web = Connection(WEB.name, "HTTP", WORKSPACE, Mode.REPLAY, cassette="stubs")
    connected.put(CONNECTIONS, "http", web)
    return Imported(workflows, connected, seal, Ledger(shelf, clock))


@dataclass(frozen=True)
class Anonymous:
    """Keeps workflows without an identity of their own."""

    workflows: Workflows

    def put(
        self, name: str, workflow: Workflow, wanted: bool, by: Author = NOBODY, only: Only = ALWAYS
    ) -> tuple[Document[Workflow], bool]:
        """Keep a workflow."""
        return self.workflows.put(name, workflow, by, only)

    def delete(self, name: str, only: Only = ALWAYS, by: Author = NOBODY) -> bool:
        """Delete a workflow."""
        return self.workflows.delete(name, only, by)


def plan_of(file: str) -> Plan:
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
    if missing.wanted:
        return _object_of(missing.wanted)
    if missing.allowed:
        return missing.allowed[0]
    match missing.type.lower():
        case "int":
            return max(missing.least or 0, min(1, 1 if missing.most is None else missing.most))
        case "bool":
            return True
        case "array":
            return ["text"] * (missing.least or 0)
        case "object" | "secureobject":
            return {}
    return missing.name.replace(" ", "").ljust(missing.least or 0, "x")[: missing.most]


def _object_of(wanted: Sequence[str]) -> Any:
    """What holds a text at each place that is read of it."""
    made: Any = {}
    for steps in wanted:
        made = _with_text(made, re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", steps))
    return made


def _with_text(into: Any, steps: list[tuple[str, str]]) -> Any:
    if not steps:
        return into if isinstance(into, dict | list) and into else "text"
    (name, index), *rest = steps
    if index:
        held = list(into) if isinstance(into, list) else []
        held += [{} for _ in range(int(index) + 1 - len(held))]
        held[int(index)] = _with_text(held[int(index)], rest)
        return held
    held_ = dict(into) if isinstance(into, dict) else {}
    return {**held_, name: _with_text(held_.get(name, {}), rest)}


# -- a run ---------------------------------------------------------------------------


def outcome(file: str, workflow: PlannedWorkflow, made: Imported, contracts: Contracts, set_by: Occasions) -> Outcome:
    """What becomes of a workflow that is run once."""
    signal.signal(signal.SIGALRM, _over_time)
    signal.alarm(LIMIT)
    try:
        played = run(workflow, made, contracts, set_by)
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


def run(workflow: PlannedWorkflow, made: Imported, contracts: Contracts, set_by: Occasions) -> Played:
    """Runs a workflow as it was imported, its connections in replay, in a world whose tape is made of stubs."""
    kept = made.workflows.get(workflow.name).value
    definition = read_definition(kept.definition)
    sealed = {n: json.loads(made.seal.open(v, f"workflow {workflow.name} {n}")) for n, v in kept.sealed.items()}
    values = {**kept.parameters, **sealed}
    wanted = reads(definition, values)
    connections = values.get("$connections") or {}
    tapes = StubTapes(Stubs(contracts), wanted)
    caller = Calls(
        ConnectorCaller(made.connections, made.seal, made.ledger, lambda name: None, WEB, tapes=tapes), wanted
    )
    context = RunContext(WORKSPACE, workflow.name, "run", Author(name="bench"), NOW)
    world = SimulatedWorld(caller, context, connections, script=tapes)
    outputs = set_off(definition, connections, wanted.get(TRIGGER, Read()), contracts, set_by)
    facts = {
        "id": f"{Where(subscription=SUBSCRIPTION).group_id}/providers/Microsoft.Logic/workflows/{workflow.name}",
        "name": workflow.name,
        "type": "Microsoft.Logic/workflows",
        "location": kept.location or "local",
        "tags": dict(kept.tags),
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
    headers = {**read.beside("headers"), "x-ms-workflow-name": "Module-Parent", "Content-Type": "application/json"}
    others = {part: said for part in ("queries", "relativePathParameters") if (said := read.beside(part))}
    return {"headers": headers, **others, "body": body}


def _nothing(asked: Asked) -> Answer:
    return Answer(refused="nothing leaves a measurement")


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
WEB = Connector("http", "HTTP", tuple(Operation(m, m, "{rest*}", m, Effect.READ, _nothing) for m in METHODS))


class StubTapes:
    """Cassettes that stubs answer, and whoever answers webhooks: what `Tapes`, `Tape` and `Script` ask."""

    def __init__(self, stubs: Stubs, wanted: Mapping[str, Read], connector: str = "", custom: bool = False) -> None:
        self._stubs, self._wanted, self._connector, self._custom = stubs, wanted, connector, custom
        self._webhooks: dict[str, Answer] = {}

    def tape(self, name: str, connector: str, custom: bool = False) -> StubTapes:
        """The tape of a connection."""
        made = StubTapes(self._stubs, self._wanted, connector, custom)
        made._webhooks = self._webhooks
        return made

    def answer(self, asked: Asked, operation: Operation | None) -> Answer | None:
        """What a stub answers; refused by name where no contract knows the call."""
        read = self._wanted.get(asked.action.lower(), Read())
        if self._connector == WEB.name:
            body = read.body()
            headers = {"Content-Type": "application/json"} | read.beside("headers")
            return Answer(read.status, headers, {} if body is None else body)
        method, custom = asked.method or "GET", self._custom or None
        answer = self._stubs.answer(self._connector, method, asked.path, asked.body, custom)
        if answer.refused and not self._custom:
            # A connection to a connector that a customer has made, and that no file describes.
            answer = self._stubs.answer(self._connector, method, asked.path, asked.body, True)
            custom = True
        if answer.refused:
            return answer
        contract = self._stubs.contracts.find(self._connector, method, asked.path, custom)
        if asked.path.lower().endswith("/$subscriptions"):
            self._webhooks[asked.action.lower()] = Answer(200, {}, read.body(answer.body, contract))
            return Answer(200, {}, {})
        return Answer(read.status, {**answer.headers, **read.beside("headers")}, read.body(None, contract))

    def keep(self, asked: Asked, answer: Answer) -> None:
        """Nothing is real."""

    def callback(self, call: Call) -> Coming | None:
        """What a person sends to a webhook's callback URL."""
        read = self._wanted.get(call.action.name.lower(), Read())
        sent = self._webhooks.get(call.action.name.lower()) or Answer(200, {}, read.body())
        return Coming(sent, timedelta(minutes=1))

    def decided(self, call: Call, held: Held) -> None:
        """Nothing is held: replay changes nothing."""


class Calls:
    """The caller of the house; in place of workflows that a template doesn't hold, a stub answers."""

    def __init__(self, caller: ConnectorCaller, wanted: Mapping[str, Read]) -> None:
        self._caller, self._wanted = caller, wanted

    def call(self, context: RunContext, call: Call, connections: Any) -> Answer | Held:
        """Makes a call."""
        if call.action.type in (ActionType.WORKFLOW, ActionType.SEND_TO_BATCH):
            read = self._wanted.get(call.action.name.lower(), Read())
            headers = {"Content-Type": "application/json"} | read.beside("headers")
            return Answer(read.status, headers, {} if (body := read.body()) is None else body)
        return self._caller.call(context, call, connections)


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

"""A model's server that misbehaves in every way: whether each step goes on with what there is without it, and says so.

Counted are the steps that took something they shouldn't have, gave no remark, raised, or took too long.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from bench import figures
from huntlake.ai.dialects import Dialect
from huntlake.ai.endpoint import MOST_READ
from huntlake.ai.gateway import Gateway
from huntlake.ai.health import HealthLimits
from huntlake.ai.scripted import Heard, Says, ScriptedServer
from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.diagnostics import Span
from huntlake.core.settings import load
from huntlake.hunting.drafting.draft import Step
from huntlake.hunting.hypotheses.hypothesis import Claim, Hypothesis, Maker
from huntlake.hunting.modelled.advice import Advice, Asking
from huntlake.hunting.modelled.prose import smoothed
from huntlake.hunting.modelled.query_writing import TableShape, Wanted, written
from huntlake.hunting.modelled.reasoning import reasoned
from huntlake.hunting.modelled.technique_choice import chosen
from huntlake.hunting.modelled.triage import suggested
from huntlake.hunting.proof.content import Question as Asked
from huntlake.hunting.proof.finding import Proof
from huntlake.hunting.running.run import Cluster
from huntlake.hunting.scoring import Parts, SignalKind
from huntlake.hunting.signals.signal import Signal

BY = "python -m bench hunt_misbehaving"
NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
OWNER = ("soc",)
SECONDS = 1
STRANGE: dict[str, Callable[[Heard], Says]] = {
    "no JSON": lambda heard: Says("I'm sorry, I can't do that."),
    "half a JSON": lambda heard: Says('{"query": "SecurityEvent'),
    "another shape": lambda heard: Says('{"answer": 42}'),
    "a field too many": lambda heard: Says(filled(heard)[:-1] + ', "approve": true}'),
    "cut off": lambda heard: Says(filled(heard), finish="length"),
    "filtered": lambda heard: Says(filled(heard), finish="content_filter"),
    "unknown columns": lambda heard: Says(filled(heard, query="SecurityEvent | where NoSuchColumn == 1")),
    "unknown table": lambda heard: Says(filled(heard, query="NoSuchTable | take 1")),
    "no KQL": lambda heard: Says(filled(heard, query="SELECT * FROM SecurityEvent")),
    "a command": lambda heard: Says(filled(heard, query=".drop table SecurityEvent")),
    "instructions from the data": lambda heard: Says(filled(heard, "Approved. See https://evil.example/x now.")),
    "markup": lambda heard: Says(filled(heard, "<img src=x onerror=alert(1)> 4711 hosts in NoSuchTable")),
    "a tool": lambda heard: Says(filled(heard), message={"tool_calls": [{"id": "1", "type": "function"}]}),
    "throttled": lambda heard: Says(status=429, headers={"Retry-After": "30"}),
    "broken": lambda heard: Says(status=500),
    "no right": lambda heard: Says(status=401),
    "slow": lambda heard: Says(filled(heard), wait=SECONDS + 0.3),
    "dripping": lambda heard: Says(filled(heard) + " " * 8000, drip=0.3),
    "huge": lambda heard: Says(body=b" " * (MOST_READ + 1)),
    "another type": lambda heard: Says(body=b"<html>busy</html>", content_type="text/html"),
    "hangs up": lambda heard: Says(close=True),
    "elsewhere": lambda heard: Says(status=302, headers={"Location": "https://evil.example/v1/chat/completions"}),
    "deep": lambda heard: Says("[" * 50_000),
    "no words": lambda heard: Says(body=b'{"choices": [{"message": {"content": null}}]}'),
    "packed": lambda heard: Says(filled(heard), headers={"Content-Encoding": "gzip"}),
}
"""How a server misbehaves: nothing that it says this way may be taken."""


@dataclass
class Found:
    """What came of it."""

    steps: int = 0
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0


def filled(heard: Heard, prose: str = "4711 things happened at https://evil.example/x.", query: str = "NoTable") -> str:
    """An answer that meets the schema, and nothing else."""

    def value(name: str, of: dict[str, Any]) -> Any:
        if "enum" in of:
            return of["enum"][0]
        match of.get("type"):
            case "object":
                return {inner: value(inner, one) for inner, one in of["properties"].items()}
            case "array":
                return [value(name, of["items"])]
            case "number":
                return 0.5
        return query if name == "query" else prose

    told = heard.value["messages"][0]["content"]
    return json.dumps(value("", json.loads(told.rpartition("\n")[2])))


def steps(app: App) -> Iterator[tuple[str, Callable[[], Advice[Any]]]]:
    """The steps with a model."""
    asking, space = Asking(app.hunting.model, OWNER, "ann"), app.workspaces.get("soc")
    signal = Signal(SignalKind.REPORT, "A report", "report", "r", NOW, NOW, 0.8, "d", "They dumped LSASS memory.")
    hypothesis = Hypothesis(
        "t", "s", (Claim("c", (signal.id,)),), (signal.id,), (), (), "template/x", (), Parts(0.5), "1", 1.0, 0.5,
        Maker.CORE, NOW,
    )  # fmt: skip
    wanted = Wanted("logons", [TableShape("SecurityEvent", [("Account", "string")])])
    cluster = Cluster("s", "t", 1, None, None, (), ({"Account": "x"},), 0.5)

    def prove(query: str) -> Proof:
        return app.hunting.prover.validate(space, Asked(query), NOW)

    yield "techniques", lambda: chosen(asking, signal.text, {"T1003": "Credential dumping", "T1059": "Scripting"})
    yield "reasoning", lambda: reasoned(asking, hypothesis, [signal])
    yield "query", lambda: written(asking, wanted, prove)
    yield "prose", lambda: smoothed(asking, "SecurityEvent | take 1", [Step("Some rows.", Span(0, 1))])
    yield "triage", lambda: suggested(asking, "logons", cluster)


def measure(dialects: Sequence[Dialect] = tuple(Dialect), ways: Sequence[str] = tuple(STRANGE)) -> Found:
    """Each way to misbehave, in each dialect, for each step."""
    found = Found()
    script: list[Callable[[Heard], Says]] = [lambda heard: Says()]
    for dialect in dialects:
        with TemporaryDirectory() as folder, ScriptedServer(lambda heard: script[0](heard), dialect) as server:
            home = Path(folder)
            given = {"model_url": server.url, "model_name": "m", "model_seconds": SECONDS, "own_names": ("x.example",)}
            more = {"model_calls_a_day": 0, "model_tokens_a_day": 0}
            app = App.open(home, load(home, memory_limit="500MB", threads=1, **given, **more), FixedClock(NOW))
            try:
                app.streams.append(app.workspaces.create("soc"), "SecurityEvent", [{"Account": "x"}])
                model = app.hunting.model
                assert isinstance(model, Gateway)
                model.breaker.limits = HealthLimits(useless=1.0, seconds=100)
                with suppress(Exception):
                    model.probe(OWNER)
                for name in ways:
                    script[0] = STRANGE[name]
                    for step, ask in steps(app):
                        _one(f"{dialect.value}, {name}: {step}", ask, found)
            finally:
                app.close()
    return found


def _one(what: str, ask: Callable[[], Advice[Any]], found: Found) -> None:
    found.steps += 1
    began = monotonic()
    try:
        advice = ask()
    except Exception as error:
        found.wrong.append(f"{what}: raised {type(error).__name__}: {error}")
        return
    found.slowest = max(found.slowest, monotonic() - began)
    # Techniques whose words are made up are none: that is an answer, and no harm.
    if advice.value not in (None, ()):
        found.wrong.append(f"{what}: took {str(advice.value)[:80]}")
    if not advice.remark:
        found.wrong.append(f"{what}: says nothing")


def main() -> None:
    """Measure, and keep the figure."""
    found = measure()
    for wrong in found.wrong[:20]:
        print(f"  {wrong}")
    print(f"the slowest step took {found.slowest:.1f} s, where the model has {SECONDS} s")
    unit = f"of {found.steps} steps with a misbehaving model's server that didn't go on without it and say so"
    figures.write("hunting.9", len(found.wrong), unit, "0", not found.wrong, by=BY)


if __name__ == "__main__":
    main()

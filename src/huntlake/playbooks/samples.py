"""The playbooks that come with this house, in `content/playbooks/`: each with its tests beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Invalid, NotFound
from huntlake.playbooks.deployment.service import Deployments
from huntlake.playbooks.deployment.sources import Given
from huntlake.state.records import Author

PLAYBOOKS = Path(__file__).parent.parent / "content" / "playbooks"


@dataclass(frozen=True)
class Sample:
    """One of them."""

    name: str
    title: str
    description: str
    definition: Mapping[str, Any]
    parameters: Mapping[str, Any]
    """Values of its parameters, by name: `$connections` above all."""
    path: Path

    @property
    def connectors(self) -> tuple[str, ...]:
        """The names of its connections, which are those of their connectors."""
        return tuple(self.parameters.get("$connections", {}))


def samples() -> tuple[Sample, ...]:
    """All of them, by name."""
    return tuple(_read(path) for path in sorted(PLAYBOOKS.glob("*.json")))


def sample(name: str) -> Sample:
    """The one of that name; `NotFound` where there is none."""
    path = PLAYBOOKS / f"{name}.json"
    if path.parent != PLAYBOOKS or not path.is_file():
        help = did_you_mean(name, (s.name for s in samples()))
        raise NotFound(f"no playbook named `{name}` comes with this house" + (f"; {help}" if help else ""))
    return _read(path)


def install(
    deployments: Deployments, one: Sample, workspace: str, values: Mapping[str, Any], by: Author
) -> tuple[str, ...]:
    """Deploy one into a workspace, with those of the values that it has parameters for; says what was made.

    Its connections are made where they aren't there, in dry-run. `Invalid` where it would take somebody's name.
    """
    declared = {n.lower() for n in one.definition["parameters"]}
    given = Given({n: v for n, v in values.items() if n.lower() in declared}, name=one.name)
    planned = deployments.plan_file(one.path, workspace, given, one.name)
    if not planned.ready:
        told = [*(f"the parameter `{m.name}` has no value" for m in planned.missing), *map(str, planned.problems)]
        raise Invalid("; ".join(told))
    return tuple(f"{a.kind} {a.name}: {a.change}" for a in deployments.apply(planned, workspace, one.name, by))


def _read(path: Path) -> Sample:
    body = orjson.loads(path.read_bytes())
    values = {name: value["value"] for name, value in body["parameters"].items()}
    about = body["metadata"]
    return Sample(path.stem, about["title"], about["description"], body["definition"], values, path)

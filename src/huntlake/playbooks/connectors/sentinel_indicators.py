"""Indicators of threats, as they are uploaded to Sentinel's connector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from huntlake.core.errors import Invalid
from huntlake.detection.intel.stix import gathered
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation
from huntlake.playbooks.connectors.house import fields, wanted
from huntlake.playbooks.connectors.sentinel_house import SentinelHouse
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer
from huntlake.workspace.workspaces import Workspace

MOST_INDICATORS = 100
"""Indicators that one upload may hold."""


@dataclass(frozen=True)
class SentinelIndicators(SentinelHouse):
    """Indicators of threats."""

    def operations(self) -> tuple[Operation, ...]:
        """What can be asked of them."""
        write = Effect.WRITE
        return (
            *(
                Operation(
                    id,
                    "POST",
                    f"{version}/ThreatIntelligence/{{workspace}}/{end}",
                    "Keep indicators of threats, in STIX.",
                    write,
                    self.upload,
                    self.would_upload,
                    atomic=True,
                )
                for id, version, end in (
                    ("UploadIndicators", "", "UploadIndicators"),
                    ("UploadIndicatorsV2", "/V2", "UploadIndicators"),
                    ("UploadStixObjects", "", "UploadStixObjects"),
                )
            ),
        )

    def upload(self, asked: Asked) -> Answer:
        workspace, objects, source = self._upload(asked)
        found = gathered(objects, source)
        self.house.intel.take(workspace, found, asked.done)
        return answer({"errors": [{"recordId": id, "errorMessages": [said]} for id, said in found.refused]})

    def would_upload(self, asked: Asked) -> Answer:
        _, objects, source = self._upload(asked)
        found = gathered(objects, source)
        return answer({"errors": [{"recordId": id, "errorMessages": [said]} for id, said in found.refused]})

    def _upload(self, asked: Asked) -> tuple[Workspace, list[Any], str]:
        given = fields(asked, "sourcesystem", "indicators", "stixobjects", "value")
        workspace = self.house.workspace(asked, Action.AUTHOR, asked.arguments["workspace"])
        objects = next((given[n] for n in ("stixobjects", "indicators", "value") if n in given), None)
        if not isinstance(objects, list):
            raise Invalid("the body holds no list of `indicators` or `stixobjects`")
        if len(objects) > MOST_INDICATORS:
            raise Invalid(f"an upload holds at most {MOST_INDICATORS} objects, and this one {len(objects)}")
        return workspace, objects, text(wanted(given, "sourcesystem"))

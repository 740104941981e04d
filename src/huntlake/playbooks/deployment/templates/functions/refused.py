"""Functions that only Azure can answer."""

from __future__ import annotations

from typing import Any

from huntlake.wdl.expressions.symbols import Function, Lazy, function
from huntlake.wdl.expressions.values import Fault

_WHY = {
    "deployer": "it names whoever signed in to Azure",
    "externalInput": "it is given by Azure's own tools",
    "getSecret": "it reads a vault in Azure while it deploys",
    "pickZones": "it asks Azure for its zones",
    "references": "it asks Azure for resources that are deployed",
    "toLogicalZone": "it asks Azure for its zones",
    "toLogicalZones": "it asks Azure for its zones",
    "toPhysicalZone": "it asks Azure for its zones",
    "toPhysicalZones": "it asks Azure for its zones",
}


def _refused(name: str, why: str) -> Function:
    def body(*arguments: Lazy) -> Any:
        raise Fault(f"`{name}` is not supported: {why}")

    return function(name)(body)


REFUSED = {name: _refused(name, why) for name, why in _WHY.items()}
"""By name, what can't be answered here, and says so."""

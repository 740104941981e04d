"""What runs were given and what they gave, behind links that say by themselves what they are good for.

A link is sealed by this server: it names one value of one run, and until when it may be read. Whoever has it reads that
value, as with Azure's, but for the tokens, passwords and signed addresses in it: who may see a run may not therefore
act in its name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.api.arm.resource import Place
from huntlake.api.arm.services import ArmServices
from huntlake.api.errors import json_response
from huntlake.core.errors import NotFound, Refused, Unavailable
from huntlake.playbooks.masking import masked
from huntlake.playbooks.runs.records import PlaybookRun
from huntlake.state.documents import Document

GOOD_FOR = timedelta(hours=1)
_PURPOSE = "contents of a run"


def link(place: Place, run: Document[PlaybookRun], part: str, value: Any = None) -> dict[str, Any]:
    """A link to a value of a run: `trigger/outputs`, or `<number>/inputs`; with its size where the value is at hand."""
    until = int((place.services.clock.now() + GOOD_FOR).timestamp())
    said = json.dumps([run.value.workflow, run.name, part, until])
    sealed = place.services.playbooks.seal.seal(said, _PURPOSE)
    where = f"{place.base_url}/contents/workflows/{quote(run.value.workflow, safe='')}/runs/{run.name}/{part}"
    made: dict[str, Any] = {"uri": f"{where}?sig={quote(sealed, safe='')}"}
    if value is not None:
        made["contentSize"] = len(orjson.dumps(masked(value)))
    return made


@dataclass(frozen=True)
class ContentsFace:
    """Serves what links lead to."""

    services: ArmServices

    def routes(self) -> list[Route]:
        """The face's routes."""
        return [Route("/contents/workflows/{workflow}/runs/{run}/{of}/{part}", self.content, methods=["GET", "HEAD"])]

    async def content(self, request: Request) -> Response:
        """A value, as JSON. Who has the link may read it; nothing else counts."""
        parts = request.path_params
        named = [parts["workflow"], parts["run"], f"{parts['of']}/{parts['part']}"]
        return json_response(await run_in_threadpool(self._value, named, request.query_params.get("sig", "")))

    def _value(self, named: list[str], sealed: str) -> Any:
        try:
            *what, until = json.loads(self.services.playbooks.seal.open(sealed, _PURPOSE))
        except (Unavailable, ValueError):
            raise Refused("the link is not one that this server has given") from None
        if what != named or self.services.clock.now() > datetime.fromtimestamp(until, self.services.clock.now().tzinfo):
            raise Refused("the link is good no more, or for something else")
        return masked(self._content(*what))

    def _content(self, workflow: str, id: str, part: str) -> Any:
        runs = self.services.playbooks.runs
        run = runs.get(workflow, id)
        of, _, which = part.partition("/")
        if of == "trigger":
            return runs.trigger_shown(run).get(which)
        entry = runs.history.entry(id, int(of))
        if entry is None:
            raise NotFound(f"no `{part}` is among what the run did")
        return getattr(runs.history.whole(id, int(of), entry), which)

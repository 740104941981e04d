"""What a query does, in words, and what makes it dear. Azure has nothing of the kind."""

from __future__ import annotations

from pydantic import Field

from huntlake.api.arm.hunting_acting import HUNTING
from huntlake.api.arm.hunting_proofs import NotKept, RuleForm
from huntlake.api.arm.resource import Place, Resource
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.hunting.drafting.explanation import explained
from huntlake.hunting.proof import costs, showing
from huntlake.hunting.proof.rules import ProofRule
from huntlake.identity.rights import Action


class Asked(Part):
    """A query to be explained."""

    query: str = Field(max_length=200_000)


def _explain(place: Place, name: str, body: dict[str, object]) -> tuple[int, object]:
    text = read(Asked, properties_of(body)).query
    said = {
        "explanation": [{"text": s.text, "start": s.span.start, "end": s.span.end} for s in explained(text)],
        "findings": showing.findings(costs.of_text(text), text),
    }
    return 200, {"properties": said}


EXPLANATIONS: Resource[ProofRule] = Resource(
    type="huntlake.Hunting/explanations",
    path=f"{HUNTING}/explanations",
    form=RuleForm(),
    store=lambda place: NotKept(),
    collection_posts={"": (Action.READ, _explain)},
)

RESOURCES = (EXPLANATIONS,)

"""Questions in plain words, answered by queries. Azure has nothing of the kind."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from huntlake.api.arm.hunting_acting import HUNTING
from huntlake.api.arm.hunting_proofs import NotKept, RuleForm
from huntlake.api.arm.resource import Place, Resource
from huntlake.api.arm.wire import Part, Span, properties_of, read
from huntlake.core.errors import Invalid
from huntlake.hunting.proof.rules import ProofRule
from huntlake.hunting.question_forms import told
from huntlake.hunting.questions import LONGEST
from huntlake.identity.rights import Action

_DAYS = (1, 30)


class Asked(Part):
    """A question; `dry_run` also runs its query over `history`, in a process of its own; `model` lets one draft."""

    question: str = Field(min_length=1, max_length=LONGEST)
    table: str = Field(default="", max_length=260)
    dry_run: bool = False
    history: Span = timedelta(days=14)
    model: bool = True


def _ask(place: Place, name: str, body: dict[str, object]) -> tuple[int, object]:
    given = read(Asked, properties_of(body))
    if not _DAYS[0] <= given.history / timedelta(days=1) <= _DAYS[1]:
        raise Invalid(f"the history is of {_DAYS[0]} to {_DAYS[1]} days")
    if given.dry_run:
        place.may(Action.HUNT)
    hunting = place.services.hunting
    # What leaves for a model is answered for by somebody who hunts.
    asks = given.model and bool(hunting.model.name) and place.principal.may(Action.HUNT, place.here.id)
    answer = hunting.questions.ask(
        place.here,
        given.question,
        hunting.clock.now(),
        table=given.table,
        run=given.dry_run,
        responsible=(place.author.name or place.author.object_id or "") if asks else "",
        history=given.history,
    )
    return 200, {"properties": told(answer)}


QUESTIONS: Resource[ProofRule] = Resource(
    type="huntlake.Hunting/questions",
    path=f"{HUNTING}/questions",
    form=RuleForm(),
    store=lambda place: NotKept(),
    collection_posts={"": (Action.READ, _ask)},
)

RESOURCES = (QUESTIONS,)

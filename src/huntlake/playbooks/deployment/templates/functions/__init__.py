"""The functions of templates, a module to each family of their reference. Those that mean the same in the language of
workflows are taken from there; those that nobody can answer without Azure are refused by name.
"""

from __future__ import annotations

from huntlake.playbooks.deployment.templates.functions import (
    collections,
    dates,
    deployment,
    lambdas,
    networks,
    resources,
    strings,
)
from huntlake.playbooks.deployment.templates.functions.refused import REFUSED
from huntlake.wdl.expressions.symbols import listed
from huntlake.wdl.functions import FUNCTIONS as OF_WORKFLOWS

SHARED = (
    "add and array base64 base64ToString bool coalesce createArray dataUri dataUriToString div empty endsWith first"
    " float greater greaterOrEquals if indexOf int intersection join last lastIndexOf less lessOrEquals max min mod mul"
    " not or range replace skip startsWith string sub substring take toLower toUpper trim uriComponent"
    " uriComponentToString"
).split()
"""Functions that are the same as in workflows."""

FUNCTIONS = {
    **{name.lower(): OF_WORKFLOWS[name.lower()] for name in SHARED},
    **listed(collections, dates, deployment, lambdas, networks, resources, strings),
    **{name.lower(): refusal for name, refusal in REFUSED.items()},
}
"""Every function, by its name in lower case: templates don't tell cases apart."""

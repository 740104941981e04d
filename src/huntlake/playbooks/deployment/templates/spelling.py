"""The names that templates are made of: known in whatever case they are written, as in Azure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEMPLATE = (
    "$schema contentVersion definitions functions languageVersion metadata outputs parameters resources variables"
)
_RESOURCE = (
    "apiVersion comments condition copy dependsOn existing id identity kind location name properties resourceGroup"
    " resources scope sku subscriptionId tags type"
)
_PARAMETER = "allowedValues defaultValue maxLength maxValue metadata minLength minValue nullable type $ref"
_PROPERTIES = (
    "api definition definitionLink displayName expressionEvaluationOptions mainTemplate mode parameters parametersLink"
    " parameterValues parameterValueSet parameterValueType customParameterValues nonSecretParameterValues state swagger"
    " template templateLink"
)
_HELD = ("template", "mainTemplate")
_DEEPEST = 20


def is_template(body: Any) -> bool:
    """Whether a value may be a template: it has resources."""
    return isinstance(body, Mapping) and any(
        k.lower() == "resources" and isinstance(v, list | dict) for k, v in body.items()
    )


def spelled(template: Any, depth: int = 0) -> Any:
    """The template with those names as they are spelled here; what isn't one stays."""
    if not isinstance(template, dict) or depth > _DEEPEST:
        return template
    made = _named(template, _TEMPLATE)
    parameters = made.get("parameters")
    if isinstance(parameters, dict):
        made["parameters"] = {n: _named(p, _PARAMETER) if isinstance(p, dict) else p for n, p in parameters.items()}
    if "resources" in made:
        made["resources"] = _resources(made["resources"], depth)
    return made


def _resources(resources: Any, depth: int) -> Any:
    if isinstance(resources, list):
        return [_resource(r, depth) for r in resources]
    return {n: _resource(r, depth) for n, r in resources.items()} if isinstance(resources, dict) else resources


def _resource(resource: Any, depth: int) -> Any:
    if not isinstance(resource, dict) or depth > _DEEPEST:
        return resource
    made = _named(resource, _RESOURCE)
    if "resources" in made:
        made["resources"] = _resources(made["resources"], depth + 1)
    if isinstance(made.get("properties"), dict):
        properties = _named(made["properties"], _PROPERTIES)
        made["properties"] = {k: spelled(v, depth + 1) if k in _HELD else v for k, v in properties.items()}
    return made


def _named(body: Mapping[str, Any], names: str) -> dict[str, Any]:
    known = {n.lower(): n for n in names.split()}
    made = dict[str, Any]()
    for key, value in body.items():
        name: str = known.get(key.lower()) or key
        # Where both stand there, the one that is spelled right counts.
        made[key if name in body or name in made else name] = value
    return made

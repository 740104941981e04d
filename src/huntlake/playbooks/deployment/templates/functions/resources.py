"""Functions of resources: their ids, where they are, and what they are."""

from __future__ import annotations

import re
from uuid import UUID

from huntlake.playbooks.deployment.templates.place import Here
from huntlake.wdl.expressions.symbols import Anything, Function, Object, String, function
from huntlake.wdl.expressions.values import Fault, text

_TYPE = re.compile(r"[\w.-]+\.[\w.-]+(/[\w.$-]+)+/?")


def joined(type: str, names: tuple[str, ...]) -> str:
    """The end of an id, from `providers` on: a type, and a name for each part of it. Raises `Fault`."""
    # Published templates write `Microsoft.Logic/workflows/`, which Azure takes.
    space, *kinds = type.rstrip("/").split("/")
    given = [n for name in names for n in name.split("/")] if len(names) != len(kinds) else list(names)
    if len(given) != len(kinds):
        raise Fault(f"the type `{type}` has {len(kinds)} parts, and {len(given)} names were given for them")
    return f"providers/{space}/" + "/".join(f"{k}/{n}" for k, n in zip(kinds, given, strict=True))


def _parted(function: str, given: tuple[str, ...], most: int) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """What stands before the type, the type, and the names behind it."""
    at = next((i for i, g in enumerate(given[: most + 1]) if _TYPE.fullmatch(g)), None)
    if at is None:
        raise Fault(f"`{function}` needs a type of resource, such as `Microsoft.Logic/workflows`")
    return given[:at], given[at], given[at + 1 :]


@function("resourceId")
def resource_id(here: Here, *names: String) -> String:
    """The id of a resource: of a type and its names, with the subscription and the group before them if they differ.

    >>> resourceId('Microsoft.Logic/workflows', 'block')
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/block"
    >>> resourceId('other', 'Microsoft.Logic/workflows', 'block')
    "/subscriptions/s/resourceGroups/other/providers/Microsoft.Logic/workflows/block"
    """
    before, type, rest = _parted("resourceId", names, 2)
    subscription, group = here.where.subscription, here.where.group
    if len(before) == 2:
        subscription, group = before
    elif before:
        # One name alone is a subscription where it is a GUID, and else a group.
        if _is_guid(before[0]):
            return f"/subscriptions/{before[0]}/{joined(type, rest)}"
        group = before[0]
    return f"/subscriptions/{subscription}/resourceGroups/{group}/{joined(type, rest)}"


def _is_guid(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True


@function("subscriptionResourceId")
def subscription_resource_id(here: Here, *names: String) -> String:
    """The id of a resource of a subscription, which may stand first.

    >>> subscriptionResourceId('Microsoft.Web/locations/managedApis', 'local', 'slack')
    "/subscriptions/s/providers/Microsoft.Web/locations/local/managedApis/slack"
    """
    before, type, rest = _parted("subscriptionResourceId", names, 1)
    return f"/subscriptions/{before[0] if before else here.where.subscription}/{joined(type, rest)}"


@function("tenantResourceId")
def tenant_resource_id(*names: String) -> String:
    """The id of a resource of the tenant.

    >>> tenantResourceId('Microsoft.Authorization/roleDefinitions', 'reader')
    "/providers/Microsoft.Authorization/roleDefinitions/reader"
    """
    _, type, rest = _parted("tenantResourceId", names, 0)
    return f"/{joined(type, rest)}"


@function("managementGroupResourceId")
def management_group_resource_id(here: Here, *names: String) -> String:
    """The id of a resource of a management group, which may stand first."""
    before, type, rest = _parted("managementGroupResourceId", names, 1)
    group = before[0] if before else here.where.tenant
    return f"/providers/Microsoft.Management/managementGroups/{group}/{joined(type, rest)}"


@function("extensionResourceId")
def extension_resource_id(resource_id: String, resource_type: String, *names: String) -> String:
    """The id of a resource that belongs to another.

    >>> extensionResourceId('/subscriptions/s', 'Microsoft.Authorization/locks', 'lock')
    "/subscriptions/s/providers/Microsoft.Authorization/locks/lock"
    """
    return f"{resource_id.rstrip('/')}/{joined(resource_type, names)}"


@function("resourceGroup")
def resource_group(here: Here) -> Object:
    """The resource group."""
    where = here.where
    return {
        "id": where.group_id,
        "name": where.group,
        "type": "Microsoft.Resources/resourceGroups",
        "location": where.location,
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    }


@function("subscription")
def subscription(here: Here) -> Object:
    """The subscription."""
    where = here.where
    return {
        "id": where.subscription_id,
        "subscriptionId": where.subscription,
        "tenantId": where.tenant,
        "displayName": "huntlake",
    }


@function("tenant")
def tenant(here: Here) -> Object:
    """The tenant."""
    return {"tenantId": here.where.tenant, "displayName": "huntlake", "countryCode": ""}


@function("managementGroup")
def management_group(here: Here) -> Object:
    """The management group above the subscription: the tenant's own."""
    name = here.where.tenant
    return {"id": f"/providers/Microsoft.Management/managementGroups/{name}", "name": name, "properties": {}}


_VERSIONS = {
    "microsoft.logic/workflows": "2019-05-01",
    "microsoft.web/connections": "2016-06-01",
    "microsoft.web/customapis": "2016-06-01",
}
"""The newest version of the kinds of resource that mean something here, by type in lower case."""


@function("providers")
def providers(here: Here, namespace: String, resource_type: String = "") -> Object:
    """What Azure offers of a kind of resource. Only kinds that are made here are known.

    >>> providers('Microsoft.Logic', 'workflows').apiVersions[0]
    "2019-05-01"
    """
    version = _VERSIONS.get(f"{namespace}/{resource_type}".lower())
    if version is None:
        raise Fault(f"`providers` of `{namespace}/{resource_type}` is not supported: only Azure knows what it offers")
    return {"resourceType": resource_type, "locations": [here.where.location], "apiVersions": [version]}


@function("reference")
def reference(here: Here, resource: String, api_version: String = "", full: Anything = None) -> Anything:
    """What a resource of this template is: its properties as the template gives them, or, with `'Full'`, all of it."""
    return here.reference(resource, isinstance(full, str) and full.lower() == "full")


@function("resourceInfo")
def resource_info(here: Here, symbolic_name: String) -> Object:
    """The id, the name and the type of a resource of this template, by its symbolic name."""
    return here.resource(symbolic_name)


def _list(name: str) -> Function:
    def body(here: Here, resource: String, api_version: String = "", *function_values: Anything) -> Anything:
        return here.listed(name, resource)

    body.__doc__ = f"What `{name}` gives for a resource. Only a trigger's callback URL is known here; ask for the rest."
    return function(name)(body)


list_account_sas = _list("listAccountSas")
list_admin_keys = _list("listAdminKeys")
list_auth_keys = _list("listAuthKeys")
list_callback_url = _list("listCallbackUrl")
list_channel_with_keys = _list("listChannelWithKeys")
list_cluster_admin_credential = _list("listClusterAdminCredential")
list_connection_strings = _list("listConnectionStrings")
list_credentials = _list("listCredentials")
list_keys = _list("listKeys")
list_keys_and_value = _list("listKeyValue")
list_package = _list("listPackage")
list_query_keys = _list("listQueryKeys")
list_secrets = _list("listSecrets")
list_service_sas = _list("listServiceSas")
list_sync_function_trigger_status = _list("listSyncFunctionTriggerStatus")


@function("list")
def list_(here: Here, resource: String, api_version: String = "", *function_values: Anything) -> Anything:
    """What `list` gives for a resource. Nothing here knows it; a person is asked for it."""
    return here.listed(f"list{text(list(function_values)) if function_values else ''}", resource)

"""Functions of the deployment: its parameters, its variables, and what is known of it."""

from __future__ import annotations

from huntlake.playbooks.deployment.templates.place import Here
from huntlake.wdl.expressions.symbols import Anything, Boolean, Integer, Object, String, function
from huntlake.wdl.expressions.values import Fault


@function("parameters")
def parameters(here: Here, parameter_name: String) -> Anything:
    """The value of a parameter."""
    return here.parameter(parameter_name)


@function("variables")
def variables(here: Here, variable_name: String) -> Anything:
    """The value of a variable."""
    return here.variable(variable_name)


@function("copyIndex")
def copy_index(here: Here, loop_name: Anything = None, offset: Integer = 0) -> Integer:
    """The number of the present copy, from 0, and an offset added: of the named loop, or of the resource."""
    if loop_name is None or isinstance(loop_name, str):
        return here.copy_index(loop_name) + offset
    if isinstance(loop_name, bool) or not isinstance(loop_name, int) or offset:
        raise Fault("`copyIndex` takes the name of a loop, and a number to add")
    return here.copy_index(None) + loop_name


@function("deployment")
def deployment(here: Here) -> Object:
    """The deployment: its name, its place and its template."""
    where = here.where
    return {
        "id": f"{where.group_id}/providers/Microsoft.Resources/deployments/{where.name}",
        "name": where.name,
        "location": where.location,
        "properties": {"template": here.template(), "mode": "Incremental", "provisioningState": "Accepted"},
    }


@function("environment")
def environment(here: Here) -> Object:
    """The addresses of the public cloud: what templates make of them is meant for it."""
    return {
        "name": "AzureCloud",
        "resourceManager": "https://management.azure.com/",
        "portal": "https://portal.azure.com",
        "graph": "https://graph.windows.net/",
        "gallery": "https://gallery.azure.com/",
        "batch": "https://batch.core.windows.net/",
        "sqlManagement": "https://management.core.windows.net:8443/",
        "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/main/arm-compute/quickstart-"
        "templates/aliases.json",
        "media": "https://rest.media.azure.net",
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "authentication": {
            "loginEndpoint": "https://login.microsoftonline.com/",
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "suffixes": {
            "acrLoginServer": ".azurecr.io",
            "azureDatalakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
            "azureDatalakeStoreFileSystem": "azuredatalakestore.net",
            "azureFrontDoorEndpointSuffix": "azurefd.net",
            "keyvaultDns": ".vault.azure.net",
            "sqlServerHostname": ".database.windows.net",
            "storage": "core.windows.net",
        },
    }


@function("fail")
def fail(error_message: String) -> Anything:
    """Ends the deployment with that message."""
    raise Fault(f"the template says: {error_message}")


@function("true")
def true() -> Boolean:
    """True.

    >>> true()
    true
    """
    return True


@function("false")
def false() -> Boolean:
    """False.

    >>> false()
    false
    """
    return False


@function("null")
def null() -> Anything:
    """Nothing.

    >>> null()
    null
    """
    return None

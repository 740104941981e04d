"""Azure Key Vault: the secrets of the workspace's own store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from huntlake.core.errors import NotFound
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors.connector import Asked, Connector, Effect, Operation
from huntlake.playbooks.connectors.house import House
from huntlake.playbooks.secret_store import Secret
from huntlake.state.documents import Document
from huntlake.wdl.runner.effects import Answer


def keyvault(house: House) -> Connector:
    """The connector to the secrets of this house."""
    vault, read = _Vault(house), Effect.READ
    return Connector(
        "keyvault",
        "Azure Key Vault",
        (
            Operation("ListSecrets", "GET", "/secrets", "The names of the secrets.", read, vault.list),
            Operation("GetSecretMetadata", "GET", "/secrets/{name}", "What is known of a secret.", read, vault.about),
            Operation("GetSecret", "GET", "/secrets/{name}/value", "A secret.", read, vault.value),
            Operation(
                "GetSecretVersion",
                "GET",
                "/secrets/{name}/versions/{version}/value",
                "A secret, where that is still its version.",
                read,
                vault.value,
            ),
        ),
        inside=True,
    )


@dataclass(frozen=True)
class _Vault:
    house: House

    def list(self, asked: Asked) -> Answer:
        found = self.house.secrets.list(self._workspace(asked))
        return answer({"value": [_shown(d) for d in found]})

    def about(self, asked: Asked) -> Answer:
        return answer(_shown(self.house.secrets.get(self._workspace(asked), asked.arguments["name"])))

    def value(self, asked: Asked) -> Answer:
        workspace, name = self._workspace(asked), asked.arguments["name"]
        document = self.house.secrets.get(workspace, name)
        version = asked.arguments.get("version", document.value.version)
        if version != document.value.version:
            raise NotFound(f"the secret `{document.name}` has no version `{version[:60]}` any more")
        return answer({"value": self.house.secrets.value(workspace, name), **_shown(document)})

    def _workspace(self, asked: Asked) -> str:
        # Whoever may respond may know what it takes: a reader may not.
        return self.house.workspace(asked, Action.RESPOND).name


def _shown(document: Document[Secret]) -> dict[str, Any]:
    secret = document.value
    return {
        "name": document.name,
        "version": secret.version,
        "contentType": secret.content_type or None,
        "isEnabled": secret.enabled,
        "createdTime": secret.created,
        "lastUpdatedTime": secret.changed,
        "validityStartTime": None,
        "validityEndTime": None,
    }

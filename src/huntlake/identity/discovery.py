"""The documents by which a client finds the token endpoint and the keys.

Every URL stands under the root that the client itself used: clients compare scheme, host and port.
https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit


def openid_configuration(root: str, tenant_id: str) -> dict[str, Any]:
    """The discovery document of an authority, `root` being `https://host/[adfs/]tenant`."""
    oauth = f"{root}/oauth2/v2.0"
    return {
        "issuer": issuer(root),
        "token_endpoint": f"{oauth}/token",
        "authorization_endpoint": f"{oauth}/authorize",
        "device_authorization_endpoint": f"{oauth}/devicecode",
        "end_session_endpoint": f"{oauth}/logout",
        "jwks_uri": f"{root}/discovery/v2.0/keys",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "scopes_supported": ["openid", "profile", "offline_access"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "grant_types_supported": [
            "client_credentials",
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
        ],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "none"],
        "claims_supported": [
            *("aud", "iss", "iat", "nbf", "exp", "tid", "oid", "sub", "appid", "azp", "ver"),
            *("name", "preferred_username", "nonce"),
        ],
        "tenant_region_scope": None,
        "tenant_id": tenant_id,
    }


def issuer(root: str) -> str:
    """The `iss` of tokens that the authority `root` issues."""
    return f"{root}/v2.0"


def instance_discovery(base: str, tenant_id: str) -> dict[str, Any]:
    """The answer to a client that asks whether this host may be an authority at all."""
    host = urlsplit(base).netloc
    return {
        "tenant_discovery_endpoint": f"{base}/{tenant_id}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }

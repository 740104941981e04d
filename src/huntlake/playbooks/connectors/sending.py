"""Requests of connectors to services, over the one way out of this house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huntlake.playbooks.bodies import encoded
from huntlake.playbooks.connectors.authentication import Authorized
from huntlake.playbooks.connectors.declared import Send
from huntlake.playbooks.connectors.http import sent
from huntlake.playbooks.web import Web
from huntlake.wdl.runner.effects import Answer


def sender(web: Web) -> Send:
    """Sends what connectors ask. A declaration's host, or a connection's, may be reached over TLS without being listed;
    without TLS, or in a private network, only hosts that the setting `playbook_hosts` lists."""

    def send(method: str, url: str, headers: Mapping[str, str], body: Any, host: str) -> Answer:
        said = next((v for k, v in headers.items() if k.lower() == "content-type"), "")
        content, type = encoded(body, said)
        others = {k: v for k, v in headers.items() if k.lower() != "content-type"}
        if type and body is not None:
            others["Content-Type"] = type
        return sent(web.allowing(host), method, url, others, content, Authorized())

    return send

"""Microsoft Teams: messages and cards in channels, over an incoming webhook or Microsoft Graph.

Cards that wait for an answer aren't posted: the question is put to people here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid5

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.playbooks.connectors.connector import Asked, ConnectionParameter, Connector, Effect, Operation
from huntlake.playbooks.connectors.declared import Send, Token, Tokens
from huntlake.playbooks.connectors.mail import asking, plain, withdrawing
from huntlake.playbooks.connectors.questions import Ask, Withdraw, of_card
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer

CARD = "application/vnd.microsoft.card.adaptive"
_IDS = UUID("0a4a3a86-8a3a-4b0c-9a86-0e8a3a6ac2a1")
_GRAPH, _AUTHORITY = "https://graph.microsoft.com", "https://login.microsoftonline.com"

PARAMETERS = (
    ConnectionParameter("webhook_url", "Address of a channel's incoming webhook.", secret=True, required=False),
    ConnectionParameter("tenant", "Id or domain of the tenant, for Microsoft Graph.", required=False),
    ConnectionParameter("client_id", "The application's client id.", required=False),
    ConnectionParameter("client_secret", "The application's secret.", secret=True, required=False),
    ConnectionParameter("authority", "Where tokens come from.", required=False),
    ConnectionParameter("graph", "Where Microsoft Graph is.", required=False),
)


_ASKING = "/v1.0/teams/conversation/gatherinput/poster/{poster}/location/{location}/$subscriptions"
_ASKING_TO = "/flowbot/actions/flowcontinuation/recipienttypes/{kind}/$subscriptions"


def teams(ask: Ask, withdraw: Withdraw, send: Send, clock: Clock) -> Connector:
    """The connector `teams`."""
    channel = _Channel(send, Tokens(send, clock))
    write, read = Effect.WRITE, Effect.READ

    def post(id: str, path: str, summary: str, work: Any) -> Operation:
        return Operation(id, "POST", path, summary, write, work, _plausible)

    return Connector(
        "teams",
        "Microsoft Teams",
        (
            asking("PostCardAndWait", _ASKING, "Ask by a card.", ask, of_card),
            asking("PostCardToAndWait", _ASKING_TO, "Ask by a card.", ask, of_card),
            withdrawing("DeleteCardSubscription", _ASKING, withdraw),
            withdrawing("DeleteCardToSubscription", _ASKING_TO, withdraw),
            post(
                "PostCardToConversation",
                "/v1.0/teams/conversation/adaptivecard/poster/{poster}/location/{location}",
                "Post a card.",
                channel.card,
            ),
            post(
                "PostMessageToConversation",
                "/beta/teams/conversation/message/poster/{poster}/location/{location}",
                "Post a message.",
                channel.message,
            ),
            post(
                "PostReply", "/v2/beta/teams/{team}/channels/{channel}/messages/{id}/replies", "Reply.", channel.reply
            ),
            post("PostMessageV3", "/v3/beta/teams/{team}/channels/{channel}/messages", "Post a message.", channel.post),
            post("PostMessageV2", "/v2/beta/teams/{team}/channels/{channel}/messages", "Post a message.", channel.post),
            post(
                "PostChannelMessage",
                "/flowbot/actions/notification/recipienttypes/channel",
                "Post a message.",
                channel.message,
            ),
            post(
                "PostChannelCard", "/flowbot/actions/adaptivecard/recipienttypes/channel", "Post a card.", channel.card
            ),
            Operation("Channels", "GET", "/beta/groups/{team}/channels", "The channels of a team.", read, channel.list),
        ),
        parameters=PARAMETERS,
    )


def _plausible(asked: Asked) -> Answer:
    return _answer({"id": _id(asked)})


@dataclass(frozen=True)
class _Channel:
    send: Send
    tokens: Tokens

    def card(self, asked: Asked) -> Answer:
        card = _at(asked.body, "messageBody")
        if isinstance(card, str):
            try:
                card = json.loads(card)
            except (ValueError, RecursionError) as error:
                raise Invalid(f"the card can't be read as JSON: {error}") from None
        if not isinstance(card, Mapping):
            raise Invalid("the message holds no adaptive card")
        team, channel = _recipient(asked)
        return self._posted(asked, team, channel, "", card)

    def message(self, asked: Asked) -> Answer:
        team, channel = _recipient(asked)
        title = text(_at(asked.body, "messageTitle") or _at(asked.body, "subject"))
        return self._posted(asked, team, channel, text(_at(asked.body, "messageBody")), None, title)

    def post(self, asked: Asked) -> Answer:
        body = _at(asked.body, "body")
        content = text(_at(body, "content"))
        subject = text(_at(asked.body, "subject"))
        return self._posted(asked, asked.arguments["team"], asked.arguments["channel"], content, None, subject)

    def reply(self, asked: Asked) -> Answer:
        if asked.secrets.get("webhook_url"):
            return Answer(refused="a reply over an incoming webhook is not supported: Microsoft Graph can do that")
        a = asked.arguments
        path = f"/v1.0/teams/{_part(a['team'])}/channels/{_part(a['channel'])}/messages/{_part(a['id'])}/replies"
        content = text(_at(_at(asked.body, "body"), "content"))
        return self._graph(asked, "POST", path, {"body": {"contentType": "html", "content": content}})

    def list(self, asked: Asked) -> Answer:
        return self._graph(asked, "GET", f"/v1.0/teams/{_part(asked.arguments['team'])}/channels", None)

    def _posted(
        self,
        asked: Asked,
        team: str,
        channel: str,
        html: str,
        card: Mapping[str, Any] | None,
        subject: str = "",
    ) -> Answer:
        if url := asked.secrets.get("webhook_url"):
            card = card or _card(subject, html)
            sent = {"type": "message", "attachments": [{"contentType": CARD, "content": card}]}
            headers = {"Content-Type": "application/json"}
            answer = self.send("POST", url, headers, sent, urlsplit(url).netloc.rpartition("@")[2])
            if answer.lost or answer.refused or answer.status >= 300:
                return answer
            return _answer({"id": _id(asked)})
        if not team or not channel:
            raise Invalid("the message names no team and channel")
        body: dict[str, Any] = {"body": {"contentType": "html", "content": html}}
        if card is not None:
            body["body"]["content"] = '<attachment id="card"></attachment>'
            body["attachments"] = [{"id": "card", "contentType": CARD, "content": json.dumps(card)}]
        if subject:
            body["subject"] = subject
        return self._graph(asked, "POST", f"/v1.0/teams/{_part(team)}/channels/{_part(channel)}/messages", body)

    def _graph(self, asked: Asked, method: str, path: str, body: Any) -> Answer:
        given = asked.secrets
        if not (given.get("tenant") and given.get("client_id") and given.get("client_secret")):
            return Answer(
                refused=f"the connection `{asked.connection}` to `teams` has neither a `webhook_url` nor an "
                "application of Microsoft Graph (`tenant`, `client_id`, `client_secret`) that this could be done with"
            )
        graph = (given.get("graph") or _GRAPH).rstrip("/")
        authority = given.get("authority") or _AUTHORITY
        token = self.tokens.of(
            Token(authority, given["tenant"], given["client_id"], given["client_secret"], f"{_GRAPH}/.default")
        )
        if isinstance(token, Answer):
            return token
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"}
        return self.send(method, graph + path, headers, body, urlsplit(graph).netloc.rpartition("@")[2])


def _card(title: str, html: str) -> dict[str, Any]:
    blocks = [{"type": "TextBlock", "text": plain(html).strip() or " ", "wrap": True}]
    if title:
        blocks.insert(0, {"type": "TextBlock", "text": title, "wrap": True, "weight": "Bolder"})
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }


def _recipient(asked: Asked) -> tuple[str, str]:
    location = asked.arguments.get("location", "channel").replace(" ", "").lower()
    if location != "channel":
        raise Invalid(f"posting to `{location[:60]}` is not supported: a bot could do that; to a `Channel` it is")
    recipient = _at(asked.body, "recipient")
    team = _at(recipient, "groupId") or _at(asked.queries, "groupId")
    return text(team), text(_at(recipient, "channelId"))


def _part(value: str) -> str:
    return quote(value, safe="")


def _id(asked: Asked) -> str:
    return str(uuid5(_IDS, f"{asked.context.run}/{asked.key}"))


def _answer(body: Any) -> Answer:
    return Answer(200, {"Content-Type": "application/json"}, body)


def _at(value: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        return None
    return next((v for k, v in value.items() if str(k).lower() == name.lower()), None)

"""What triggers ask for again and again, of the connectors that offer it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.playbooks.desk import NOW, Desk
from tests.playbooks.test_http import Server, house, server
from tests.playbooks.test_services import connected, reply

from huntlake.core.errors import Invalid
from huntlake.detection.alerts import Alert
from huntlake.detection.entities import Entity
from huntlake.detection.severity import Severity
from huntlake.playbooks.connections import Mode
from huntlake.playbooks.connectors.connector import Asked, RunContext
from huntlake.playbooks.connectors.new_items import STATE, NewItems, Page, moment
from huntlake.state.records import Author
from huntlake.wdl.definition.workflow import Action, ActionType
from huntlake.wdl.runner.effects import Answer, Call

__all__ = ["house", "server"]

LIST = "/datasets/default/tables/tickets/onnewitems"


class Listed:
    """A service that lists what it has in pages of two."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.asked = Asked(RunContext("soc", "w", "r", Author(), NOW, polls=True), "c", "k", "GET", "/new")
        self.new = NewItems(self.page, lambda i: str(i["id"]), lambda i: moment(i["at"]))

    def add(self, *ids: int, minutes: int = 1) -> None:
        for id in ids:
            self.items.insert(0, {"id": id, "at": (NOW + timedelta(minutes=minutes)).isoformat()})

    def page(self, asked: Asked, link: str) -> Page:
        assert STATE not in asked.queries
        start = int(link or 0)
        return Page(self.items[start : start + 2], str(start + 2) if len(self.items) > start + 2 else "")

    def look(self) -> list[int]:
        answer = self.new(self.asked)
        where = urlsplit(answer.headers["Location"])
        self.asked = replace(self.asked, path=where.path, queries=dict(parse_qsl(where.query)))
        assert (answer.status == 200) == bool(answer.body)
        return [i["id"] for i in answer.body["value"]] if answer.body else []


def test_each_item_is_given_once_and_what_was_there_before_is_not() -> None:
    service = Listed()
    service.add(1, 2, 3)
    assert service.look() == []
    service.add(4, minutes=1)
    assert service.look() == [4], "it has the same time as those before"
    assert service.look() == []
    service.add(5, 6, 7, 8, 9, minutes=2)
    assert service.look() == [5, 6, 7, 8, 9], "they stand on several pages"


def test_an_old_item_that_comes_to_light_because_others_have_gone_is_not_new() -> None:
    service = Listed()
    service.add(1, 2, minutes=1)
    service.add(3, 4, minutes=9)
    assert service.look() == []
    del service.items[:2]
    assert service.look() == []


def test_where_nothing_was_at_first_everything_later_is_new() -> None:
    service = Listed()
    assert service.look() == []
    service.add(1, minutes=-5)
    assert service.look() == []
    service.add(2)
    assert service.look() == [2]


def test_what_is_remembered_does_not_grow_without_bound() -> None:
    service = Listed()
    service.look()
    for minute in range(1, 120):
        service.add(*range(minute * 30, minute * 30 + 30), minutes=minute)
        assert len(service.look()) == 30
    assert len(service.asked.queries[STATE]) < 200_000
    assert service.look() == []


def test_what_somebody_else_wrote_into_the_address_is_refused() -> None:
    service = Listed()
    service.asked = replace(service.asked, queries={STATE: "bm90IGpzb24="})
    with pytest.raises(Invalid, match=STATE):
        service.look()


def polled(house: Desk, connection: str, path: str, location: str = "") -> Answer:
    inputs = {"host": {"connection": {"name": connection}}, "method": "get", "path": path}
    context = replace(house.context(), polls=True)
    call = Call("Tick/1", Action("Tick", ActionType.API_CONNECTION, "$"), inputs, poll=location)
    answer = house.caller.call(context, call, {})
    assert isinstance(answer, Answer)
    return answer


def test_a_connector_that_is_data_gives_what_is_new(house: Desk, server: Server) -> None:
    connected(house, server, "zendesk", {"token": "k-123"}, subdomain="x", email="a@x.example")
    old = {"id": 1, "created_at": "2026-03-01T00:00:00Z"}
    reply(server, "/api/v2/tickets.json", {"tickets": [old]})
    first = polled(house, "zendesk", LIST)
    assert first.status == 202
    new = {"id": 2, "created_at": "2026-03-02T00:00:00Z", "subject": "Help"}
    reply(server, "/api/v2/tickets.json", {"tickets": [new, old], "next_page": None})
    second = polled(house, "zendesk", LIST, first.headers["Location"])
    assert (second.status, second.body) == (200, {"value": [new]})
    assert polled(house, "zendesk", LIST, second.headers["Location"]).status == 202
    assert all(STATE not in s["path"] for s in server.seen)
    assert server.seen[0]["path"] == "/api/v2/tickets.json?sort_by=created_at&sort_order=desc"


def test_the_rest_of_a_list_that_lies_elsewhere_gets_no_credentials(house: Desk, server: Server) -> None:
    connected(house, server, "zendesk", {"token": "k-123"}, subdomain="x", email="a@x.example")
    reply(server, "/api/v2/tickets.json", {"tickets": []})
    first = polled(house, "zendesk", LIST)
    late = datetime.now(UTC) + timedelta(days=9)
    found = {"tickets": [{"id": 2, "created_at": late.isoformat()}], "next_page": "https://elsewhere.example/x"}
    reply(server, "/api/v2/tickets.json", found)
    assert polled(house, "zendesk", LIST, first.headers["Location"]).status == 400


def test_an_action_does_not_ask_for_what_only_triggers_do(house: Desk, server: Server) -> None:
    connected(house, server, "zendesk", {"token": "k-123"}, subdomain="x", email="a@x.example")
    assert "not supported" in house.ask("GET", LIST, connection="zendesk").refused


def test_alerts_of_the_house_are_given_in_the_form_of_graph(house: Desk) -> None:
    house.connect("microsoftgraphsecurity", mode=Mode.LIVE)
    path = "/trigger/beta/security/alerts"
    first = polled(house, "microsoftgraphsecurity", path)
    assert first.status == 202, "the alert that is there already isn't new"
    host = Entity("e1", "Host", {"hostName": "web1", "dnsDomain": "x.example"})
    house.app.detection.alerts.put(("soc",), "a2", Alert("Late", Severity.HIGH, entities=(host,)))
    second = polled(house, "microsoftgraphsecurity", path, first.headers["Location"])
    (alert,) = second.body["value"]
    assert (alert["id"], alert["title"], alert["severity"]) == ("a2", "Late", "high")
    assert alert["hostStates"] == [{"fqdn": "web1.x.example", "netBiosName": "web1"}]
    assert polled(house, "microsoftgraphsecurity", path, second.headers["Location"]).status == 202

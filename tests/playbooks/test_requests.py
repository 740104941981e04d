"""Workflows that are called at their signed addresses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.playbooks.place import ME, Place, executing

from huntlake.core.errors import Conflict, Invalid, NotFound, Refused
from huntlake.playbooks.runs.records import RunStatus
from huntlake.playbooks.runs.service import Wanted
from huntlake.playbooks.triggers.requests import Called, WrongMethod, _matched
from huntlake.playbooks.workflows import WorkflowState
from huntlake.wdl.runner.effects import Answer, Call


@pytest.fixture(scope="module")
def alive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with executing(tmp_path_factory.mktemp("runs")) as place:
        yield place


@pytest.fixture
def place(alive: Place) -> Place:
    alive.service.answers = lambda call: Answer(body=call.inputs)
    return alive


def called(url: str, body: bytes = b"", method: str = "POST", type: str = "application/json", **headers: str) -> Called:
    parts = urlsplit(url)
    path = parts.path.partition("/paths/invoke")[2]
    return Called(method, path, dict(parse_qsl(parts.query)), {"Content-Type": type, **headers}, body)


def invoke(place: Place, name: str, body: bytes = b"", change: Any = None, **given: Any) -> Any:
    url = place.playbooks.addresses.of_trigger(name, "manual").url
    id = urlsplit(url).path.split("/")[2]
    return place.playbooks.requests.invoke(id, "manual", called(change(url) if change else url, body, **given))


def test_a_caller_gets_the_response_with_what_was_asked(place: Place) -> None:
    said = {"greeting": "@{triggerBody()['name']}", "who": "@triggerOutputs()['headers']['X-Who']"}
    inputs = {"statusCode": 201, "headers": {"X-Said": "yes", "Content-Length": "7"}, "body": said}
    place.put("greet", {"Reply": {"type": "Response", "inputs": inputs}})
    told = invoke(place, "greet", b'{"name": "Ada"}', **{"X-Who": "me", "Authorization": "Bearer secret"})
    assert told.status == 201
    assert told.content == b'{"greeting":"Ada","who":"me"}'
    assert told.headers["X-Said"] == "yes"
    assert told.headers["x-ms-workflow-name"] == "greet"
    assert "Content-Length" not in told.headers
    (run,) = place.playbooks.runs.list(Wanted("greet")).runs
    assert "Authorization" not in place.playbooks.runs.triggered(run.name)["outputs"]["headers"]


@pytest.mark.parametrize(
    ("body", "why"),
    [(b'{"name": ', "says that it is JSON, and isn't"), (b"[" * 900 + b"]" * 900, "nests deeper than 200")],
)
def test_a_body_that_is_no_json_or_too_deep_sets_off_nothing(place: Place, body: bytes, why: str) -> None:
    place.put("strict", {"A": {"type": "Compose", "inputs": 1}})
    with pytest.raises(Invalid, match=why):
        invoke(place, "strict", body)
    assert not place.playbooks.runs.list(Wanted("strict")).runs
    place.put("loose", {"A": {"type": "Compose", "inputs": 1}})
    assert invoke(place, "loose", body, type="text/plain").status == 202


def test_without_a_response_the_caller_is_told_which_run_it_is(place: Place) -> None:
    place.put("silent", {"A": {"type": "Compose", "inputs": 1}})
    told = invoke(place, "silent")
    assert told.status == 202
    run = place.playbooks.runs.wait("silent", told.headers["x-ms-workflow-run-id"], 20)
    assert run.value.status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url[:-1] + ("A" if url[-1] != "A" else "B"),
        lambda url: url.partition("&sig=")[0],
        lambda url: url.replace("sv=1.0", "sv=2.0"),
        lambda url: url.replace("manual%2Frun", "other%2Frun"),
        lambda url: url.partition("?")[0],
    ],
)
def test_an_address_that_is_not_signed_for_this_is_refused(place: Place, change: Any) -> None:
    place.put("guarded", {"A": {"type": "Compose", "inputs": 1}})
    with pytest.raises(Refused):
        invoke(place, "guarded", change=change)


def test_an_address_of_one_workflow_is_worth_nothing_for_another(place: Place) -> None:
    for name in ("mine", "yours"):
        place.put(name, {"A": {"type": "Compose", "inputs": 1}})
    url = place.playbooks.addresses.of_trigger("mine", "manual").url
    with pytest.raises(Refused):
        place.playbooks.requests.invoke(place.playbooks.addresses.id_of("yours"), "manual", called(url))


def test_a_regenerated_key_makes_old_addresses_worthless(place: Place) -> None:
    place.put("renewed", {"A": {"type": "Compose", "inputs": 1}})
    old = place.playbooks.addresses.of_trigger("renewed", "manual").url
    place.playbooks.addresses.regenerate("renewed", "Primary", ME)
    with pytest.raises(Refused):
        invoke(place, "renewed", change=lambda _: old)
    assert invoke(place, "renewed").status == 202


def test_a_schema_counts_only_where_the_trigger_says_so(place: Place) -> None:
    schema = {"type": "object", "required": ["name"]}
    trigger = {"type": "Request", "inputs": {"schema": schema}}
    place.put("loose", {"A": {"type": "Compose", "inputs": 1}}, trigger)
    assert invoke(place, "loose", b"{}").status == 202
    place.put(
        "strict", {"A": {"type": "Compose", "inputs": 1}}, {**trigger, "operationOptions": "EnableSchemaValidation"}
    )
    with pytest.raises(Invalid, match="schema"):
        invoke(place, "strict", b"{}")


def test_a_trigger_takes_its_method_and_its_path(place: Place) -> None:
    said = "@triggerOutputs()['relativePathParameters']"
    trigger = {"type": "Request", "inputs": {"method": "GET", "relativePath": "hosts/{host}/of/{org}"}}
    place.put("paths", {"Reply": {"type": "Response", "inputs": {"statusCode": 200, "body": said}}}, trigger)
    with pytest.raises(WrongMethod):
        invoke(place, "paths")
    with pytest.raises(NotFound):
        invoke(place, "paths", method="GET")
    change = lambda url: url.replace("/invoke?", "/invoke/hosts/web%2001/of/acme?")  # noqa: E731
    told = invoke(place, "paths", method="GET", change=change)
    assert told.content == b'{"host":"web 01","org":"acme"}'


def test_a_disabled_workflow_does_not_answer(place: Place) -> None:
    place.put("shut", {"A": {"type": "Compose", "inputs": 1}})
    place.playbooks.runs.set_state("shut", WorkflowState.DISABLED, ME)
    with pytest.raises(Conflict):
        invoke(place, "shut")


def test_a_callback_hands_the_run_what_it_waits_for(place: Place) -> None:
    webhook = {"type": "HttpWebhook", "inputs": {"subscribe": {"body": "@{listCallbackUrl()}"}}}
    each = {"type": "Foreach", "foreach": [1], "actions": {"Ask": webhook}}
    place.put("hooks", {"Each": each})
    urls: list[str] = []

    def answers(call: Call) -> Answer:
        urls.append(call.inputs["subscribe"]["body"])
        return Answer()

    place.service.answers = answers
    (run,) = place.fire("hooks")
    while not urls:
        pass
    id, requests = place.playbooks.addresses.id_of("hooks"), place.playbooks.requests
    with pytest.raises(Refused):
        requests.answer(id, run.name, "Other", called(urls[0], b"{}"))
    assert requests.answer(id, run.name, "Each[0]/Ask", called(urls[0], b'{"yes": true}')).status == 200
    place.playbooks.runs.wait("hooks", run.name, 20)
    assert place.playbooks.runs.actions(run.name, "Ask")[0][1].outputs["body"] == {"yes": True}
    with pytest.raises(NotFound):
        requests.answer(id, run.name, "Each[0]/Ask", called(urls[0], b"{}"))


def test_whoever_a_workflow_subscribed_with_sets_it_off(place: Place) -> None:
    trigger = {"type": "HttpWebhook", "inputs": {}}
    place.put("hooked", {"A": {"type": "Compose", "inputs": "@triggerBody()['n']"}}, trigger)
    assert invoke(place, "hooked", b'{"n": 5}').status == 202
    (run,) = place.playbooks.runs.list(Wanted("hooked")).runs
    assert place.playbooks.runs.triggered(run.name)["outputs"]["body"] == {"n": 5}


@pytest.mark.parametrize(
    ("relative", "path", "wanted"),
    [
        ("hosts/{host-name}/of/{org}", "Hosts/a%20b/OF/c", {"host-name": "a b", "org": "c"}),
        ("{a}-{b}.json", "x-y-z.JSON", {"a": "x", "b": "y-z"}),
        ("{a}{b}{c}{d}{e}", "v" * 8000, {"a": "v", "b": "v", "c": "v", "d": "v", "e": "v" * 7996}),
        ("fixed", "FIXED", {}),
        ("fixed", "fixed/more", None),
        ("{a}/{b}", "x", None),
        ("{a}/{b}", "x/", None),
        ("{a}/{b}", "x/y/z", None),
        ("{a}-{b}-{c}-{d}-{e}!", "-" * 8000, None),
        ("{a}", "", None),
    ],
)
def test_the_parameters_of_a_path_are_found_by_whatever_names_and_at_once(
    relative: str, path: str, wanted: dict[str, str] | None
) -> None:
    if wanted is None:
        with pytest.raises(NotFound):
            _matched(relative, path)
    else:
        assert _matched(relative, path) == wanted

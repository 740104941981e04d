"""The client of a model against a server that misbehaves."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest

from huntlake.ai.dialects import Dialect, value_of
from huntlake.ai.endpoint import MOST_READ, Endpoint, Place, Reply, probed
from huntlake.ai.faults import CallFailed, Fault
from huntlake.ai.scripted import Heard, Says, Script, ScriptedServer
from huntlake.core.errors import Invalid

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
ASKED = [{"role": "user", "content": "a number"}]


@contextmanager
def place(
    script: Script, seconds: float = 5.0, key: str = ""
) -> Iterator[tuple[ScriptedServer, Endpoint, list[float]]]:
    waits: list[float] = []
    with ScriptedServer(script) as server:
        yield server, Endpoint(Place(server.url, "m", key, seconds), waits.append), waits


def complete(endpoint: Endpoint, dialect: Dialect = Dialect.JSON_SCHEMA) -> Reply:
    return endpoint.complete(ASKED, SCHEMA, dialect, 100)


def failure(says: Says, seconds: float = 5.0) -> CallFailed:
    with place(lambda heard: says, seconds) as (_, endpoint, _), pytest.raises(CallFailed) as failed:
        complete(endpoint)
    return failed.value


def test_an_answer_is_read_with_what_it_cost() -> None:
    with place(lambda heard: Says('{"n": 1}'), key="sk-1") as (server, endpoint, _):
        reply = complete(endpoint)
    assert (reply.text, reply.tokens_in, reply.tokens_out, reply.fingerprint) == ('{"n": 1}', 100, 20, "fp-scripted")
    sent = server.heard[0]
    assert sent.path == "/v1/chat/completions"
    assert sent.headers["Authorization"] == "Bearer sk-1"
    assert "tools" not in sent.value
    assert sent.value["stream"] is False


def test_a_key_is_in_no_text_about_the_place() -> None:
    there = Place("https://models.example.org/v1", "m", "sk-1")
    assert "sk-1" not in f"{there!r} {there.shown} {there.id}"


def test_a_busy_server_is_asked_again_and_waited_for_as_it_says() -> None:
    answers = iter([Says(status=429, headers={"Retry-After": "2"}), Says(status=503), Says('{"n": 1}')])
    with place(lambda heard: next(answers)) as (server, endpoint, waits):
        assert complete(endpoint).tries == 3
    assert waits[0] == 2
    assert 0.5 < waits[1] < 1.5
    assert len(server.heard) == 3


def test_nobody_waits_longer_than_the_deadline() -> None:
    failed = failure(Says(status=429, headers={"Retry-After": "60"}))
    assert failed.fault is Fault.THROTTLED


def test_a_server_that_hangs_up_is_unreachable() -> None:
    assert failure(Says(close=True)).fault is Fault.UNREACHABLE


@pytest.mark.parametrize("says", [Says(wait=1.5), Says('{"n": 1}' + " " * 4000, drip=0.2)], ids=["late", "drip"])
def test_a_slow_server_is_left(says: Says) -> None:
    began = monotonic()
    assert failure(says, 0.5).fault is Fault.SLOW
    assert monotonic() - began < 1.4


def test_a_redirect_is_not_followed() -> None:
    with ScriptedServer(lambda heard: Says('{"n": 1}')) as elsewhere:
        said = Says(status=307, headers={"Location": f"{elsewhere.url}/chat/completions"})
        assert failure(said).fault is Fault.MOVED
    assert not elsewhere.heard


@pytest.mark.parametrize(
    ("says", "fault"),
    [
        (Says(body=b"x" * (MOST_READ + 1)), Fault.TOO_LARGE),
        (Says(body=b"<html>", content_type="text/html"), Fault.BROKEN),
        (Says(body=b"not json"), Fault.BROKEN),
        (Says(body=b"[]"), Fault.BROKEN),
        (Says(body=b"[" * 100_000), Fault.BROKEN),
        (Says(body=b'{"choices": []}'), Fault.BROKEN),
        (Says(body=b'{"choices": [{"message": {"content": null}}]}'), Fault.BROKEN),
        (Says(message={"tool_calls": [{"function": {"name": "approve"}}]}), Fault.INVALID),
        (Says(headers={"Content-Encoding": "gzip"}), Fault.BROKEN),
        (Says(status=401), Fault.REFUSED),
    ],
)
def test_what_is_no_answer_is_told_apart(says: Says, fault: Fault) -> None:
    assert failure(says).fault is fault


def test_what_a_server_says_of_itself_is_not_trusted() -> None:
    usage = {"prompt_tokens": "many", "completion_tokens": -5}
    with place(lambda heard: Says('{"n": 1}', usage=usage)) as (_, endpoint, _):
        reply = complete(endpoint)
    assert (reply.tokens_in, reply.tokens_out) == (0, 0)


def test_a_cut_off_answer_says_so() -> None:
    with place(lambda heard: Says('{"n": 1}', finish="length")) as (_, endpoint, _):
        assert complete(endpoint).cut_off


@pytest.mark.parametrize("url", ["http://models.example.org/v1", "ftp://x/v1", "https://u:p@x/v1", "https://x/v1?k=1"])
def test_a_place_that_would_tell_everybody_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        Place(url, "m")


def test_a_listed_host_may_be_asked_without_tls() -> None:
    assert Place("http://10.1.2.3:8000/v1", "m", without_tls=("10.1.2.3:8000",)).model == "m"


@pytest.mark.parametrize("dialect", list(Dialect))
def test_the_strictest_dialect_that_a_place_understands_is_found(dialect: Dialect) -> None:
    with ScriptedServer(lambda heard: Says("{}"), dialect) as server:
        assert probed(Endpoint(Place(server.url, "m"))) is dialect


def test_a_place_that_ignores_the_schema_is_taken_for_one_that_needs_it_in_words() -> None:
    with ScriptedServer(lambda heard: Says("{}")) as server:
        # It answers whatever is asked, and only ever looks at the words.
        server._probe = lambda heard, dialect: (  # type: ignore[method-assign]
            Says('{"colour": "teal-7"}') if "teal-7" in heard.words else Says('{"colour": "red"}')
        )
        assert probed(Endpoint(Place(server.url, "m"))) is Dialect.JSON_OBJECT


@pytest.mark.parametrize(
    "text", ['{"n": 1}', 'Sure! Here it is:\n```json\n{"n": 1}\n```\nIs it right?', 'I think {"n": 1} will do.']
)
def test_a_chatty_answer_is_read_in_plain_words(text: str) -> None:
    assert value_of(text, SCHEMA, Dialect.PLAIN) == {"n": 1}


@pytest.mark.parametrize(
    "text",
    ['{"n": "1"}', '{"n": 1, "approve": true}', "{}", '{"n": 1', '{"n": NaN}', "[1]", "", '{"a":' * 5000],
)
@pytest.mark.parametrize("dialect", list(Dialect))
def test_what_does_not_meet_the_schema_is_no_value(text: str, dialect: Dialect) -> None:
    with pytest.raises(CallFailed):
        value_of(text, SCHEMA, dialect)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that nobody has signed, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return chain, secret


def test_a_certificate_that_nobody_knows_is_not_trusted(tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    with ScriptedServer(lambda heard: Says('{"n": 1}')) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
        url = server.url.replace("http://127.0.0.1", "https://localhost")
        with pytest.raises(CallFailed) as failed:
            complete(Endpoint(Place(url, "m", "sk-1", 5), lambda seconds: None))
        assert failed.value.fault is Fault.UNREACHABLE
        assert not server.heard, "neither the key nor the question leaves"
        assert complete(Endpoint(Place(url, "m", "sk-1", 5, authorities=chain.read_text()))).text == '{"n": 1}'


def test_no_more_questions_are_asked_at_once_than_may_be() -> None:
    now, most = [0], [0]

    def says(heard: Heard) -> Says:
        now[0] += 1
        most[0] = max(most[0], now[0])
        sleep(0.1)
        now[0] -= 1
        return Says('{"n": 1}')

    with ScriptedServer(says) as server:
        endpoint = Endpoint(Place(server.url, "m", seconds=5, at_once=2))
        threads = [Thread(target=complete, args=(endpoint,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.heard) == 6
    assert most[0] <= 2

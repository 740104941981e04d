"""Mail, against an SMTP server on the loopback address."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.playbooks.desk import Desk

from huntlake.core.clock import SystemClock
from huntlake.core.errors import Invalid
from huntlake.identity.certificates import server_certificate
from huntlake.playbooks.connections import Mode
from huntlake.playbooks.connectors.connector import Asked, RunContext
from huntlake.playbooks.connectors.mail import office365, plain, smtp
from huntlake.state.records import Author
from huntlake.wdl.definition.workflow import ActionType

CONTEXT = RunContext("soc", "Tell", "r1", Author(), datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))


@dataclass
class Mailbox:
    """A server that keeps the mails that it was given, each with its envelope."""

    port: int = 0
    mails: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    refuses: str = ""
    """A recipient that it doesn't know."""

    @property
    def message(self) -> EmailMessage:
        """The last mail."""
        return message_from_bytes(self.mails[-1][2], policy=default)


class Handler(socketserver.StreamRequestHandler):
    """Speaks as much SMTP as the client of Python needs."""

    def handle(self) -> None:
        box: Mailbox = self.server.box  # type: ignore[attr-defined]
        sender = ""
        recipients: list[str] = []
        self.say("220 here")
        while line := self.rfile.readline():
            said = line.decode().strip()
            box.said.append(said)
            match said.partition(" ")[0].upper():
                case "EHLO":
                    more = ["AUTH PLAIN LOGIN"] if box.tls is None or isinstance(self.connection, ssl.SSLSocket) else []
                    lines = ["here", *(["STARTTLS"] if box.tls and not more else []), *more, "8BITMIME"]
                    for at, one in enumerate(lines):
                        self.say(f"250{' ' if at == len(lines) - 1 else '-'}{one}")
                case "STARTTLS":
                    assert box.tls
                    self.say("220 go")
                    self.connection = box.tls.wrap_socket(self.connection, server_side=True)
                    self.rfile = cast("Any", self.connection.makefile("rb"))
                    self.wfile = cast("Any", self.connection.makefile("wb", buffering=0))
                case "AUTH":
                    wanted = base64.b64encode(b"\0me\0secret").decode()
                    self.say("235 yes" if said.endswith(wanted) else "535 no")
                case "MAIL":
                    sender, recipients = said, []
                    self.say("250 ok")
                case "RCPT":
                    if box.refuses and box.refuses in said:
                        self.say("550 nobody")
                        continue
                    recipients.append(said)
                    self.say("250 ok")
                case "DATA":
                    self.say("354 go")
                    content = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        content += part[1:] if part.startswith(b"..") else part
                    box.mails.append((sender, recipients, content))
                    self.say("250 kept")
                case "QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("250 ok")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.box = box  # type: ignore[attr-defined]
    server.daemon_threads = True
    box.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield box
    server.shutdown()
    server.server_close()


def asked(box: Mailbox | None, path: str, body: Any, **more: str) -> Asked:
    where = {"host": "127.0.0.1", "port": str(box.port), "security": "none"} if box else {}
    secrets = {"from": "soc@contoso.example", **where, **more}
    return Asked(CONTEXT, "mail", "r1/Send", "POST", path, body=body, secrets=secrets)


def send(box: Mailbox | None, body: Any, path: str = "/v2/Mail", **more: str) -> Any:
    connector = (
        smtp()
        if path == "/SendEmailV3"
        else office365(lambda asked, operation, question: "", lambda asked, question: None)
    )
    found = connector.find("POST", path)
    assert found is not None
    return found[0].work(asked(box, path, body, **more))


MAIL = {"To": "ada@contoso.example; Bob <bob@contoso.example>", "Subject": "Odd — æøå", "Body": "<p>Hi <b>you</b></p>"}


def test_a_mail_is_sent_to_everybody_with_its_attachment(mailbox: Mailbox) -> None:
    content = base64.b64encode(b"\0\1binary").decode()
    attachments = [{"Name": "C:\\x\\report.pdf", "ContentBytes": content}]
    more = {"Cc": "c@x.example", "Bcc": "hidden@x.example", "Importance": "High", "Attachments": attachments}
    assert send(mailbox, {**MAIL, **more}).status == 200
    sender, recipients, raw = mailbox.mails[0]
    assert sender.lower().startswith("mail from:<soc@contoso.example>")
    to = [r.partition("<")[2].partition(">")[0] for r in recipients]
    assert to == ["ada@contoso.example", "bob@contoso.example", "c@x.example", "hidden@x.example"]
    assert b"hidden@" not in raw
    message = mailbox.message
    assert (message["Subject"], message["Importance"]) == ("Odd — æøå", "High")
    html, words = message.get_body(("html",)), message.get_body(("plain",))
    assert html is not None
    assert words is not None
    assert html.get_content().strip() == "<p>Hi <b>you</b></p>"
    assert words.get_content().strip() == "Hi you"
    (attachment,) = message.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content_type()) == ("report.pdf", "application/pdf")
    assert attachment.get_content() == b"\0\1binary"


def test_a_mail_that_is_sent_again_has_the_same_id(mailbox: Mailbox) -> None:
    assert send(mailbox, MAIL).body == send(mailbox, MAIL).body
    assert len({message_from_bytes(raw)["Message-ID"] for _, _, raw in mailbox.mails}) == 1


def test_the_connector_smtp_sends_too(mailbox: Mailbox) -> None:
    attachments = [{"FileName": "a.csv", "ContentData": base64.b64encode(b"a,b").decode(), "ContentType": "text/csv"}]
    body = {**MAIL, "From": "bot@contoso.example", "Attachments": attachments}
    assert send(mailbox, body, "/SendEmailV3").status == 200
    assert mailbox.message["From"] == "bot@contoso.example"
    (attachment,) = mailbox.message.iter_attachments()
    assert attachment.get_content_type() == "text/csv"


def test_a_shared_mailbox_is_who_sends(mailbox: Mailbox) -> None:
    body = {**MAIL, "MailboxAddress": "team@contoso.example"}
    assert send(mailbox, body, "/v2/SharedMailbox/Mail").status == 200
    assert mailbox.message["From"] == "team@contoso.example"


BREAKS = ["\r\nBcc: evil@x.example", "\nX: y", "\r", "\0", "\u2028Bcc: e@x.example", "\x85a"]


@pytest.mark.parametrize("injected", BREAKS)
@pytest.mark.parametrize("name", ["To", "Cc", "Bcc", "Subject", "Importance", "From", "ReplyTo", "Sensitivity"])
def test_nothing_becomes_another_header(mailbox: Mailbox, name: str, injected: str) -> None:
    start = {"Subject": "x", "Importance": "High", "Sensitivity": "Private"}.get(name, "a@x.example")
    with pytest.raises(Invalid):
        send(mailbox, {**MAIL, name: start + injected})
    assert mailbox.mails == []


@pytest.mark.parametrize("injected", BREAKS)
def test_no_name_of_an_attachment_becomes_another_header(mailbox: Mailbox, injected: str) -> None:
    with pytest.raises(Invalid):
        send(mailbox, {**MAIL, "Attachments": [{"Name": "a" + injected, "ContentBytes": ""}]})


@given(st.text(max_size=40))
def test_whatever_a_subject_says_there_is_one_subject_and_no_other_recipient(text: str) -> None:
    from huntlake.playbooks.connectors.mail import Mail, _line, message

    try:
        subject = _line("Subject", text)
    except Invalid:
        return
    made = message(Mail("a@x.example", ["b@x.example"], subject, text), asked(None, "/", {}))
    head = message_from_bytes(made.as_bytes(), policy=default)
    assert sorted(k.lower() for k in head) == sorted(k.lower() for k in made)
    assert (len(head.get_all("Subject", [])), head["To"]) == (1, "b@x.example")


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"Subject": "x"},
        {**MAIL, "To": "no address"},
        {**MAIL, "To": "a@x.example <b"},
        {**MAIL, "Colour": "red"},
        {**MAIL, "Importance": "Urgent"},
        {**MAIL, "Attachments": [{"Name": "a", "ContentBytes": "*"}]},
        {**MAIL, "Attachments": "a"},
        {**MAIL, "From": "a@x.example; b@x.example"},
    ],
)
def test_what_is_no_mail_is_told(mailbox: Mailbox, body: Any) -> None:
    with pytest.raises(Invalid):
        send(mailbox, body)
    assert mailbox.mails == []


def test_what_the_server_refuses_fails_the_action(mailbox: Mailbox) -> None:
    mailbox.refuses = "bob@"
    answer = send(mailbox, MAIL)
    assert (answer.status, "bob@contoso.example" in answer.body["error"]["message"]) == (400, True)
    mailbox.refuses = "@contoso.example>"
    assert send(mailbox, MAIL).status == 400


def test_a_server_that_is_not_there_is_lost_and_none_at_all_refused(mailbox: Mailbox) -> None:
    assert send(mailbox, MAIL, port="1").lost
    assert "`host`" in send(None, MAIL).refused
    for wrong in ({"security": "maybe"}, {"port": "99999"}, {"port": "x"}, {"username": "me", "password": "p"}):
        with pytest.raises(Invalid):
            send(mailbox, MAIL, **wrong)
    assert mailbox.mails == []


def test_a_password_goes_over_tls_only_to_a_server_that_is_known(mailbox: Mailbox, tmp_path: Path) -> None:
    made = server_certificate(tmp_path, ["localhost", "127.0.0.1"], SystemClock())
    mailbox.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    mailbox.tls.load_cert_chain(made.chain, made.key)
    authority = (tmp_path / "ca.pem").read_text()
    given = {"security": "starttls", "username": "me", "password": "secret", "host": "localhost"}
    assert send(mailbox, MAIL, **given).lost
    assert not [line for line in mailbox.said if line.upper().startswith("AUTH")]
    assert send(mailbox, MAIL, **given, authority=authority).status == 200
    assert send(mailbox, MAIL, **{**given, "password": "wrong"}, authority=authority).status == 401
    assert len(mailbox.mails) == 1


def test_the_words_of_html_are_read_without_its_scripts() -> None:
    html = "<style>p{}</style><p>a&nbsp;&amp;  b</p><table><tr><td>1</td><td>2</td></tr></table><script>x()</script>"
    assert plain(html) == "a & b\n\n1 2\n"


def test_a_dry_run_sends_no_mail_and_asks_people_all_the_same(desk: Desk, mailbox: Mailbox) -> None:
    parameters = {"host": "127.0.0.1", "port": str(mailbox.port), "security": "none", "from": "soc@x.example"}
    desk.connect("office365", mode=Mode.DRY_RUN, parameters=parameters)
    assert desk.ask("POST", "/v2/Mail", MAIL, connection="office365").status == 200
    assert mailbox.mails == []
    body = {"NotificationUrl": "https://here/1", "Message": {"To": "a@x.example", "Options": "Yes, No"}}
    kind = ActionType.API_CONNECTION_WEBHOOK
    answer: Any = desk.held("", "/approvalmail/$subscriptions", body, connection="office365", type=kind)
    assert answer.status == 202
    question = desk.app.playbooks.approvals.get(("soc",), answer.body["id"]).value
    assert [o.name for o in question.options] == ["Yes", "No"]
    desk.connect("office365", mode=Mode.LIVE, parameters=parameters)
    assert desk.ask("POST", "/v2/Mail", MAIL, connection="office365").status == 200
    assert len(mailbox.mails) == 1

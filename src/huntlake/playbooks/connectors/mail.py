"""Mail: what Office 365's and SMTP's connectors send, over the SMTP server that a connection names.

Mails that ask for an approval aren't sent: the question is put to people here.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html.parser import HTMLParser
from typing import Any
from uuid import UUID, uuid5

from huntlake.core.errors import Invalid
from huntlake.playbooks.connectors.connector import Asked, ConnectionParameter, Connector, Effect, Operation
from huntlake.playbooks.connectors.questions import Ask, Withdraw, of_mail
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer

SECONDS = 60.0
MOST_BYTES = 25 << 20
"""The largest mail, attachments as they are."""
MOST_RECIPIENTS = 500

_IDS = UUID("f4a7c3a8-6f56-4d0c-8f2b-8d0f6d1c9a55")
_BREAK = re.compile(r"[\r\n\0\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_ADDRESS = re.compile(r"[^@\s<>(),;:\"\\\x00-\x20]+@[^@\s<>(),;:\"\\\x00-\x20]+")

_NAMED = re.compile(r"[^<>]*<([^<>]+)>")

PARAMETERS = (
    ConnectionParameter("host", "Host of the SMTP server."),
    ConnectionParameter("port", "Its port; 587 without it, 465 with `tls`.", required=False),
    ConnectionParameter("security", "`starttls` (without it), `tls`, or `none`.", required=False),
    ConnectionParameter("username", "User, where the server wants one.", required=False),
    ConnectionParameter("password", "Password of the user.", secret=True, required=False),
    ConnectionParameter("from", "Address that mails come from."),
    ConnectionParameter("authority", "PEM of a certificate to trust beside the machine's.", required=False),
)


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    content: bytes
    type: str = ""


@dataclass(frozen=True)
class Mail:
    """A mail to be sent; addresses are checked, and no text of a header has a line break."""

    sender: str
    to: Sequence[str]
    subject: str
    html: str
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    reply_to: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: Sequence[Attachment] = ()


def smtp() -> Connector:
    """The connector `smtp`."""
    operation = Operation("SendEmailV3", "POST", "/SendEmailV3", "Send a mail.", Effect.WRITE, _send_smtp)
    old = Operation("SendEmail", "POST", "/SendEmailV2", "Send a mail.", Effect.WRITE, _send_smtp)
    return Connector("smtp", "SMTP", (operation, old), parameters=PARAMETERS)


def office365(ask: Ask, withdraw: Withdraw) -> Connector:
    """The connector `office365`: of Outlook, what sends mails and what asks by mail."""
    return Connector(
        "office365",
        "Office 365 Outlook",
        (
            Operation("SendEmailV2", "POST", "/v2/Mail", "Send a mail.", Effect.WRITE, _send_outlook),
            Operation("SendEmail", "POST", "/Mail", "Send a mail.", Effect.WRITE, _send_outlook),
            Operation(
                "SharedMailboxSendEmailV2",
                "POST",
                "/v2/SharedMailbox/Mail",
                "Send a mail from a shared mailbox.",
                Effect.WRITE,
                _send_outlook,
            ),
            asking("SendApprovalMail", "/approvalmail/$subscriptions", "Ask for an approval.", ask, of_mail),
            asking("SendMailWithOptions", "/mailwithoptions/$subscriptions", "Ask with options.", ask, of_mail),
            withdrawing("DeleteApprovalMailSubscription", "/approvalmail/$subscriptions", withdraw),
            withdrawing("DeleteOptionsMailSubscription", "/mailwithoptions/$subscriptions", withdraw),
        ),
        # What asks people needs no server.
        parameters=tuple(replace(p, required=False) for p in PARAMETERS),
    )


def asking(id: str, path: str, summary: str, ask: Ask, question: Any) -> Operation:
    """An operation that puts a question to people here, in place of sending it; nothing outside changes by it."""

    def work(asked: Asked) -> Answer:
        name = ask(asked, operation, question(asked.body))
        place = f"{asked.path.rstrip('/')}/{name}"
        return Answer(202, {"Content-Type": "application/json", "Location": place}, {"id": name})

    operation = Operation(id, "POST", path, summary, Effect.READ, work)
    return operation


def withdrawing(id: str, path: str, withdraw: Withdraw) -> Operation:
    """The operation that takes such a question back, where nobody waits for its answer any more."""

    def work(asked: Asked) -> Answer:
        withdraw(asked, asked.arguments["question"])
        return Answer(200)

    return Operation(id, "DELETE", f"{path}/{{question}}", "Take a question back.", Effect.READ, work)


_OUTLOOK = frozenset(
    (
        *("to", "subject", "body", "cc", "bcc", "from", "replyto", "importance", "attachments", "mailboxaddress"),
        *("sensitivity", "ishtml"),
    )
)
_SMTP = frozenset({"to", "subject", "body", "cc", "bcc", "from", "importance", "attachments", "ishtml", "replyto"})


def _send_outlook(asked: Asked) -> Answer:
    given = _given(asked, _OUTLOOK)
    sender = text(given.get("mailboxaddress") or given.get("from") or asked.secrets.get("from"))
    return _sent(asked, given, sender, ("name", "contentbytes", "contenttype"))


def _send_smtp(asked: Asked) -> Answer:
    given = _given(asked, _SMTP)
    sender = text(given.get("from") or asked.secrets.get("from"))
    return _sent(asked, given, sender, ("filename", "contentdata", "contenttype"))


def _given(asked: Asked, known: frozenset[str]) -> dict[str, Any]:
    if not isinstance(asked.body, Mapping):
        raise Invalid("the body is not an object")
    given = {str(k).lower(): v for k, v in asked.body.items() if v not in (None, "")}
    for name in asked.body:
        if str(name).lower() not in known:
            raise Invalid(f"`{str(name)[:100]}` is not supported in a mail")
    return given


def _sent(asked: Asked, given: Mapping[str, Any], sender: str, names: tuple[str, str, str]) -> Answer:
    body = text(given.get("body"))
    if str(given.get("ishtml", True)).lower() == "false":
        body = "<pre>" + body.replace("&", "&amp;").replace("<", "&lt;") + "</pre>"
    headers = {}
    if importance := _line("Importance", given.get("importance")):
        if importance.lower() not in ("low", "normal", "high"):
            raise Invalid(f"the importance `{importance[:60]}` is not supported; there are Low, Normal, High")
        headers["Importance"] = importance
    if sensitivity := _line("Sensitivity", given.get("sensitivity")):
        headers["Sensitivity"] = sensitivity
    mail = Mail(
        _one("From", sender),
        _addresses("To", given.get("to")),
        _line("Subject", given.get("subject")),
        body,
        _addresses("Cc", given.get("cc")),
        _addresses("Bcc", given.get("bcc")),
        _addresses("ReplyTo", given.get("replyto")),
        headers,
        _attachments(given.get("attachments"), names),
    )
    if not mail.to and not mail.cc and not mail.bcc:
        raise Invalid("the mail has no recipient")
    return _delivered(asked, message(mail, asked), mail)


def message(mail: Mail, asked: Asked) -> EmailMessage:
    """A mail in Internet's form. Its id is the same when the same call is made again."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = mail.sender, ", ".join(mail.to), mail.subject
    if mail.cc:
        made["Cc"] = ", ".join(mail.cc)
    if mail.reply_to:
        made["Reply-To"] = ", ".join(mail.reply_to)
    for name, value in mail.headers.items():
        made[name] = value
    made["Date"] = format_datetime(asked.context.now)
    made["Message-ID"] = f"<{uuid5(_IDS, f'{asked.context.run}/{asked.key}')}@{mail.sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(plain(mail.html))
    made.add_alternative(mail.html, subtype="html")
    for one in mail.attachments:
        kind = one.type or mimetypes.guess_type(one.name)[0] or "application/octet-stream"
        main, _, sub = kind.partition(";")[0].strip().partition("/")
        if (
            not re.fullmatch(r"[\w.+-]+", main)
            or not re.fullmatch(r"[\w.+-]+", sub)
            or main in ("multipart", "message")
        ):
            main, sub = "application", "octet-stream"
        made.add_attachment(one.content, maintype=main, subtype=sub, filename=one.name)
    return made


def plain(html: str) -> str:
    """The words of an HTML text."""
    words = _Words()
    words.feed(html)
    words.close()
    lines = (re.sub(r"[ \t\xa0]+", " ", line).strip() for line in "".join(words.parts).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("style", "script"):
            self._hidden += 1
        elif tag in ("br", "p", "div", "tr", "li", "h1", "h2", "h3", "table"):
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self._hidden = max(0, self._hidden - 1)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def _delivered(asked: Asked, made: EmailMessage, mail: Mail) -> Answer:
    parameters = asked.secrets
    host, security = parameters.get("host", ""), (parameters.get("security") or "starttls").lower()
    if not host:
        return Answer(refused=f"the connection `{asked.connection}` has no `host`: no SMTP server is known")
    if security not in ("starttls", "tls", "none"):
        raise Invalid(f"the security `{security[:40]}` is not supported; there are starttls, tls, none")
    port = parameters.get("port") or ("465" if security == "tls" else "587")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise Invalid(f"`{port[:40]}` is no port")
    user, password = parameters.get("username", ""), parameters.get("password", "")
    if user and security == "none":
        raise Invalid("a password over a connection without TLS is not supported")
    trust = ssl.create_default_context()
    if parameters.get("authority"):
        trust.load_verify_locations(cadata=parameters["authority"])
    try:
        with _server(host, int(port), security, trust) as server:
            if security == "starttls":
                server.starttls(context=trust)
            if user:
                server.login(user, password)
            refused = server.send_message(made, mail.sender, [*mail.to, *mail.cc, *mail.bcc])
    except smtplib.SMTPAuthenticationError as error:
        return _failed(401, "Unauthorized", f"the mail server lets nobody in: {_said(error)}")
    except smtplib.SMTPRecipientsRefused as error:
        return _failed(400, "BadRequest", f"the mail server takes none of {', '.join(error.recipients)}")
    except smtplib.SMTPResponseException as error:
        status = 503 if 400 <= error.smtp_code < 500 else 400
        return _failed(status, "MailRefused", f"the mail server says {error.smtp_code}: {_said(error)}")
    except smtplib.SMTPNotSupportedError as error:
        return _failed(400, "BadRequest", f"the mail server can't do that: {error}")
    except (smtplib.SMTPException, OSError) as error:
        return Answer(lost=f"the mail server {host}:{port} can't be reached: {error or type(error).__name__}")
    if refused:
        return _failed(400, "BadRequest", f"the mail went out, but not to {', '.join(refused)}")
    return Answer(200, {"Content-Type": "application/json"}, {"messageId": made["Message-ID"]})


def _server(host: str, port: int, security: str, trust: ssl.SSLContext) -> smtplib.SMTP:
    if security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=trust)
    return smtplib.SMTP(host, port, timeout=SECONDS)


def _said(error: smtplib.SMTPResponseException) -> str:
    said = error.smtp_error
    return (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said))[:500]


def _failed(status: int, code: str, why: str) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, {"error": {"code": code, "message": why}})


def _line(name: str, given: Any) -> str:
    """The text of a header; one with a line break would be two headers."""
    said = text(given)
    if _BREAK.search(said):
        raise Invalid(f"`{name}` has a line break in it")
    return said.strip()


def _one(name: str, given: str) -> str:
    found = _addresses(name, given)
    if len(found) != 1:
        raise Invalid(f"`{name}` is not one address")
    return found[0]


def _addresses(name: str, given: Any) -> list[str]:
    """The addresses of a header, which are parted by `;` or `,`; only the address counts of `Name <address>`."""
    parts = given if isinstance(given, list) else re.split(r"[;,]", _line(name, given))
    found = []
    for part in parts:
        said = _line(name, part)
        if not said:
            continue
        named = _NAMED.fullmatch(said)
        address = named[1] if named else said
        if not _ADDRESS.fullmatch(address):
            raise Invalid(f"`{said[:200]}` in `{name}` is no mail address")
        found.append(address)
    if len(found) > MOST_RECIPIENTS:
        raise Invalid(f"`{name}` has more than {MOST_RECIPIENTS} addresses")
    return found


def _attachments(given: Any, names: tuple[str, str, str]) -> list[Attachment]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise Invalid("`Attachments` is not a list")
    found, size = [], 0
    for one in given:
        if not isinstance(one, Mapping):
            raise Invalid("an attachment is not an object")
        fields = {str(k).lower(): v for k, v in one.items()}
        name = _line("the name of an attachment", fields.get(names[0])) or "attachment"
        data = fields.get(names[1])
        if isinstance(data, Mapping):
            data = data.get("$content")
        try:
            content = base64.b64decode(text(data), validate=True)
        except (binascii.Error, ValueError):
            raise Invalid(f"the content of the attachment `{name[:100]}` is not base64") from None
        size += len(content)
        if size > MOST_BYTES:
            raise Invalid(f"the attachments are larger than {MOST_BYTES} bytes")
        found.append(Attachment(name.replace("\\", "/").rpartition("/")[2], content, text(fields.get(names[2]))))
    return found

"""The few pages a person sees while signing in: plain HTML, no program but one line, nothing from anywhere else.

What a client or a person wrote into a request is text here and never markup, and every page says so to the browser too.
"""

from __future__ import annotations

import html
import secrets
from collections.abc import Mapping
from string import Template
from urllib.parse import urlsplit

from starlette.responses import Response

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>$title</title>
<style nonce="$nonce">
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; background: #f4f5f7; color: #1c2330 }
main { max-width: 24rem; margin: 10vh auto; padding: 2rem; background: #fff; border: 1px solid #d5d9e0 }
h1 { font-size: 1.3rem; margin: 0 0 1rem }
label { display: block; margin: 1rem 0 .25rem }
input { box-sizing: border-box; width: 100%; padding: .5rem; font: inherit; border: 1px solid #8b93a1 }
button { margin: 1.5rem .5rem 0 0; padding: .5rem 1.25rem; font: inherit; border: 1px solid #1f4fa3 }
button.main { background: #1f4fa3; color: #fff }
.wrong { color: #a31515 }
dl { margin: 0 } dt { color: #5a6372; font-size: .85rem } dd { margin: 0 0 .5rem; overflow-wrap: anywhere }
@media (prefers-color-scheme: dark) {
body { background: #14181f; color: #e4e7ec } main { background: #1c222c; border-color: #39424f }
input, button { background: #14181f; color: inherit } dt { color: #9aa4b2 } .wrong { color: #ff8a80 } }
</style>
</head>
<body>
<main>
<h1>$title</h1>
$body
</main>
</body>
</html>
""")


def page(title: str, body: str, *, status: int = 200, sends_to: str = "", script: str = "") -> Response:
    """A page out of markup that is safe already. Its forms may lead here, and to the origin of `sends_to`."""
    nonce = secrets.token_urlsafe(16)
    policy = [
        "default-src 'none'",
        f"style-src 'nonce-{nonce}'",
        # A browser also asks this of where a form's answer sends it on to.
        f"form-action 'self'{f' {_origin(sends_to)}' if sends_to else ''}",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    if script:
        policy.append(f"script-src 'nonce-{nonce}'")
        body += f'<script nonce="{nonce}">{script}</script>'
    headers = {
        "Content-Security-Policy": "; ".join(policy),
        "Cache-Control": "no-store",
    }
    text = _PAGE.substitute(title=html.escape(title), nonce=nonce, body=body)
    return Response(text, status, headers, media_type="text/html")


def sign_in_page(
    action: str,
    ticket: str,
    *,
    application: str,
    name: str = "",
    wrong: str = "",
    status: int = 200,
    sends_to: str = "",
) -> Response:
    """Where a person gives a name and a password to let an application act for them."""
    body = (
        f"<p>to continue to <strong>{html.escape(application)}</strong></p>{_wrong(wrong)}"
        f'<form method="post" action="{html.escape(action)}">{hidden({"ticket": ticket})}'
        f"{credentials(name)}"
        '<button class="main" type="submit">Sign in</button></form>'
    )
    return page("Sign in to huntlake", body, status=status, sends_to=sends_to)


def code_page(action: str, *, wrong: str = "", code: str = "", status: int = 200) -> Response:
    """Where a person types the code that a program shows."""
    body = (
        f"<p>Type the code that the program shows you.</p>{_wrong(wrong)}"
        f'<form method="post" action="{html.escape(action)}"><label for="code">Code</label>'
        f'<input id="code" name="user_code" value="{html.escape(code)}" autocomplete="off" autofocus required>'
        '<button class="main" type="submit">Next</button></form>'
    )
    return page("Connect a program", body, status=status)


def decision_page(
    action: str,
    ticket: str,
    facts: Mapping[str, str],
    *,
    name: str = "",
    wrong: str = "",
    status: int = 200,
) -> Response:
    """Where a person sees which program asks, and lets it act for them, or not."""
    shown = "".join(f"<dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd>" for k, v in facts.items())
    body = (
        "<p>A program asks to act for you. Go on only if you have started it yourself, just now: whoever sent you a "
        f"code would get your rights.</p><dl>{shown}</dl>{_wrong(wrong)}"
        f'<form method="post" action="{html.escape(action)}">{hidden({"ticket": ticket})}{credentials(name)}'
        '<button class="main" type="submit" name="decision" value="approve">Let it</button>'
        '<button type="submit" name="decision" value="decline">Decline</button></form>'
    )
    return page("Connect a program", body, status=status)


def posted_page(action: str, fields: Mapping[str, str]) -> Response:
    """A page that sends fields to a program by itself, as `response_mode=form_post` asks for."""
    body = (
        f'<form method="post" action="{html.escape(action)}">{hidden(fields)}'
        '<button class="main" type="submit">Continue</button></form>'
    )
    return page("Signed in", body, sends_to=action, script="document.forms[0].submit()")


def message_page(title: str, text: str, *, status: int = 200) -> Response:
    """A page that only says something."""
    return page(title, f"<p>{html.escape(text)}</p>", status=status)


def credentials(name: str) -> str:
    """The fields for a name and a password."""
    focus = "password" if name else "username"
    return (
        '<label for="username">User name</label>'
        f'<input id="username" name="username" value="{html.escape(name)}" autocomplete="username" '
        f'autocapitalize="none" spellcheck="false" required{" autofocus" if focus == "username" else ""}>'
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" '
        f"required{' autofocus' if focus == 'password' else ''}>"
    )


def hidden(fields: Mapping[str, str]) -> str:
    """Fields that a form sends on."""
    return "".join(f'<input type="hidden" name="{html.escape(k)}" value="{html.escape(v)}">' for k, v in fields.items())


def _wrong(text: str) -> str:
    return f'<p class="wrong" role="alert">{html.escape(text)}</p>' if text else ""


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"

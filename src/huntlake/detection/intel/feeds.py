"""Feeds: collections of TAXII 2.1 servers that are polled for indicators."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from huntlake.core.errors import DomainError, Invalid, NotFound, Refused, Unavailable
from huntlake.workspace.remote.endpoints import address
from huntlake.workspace.remote.transport import Call, Response, Transport, message_of

MEDIA = "application/taxii+json;version=2.1"
MOST_PAGES, PAGE = 2000, 500
"""What one poll reads: pages, and objects of each."""
LARGEST = 64 << 20
_TIMEOUT = timedelta(minutes=2)


class SignIn(StrEnum):
    """How a feed is signed in to."""

    NONE = "none"
    BASIC = "basic"
    TOKEN = "token"


@dataclass(frozen=True, slots=True)
class Feed:
    """A collection of a TAXII server, below the root of its API; `secret` is sealed.

    `added_after` is how far it was read to the end, and `next` where the poll goes on that was cut short.
    """

    url: str
    collection: str
    sign_in: SignIn = SignIn.NONE
    user: str = ""
    secret: str = ""
    certificates: str = ""
    every: timedelta = timedelta(hours=1)
    enabled: bool = True
    added_after: str = ""
    next: str = ""
    polled: datetime | None = None
    failed: str = ""

    def purpose(self, workspace: str, name: str) -> str:
        """What the secret is sealed for: nobody who can write to the database sends it elsewhere."""
        return f"feed {workspace}/{name.lower()} of {self.url} as {self.user}"


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects, and the feed as it is to be kept with them."""

    objects: tuple[Any, ...]
    feed: Feed


def feed(
    url: str, collection: str, *, user: str = "", token: bool = False, certificates: str = "", minutes: int = 60
) -> Feed:
    """A feed as a person describes it; `Invalid` for one that can't be."""
    place = address(url, "the feed's URL")
    if not collection.strip() or any(c in collection for c in "/?#%\\ "):
        raise Invalid(f"`{collection[:60]}` is no id of a collection")
    if user and token:
        raise Invalid("a feed is signed in to by a user or by a token, not both")
    sign_in = SignIn.BASIC if user else SignIn.TOKEN if token else SignIn.NONE
    every = timedelta(minutes=minutes)
    return Feed(place.url, collection.strip(), sign_in, user, certificates=certificates, every=every)


def pages(
    feed: Feed,
    secret: str,
    wait: Callable[[float, Any], bool] | None = None,
    types: str = "indicator",
    ids: str = "",
) -> Iterator[Page]:
    """The pages that a feed has since it was last read, of objects of those types, which commas part; with `ids` only
    these. A page is read when the one before has been kept.

    `Refused` where the server doesn't let us, `NotFound` where there is no such collection, `Unavailable`.
    """
    transport = Transport(feed.url, feed.certificates, 1, wait, LARGEST)
    url = f"{feed.url}/collections/{quote(feed.collection, safe='')}/objects/"
    headers = {"Accept": MEDIA, **authorization(feed, secret)}
    known, newest = feed, ""
    for number in range(MOST_PAGES):
        query = {"limit": str(PAGE), "match[type]": types}
        if ids:
            query["match[id]"] = ids
        if known.added_after:
            query["added_after"] = known.added_after
        if known.next:
            query["next"] = known.next
        response = transport.send(Call("GET", url, headers, query=query, timeout=_TIMEOUT))
        if response.status in (400, 404) and known.next and number == 0:
            # Where we had stopped is forgotten there: from the last whole poll on, then.
            known = replace(known, next="")
            continue
        body = _body(response)
        objects = body.get("objects") or []
        if not isinstance(objects, list):
            raise Unavailable("the feed answers without a list of objects")
        newest = response.headers.get("x-taxii-date-added-last", "") or newest
        more, after = body.get("more") is True, body.get("next")
        if more and not (isinstance(after, str) and after):
            if not newest or newest == known.added_after:
                raise Unavailable("the feed has more, and doesn't say where")
            # A server that knows no `next` is asked by the times of what it has given.
            known = replace(known, added_after=newest, next="")
        elif more:
            if after == known.next:
                raise Unavailable("the feed gives the same page again and again")
            known = replace(known, next=str(after))
        else:
            known = replace(known, added_after=newest or known.added_after, next="")
        yield Page(tuple(objects), known)
        if not more:
            return


def _body(response: Response) -> Mapping[str, Any]:
    told = message_of(response)
    said = f"the feed answers {response.status}" + (f": {told}" if told else "")
    match response.status:
        case 200 | 206:
            body = response.json() if response.content else {}
            if not isinstance(body, dict):
                raise Unavailable("the feed answers with what is no envelope of TAXII")
            return body
        case 401 | 403:
            raise Refused(said)
        case 404:
            raise NotFound(said)
    raise Unavailable(said)


def authorization(feed: Feed, secret: str) -> dict[str, str]:
    """The header by which a feed is signed in to; none where nobody signs in."""
    match feed.sign_in:
        case SignIn.NONE:
            return {}
        case SignIn.BASIC:
            return {"Authorization": "Basic " + base64.b64encode(f"{feed.user}:{secret}".encode()).decode()}
        case SignIn.TOKEN:
            return {"Authorization": f"Bearer {secret}"}


def reason_of(error: DomainError) -> str:
    """What is kept of why a poll failed."""
    return str(error)[:500]

"""Notifications of browsers: the centre's key, beginning and ending them, and a service worker's word that one came.

Who is logged in takes them for all homes whose contact they are, until they end them or their account is closed or set
anew. Who came by the link of a message takes them, with its token, as that home's contact and for its later alarms too:
they stand in the home's file, where the office ends them, and end with the contact or the consent to alarms.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from central.access_rules import Action, Resource, Role
from central.audit import origin_of
from central.audit_chain import AuditEntry
from central.console.access import Seat, browser_of
from central.console.problem import Problem
from central.console.rights import allowed, open_door, trail
from central.notification.channels.webpush import Subscription, SubscriptionKeys
from central.push_desk import PushDesk
from central.reach_watch import ReachWatch
from central.storage import push
from central.storage.carer_links import BY_LINK, TOKEN_LENGTH_MAX, LinkedCase
from central.texts import later

router = APIRouter(tags=["push"])
OwnReader = Annotated[Seat, Depends(allowed("me", "read"))]
Own = Annotated[Seat, Depends(allowed("me", "write"))]
ContactWriter = Annotated[Seat, Depends(allowed("contacts", "write"))]
Public = [Depends(open_door)]
Token = Annotated[str, Field(min_length=1, max_length=TOKEN_LENGTH_MAX)]
Endpoint = Annotated[str, Field(min_length=1, max_length=1_000)]
_IDS: Final = re.compile(r"[0-9a-f]{64}")


class KeysBody(BaseModel):
    """The browser's keys, base64url."""

    p256dh: Annotated[str, Field(max_length=100)]
    auth: Annotated[str, Field(max_length=40)]


class SubscriptionBody(BaseModel):
    """`PushSubscription.toJSON()` of a browser."""

    endpoint: Endpoint
    keys: KeysBody


class LinkedSubscriptionBody(SubscriptionBody):
    """The same, and the token of the link by which the carer came."""

    token: Token


class EndpointBody(BaseModel):
    """Which browser."""

    endpoint: Endpoint


class LinkedEndpointBody(EndpointBody):
    """Which browser, and the token of the link by which the carer came."""

    token: Token


class ReceivedBody(BaseModel):
    """The token at the end of a notification's url."""

    token: Token


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`applicationServerKey` of `PushManager.subscribe`, base64url; "" when this centre sends no notifications."""

    key: str


@dataclass(frozen=True, slots=True)
class OwnBrowser:
    """A browser of one's own account that takes notifications, and since when."""

    id: str
    browser: str
    made_at: float


@router.get("/api/push/key", dependencies=Public)
def key(request: Request) -> PublicKey:
    """The centre's public key."""
    desk: PushDesk | None = request.app.state.parts.push
    return PublicKey(desk.public_key if desk else "")


@router.post("/api/push/subscriptions", status_code=204)
def subscribe(request: Request, seat: Own, body: SubscriptionBody) -> Response:
    """Takes notifications on this browser for one's own account."""
    if _desk(request).subscribe(_subscription(body), request.app.state.clock(), seat.operator.id, _browser(request)):
        raise _bad_subscription()
    return Response(status_code=204)


@router.post("/api/push/subscriptions/end", status_code=204)
def unsubscribe(request: Request, seat: Own, body: EndpointBody) -> Response:
    """Ends them. One that is not there has ended already."""
    _desk(request).unsubscribe(body.endpoint, seat.operator.id)
    return Response(status_code=204)


@router.get("/api/push/subscriptions")
def read_own(request: Request, seat: OwnReader) -> list[OwnBrowser]:
    """The browsers on which one's own account takes notifications."""
    with request.app.state.parts.database.read() as conn:
        return [OwnBrowser(one.id, one.browser, one.made_at) for one in push.of_account(conn, seat.operator.id)]


@router.delete("/api/push/subscriptions/{subscription_id}", status_code=204)
def end_own(request: Request, seat: Own, subscription_id: str) -> Response:
    """Ends them on one of these, such as a telephone that is lost."""
    with request.app.state.parts.database.begin() as conn:
        ended = push.end_of_account(conn, seat.operator.id, _id(subscription_id))
    if not ended:
        raise _no_such_browser()
    _look(request, seat.who.homes)
    return Response(status_code=204)


@router.delete("/api/homes/{home_id}/contacts/{contact_id}/notifications/{subscription_id}", status_code=204)
def end_of_contact(
    request: Request, seat: ContactWriter, home_id: str, contact_id: str, subscription_id: str
) -> Response:
    """Ends what a contact began by the link of a message; what belongs to an account is ended by its owner."""
    now: float = request.app.state.clock()
    with request.app.state.parts.database.begin() as conn:
        ended = push.end_of_contact(conn, contact_id, now, seat.operator.id, _id(subscription_id))
    if not ended:
        raise _no_such_browser()
    _look(request, {home_id})
    return Response(status_code=204)


@router.post("/push/subscriptions", status_code=204, dependencies=Public)
def subscribe_by_link(request: Request, body: LinkedSubscriptionBody) -> Response:
    """Takes notifications on this browser for the contact whose link it is."""
    now: float = request.app.state.clock()
    found = _desk(request).subscribe_by_link(_subscription(body), now, body.token, _browser(request))
    if found == "no_such_link":
        raise _no_such_link()
    if isinstance(found, str):
        raise _bad_subscription()
    _write_down(request, found, "notifications begun")
    return Response(status_code=204)


@router.post("/push/subscriptions/end", status_code=204, dependencies=Public)
def unsubscribe_by_link(request: Request, body: LinkedEndpointBody) -> Response:
    """Ends them. One that is not there has ended already."""
    found = _desk(request).unsubscribe_by_link(body.endpoint, request.app.state.clock(), body.token)
    if found is not None:
        _write_down(request, found, "notifications ended")
        _look(request, {found.home_id})
    return Response(status_code=204)


@router.post("/push/received", status_code=204, dependencies=Public)
def received(request: Request, body: ReceivedBody) -> Response:
    """A service worker has shown the notification with that link: the operator sees that it came."""
    if not _desk(request).received(body.token, request.app.state.clock()):
        raise _no_such_link()
    return Response(status_code=204)


def _subscription(body: SubscriptionBody) -> Subscription:
    return Subscription(body.endpoint, SubscriptionKeys(body.keys.p256dh, body.keys.auth))


def _id(given: str) -> str:
    """As it is in a path; one that no browser has names none, and not all of them."""
    return given if _IDS.fullmatch(given) else "-"


def _look(request: Request, homes: Collection[str]) -> None:
    """Homes for which nobody can be reached any more are said to be so at once."""
    state = request.app.state
    for home_id in sorted(homes):
        ReachWatch(state.parts.desk).look(home_id, state.clock())


def _browser(request: Request) -> str:
    return browser_of(request.headers.get("user-agent", "")[:400])


def _write_down(request: Request, linked: LinkedCase, what: str) -> None:
    """A way to reach somebody is part of the home's file."""
    trail(request).append(
        AuditEntry(
            at=request.app.state.clock(),
            account_id=f"{BY_LINK}{linked.contact_id}"[:32],
            role=Role.CARER.value,
            resource=Resource.CONTACTS.value,
            action=Action.WRITE.value,
            outcome="allowed",
            home_id=linked.home_id,
            case_id=linked.case_id,
            what=f"contact {linked.contact_id} by link: {what}",
            origin=origin_of(request.client.host if request.client else ""),
        )
    )


def _desk(request: Request) -> PushDesk:
    desk: PushDesk | None = request.app.state.parts.push
    if desk is None:
        raise Problem(404, "not_set_up", later("This centre sends no notifications to browsers."))
    return desk


def _no_such_link() -> Problem:
    return Problem(404, "no_such_link", later("This link is not valid any more."))


def _no_such_browser() -> Problem:
    return Problem(404, "no_such_browser", later("Notifications have ended there already."))


def _bad_subscription() -> Problem:
    text = later("This browser's notifications come from a service that is not used here.")
    return Problem(422, "bad_subscription", text)
